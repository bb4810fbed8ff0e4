/* This file is the gradient of add_norm. With shat = (s - mean)*rstd and g = dy*gamma: ds = rstd*(g -
 * mean(g) - shat*mean(g*shat)) + skip. A warp computes a row. dgamma and dbeta are sums over all rows: each
 * warp adds its own rows, a block adds its warps' sums, and add_parts (rows.cu) the blocks', always in one
 * order. */
#include "ops/cuda/warprow.h"
#include "ops/cuda/philox.h"

struct row {
	float mean, rstd;
	float g, dot; /* mean of g, of g*shat */
};

/* Turns g into ds and stores it, and dx, which is dropout of the stored ds. */
template <int n, class act>
HM_DEVICE void put_gradient(float g[n], const float h[n], const struct norm_backward_args &a,
		   const struct hm_draw &draw, size_t at, const struct row &w)
{
	hm_vector<act, n> s, skip = {};
	if (a.skip)
		skip = *(const hm_vector<act, n> *)((const act *)a.skip + at);
#pragma unroll
	for (int i = 0; i < n; i++) {
		hm_put(&s.e[i], w.rstd * (g[i] - w.g - h[i] * w.dot) + hm_get(&skip.e[i]));
		g[i] = hm_get(&s.e[i]);
	}
	*(hm_vector<act, n> *)((act *)a.ds + at) = s;
	if (!a.drop.on)
		return;
	hm_drop<n>(g, a.drop, draw, at);
	hm_store<n>((act *)a.dx + at, g);
}

/* g = dy + dy2, h = shat of row r. */
template <int vectors, int n, class act>
HM_DEVICE void take_row(float g[vectors][n], float h[vectors][n], const struct norm_backward_args &a,
			size_t r, const struct row &w)
{
	hm_vector<act, n> dy[vectors], s[vectors], dy2[vectors] = {};
	hm_load_row<vectors, n>(dy, (const act *)a.dy + r * a.k, a.k, a.gamma);
	hm_load_row<vectors, n>(s, (const act *)a.s + r * a.k, a.k, a.gamma);
	if (a.dy2)
		hm_load_row<vectors, n>(dy2, (const act *)a.dy2 + r * a.k, a.k, a.gamma);
#pragma unroll
	for (int c = 0; c < vectors; c++)
#pragma unroll
		for (int i = 0; i < n; i++) {
			g[c][i] = hm_get(&dy[c].e[i]) + hm_get(&dy2[c].e[i]);
			h[c][i] = (hm_get(&s[c].e[i]) - w.mean) * w.rstd;
		}
}

/* part [2,k] of the block = its warps' sums, added in order. */
template <int vectors, int n>
HM_DEVICE void add_warps(float *part, const float scale[vectors][n], const float shift[vectors][n], int k)
{
	HM_SHARED(float, sum, 2 * HM_HELD * HM_WARP);
	for (int turn = 0; turn < (int)blockDim.x / HM_WARP; turn++) {
		__syncthreads();
#pragma unroll
		for (int c = 0; c < vectors; c++)
#pragma unroll
			for (int i = 0; i < n; i++) {
				int j = hm_spot<n>(c) + i;
				if (turn != (int)threadIdx.x / HM_WARP || j >= k)
					continue;
				sum[j] = scale[c][i] + (turn ? sum[j] : 0);
				sum[k + j] = shift[c][i] + (turn ? sum[k + j] : 0);
			}
	}
	__syncthreads();
	for (int j = threadIdx.x; j < 2 * k; j += blockDim.x)
		part[j] = sum[j];
}

/* The warp's rows, each with all columns at once. */
template <class act> HM_DEVICE void held_rows(const struct norm_backward_args &a, const struct hm_draw &draw)
{
	enum { VECTOR = HM_VECTOR(act), VECTORS = HM_HELD / VECTOR };
	float scale[VECTORS][VECTOR] = {}, shift[VECTORS][VECTOR] = {};
	for (size_t r = hm_first() / HM_WARP; r < (size_t)a.m; r += hm_stride() / HM_WARP) {
		struct row w = {a.stats[2 * r], a.stats[2 * r + 1], 0, 0};
		float g[VECTORS][VECTOR], h[VECTORS][VECTOR], gamma[VECTOR];
		take_row<VECTORS, VECTOR, act>(g, h, a, r, w);
#pragma unroll
		for (int c = 0; c < VECTORS; c++) {
			if (hm_spot<VECTOR>(c) >= a.k)
				continue;
			hm_load<VECTOR>(gamma, a.gamma + hm_spot<VECTOR>(c));
#pragma unroll
			for (int i = 0; i < VECTOR; i++) {
				shift[c][i] += g[c][i];
				scale[c][i] = fmaf(g[c][i], h[c][i], scale[c][i]);
				g[c][i] *= gamma[i];
				w.g += g[c][i];
				w.dot = fmaf(g[c][i], h[c][i], w.dot);
			}
		}
		w.g = hm_warp_sum(w.g) / a.k;
		w.dot = hm_warp_sum(w.dot) / a.k;
#pragma unroll
		for (int c = 0; c < VECTORS; c++)
			if (hm_spot<VECTOR>(c) < a.k)
				put_gradient<VECTOR, act>(g[c], h[c], a, draw, r * a.k + hm_spot<VECTOR>(c),
							  w);
	}
	if (a.part)
		add_warps<VECTORS, VECTOR>(a.part + (size_t)blockIdx.x * 2 * a.k, scale, shift, a.k);
}

template <class act>
HM_DEVICE void read_element(float *g, float *h, const struct norm_backward_args &a, size_t at,
			    const struct row &w)
{
	*g = hm_get((const act *)a.dy + at) + (a.dy2 ? hm_get((const act *)a.dy2 + at) : 0);
	*h = (hm_get((const act *)a.s + at) - w.mean) * w.rstd;
}

/* One row; the block is one warp. Its sums are in `part` all the time, each lane with its own columns. */
template <class act>
HM_DEVICE void any_row(const struct norm_backward_args &a, const struct hm_draw &draw, size_t r, bool first)
{
	int lane = threadIdx.x % HM_WARP;
	struct row w = {a.stats[2 * r], a.stats[2 * r + 1], 0, 0};
	float g[1], h[1];
	for (int j = lane; j < a.k; j += HM_WARP) {
		read_element<act>(g, h, a, r * a.k + j, w);
		if (a.part) {
			float *sum = a.part + (size_t)blockIdx.x * 2 * a.k + j;
			sum[0] = g[0] * h[0] + (first ? 0 : sum[0]);
			sum[a.k] = g[0] + (first ? 0 : sum[a.k]);
		}
		g[0] *= a.gamma[j];
		w.g += g[0];
		w.dot = fmaf(g[0], h[0], w.dot);
	}
	w.g = hm_warp_sum(w.g) / a.k;
	w.dot = hm_warp_sum(w.dot) / a.k;
	for (int j = lane; j < a.k; j += HM_WARP) {
		read_element<act>(g, h, a, r * a.k + j, w);
		g[0] *= a.gamma[j];
		put_gradient<1, act>(g, h, a, draw, r * a.k + j, w);
	}
}

HM_KERNEL_ACT(add_norm_backward, struct norm_backward_args)
{
	struct hm_draw draw = hm_draw_of(a.drop);
	if (a.held)
		held_rows<act>(a, draw);
	else
		for (size_t r = blockIdx.x; r < (size_t)a.m; r += gridDim.x)
			any_row<act>(a, draw, r, r == blockIdx.x);
}
