/* The metrics: see metrics.h for the definitions. */
#include "stat/metrics.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

const char *hm_metric_key(enum hm_metric m)
{
	static const char *const key[HM_METRICS] = {"accuracy", "auroc",     "average_precision",
						    "f1",	"precision", "recall",
						    "log_loss", "brier",     "ece"};
	return key[m];
}

int hm_prob_bin(double p)
{
	int b = (int)(HM_BINS * p);
	return b < HM_BINS ? b : HM_BINS - 1;
}

int hm_prob_check(const double *p, int classes, int32_t label, struct hm_err *e)
{
	double sum = 0;
	for (int c = classes; p && c-- > 0;) { /* class 1 first: of two classes, it is what a CSV holds */
		if (isnan(p[c]))
			return hm_err_set(e, HM_EDATA, "the probability of class %d is NaN", c);
		if (p[c] < 0 || p[c] > 1)
			return hm_err_set(e, HM_EDATA, "the probability of class %d is %.9g, not in [0, 1]",
					  c, p[c]);
		sum += p[c];
	}
	if (p && fabs(sum - 1) > fmin(HM_PROB_ROUNDED * classes, .5))
		return hm_err_set(e, HM_EDATA, "the probabilities of the %d classes add up to %.4g, not to 1",
				  classes, sum);
	if (label < -1 || label >= classes)
		return hm_err_set(e, HM_EDATA, "label %d is outside the %d classes, 0 to %d", (int)label,
				  classes, classes - 1);
	return 0;
}

int32_t hm_prob_class(const double *p, int classes, double threshold)
{
	int32_t best = 0;
	if (classes == 2)
		return p[1] > threshold;
	for (int c = 1; c < classes; c++)
		if (p[c] > p[best])
			best = c;
	return best;
}

/* With two classes p[0] is taken to be 1 - p[1], whatever rounding made of it. */
static double log_loss(const double *p, int classes, int32_t label)
{
	double own = classes > 2 ? p[label] : label ? p[1] : 1 - p[1];
	return -log(fmin(fmax(own, DBL_EPSILON), 1 - DBL_EPSILON));
}

int hm_sample_init(struct hm_sample *s, size_t n, int classes, const double *prob, const int32_t *label,
		   double threshold, struct hm_err *e)
{
	*s = (struct hm_sample){.n = n, .classes = classes, .threshold = threshold, .label = label};
	if ((s->answer = hm_alloc(n, sizeof *s->answer, e)) && (s->score = hm_alloc(n, sizeof *s->score, e)))
		s->loss = hm_alloc(n, sizeof *s->loss, e);
	if (!s->loss)
		goto fail;
	for (size_t i = 0; i < n; i++) {
		const double *p = prob + i * (size_t)classes;
		s->answer[i] = hm_prob_class(p, classes, threshold);
		s->score[i] = p[1];
		s->loss[i] = log_loss(p, classes, label[i]);
	}
	if (classes > 2 || !hm_ranking_init(&s->rank, n, s->score, label, 1, e))
		return 0;
fail:
	hm_sample_clear(s);
	return HM_EDATA;
}

void hm_sample_clear(struct hm_sample *s)
{
	free(s->answer);
	free(s->score);
	free(s->loss);
	hm_ranking_clear(&s->rank);
	*s = (struct hm_sample){0};
}

/* Sums over the examples. */
struct sums {
	double n, correct, loss, brier, tp, predicted, positive;
	double bin_p[HM_BINS], bin_y[HM_BINS];
};

static void add_example(struct sums *t, const struct hm_sample *s, size_t i, double w)
{
	double p = s->score[i], y = s->label[i] == 1;
	t->n += w;
	t->correct += w * (s->answer[i] == s->label[i]);
	t->loss += w * s->loss[i];
	if (s->classes > 2)
		return;
	t->brier += w * (p - y) * (p - y);
	t->tp += w * (s->answer[i] == 1 && y == 1);
	t->predicted += w * (s->answer[i] == 1);
	t->positive += w * y;
	int b = hm_prob_bin(p);
	t->bin_p[b] += w * p;
	t->bin_y[b] += w * y;
}

static double divide_or_zero(double a, double b)
{
	return b ? a / b : 0;
}

void hm_metrics_compute(const struct hm_sample *s, const uint32_t *weight, double value[HM_METRICS])
{
	struct sums t = {0};
	for (size_t i = 0; i < s->n; i++)
		if (!weight || weight[i])
			add_example(&t, s, i, weight ? weight[i] : 1);
	for (int m = 0; m < HM_METRICS; m++)
		value[m] = NAN;
	if (!t.n)
		return;
	value[HM_ACCURACY] = t.correct / t.n;
	value[HM_LOG_LOSS] = t.loss / t.n;
	if (s->classes > 2)
		return;
	hm_ranking_compute(&s->rank, weight, &value[HM_AUROC], &value[HM_AVERAGE_PRECISION]);
	value[HM_F1] = divide_or_zero(2 * t.tp, t.predicted + t.positive);
	value[HM_PRECISION] = divide_or_zero(t.tp, t.predicted);
	value[HM_RECALL] = divide_or_zero(t.tp, t.positive);
	value[HM_BRIER] = t.brier / t.n;
	value[HM_ECE] = 0;
	for (int b = 0; b < HM_BINS; b++)
		value[HM_ECE] += fabs(t.bin_p[b] - t.bin_y[b]) / t.n;
}

size_t hm_sample_count(const struct hm_sample *s, int truth, int answer)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += (truth < 0 || s->label[i] == truth) && (answer < 0 || s->answer[i] == answer);
	return n;
}

size_t hm_sample_correct(const struct hm_sample *s)
{
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		n += s->answer[i] == s->label[i];
	return n;
}

size_t hm_sample_majority(const struct hm_sample *s)
{
	size_t most = 0;
	for (int c = 0; c < s->classes; c++) {
		size_t n = hm_sample_count(s, c, -1);
		most = n > most ? n : most;
	}
	return most;
}
