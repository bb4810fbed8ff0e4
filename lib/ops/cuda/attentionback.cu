/* This file is the gradient of attention. With P the softmax, D the dropout's factors, A = P*D (element by
 * element) and y = A V:
 *
 *   dV = A^T dy,  dP = D * (dy V^T),  dS = P * (dP - delta),  delta = rowsum(P*dP) = rowsum(dy*y),
 *   dQ = dS K / sqrt(dim),  dK = dS^T Q / sqrt(dim).
 *
 * The forward pass keeps nothing, so scores are computed again in tiles of 32 queries and 32 keys. A block
 * computes one sequence and head in two passes: by queries, for dQ and the softmax's maxima and sums,
 * online as in attention.cu; then by keys, for dK and dV. So each sum belongs to one thread and has one
 * order, without atomics and without extra device memory; the price is seven products of tiles where five
 * would do. Of the block's four warps two compute the scores of 16 queries each, two dy V^T. */
#include "ops/cuda/attendtile.h"

enum {
	TILE = HM_KEYS, /* queries as well */
	MINE = 16,	/* per warp: queries in products of rows, keys in dK and dV */
	MOST = 512	/* queries whose statistics fit; longer sequences take several turns */
};

/* Offsets in shared memory. Rows of HM_PITCH: Q / sqrt(dim), dy, K, V. Rows of HM_SCORES, one per query:
 * dP, later dS; P, later A. For MOST queries: log of the sum of exponentials; delta. For the tile's
 * queries: what the warps with scores pass to all. */
enum {
	Q = 0,
	DY = Q + TILE * HM_PITCH,
	K = DY + TILE * HM_PITCH,
	V = K + TILE * HM_PITCH,
	DS = V + TILE * HM_PITCH,
	A = DS + TILE * HM_SCORES,
	TOP = A + TILE * HM_SCORES,
	DELTA = TOP + MOST,
	PASSED = DELTA + MOST,
	ALL = PASSED + TILE
};

struct job {
	struct hm_sequence seq;
	struct hm_blocks b;
	int row, width;	   /* elements of a row of qkv, of y */
	int out, part;	   /* first column of this turn; first of the warp's 16 queries */
	bool scores, even; /* the warp computes scores; 16 bytes can be loaded at once */
};

/* s = the scores, or dy V^T, of the warp's queries of the tile at `at` and the keys at `key`. The tiles
 * with this turn's columns are loaded last and stay in shared memory. */
template <class act, bool wide>
HM_DEVICE void multiply_tiles(float s[4][4], const struct attention_backward_args &a, float *m,
			      const struct job &w, int at, int key, bool new_queries, bool new_keys)
{
	const act *q = (const act *)a.qkv + (size_t)w.seq.first * w.row + blockIdx.y * a.dim;
	const act *dy = (const act *)a.dy + (size_t)w.seq.first * w.width + blockIdx.y * a.dim;
	int slices = wide ? (a.dim + HM_SLICE - 1) / HM_SLICE : 1, queries = w.seq.n - at,
	    keys = w.seq.n - key;
#pragma unroll
	for (int i = 0; i < 4; i++)
		s[i][0] = s[i][1] = s[i][2] = s[i][3] = 0;
	for (int turn = 1; turn <= slices; turn++) {
		int from = wide ? (w.out / HM_SLICE + turn) % slices * HM_SLICE : 0, columns = a.dim - from;
		const act *k = q + w.width + key * w.row + from;
		__syncthreads();
		if (new_queries || wide) {
			hm_load_tile<TILE>(m + Q, q + at * w.row + from, w.row, queries, columns,
					   1 / sqrtf(a.dim), w.even, false);
			hm_load_tile<TILE>(m + DY, dy + at * w.width + from, w.width, queries, columns, 1,
					   w.even, false);
		}
		if (new_keys || wide) {
			hm_load_tile<TILE>(m + K, k, w.row, keys, columns, 1, w.even, true);
			hm_load_tile<TILE>(m + V, k + w.width, w.row, keys, columns, 1, w.even, true);
		}
		__syncthreads();
		if (w.part < queries)
			hm_dots(s, m + (w.scores ? Q : DY) + w.part * HM_PITCH, m + (w.scores ? K : V),
				columns < HM_SLICE ? columns : HM_SLICE);
	}
}

/* The dropout's factors for the lane's queries and keys of the tiles; ones without dropout. */
HM_DEVICE void mask_factors(float f[4][4], const struct hm_drop &d, const struct job &w, int at, int key)
{
	int lane = threadIdx.x % HM_WARP;
	uint64_t block = w.b.first + (uint32_t)(at + w.part + lane / 8) * w.b.next + key / 4 + lane % 8;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		f[i][0] = f[i][1] = f[i][2] = f[i][3] = 1;
		if (d.on)
			hm_drop_factors(f[i], d, w.b.step, block + 4 * i * w.b.next);
	}
}

/* The lane's i-th query within the tile; the address of its four keys in a tile of scores. */
HM_DEVICE int query_row(const struct job &w, int i)
{
	return w.part + threadIdx.x % HM_WARP / 8 + 4 * i;
}
HM_DEVICE float *score_at(float *scores, const struct job &w, int i)
{
	return scores + query_row(w, i) * HM_SCORES + threadIdx.x % 8 * 4;
}

/* Stores v*f into a tile of scores. */
HM_DEVICE void put_scores(float *scores, const struct job &w, const float v[4][4], const float f[4][4])
{
#pragma unroll
	for (int i = 0; i < 4; i++) {
		float p[4];
#pragma unroll
		for (int j = 0; j < 4; j++)
			p[j] = v[i][j] * f[i][j];
		hm_store<4>(score_at(scores, w, i), p);
	}
}

/* Replaces dP in shared memory by dS = P * (dP - delta). */
HM_DEVICE void soften_back(float *m, const struct job &w, const float p[4][4], int delta)
{
#pragma unroll
	for (int i = 0; i < 4; i++) {
		float ds[4], minus = m[DELTA + delta + query_row(w, i)];
		hm_load<4>(ds, score_at(m + DS, w, i));
#pragma unroll
		for (int j = 0; j < 4; j++)
			ds[j] = p[i][j] * (ds[j] - minus);
		hm_store<4>(score_at(m + DS, w, i), ds);
	}
}

/* One lane's part of the dot product of dy and y; four lanes share a row, each takes n elements at a time. */
template <int n, class act> HM_DEVICE float dot_part(const act *dy, const act *y, int dim)
{
	float sum = 0;
	for (int c = threadIdx.x % 4 * n; c < dim; c += 4 * n) {
		float g[n], v[n];
		hm_load<n>(g, dy + c);
		hm_load<n>(v, y + c);
#pragma unroll
		for (int k = 0; k < n; k++)
			sum = fmaf(g[k], v[k], sum);
	}
	return sum;
}

/* Writes delta of the 32 queries at `at` to m + DELTA + to. */
template <class act>
HM_DEVICE void find_delta(const struct attention_backward_args &a, float *m, const struct job &w, int at,
			  int to)
{
	int r = threadIdx.x / 4, dim = at + r < w.seq.n ? a.dim : 0;
	size_t from = ((size_t)(w.seq.first + at + r) * a.heads + blockIdx.y) * a.dim;
	const act *dy = (const act *)a.dy + from, *y = (const act *)a.y + from;
	float sum = w.even ? dot_part<HM_VECTOR(act)>(dy, y, dim) : dot_part<1>(dy, y, dim);
	sum += __shfl_xor_sync(HM_FULL, sum, 2);
	sum += __shfl_xor_sync(HM_FULL, sum, 1);
	if (threadIdx.x % 4 == 0)
		m[DELTA + to + r] = sum;
}

/* ---- by queries: dQ, and the logs of the sums of queries from .. from+MOST-1 */

struct state {
	float top[4], sum[4]; /* as in attention.cu; used by the warps that have scores */
};

/* Turns scores into exp(s - top) and passes on the factor by which each query's earlier sums shrink. The
 * tile has `left` keys; query q sees the first seen + q. */
HM_DEVICE void soften_scores(float s[4][4], struct state &g, float *m, const struct job &w, int left,
			     int seen)
{
	int c = threadIdx.x % 8;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		float top = g.top[i];
#pragma unroll
		for (int j = 0; j < 4; j++) {
			if (4 * c + j >= left || 4 * c + j >= seen + query_row(w, i))
				s[i][j] = -INFINITY;
			top = fmaxf(top, s[i][j]);
		}
		top = hm_row_max(top);
		float keep = expf(g.top[i] - top);
		g.top[i] = top;
		g.sum[i] *= keep;
#pragma unroll
		for (int j = 0; j < 4; j++)
			g.sum[i] += s[i][j] = expf(s[i][j] - top);
		if (c == 0)
			m[PASSED + query_row(w, i)] = keep;
	}
}

/* Columns of dQ for the queries at `at`: four per lane, in the first or the second half of the slice. */
template <class act, bool wide>
HM_DEVICE void query_tile(const struct attention_backward_args &a, float *m, const struct job &w, int at,
			  int from)
{
	struct state g = {{-INFINITY, -INFINITY, -INFINITY, -INFINITY}, {}};
	int half = w.scores ? 0 : 32, c = w.out + half + threadIdx.x % 8 * 4;
	float dq[4][4] = {};
	find_delta<act>(a, m, w, at, at - from);
	int end = a.causal && at + TILE < w.seq.n ? at + TILE : w.seq.n;
	for (int key = 0; key < end; key += TILE) {
		int left = w.seq.n - key;
		float s[4][4], f[4][4];
		multiply_tiles<act, wide>(s, a, m, w, at, key, key == 0, true);
		if (!w.scores) {
			mask_factors(f, a.drop, w, at, key);
			put_scores(m + DS, w, s, f);
		}
		__syncthreads();
		if (w.scores) {
			soften_scores(s, g, m, w, left, a.causal ? at - key + 1 : TILE);
			soften_back(m, w, s, at - from);
		}
		__syncthreads();
#pragma unroll
		for (int i = 0; i < 4; i++)
#pragma unroll
			for (int k = 0; k < 4; k++)
				dq[i][k] *= m[PASSED + query_row(w, i)];
		hm_blend<1>(dq, m + DS + w.part * HM_SCORES, m + K + half, left < TILE ? left : TILE);
	}
	__syncthreads();
#pragma unroll
	for (int i = 0; i < 4; i++) {
		float sum = hm_row_sum(g.sum[i]);
		if (!w.scores || threadIdx.x % 8)
			continue;
		m[PASSED + query_row(w, i)] = 1 / (sqrtf(a.dim) * sum);
		m[TOP + at - from + query_row(w, i)] = g.top[i] + logf(sum);
	}
	__syncthreads();
#pragma unroll
	for (int i = 0; i < 4; i++)
		if (at + query_row(w, i) < w.seq.n)
			hm_store_part((act *)a.dqkv + (size_t)(w.seq.first + at + query_row(w, i)) * w.row +
					      blockIdx.y * a.dim + c,
				      dq[i], m[PASSED + query_row(w, i)], a.dim - c, w.even);
}

/* ---- by keys: what queries `from` .. from+MOST-1 add to dK and dV */

/* For each query: sum[i][4h+k] += its score of the warp's key 4r+i times column 4c+32h+k of its row. */
HM_DEVICE void blend_keys(float sum[4][8], const float *scores, const float *rows, int queries)
{
	const float *a = scores + threadIdx.x % HM_WARP / 8 * 4, *b = rows + threadIdx.x % 8 * 4;
#pragma unroll 2
	for (int q = 0; q < queries; q++) {
		float p[4], v[8];
		hm_load<4>(p, a + q * HM_SCORES);
		hm_load<4>(v, b + q * HM_PITCH);
		hm_load<4>(v + 4, b + q * HM_PITCH + 32);
#pragma unroll
		for (int i = 0; i < 4; i++)
#pragma unroll
			for (int k = 0; k < 8; k++)
				sum[i][k] = fmaf(p[i], v[k], sum[i][k]);
	}
}

/* Turns scores into P, in s and m + A; zero where a query sees no key. Rows of queries past the end are
 * arbitrary: nothing reads them. */
HM_DEVICE void find_probabilities(float s[4][4], float *m, const struct job &w, int at, int key, int from,
				  bool causal)
{
	int before = key + (int)threadIdx.x % 8 * 4, left = w.seq.n - before;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		float top = m[TOP + at - from + query_row(w, i)];
		int seen = causal ? at + query_row(w, i) + 1 - before : left;
#pragma unroll
		for (int j = 0; j < 4; j++)
			s[i][j] = j < left && j < seen ? expf(s[i][j] - top) : 0;
		hm_store<4>(score_at(m + A, w, i), s[i]);
	}
}

/* The warps that have scores compute dK, the others dV: 16 keys per warp, 4 keys and 8 columns per lane. */
template <class act, bool wide>
HM_DEVICE void key_tile(const struct attention_backward_args &a, float *m, const struct job &w, int key,
			int from, int to)
{
	float sum[4][8] = {};
	int first = a.causal && key > from ? key : from; /* earlier queries do not see these keys */
	for (int at = first; at < to; at += TILE) {
		float s[4][4], f[4][4];
		multiply_tiles<act, wide>(s, a, m, w, at, key, true, at == first);
		if (w.scores) {
			find_probabilities(s, m, w, at, key, from, a.causal);
		} else {
			mask_factors(f, a.drop, w, at, key);
			put_scores(m + DS, w, s, f);
		}
		__syncthreads();
		if (w.scores) {
			soften_back(m, w, s, at - from);
		} else {
#pragma unroll
			for (int i = 0; i < 4; i++)
				hm_load<4>(s[i], score_at(m + A, w, i));
			put_scores(m + A, w, s, f);
		}
		__syncthreads();
		if (key + w.part < w.seq.n)
			blend_keys(sum, m + (w.scores ? DS : A) + w.part, m + (w.scores ? Q : DY),
				   to - at < TILE ? to - at : TILE);
	}
	int c = w.out + threadIdx.x % 8 * 4, row = key + w.part + threadIdx.x % HM_WARP / 8 * 4;
	act *y = (act *)a.dqkv + (size_t)w.seq.first * w.row + (w.scores ? 1 : 2) * w.width +
		 blockIdx.y * a.dim + c;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		act *r = y + (row + i) * w.row;
		if (row + i >= w.seq.n)
			continue;
#pragma unroll
		for (int k = 0; k < 8; k++)
			if (from > 0 && c + k % 4 + k / 4 * 32 < a.dim)
				sum[i][k] += hm_get(r + k % 4 + k / 4 * 32);
		hm_store_part(r, sum[i], 1, a.dim - c, w.even);
		hm_store_part(r + 32, sum[i] + 4, 1, a.dim - c - 32, w.even);
	}
}

template <class act, bool wide> HM_DEVICE void sequence_and_head(const struct attention_backward_args &a)
{
	HM_SHARED(float, m, ALL);
	struct job w = {hm_find_sequence(a.len, a.s, blockIdx.x)};
	w.b = hm_blocks_of(a.drop, w.seq, a.heads, blockIdx.y);
	w.width = a.heads * a.dim;
	w.row = 3 * w.width;
	w.part = threadIdx.x / HM_WARP % 2 * MINE;
	w.scores = threadIdx.x < HM_ATTEND / 2;
	w.even = hm_aligned(a.qkv) && hm_aligned(a.dqkv) && hm_aligned(a.dy) && hm_aligned(a.y) &&
		 a.dim % HM_VECTOR(act) == 0;
	for (w.out = 0; w.out < (wide ? a.dim : 1); w.out += HM_SLICE)
		for (int from = 0; from < w.seq.n; from += MOST) {
			int to = w.seq.n - from < MOST ? w.seq.n : from + MOST;
			for (int at = from; at < to; at += TILE)
				query_tile<act, wide>(a, m, w, at, from);
			for (int key = 0; key < w.seq.n; key += TILE)
				key_tile<act, wide>(a, m, w, key, from, to);
		}
}

HM_KERNEL_ACT_FIT(attention_backward, struct attention_backward_args, HM_ATTEND, 4)
{
	sequence_and_head<act, false>(a);
}

HM_KERNEL_ACT_FIT(attention_backward_wide, struct attention_backward_args, HM_ATTEND, 2)
{
	sequence_and_head<act, true>(a);
}
