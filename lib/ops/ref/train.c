/* This file defines the training operations of heads: f32 linear layers, softmax, cross-entropy; and the
 * optimizers. */
#include "ops/ref/ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void hm_ref_linear_forward(struct hm_device *d, float *y, const float *x, const float *w, const float *b,
			   int m, int n, int k)
{
	(void)d;
	for (size_t r = 0; r < (size_t)m; r++)
		for (size_t c = 0; c < (size_t)n; c++) {
			double sum = b ? b[c] : 0;
			for (size_t j = 0; j < (size_t)k; j++)
				sum += (double)x[r * k + j] * w[c * k + j];
			y[r * n + c] = (float)sum;
		}
}

void hm_ref_linear_backward(struct hm_device *d, float *dx, float *dw, float *db, const float *dy,
			    const float *x, const float *w, int m, int n, int k)
{
	(void)d;
	for (size_t r = 0; dx && r < (size_t)m; r++)
		for (size_t j = 0; j < (size_t)k; j++) {
			double sum = 0;
			for (size_t c = 0; c < (size_t)n; c++)
				sum += (double)dy[r * n + c] * w[c * k + j];
			dx[r * k + j] = (float)sum;
		}
	for (size_t c = 0; c < (size_t)n; c++) {
		double bias = 0;
		for (size_t r = 0; r < (size_t)m; r++)
			bias += dy[r * n + c];
		if (db)
			db[c] = (float)(db[c] + bias);
		for (size_t j = 0; j < (size_t)k; j++) {
			double sum = dw[c * k + j];
			for (size_t r = 0; r < (size_t)m; r++)
				sum += (double)dy[r * n + c] * x[r * k + j];
			dw[c * k + j] = (float)sum;
		}
	}
}

/* The rows side by side; NULL sticks an error. The caller frees. */
static float *gather_rows(struct hm_device *d, const float *const *x, size_t m, size_t k)
{
	float *all = hm_alloc(m * k, sizeof *all, &d->err);
	for (size_t r = 0; all && r < m; r++)
		memcpy(all + r * k, x[r], k * sizeof *all);
	return all;
}

void hm_ref_linears_forward(struct hm_device *d, float *const *y, const float *const *x,
			    const float *const *w, const float *const *b, int heads, int m, int n, int k)
{
	float *all = gather_rows(d, x, (size_t)m, (size_t)k);
	for (int h = 0; all && h < heads; h++)
		hm_ref_linear_forward(d, y[h], all, w[h], b[h], m, n, k);
	free(all);
}

void hm_ref_linears_backward(struct hm_device *d, float *const *dw, float *const *db, const float *const *dy,
			     const float *const *x, int heads, int m, int n, int k)
{
	float *all = gather_rows(d, x, (size_t)m, (size_t)k);
	for (int h = 0; all && h < heads; h++)
		hm_ref_linear_backward(d, NULL, dw[h], db[h], dy[h], all, NULL, m, n, k);
	free(all);
}

/* log sum_j exp(x[j]), without overflow. */
static double log_sum_exp(const float *x, int n)
{
	double top = -INFINITY, sum = 0;
	for (int j = 0; j < n; j++)
		top = x[j] > top || isnan(x[j]) ? x[j] : top;
	for (int j = 0; j < n; j++)
		sum += exp(x[j] - top);
	return top + log(sum);
}

void hm_ref_softmax(struct hm_device *d, float *y, const float *x, int m, int n)
{
	(void)d;
	for (int r = 0; r < m; r++, x += n, y += n) {
		double lse = log_sum_exp(x, n);
		for (int j = 0; j < n; j++)
			y[j] = (float)exp(x[j] - lse);
	}
}

void hm_ref_cross_entropy(struct hm_device *d, double *sums, float *loss, float *dx, const float *x,
			  const int32_t *label, const float *weight, double total, int m, int n)
{
	double own = hm_cross_entropy_total(label, weight, m), sum = 0;
	(void)d;
	if (total == 0)
		total = own;
	for (int r = 0; r < m; r++) {
		const float *row = x + (size_t)r * n;
		double lse = log_sum_exp(row, n), u = weight ? weight[label[r]] : 1;
		sum += u * (lse - row[label[r]]);
		for (int j = 0; dx && j < n; j++)
			dx[(size_t)r * n + j] = (float)(u / total * (exp(row[j] - lse) - (j == label[r])));
	}
	if (loss)
		*loss = (float)(sum / total);
	if (sums) {
		sums[0] = sum;
		sums[1] = own;
	}
}

void hm_ref_sgd(struct hm_device *d, float *p, float *v, const float *g, size_t n, double lr, double momentum,
		double weight_decay, int64_t t)
{
	float wd = (float)weight_decay, mo = (float)momentum, step = (float)-lr;
	(void)d;
	for (size_t j = 0; j < n; j++) {
		float u = weight_decay != 0 ? fmaf(wd, p[j], g[j]) : g[j];
		if (momentum != 0)
			u = v[j] = t == 1 ? u : v[j] * mo + u;
		p[j] = fmaf(step, u, p[j]);
	}
}

void hm_ref_adam(struct hm_device *d, float *p, float *m, float *v, const float *g, size_t n,
		 const struct hm_adam *a, int64_t t)
{
	float keep = (float)(1 - a->lr * a->weight_decay), wd = (float)a->weight_decay, eps = (float)a->eps;
	float c1 = (float)(1 - a->beta1), b2 = (float)a->beta2, c2 = (float)(1 - a->beta2);
	float root = (float)sqrt(1 - pow(a->beta2, (double)t));
	float step = (float)(-a->lr / (1 - pow(a->beta1, (double)t)));
	(void)d;
	for (size_t j = 0; j < n; j++) {
		float u = g[j], q = p[j];
		if (a->weight_decay != 0 && a->decoupled)
			q *= keep;
		else if (a->weight_decay != 0)
			u = fmaf(wd, q, u);
		m[j] = fmaf(c1, u - m[j], m[j]);
		v[j] = fmaf(c2 * u, u, v[j] * b2);
		p[j] = q + step * m[j] / (sqrtf(v[j]) / root + eps);
	}
}

void hm_ref_sum_squares(struct hm_device *d, double *sum, const float *g, size_t n)
{
	(void)d;
	for (size_t j = 0; j < n; j++)
		*sum += (double)g[j] * g[j];
}

void hm_ref_clip(struct hm_device *d, float *g, size_t n, const double *sum, double most)
{
	double factor = most / (sqrt(*sum) + 1e-6);
	(void)d;
	for (size_t j = 0; factor < 1 && j < n; j++)
		g[j] *= (float)factor;
}

void hm_ref_scale_rows(struct hm_device *d, float *y, const float *x, const float *scale, int n, int k)
{
	(void)d;
	for (int r = 0; r < n; r++)
		for (int j = 0; j < k; j++)
			y[(size_t)r * k + j] = scale[r] * x[(size_t)r * k + j];
}

void hm_ref_scale_rows_backward(struct hm_device *d, float *dx, float *dscale, const float *dy,
				const float *x, const float *scale, int n, int k)
{
	(void)d;
	for (int r = 0; r < n; r++) {
		double sum = 0;
		for (int j = 0; j < k; j++) {
			size_t at = (size_t)r * k + j;
			sum += (double)dy[at] * x[at];
			dx[at] += scale[r] * dy[at];
		}
		dscale[r] = (float)(dscale[r] + sum);
	}
}
