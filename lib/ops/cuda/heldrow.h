/* For kernels: a row of at most 1,024 values that a warp reads once and keeps in registers. */
#ifndef HM_CUDA_HELDROW_H
#define HM_CUDA_HELDROW_H

#include "ops/cuda/lots.h"

/* Of k values, k a multiple of n, lot c of a lane begins at element hm_spot(c). No branch stands between the
 * loads, so that all are on their way before one is waited for; past the row's end 16 bytes of `other` are
 * read, which nobody writes, and made zeros. */
enum { HM_HELD = 32 }; /* values that a lane holds: rows of HM_HELD*HM_WARP at most */
template <int n> HM_DEVICE int hm_spot(int c)
{
	return (c * HM_WARP + threadIdx.x % HM_WARP) * n;
}

template <int lots, int n, class real>
HM_DEVICE void hm_load_row(hm_lot<real, n> q[lots], const real *row, int k, const float *other)
{
#pragma unroll
	for (int c = 0; c < lots; c++)
		q[c] = *(const hm_lot<real, n> *)(hm_spot<n>(c) < k ? row + hm_spot<n>(c)
								    : (const real *)other);
#pragma unroll
	for (int c = 0; c < lots; c++)
		if (hm_spot<n>(c) >= k)
			q[c] = hm_lot<real, n>{};
}

#endif
