/* This file has the kernels of f32 heads and optimizers. Where results must equal ref's to the bit, fused
 * multiply-adds call fmaf as ref does, nothing else is fused (-fmad=false), and division and square root
 * are correctly rounded. */
#include "ops/cuda/trainargs.h"
#include "ops/cuda/vector.h"

#include <math.h>

HM_DEVICE int32_t row_of_warp(void)
{
	return (int32_t)((blockIdx.x * blockDim.x + threadIdx.x) / HM_WARP);
}

/* The largest of x [n], in every lane. NaN is skipped: the sums of exp become NaN anyway. All lanes call. */
HM_DEVICE float row_top(const float *x, int32_t n)
{
	float top = -INFINITY;
	for (int32_t j = threadIdx.x % HM_WARP; j < n; j += HM_WARP)
		top = fmaxf(top, x[j]);
	return hm_warp_max(top);
}

/* Sum of exp(x[j] - top) except j = without. */
HM_DEVICE float row_sum(const float *x, int32_t n, float top, int32_t without)
{
	float sum = 0;
	for (int32_t j = threadIdx.x % HM_WARP; j < n; j += HM_WARP)
		sum += j == without ? 0 : expf(x[j] - top);
	return hm_warp_sum(sum);
}

HM_KERNEL(softmax, struct softmax_args)
{
	const int32_t r = row_of_warp();
	if (r >= a.m)
		return;
	const float *x = a.x + (size_t)r * a.n;
	float top = row_top(x, a.n), sum = row_sum(x, a.n, top, -1);
	for (int32_t j = threadIdx.x % HM_WARP; j < a.n; j += HM_WARP)
		a.y[(size_t)r * a.n + j] = expf(x[j] - top) / sum;
}

/* Sum of the weights of all labels; all threads call. */
HM_DEVICE double all_weights(const struct cross_entropy_args &a)
{
	double sum = 0;
	if (!a.weight)
		return a.m;
	for (int32_t r = (int32_t)threadIdx.x; r < a.m; r += (int32_t)blockDim.x)
		sum += a.weight[a.label[r]];
	return hm_block_sum(sum);
}

/* The terms other than the label's are summed separately: when a row is nearly certain, 1 - p and the loss
 * keep their digits. */
HM_KERNEL(cross_entropy_rows, struct cross_entropy_args)
{
	const int32_t r = row_of_warp();
	const double total = a.total ? *a.total : all_weights(a);
	if (r >= a.m)
		return;
	const int32_t label = a.label[r];
	const float *x = a.x + (size_t)r * a.n;
	const double u = a.weight ? a.weight[label] : 1;
	float at = x[label], top = row_top(x, a.n), others = row_sum(x, a.n, top, label);
	double sum = (double)expf(at - top) + others;
	float factor = (float)(u / total), share = (float)(1 / sum);
	if (threadIdx.x % HM_WARP == 0)
		a.row[r] = u * ((double)top - at + log(sum));
	__syncwarp();
	for (int32_t j = threadIdx.x % HM_WARP; a.dx && j < a.n; j += HM_WARP) {
		float p = j == label ? -others : expf(x[j] - top);
		a.dx[(size_t)r * a.n + j] = factor * (p * share);
	}
}

HM_KERNEL(cross_entropy_loss, struct cross_entropy_args)
{
	const double own = a.sums || !a.total ? all_weights(a) : 0;
	double sum = 0;
	for (int32_t r = (int32_t)threadIdx.x; r < a.m; r += (int32_t)blockDim.x)
		sum += a.row[r];
	sum = hm_block_sum(sum);
	if (threadIdx.x == 0 && a.loss)
		*a.loss = (float)(sum / (a.total ? *a.total : own));
	if (threadIdx.x == 0 && a.sums) {
		a.sums[0] = sum;
		a.sums[1] = own;
	}
}

template <int N> HM_DEVICE void copy_columns_units(const struct copy_columns_args &a)
{
	for (size_t u = hm_first(); u < a.n; u += hm_stride()) {
		uint32_t j, r = hm_divide((uint32_t)u, a.k, &j);
		float v[N];
		hm_load<N>(v, a.x + (r * a.ldx + j) * N);
		hm_store<N>(a.y + (r * a.ldy + j) * N, v);
	}
}

HM_KERNEL(copy_columns, struct copy_columns_args)
{
	if (a.wide)
		copy_columns_units<4>(a);
	else
		copy_columns_units<1>(a);
}

HM_KERNEL(scale_rows, struct scale_rows_args)
{
	const int32_t r = row_of_warp();
	for (int32_t j = threadIdx.x % HM_WARP; r < a.n && j < a.k; j += HM_WARP)
		a.y[(size_t)r * a.k + j] = a.scale[r] * a.x[(size_t)r * a.k + j];
}

HM_KERNEL(scale_rows_backward, struct scale_rows_backward_args)
{
	const int32_t r = row_of_warp();
	float sum = 0;
	if (r >= a.n)
		return;
	for (int32_t j = threadIdx.x % HM_WARP; j < a.k; j += HM_WARP) {
		size_t at = (size_t)r * a.k + j;
		sum += a.dy[at] * a.x[at];
		a.dx[at] += a.scale[r] * a.dy[at];
	}
	sum = hm_warp_sum(sum);
	if (threadIdx.x % HM_WARP == 0)
		a.dscale[r] += sum;
}

/* ---- optimizers */

template <int N> HM_DEVICE void sgd_at(const struct sgd_args &a, const struct sgd_step &s, size_t j)
{
	float p[N], v[N] = {0}, u[N];
	hm_load<N>(p, a.p + j);
	hm_load<N>(u, a.g + j);
	if (a.momentum != 0 && !s.first)
		hm_load<N>(v, a.v + j);
	for (int l = 0; l < N; l++) {
		u[l] = a.decay != 0 ? fmaf(a.decay, p[l], u[l]) : u[l];
		if (a.momentum != 0)
			u[l] = s.first ? u[l] : v[l] * a.momentum + u[l];
		p[l] = fmaf(s.lr, u[l], p[l]);
	}
	if (a.momentum != 0)
		hm_store<N>(a.v + j, u);
	hm_store<N>(a.p + j, p);
}

HM_KERNEL(sgd, struct sgd_args)
{
	const struct sgd_step s = *a.step;
	for (size_t j = hm_first(); j < a.quads; j += hm_stride())
		sgd_at<4>(a, s, 4 * j);
	for (size_t j = 4 * a.quads + hm_first(); j < a.n; j += hm_stride())
		sgd_at<1>(a, s, j);
}

template <int N> HM_DEVICE void adam_at(const struct adam_args &a, const struct adam_step &s, size_t j)
{
	float p[N], m[N], v[N], g[N];
	hm_load<N>(p, a.p + j);
	hm_load<N>(m, a.m + j);
	hm_load<N>(v, a.v + j);
	hm_load<N>(g, a.g + j);
	for (int l = 0; l < N; l++) {
		float q = p[l] * s.keep, u = a.decay != 0 ? fmaf(a.decay, q, g[l]) : g[l];
		m[l] = fmaf(a.c1, u - m[l], m[l]);
		v[l] = fmaf(a.c2 * u, u, v[l] * a.b2);
		p[l] = q + s.lr * m[l] / (sqrtf(v[l]) / s.root + a.eps);
	}
	hm_store<N>(a.m + j, m);
	hm_store<N>(a.v + j, v);
	hm_store<N>(a.p + j, p);
}

HM_KERNEL(adam, struct adam_args)
{
	const struct adam_step s = *a.step;
	for (size_t j = hm_first(); j < a.quads; j += hm_stride())
		adam_at<4>(a, s, 4 * j);
	for (size_t j = 4 * a.quads + hm_first(); j < a.n; j += hm_stride())
		adam_at<1>(a, s, j);
}

HM_KERNEL(sum_squares_parts, struct sum_squares_args)
{
	double sum = 0;
#pragma unroll 4
	for (size_t j = hm_first(); j < a.quads; j += hm_stride()) {
		float v[4];
		hm_load<4>(v, a.g + 4 * j);
		for (int l = 0; l < 4; l++)
			sum += (double)v[l] * v[l];
	}
	for (size_t j = 4 * a.quads + hm_first(); j < a.n; j += hm_stride())
		sum += (double)a.g[j] * a.g[j];
	sum = hm_block_sum(sum);
	if (threadIdx.x == 0)
		a.part[blockIdx.x] = sum;
}

HM_KERNEL(sum_squares_total, struct sum_squares_args)
{
	double sum = 0;
	for (size_t j = threadIdx.x; j < a.parts; j += blockDim.x)
		sum += a.part[j];
	sum = hm_block_sum(sum);
	if (threadIdx.x == 0)
		*a.sum += sum;
}

template <int N> HM_DEVICE void scale_at(float *g, float factor)
{
	float v[N];
	hm_load<N>(v, g);
	for (int l = 0; l < N; l++)
		v[l] *= factor;
	hm_store<N>(g, v);
}

HM_KERNEL(clip, struct clip_args)
{
	const double factor = a.most / (sqrt(*a.sum) + 1e-6);
	if (!(factor < 1))
		return;
	for (size_t j = hm_first(); j < a.quads; j += hm_stride())
		scale_at<4>(a.g + 4 * j, (float)factor);
	for (size_t j = 4 * a.quads + hm_first(); j < a.n; j += hm_stride())
		scale_at<1>(a.g + j, (float)factor);
}
