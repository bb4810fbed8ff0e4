/* Examples ranked by score: AUROC with exact ties, average precision, the ROC curve. A weight is how often an
 * example counts (in a resample of the bootstrap); NULL: each counts once. Names and definitions are
 * scikit-learn's. */
#ifndef HM_ROC_H
#define HM_ROC_H

#include "base/mem.h"

/* n examples in falling order of their scores; equal scores form a group. All zero is an empty ranking. */
struct hm_ranking {
	size_t n;
	uint32_t *order;      /* [n] positions of the examples */
	bool *last;	      /* [n] whether order[k] ends its group */
	bool *is_positive;    /* [n] whether order[k] has the label `positive` */
	const int32_t *label; /* [n] by position; borrowed */
	int32_t positive;     /* any other label is negative */
};
/* score[i] belongs to label[i] and is not NaN. n < 2^31. 0 or HM_EDATA. Caller frees with hm_ranking_clear.
 */
int hm_ranking_init(struct hm_ranking *r, size_t n, const double *score, const int32_t *label,
		    int32_t positive, struct hm_err *e);
void hm_ranking_clear(struct hm_ranking *r);

/* P(score of a positive > of a negative) + P(equal)/2; NaN with one class only. */
double hm_auroc(const struct hm_ranking *r, const uint32_t *weight);
/* The same, and the sum over the groups of (recall gained) * precision, 0 without positives. */
void hm_ranking_compute(const struct hm_ranking *r, const uint32_t *weight, double *auroc,
			double *average_precision);

/* The curve: (0,0), then one point per group. Writes at most n + 1 points to fpr[] and tpr[] and returns how
 * many. fpr is NaN without negatives, tpr without positives. */
size_t hm_roc_curve(const struct hm_ranking *r, double *fpr, double *tpr);

/* The least and the greatest AUROC that are possible with further examples whose scores are missing:
 * `positives` and `negatives` with a known label, `unknown` with any. NaN where one class may stay empty. */
void hm_auroc_bounds(const struct hm_ranking *r, size_t positives, size_t negatives, size_t unknown,
		     double *worst, double *best);

#endif
