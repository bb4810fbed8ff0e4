/* Ranking examples by score: AUROC with exact ties, average precision, the ROC curve. Weights are how often
 * an example counts (a bootstrap resample); NULL: each once. Names and definitions are scikit-learn's. */
#ifndef HM_ROC_H
#define HM_ROC_H

#include "base/mem.h"

/* n examples in falling order of their score; equal scores form a group. All zero is an empty one. */
struct hm_ranking {
	size_t n;
	uint32_t *order;      /* [n] positions of the examples */
	bool *last;	      /* [n] whether order[k] ends its group */
	const int32_t *label; /* [n] by position: 1 positive, all else negative; borrowed */
};
/* score[i] belongs to label[i] and is no NaN. n < 2^31. 0 or HM_EDATA. Caller frees with hm_ranking_clear. */
int hm_ranking_init(struct hm_ranking *r, size_t n, const double *score, const int32_t *label,
		    struct hm_err *e);
void hm_ranking_clear(struct hm_ranking *r);

/* P(score of a positive > of a negative) + P(equal)/2; NaN without both kinds. */
double hm_auroc(const struct hm_ranking *r, const uint32_t *weight);
/* Sum over the groups of (recall gained) * precision; 0 without positives. */
double hm_average_precision(const struct hm_ranking *r, const uint32_t *weight);

/* The curve: one point a group, after (0,0). At most n + 1 points into fpr[], tpr[]; how many. NaN
 * coordinates without negatives (positives). */
size_t hm_roc_curve(const struct hm_ranking *r, double *fpr, double *tpr);

/* The least and the greatest AUROC when further examples without a score are counted in: `positives` and
 * `negatives` of known label, `unknown` of any. NaN where both kinds can be lacking. */
void hm_auroc_bounds(const struct hm_ranking *r, size_t positives, size_t negatives, size_t unknown,
		     double *worst, double *best);

#endif
