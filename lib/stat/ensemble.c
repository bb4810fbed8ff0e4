/* Averages of predictions. See ensemble.h. */
#include "stat/ensemble.h"

#include <stdlib.h>
#include <string.h>

/* A record of one system, to be ranked. */
struct ranked {
	double prob;
	size_t item; /* of the first system */
};

static int by_prob(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;
	return (x->prob > y->prob) - (x->prob < y->prob);
}

/* Adds (rank - 1/2)/n of each of r[0..n) to sum[item]; r is sorted. */
static void add_ranks(struct ranked *r, size_t n, double *sum)
{
	if (n)
		qsort(r, n, sizeof *r, by_prob);
	for (size_t i = 0, end; i < n; i = end) {
		for (end = i + 1; end < n && r[end].prob == r[i].prob; end++)
			;
		for (size_t k = i; k < end; k++) /* ranks i+1 .. end, on average (i + 1 + end)/2 */
			sum[r[k].item] += (double)(i + end) / 2 / (double)n;
	}
}

/* What is known of the records of all systems: at [n,k], the position of each in each. */
static int match_records(struct hm_predictions *s, int k, size_t *at, struct hm_err *e)
{
	for (size_t i = 0; i < s->n; i++) {
		struct hm_prediction *p = &s->item[i];
		if (hm_predictions_find(s, k, i, at + i * (size_t)k, &p->label, &p->failed, e))
			return HM_EDATA;
	}
	return 0;
}

static void average_probs(struct hm_predictions *s, int k, const size_t *at, double *sum)
{
	size_t classes = (size_t)s->classes;
	for (size_t i = 0; i < s->n; i++)
		for (size_t c = 0; c < classes; c++) {
			for (int j = 0; j < k; j++)
				sum[i * classes + c] +=
					s[j].prob[at[i * (size_t)k + (size_t)j] * classes + c];
			sum[i * classes + c] /= k;
		}
}

static int average_ranks(struct hm_predictions *s, int k, const size_t *at, double *sum, struct hm_err *e)
{
	struct ranked *r = hm_alloc(s->n, sizeof *r, e);
	double *rank = r ? hm_alloc(s->n, sizeof *rank, e) : NULL;
	for (int j = 0; rank && j < k; j++) {
		size_t n = 0;
		for (size_t i = 0; i < s->n; i++)
			if (!s->item[i].failed)
				r[n++] = (struct ranked){s[j].prob[2 * at[i * (size_t)k + (size_t)j] + 1], i};
		add_ranks(r, n, rank);
	}
	for (size_t i = 0; rank && i < s->n; i++) {
		sum[2 * i + 1] = rank[i] / k;
		sum[2 * i] = 1 - sum[2 * i + 1];
	}
	int rc = rank ? 0 : HM_EDATA;
	free(r);
	free(rank);
	return rc;
}

int hm_predictions_average(struct hm_predictions *s, int k, enum hm_average how, struct hm_err *e)
{
	size_t classes = (size_t)s->classes;
	if (hm_predictions_check(s, k, e))
		return HM_EDATA;
	if (how == HM_AVERAGE_RANK && classes != 2)
		return hm_err_set(e, HM_EDATA, "%s has %d classes; ranks are of two", s->name, s->classes);
	size_t *at = hm_alloc(s->n, (size_t)k * sizeof *at, e);
	double *sum = at ? hm_alloc(s->n, classes * sizeof *sum, e) : NULL;
	int rc = sum ? match_records(s, k, at, e) : HM_EDATA;
	if (!rc && how == HM_AVERAGE_RANK)
		rc = average_ranks(s, k, at, sum, e);
	else if (!rc)
		average_probs(s, k, at, sum);
	for (size_t i = 0; !rc && i < s->n; i++) {
		if (s->item[i].failed)
			memset(sum + i * classes, 0, classes * sizeof *sum);
		memcpy(s->prob + i * classes, sum + i * classes, classes * sizeof *sum);
	}
	free(at);
	free(sum);
	return rc;
}
