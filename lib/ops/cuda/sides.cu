/* This file has the kernels that join the two sides of a head. Their time is that of reading and writing
 * once; they work in place where ops.h allows it, as a thread writes only what it alone has read. */
#include "ops/cuda/vector.h"
#include "ops/cuda/philox.h"
#include "ops/cuda/sidesargs.h"

#include <math.h>

/* ---- a warp per row */

HM_DEVICE size_t row_of_warp(void)
{
	return hm_first() / HM_WARP;
}

/* Sum of a[j]*b[j], j < k, in every lane; all lanes call. */
template <class real> HM_DEVICE real row_dot(const float *a, const float *b, int64_t k)
{
	real sum = 0;
	for (int64_t j = threadIdx.x % HM_WARP; j < k; j += HM_WARP)
		sum += (real)a[j] * (real)b[j];
	return hm_warp_sum(sum);
}

/* Squares are added in double: those of small numbers vanish in f32. */
HM_KERNEL(row_norm, struct row_norm_args)
{
	const size_t r = row_of_warp();
	if (r >= (size_t)a.m)
		return;
	const float *x = a.x + r * a.k;
	float length = (float)sqrt(row_dot<double>(x, x, a.k));
	length = length < 1e-12f ? 1e-12f : length;
	for (int32_t j = threadIdx.x % HM_WARP; j < a.k; j += HM_WARP)
		a.y[r * a.k + j] = x[j] / length;
	if (threadIdx.x % HM_WARP == 0)
		a.norm[r] = length;
}

HM_KERNEL(row_norm_backward, struct row_norm_args)
{
	const size_t r = row_of_warp();
	if (r >= (size_t)a.m)
		return;
	const float *y = a.x + r * a.k, *dy = a.dy + r * a.k;
	const float norm = a.norm[r];
	const float all = row_dot<float>(dy, y, a.k), along = norm > 1e-12f ? all : 0;
	for (int32_t j = threadIdx.x % HM_WARP; j < a.k; j += HM_WARP)
		a.y[r * a.k + j] = (dy[j] - y[j] * along) / norm;
}

HM_KERNEL(outer, struct outer_args)
{
	const size_t row = row_of_warp();
	if (row >= a.rows)
		return;
	const float factor = a.a[row], *b = a.b + row / (size_t)a.k * (size_t)a.k;
	for (int64_t j = threadIdx.x % HM_WARP; j < a.k; j += HM_WARP)
		a.y[row * a.k + j] = factor * b[j];
}

HM_KERNEL(outer_across, struct outer_args)
{
	const size_t row = row_of_warp();
	if (row >= a.rows)
		return;
	const float sum = row_dot<float>(a.dy + row * a.k, a.b + row / (size_t)a.k * (size_t)a.k, a.k);
	if (threadIdx.x % HM_WARP == 0)
		a.y[row] = sum;
}

/* ---- a thread per element, or per four */

/* Neighbouring threads read neighbouring columns. */
HM_KERNEL(outer_down, struct outer_args)
{
	const size_t k = (size_t)a.k;
	for (size_t at = hm_first(); at < a.rows; at += hm_stride()) {
		const size_t r = at / k, j = at % k;
		const float *factor = a.a + r * k, *dy = a.dy + r * k * k + j;
		float sum = 0;
		for (size_t i = 0; i < k; i++)
			sum += factor[i] * dy[i * k];
		a.y[at] = sum;
	}
}

HM_KERNEL(mul_add, struct mul_add_args)
{
	for (size_t j = hm_first(); j < a.n; j += hm_stride())
		a.y[j] = a.a[j] * a.b[j] + (a.c ? a.c[j] : 0);
}

template <int n>
HM_DEVICE void relu_drop_some(const struct relu_drop_args &a, const struct hm_draw &w, size_t j)
{
	float v[n];
	hm_load<n>(v, a.x + j);
#pragma unroll
	for (int i = 0; i < n; i++)
		v[i] = a.relu && v[i] <= 0 ? 0 : v[i];
	if (a.drop.on)
		hm_drop<n>(v, a.drop, w, j);
	hm_store<n>(a.y + j, v);
}

HM_KERNEL(relu_drop, struct relu_drop_args)
{
	struct hm_draw w = hm_draw_of(a.drop);
	size_t even = !a.drop.straddle && hm_aligned(a.y) && hm_aligned(a.x) ? a.n / 4 : 0;
	for (size_t j = hm_first(); j < even; j += hm_stride())
		relu_drop_some<4>(a, w, 4 * j);
	for (size_t j = 4 * even + hm_first(); j < a.n; j += hm_stride())
		relu_drop_some<1>(a, w, j);
}

HM_KERNEL(relu_drop_backward, struct relu_drop_args)
{
	for (size_t j = hm_first(); j < a.n; j += hm_stride())
		a.y[j] = a.x[j] > 0 ? a.dy[j] * a.scale : 0;
}
