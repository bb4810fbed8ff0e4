/* This file has the kernels on rows by index, and sums over rows. A warp computes a row.
 *
 * add_rows_backward adds rows in a fixed order although several may go to one row of the table and the
 * indices are in no order. It needs no sorting and no second launch: each warp looks whether its index
 * occurs earlier; if not, it adds all rows with that index, from its own on. That takes m*m/2 comparisons,
 * 128 per warp at a time: 6,000 indices fit into the first-level cache and take some microseconds, less
 * than one more launch. */
#include "ops/cuda/vector.h"
#include "ops/cuda/textargs.h"

enum { EACH = 4, GROUP = EACH * HM_WARP, LIST = 2 * GROUP, WARPS = HM_MOST_THREADS / HM_WARP };

template <int n, class real> HM_DEVICE void copy_row(real *y, const real *x, int k)
{
	for (int j = threadIdx.x % HM_WARP * n; j < k; j += HM_WARP * n)
		*(hm_vector<real, n> *)(y + j) = *(const hm_vector<real, n> *)(x + j);
}

template <int n, class real> HM_DEVICE void clear_row(real *y, int k)
{
	for (int j = threadIdx.x % HM_WARP * n; j < k; j += HM_WARP * n)
		*(hm_vector<real, n> *)(y + j) = hm_vector<real, n>{};
}

HM_KERNEL_ACT(gather, struct gather_args)
{
	enum { VECTOR = HM_VECTOR(act) };
	size_t j = hm_first() / HM_WARP;
	if (j >= (size_t)a.s)
		return;
	act *y = (act *)a.y + j * a.k;
	const act *x = (const act *)a.x + (size_t)a.row[j] * a.k;
	if (hm_aligned(a.y) && hm_aligned(a.x) && a.k % VECTOR == 0)
		copy_row<VECTOR>(y, x, a.k);
	else
		copy_row<1>(y, x, a.k);
}

/* Each row of y looks for itself among the indices: one launch, and every row is written once. */
HM_KERNEL_ACT(gather_backward, struct gather_args)
{
	enum { VECTOR = HM_VECTOR(act) };
	int r = (int)(hm_first() / HM_WARP), last = -1;
	bool even = hm_aligned(a.y) && hm_aligned(a.x) && a.k % VECTOR == 0;
	if (r >= a.m)
		return;
	for (int j = threadIdx.x % HM_WARP; j < a.s; j += HM_WARP)
		last = a.row[j] == r ? j : last;
	for (int k = HM_WARP / 2; k; k /= 2) {
		int other = __shfl_xor_sync(HM_FULL, last, k);
		last = other > last ? other : last;
	}
	act *y = (act *)a.y + (size_t)r * a.k;
	const act *x = (const act *)a.x + (size_t)(last < 0 ? 0 : last) * a.k;
	if (last < 0 && even)
		clear_row<VECTOR>(y, a.k);
	else if (last < 0)
		clear_row<1>(y, a.k);
	else if (even)
		copy_row<VECTOR>(y, x, a.k);
	else
		copy_row<1>(y, x, a.k);
}

/* y += x */
template <int n> HM_DEVICE void add_row(float *y, const float *x, int k)
{
	for (int j = threadIdx.x % HM_WARP * n; j < k; j += HM_WARP * n) {
		float u[n], v[n];
		hm_load<n>(u, y + j);
		hm_load<n>(v, x + j);
#pragma unroll
		for (int i = 0; i < n; i++)
			u[i] += v[i];
		hm_store<n>(y + j, u);
	}
}

HM_KERNEL(add_rows, struct add_rows_args)
{
	size_t r = hm_first() / HM_WARP;
	if (r >= (size_t)a.m)
		return;
	float *y = a.y + (size_t)(a.at ? a.at[r] : (int)r) * a.k;
	const float *x = a.table + (size_t)(a.row ? a.row[r] : 0) * a.k;
	if (hm_aligned(a.y) && hm_aligned(a.table) && a.k % 4 == 0)
		add_row<4>(y, x, a.k);
	else
		add_row<1>(y, x, a.k);
}

/* ---- add_rows_backward */

/* y [k] += rows list[0..count) of x in order; eight are loaded before they are added. */
template <int n, class act>
HM_DEVICE void add_list(float *y, const act *x, const int32_t *list, int count, int k)
{
	enum { AHEAD = 8 };
	for (int j = threadIdx.x % HM_WARP * n; j < k; j += HM_WARP * n) {
		float sum[n] = {}, old[n];
		for (int i = 0; i < count; i += AHEAD) {
			hm_vector<act, n> q[AHEAD];
#pragma unroll
			for (int u = 0; u < AHEAD; u++)
				q[u] = *(const hm_vector<act, n> *)(x +
								 (size_t)list[i + u < count ? i + u : i] * k +
								 j);
#pragma unroll
			for (int u = 0; u < AHEAD; u++)
#pragma unroll
				for (int t = 0; t < n; t++)
					sum[t] += i + u < count ? hm_get(&q[u].e[t]) : 0;
		}
		hm_load<n>(old, y + j);
#pragma unroll
		for (int t = 0; t < n; t++)
			sum[t] += old[t];
		hm_store<n>(y + j, sum);
	}
}

HM_KERNEL_ACT_FIT(add_rows_backward, struct add_rows_backward_args, HM_MOST_THREADS, 4)
{
	HM_SHARED(int32_t, lists, WARPS * LIST);
	int32_t *list = lists + threadIdx.x / HM_WARP * LIST;
	int r = (int)(hm_first() / HM_WARP), lane = threadIdx.x % HM_WARP, count = 0;
	if (r >= a.m || a.row[r] == a.skip)
		return;
	int id = a.row[r];
	float *y = a.dtable + (size_t)id * a.k;
	const act *dy = (const act *)a.dy;
	bool even = hm_aligned(dy) && hm_aligned(a.dtable) && a.k % HM_VECTOR(act) == 0;
	for (int from = lane; from - lane < r; from += GROUP) {
		bool earlier = false;
#pragma unroll
		for (int i = 0; i < EACH; i++)
			earlier |= from + i * HM_WARP < r && a.row[from + i * HM_WARP] == id;
		if (__any_sync(HM_FULL, earlier))
			return;
	}
	for (int from = r + lane; from - lane < a.m; from += GROUP) {
		int found[EACH];
#pragma unroll
		for (int i = 0; i < EACH; i++)
			found[i] = from + i * HM_WARP < a.m ? a.row[from + i * HM_WARP] : ~id;
#pragma unroll
		for (int i = 0; i < EACH; i++) {
			unsigned all = __ballot_sync(HM_FULL, found[i] == id);
			int j = from + i * HM_WARP;
			if (found[i] == id)
				list[count + __popc(all & ((1u << lane) - 1))] = a.at ? a.at[j] : j;
			count += __popc(all);
		}
		if (count <= LIST - GROUP && from - lane + GROUP < a.m)
			continue;
		__syncwarp();
		if (even)
			add_list<HM_VECTOR(act), act>(y, dy, list, count, a.k);
		else
			add_list<1, act>(y, dy, list, count, a.k);
		__syncwarp();
		count = 0;
	}
}

/* ---- column sums: parts of the rows, then their sums */

/* Sums columns over this warp's rows of the block's part, n columns per lane, into sum [n]. */
template <int n, class act> HM_DEVICE void sum_rows(float sum[n], const struct part_rows_args &a, int column)
{
	enum { AHEAD = 4 };
	int from = blockIdx.y * a.rows, to = from + a.rows < a.m ? from + a.rows : a.m;
	for (int r = from + threadIdx.x / HM_WARP; r < to; r += WARPS * AHEAD) {
		hm_vector<act, n> q[AHEAD];
#pragma unroll
		for (int u = 0; u < AHEAD; u++) {
			int row = r + u * WARPS < to ? r + u * WARPS : r;
			q[u] = *(const hm_vector<act, n> *)((const act *)a.dy +
							 (size_t)(a.at ? a.at[row] : row) * a.k + column);
		}
#pragma unroll
		for (int u = 0; u < AHEAD; u++)
#pragma unroll
			for (int i = 0; i < n; i++)
				sum[i] += r + u * WARPS < to ? hm_get(&q[u].e[i]) : 0;
	}
}

/* The block's part [k] for its 32*n columns: its warps' sums, added in order. */
template <int n, class act> HM_DEVICE void part_of(const struct part_rows_args &a)
{
	HM_SHARED(float, all, WARPS *HM_WARP *n);
	int first = blockIdx.x * HM_WARP * n, mine = threadIdx.x % HM_WARP * n;
	float sum[n] = {};
	if (first + mine < a.k)
		sum_rows<n, act>(sum, a, first + mine);
#pragma unroll
	for (int i = 0; i < n; i++)
		all[threadIdx.x / HM_WARP * HM_WARP * n + mine + i] = sum[i];
	__syncthreads();
	for (int j = threadIdx.x; j < HM_WARP * n && first + j < a.k; j += HM_MOST_THREADS) {
		float total = 0;
		for (int w = 0; w < WARPS; w++)
			total += all[w * HM_WARP * n + j];
		a.part[(size_t)blockIdx.y * a.k + first + j] = total;
	}
}

HM_KERNEL_ACT(part_rows, struct part_rows_args)
{
	if (a.columns > HM_WARP)
		part_of<HM_VECTOR(act), act>(a);
	else
		part_of<1, act>(a);
}

HM_KERNEL(add_parts, struct add_parts_args)
{
	HM_SHARED(float, all, HM_MOST_THREADS);
	float *y = blockIdx.y ? a.y2 : a.y, sum = 0;
	int j = blockIdx.x * HM_WARP + threadIdx.x % HM_WARP;
	if (!y)
		return;
#pragma unroll 4
	for (int p = threadIdx.x / HM_WARP; p < a.parts && j < a.k; p += WARPS)
		sum += a.part[(size_t)p * a.stride + blockIdx.y * a.k + j];
	all[threadIdx.x] = sum;
	__syncthreads();
	if (threadIdx.x >= HM_WARP || j >= a.k)
		return;
	for (int w = 1; w < WARPS; w++)
		sum += all[w * HM_WARP + threadIdx.x];
	y[j] += sum;
}
