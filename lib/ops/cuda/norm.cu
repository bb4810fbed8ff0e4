/* LayerNorm, alone and with what stands before it: embeddings, dropout and a residual. A row is a warp's, so
 * that its sums are shuffles and no barrier. Rows that fit are loaded once, 16 bytes at a time, and stay in
 * registers; others are read again for each of the three passes: mean, variance about it, result. */
#include "ops/cuda/heldrow.h"
#include "ops/cuda/philox.h"

enum source { EMBED, NORM, ADD_NORM, AS_STORED };

/* v is dropped out, res [n] is added, the sum is stored at element `at` of x, and v is what was stored. */
template <int n, class act>
HM_DEVICE void add_and_store(float v[n], const struct norm_args &a, const struct hm_draw &draw, size_t at,
			     const float res[n])
{
	hm_lot<act, n> s;
	if (a.drop.on)
		hm_drop<n>(v, a.drop, draw, at);
#pragma unroll
	for (int i = 0; i < n; i++) {
		hm_put(&s.e[i], v[i] + res[i]);
		v[i] = hm_get(&s.e[i]);
	}
	*(hm_lot<act, n> *)((act *)a.x + at) = s;
}

/* v becomes LN(v) and is stored at element j of row r. */
template <int n, class act>
HM_DEVICE void put(float v[n], const struct norm_args &a, size_t r, int j, float mean, float rstd)
{
	float g[n], b[n];
	hm_load<n>(g, a.gamma + j);
	hm_load<n>(b, a.beta + j);
#pragma unroll
	for (int i = 0; i < n; i++)
		v[i] = fmaf((v[i] - mean) * rstd, g[i], b[i]);
	hm_store<n>((act *)a.y + r * a.k + j, v);
}

template <int n> HM_DEVICE float squares(const float v[n], float mean)
{
	float sum = 0;
#pragma unroll
	for (int i = 0; i < n; i++)
		sum = fmaf(v[i] - mean, v[i] - mean, sum);
	return sum;
}

HM_DEVICE void save(const struct norm_args &a, size_t r, float mean, float rstd)
{
	if (a.stats && threadIdx.x % HM_WARP == 0) {
		a.stats[2 * r] = mean;
		a.stats[2 * r + 1] = rstd;
	}
}

/* What row r is before the norm. */
template <int lots, int n> HM_DEVICE void embed_row(float v[lots][n], const struct norm_args &a, size_t r)
{
	hm_lot<float, n> w[lots], p[lots], t[lots];
	hm_load_row<lots, n>(w, a.word + (size_t)a.id[r] * a.k, a.k, a.gamma);
	hm_load_row<lots, n>(p, a.position + (size_t)a.pos[r] * a.k, a.k, a.gamma);
	hm_load_row<lots, n>(t, a.type0, a.k, a.gamma);
#pragma unroll
	for (int c = 0; c < lots; c++)
#pragma unroll
		for (int i = 0; i < n; i++)
			v[c][i] = w[c].e[i] + p[c].e[i] + t[c].e[i];
}

template <int lots, int n, class act>
HM_DEVICE void sum_row(float v[lots][n], const struct norm_args &a, const struct hm_draw &draw, size_t r,
		       enum source from)
{
	hm_lot<act, n> x[lots], b[lots] = {};
	hm_load_row<lots, n>(x, (const act *)a.x + r * a.k, a.k, a.gamma);
	if (a.res)
		hm_load_row<lots, n>(b, (const act *)a.res + r * a.k, a.k, a.gamma);
#pragma unroll
	for (int c = 0; c < lots; c++) {
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
	enum { LOT = HM_LOT(act), LOTS = HM_HELD / LOT };
	float v[LOTS][LOT], mean = 0, var = 0;
	if (from == EMBED)
		embed_row<LOTS, LOT>(v, a, r);
	else
		sum_row<LOTS, LOT, act>(v, a, draw, r, from);
#pragma unroll
	for (int c = 0; c < LOTS; c++)
#pragma unroll
		for (int i = 0; i < LOT; i++)
			mean += v[c][i];
	mean = hm_warp_sum(mean) / a.k;
#pragma unroll
	for (int c = 0; c < LOTS; c++)
		if (hm_spot<LOT>(c) < a.k)
			var += squares<LOT>(v[c], mean);
	float rstd = 1 / sqrtf(hm_warp_sum(var) / a.k + a.eps);
#pragma unroll
	for (int c = 0; c < LOTS; c++)
		if (hm_spot<LOT>(c) < a.k)
			put<LOT, act>(v[c], a, r, hm_spot<LOT>(c), mean, rstd);
	save(a, r, mean, rstd);
}

/* Element j of row r, before the norm. */
template <class act>
HM_DEVICE float take(const struct norm_args &a, const struct hm_draw &draw, size_t r, int j, enum source from)
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

/* Each lane reads again what it alone has written. */
template <class act>
HM_DEVICE void any_row(const struct norm_args &a, const struct hm_draw &draw, size_t r, enum source from)
{
	enum source again = from == ADD_NORM ? AS_STORED : from;
	int lane = threadIdx.x % HM_WARP;
	float v[1], mean = 0, var = 0;
	for (int j = lane; j < a.k; j += HM_WARP)
		mean += take<act>(a, draw, r, j, from);
	mean = hm_warp_sum(mean) / a.k;
	for (int j = lane; j < a.k; j += HM_WARP) {
		v[0] = take<act>(a, draw, r, j, again);
		var += squares<1>(v, mean);
	}
	float rstd = 1 / sqrtf(hm_warp_sum(var) / a.k + a.eps);
	for (int j = lane; j < a.k; j += HM_WARP) {
		v[0] = take<act>(a, draw, r, j, again);
		put<1, act>(v, a, r, j, mean, rstd);
	}
	save(a, r, mean, rstd);
}

template <class act> HM_DEVICE void rows(const struct norm_args &a, enum source from)
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
	rows<act>(a, EMBED);
}

HM_KERNEL_ACT(layer_norm, struct norm_args)
{
	rows<act>(a, NORM);
}

HM_KERNEL_ACT(add_norm, struct norm_args)
{
	rows<act>(a, ADD_NORM);
}
