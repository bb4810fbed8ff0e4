/* This file is LayerNorm, alone or together with what precedes it: embeddings, or dropout and a residual. A
 * warp computes a row, so that sums need shuffles and no barrier. Rows that fit are loaded once, 16 bytes
 * at a time, and stay in registers. Others are read again in each of the three passes: mean, variance about
 * it, result. */
#include "ops/cuda/warprow.h"
#include "ops/cuda/philox.h"

enum source { EMBED, NORM, ADD_NORM, AS_STORED };

/* Applies dropout to v, adds res [n] and stores the sum at element `at` of x; v becomes what was stored. */
template <int n, class act>
HM_DEVICE void add_and_store(float v[n], const struct norm_args &a, const struct hm_draw &draw, size_t at,
			     const float res[n])
{
	hm_vector<act, n> s;
	if (a.drop.on)
		hm_drop<n>(v, a.drop, draw, at);
#pragma unroll
	for (int i = 0; i < n; i++) {
		hm_put(&s.e[i], v[i] + res[i]);
		v[i] = hm_get(&s.e[i]);
	}
	*(hm_vector<act, n> *)((act *)a.x + at) = s;
}

/* v becomes LN(v) and is stored at element j of row r. */
template <int n, class act>
HM_DEVICE void put_normalised(float v[n], const struct norm_args &a, size_t r, int j, float mean, float rstd)
{
	float g[n], b[n];
	hm_load<n>(g, a.gamma + j);
	hm_load<n>(b, a.beta + j);
#pragma unroll
	for (int i = 0; i < n; i++)
		v[i] = fmaf((v[i] - mean) * rstd, g[i], b[i]);
	hm_store<n>((act *)a.y + r * a.k + j, v);
}

template <int n> HM_DEVICE float squares_about(const float v[n], float mean)
{
	float sum = 0;
#pragma unroll
	for (int i = 0; i < n; i++)
		sum = fmaf(v[i] - mean, v[i] - mean, sum);
	return sum;
}

HM_DEVICE void save_stats(const struct norm_args &a, size_t r, float mean, float rstd)
{
	if (a.stats && threadIdx.x % HM_WARP == 0) {
		a.stats[2 * r] = mean;
		a.stats[2 * r + 1] = rstd;
	}
}

/* Row r before the norm. */
template <int vectors, int n>
HM_DEVICE void embed_row(float v[vectors][n], const struct norm_args &a, size_t r)
{
	hm_vector<float, n> w[vectors], p[vectors], t[vectors];
	hm_load_row<vectors, n>(w, a.word + (size_t)a.id[r] * a.k, a.k, a.gamma);
	hm_load_row<vectors, n>(p, a.position + (size_t)a.pos[r] * a.k, a.k, a.gamma);
	hm_load_row<vectors, n>(t, a.type0, a.k, a.gamma);
#pragma unroll
	for (int c = 0; c < vectors; c++)
#pragma unroll
		for (int i = 0; i < n; i++)
			v[c][i] = w[c].e[i] + p[c].e[i] + t[c].e[i];
}

template <int vectors, int n, class act>
HM_DEVICE void sum_row(float v[vectors][n], const struct norm_args &a, const struct hm_draw &draw, size_t r,
		       enum source from)
{
	hm_vector<act, n> x[vectors], b[vectors] = {};
	hm_load_row<vectors, n>(x, (const act *)a.x + r * a.k, a.k, a.gamma);
	if (a.res)
		hm_load_row<vectors, n>(b, (const act *)a.res + r * a.k, a.k, a.gamma);
#pragma unroll
	for (int c = 0; c < vectors; c++) {
		float res[n];
#pragma unroll
		for (int i = 0; i < n; i++) {
			v[c][i] = hm_get(&x[c].e[i]);
			res[i] = hm_get(&b[c].e[i]);
		}
		if (from == ADD_NORM && hm_spot<n>(c) < a.k)
			add_and_store<n, act>(v[c], a, draw, r * a.k + hm_spot<n>(c), res);
#pragma unroll
		for (int i = 0; i < n && from == NORM; i++)
			v[c][i] += res[i];
	}
}

template <class act>
HM_DEVICE void held_row(const struct norm_args &a, const struct hm_draw &draw, size_t r, enum source from)
{
	enum { VECTOR = HM_VECTOR(act), VECTORS = HM_HELD / VECTOR };
	float v[VECTORS][VECTOR], mean = 0, var = 0;
	if (from == EMBED)
		embed_row<VECTORS, VECTOR>(v, a, r);
	else
		sum_row<VECTORS, VECTOR, act>(v, a, draw, r, from);
#pragma unroll
	for (int c = 0; c < VECTORS; c++)
#pragma unroll
		for (int i = 0; i < VECTOR; i++)
			mean += v[c][i];
	mean = hm_warp_sum(mean) / a.k;
#pragma unroll
	for (int c = 0; c < VECTORS; c++)
		if (hm_spot<VECTOR>(c) < a.k)
			var += squares_about<VECTOR>(v[c], mean);
	float rstd = 1 / sqrtf(hm_warp_sum(var) / a.k + a.eps);
#pragma unroll
	for (int c = 0; c < VECTORS; c++)
		if (hm_spot<VECTOR>(c) < a.k)
			put_normalised<VECTOR, act>(v[c], a, r, hm_spot<VECTOR>(c), mean, rstd);
	save_stats(a, r, mean, rstd);
}

/* Element j of row r, before the norm. */
template <class act>
HM_DEVICE float read_element(const struct norm_args &a, const struct hm_draw &draw, size_t r, int j,
			     enum source from)
{
	size_t at = r * a.k + j;
	if (from == EMBED)
		return a.word[(size_t)a.id[r] * a.k + j] + a.position[(size_t)a.pos[r] * a.k + j] +
		       a.type0[j];
	float v[1] = {hm_get((const act *)a.x + at)};
	float res[1] = {a.res && from != AS_STORED ? hm_get((const act *)a.res + at) : 0};
	if (from == ADD_NORM)
		add_and_store<1, act>(v, a, draw, at, res);
	else
		v[0] += res[0];
	return v[0];
}

/* Each lane reads back only what it has written itself. */
template <class act>
HM_DEVICE void any_row(const struct norm_args &a, const struct hm_draw &draw, size_t r, enum source from)
{
	enum source again = from == ADD_NORM ? AS_STORED : from;
	int lane = threadIdx.x % HM_WARP;
	float v[1], mean = 0, var = 0;
	for (int j = lane; j < a.k; j += HM_WARP)
		mean += read_element<act>(a, draw, r, j, from);
	mean = hm_warp_sum(mean) / a.k;
	for (int j = lane; j < a.k; j += HM_WARP) {
		v[0] = read_element<act>(a, draw, r, j, again);
		var += squares_about<1>(v, mean);
	}
	float rstd = 1 / sqrtf(hm_warp_sum(var) / a.k + a.eps);
	for (int j = lane; j < a.k; j += HM_WARP) {
		v[0] = read_element<act>(a, draw, r, j, again);
		put_normalised<1, act>(v, a, r, j, mean, rstd);
	}
	save_stats(a, r, mean, rstd);
}

template <class act> HM_DEVICE void norm_row(const struct norm_args &a, enum source from)
{
	size_t r = hm_first() / HM_WARP;
	struct hm_draw draw = hm_draw_of(a.drop);
	if (r >= (size_t)a.m)
		return;
	if (a.held)
		held_row<act>(a, draw, r, from);
	else
		any_row<act>(a, draw, r, from);
}

HM_KERNEL_ACT(embed, struct norm_args)
{
	norm_row<act>(a, EMBED);
}

HM_KERNEL_ACT(layer_norm, struct norm_args)
{
	norm_row<act>(a, NORM);
}

HM_KERNEL_ACT(add_norm, struct norm_args)
{
	norm_row<act>(a, ADD_NORM);
}
