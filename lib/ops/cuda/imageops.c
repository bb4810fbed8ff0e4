/* This file launches the operations on images: pixels, pooling and its gradients. Images lie as [i,h,w,c],
 * so grid and image_put are conversions. */
#include "ops/cuda/imageops.h"

size_t hm_cuda_image_bytes(const struct hm_device *d, int i, int h, int w, int c)
{
	return (size_t)i * h * w * c * hm_dtype_size(d->act);
}

void hm_cuda_grid(struct hm_device *d, float *y, const void *x, int i, int h, int w, int c)
{
	hm_cuda_widen(d, y, x, (size_t)i * h * w * c);
}

void hm_cuda_image_put(struct hm_device *d, void *y, const float *x, int i, int h, int w, int c)
{
	hm_cuda_narrow(d, y, x, (size_t)i * h * w * c);
}

void hm_cuda_patches(struct hm_device *d, void *y, const uint8_t *px, const float *table, int i, int h, int w,
		     int side)
{
	int down = h / side, across = w / side;
	size_t n = (size_t)i * (size_t)(down * across) * 3 * (size_t)(side * side);
	if (!hm_cuda_counts(d, n))
		return;
	const struct patches_args a = {.y = y,
				       .px = px,
				       .table = table,
				       .n = n,
				       .h = (size_t)h,
				       .w = (size_t)w,
				       .row = hm_divisor(3 * side * side),
				       .square = hm_divisor(side * side),
				       .side = hm_divisor(side),
				       .cells = hm_divisor(down * across),
				       .across = hm_divisor(across)};
	HM_LAUNCH(d, HM_BY_ACT(d, patches), hm_cuda_loop(d, n), a);
}

void hm_cuda_normalise(struct hm_device *d, void *y, const uint8_t *px, const float *table, int i, int h,
		       int w)
{
	bool wide = (size_t)h * w % 4 == 0 && (uintptr_t)px % 4 == 0 && (uintptr_t)y % 16 == 0;
	size_t hw = (size_t)h * w, units = wide ? hw / 4 : hw;
	if (!hm_cuda_counts(d, i * units))
		return;
	const struct normalise_args a = {y, px, table, i * units, hw, hm_divisor((int)units), wide};
	HM_LAUNCH(d, HM_BY_ACT(d, normalise), hm_cuda_loop(d, a.n), a);
}

void hm_cuda_max_pool(struct hm_device *d, void *y, const void *x, int i, int h, int w, int c)
{
	int ho = hm_conv_out(h, 3, 2, 1), wo = hm_conv_out(w, 3, 2, 1);
	bool wide = hm_cuda_wide(c, y, x, NULL);
	int units = wide ? c / 8 : c;
	size_t n = (size_t)i * ho * wo * units;
	if (!hm_cuda_counts(d, n))
		return;
	const struct max_pool_args a = {y, x, n,   hm_divisor(units), hm_divisor(wo), hm_divisor(ho),
					h, w, wide};
	HM_LAUNCH(d, HM_BY_ACT(d, max_pool), hm_cuda_loop(d, n), a);
}

void hm_cuda_avg_pool(struct hm_device *d, float *y, const void *x, int i, int h, int w, int c)
{
	bool wide = hm_cuda_wide(c, x, NULL, NULL);
	int run = wide ? 32 * 8 : 32, groups = (c + run - 1) / run;
	size_t hw = (size_t)h * w;
	if (!hm_cuda_counts(d, (size_t)i * groups))
		return;
	const struct avg_pool_args a = {
		y, x, hw, hm_divisor(groups), (uint32_t)c, wide, (float)(1 / (double)hw)};
	HM_LAUNCH(d, HM_BY_ACT(d, avg_pool), hm_cuda_each((size_t)i * groups, 256), a);
}

void hm_cuda_max_pool_backward(struct hm_device *d, void *dx, const void *dy, const void *dy2, const void *x,
			       int i, int h, int w, int c)
{
	bool wide = hm_cuda_wide(c, dx, dy, x) && hm_cuda_wide(c, dy2, NULL, NULL);
	int units = wide ? c / 8 : c, rows = (h + 1) / 2, columns = (w + 1) / 2;
	size_t n = (size_t)i * rows * columns * units;
	if (!hm_cuda_counts(d, n))
		return;
	const struct max_pool_backward_args a = {.dx = dx,
						 .dy = dy,
						 .dy2 = dy2,
						 .x = x,
						 .n = n,
						 .c = hm_divisor(units),
						 .columns = hm_divisor(columns),
						 .rows = hm_divisor(rows),
						 .h = h,
						 .w = w,
						 .ho = hm_conv_out(h, 3, 2, 1),
						 .wo = hm_conv_out(w, 3, 2, 1),
						 .wide = wide};
	HM_LAUNCH(d, HM_BY_ACT(d, max_pool_backward), hm_cuda_loop(d, n), a);
}

void hm_cuda_avg_pool_backward(struct hm_device *d, void *dx, const float *dy, int i, int h, int w, int c)
{
	bool wide = hm_cuda_wide(c, dx, dy, NULL);
	int units = wide ? c / 8 : c;
	size_t hw = (size_t)h * w, n = i * hw * units;
	if (!hm_cuda_counts(d, n))
		return;
	const struct avg_pool_backward_args a = {
		dx, dy, n, hm_divisor(units), hm_divisor((int)hw), wide, (float)(1 / (double)hw)};
	HM_LAUNCH(d, HM_BY_ACT(d, avg_pool_backward), hm_cuda_loop(d, n), a);
}
