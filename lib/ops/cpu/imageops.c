/* This file has the image operations of inference on the cpu device, in vector loops: normalisation,
 * pooling, the grid. cpu.h describes the layouts. */
#include "ops/cpu/cpu.h"
#include "ops/cpu/vec.h"
#include "ops/ref/ref.h"

#include <math.h>
#include <string.h>

static size_t block_of(const struct hm_device *d)
{
	return ((const struct hm_cpu *)d->ctx)->block;
}

struct hm_view hm_cpu_view(const struct hm_device *d, int i, int c)
{
	size_t block = block_of(d);
	if (block == 1)
		return (struct hm_view){(size_t)i, (size_t)c};
	return (struct hm_view){(size_t)i * (((size_t)c + block - 1) / block), block};
}

size_t hm_cpu_image_bytes(const struct hm_device *d, int i, int h, int w, int c)
{
	struct hm_view v = hm_cpu_view(d, i, c);
	return v.outer * v.run * (size_t)h * (size_t)w * hm_dtype_size(d->act);
}

void hm_cpu_normalise(struct hm_device *d, void *y, const uint8_t *px, const float *table, int i, int h,
		      int w)
{
	size_t hw = (size_t)h * w;
	uint16_t narrow[3 * 256];
	for (int j = 0; j < 3 * 256; j++)
		narrow[j] = hm_f32_to_bf16(table[j]);
	for (size_t plane = 0; plane < (size_t)i * 3; plane++) {
		size_t a = plane / 3, c = plane % 3;
		const uint8_t *x = px + plane * hw;
		if (block_of(d) > 1)
			for (size_t p = 0; p < hw; p++)
				((float *)y)[plane * hw + p] = table[c * 256 + x[p]];
		else if (d->act == HM_BF16)
			for (size_t p = 0; p < hw; p++)
				((uint16_t *)y)[(a * hw + p) * 3 + c] = narrow[c * 256 + x[p]];
		else
			for (size_t p = 0; p < hw; p++)
				((float *)y)[(a * hw + p) * 3 + c] = table[c * 256 + x[p]];
	}
}

void hm_cpu_patches(struct hm_device *d, void *y, const uint8_t *px, const float *table, int i, int h, int w,
		    int side)
{
	int down = h / side, across = w / side;
	size_t row = (size_t)side * side * 3;
	uint16_t narrow[3 * 256];
	for (int j = 0; j < 3 * 256; j++)
		narrow[j] = hm_f32_to_bf16(table[j]);
#pragma omp parallel for num_threads(d->threads)
	for (int patch = 0; patch < i * down * across; patch++) {
		int a = patch / (down * across), py = patch / across % down, x0 = patch % across;
		size_t at = (size_t)patch * row;
		for (int line = 0; line < 3 * side; line++) {
			size_t from = (size_t)(a * 3 + line / side) * h + py * side + line % side;
			const uint8_t *x = px + from * w + (size_t)x0 * side;
			const float *wide = table + line / side * 256;
			const uint16_t *half = narrow + line / side * 256;
			for (int j = 0; j < side; j++, at++)
				if (d->act == HM_BF16)
					((uint16_t *)y)[at] = half[x[j]];
				else
					((float *)y)[at] = wide[x[j]];
		}
	}
}

/* One output row of one [h,w,run] array: y [wo,run] = max over rows first..last and columns 2*ox-1 .. 2*ox+1
 * of x. */
HM_SIMD static void pool_row_f32(float *y, const float *x, int first, int last, int w, int wo, size_t run)
{
	for (int ox = 0; ox < wo; ox++, y += run) {
		int from = ox ? 2 * ox - 1 : 0, to = 2 * ox + 1 < w ? 2 * ox + 1 : w - 1;
		for (size_t c = 0; c < run; c++)
			y[c] = -INFINITY;
		for (int iy = first; iy <= last; iy++)
			for (int ix = from; ix <= to; ix++) {
				const float *v = x + ((size_t)iy * w + ix) * run;
				for (size_t c = 0; c < run; c++)
					y[c] = v[c] > y[c] ? v[c] : y[c];
			}
	}
}

/* The same in bf16. As signed integers, with the magnitude bits of negative values flipped, bf16 values
 * compare like numbers. */
HM_SIMD static void pool_row_bf16(uint16_t *y, const uint16_t *x, int first, int last, int w, int wo,
				  size_t run)
{
	for (int ox = 0; ox < wo; ox++, y += run) {
		int from = ox ? 2 * ox - 1 : 0, to = 2 * ox + 1 < w ? 2 * ox + 1 : w - 1;
		for (size_t c = 0; c < run; c++)
			y[c] = 0xff80; /* -infinity */
		for (int iy = first; iy <= last; iy++)
			for (int ix = from; ix <= to; ix++) {
				const uint16_t *v = x + ((size_t)iy * w + ix) * run;
				for (size_t c = 0; c < run; c++) {
					int16_t a = (int16_t)v[c], b = (int16_t)y[c];
					int16_t ka = (int16_t)(a ^ (a >> 15 & 0x7fff)),
						kb = (int16_t)(b ^ (b >> 15 & 0x7fff));
					y[c] = (uint16_t)(ka > kb ? a : b);
				}
			}
	}
}

void hm_cpu_max_pool(struct hm_device *d, void *y, const void *x, int i, int h, int w, int c)
{
	struct hm_view v = hm_cpu_view(d, i, c);
	int ho = hm_conv_out(h, 3, 2, 1), wo = hm_conv_out(w, 3, 2, 1);
#pragma omp parallel for num_threads(d->threads)
	for (size_t o = 0; o < v.outer; o++)
		for (int oy = 0; oy < ho; oy++) {
			int first = oy ? 2 * oy - 1 : 0, last = 2 * oy + 1 < h ? 2 * oy + 1 : h - 1;
			size_t at = (o * ho + oy) * wo * v.run, from = o * (size_t)h * w * v.run;
			if (d->act == HM_BF16)
				pool_row_bf16((uint16_t *)y + at, (const uint16_t *)x + from, first, last, w,
					      wo, v.run);
			else
				pool_row_f32((float *)y + at, (const float *)x + from, first, last, w, wo,
					     v.run);
		}
}

/* sum [run] = sum over the hw positions of x [hw,run]. */
HM_SIMD static void sum_positions(double *sum, const void *x, size_t hw, size_t run, bool bf16)
{
	memset(sum, 0, run * sizeof *sum);
	for (size_t p = 0; p < hw; p++)
		for (size_t c = 0; c < run; c++)
			sum[c] += bf16 ? hm_bf16_to_f32(((const uint16_t *)x)[p * run + c])
				       : ((const float *)x)[p * run + c];
}

void hm_cpu_avg_pool(struct hm_device *d, float *y, const void *x, int i, int h, int w, int c)
{
	struct hm_view v = hm_cpu_view(d, i, c);
	size_t hw = (size_t)h * w, blocks = v.outer / (size_t)i, bytes = hw * v.run * hm_dtype_size(d->act);
	double *sum = hm_cpu_scratch(d, v.run * sizeof *sum);
	for (size_t o = 0; sum && o < v.outer; o++) {
		size_t first = o % blocks * v.run, n = (size_t)c - first < v.run ? (size_t)c - first : v.run;
		sum_positions(sum, (const char *)x + o * bytes, hw, v.run, d->act == HM_BF16);
		for (size_t j = 0; j < n; j++)
			y[o / blocks * c + first + j] = (float)(sum[j] / (double)hw);
	}
}

void hm_cpu_grid(struct hm_device *d, float *y, const void *x, int i, int h, int w, int c)
{
	struct hm_view v = hm_cpu_view(d, i, c);
	size_t hw = (size_t)h * w, blocks = v.outer / (size_t)i;
	for (size_t o = 0; o < v.outer; o++) {
		size_t first = o % blocks * v.run, n = (size_t)c - first < v.run ? (size_t)c - first : v.run;
		for (size_t p = 0; p < hw; p++)
			hm_widen(y + (o / blocks * hw + p) * c + first,
				 (const char *)x + (o * hw + p) * v.run * hm_dtype_size(d->act), n,
				 d->act == HM_BF16);
	}
}

/* Where channels lie in blocks, images of 3 channels lie as planes. */
static size_t index_of(struct hm_view v, size_t image, size_t p, size_t ch, size_t hw, size_t c)
{
	if (c == 3 && v.run > 3)
		return (image * 3 + ch) * hw + p;
	return (image * ((c + v.run - 1) / v.run) + ch / v.run) * hw * v.run + p * v.run + ch % v.run;
}

void hm_cpu_image_put(struct hm_device *d, void *y, const float *x, int i, int h, int w, int c)
{
	struct hm_view v = hm_cpu_view(d, i, c);
	size_t hw = (size_t)h * w;
	hm_ref_zero(d, y, hm_cpu_image_bytes(d, i, h, w, c));
	for (size_t row = 0; row < i * hw; row++)
		for (size_t ch = 0; ch < (size_t)c; ch++, x++)
			hm_act_set(d, y, index_of(v, row / hw, row % hw, ch, hw, (size_t)c), *x);
}
