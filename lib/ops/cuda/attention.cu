/* This file is attention over packed sequences: softmax(Q K^T / sqrt(dim)) V for each sequence and head,
 * with dropout on the softmax. Scores stay in the block: keys come in tiles of 32, and each row's maximum
 * and sum are corrected as they grow (Milakov and Gimelshein, "Online normalizer calculation for softmax",
 * 2018; Dao et al., "FlashAttention", 2022). A block computes tiles of 64 queries of one sequence and head,
 * a warp 16 of them. Heads of more than 64 columns are computed in one turn per 64 columns of the output. */
#include "ops/cuda/attendtile.h"

enum { QUERIES = 64, MINE = 16 }; /* queries of a block's tile, of a warp */
/* Offsets of the tiles in shared memory. Q / sqrt(dim), K and V have rows of HM_PITCH, scores rows of
 * HM_SCORES. */
enum {
	Q = 0,
	K = Q + QUERIES * HM_PITCH,
	V = K + HM_KEYS * HM_PITCH,
	P = V + HM_KEYS * HM_PITCH,
	ALL = P + QUERIES * HM_SCORES
};

/* Per query r+4i: the scores' maximum, the lane's part of the sum, the factor by which earlier sums shrink.
 */
struct state {
	float top[4], sum[4], keep[4];
};

/* Loads the tiles of the queries at `at` and the keys at `key`: columns from h*64 of Q and K, and from
 * `out` of V. Tiles that are still there from the last time are not loaded again. */
template <class act, bool wide>
HM_DEVICE void load_tiles(float *m, const struct attention_args &a, const struct hm_sequence &seq, int at,
			  int key, int h, int out)
{
	int width = a.heads * a.dim, row = 3 * width;
	const act *q = (const act *)a.qkv + (size_t)seq.first * row + blockIdx.y * a.dim,
		  *k = q + width + key * row;
	bool even = hm_aligned(a.qkv) && a.dim % HM_VECTOR(act) == 0;
	if (wide || key == 0)
		hm_load_tile<QUERIES>(m + Q, q + at * row + h, row, seq.n - at, a.dim - h, 1 / sqrtf(a.dim),
				      even, false);
	hm_load_tile<HM_KEYS>(m + K, k + h, row, seq.n - key, a.dim - h, 1, even, true);
	if (h == 0)
		hm_load_tile<HM_KEYS>(m + V, k + width + out, row, seq.n - key, a.dim - out, 1, even, true);
}

/* Turns the scores s of `left` keys into exp(s - top) times the dropout's factors, in the warp's rows p
 * [16]. Query q of the warp sees the first seen + q keys. block: that of the warp's first query and the
 * first key. */
HM_DEVICE void soften_scores(float *p, struct state &w, float s[4][4], int left, int seen,
			     const struct hm_drop &d, const struct hm_blocks &b, uint64_t block)
{
	int r = threadIdx.x % HM_WARP / 8, c = threadIdx.x % 8;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		float top = w.top[i], f[4] = {1, 1, 1, 1};
#pragma unroll
		for (int j = 0; j < 4; j++) {
			if (4 * c + j >= left || 4 * c + j >= seen + r + 4 * i)
				s[i][j] = -INFINITY;
			top = fmaxf(top, s[i][j]);
		}
		top = hm_row_max(top);
		w.keep[i] = expf(w.top[i] - top);
		w.top[i] = top;
		w.sum[i] *= w.keep[i];
		if (d.on)
			hm_drop_factors(f, d, b.step, block + (r + 4 * i) * b.next + c);
#pragma unroll
		for (int j = 0; j < 4; j++) {
			float e = expf(s[i][j] - top);
			w.sum[i] += e;
			f[j] *= e;
		}
		hm_store<4>(p + (r + 4 * i) * HM_SCORES + 4 * c, f);
	}
	__syncwarp();
}

/* Computes columns `out` .. out+63 of y for the queries at `at`. */
template <class act, bool wide>
HM_DEVICE void attend_tile(float *m, const struct attention_args &a, const struct hm_sequence &seq,
		      const struct hm_blocks &b, int at, int out)
{
	int lane = threadIdx.x % HM_WARP, mine = threadIdx.x / HM_WARP * MINE;
	bool busy = at + mine < seq.n, even = hm_aligned(a.y) && a.dim % HM_VECTOR(act) == 0;
	struct state w = {{-INFINITY, -INFINITY, -INFINITY, -INFINITY}, {}, {}};
	float y[4][8] = {};
	int end = a.causal && at + QUERIES < seq.n ? at + QUERIES : seq.n;
	for (int key = 0; key < end; key += HM_KEYS) {
		int left = seq.n - key;
		float s[4][4] = {};
		for (int h = 0; h < (wide ? a.dim : 1); h += HM_SLICE) {
			__syncthreads();
			load_tiles<act, wide>(m, a, seq, at, key, h, out);
			__syncthreads();
			if (busy)
				hm_dots(s, m + Q + mine * HM_PITCH, m + K,
					a.dim - h < HM_SLICE ? a.dim - h : HM_SLICE);
		}
		if (!busy)
			continue;
		soften_scores(m + P + mine * HM_SCORES, w, s, left, a.causal ? at + mine - key + 1 : HM_KEYS,
			      a.drop, b, b.first + (uint32_t)(at + mine) * b.next + key / 4);
#pragma unroll
		for (int i = 0; i < 4; i++)
#pragma unroll
			for (int k = 0; k < 8; k++)
				y[i][k] *= w.keep[i];
		hm_blend<2>(y, m + P + mine * HM_SCORES, m + V, left < HM_KEYS ? left : HM_KEYS);
	}
#pragma unroll
	for (int i = 0; i < 4; i++) {
		int r = at + mine + lane / 8 + 4 * i, c = out + lane % 8 * 4;
		act *to = (act *)a.y + ((size_t)(seq.first + r) * a.heads + blockIdx.y) * a.dim + c;
		float sum = 1 / hm_row_sum(w.sum[i]);
		if (r >= seq.n)
			continue;
		hm_store_part(to, y[i], sum, a.dim - c, even);
		hm_store_part(to + 32, y[i] + 4, sum, a.dim - c - 32, even);
	}
}

template <class act, bool wide> HM_DEVICE void query_tiles(const struct attention_args &a)
{
	HM_SHARED(float, m, ALL);
	int slot = blockIdx.x % a.slots, which = blockIdx.x / a.slots;
	if (slot * QUERIES >= a.len[which])
		return;
	struct hm_sequence seq = hm_find_sequence(a.len, a.s, which);
	struct hm_blocks b = hm_blocks_of(a.drop, seq, a.heads, blockIdx.y);
	for (int at = slot * QUERIES; at < seq.n; at += a.slots * QUERIES)
		for (int out = 0; out < (wide ? a.dim : 1); out += HM_SLICE)
			attend_tile<act, wide>(m, a, seq, b, at, out);
}

HM_KERNEL_ACT_FIT(attention, struct attention_args, HM_ATTEND, 4)
{
	query_tiles<act, false>(a);
}

HM_KERNEL_ACT_FIT(attention_wide, struct attention_args, HM_ATTEND, 2)
{
	query_tiles<act, true>(a);
}
