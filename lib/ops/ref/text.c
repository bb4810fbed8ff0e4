/* This file defines the transformer operations of inference: matmul, embedding, LayerNorm, attention over
 * packed sequences. */
#include "ops/ref/ref.h"
#include "ops/ref/weight.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct hm_weight *hm_weight_new(struct hm_device *d, size_t n, size_t k, const float *w, const float *b)
{
	struct hm_weight *wt = hm_alloc(1, sizeof *wt, &d->err);
	if (!wt || !(wt->w = hm_alloc(n * k, sizeof(float), &d->err)) ||
	    (b && !(wt->b = hm_alloc(n, sizeof(float), &d->err)))) {
		hm_ref_weight_free(d, wt);
		return NULL;
	}
	for (size_t j = 0; j < n * k; j++)
		wt->w[j] = d->act == HM_BF16 ? hm_bf16_to_f32(hm_f32_to_bf16(w[j])) : w[j];
	if (b)
		memcpy(wt->b, b, n * sizeof(float));
	return wt;
}

void hm_ref_weight_free(struct hm_device *d, struct hm_weight *w)
{
	(void)d;
	if (!w)
		return;
	free(w->w);
	free(w->b);
	free(w);
}

struct hm_weight *hm_ref_linear_pack(struct hm_device *d, const struct hm_linear *l, const float *w,
				     const float *b)
{
	struct hm_weight *wt = hm_weight_new(d, l->n, l->k, w, b);
	if (wt)
		wt->linear = *l;
	return wt;
}

double hm_ref_act(enum hm_act f, double v)
{
	switch (f) {
	case HM_ACT_RELU:
		return v < 0 ? 0 : v;
	case HM_ACT_GELU:
		return .5 * v * (1 + erf(v * M_SQRT1_2));
	case HM_ACT_QUICK_GELU:
		return v / (1 + exp(-1.702 * v));
	case HM_ACT_TANH:
		return tanh(v);
	default:
		return v;
	}
}

void hm_ref_matmul(struct hm_device *d, void *y, const void *x, const struct hm_weight *wt, int m)
{
	size_t n = wt->linear.n, k = wt->linear.k;
	if (d->err.code)
		return;
	for (size_t r = 0; r < (size_t)m; r++)
		for (size_t c = 0; c < n; c++) {
			double sum = wt->b ? wt->b[c] : 0;
			for (size_t j = 0; j < k; j++)
				sum += hm_act_get(d, x, r * k + j) * wt->w[c * k + j];
			sum = hm_ref_act(wt->linear.act, sum);
			if (wt->linear.f32)
				((float *)y)[r * n + c] = (float)sum;
			else
				hm_act_set(d, y, r * n + c, sum);
		}
}

int hm_ref_rows_round(const struct hm_device *d, int m)
{
	(void)d;
	return m;
}

/* y[at .. at+k) = LN(v [k]); v is overwritten. */
static void norm_row(const struct hm_device *d, void *y, size_t at, double *v, const float *gamma,
		     const float *beta, double eps, int k)
{
	double mean = 0, var = 0;
	for (int j = 0; j < k; j++)
		mean += v[j] / k;
	for (int j = 0; j < k; j++)
		var += (v[j] - mean) * (v[j] - mean) / k;
	double r = 1 / sqrt(var + eps);
	for (int j = 0; j < k; j++)
		hm_act_set(d, y, at + j, (v[j] - mean) * r * gamma[j] + beta[j]);
}

void hm_ref_embed(struct hm_device *d, void *y, const int32_t *id, const int32_t *pos, const float *word,
		  const float *position, const float *type0, const float *gamma, const float *beta,
		  double eps, int m, int k)
{
	double *v = hm_alloc(k, sizeof *v, &d->err);
	for (int r = 0; r < m && !d->err.code; r++) {
		const float *a = word + (size_t)id[r] * k, *b = position + (size_t)pos[r] * k;
		for (int j = 0; j < k; j++)
			v[j] = (double)a[j] + b[j] + type0[j];
		norm_row(d, y, (size_t)r * k, v, gamma, beta, eps, k);
	}
	free(v);
}

void hm_ref_layer_norm(struct hm_device *d, void *y, const void *x, const void *res, const float *gamma,
		       const float *beta, double eps, int m, int k)
{
	double *v = hm_alloc(k, sizeof *v, &d->err);
	for (int r = 0; r < m && !d->err.code; r++) {
		size_t at = (size_t)r * k;
		for (int j = 0; j < k; j++)
			v[j] = hm_act_get(d, x, at + j) + (res ? hm_act_get(d, res, at + j) : 0);
		norm_row(d, y, at, v, gamma, beta, eps, k);
	}
	free(v);
}

/* Query row q of the sequence that begins at row `first`, over its first n keys, head `head`; p [n] is
 * scratch. */
static void attend_row(const struct hm_device *d, void *y, const void *qkv, size_t first, int n, int q,
		       int head, int heads, int dim, double *p)
{
	size_t width = (size_t)heads * dim, row = 3 * width, col = (size_t)head * dim;
	size_t qat = (first + q) * row + col;
	double top = -INFINITY, sum = 0;
	for (int j = 0; j < n; j++) {
		size_t kat = (first + j) * row + width + col;
		p[j] = 0;
		for (int t = 0; t < dim; t++)
			p[j] += hm_act_get(d, qkv, qat + t) * hm_act_get(d, qkv, kat + t);
		p[j] /= sqrt(dim);
		top = p[j] > top ? p[j] : top;
	}
	for (int j = 0; j < n; j++)
		sum += p[j] = exp(p[j] - top);
	for (int t = 0; t < dim; t++) {
		double v = 0;
		for (int j = 0; j < n; j++)
			v += p[j] / sum * hm_act_get(d, qkv, (first + j) * row + 2 * width + col + t);
		hm_act_set(d, y, (first + q) * width + col + t, v);
	}
}

void hm_ref_attention(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s, int heads,
		      int dim, bool causal)
{
	int longest = 0;
	for (int j = 0; j < s; j++)
		longest = len[j] > longest ? len[j] : longest;
	double *p = hm_alloc(longest, sizeof *p, &d->err);
	size_t first = 0;
	for (int j = 0; j < s && !d->err.code; first += len[j++])
		for (int q = 0; q < len[j]; q++)
			for (int head = 0; head < heads; head++)
				attend_row(d, y, qkv, first, causal ? q + 1 : len[j], q, head, heads, dim, p);
	free(p);
}

void hm_ref_gather(struct hm_device *d, void *y, const void *x, const int32_t *row, int s, int k)
{
	size_t bytes = k * hm_dtype_size(d->act);
	for (int j = 0; j < s; j++)
		memcpy((char *)y + j * bytes, (const char *)x + row[j] * bytes, bytes);
}
