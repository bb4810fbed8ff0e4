/* This file defines attention over packed sequences in training: forward and backward, with dropout. */
#include "ops/dropmask.h"
#include "ops/ref/ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct attention {
	struct hm_device *d;
	const void *qkv;
	const int32_t *len;
	int s, heads, dim, longest, line; /* line: elements of the mask per row and head */
	bool causal;
	const struct hm_dropout *drop;
	double *p, *dp; /* [longest] each: softmax of a row, and its gradient */
};

static bool alloc_rows(struct attention *a)
{
	for (int j = 0; j < a->s; j++)
		a->longest = a->len[j] > a->longest ? a->len[j] : a->longest;
	a->line = hm_dropout_line(a->drop, a->longest);
	a->p = hm_alloc(2 * (size_t)a->longest, sizeof *a->p, &a->d->err);
	a->dp = a->p ? a->p + a->longest : NULL;
	return a->p;
}

/* Index of element t of a row's Q (which = 0), K (1) or V (2). */
static size_t index_of(const struct attention *a, int which, size_t row, int head, int t)
{
	return ((row * 3 + which) * a->heads + head) * a->dim + t;
}

static double qkv_at(const struct attention *a, int which, size_t row, int head, int t)
{
	return hm_act_get(a->d, a->qkv, index_of(a, which, row, head, t));
}

/* How many keys row `row` sees, of the sequence of n rows from `first`. */
static int seen_by(const struct attention *a, size_t row, size_t first, int n)
{
	return a->causal ? (int)(row - first) + 1 : n;
}

/* a->p [n] := softmax(q . K / sqrt(dim)) of query row `row` over the n rows from `first`. */
static void softmax_row(struct attention *a, size_t row, size_t first, int n, int head)
{
	double top = -INFINITY, sum = 0;
	for (int j = 0; j < n; j++) {
		a->p[j] = 0;
		for (int t = 0; t < a->dim; t++)
			a->p[j] +=
				qkv_at(a, 0, row, head, t) * qkv_at(a, 1, first + j, head, t) / sqrt(a->dim);
		top = a->p[j] > top ? a->p[j] : top;
	}
	for (int j = 0; j < n; j++)
		sum += a->p[j] = exp(a->p[j] - top);
	for (int j = 0; j < n; j++)
		a->p[j] /= sum;
}

static double mask_factor(const struct attention *a, size_t row, int head, int j)
{
	return hm_dropout_factor(a->drop, ((uint64_t)row * a->heads + head) * a->line + j);
}

void hm_ref_attention_forward(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s,
			      int heads, int dim, bool causal, const struct hm_dropout *drop)
{
	struct attention a = {d, qkv, len, s, heads, dim, 0, 0, causal, drop, NULL, NULL};
	size_t first = 0;
	if (!alloc_rows(&a))
		return;
	for (int i = 0; i < s; first += len[i++])
		for (size_t row = first; row < first + len[i]; row++)
			for (int head = 0; head < heads; head++) {
				int n = seen_by(&a, row, first, len[i]);
				softmax_row(&a, row, first, n, head);
				for (int t = 0; t < dim; t++) {
					double v = 0;
					for (int j = 0; j < n; j++)
						v += a.p[j] * mask_factor(&a, row, head, j) *
						     qkv_at(&a, 2, first + j, head, t);
					hm_act_set(d, y, (row * heads + head) * dim + t, v);
				}
			}
	free(a.p);
}

/* Adds one query row's part of dqkv to out f64. */
static void backward_row(struct attention *a, double *out, const void *dy, size_t row, size_t first, int n,
			 int head)
{
	double dot = 0, scale = 1 / sqrt(a->dim);
	softmax_row(a, row, first, n, head);
	for (int j = 0; j < n; j++) {
		double f = mask_factor(a, row, head, j);
		a->dp[j] = 0;
		for (int t = 0; t < a->dim; t++) {
			double g = hm_act_get(a->d, dy, (row * a->heads + head) * a->dim + t);
			a->dp[j] += f * g * qkv_at(a, 2, first + j, head, t);
			out[index_of(a, 2, first + j, head, t)] += f * a->p[j] * g;
		}
		dot += a->dp[j] * a->p[j];
	}
	for (int j = 0; j < n; j++)
		for (int t = 0; t < a->dim; t++) {
			double ds = a->p[j] * (a->dp[j] - dot) * scale;
			out[index_of(a, 0, row, head, t)] += ds * qkv_at(a, 1, first + j, head, t);
			out[index_of(a, 1, first + j, head, t)] += ds * qkv_at(a, 0, row, head, t);
		}
}

void hm_ref_attention_backward(struct hm_device *d, void *dqkv, const void *dy, const void *y,
			       const void *qkv, const int32_t *len, int s, int heads, int dim, bool causal,
			       const struct hm_dropout *drop)
{
	struct attention a = {d, qkv, len, s, heads, dim, 0, 0, causal, drop, NULL, NULL};
	size_t rows = 0, first = 0, width = 3 * (size_t)heads * dim;
	(void)y;
	for (int i = 0; i < s; i++)
		rows += len[i];
	double *out = hm_alloc(rows * width, sizeof *out, &d->err);
	if (!out || !alloc_rows(&a))
		goto done;
	for (int i = 0; i < s; first += len[i++])
		for (size_t row = first; row < first + len[i]; row++)
			for (int head = 0; head < heads; head++)
				backward_row(&a, out, dy, row, first, seen_by(&a, row, first, len[i]), head);
	for (size_t j = 0; j < rows * width; j++)
		hm_act_set(d, dqkv, j, out[j]);
done:
	free(out);
	free(a.p);
}
