/* This file defines the image operations of training: convolution forward and backward, batch norm,
 * gradients of pooling. Images lie as [i,h,w,c]. */
#include "ops/ref/ref.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One tap of a convolution: the indices of x, w and y that one product needs. */
typedef void tap_fn(void *ctx, size_t x, size_t w, size_t y);

/* Calls fn for every tap of conv(x [i,h,wd,cin]); the taps of one output come together. */
static void each_tap(const struct hm_conv *c, int i, int h, int wd, tap_fn *fn, void *ctx)
{
	int k = c->kernel, ho = hm_conv_out(h, k, c->stride, c->pad),
	    wo = hm_conv_out(wd, k, c->stride, c->pad);
	size_t y = 0;
	for (int a = 0; a < i; a++)
		for (int oy = 0; oy < ho; oy++)
			for (int ox = 0; ox < wo; ox++)
				for (int f = 0; f < c->cout; f++, y++)
					for (int t = 0; t < k * k * c->cin; t++) {
						int ch = t / (k * k),
						    iy = oy * c->stride - c->pad + t / k % k,
						    ix = ox * c->stride - c->pad + t % k;
						if (iy >= 0 && iy < h && ix >= 0 && ix < wd)
							fn(ctx,
							   (((size_t)a * h + iy) * wd + ix) * c->cin + ch,
							   (size_t)f * k * k * c->cin + t, y);
					}
}

struct conv_run {
	struct hm_device *d;
	const void *x, *dy;
	const float *w;
	double *sum; /* one per element of the wanted output */
};

static void tap_y(void *ctx, size_t x, size_t w, size_t y)
{
	struct conv_run *r = ctx;
	r->sum[y] += hm_act_get(r->d, r->x, x) * hm_ref_weight(r->d, r->w[w]);
}

static void tap_x(void *ctx, size_t x, size_t w, size_t y)
{
	struct conv_run *r = ctx;
	r->sum[x] += hm_act_get(r->d, r->dy, y) * hm_ref_weight(r->d, r->w[w]);
}

static void tap_w(void *ctx, size_t x, size_t w, size_t y)
{
	struct conv_run *r = ctx;
	r->sum[w] += hm_act_get(r->d, r->dy, y) * hm_act_get(r->d, r->x, x);
}

void hm_ref_conv_forward(struct hm_device *d, void *y, const void *x, const float *w, const struct hm_conv *c,
			 int i, int h, int wd)
{
	size_t n = (size_t)i * hm_conv_out(h, c->kernel, c->stride, c->pad) *
		   hm_conv_out(wd, c->kernel, c->stride, c->pad) * c->cout;
	struct conv_run r = {d, x, NULL, w, hm_alloc(n, sizeof(double), &d->err)};
	if (!r.sum)
		return;
	each_tap(c, i, h, wd, tap_y, &r);
	for (size_t j = 0; j < n; j++)
		hm_act_set(d, y, j, r.sum[j]);
	free(r.sum);
}

void hm_ref_conv_backward(struct hm_device *d, void *dx, float *dw, const void *dy, const void *x,
			  const float *w, const struct hm_conv *c, int i, int h, int wd)
{
	size_t n = (size_t)i * h * wd * c->cin, weights = (size_t)c->cout * c->cin * c->kernel * c->kernel;
	struct conv_run r = {d, x, dy, w, hm_alloc(n > weights ? n : weights, sizeof(double), &d->err)};
	if (dx && r.sum) {
		each_tap(c, i, h, wd, tap_x, &r);
		for (size_t j = 0; j < n; j++)
			hm_act_set(d, dx, j, r.sum[j]);
	}
	if (dw && r.sum) {
		memset(r.sum, 0, weights * sizeof *r.sum);
		each_tap(c, i, h, wd, tap_w, &r);
		for (size_t j = 0; j < weights; j++)
			dw[j] = (float)(dw[j] + r.sum[j]);
	}
	free(r.sum);
}

/* Mean and biased variance of channel ch of x [m,c]. */
static void channel_moments(const struct hm_device *d, const void *x, size_t m, int c, int ch, double *mean,
			    double *var)
{
	*mean = *var = 0;
	for (size_t r = 0; r < m; r++)
		*mean += hm_act_get(d, x, r * c + ch) / (double)m;
	for (size_t r = 0; r < m; r++) {
		double v = hm_act_get(d, x, r * c + ch) - *mean;
		*var += v * v / (double)m;
	}
}

void hm_ref_batch_norm(struct hm_device *d, void *y, const void *x, const void *res, const float *gamma,
		       const float *beta, float *mean, float *var, float *save, const struct hm_bn *b, int i,
		       int h, int w, int c)
{
	size_t m = (size_t)i * h * w;
	if (b->mode != HM_BN_EVAL && m < 2) {
		hm_err_set(&d->err, HM_EDATA, "batch norm in training needs more than one value per channel");
		return;
	}
	for (int ch = 0; ch < c; ch++) {
		double mu = mean[ch], v = var[ch];
		if (b->mode != HM_BN_EVAL) {
			channel_moments(d, x, m, c, ch, &mu, &v);
			mean[ch] = (float)((1 - b->momentum) * mean[ch] + b->momentum * mu);
			var[ch] = (float)((1 - b->momentum) * var[ch] +
					  b->momentum * v * (double)m / (double)(m - 1));
		}
		save[ch] = (float)mu;
		save[c + ch] = (float)(1 / sqrt(v + b->eps));
		for (size_t r = 0; r < m; r++) {
			size_t at = r * c + ch;
			double out = (hm_act_get(d, x, at) - mu) / sqrt(v + b->eps) * gamma[ch] + beta[ch];
			if (res)
				out += hm_act_get(d, res, at);
			hm_act_set(d, y, at, b->relu && out < 0 ? 0 : out);
		}
	}
}

/* The gradient behind the relu. */
static double gradient_at(const struct hm_device *d, const void *dy, const void *dy2, const void *y,
			  size_t at, bool relu)
{
	if (relu && !(hm_act_get(d, y, at) > 0))
		return 0;
	return hm_act_get(d, dy, at) + (dy2 ? hm_act_get(d, dy2, at) : 0);
}

/* dx = gamma*rstd*(g - mean(g) - xhat*mean(g*xhat)), xhat = (x - mean)*rstd; without the means in eval mode.
 */
void hm_ref_batch_norm_backward(struct hm_device *d, void *dx, void *dres, float *dgamma, float *dbeta,
				const void *dy, const void *dy2, const void *y, const void *x,
				const float *gamma, const float *save, const struct hm_bn *b, int i, int h,
				int w, int c)
{
	size_t m = (size_t)i * h * w;
	for (int ch = 0; ch < c; ch++) {
		double sum = 0, dot = 0, mean = save[ch], rstd = save[c + ch];
		for (size_t r = 0; r < m; r++) {
			double g = gradient_at(d, dy, dy2, y, r * c + ch, b->relu);
			sum += g;
			dot += g * (hm_act_get(d, x, r * c + ch) - mean) * rstd;
		}
		if (dgamma && b->mode != HM_BN_TRAIN_FROZEN)
			dgamma[ch] = (float)(dgamma[ch] + dot);
		if (dbeta && b->mode != HM_BN_TRAIN_FROZEN)
			dbeta[ch] = (float)(dbeta[ch] + sum);
		if (b->mode == HM_BN_EVAL)
			sum = dot = 0;
		for (size_t r = 0; r < m; r++) {
			size_t at = r * c + ch;
			double g = gradient_at(d, dy, dy2, y, at, b->relu),
			       xhat = (hm_act_get(d, x, at) - mean) * rstd;
			if (dres)
				hm_act_set(d, dres, at, g);
			if (dx)
				hm_act_set(d, dx, at,
					   gamma[ch] * rstd * (g - sum / (double)m - xhat * dot / (double)m));
		}
	}
}

/* Index in x of the first largest value in the window of output (oy, ox). */
static size_t first_largest(const struct hm_device *d, const void *x, size_t image, int oy, int ox, int h,
			    int w, int c, int ch)
{
	size_t best = SIZE_MAX;
	for (int iy = 2 * oy - 1; iy <= 2 * oy + 1; iy++)
		for (int ix = 2 * ox - 1; ix <= 2 * ox + 1; ix++) {
			size_t at = ((image * h + iy) * w + ix) * c + ch;
			if (iy >= 0 && iy < h && ix >= 0 && ix < w &&
			    (best == SIZE_MAX || hm_act_get(d, x, at) > hm_act_get(d, x, best)))
				best = at;
		}
	return best;
}

void hm_ref_max_pool_backward(struct hm_device *d, void *dx, const void *dy, const void *dy2, const void *x,
			      int i, int h, int w, int c)
{
	int ho = hm_conv_out(h, 3, 2, 1), wo = hm_conv_out(w, 3, 2, 1);
	size_t n = (size_t)i * h * w * c, at = 0;
	double *sum = hm_alloc(n, sizeof *sum, &d->err);
	if (!sum)
		return;
	for (int a = 0; a < i; a++)
		for (int oy = 0; oy < ho; oy++)
			for (int ox = 0; ox < wo; ox++)
				for (int ch = 0; ch < c; ch++, at++)
					sum[first_largest(d, x, a, oy, ox, h, w, c, ch)] +=
						gradient_at(d, dy, dy2, NULL, at, false);
	for (size_t j = 0; j < n; j++)
		hm_act_set(d, dx, j, sum[j]);
	free(sum);
}

void hm_ref_avg_pool_backward(struct hm_device *d, void *dx, const float *dy, int i, int h, int w, int c)
{
	size_t hw = (size_t)h * w;
	for (size_t at = 0; at < i * hw * c; at++)
		hm_act_set(d, dx, at, dy[at / (hw * c) * c + at % c] / (double)hw);
}
