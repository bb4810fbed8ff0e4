/* This file computes with sixteen floats at a time in the compiler's vector types: sums, moments, exp,
 * small matrix products, conversion of activations. Every instruction set adds in the same order. All
 * functions are inlined into functions marked HM_SIMD. */
#ifndef HM_VEC_H
#define HM_VEC_H

#include "base/tensor.h"

#include <math.h>

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

/* Mean of v [k] and 1/sqrt(var + eps), biased variance. */
HM_INLINE void hm_vec_moments(const float *v, size_t k, double eps, float *mean, float *rstd)
{
	size_t whole = k / HM_LANES * HM_LANES;
	hm_vec s = {0};
	float m, var;
	for (size_t j = 0; j < whole; j += HM_LANES)
		s += *(const hm_vec *)(v + j);
	m = hm_vec_sum(&s);
	for (size_t j = whole; j < k; j++)
		m += v[j];
	m /= (float)k;
	s = (hm_vec){0};
	for (size_t j = 0; j < whole; j += HM_LANES) {
		hm_vec t = *(const hm_vec *)(v + j) - m;
		s += t * t;
	}
	var = hm_vec_sum(&s);
	for (size_t j = whole; j < k; j++)
		var += (v[j] - m) * (v[j] - m);
	*mean = m;
	*rstd = 1 / sqrtf(var / (float)k + (float)eps);
}

/* x := exp(x) for x <= 0: 2^n * p(r), x = n ln 2 + r, |r| <= ln 2 / 2, p the Taylor polynomial of degree 7
 * (error below 1e-8 relative); below -87 the result is about 1e-38, and NaN stays NaN. */
HM_INLINE void hm_vec_exp(hm_vec *x)
{
	const float magic = 12582912.f; /* 1.5 * 2^23: adding it rounds to an integer, kept in the low bits */
	hm_vec v = *x, low = {0};
	low -= 87.f;
	v = (hm_vec)(((v < low) & (hm_vec_int)low) | (~(v < low) & (hm_vec_int)v));
	hm_vec shifted = v * 1.44269504f + magic, n = shifted - magic;
	hm_vec r = v - n * 0.693359375f + n * 2.12194440e-4f;
	hm_vec p = r * (1 / 5040.f) + 1 / 720.f;
	p = p * r + 1 / 120.f;
	p = p * r + 1 / 24.f;
	p = p * r + 1 / 6.f;
	p = p * r + .5f;
	p = p * r + 1.f;
	p = p * r + 1.f;
	*x = (hm_vec)((hm_vec_int)p + (((hm_vec_int)shifted << 23) & (v == v)));
}

/* c [8,16] (row stride ldc) = a [8,t] (row stride lda, column stride step) . b [t,16] (ldb). */
enum { HM_TILE = 8 };
HM_INLINE void hm_vec_tile(float *c, size_t ldc, const float *a, size_t lda, size_t step, const float *b,
			   size_t ldb, size_t t)
{
	hm_vec s[HM_TILE] = {0};
	for (size_t j = 0; j < t; j++, a += step, b += ldb) {
		hm_vec v = *(const hm_vec *)b;
#pragma GCC unroll 8
		for (size_t q = 0; q < HM_TILE; q++)
			s[q] += v * a[q * lda];
	}
#pragma GCC unroll 8
	for (size_t q = 0; q < HM_TILE; q++)
		*(hm_vec *)(c + q * ldc) = s[q];
}

/* p [padded] = exp(p - max) over the first n, 0 behind; returns their sum. */
HM_INLINE float hm_vec_soften(float *p, size_t n, size_t padded)
{
	hm_vec most, sum = {0};
	float top;
	for (size_t j = n; j < padded; j++)
		p[j] = -INFINITY;
	most = *(hm_vec *)p;
	for (size_t j = HM_LANES; j < padded; j += HM_LANES) {
		hm_vec v = *(hm_vec *)(p + j);
		most = (hm_vec)(((v > most) & (hm_vec_int)v) | (~(v > most) & (hm_vec_int)most));
	}
	top = most[0];
	for (int l = 1; l < HM_LANES; l++)
		top = most[l] > top ? most[l] : top;
	for (size_t j = 0; j < padded; j += HM_LANES) {
		hm_vec v = *(hm_vec *)(p + j) - top;
		hm_vec_exp(&v);
		*(hm_vec *)(p + j) = v;
	}
	for (size_t j = n; j < padded; j++)
		p[j] = 0;
	for (size_t j = 0; j < padded; j += HM_LANES)
		sum += *(hm_vec *)(p + j);
	return hm_vec_sum(&sum);
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

/* Prefetches the `bytes` from p on. */
HM_INLINE void hm_prefetch(const void *p, size_t bytes)
{
	for (size_t at = 0; at < bytes; at += 64)
		__builtin_prefetch((const char *)p + at);
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
