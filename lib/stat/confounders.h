/* Pairs of records that differ in one modality alone (confounders): how often a system gets both right. A
 * system that sees only the other modality answers both alike and gets none of those with different labels.
 */
#ifndef HM_CONFOUNDERS_H
#define HM_CONFOUNDERS_H

#include "stat/interval.h"
#include "stat/predictions.h"

struct hm_confounder {
	const char *a, *b; /* ids */
	int kind;	   /* of `kinds` */
};
/* The list of pairs; all zero but name is an empty one. */
struct hm_confounders {
	const char *name; /* of the file, borrowed */
	size_t n;
	struct hm_buf item; /* struct hm_confounder[n] */
	struct hm_kinds kinds;
	struct hm_strmap seen;
	struct hm_arena text;
};
/* Adds a pair; the texts are copied. HM_EDATA: a record with itself, a pair that stands there twice, too many
 * kinds.
 */
int hm_confounders_add(struct hm_confounders *c, const char *a, const char *b, const char *kind,
		       struct hm_err *e);
void hm_confounders_clear(struct hm_confounders *c);

struct hm_both_right {
	const char *kind; /* borrowed from the list; NULL: all kinds */
	size_t n, right;
	double share;	       /* right/n; NaN without pairs */
	struct hm_interval ci; /* Wilson */
};
struct hm_pairscore {
	size_t absent;	 /* pairs with an id that is not in the input */
	size_t unscored; /* pairs with a record that has no answer or no label */
	double random;	 /* 1/C^2: both right by guessing */
	struct hm_both_right all;
	int n;
	struct hm_both_right kind[HM_KINDS_MAX];
};
/* Of the predictions p, m made from them alone, s from m. 0 or HM_EDATA (memory). */
int hm_pairscore_compute(struct hm_pairscore *out, const struct hm_confounders *c,
			 const struct hm_predictions *p, const struct hm_matched *m,
			 const struct hm_sample *s, struct hm_err *e);

#endif
