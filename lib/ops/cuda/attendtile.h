/* This file is for the kernels of attention: tiles in shared memory and their products. A tile has 32 rows
 * or more and 64 columns (a slice of a head's), stored as floats. A warp computes 16 queries by 32 keys:
 * lane 8*r + c has queries r, r+4, r+8, r+12 and keys 4c .. 4c+3, four neighbours that share a Philox
 * block. Rows are 68 floats apart and key j of a tile is in row HM_KEY_ROW(j), so that the lanes of one
 * 16-byte access use different banks. */
#ifndef HM_CUDA_ATTENDTILE_H
#define HM_CUDA_ATTENDTILE_H

#include "ops/cuda/vector.h"
#include "ops/cuda/philox.h"

enum {
	HM_KEYS = 32,		 /* keys of a tile */
	HM_SLICE = 64,		 /* columns of a tile */
	HM_PITCH = HM_SLICE + 4, /* floats from one row to the next */
	HM_SCORES = HM_KEYS + 4, /* the same for a tile of scores [queries, keys] */
	HM_ATTEND = 128		 /* threads of a block */
};
#define HM_KEY_ROW(j) ((j) % 4 * 8 + (j) / 4)

/* A sequence of n rows that begins at row `first`. longest: the longest sequence of the call, rounded up to
 * a multiple of 4. */
struct hm_sequence {
	int first, n, longest;
};

/* The Philox blocks of one sequence and head: the number of the block of query 0 and key 0, and the
 * distance from one query to the next. */
struct hm_blocks {
	uint64_t first;
	uint32_t next, step;
};
HM_DEVICE struct hm_blocks hm_blocks_of(const struct hm_drop &d, const struct hm_sequence &q, int heads,
					int head)
{
	struct hm_draw w = hm_draw_of(d);
	uint32_t line = (uint32_t)(w.longest ? w.longest + 3 : q.longest) / 4;
	return {w.first / 4 + ((uint64_t)q.first * heads + head) * line, heads * line, w.step};
}

/* Finds sequence `which` of s. Each block adds up the lengths again: that costs one load, and no other
 * launch is needed first. All threads call. */
HM_DEVICE struct hm_sequence hm_find_sequence(const int32_t *len, int s, int which)
{
	HM_SHARED(int, part, 2 * HM_MOST_THREADS / HM_WARP);
	int lane = threadIdx.x % HM_WARP, warp = threadIdx.x / HM_WARP;
	struct hm_sequence q = {0, len[which], 0};
	for (int j = threadIdx.x; j < s; j += blockDim.x) {
		q.first += j < which ? len[j] : 0;
		q.longest = len[j] > q.longest ? len[j] : q.longest;
	}
	for (int k = HM_WARP / 2; k; k /= 2) {
		int more = __shfl_xor_sync(HM_FULL, q.first, k);
		int other = __shfl_xor_sync(HM_FULL, q.longest, k);
		q.first += more;
		q.longest = other > q.longest ? other : q.longest;
	}
	__syncthreads();
	if (lane == 0) {
		part[2 * warp] = q.first;
		part[2 * warp + 1] = q.longest;
	}
	__syncthreads();
	q.first = q.longest = 0;
	for (int w = 0; w < (int)blockDim.x / HM_WARP; w++) {
		q.first += part[2 * w];
		q.longest = part[2 * w + 1] > q.longest ? part[2 * w + 1] : q.longest;
	}
	q.longest = (q.longest + 3) / 4 * 4;
	return q;
}

/* tile [rows,64] = factor times columns [0,columns) of n rows of x, which are `stride` apart; zeros
 * elsewhere. even: 16 bytes can be loaded at once (`columns` is a multiple of that). keys: rows go to the
 * places of keys. All HM_ATTEND threads call, between two barriers. */
template <int rows, class act>
HM_DEVICE void hm_load_tile(float *tile, const act *x, int stride, int n, int columns, float factor,
			    bool even, bool keys)
{
	enum {
		VECTOR = HM_VECTOR(act),
		IN_ROW = HM_SLICE / VECTOR,
		STEP = HM_ATTEND / IN_ROW,
		SOME = rows / STEP < 4 ? rows / STEP : 4
	};
#pragma unroll 1
	for (int j = threadIdx.x; !even && j < rows * HM_SLICE; j += HM_ATTEND) {
		int r = j / HM_SLICE, c = j % HM_SLICE;
		tile[(keys ? HM_KEY_ROW(r) : r) * HM_PITCH + c] =
			r < n && c < columns ? factor * hm_get(x + r * stride + c) : 0;
	}
	if (!even)
		return;
	int r = threadIdx.x / IN_ROW, c = threadIdx.x % IN_ROW * VECTOR;
	n = c < columns ? n : 0;
#pragma unroll 1
	for (int last = r + rows; r < last; r += SOME * STEP) {
		hm_vector<act, VECTOR> q[SOME];
#pragma unroll
		for (int i = 0; i < SOME; i++)
			q[i] = *(const hm_vector<act, VECTOR> *)(x + (r + i * STEP < n
									      ? (r + i * STEP) * stride + c
									      : 0));
#pragma unroll
		for (int i = 0; i < SOME; i++) {
			float v[VECTOR];
			int to = keys ? HM_KEY_ROW(r + i * STEP) : r + i * STEP;
#pragma unroll
			for (int k = 0; k < VECTOR; k++)
				v[k] = r + i * STEP < n ? factor * hm_get(&q[i].e[k]) : 0;
			hm_store<VECTOR>(tile + to * HM_PITCH + c, v);
		}
	}
}

/* s[i][j] += query r+4i . key 4c+j over a slice's first columns. q: the warp's 16 rows. */
HM_DEVICE void hm_dots(float s[4][4], const float *q, const float *keys, int columns)
{
	int lane = threadIdx.x % HM_WARP;
	const float *a = q + lane / 8 * HM_PITCH, *b = keys + lane % 8 * HM_PITCH;
#pragma unroll 2
	for (int t = 0; t < columns; t += 4) {
		float x[4][4], y[4][4];
#pragma unroll
		for (int i = 0; i < 4; i++) {
			hm_load<4>(x[i], a + 4 * i * HM_PITCH + t);
			hm_load<4>(y[i], b + 8 * i * HM_PITCH + t);
		}
#pragma unroll
		for (int k = 0; k < 4; k++)
#pragma unroll
			for (int i = 0; i < 4; i++)
#pragma unroll
				for (int j = 0; j < 4; j++)
					s[i][j] = fmaf(x[i][k], y[j][k], s[i][j]);
	}
}

/* For each key: sum[i][4h+k] += score of query r+4i times column 4c+32h+k of the key's row. scores: the
 * warp's 16 queries. */
template <int halves>
HM_DEVICE void hm_blend(float sum[4][4 * halves], const float *scores, const float *rows, int keys)
{
	int lane = threadIdx.x % HM_WARP;
	const float *a = scores + lane / 8 * HM_SCORES, *b = rows + 4 * (lane % 8);
#pragma unroll 1
	for (int at = 0; at < keys; at += 4) {
		float p[4][4];
#pragma unroll
		for (int i = 0; i < 4; i++)
			hm_load<4>(p[i], a + 4 * i * HM_SCORES + at);
#pragma unroll
		for (int j = 0; j < 4; j++)
#pragma unroll
			for (int h = 0; h < halves; h++) {
				float v[4];
				hm_load<4>(v, b + (8 * j + at / 4) * HM_PITCH + 32 * h);
#pragma unroll
				for (int i = 0; i < 4; i++)
#pragma unroll
					for (int k = 0; k < 4; k++)
						sum[i][4 * h + k] = fmaf(p[i][j], v[k], sum[i][4 * h + k]);
			}
	}
}

/* y = v [4] times factor, limited to `columns` columns. even: by one access. */
template <class act>
HM_DEVICE void hm_store_part(act *y, const float v[4], float factor, int columns, bool even)
{
	float out[4];
#pragma unroll
	for (int k = 0; k < 4; k++)
		out[k] = v[k] * factor;
	if (even && columns > 0)
		hm_store<4>(y, out);
#pragma unroll
	for (int k = 0; k < 4; k++)
		if (!even && k < columns)
			hm_put(y + k, out[k]);
}

/* Maximum and sum over the eight lanes that have the same queries. */
HM_DEVICE float hm_row_max(float v)
{
	for (int k = 4; k; k /= 2)
		v = fmaxf(v, __shfl_xor_sync(HM_FULL, v, k));
	return v;
}
HM_DEVICE float hm_row_sum(float v)
{
	for (int k = 4; k; k /= 2)
		v += __shfl_xor_sync(HM_FULL, v, k);
	return v;
}

#endif
