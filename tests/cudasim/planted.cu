/* Kernels with one planted bug each, switched on by a.bug: the self-test of the host executor. Blocks have
 * PLANTED threads; those that turn a row give y[i] = x[n-1-i] within the block. */
#include "ops/cuda/kernel.h"
#include "planted.h"

enum { PLANTED = 64 };

/* A row is turned through shared memory. */
HM_KERNEL(planted_missing_barrier, struct planted_args)
{
	HM_SHARED(float, row, PLANTED);
	size_t i = hm_first();
	row[threadIdx.x] = a.x[i];
	if (!a.bug)
		__syncthreads();
	a.y[i] = row[PLANTED - 1 - threadIdx.x];
}

/* Three rows, one after the other; their sum turned. */
HM_KERNEL(planted_second_barrier, struct planted_args)
{
	HM_SHARED(float, row, PLANTED);
	float sum = 0;
	for (int k = 0; k < 3; k++) {
		row[threadIdx.x] = a.x[hm_first()] + k;
		__syncthreads();
		sum += row[PLANTED - 1 - threadIdx.x];
		if (!a.bug)
			__syncthreads();
	}
	a.y[hm_first()] = sum;
}

/* hm_block_sum, without the barrier that a helper begins with if there is a bug: only a warp that runs far
 * ahead overwrites what the other has not read. */
HM_DEVICE float planted_sum(float v, bool bug)
{
	HM_SHARED(float, part, PLANTED / HM_WARP);
	float sum = 0;
	v = hm_warp_sum(v);
	if (!bug)
		__syncthreads();
	if (threadIdx.x % HM_WARP == 0)
		part[threadIdx.x / HM_WARP] = v;
	__syncthreads();
	for (unsigned w = 0; w < blockDim.x / HM_WARP; w++)
		sum += part[w];
	return sum;
}
HM_KERNEL(planted_helper, struct planted_args)
{
	float v = a.x[hm_first()], first = planted_sum(v, a.bug), second = planted_sum(2 * v, a.bug);
	a.y[hm_first()] = first + second;
}

/* Each warp's sum, in all of its lanes, through shared memory. */
HM_KERNEL(planted_warp, struct planted_args)
{
	HM_SHARED(float, part, PLANTED);
	unsigned warp = threadIdx.x / HM_WARP * HM_WARP, lane = threadIdx.x % HM_WARP;
	float sum = a.x[hm_first()];
	for (unsigned k = HM_WARP / 2; k; k /= 2) {
		part[threadIdx.x] = sum;
		if (!a.bug)
			__syncwarp();
		sum += part[warp + (lane ^ k)];
		if (!a.bug)
			__syncwarp();
	}
	a.y[hm_first()] = sum;
}

/* A shuffle moves values; it does not order shared memory. */
HM_KERNEL(planted_shuffle_order, struct planted_args)
{
	HM_SHARED(float, part, PLANTED);
	unsigned other = threadIdx.x ^ 1;
	part[threadIdx.x] = a.x[hm_first()];
	float v = __shfl_xor_sync(HM_FULL, part[threadIdx.x], 1);
	if (!a.bug)
		__syncwarp();
	a.y[hm_first()] = v + part[other];
}

/* y[0]: how many blocks there are. */
HM_KERNEL(planted_block_race, struct planted_args)
{
	if (threadIdx.x == 0) {
		if (a.bug)
			*(unsigned *)a.y = (blockIdx.x ? *(unsigned *)a.y : 0) + 1;
		else
			atomicAdd((unsigned *)a.y + 1, 1u);
	}
}

/* All write the same. */
HM_KERNEL(planted_same_write, struct planted_args)
{
	if (a.bug || threadIdx.x == 0)
		a.y[blockIdx.x] = 1;
}

/* y[i] = x[i], and one more. */
HM_KERNEL(planted_global_bounds, struct planted_args)
{
	for (size_t i = hm_first(); i < (size_t)a.n + a.bug; i += hm_stride())
		a.y[i] = 1;
}

HM_KERNEL(planted_shared_bounds, struct planted_args)
{
	HM_SHARED(float, row, PLANTED);
	HM_SHARED(float, next, PLANTED);
	float *p = row;
	p[threadIdx.x + a.bug] = next[threadIdx.x] = 1;
	a.y[hm_first()] = p[threadIdx.x + a.bug] + next[threadIdx.x];
}

/* The dynamic array has PLANTED floats. */
HM_KERNEL(planted_dynamic_bounds, struct planted_args)
{
	HM_SHARED_DYNAMIC(float, row);
	row[threadIdx.x + a.bug] = 1;
	a.y[hm_first()] = row[threadIdx.x + a.bug];
}

/* y[i] = x[i], by fours. */
HM_KERNEL(planted_misaligned, struct planted_args)
{
	for (size_t i = hm_first(); i + 1 < (size_t)a.n / 4; i += hm_stride()) {
		float4 v = ((const float4 *)(a.x + a.bug))[i];
		((float4 *)a.y)[i] = make_float4(v.x, v.y, v.z, v.w);
	}
}

HM_KERNEL(planted_unwritten_shared, struct planted_args)
{
	HM_SHARED(float, row, PLANTED);
	if (!a.bug || threadIdx.x % 2)
		row[threadIdx.x] = 0;
	__syncthreads();
	a.y[hm_first()] = row[PLANTED - 1 - threadIdx.x];
}

HM_KERNEL(planted_unwritten_global, struct planted_args)
{
	if (!a.bug || threadIdx.x)
		a.y[hm_first()] = 0;
}

/* The second block of a launch must not find what the first left. */
HM_KERNEL(planted_stale_shared, struct planted_args)
{
	HM_SHARED(float, row, PLANTED);
	if (!a.bug || blockIdx.x == 0)
		row[threadIdx.x] = 1;
	__syncthreads();
	a.y[hm_first()] = row[threadIdx.x];
}

HM_KERNEL(planted_divergent, struct planted_args)
{
	if (a.bug && threadIdx.x < HM_WARP)
		__syncthreads();
	else
		__syncthreads();
	a.y[hm_first()] = 1;
}

HM_KERNEL(planted_return, struct planted_args)
{
	a.y[hm_first()] = 1;
	if (a.bug && threadIdx.x == 5)
		return;
	__syncthreads();
}

HM_KERNEL(planted_dead_lanes, struct planted_args)
{
	a.y[hm_first()] = 1;
	if (a.bug && threadIdx.x % HM_WARP > 15)
		return;
	a.y[hm_first()] = hm_warp_max(1.0f);
}

HM_KERNEL(planted_mask, struct planted_args)
{
	a.y[hm_first()] = __shfl_sync(a.bug ? 0xffffu : HM_FULL, 1.0f, 0);
}

HM_KERNEL(planted_deadlock, struct planted_args)
{
	if (a.bug && threadIdx.x % 2)
		__syncwarp();
	else if (a.bug)
		__syncthreads();
	a.y[hm_first()] = 1;
}

HM_KERNEL(planted_much_shared, struct planted_args)
{
	HM_SHARED(float, row, 8000);
	HM_SHARED_DYNAMIC(float, more);
	row[threadIdx.x] = more[threadIdx.x] = 1;
	a.y[hm_first()] = row[threadIdx.x] + more[threadIdx.x];
}

/* Bound to half of its threads. */
HM_KERNEL_FIT(planted_fit, struct planted_args, PLANTED / 2, 4)
{
	a.y[hm_first()] = 1;
}

/* y[i] += x[i]: for the host's bugs. */
HM_KERNEL(planted_add, struct planted_args)
{
	for (size_t i = hm_first(); i < (size_t)a.n; i += hm_stride())
		a.y[i] += a.x[i];
}

/* Every warp operation, against what the lane's number says: y[i] is 1. */
HM_KERNEL(planted_operations, struct planted_args)
{
	int lane = threadIdx.x % HM_WARP;
	bool good = __shfl_sync(HM_FULL, lane, 7) == 7;
	good &= __shfl_sync(HM_FULL, lane, 3, 8) == lane / 8 * 8 + 3;
	good &= __shfl_up_sync(HM_FULL, (unsigned)lane, 3) == (unsigned)(lane < 3 ? lane : lane - 3);
	good &= __shfl_up_sync(HM_FULL, lane, 1, 4) == (lane % 4 ? lane - 1 : lane);
	good &= __shfl_down_sync(HM_FULL, (double)lane, 3) == (lane > 28 ? lane : lane + 3);
	good &= __shfl_down_sync(HM_FULL, lane, 2, 8) == (lane % 8 > 5 ? lane : lane + 2);
	good &= __shfl_xor_sync(HM_FULL, (float)lane, 5) == (float)(lane ^ 5);
	good &= __shfl_xor_sync(HM_FULL, lane, 8, 8) == (lane % 16 < 8 ? lane : lane - 8);
	good &= __ballot_sync(HM_FULL, lane % 3 == 0) == 0x49249249u;
	good &= __any_sync(HM_FULL, lane == 9) && !__any_sync(HM_FULL, lane == 32);
	good &= __all_sync(HM_FULL, lane < 32) && !__all_sync(HM_FULL, lane != 9);
	good &= __umulhi(0x80000000u, 6) == 3 && hm_warp_sum((double)lane) == 496;
	a.y[hm_first()] = good;
}
