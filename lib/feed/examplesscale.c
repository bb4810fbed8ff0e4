/* Standardising examples: the moments of their features, and scaling by them. See examples.h. */
#include "base/simd.h"
#include "feed/examplesparts.h"

#include <math.h>
#include <string.h>

#define CONSTANT 0x1p-20 /* a deviation below this share of the mean is the rounding of F32 features */
#define TINY 0x1p-100	 /* and weights divided by less than this overflow */

HM_SIMD void hm_examples_scale(float *x, const double *mean, const double *deviation, size_t n)
{
	for (size_t j = 0; j < n; j++)
		x[j] = (float)((x[j] - mean[j]) / deviation[j]);
}

/* Sums over all examples, which are divided among workers: moments by columns, so that each column's sum is
 * added up in one order. */
struct sums {
	struct hm_examples *x;
	double *mean, *deviation;
	size_t k, parts;
	bool squares; /* of what differs from the mean */
};

enum { ROWS = 8 }; /* examples that are added in one pass over the sums */

/* sum[j] += number j of each row, or with a mean the square of what it differs by from mean[j]. */
HM_INLINE void add_rows(double *restrict sum, const double *restrict mean, const float *const *row, int rows,
			size_t n)
{
	for (size_t j = 0; j < n; j++) {
		double s = sum[j];
#pragma GCC unroll 8
		for (int r = 0; r < rows; r++) {
			double v = row[r][j];
			s += mean ? (v - mean[j]) * (v - mean[j]) : v;
		}
		sum[j] = s;
	}
}

/* Adds n columns of some examples, from number `first` on, which begin at row[r]. The loops are compiled for
 * the constants. */
HM_SIMD static void add_columns(const struct sums *t, const float *const *row, int rows, size_t first,
				size_t n)
{
	double *sum = (t->squares ? t->deviation : t->mean) + first;
	const double *mean = t->mean + first;
	int done = 0;
	for (; done + ROWS <= rows; done += ROWS)
		if (t->squares)
			add_rows(sum, mean, row + done, ROWS, n);
		else
			add_rows(sum, NULL, row + done, ROWS, n);
	for (; done < rows; done++)
		if (t->squares)
			add_rows(sum, mean, row + done, 1, n);
		else
			add_rows(sum, NULL, row + done, 1, n);
}

static void add_part(void *ctx, size_t part, int worker)
{
	const struct sums *t = ctx;
	size_t first = t->k * part / t->parts, last = t->k * (part + 1) / t->parts, n = t->x->n;
	const float *row[ROWS];
	(void)worker;
	for (size_t i = 0; i < n; i += ROWS) {
		int rows = n - i < ROWS ? (int)(n - i) : ROWS;
		for (int r = 0; r < rows; r++)
			row[r] = (const float *)hm_blobs_at(&t->x->store->blobs, i + (size_t)r) + first;
		add_columns(t, row, rows, first, last - first);
	}
}

/* The examples of one pass, which are not all in memory. */
static int add_fetched(const struct sums *t, struct hm_err *e)
{
	size_t images = (size_t)t->x->feature[HM_IMAGE].dim;
	struct hm_minibatch b;
	for (uint32_t i = 0; i < t->x->n; i++) {
		if (hm_examples_batch(t->x, &i, 1, &b, e))
			return HM_EDATA;
		if (b.joined) {
			add_columns(t, b.joined, 1, 0, t->k);
			continue;
		}
		if (images)
			add_columns(t, &b.feature[HM_IMAGE], 1, 0, images);
		if (t->k > images)
			add_columns(t, &b.feature[HM_TEXT], 1, images, t->k - images);
	}
	return 0;
}

static bool in_memory(const struct hm_examples *x)
{
	return !x->store->blobs.spilled && !x->store->fetch;
}

/* Parts that are worth a worker. */
static size_t count_parts(struct hm_workers *w, size_t most)
{
	size_t parts = w ? (size_t)hm_workers_count(w) : 1;
	return parts < most ? parts : most;
}

int hm_examples_moments(struct hm_examples *x, struct hm_workers *w, double *mean, double *deviation,
			struct hm_err *e)
{
	size_t k = (size_t)x->feature[HM_IMAGE].dim + (size_t)x->feature[HM_TEXT].dim;
	struct sums t = {x, mean, deviation, k, count_parts(w, k), false};
	memset(mean, 0, k * sizeof *mean);
	memset(deviation, 0, k * sizeof *deviation);
	for (int pass = 0; pass < 2; pass++) {
		t.squares = pass;
		if (!in_memory(x) || x->store->mean) {
			if (add_fetched(&t, e))
				return HM_EDATA;
		} else if (t.parts > 1) {
			hm_workers_each(w, t.parts, add_part, &t);
		} else if (t.parts) {
			add_part(&t, 0, 0);
		}
		for (size_t j = 0; j < k && !pass; j++)
			mean[j] /= (double)x->n;
	}
	for (size_t j = 0; j < k; j++) {
		deviation[j] = sqrt(deviation[j] / (double)x->n);
		if (deviation[j] <= fabs(mean[j]) * CONSTANT || deviation[j] < TINY)
			deviation[j] = 1;
	}
	return 0;
}

struct scaling {
	const struct hm_examples *x;
	const double *mean, *deviation;
	size_t k, parts;
};

static void scale_part(void *ctx, size_t part, int worker)
{
	const struct scaling *t = ctx;
	(void)worker;
	for (size_t i = t->x->n * part / t->parts; i < t->x->n * (part + 1) / t->parts; i++)
		hm_examples_scale(hm_blobs_at(&t->x->store->blobs, i), t->mean, t->deviation, t->k);
}

void hm_examples_standardise(struct hm_examples *x, struct hm_workers *w, const double *mean,
			     const double *deviation)
{
	struct hm_examples_store *s = x->store;
	struct scaling t = {x, mean, deviation,
			    (size_t)x->feature[HM_IMAGE].dim + (size_t)x->feature[HM_TEXT].dim,
			    count_parts(w, x->n)};
	s->at.len = 0;
	if (!in_memory(x)) {
		s->mean = mean;
		s->deviation = deviation;
	} else if (t.parts > 1) {
		hm_workers_each(w, t.parts, scale_part, &t);
	} else if (t.parts) {
		scale_part(&t, 0, 0);
	}
}
