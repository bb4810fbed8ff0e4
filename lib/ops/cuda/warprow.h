/* This file lets a warp read a row of at most 1,024 values once and keep it in registers. */
#ifndef HM_CUDA_WARPROW_H
#define HM_CUDA_WARPROW_H

#include "ops/cuda/vector.h"

/* Of a row of k values, k a multiple of n, vector c of a lane begins at element hm_spot(c). There is no
 * branch between the loads, so that all are under way before one is waited for. Past the row's end 16 bytes
 * of `other`, which nobody writes, are read and replaced by zeros. */
enum { HM_HELD = 32 }; /* values per lane: rows have at most HM_HELD*HM_WARP */
template <int n> HM_DEVICE int hm_spot(int c)
{
	return (c * HM_WARP + threadIdx.x % HM_WARP) * n;
}

template <int vectors, int n, class real>
HM_DEVICE void hm_load_row(hm_vector<real, n> q[vectors], const real *row, int k, const float *other)
{
#pragma unroll
	for (int c = 0; c < vectors; c++)
		q[c] = *(const hm_vector<real, n> *)(hm_spot<n>(c) < k ? row + hm_spot<n>(c)
								       : (const real *)other);
#pragma unroll
	for (int c = 0; c < vectors; c++)
		if (hm_spot<n>(c) >= k)
			q[c] = hm_vector<real, n>{};
}

#endif
