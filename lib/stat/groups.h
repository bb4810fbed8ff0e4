/* Scores per value of a column: on which kinds of records is a system good? */
#ifndef HM_GROUPS_H
#define HM_GROUPS_H

#include "stat/classes.h"
#include "stat/predictions.h"

struct hm_group {
	const char *value; /* borrowed from the predictions */
	size_t n, failed, unlabelled;
	double accuracy, auroc, majority; /* NaN: undefined */
	double macro_f1;		  /* with more than two classes */
	struct hm_interval accuracy_ci, auroc_ci;
};
struct hm_groups {
	const char *column; /* borrowed */
	int classes;
	int n;
	struct hm_group item[HM_KINDS_MAX]; /* in hm_kinds_order */
};
/* `p` is grouped by hm_predictions_group, `m` is made from `p` alone. 0 or HM_EDATA (memory). */
int hm_groups_compute(struct hm_groups *g, const char *column, const struct hm_predictions *p,
		      const struct hm_matched *m, double threshold, struct hm_err *e);

#endif
