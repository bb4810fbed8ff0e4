/* This file lets kernels access several neighbouring values at once, as floats. A vector takes at most 16
 * bytes per access. */
#ifndef HM_CUDA_VECTOR_H
#define HM_CUDA_VECTOR_H

#include "ops/cuda/kernel.h"

template <class real, int n> struct alignas(sizeof(real) * n < 16 ? sizeof(real) * n : 16) hm_vector {
	real e[n];
};

/* How many values of a type 16 bytes hold. */
#define HM_VECTOR(real) (16 / (int)sizeof(real))

/* Whether the address is a multiple of 16. */
HM_DEVICE bool hm_aligned(const void *p)
{
	return (uintptr_t)p % 16 == 0;
}

template <int n, class real> HM_DEVICE void hm_load(float v[n], const real *p)
{
	hm_vector<real, n> q = *(const hm_vector<real, n> *)p;
#pragma unroll
	for (int i = 0; i < n; i++)
		v[i] = hm_get(&q.e[i]);
}

template <int n, class real> HM_DEVICE void hm_store(real *p, const float v[n])
{
	hm_vector<real, n> q;
#pragma unroll
	for (int i = 0; i < n; i++)
		hm_put(&q.e[i], v[i]);
	*(hm_vector<real, n> *)p = q;
}

#endif
