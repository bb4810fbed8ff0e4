/* Scores for each value of a column: which kinds of records a system is good at. */
#ifndef HM_GROUPS_H
#define HM_GROUPS_H

#include "stat/interval.h"
#include "stat/predictions.h"

struct hm_group {
	const char *value; /* borrowed from the predictions */
	size_t n, failed, unlabelled;
	double accuracy, auroc, majority; /* NaN: undefined */
	struct hm_interval accuracy_ci, auroc_ci;
};
struct hm_groups {
	const char *column; /* borrowed */
	int n;
	struct hm_group item[HM_KINDS_MAX]; /* in hm_kinds_order */
};
/* Of the predictions p, grouped by hm_predictions_group, and m made from them alone, at that threshold. 0 or
 * HM_EDATA (memory). */
int hm_groups_compute(struct hm_groups *g, const char *column, const struct hm_predictions *p,
		      const struct hm_matched *m, double threshold, struct hm_err *e);

#endif
