/* Results that others published: of a row of the table, or of the literature. What is known of them is a
 * number, and perhaps how many examples it is of. So intervals of AUROCs are Hanley and McNeil's, and a
 * difference is taken as one of independent samples. Results on the same examples are correlated, which makes
 * that interval too wide: it errs to the side of "no larger than noise".
 */
#ifndef HM_PUBLISHED_H
#define HM_PUBLISHED_H

#include "stat/interval.h"

#include <cjson/cJSON.h>

enum { HM_PUBLISHED_ACCURACY, HM_PUBLISHED_AUROC, HM_PUBLISHED_LOSS, HM_PUBLISHED_SECONDS, HM_PUBLISHED };

/* Of each: its heading on a page, digits after the point. */
extern const struct hm_published_column {
	const char *heading;
	int digits;
} hm_published_columns[HM_PUBLISHED];

struct hm_published {
	double value[HM_PUBLISHED];  /* NaN: unknown */
	double variance;	     /* of the AUROC; NaN without the numbers of examples and positives */
	struct hm_interval auroc_ci; /* 95 %, Wald with that variance, clipped to [0,1] */
};
/* Reads the members of `o`, which may be NULL. 0, or HM_EDATA with a sentence about a score outside 0 to 1
 * or numbers of examples that cannot be. */
int hm_published_read(const cJSON *o, struct hm_published *p, struct hm_err *e);

/* An AUROC of the literature, on a set of examples. */
struct hm_result {
	const char *name, *set, *where; /* where it is published */
	struct hm_published published;
};

/* Two of them on the same set. */
struct hm_result_pair {
	const struct hm_result *a, *b;
	const char *note;
	double difference; /* a - b */
	struct hm_interval ci;
	double p, holm; /* z test; holm: corrected for all pairs */
};

struct hm_literature {
	int n_results, n_pairs, apart; /* apart: pairs whose corrected p is below .05 */
	struct hm_result *result;
	struct hm_result_pair *pair;
};

#endif
