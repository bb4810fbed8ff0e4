/* The metrics of a model's probabilities: accuracy, AUROC, average precision, F1, precision, recall, log
 * loss, Brier score and ECE, as scikit-learn defines them. Class 1 is the positive one. With more than two
 * classes only accuracy and log loss are computed. */
#ifndef HM_METRICS_H
#define HM_METRICS_H

#include "stat/roc.h"

enum hm_metric {
	HM_ACCURACY,
	HM_AUROC,
	HM_AVERAGE_PRECISION,
	HM_F1, /* 2 tp / (2 tp + fp + fn); F1, precision and recall are 0 where the divisor is 0 */
	HM_PRECISION,
	HM_RECALL,
	HM_LOG_LOSS, /* mean of -log p[label], p clipped to [2^-52, 1 - 2^-52] */
	HM_BRIER,    /* mean of (p - y)^2 */
	HM_ECE,	     /* over HM_BINS equal bins of p: sum of n_b/n * |mean p - mean y| */
	HM_METRICS
};
#define HM_BINS 15
/* The bin of a probability: [0, 1/15) is 0, [14/15, 1] is 14. */
int hm_prob_bin(double p);
/* The metric's key in JSON: "average_precision". Static storage. */
const char *hm_metric_key(enum hm_metric m);

/* How far each of a record's probabilities may be from what makes their sum 1: twice what rounding to two
 * digits does. */
#define HM_PROB_ROUNDED .01
/* Checks p[classes], classes >= 2, and a label. HM_EDATA with a sentence: a probability is NaN, below 0 or
 * above 1; they do not add up to 1 within HM_PROB_ROUNDED * classes; the label is not a class. p may be NULL:
 * the record has no answer. A label of -1 (unknown) is fine. */
int hm_prob_check(const double *p, int classes, int32_t label, struct hm_err *e);
/* The answer. Two classes: 1 if p[1] > threshold, else 0. More: the most probable class, the lowest one of a
 * tie. */
int32_t hm_prob_class(const double *p, int classes, double threshold);

/* n examples with what is computed once, so that a resample of the bootstrap needs no sorting and no
 * logarithm. */
struct hm_sample {
	size_t n;
	int classes;
	double threshold;
	const int32_t *label;	/* [n], borrowed */
	int32_t *answer;	/* [n] predicted class */
	double *score;		/* [n] p of class 1 */
	double *loss;		/* [n] -log p[label], clipped */
	struct hm_ranking rank; /* by score; empty with more than two classes */
};
/* prob[n, classes] and label[n] have passed hm_prob_check, and every label is known. `label` must outlive the
 * sample. 0 or HM_EDATA. Caller frees with hm_sample_clear. */
int hm_sample_init(struct hm_sample *s, size_t n, int classes, const double *prob, const int32_t *label,
		   double threshold, struct hm_err *e);
void hm_sample_clear(struct hm_sample *s);

/* Computes all metrics. What is undefined is NaN: everything when n = 0, AUROC with one class only, most
 * metrics with more than two classes. weight[n]: how often each example counts; NULL: once. */
void hm_metrics_compute(const struct hm_sample *s, const uint32_t *weight, double value[HM_METRICS]);

/* Examples whose label is `truth` and whose predicted class is `answer`; -1: any. */
size_t hm_sample_count(const struct hm_sample *s, int truth, int answer);
/* Examples with the right answer. */
size_t hm_sample_correct(const struct hm_sample *s);
/* Examples of the most frequent label. */
size_t hm_sample_majority(const struct hm_sample *s);

#endif
