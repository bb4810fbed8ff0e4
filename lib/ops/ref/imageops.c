/* This file defines the image operations of inference: convolution, pooling, normalisation. Images lie as
 * [i,h,w,c]. */
#include "ops/ref/ref.h"
#include "ops/ref/weight.h"

#include <math.h>

size_t hm_ref_image_bytes(const struct hm_device *d, int i, int h, int w, int c)
{
	return (size_t)i * h * w * c * hm_dtype_size(d->act);
}

void hm_ref_normalise(struct hm_device *d, void *y, const uint8_t *px, const float *table, int i, int h,
		      int w)
{
	size_t hw = (size_t)h * w;
	for (size_t a = 0; a < (size_t)i; a++)
		for (size_t c = 0; c < 3; c++)
			for (size_t p = 0; p < hw; p++)
				hm_act_set(d, y, (a * hw + p) * 3 + c,
					   table[c * 256 + px[(a * 3 + c) * hw + p]]);
}

void hm_ref_patches(struct hm_device *d, void *y, const uint8_t *px, const float *table, int i, int h, int w,
		    int side)
{
	size_t at = 0;
	for (int a = 0; a < i; a++)
		for (int py = 0; py < h / side; py++)
			for (int x0 = 0; x0 < w / side; x0++)
				for (int c = 0; c < 3; c++)
					for (int k = 0; k < side * side; k++, at++) {
						size_t row = (size_t)(a * 3 + c) * h + py * side + k / side;
						uint8_t v = px[row * w + x0 * side + k % side];
						hm_act_set(d, y, at, table[c * 256 + v]);
					}
}

struct hm_weight *hm_ref_conv_pack(struct hm_device *d, const struct hm_conv *c, const float *w,
				   const float *b)
{
	struct hm_weight *wt = hm_weight_new(d, c->cout, (size_t)c->cin * c->kernel * c->kernel, w, b);
	if (wt)
		wt->conv = *c;
	return wt;
}

/* One output element: filter `f` over the window of output row oy, column ox of image x [h,w,cin]. */
static double convolve_window(const struct hm_device *d, const void *x, size_t image,
			      const struct hm_weight *wt, int f, int oy, int ox, int h, int w)
{
	const struct hm_conv *c = &wt->conv;
	double sum = wt->b ? wt->b[f] : 0;
	for (int ch = 0; ch < c->cin; ch++)
		for (int ky = 0; ky < c->kernel; ky++)
			for (int kx = 0; kx < c->kernel; kx++) {
				int iy = oy * c->stride - c->pad + ky, ix = ox * c->stride - c->pad + kx;
				if (iy < 0 || iy >= h || ix < 0 || ix >= w)
					continue;
				size_t at = ((image * h + iy) * w + ix) * c->cin + ch;
				size_t wat = (((size_t)f * c->cin + ch) * c->kernel + ky) * c->kernel + kx;
				sum += hm_act_get(d, x, at) * wt->w[wat];
			}
	return sum;
}

void hm_ref_conv(struct hm_device *d, void *y, const void *x, const struct hm_weight *wt, int i, int h, int w)
{
	const struct hm_conv *c = &wt->conv;
	int ho = hm_conv_out(h, c->kernel, c->stride, c->pad),
	    wo = hm_conv_out(w, c->kernel, c->stride, c->pad);
	if (d->err.code)
		return;
	for (int a = 0; a < i; a++)
		for (int oy = 0; oy < ho; oy++)
			for (int ox = 0; ox < wo; ox++)
				for (int f = 0; f < c->cout; f++) {
					size_t at = (((size_t)a * ho + oy) * wo + ox) * c->cout + f;
					double v = convolve_window(d, x, a, wt, f, oy, ox, h, w);
					if (c->residual)
						v += hm_act_get(d, y, at);
					hm_act_set(d, y, at, c->relu && v < 0 ? 0 : v);
				}
}

void hm_ref_max_pool(struct hm_device *d, void *y, const void *x, int i, int h, int w, int c)
{
	int ho = hm_conv_out(h, 3, 2, 1), wo = hm_conv_out(w, 3, 2, 1);
	for (int a = 0; a < i; a++)
		for (int oy = 0; oy < ho; oy++)
			for (int ox = 0; ox < wo; ox++)
				for (int ch = 0; ch < c; ch++) {
					double best = -INFINITY;
					for (int iy = 2 * oy - 1; iy <= 2 * oy + 1; iy++)
						for (int ix = 2 * ox - 1; ix <= 2 * ox + 1; ix++)
							if (iy >= 0 && iy < h && ix >= 0 && ix < w) {
								size_t at =
									(((size_t)a * h + iy) * w + ix) * c +
									ch;
								double v = hm_act_get(d, x, at);
								best = v > best ? v : best;
							}
					hm_act_set(d, y, (((size_t)a * ho + oy) * wo + ox) * c + ch, best);
				}
}

void hm_ref_avg_pool(struct hm_device *d, float *y, const void *x, int i, int h, int w, int c)
{
	size_t hw = (size_t)h * w;
	for (size_t a = 0; a < (size_t)i; a++)
		for (int ch = 0; ch < c; ch++) {
			double sum = 0;
			for (size_t p = 0; p < hw; p++)
				sum += hm_act_get(d, x, (a * hw + p) * c + ch);
			y[a * c + ch] = (float)(sum / (double)hw);
		}
}

void hm_ref_grid(struct hm_device *d, float *y, const void *x, int i, int h, int w, int c)
{
	size_t n = (size_t)i * h * w * c;
	for (size_t j = 0; j < n; j++)
		y[j] = (float)hm_act_get(d, x, j);
}

void hm_ref_image_put(struct hm_device *d, void *y, const float *x, int i, int h, int w, int c)
{
	size_t n = (size_t)i * h * w * c;
	for (size_t j = 0; j < n; j++)
		hm_act_set(d, y, j, x[j]);
}
