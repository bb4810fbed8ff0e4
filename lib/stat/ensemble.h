/* Several systems as one: their probabilities averaged, or their ranks. */
#ifndef HM_ENSEMBLE_H
#define HM_ENSEMBLE_H

#include "stat/predictions.h"

enum hm_average {
	HM_AVERAGE_MEAN, /* the mean of each class's probability */
	HM_AVERAGE_RANK, /* the mean over the systems of (rank - 1/2)/n: the rank from 1 of the record's
			  * probability of class 1 among the n records with an answer from every system, equal
			  * ones at the mean of their ranks. Orders records and nothing else. */
};

/* Turns the first of k >= 2 systems into the average of all: it keeps its ids, texts, places and groups,
 * learns labels that others know, and where one system has no answer it has none. 0, or HM_EDATA: the ids,
 * the numbers of classes or known labels differ, which is named; ranks of more than two classes. */
int hm_predictions_average(struct hm_predictions *system, int k, enum hm_average how, struct hm_err *e);

#endif
