/* A threshold that is fitted on some predictions for best accuracy and used on others. */
#ifndef HM_THRESHOLD_H
#define HM_THRESHOLD_H

#include "stat/predictions.h"

struct hm_threshold {
	double at;
	const char
		*from;	 /* name of the predictions that it was fitted on, borrowed; NULL: the user gave it */
	size_t n, right; /* records there with a label and an answer; those of them that are right at the
			    threshold */
	size_t failed;	 /* records there without an answer */
	size_t shared;	 /* records there that are also among those scored; set by the caller */
};
/* Fits a threshold. The candidates are the midpoints between neighbours among the different probabilities of
 * class 1, 0 and 1; where no number lies between two neighbours, the lower of them (class 1 is answered above
 * the threshold). Of equally good candidates it takes the nearest to .5, of equally near ones the lower.
 * HM_EDATA: more than two classes, or no record with a label. */
int hm_threshold_fit(struct hm_threshold *t, const struct hm_predictions *p, struct hm_err *e);

#endif
