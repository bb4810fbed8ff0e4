/* Confounders: pairs of records that differ in one modality only. How often does a system get both right? A
 * system that looks only at the other modality gives both the same answer, so it fails every pair with
 * different labels. */
#ifndef HM_CONFOUNDERS_H
#define HM_CONFOUNDERS_H

#include "stat/interval.h"
#include "stat/predictions.h"

struct hm_confounder {
	const char *a, *b; /* ids */
	int kind;	   /* index into `kinds` */
};
/* A list of pairs. All zero except `name` is an empty list. */
struct hm_confounders {
	const char *name; /* the file's, borrowed */
	size_t n;
	struct hm_buf item; /* struct hm_confounder[n] */
	struct hm_kinds kinds;
	struct hm_strmap seen;
	struct hm_arena text;
};
/* Adds a pair; the texts are copied. HM_EDATA: both ids are equal, the list has the pair already, too many
 * kinds. */
int hm_confounders_add(struct hm_confounders *c, const char *a, const char *b, const char *kind,
		       struct hm_err *e);
void hm_confounders_clear(struct hm_confounders *c);

struct hm_both_right {
	const char *kind; /* borrowed from the list; NULL: pairs of all kinds */
	size_t n, right;
	double share;	       /* right/n; NaN without pairs */
	struct hm_interval ci; /* Wilson */
};
struct hm_pairscore {
	size_t absent;	 /* pairs with an id that is not in the input */
	size_t unscored; /* pairs with a record that has no answer or no label */
	double random;	 /* 1/C^2: a guesser's chance to get both right */
	struct hm_both_right all;
	int n;
	struct hm_both_right kind[HM_KINDS_MAX];
};
/* `m` is made from the predictions `p` alone, `s` from `m`. 0 or HM_EDATA (memory). */
int hm_pairscore_compute(struct hm_pairscore *out, const struct hm_confounders *c,
			 const struct hm_predictions *p, const struct hm_matched *m,
			 const struct hm_sample *s, struct hm_err *e);

#endif
