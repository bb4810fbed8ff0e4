/* This file launches the operations that join the two sides of a head: rows of length 1, products, outer
 * products, rectifiers with dropout. */
#include "ops/cuda/cuda.h"
#include "ops/cuda/sidesargs.h"
#include "ops/dropmask.h"

enum { BLOCK = 256, ROWS = BLOCK / 32 }; /* threads per block; rows per block */

static struct hm_grid grid_of_rows(size_t rows)
{
	return hm_cuda_each((rows + ROWS - 1) / ROWS, BLOCK);
}

void hm_cuda_row_norm(struct hm_device *d, float *y, float *norm, const float *x, int m, int k)
{
	const struct row_norm_args a = {y, norm, x, NULL, m, k};
	HM_LAUNCH(d, row_norm, grid_of_rows((size_t)m), a);
}

void hm_cuda_row_norm_backward(struct hm_device *d, float *dx, const float *dy, const float *y,
			       const float *norm, int m, int k)
{
	const struct row_norm_args a = {dx, (float *)(uintptr_t)norm, y, dy, m, k};
	HM_LAUNCH(d, row_norm_backward, grid_of_rows((size_t)m), a);
}

void hm_cuda_mul_add(struct hm_device *d, float *y, const float *a, const float *b, const float *c, size_t n)
{
	const struct mul_add_args args = {y, a, b, c, n};
	HM_LAUNCH(d, mul_add, hm_cuda_loop(d, n), args);
}

void hm_cuda_outer(struct hm_device *d, float *y, const float *a, const float *b, int m, int k)
{
	const struct outer_args args = {y, NULL, a, b, (size_t)m * (size_t)k, k};
	HM_LAUNCH(d, outer, grid_of_rows(args.rows), args);
}

void hm_cuda_outer_backward(struct hm_device *d, float *da, float *db, const float *dy, const float *a,
			    const float *b, int m, int k)
{
	struct outer_args args = {da, dy, a, b, (size_t)m * (size_t)k, k};
	if (da)
		HM_LAUNCH(d, outer_across, grid_of_rows(args.rows), args);
	args.y = db;
	if (db)
		HM_LAUNCH(d, outer_down, hm_cuda_loop(d, args.rows), args);
}

void hm_cuda_relu_drop(struct hm_device *d, float *y, const float *x, bool relu,
		       const struct hm_dropout *drop, size_t n)
{
	const struct relu_drop_args a = {.y = y, .x = x, .n = n, .drop = hm_cuda_drop(d, drop), .relu = relu};
	HM_LAUNCH(d, relu_drop, hm_cuda_loop(d, (n + 3) / 4), a);
}

void hm_cuda_relu_drop_backward(struct hm_device *d, float *dx, const float *dy, const float *y,
				const struct hm_dropout *drop, size_t n)
{
	const struct relu_drop_args a = {
		.y = dx, .x = y, .dy = dy, .n = n, .scale = hm_dropout_on(drop) ? hm_dropout_scale(drop) : 1};
	HM_LAUNCH(d, relu_drop_backward, hm_cuda_loop(d, (n + 3) / 4), a);
}
