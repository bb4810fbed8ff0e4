/* Sixteen floats at a time, in the compiler's own vectors, so that every instruction set adds in the same
 * order; and widening and narrowing of activations. Everything is inlined into functions marked HM_SIMD. */
#ifndef HM_VEC_H
#define HM_VEC_H

#include "base/tensor.h"

enum { HM_LANES = 16 };
typedef float hm_vec __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t hm_vec_int __attribute__((vector_size(64), aligned(4), may_alias));
#define HM_INLINE static inline __attribute__((always_inline))

HM_INLINE size_t hm_lanes_up(size_t n)
{
	return (n + HM_LANES - 1) / HM_LANES * HM_LANES;
}

/* Sum of the lanes, pairwise. */
HM_INLINE float hm_vec_sum(const hm_vec *v)
{
	float s[HM_LANES];
	for (int l = 0; l < HM_LANES; l++)
		s[l] = (*v)[l];
	for (int half = HM_LANES / 2; half; half /= 2)
		for (int l = 0; l < half; l++)
			s[l] += s[l + half];
	return s[0];
}

/* y [n] = x [n] as f32. */
HM_INLINE void hm_widen(float *y, const void *x, size_t n, bool bf16)
{
	if (bf16)
		for (size_t j = 0; j < n; j++)
			((uint32_t *)(void *)y)[j] = (uint32_t)((const uint16_t *)x)[j] << 16;
	else
		for (size_t j = 0; j < n; j++)
			y[j] = ((const float *)x)[j];
}

/* y [n] = x [n] as activations; bf16 rounds to nearest even and keeps NaN a NaN. */
HM_INLINE void hm_narrow(void *y, const float *x, size_t n, bool bf16)
{
	if (bf16)
		for (size_t j = 0; j < n; j++) {
			uint32_t u = ((const uint32_t *)(const void *)x)[j];
			uint32_t round = (u + 0x7fff + (u >> 16 & 1)) >> 16, nan = u >> 16 | 0x40;
			((uint16_t *)y)[j] = (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? nan : round);
		}
	else
		for (size_t j = 0; j < n; j++)
			((float *)y)[j] = x[j];
}

#endif
