/* This file has the kernels on images: pixels, pooling and its gradients. Each thread computes whole
 * outputs. For a gradient it looks which windows contain its pixel and adds them in order, so that no
 * atomic additions are needed. */
#include "ops/cuda/imageargs.h"
#include "ops/cuda/vector.h"

#include <math.h>

HM_DEVICE void get_bytes(uint32_t (&v)[1], const uint8_t *p)
{
	v[0] = *p;
}
HM_DEVICE void get_bytes(uint32_t (&v)[4], const uint8_t *p)
{
	const uint32_t word = *(const uint32_t *)p;
	for (int j = 0; j < 4; j++)
		v[j] = word >> 8 * j & 255;
}

template <class act, int N>
HM_DEVICE void normalise_pixels(const struct normalise_args &a, const float *table)
{
	for (size_t u = hm_first(); u < a.n; u += hm_stride()) {
		uint32_t at, px[3][N], image = hm_divide((uint32_t)u, a.units, &at);
		const uint8_t *from = a.px + (size_t)image * 3 * a.hw + (size_t)at * N;
		float v[3][N]; /* in y's order */
		for (int c = 0; c < 3; c++)
			get_bytes(px[c], from + c * a.hw);
#pragma unroll
		for (int j = 0; j < 3 * N; j++)
			v[j / N][j % N] = table[j % 3 * 256 + px[j % 3][j / 3]];
		for (int part = 0; part < 3; part++)
			hm_store<N>((act *)a.y + u * 3 * N + part * N, v[part]);
	}
}

/* The table is in shared memory: a warp's 32 bytes of pixels can be any of its entries. */
HM_KERNEL_ACT(normalise, struct normalise_args)
{
	HM_SHARED(float, table, 3 * 256);
	for (unsigned j = threadIdx.x; j < 3 * 256; j += blockDim.x)
		table[j] = a.table[j];
	__syncthreads();
	if (a.wide)
		normalise_pixels<act, 4>(a, table);
	else
		normalise_pixels<act, 1>(a, table);
}

HM_KERNEL_ACT(patches, struct patches_args)
{
	for (size_t u = hm_first(); u < a.n; u += hm_stride()) {
		uint32_t pixel, at, kx, cell, x0;
		uint32_t patch = hm_divide((uint32_t)u, a.row, &pixel), c = hm_divide(pixel, a.square, &at),
			 ky = hm_divide(at, a.side, &kx), image = hm_divide(patch, a.cells, &cell),
			 py = hm_divide(cell, a.across, &x0);
		size_t line = ((size_t)image * 3 + c) * a.h + py * a.side.by + ky;
		hm_put((act *)a.y + u, a.table[c * 256 + a.px[line * a.w + x0 * a.side.by + kx]]);
	}
}

template <class act, int N> HM_DEVICE void max_pool_units(const struct max_pool_args &a)
{
	for (size_t u = hm_first(); u < a.n; u += hm_stride()) {
		uint32_t c, ox, oy, position = hm_divide((uint32_t)u, a.c, &c),
				    row = hm_divide(position, a.wo, &ox), image = hm_divide(row, a.ho, &oy);
		float best[N];
		for (int l = 0; l < N; l++)
			best[l] = -INFINITY;
#pragma unroll
		for (int t = 0; t < 9; t++) {
			int iy = 2 * (int)oy - 1 + t / 3, ix = 2 * (int)ox - 1 + t % 3;
			if (iy < 0 || iy >= a.h || ix < 0 || ix >= a.w)
				continue;
			float v[N];
			size_t at = ((size_t)image * a.h + iy) * a.w + ix;
			hm_load<N>(v, (const act *)a.x + (at * a.c.by + c) * N);
			for (int l = 0; l < N; l++)
				best[l] = v[l] > best[l] ? v[l] : best[l];
		}
		hm_store<N>((act *)a.y + u * N, best);
	}
}

HM_KERNEL_ACT(max_pool, struct max_pool_args)
{
	if (a.wide)
		max_pool_units<act, 8>(a);
	else
		max_pool_units<act, 1>(a);
}

/* Each warp takes every eighth position; the block adds its warps' sums. */
template <class act, int N> HM_DEVICE void avg_pool_block(const struct avg_pool_args &a)
{
	enum { WARPS = HM_MOST_THREADS / HM_WARP, RUN = HM_WARP * N };
	HM_SHARED(float, part, WARPS *RUN);
	const unsigned lane = threadIdx.x % HM_WARP, warp = threadIdx.x / HM_WARP;
	uint32_t group, image = hm_divide(blockIdx.x, a.groups, &group), first = group * RUN,
			c = first + lane * N;
	float sum[N] = {0};
#pragma unroll 4
	for (size_t p = warp; p < a.hw; p += WARPS)
		if (c < a.c) {
			float v[N];
			hm_load<N>(v, (const act *)a.x + (image * a.hw + p) * a.c + c);
			for (int l = 0; l < N; l++)
				sum[l] += v[l];
		}
	for (int l = 0; l < N; l++)
		part[warp * RUN + l * HM_WARP + lane] = sum[l];
	__syncthreads();
	if (threadIdx.x < RUN && first + threadIdx.x < a.c) {
		float all = 0;
		for (int w = 0; w < WARPS; w++)
			all += part[w * RUN + threadIdx.x % N * HM_WARP + threadIdx.x / N];
		a.y[(size_t)image * a.c + first + threadIdx.x] = all * a.share;
	}
}

HM_KERNEL_ACT(avg_pool, struct avg_pool_args)
{
	if (a.wide)
		avg_pool_block<act, 8>(a);
	else
		avg_pool_block<act, 1>(a);
}

/* Which of the nine pixels of the window of output (oy, ox) is the first largest, in row order. */
template <class act, int N>
HM_DEVICE void first_largest(int (&winner)[N], const struct max_pool_backward_args &a, uint32_t image, int oy,
			     int ox, uint32_t c)
{
	float best[N];
	for (int l = 0; l < N; l++)
		winner[l] = -1, best[l] = 0;
#pragma unroll
	for (int t = 0; t < 9; t++) {
		int iy = 2 * oy - 1 + t / 3, ix = 2 * ox - 1 + t % 3;
		if (iy < 0 || iy >= a.h || ix < 0 || ix >= a.w)
			continue;
		float v[N];
		size_t at = ((size_t)image * a.h + iy) * a.w + ix;
		hm_load<N>(v, (const act *)a.x + (at * a.c.by + c) * N);
		for (int l = 0; l < N; l++) {
			bool more = winner[l] < 0 || v[l] > best[l];
			winner[l] = more ? t : winner[l];
			best[l] = more ? v[l] : best[l];
		}
	}
}

/* The windows that contain pixels (2y, 2x) .. (2y+1, 2x+1) are those of outputs (y, x) .. (y+1, x+1): four
 * pixels together need 36 reads of x, one by one 81. */
template <class act, int N> HM_DEVICE void max_pool_backward_units(const struct max_pool_backward_args &a)
{
	for (size_t u = hm_first(); u < a.n; u += hm_stride()) {
		uint32_t c, x, y, pair = hm_divide((uint32_t)u, a.c, &c),
				  row = hm_divide(pair, a.columns, &x), image = hm_divide(row, a.rows, &y);
		float sum[4][N] = {{0}};
#pragma unroll
		for (int k = 0; k < 4; k++) {
			int oy = (int)y + k / 2, ox = (int)x + k % 2;
			if (oy >= a.ho || ox >= a.wo)
				continue;
			int winner[N];
			float g[N], g2[N] = {0};
			size_t at = (((size_t)image * a.ho + oy) * a.wo + ox) * a.c.by + c;
			hm_load<N>(g, (const act *)a.dy + at * N);
			if (a.dy2)
				hm_load<N>(g2, (const act *)a.dy2 + at * N);
			first_largest<act, N>(winner, a, image, oy, ox, c);
#pragma unroll
			for (int p = 0; p < 4; p++) { /* pixel p is at (ky, kx) of the window */
				int ky = 1 + p / 2 - 2 * (k / 2), kx = 1 + p % 2 - 2 * (k % 2);
				if (ky < 0 || kx < 0)
					continue;
				for (int l = 0; l < N; l++)
					sum[p][l] += winner[l] == 3 * ky + kx ? g[l] + g2[l] : 0;
			}
		}
		for (int p = 0; p < 4; p++) {
			int iy = 2 * (int)y + p / 2, ix = 2 * (int)x + p % 2;
			size_t at = ((size_t)image * a.h + iy) * a.w + ix;
			if (iy < a.h && ix < a.w)
				hm_store<N>((act *)a.dx + (at * a.c.by + c) * N, sum[p]);
		}
	}
}

HM_KERNEL_ACT(max_pool_backward, struct max_pool_backward_args)
{
	if (a.wide)
		max_pool_backward_units<act, 8>(a);
	else
		max_pool_backward_units<act, 1>(a);
}

template <class act, int N> HM_DEVICE void avg_pool_backward_units(const struct avg_pool_backward_args &a)
{
	for (size_t u = hm_first(); u < a.n; u += hm_stride()) {
		uint32_t c, inside, position = hm_divide((uint32_t)u, a.c, &c),
				    image = hm_divide(position, a.hw, &inside);
		float v[N];
		hm_load<N>(v, a.dy + ((size_t)image * a.c.by + c) * N);
		for (int l = 0; l < N; l++)
			v[l] *= a.share;
		hm_store<N>((act *)a.dx + u * N, v);
	}
}

HM_KERNEL_ACT(avg_pool_backward, struct avg_pool_backward_args)
{
	if (a.wide)
		avg_pool_backward_units<act, 8>(a);
	else
		avg_pool_backward_units<act, 1>(a);
}
