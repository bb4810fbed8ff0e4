/* This file defines the training operations on packed sequences: linear layers, activations, dropout,
 * LayerNorm, rows of tables. Attention is in attentiontrain.c. */
#include "ops/dropmask.h"
#include "ops/ref/ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void hm_ref_dense_forward(struct hm_device *d, void *y, const void *x, const float *w, const float *b, int m,
			  int n, int k)
{
	for (size_t r = 0; r < (size_t)m; r++)
		for (size_t c = 0; c < (size_t)n; c++) {
			double sum = b ? b[c] : 0;
			for (size_t j = 0; j < (size_t)k; j++)
				sum += hm_act_get(d, x, r * k + j) * hm_ref_weight(d, w[c * k + j]);
			hm_act_set(d, y, r * n + c, sum);
		}
}

void hm_ref_dense_backward(struct hm_device *d, void *dx, float *dw, float *db, const void *dy, const void *x,
			   const float *w, int m, int n, int k)
{
	for (size_t r = 0; dx && r < (size_t)m; r++)
		for (size_t j = 0; j < (size_t)k; j++) {
			double sum = 0;
			for (size_t c = 0; c < (size_t)n; c++)
				sum += hm_act_get(d, dy, r * n + c) * hm_ref_weight(d, w[c * k + j]);
			hm_act_set(d, dx, r * k + j, sum);
		}
	for (size_t c = 0; c < (size_t)n; c++) {
		double sum = 0;
		for (size_t r = 0; db && r < (size_t)m; r++)
			sum += hm_act_get(d, dy, r * n + c);
		if (db)
			db[c] = (float)(db[c] + sum);
		for (size_t j = 0; dw && j < (size_t)k; j++) {
			double product = 0;
			for (size_t r = 0; r < (size_t)m; r++)
				product += hm_act_get(d, dy, r * n + c) * hm_act_get(d, x, r * k + j);
			dw[c * k + j] = (float)(dw[c * k + j] + product);
		}
	}
}

void hm_ref_activate(struct hm_device *d, void *y, const void *x, size_t n, enum hm_act f)
{
	for (size_t j = 0; j < n; j++)
		hm_act_set(d, y, j, hm_ref_act(f, hm_act_get(d, x, j)));
}

/* gelu'(v) = Phi(v) + v*phi(v), of the standard normal distribution; with s = 1/(1 + exp(-1.702 v)), quick
 * gelu'(v) = s*(1 + 1.702 v (1 - s)). */
static double slope_of(enum hm_act f, double v)
{
	double s = 1 / (1 + exp(-1.702 * v));
	return f == HM_ACT_QUICK_GELU
		       ? s * (1 + 1.702 * v * (1 - s))
		       : .5 * (1 + erf(v * M_SQRT1_2)) + v * exp(-.5 * v * v) * .3989422804014327;
}

void hm_ref_activate_backward(struct hm_device *d, void *dx, const void *dy, const void *x, size_t n,
			      enum hm_act f)
{
	for (size_t j = 0; j < n; j++)
		hm_act_set(d, dx, j, hm_act_get(d, dy, j) * slope_of(f, hm_act_get(d, x, j)));
}

void hm_ref_tanh(struct hm_device *d, void *y, const void *x, size_t n)
{
	for (size_t j = 0; j < n; j++)
		hm_act_set(d, y, j, tanh(hm_act_get(d, x, j)));
}

void hm_ref_tanh_backward(struct hm_device *d, void *dx, const void *dy, const void *y, size_t n)
{
	for (size_t j = 0; j < n; j++) {
		double v = hm_act_get(d, y, j);
		hm_act_set(d, dx, j, hm_act_get(d, dy, j) * (1 - v * v));
	}
}

void hm_ref_dropout(struct hm_device *d, void *y, const void *x, const struct hm_dropout *drop, size_t n)
{
	for (size_t j = 0; j < n; j++)
		hm_act_set(d, y, j, hm_act_get(d, x, j) * hm_dropout_factor(drop, j));
}

void hm_ref_add_norm(struct hm_device *d, void *y, float *stats, void *x, const void *res, const float *gamma,
		     const float *beta, double eps, const struct hm_dropout *drop, int m, int k)
{
	for (size_t r = 0; r < (size_t)m; r++) {
		size_t at = r * k;
		double mean = 0, var = 0;
		for (size_t j = at; j < at + k; j++) {
			hm_act_set(d, x, j,
				   hm_act_get(d, x, j) * hm_dropout_factor(drop, j) +
					   (res ? hm_act_get(d, res, j) : 0));
			mean += hm_act_get(d, x, j) / k;
		}
		for (size_t j = at; j < at + k; j++)
			var += (hm_act_get(d, x, j) - mean) * (hm_act_get(d, x, j) - mean) / k;
		double rstd = 1 / sqrt(var + eps);
		for (size_t j = 0; j < (size_t)k; j++)
			hm_act_set(d, y, at + j,
				   (hm_act_get(d, x, at + j) - mean) * rstd * gamma[j] + beta[j]);
		stats[2 * r] = (float)mean;
		stats[2 * r + 1] = (float)rstd;
	}
}

static double gradient_at(const struct hm_device *d, const void *dy, const void *dy2, size_t at)
{
	return hm_act_get(d, dy, at) + (dy2 ? hm_act_get(d, dy2, at) : 0);
}

/* With shat = (s - mean)*rstd and g = dy*gamma: ds = rstd*(g - mean(g) - shat*mean(g*shat)) + skip. */
void hm_ref_add_norm_backward(struct hm_device *d, void *ds, void *dx, float *dgamma, float *dbeta,
			      const void *dy, const void *dy2, const void *skip, const void *s,
			      const float *stats, const float *gamma, const struct hm_dropout *drop, int m,
			      int k)
{
	for (size_t j = 0; j < (size_t)k; j++) {
		double scale = 0, shift = 0;
		for (size_t r = 0; r < (size_t)m; r++) {
			double g = gradient_at(d, dy, dy2, r * k + j);
			scale += g * (hm_act_get(d, s, r * k + j) - stats[2 * r]) * stats[2 * r + 1];
			shift += g;
		}
		if (dgamma)
			dgamma[j] = (float)(dgamma[j] + scale);
		if (dbeta)
			dbeta[j] = (float)(dbeta[j] + shift);
	}
	for (size_t r = 0; r < (size_t)m; r++) {
		double mean = 0, dot = 0, rstd = stats[2 * r + 1];
		for (size_t j = 0; j < (size_t)k; j++) {
			double g = gradient_at(d, dy, dy2, r * k + j) * gamma[j];
			mean += g / k;
			dot += g * (hm_act_get(d, s, r * k + j) - stats[2 * r]) * rstd / k;
		}
		for (size_t j = 0; j < (size_t)k; j++) {
			size_t at = r * k + j;
			double g = gradient_at(d, dy, dy2, at) * gamma[j],
			       shat = (hm_act_get(d, s, at) - stats[2 * r]) * rstd;
			hm_act_set(d, ds, at,
				   rstd * (g - mean - shat * dot) + (skip ? hm_act_get(d, skip, at) : 0));
			if (hm_dropout_on(drop))
				hm_act_set(d, dx, at, hm_act_get(d, ds, at) * hm_dropout_factor(drop, at));
		}
	}
}

void hm_ref_add_rows(struct hm_device *d, float *y, const int32_t *at, const float *table, const int32_t *row,
		     int m, int k)
{
	(void)d;
	for (int r = 0; r < m; r++) {
		float *to = y + (size_t)(at ? at[r] : r) * k;
		const float *from = table + (size_t)(row ? row[r] : 0) * k;
		for (int j = 0; j < k; j++)
			to[j] += from[j];
	}
}

void hm_ref_add_rows_backward(struct hm_device *d, float *dtable, const int32_t *row, const void *dy,
			      const int32_t *at, int skip, int m, int k)
{
	for (int r = 0; r < m; r++) {
		float *to = dtable + (size_t)(row ? row[r] : 0) * k;
		size_t from = (size_t)(at ? at[r] : r) * k;
		for (int j = 0; j < k && (row ? row[r] : 0) != skip; j++)
			to[j] = (float)(to[j] + hm_act_get(d, dy, from + j));
	}
}

void hm_ref_gather_backward(struct hm_device *d, void *dx, const void *dy, const int32_t *row, int s, int m,
			    int k)
{
	size_t bytes = k * hm_dtype_size(d->act);
	memset(dx, 0, m * bytes);
	for (int j = 0; j < s; j++)
		memcpy((char *)dx + row[j] * bytes, (const char *)dy + j * bytes, bytes);
}

void hm_ref_widen(struct hm_device *d, float *y, const void *x, size_t n)
{
	for (size_t j = 0; j < n; j++)
		y[j] = (float)hm_act_get(d, x, j);
}

void hm_ref_narrow(struct hm_device *d, void *y, const float *x, size_t n)
{
	for (size_t j = 0; j < n; j++)
		hm_act_set(d, y, j, x[j]);
}

void hm_ref_copy_columns(struct hm_device *d, float *y, int ldy, const float *x, int ldx, int m, int k)
{
	(void)d;
	for (size_t r = 0; r < (size_t)m; r++)
		memcpy(y + r * ldy, x + r * ldx, k * sizeof *y);
}
