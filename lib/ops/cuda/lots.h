/* For kernels: several neighbouring values in one access of memory, as floats. A lot is at most 16 bytes per
 * load. */
#ifndef HM_CUDA_LOTS_H
#define HM_CUDA_LOTS_H

#include "ops/cuda/kernel.h"

template <class real, int n> struct alignas(sizeof(real) * n < 16 ? sizeof(real) * n : 16) hm_lot {
	real e[n];
};

/* Values of a type in 16 bytes. */
#define HM_LOT(real) (16 / (int)sizeof(real))

/* Whether lots of 16 bytes can begin here. */
HM_DEVICE bool hm_even(const void *p)
{
	return (uintptr_t)p % 16 == 0;
}

template <int n, class real> HM_DEVICE void hm_load(float v[n], const real *p)
{
	hm_lot<real, n> q = *(const hm_lot<real, n> *)p;
#pragma unroll
	for (int i = 0; i < n; i++)
		v[i] = hm_get(&q.e[i]);
}

template <int n, class real> HM_DEVICE void hm_store(real *p, const float v[n])
{
	hm_lot<real, n> q;
#pragma unroll
	for (int i = 0; i < n; i++)
		hm_put(&q.e[i], v[i]);
	*(hm_lot<real, n> *)p = q;
}

#endif
