/* This file computes linear layers on activations: products (product.c), with weights narrowed to bf16
 * where the device computes in bf16. */
#include "ops/cuda/textargs.h"
#include "ops/cuda/weight.h"

#include <stdlib.h>

enum {
	ROWS = 64,
	ALIGN = 256
}; /* ROWS: products have a multiple of so many rows, so that few shapes occur and repeat */

int hm_cuda_rows_round(const struct hm_device *d, int m)
{
	(void)d;
	return m > INT32_MAX - ROWS ? m : (m + ROWS - 1) / ROWS * ROWS;
}

/* to_w [n_w] and to_b [n_b], bf16, = w and b, f32. */
static void to_bf16(struct hm_device *d, void *to_w, void *to_b, const float *w, const float *b, size_t n_w,
		    size_t n_b)
{
	struct narrow_weight_args a = {to_w, to_b, w, b, n_w, n_b};
	HM_LAUNCH(d, narrow_weight, hm_cuda_loop(d, n_w / 4 + 1), a);
}

/* ---- inference */

/* Copies n floats from the host into new device memory, converted to type t. */
static void *pack_floats(struct hm_device *d, const float *x, size_t n, enum hm_dtype t)
{
	void *y = hm_cuda_alloc(d, n * hm_dtype_size(t));
	if (y && t == HM_F32)
		hm_cuda_upload(d, y, x, n * sizeof *x);
	else if (y) {
		float *wide = hm_cuda_scratch(d, n * sizeof *x);
		if (!wide)
			return y;
		hm_cuda_upload(d, wide, x, n * sizeof *x);
		to_bf16(d, y, NULL, wide, NULL, n, 0);
	}
	return y;
}

struct hm_weight *hm_cuda_linear_pack(struct hm_device *d, const struct hm_linear *l, const float *w,
				      const float *b)
{
	struct hm_weight *wt = hm_alloc(1, sizeof *wt, &d->err);
	if (!wt)
		return NULL;
	wt->linear = *l;
	wt->k = l->k;
	wt->w = pack_floats(d, w, (size_t)l->n * (size_t)l->k, d->act);
	if (b)
		wt->b = pack_floats(d, b, (size_t)l->n, l->f32 ? HM_F32 : d->act);
	if (!d->err.code)
		return wt;
	hm_cuda_weight_free(d, wt);
	return NULL;
}

/* Applies the activation to y [n] of type t. cuBLASLt's own GELU is the approximation with tanh, so it is
 * not used. */
static void activate_output(struct hm_device *d, enum hm_act act, void *y, size_t n, enum hm_dtype t)
{
	bool bf16 = t == HM_BF16;
	struct element_args a = {y, y, NULL, n};
	struct hm_grid grid = hm_cuda_loop(d, n / (bf16 ? 8 : 4) + 1);
	if (act == HM_ACT_GELU)
		HM_LAUNCH(d, bf16 ? gelu_bf16 : gelu_f32, grid, a);
	if (act == HM_ACT_QUICK_GELU)
		HM_LAUNCH(d, bf16 ? quick_gelu_bf16 : quick_gelu_f32, grid, a);
	if (act == HM_ACT_TANH)
		HM_LAUNCH(d, bf16 ? tanh_bf16 : tanh_f32, grid, a);
}

void hm_cuda_matmul(struct hm_device *d, void *y, const void *x, const struct hm_weight *w, int m)
{
	const struct hm_linear *l = &w->linear;
	struct hm_gemm g = {.m = hm_cuda_rows_round(d, m),
			    .n = l->n,
			    .k = l->k,
			    .tb = true,
			    .ldb = w->k,
			    .in = d->act,
			    .out = l->f32 ? HM_F32 : d->act,
			    .relu = l->act == HM_ACT_RELU};
	hm_cuda_gemm(d, &g, y, x, w->w, w->b, NULL);
	activate_output(d, l->act, y, (size_t)m * (size_t)l->n, g.out);
}

/* ---- training */

/* Gives a weight and its bias the products' type: they stay, or are narrowed into scratch memory. b may
 * stay NULL. */
static void narrow_weight_for(struct hm_device *d, const void **w, const void **b, size_t n, size_t k)
{
	size_t bytes = (n * k * 2 + ALIGN - 1) / ALIGN * ALIGN;
	if (d->act == HM_F32)
		return;
	char *to = hm_cuda_scratch(d, bytes + n * 2);
	if (!to)
		return;
	to_bf16(d, to, to + bytes, *w, *b, n * k, *b ? n : 0);
	*w = to;
	*b = *b ? to + bytes : NULL;
}

void hm_cuda_dense_forward(struct hm_device *d, void *y, const void *x, const float *w, const float *b, int m,
			   int n, int k)
{
	struct hm_gemm g = {
		.m = hm_cuda_rows_round(d, m), .n = n, .k = k, .tb = true, .in = d->act, .out = d->act};
	const void *weight = w, *bias = b;
	narrow_weight_for(d, &weight, &bias, (size_t)n, (size_t)k);
	hm_cuda_gemm(d, &g, y, x, weight, bias, NULL);
}

/* The product for dw sums over rows. Rows past m may hold NaN, so set them to zero: then this product has
 * one of few shapes, for which a plan is made once, and a length that suits tensor cores. */
static void clear_spare(struct hm_device *d, const void *dy, const void *x, int m, int n, int k)
{
	size_t spare = (size_t)(hm_cuda_rows_round(d, m) - m), size = hm_dtype_size(d->act);
	char *y = (char *)(uintptr_t)dy, *z = (char *)(uintptr_t)x; /* ops.h lets us write the spare rows */
	struct clear_spare_args a = {y + (size_t)m * (size_t)n * size, z + (size_t)m * (size_t)k * size,
				     spare * (size_t)n, spare * (size_t)k};
	if (spare)
		HM_LAUNCH(d, HM_BY_ACT(d, clear_spare), hm_cuda_loop(d, spare * (size_t)(n > k ? n : k)), a);
}

void hm_cuda_dense_backward(struct hm_device *d, void *dx, float *dw, float *db, const void *dy,
			    const void *x, const float *w, int m, int n, int k)
{
	int rows = hm_cuda_rows_round(d, m);
	struct hm_gemm of_x = {.m = rows, .n = k, .k = n, .in = d->act, .out = d->act}, of_w = {.m = n,
												.n = k,
												.k = rows,
												.ta = true,
												.in = d->act,
												.out = HM_F32,
												.add = true};
	const void *weight = w, *none = NULL;
	if (dx) {
		narrow_weight_for(d, &weight, &none, (size_t)n, (size_t)k);
		hm_cuda_gemm(d, &of_x, dx, dy, weight, NULL, NULL);
	}
	if (dw) {
		clear_spare(d, dy, x, m, n, k);
		hm_cuda_gemm(d, &of_w, dw, dy, x, NULL, db);
	} else if (db) {
		hm_cuda_add_rows_backward(d, db, NULL, dy, NULL, -1, m, n);
	}
}
