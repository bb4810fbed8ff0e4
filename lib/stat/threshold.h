/* The threshold of best accuracy on some predictions, to be used on others. */
#ifndef HM_THRESHOLD_H
#define HM_THRESHOLD_H

#include "stat/predictions.h"

struct hm_threshold {
	double at;
	const char
		*from;	 /* what it was fitted on: the predictions' name, borrowed; NULL: given by the user */
	size_t n, right; /* labelled and answered there, and of them right at that threshold */
	size_t failed;	 /* there, without an answer */
	size_t shared;	 /* of the records scored, how many it was fitted on: the caller's to say */
};
/* Fits one. Candidates are the midpoints between neighbouring different probabilities of class 1, and those
 * between the least and 0, unless it is 0, and between the greatest and 1; where no number lies between two
 * neighbours, the lower of them (class 1 is predicted above the threshold). Of equally good ones it is the
 * nearest to .5, of equally near ones the lower. HM_EDATA: more than two classes, nothing labelled. */
int hm_threshold_fit(struct hm_threshold *t, const struct hm_predictions *p, struct hm_err *e);

#endif
