/* Everything that a report says about one system, and how two and more of them differ: numbers only. report.h
 * turns them into text and JSON. */
#ifndef HM_SCORES_H
#define HM_SCORES_H

#include "stat/calibration.h"
#include "stat/confounders.h"
#include "stat/groups.h"
#include "stat/paired.h"
#include "stat/threshold.h"

/* How to score. */
struct hm_scoring {
	double threshold;
	size_t resamples; /* of the bootstrap */
	uint64_t seed;
	size_t expected; /* records with a label that should be there: answered, failed and missing ones */
	struct hm_workers *workers; /* may be NULL */
};

/* What is undefined is NaN. */
struct hm_scores {
	const char *name;			/* of the system, borrowed */
	size_t n, expected, failed, unlabelled; /* n != expected: records are missing */
	int classes;
	double threshold;
	double value[HM_METRICS];
	struct hm_interval ci[HM_METRICS]; /* Wilson for accuracy, DeLong for AUROC, bootstrap for the rest */
	struct hm_interval exact;	   /* Clopper-Pearson, of accuracy */
	double majority, random;	   /* share of the commonest label; 1/C */
	struct hm_interval random_ci;	   /* where a random guesser's accuracy falls, 19 times of 20 */
	size_t label[2], confusion[2][2];  /* two classes: records of each; [label][predicted] */
	/* With n < expected: what the missing ones could make of it, else NaN. */
	double accuracy_worst, accuracy_best, auroc_worst, auroc_best;
	/* What else is to be said, set by the caller, borrowed; NULL: nothing. */
	const struct hm_threshold *fitted;
	const struct hm_bin *bin; /* [HM_BINS], for JSON alone */
	const struct hm_groups *by;
	const struct hm_pairscore *pairs;
	const char *ablate[2]; /* image, text: "zero" or "shuffle" */
	int64_t ablate_seed;   /* of the shuffling, -1: there is none */
	bool echo;	       /* every label is the system's answer: hm_predictions_echo */
};
/* Of system number k of m, `s` made from it. 0 or HM_EDATA (memory). */
int hm_scores_compute(struct hm_scores *out, const struct hm_matched *m, const struct hm_sample *s,
		      const struct hm_scoring *how, struct hm_err *e);

/* How many systems are compared at most. */
#define HM_COMPARE_MAX 26

/* Pair i < j of several systems. */
struct hm_pair {
	int a, b;
	struct hm_paired test;
	double mcnemar_holm, delong_holm; /* corrected for the number of pairs */
};
/* All pairs of samples[0..k) into pair[k(k-1)/2]; samples of one hm_matched, n > 0. 0 or HM_EDATA (memory).
 */
int hm_pairs_compute(const struct hm_sample *samples, int k, struct hm_pair *pair, struct hm_err *e);

#endif
