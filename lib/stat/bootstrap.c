/* The bootstrap. See bootstrap.h. */
#include "stat/bootstrap.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TAIL .025
enum { DRAWN = 256 }; /* numbers that are drawn together */

struct draws {
	size_t n, resamples;
	const int32_t *label;
	uint64_t seed;
	int values;
	hm_measure *measure;
	void *ctx;
	uint32_t *weight; /* [workers, n] */
	double *value;	  /* [resamples, values] */
};

/* weight[] := how often each example is drawn; false when all of them are of one class. */
static bool draw_resample(const struct draws *d, struct hm_rng *r, uint32_t *weight)
{
	uint32_t drawn[DRAWN];
	bool mixed = false;
	int32_t first = -1;
	memset(weight, 0, d->n * sizeof *weight);
	for (size_t done = 0, n; done < d->n; done += n) {
		n = d->n - done < DRAWN ? d->n - done : DRAWN;
		hm_rng_fill_below(r, (uint32_t)d->n, drawn, n);
		first = done ? first : d->label[drawn[0]];
		for (size_t k = 0; k < n; k++)
			weight[drawn[k]]++;
		for (size_t k = 0; k < n && !mixed; k++)
			mixed = d->label[drawn[k]] != first;
	}
	return mixed;
}

static void one_draw(void *ctx, size_t i, int worker)
{
	struct draws *d = ctx;
	uint32_t *weight = d->weight + (size_t)worker * d->n;
	struct hm_rng r;
	for (uint32_t attempt = 0;; attempt++) {
		hm_rng_init(&r, d->seed, HM_RNG_BOOTSTRAP, (uint32_t)i, attempt);
		if (draw_resample(d, &r, weight))
			break;
	}
	d->measure(d->ctx, weight, worker, d->value + i * (size_t)d->values);
}

static int by_rising_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* The q-quantile of v[n], which is sorted. */
static double find_quantile(const double *v, size_t n, double q)
{
	double at = q * (double)(n - 1);
	size_t i = (size_t)at;
	return i + 1 < n ? v[i] + (v[i + 1] - v[i]) * (at - (double)i) : v[n - 1];
}

/* Of number m; `v` has room for it in all draws. */
static struct hm_interval find_interval(const struct draws *d, int m, double *v)
{
	size_t n = 0;
	for (size_t i = 0; i < d->resamples; i++) {
		double value = d->value[i * (size_t)d->values + (size_t)m];
		if (!isnan(value))
			v[n++] = value;
	}
	if (!n || 2 * n < d->resamples)
		return (struct hm_interval){NAN, NAN};
	qsort(v, n, sizeof *v, by_rising_value);
	return (struct hm_interval){find_quantile(v, n, TAIL), find_quantile(v, n, 1 - TAIL)};
}

static bool is_mixed(size_t n, const int32_t *label)
{
	for (size_t i = 1; i < n; i++)
		if (label[i] != label[0])
			return true;
	return false;
}

int hm_bootstrap_values(size_t n, const int32_t *label, const struct hm_resampling *how, int values,
			hm_measure *measure, void *ctx, struct hm_interval *ci, struct hm_err *e)
{
	struct draws d = {.n = n,
			  .resamples = how->resamples,
			  .label = label,
			  .seed = how->seed,
			  .values = values,
			  .measure = measure,
			  .ctx = ctx};
	int workers = how->workers ? hm_workers_count(how->workers) : 1;
	double *sorted = NULL;
	for (int m = 0; m < values; m++)
		ci[m] = (struct hm_interval){NAN, NAN};
	if (!d.resamples || !is_mixed(n, label))
		return 0;
	if ((d.weight = hm_alloc((size_t)workers * n, sizeof *d.weight, e)) &&
	    (d.value = hm_alloc((size_t)values * d.resamples, sizeof *d.value, e)))
		sorted = hm_alloc(d.resamples, sizeof *sorted, e);
	if (sorted && how->workers)
		hm_workers_each(how->workers, d.resamples, one_draw, &d);
	for (size_t i = 0; sorted && !how->workers && i < d.resamples; i++)
		one_draw(&d, i, 0);
	for (int m = 0; sorted && m < values; m++)
		ci[m] = find_interval(&d, m, sorted);
	free(d.weight);
	free(d.value);
	free(sorted);
	return sorted ? 0 : HM_EDATA;
}

static void measure_metrics(void *ctx, const uint32_t *weight, int worker, double *value)
{
	(void)worker;
	hm_metrics_compute(ctx, weight, value);
}

int hm_bootstrap(const struct hm_sample *s, const struct hm_resampling *how,
		 struct hm_interval ci[HM_METRICS], struct hm_err *e)
{
	return hm_bootstrap_values(s->n, s->label, how, HM_METRICS, measure_metrics, (void *)s, ci, e);
}
