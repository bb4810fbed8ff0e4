/* This file has the kernels of batch norm, forward and backward: sums over rows in pieces, then the
 * coefficients per channel, then each element. A thread keeps its channels and walks down the rows, so that
 * the values of a channel are read once; it loads several rows before it uses them. */
#include "ops/cuda/imageargs.h"
#include "ops/cuda/vector.h"

enum {
	AHEAD = 2, /* rows that are loaded before they are used */
	CHANNELS = HM_BN_THREADS / HM_BN_TEAM
};

/* A thread's place: its first channel, its first row within the block, the distance to its next row; `idle`
 * when it has none. */
struct hm_place {
	uint32_t c, row, step;
	bool idle;
};

template <int N> HM_DEVICE struct hm_place place_of(const struct batch_norm_args &a)
{
	struct hm_place p;
	p.row = threadIdx.x / a.lanes;
	p.step = HM_BN_THREADS / a.lanes;
	p.c = (blockIdx.y * a.lanes + threadIdx.x - p.row * a.lanes) * N;
	p.idle = p.row >= p.step || p.c >= a.c;
	return p;
}

/* Sums v over the threads of a block that have the same channels, in double, into `to` [c]. All threads
 * call; idle threads pass 0. */
template <int N> HM_DEVICE void sum_rows(const struct batch_norm_args &a, double *to, const double (&v)[N])
{
	HM_SHARED(double, part, N *HM_BN_THREADS);
	const uint32_t k = threadIdx.x / a.lanes, lane = threadIdx.x - k * a.lanes,
		       c = (blockIdx.y * a.lanes + lane) * N + k;
	__syncthreads();
	for (int l = 0; l < N; l++)
		part[l * HM_BN_THREADS + threadIdx.x] = v[l];
	__syncthreads();
	if (k < N && c < a.c) {
		double sum = 0;
		for (uint32_t r = 0; r < HM_BN_THREADS / a.lanes; r++)
			sum += part[k * HM_BN_THREADS + r * a.lanes + lane];
		to[c] = sum;
	}
}

/* Sums x and x^2 about the thread's own first value, so that a mean far from 0 cancels nothing. At the end
 * they become sums about 0 in double, which has room for means of some 10^5 standard deviations. */
template <class act, int N> HM_DEVICE void sums_block(const struct batch_norm_args &a)
{
	const struct hm_place p = place_of<N>(a);
	const uint32_t from = blockIdx.x * a.rows, to = a.m - from < a.rows ? a.m : from + a.rows;
	const act *x = (const act *)a.x + p.c;
	float first[N] = {0}, sum[N] = {0}, square[N] = {0};
	double n = 0, total[N], squares[N];
	if (!p.idle && from + p.row < to) {
		hm_load<N>(first, x + (size_t)(from + p.row) * a.c);
		n = (to - from - p.row + p.step - 1) / p.step;
#pragma unroll 4
		for (uint32_t r = from + p.row + p.step; r < to; r += p.step) {
			float v[N];
			hm_load<N>(v, x + (size_t)r * a.c);
			for (int l = 0; l < N; l++) {
				float t = v[l] - first[l];
				sum[l] += t;
				square[l] = fmaf(t, t, square[l]);
			}
		}
	}
	for (int l = 0; l < N; l++) {
		double f = first[l], s = sum[l];
		total[l] = s + n * f;
		squares[l] = square[l] + f * (2 * s + n * f);
	}
	sum_rows<N>(a, a.part + (size_t)blockIdx.x * 2 * a.c, total);
	sum_rows<N>(a, a.part + (size_t)blockIdx.x * 2 * a.c + a.c, squares);
}

HM_KERNEL_ACT(batch_norm_sums, struct batch_norm_args)
{
	if (a.wide)
		sums_block<act, 8>(a);
	else
		sums_block<act, 1>(a);
}

/* Both sums of channel blockIdx.x*CHANNELS + threadIdx.x%CHANNELS over all pieces, in a fixed order; valid
 * in the first CHANNELS threads. All threads call. */
HM_DEVICE void sum_pieces(const struct batch_norm_args &a, double *first, double *second)
{
	HM_SHARED(double, part, 2 * HM_BN_THREADS);
	const uint32_t c = blockIdx.x * CHANNELS + threadIdx.x % CHANNELS;
	double s = 0, t = 0;
	if (c < a.c)
#pragma unroll 4
		for (uint32_t j = threadIdx.x / CHANNELS; j < a.chunks; j += HM_BN_TEAM) {
			s += a.part[(size_t)2 * j * a.c + c];
			t += a.part[((size_t)2 * j + 1) * a.c + c];
		}
	__syncthreads();
	part[threadIdx.x] = s;
	part[HM_BN_THREADS + threadIdx.x] = t;
	__syncthreads();
	*first = *second = 0;
	for (uint32_t j = threadIdx.x % CHANNELS; j < HM_BN_THREADS; j += CHANNELS) {
		*first += part[j];
		*second += part[HM_BN_THREADS + j];
	}
}

/* y = (x - mean)*scale + shift with the mean as saved; shift corrects for its rounding. */
HM_KERNEL(batch_norm_totals, struct batch_norm_args)
{
	const uint32_t c = blockIdx.x * CHANNELS + threadIdx.x;
	const double m = a.m;
	double sum, squares;
	sum_pieces(a, &sum, &squares);
	if (threadIdx.x >= CHANNELS || c >= a.c)
		return;
	double mean = a.mean[c], var = a.var[c];
	if (a.batch) {
		mean = sum / m;
		var = squares / m - mean * mean;
		var = var < 0 ? 0 : var; /* not NaN */
		a.mean[c] = (float)((1 - a.momentum) * a.mean[c] + a.momentum * mean);
		a.var[c] = (float)((1 - a.momentum) * a.var[c] + a.momentum * var * m / (m - 1));
	}
	double rstd = 1 / sqrt(var + a.eps), scale = rstd * a.gamma[c];
	a.save[c] = (float)mean;
	a.save[a.c + c] = (float)rstd;
	a.coef[c] = (float)scale;
	a.coef[a.c + c] = (float)(a.beta[c] - (mean - (float)mean) * scale);
}

/* The rows of this block, in kernels that compute no sums. */
HM_DEVICE uint32_t last_row(const struct batch_norm_args &a)
{
	return a.m - blockIdx.x * a.run < a.run ? a.m : (blockIdx.x + 1) * a.run;
}

template <class act, int N> HM_DEVICE void apply_rows(const struct batch_norm_args &a)
{
	const struct hm_place p = place_of<N>(a);
	const uint32_t to = last_row(a);
	float mean[N], scale[N], shift[N];
	if (p.idle)
		return;
	hm_load<N>(mean, a.save + p.c);
	hm_load<N>(scale, a.coef + p.c);
	hm_load<N>(shift, a.coef + a.c + p.c);
	for (uint32_t r = blockIdx.x * a.run + p.row; r < to; r += AHEAD * p.step) {
		float v[AHEAD][N], t[AHEAD][N] = {{0}};
#pragma unroll
		for (int k = 0; k < AHEAD; k++) {
			size_t at = (size_t)(r + k * p.step) * a.c + p.c;
			if (r + k * p.step < to)
				hm_load<N>(v[k], (const act *)a.x + at);
			if (r + k * p.step < to && a.res)
				hm_load<N>(t[k], (const act *)a.res + at);
		}
#pragma unroll
		for (int k = 0; k < AHEAD; k++) {
			for (int l = 0; l < N; l++) {
				float y = fmaf(v[k][l] - mean[l], scale[l], shift[l]) + t[k][l];
				v[k][l] = a.relu && y < 0 ? 0 : y;
			}
			if (r + k * p.step < to)
				hm_store<N>((act *)a.y + (size_t)(r + k * p.step) * a.c + p.c, v[k]);
		}
	}
}

HM_KERNEL_ACT(batch_norm_apply, struct batch_norm_args)
{
	if (a.wide)
		apply_rows<act, 8>(a);
	else
		apply_rows<act, 1>(a);
}

/* The value as it will be read back. */
template <class act> HM_DEVICE float as_stored(float v)
{
	act t;
	hm_put(&t, v);
	return hm_get(&t);
}

/* g = (dy + dy2)*(relu ? y > 0 : 1) for N elements from `at`. */
template <class act, int N>
HM_DEVICE void gradient_at(float (&g)[N], const struct batch_norm_args &a, size_t at)
{
	float t[N] = {0}, y[N] = {0};
	hm_load<N>(g, (const act *)a.dy + at);
	if (a.dy2)
		hm_load<N>(t, (const act *)a.dy2 + at);
	if (a.relu)
		hm_load<N>(y, (const act *)a.seen + at);
	for (int l = 0; l < N; l++)
		g[l] = a.relu && !(y[l] > 0) ? 0 : g[l] + t[l];
}

template <class act, int N> HM_DEVICE void dots_block(const struct batch_norm_args &a)
{
	const struct hm_place p = place_of<N>(a);
	const uint32_t from = blockIdx.x * a.rows, to = a.m - from < a.rows ? a.m : from + a.rows;
	float mean[N] = {0}, sum[N] = {0}, dot[N] = {0};
	double total[N], dots[N];
	if (!p.idle)
		hm_load<N>(mean, a.save + p.c);
	for (uint32_t r = from + p.row; r < to && !p.idle; r += AHEAD * p.step) {
		float g[AHEAD][N] = {{0}}, v[AHEAD][N] = {{0}};
#pragma unroll
		for (int k = 0; k < AHEAD; k++) {
			size_t at = (size_t)(r + k * p.step) * a.c + p.c;
			if (r + k * p.step < to) {
				gradient_at<act, N>(g[k], a, at);
				hm_load<N>(v[k], (const act *)a.x + at);
			}
		}
#pragma unroll
		for (int k = 0; k < AHEAD; k++)
			if (r + k * p.step < to) {
				for (int l = 0; l < N; l++) {
					g[k][l] = a.dres ? as_stored<act>(g[k][l]) : g[k][l];
					sum[l] += g[k][l];
					dot[l] = fmaf(g[k][l], v[k][l] - mean[l], dot[l]);
				}
				if (a.dres)
					hm_store<N>((act *)a.dres + (size_t)(r + k * p.step) * a.c + p.c,
						    g[k]);
			}
	}
	for (int l = 0; l < N; l++)
		total[l] = sum[l], dots[l] = dot[l];
	sum_rows<N>(a, a.part + (size_t)blockIdx.x * 2 * a.c, total);
	sum_rows<N>(a, a.part + (size_t)blockIdx.x * 2 * a.c + a.c, dots);
}

HM_KERNEL_ACT(batch_norm_dots, struct batch_norm_args)
{
	if (a.wide)
		dots_block<act, 8>(a);
	else
		dots_block<act, 1>(a);
}

HM_KERNEL(batch_norm_slopes, struct batch_norm_args)
{
	const uint32_t c = blockIdx.x * CHANNELS + threadIdx.x;
	const double m = a.m;
	double sum, dot;
	sum_pieces(a, &sum, &dot);
	if (threadIdx.x >= CHANNELS || c >= a.c)
		return;
	double rstd = a.save[a.c + c];
	if (a.dgamma)
		a.dgamma[c] = (float)(a.dgamma[c] + dot * rstd);
	if (a.dbeta)
		a.dbeta[c] = (float)(a.dbeta[c] + sum);
	a.coef[c] = (float)(a.gamma[c] * rstd);
	a.coef[a.c + c] = a.batch ? (float)(sum / m) : 0;
	a.coef[2 * a.c + c] = a.batch ? (float)(dot * rstd * rstd / m) : 0;
}

/* dx = scale*(g - shift - (x - mean)*slope). `stored`: g is dres. */
template <class act, int N, bool stored> HM_DEVICE void backward_rows(const struct batch_norm_args &a)
{
	const struct hm_place p = place_of<N>(a);
	const uint32_t to = last_row(a);
	float mean[N], scale[N], shift[N], slope[N];
	if (p.idle)
		return;
	hm_load<N>(mean, a.save + p.c);
	hm_load<N>(scale, a.coef + p.c);
	hm_load<N>(shift, a.coef + a.c + p.c);
	hm_load<N>(slope, a.coef + 2 * a.c + p.c);
	for (uint32_t r = blockIdx.x * a.run + p.row; r < to; r += AHEAD * p.step) {
		float g[AHEAD][N], v[AHEAD][N];
#pragma unroll
		for (int k = 0; k < AHEAD; k++) {
			size_t at = (size_t)(r + k * p.step) * a.c + p.c;
			if (r + k * p.step < to) {
				if (stored)
					hm_load<N>(g[k], (const act *)a.dres + at);
				else
					gradient_at<act, N>(g[k], a, at);
				hm_load<N>(v[k], (const act *)a.x + at);
			}
		}
#pragma unroll
		for (int k = 0; k < AHEAD; k++) {
			for (int l = 0; l < N; l++)
				v[k][l] = scale[l] * (g[k][l] - shift[l] - (v[k][l] - mean[l]) * slope[l]);
			if (r + k * p.step < to)
				hm_store<N>((act *)a.dx + (size_t)(r + k * p.step) * a.c + p.c, v[k]);
		}
	}
}

HM_KERNEL_ACT(batch_norm_backward, struct batch_norm_args)
{
	if (a.wide && a.dres)
		backward_rows<act, 8, true>(a);
	else if (a.wide)
		backward_rows<act, 8, false>(a);
	else if (a.dres)
		backward_rows<act, 1, true>(a);
	else
		backward_rows<act, 1, false>(a);
}
