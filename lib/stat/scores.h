/* All numbers that a report gives for one system, and the tests between several. lib/report makes text and
 * JSON of them. */
#ifndef HM_SCORES_H
#define HM_SCORES_H

#include "stat/calibration.h"
#include "stat/classes.h"
#include "stat/confounders.h"
#include "stat/groups.h"
#include "stat/paired.h"
#include "stat/threshold.h"

/* How to score. */
struct hm_scoring {
	double threshold;
	struct hm_resampling bootstrap;
	size_t expected; /* records with a label that should be there: answered, failed and missing ones */
};

/* What is undefined is NaN. */
struct hm_scores {
	const char *name;			/* the system's, borrowed */
	size_t n, expected, failed, unlabelled; /* n < expected: records are missing */
	int classes;
	const char *const *names; /* [classes] their words, borrowed; NULL: they have none */
	double threshold;
	double value[HM_METRICS];
	struct hm_interval ci[HM_METRICS]; /* Wilson for accuracy, DeLong for AUROC, bootstrap for the rest */
	struct hm_interval exact;	   /* Clopper-Pearson, of accuracy */
	double majority, random;	   /* share of the most frequent label; 1/C */
	struct hm_interval random_ci;	   /* a guesser's accuracy is in there 19 times of 20 */
	size_t label[2], confusion[2][2];  /* two classes: records of each; [label][predicted] */
	/* With n < expected: what is possible with the missing records. Else NaN. */
	double accuracy_worst, accuracy_best, auroc_worst, auroc_best;
	/* Set by the caller, borrowed; NULL: the report has no such part. */
	const struct hm_classes *each; /* more than two classes */
	const struct hm_threshold *fitted;
	const struct hm_bin *bin; /* [HM_BINS], only for JSON */
	const struct hm_groups *by;
	const struct hm_pairscore *pairs;
	const char *ablate[2]; /* image, text: "zero" or "shuffle" */
	int64_t ablate_seed;   /* of the shuffle; -1: nothing was shuffled */
	bool echo;	       /* every label is the system's answer: hm_predictions_echo */
};
/* The scores of one system of `m`, whose sample is `s`. 0 or HM_EDATA (memory). */
int hm_scores_compute(struct hm_scores *out, const struct hm_matched *m, const struct hm_sample *s,
		      const struct hm_scoring *how, struct hm_err *e);

/* The most systems in one comparison. */
#define HM_COMPARE_MAX 26

/* The systems a < b of several. */
struct hm_pair {
	int a, b;
	struct hm_paired test;
	double mcnemar_holm, delong_holm; /* corrected for the number of pairs */
};
/* pair[k(k-1)/2]: all pairs of samples[k], which are made from one hm_matched and have n > 0. 0 or HM_EDATA
 * (memory). */
int hm_pairs_compute(const struct hm_sample *samples, int k, struct hm_pair *pair, struct hm_err *e);

#endif
