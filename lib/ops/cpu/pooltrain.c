/* This file computes the gradients of max and average pooling on the cpu device. Each thread takes whole
 * images or blocks of channels. */
#include "ops/cpu/cpu.h"
#include "ops/cpu/split.h"
#include "ops/cpu/strip.h"

#include <string.h>

/* One max pooling of arrays [h,w,run] to [ho,wo,run]. */
struct pool {
	void *dx;
	const void *dy, *dy2, *x;
	size_t h, w, ho, wo, run;
	bool bf16;
};

/* Adds the gradient of output (oy, ox) to the first largest value of its window, in rows [3,w,run] of the
 * f32 gradient, which begin at input row 2*oy - 1. */
HM_INLINE void strip_pool(const struct pool *p, float *rows, size_t array, size_t oy, size_t ox, size_t ch,
			  size_t n, bool bf16)
{
	size_t left = ox ? 0 : 1, right = 2 * ox + 1 < p->w ? 3 : 2, top = oy ? 0 : 1,
	       bottom = 2 * oy + 1 < p->h ? 3 : 2, at = ((array * p->ho + oy) * p->wo + ox) * p->run + ch;
	hm_vec v, best = {0}, g;
	hm_vec_int where = {0}, here;
	for (size_t k = 3 * top + left; k < 3 * bottom;
	     k = k % 3 + 1 < right ? k + 1 : k - k % 3 + 3 + left) {
		size_t iy = 2 * oy + k / 3 - 1, ix = 2 * ox + k % 3 - 1;
		hm_strip_load(&v, p->x, ((array * p->h + iy) * p->w + ix) * p->run + ch, n, bf16);
		here = (v > best) | -(k == 3 * top + left);
		best = (hm_vec)(((hm_vec_int)v & here) | ((hm_vec_int)best & ~here));
		where = (where & ~here) | (here & (int32_t)k);
	}
	hm_strip_load(&g, p->dy, at, n, bf16);
	if (p->dy2) {
		hm_strip_load(&v, p->dy2, at, n, bf16);
		g += v;
	}
	for (size_t k = 3 * top + left; k < 3 * bottom;
	     k = k % 3 + 1 < right ? k + 1 : k - k % 3 + 3 + left) {
		float *to = rows + (k / 3 * p->w + 2 * ox + k % 3 - 1) * p->run + ch;
		here = where == (int32_t)k;
		v = g;
		hm_strip_keep(&v, &here);
		hm_strip_load(&best, to, 0, n, false);
		best += v;
		hm_strip_store(to, 0, &best, n, false);
	}
}

/* One array; rows: scratch [3,w,run]. */
HM_SIMD static void pool_array(const struct pool *p, float *rows, size_t array)
{
	size_t row = p->w * p->run, size = p->bf16 ? 2 : 4;
	char *dx = (char *)p->dx + array * p->h * row * size;
	memset(rows, 0, 3 * row * sizeof *rows);
	for (size_t oy = 0; oy < p->ho; oy++) {
		for (size_t ox = 0; ox < p->wo; ox++)
			HM_STRIPS(p->run, p->bf16, strip_pool, p, rows, array, oy, ox);
		if (oy)
			hm_narrow(dx + (2 * oy - 1) * row * size, rows, row, p->bf16);
		hm_narrow(dx + 2 * oy * row * size, rows + row, row, p->bf16);
		memcpy(rows, rows + 2 * row, row * sizeof *rows);
		memset(rows + row, 0, 2 * row * sizeof *rows);
	}
	if (p->h % 2 == 0)
		hm_narrow(dx + (p->h - 1) * row * size, rows, row, p->bf16);
}

void hm_cpu_max_pool_backward(struct hm_device *d, void *dx, const void *dy, const void *dy2, const void *x,
			      int i, int h, int w, int c)
{
	struct hm_view v = hm_cpu_view(d, i, c);
	struct pool p = {dx,
			 dy,
			 dy2,
			 x,
			 (size_t)h,
			 (size_t)w,
			 (size_t)hm_conv_out(h, 3, 2, 1),
			 (size_t)hm_conv_out(w, 3, 2, 1),
			 v.run,
			 d->act == HM_BF16};
	size_t own = 3 * p.w * p.run;
	float *rows = hm_cpu_scratch(d, (size_t)d->threads * own * sizeof *rows);
	if (!rows)
		return;
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++)
		for (size_t o = hm_part(v.outer, t, d->threads, 1);
		     o < hm_part(v.outer, t + 1, d->threads, 1); o++)
			pool_array(&p, rows + (size_t)t * own, o);
}

/* x [hw,run] = f [run] everywhere. */
HM_SIMD static void fill_positions(void *x, const float *f, size_t hw, size_t run, bool bf16)
{
	for (size_t p = 0; p < hw; p++)
		hm_narrow((char *)x + p * run * (bf16 ? 2 : 4), f, run, bf16);
}

void hm_cpu_avg_pool_backward(struct hm_device *d, void *dx, const float *dy, int i, int h, int w, int c)
{
	struct hm_view v = hm_cpu_view(d, i, c);
	size_t hw = (size_t)h * w, blocks = v.outer / (size_t)i, bytes = hw * v.run * hm_dtype_size(d->act);
	float *f = hm_cpu_scratch(d, v.outer * v.run * sizeof *f);
	if (!f)
		return;
	for (size_t a = 0; a < (size_t)i; a++)
		for (size_t ch = 0; ch < blocks * v.run; ch++)
			f[a * blocks * v.run + ch] = ch < (size_t)c ? dy[a * c + ch] / (float)hw : 0;
#pragma omp parallel for num_threads(d->threads)
	for (size_t o = 0; o < v.outer; o++)
		fill_positions((char *)dx + o * bytes, f + o * v.run, hw, v.run, d->act == HM_BF16);
}
