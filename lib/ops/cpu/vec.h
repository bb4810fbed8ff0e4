/* This file computes with sixteen or eight floats at a time in the compiler's vector types: sums, moments,
 * exp, small matrix products, conversion of activations. Every instruction set adds in the same order. All
 * functions are inlined into functions marked HM_SIMD.
 *
 * gcc keeps vectors that are wider than the processor's in memory, word by word: with AVX2, a loop over
 * hm_vec runs at a fifth of the speed of one over two hm_vec8. So what takes time is written with hm_vec8,
 * and products, for which AVX-512's width counts, with both. */
#ifndef HM_VEC_H
#define HM_VEC_H

#include "base/simd.h"
#include "base/tensor.h"

#include <math.h>
#include <string.h>

enum { HM_LANES = 16 };
typedef float hm_vec __attribute__((vector_size(64), aligned(4), may_alias));
typedef int32_t hm_vec_int __attribute__((vector_size(64), aligned(4), may_alias));
typedef float hm_vec8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef int32_t hm_vec8_int __attribute__((vector_size(32), aligned(4), may_alias));
enum { HM_HALF = 8 };

HM_INLINE size_t hm_lanes_up(size_t n)
{
	return (n + HM_LANES - 1) / HM_LANES * HM_LANES;
}

/* Is hm_vec a register of this processor? */
HM_INLINE bool hm_vec_wide(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("avx512vl");
#else
	return false;
#endif
}

/* s += a * b, rounded once, in functions marked HM_SIMD_FMA. */
HM_INLINE void hm_vec_fma(hm_vec *s, const hm_vec *a, const hm_vec *b)
{
	float x[HM_LANES], y[HM_LANES], z[HM_LANES];
	memcpy(x, a, sizeof x);
	memcpy(y, b, sizeof y);
	memcpy(z, s, sizeof z);
#pragma GCC unroll 1
	for (int l = 0; l < HM_LANES; l++)
		z[l] = fmaf(x[l], y[l], z[l]);
	memcpy(s, z, sizeof z);
}

HM_INLINE void hm_vec8_fma(hm_vec8 *s, const hm_vec8 *a, const hm_vec8 *b)
{
	float x[HM_HALF], y[HM_HALF], z[HM_HALF];
	memcpy(x, a, sizeof x);
	memcpy(y, b, sizeof y);
	memcpy(z, s, sizeof z);
#pragma GCC unroll 1
	for (int l = 0; l < HM_HALF; l++)
		z[l] = fmaf(x[l], y[l], z[l]);
	memcpy(s, z, sizeof z);
}

/* The same with one factor for all lanes. */
HM_INLINE void hm_vec_fma1(hm_vec *s, const hm_vec *a, float f)
{
	hm_vec b = f - (hm_vec){0};
	hm_vec_fma(s, a, &b);
}

HM_INLINE void hm_vec8_fma1(hm_vec8 *s, const hm_vec8 *a, float f)
{
	hm_vec8 b = f - (hm_vec8){0};
	hm_vec8_fma(s, a, &b);
}

/* Sum of sixteen lanes, pairwise: those of `low`, then those of `high`. */
HM_INLINE float hm_vec_sum_halves(const hm_vec8 *low, const hm_vec8 *high)
{
	hm_vec8 both = *low + *high;
	float s[HM_HALF];
	for (int l = 0; l < HM_HALF; l++)
		s[l] = both[l];
	for (int half = HM_HALF / 2; half; half /= 2)
		for (int l = 0; l < half; l++)
			s[l] += s[l + half];
	return s[0];
}

HM_INLINE float hm_vec_sum(const hm_vec *v)
{
	return hm_vec_sum_halves((const hm_vec8 *)v, (const hm_vec8 *)v + 1);
}

/* Mean of v [k] and 1/sqrt(var + eps), biased variance. */
HM_INLINE void hm_vec_moments(const float *v, size_t k, double eps, float *mean, float *rstd)
{
	size_t whole = k / HM_LANES * HM_LANES;
	hm_vec8 s0 = {0}, s1 = {0};
	float m, var;
	for (size_t j = 0; j < whole; j += HM_LANES) {
		s0 += *(const hm_vec8 *)(v + j);
		s1 += *(const hm_vec8 *)(v + j + HM_HALF);
	}
	m = hm_vec_sum_halves(&s0, &s1);
	for (size_t j = whole; j < k; j++)
		m += v[j];
	m /= (float)k;
	s0 = s1 = (hm_vec8){0};
	for (size_t j = 0; j < whole; j += HM_LANES) {
		hm_vec8 t0 = *(const hm_vec8 *)(v + j) - m, t1 = *(const hm_vec8 *)(v + j + HM_HALF) - m;
		s0 += t0 * t0;
		s1 += t1 * t1;
	}
	var = hm_vec_sum_halves(&s0, &s1);
	for (size_t j = whole; j < k; j++)
		var += (v[j] - m) * (v[j] - m);
	*mean = m;
	*rstd = 1 / sqrtf(var / (float)k + (float)eps);
}

/* x := exp(x) for x <= 0: 2^n * p(r), x = n ln 2 + r, |r| <= ln 2 / 2, p the Taylor polynomial of degree 7
 * (error below 1e-8 relative); below -87 the result is about 1e-38, and NaN stays NaN. */
HM_INLINE void hm_vec_exp(hm_vec8 *x)
{
	const float magic = 12582912.f; /* 1.5 * 2^23: adding it rounds to an integer, kept in the low bits */
	hm_vec8 v = *x, low = {0};
	low -= 87.f;
	v = (hm_vec8)(((v < low) & (hm_vec8_int)low) | (~(v < low) & (hm_vec8_int)v));
	hm_vec8 shifted = v * 1.44269504f + magic, n = shifted - magic;
	hm_vec8 r = v - n * 0.693359375f + n * 2.12194440e-4f;
	hm_vec8 p = r * (1 / 5040.f) + 1 / 720.f;
	p = p * r + 1 / 120.f;
	p = p * r + 1 / 24.f;
	p = p * r + 1 / 6.f;
	p = p * r + .5f;
	p = p * r + 1.f;
	p = p * r + 1.f;
	*x = (hm_vec8)((hm_vec8_int)p + (((hm_vec8_int)shifted << 23) & (v == v)));
}

/* hm_vec_tile with AVX-512: eight registers of sums. */
HM_INLINE void hm_vec_tile_wide(float *c, size_t ldc, const float *a, size_t lda, size_t step, const float *b,
				size_t ldb, size_t t)
{
	hm_vec s[8] = {0};
	for (size_t j = 0; j < t; j++, a += step, b += ldb) {
		hm_vec v = *(const hm_vec *)b;
#pragma GCC unroll 8
		for (size_t q = 0; q < 8; q++)
			s[q] += v * a[q * lda];
	}
#pragma GCC unroll 8
	for (size_t q = 0; q < 8; q++)
		*(hm_vec *)(c + q * ldc) = s[q];
}

/* Four rows of hm_vec_tile: eight registers of sums of the sixteen that AVX2 has. */
HM_INLINE void hm_vec_tile_half(float *c, size_t ldc, const float *a, size_t lda, size_t step, const float *b,
				size_t ldb, size_t t)
{
	hm_vec8 low[4] = {0}, high[4] = {0};
	for (size_t j = 0; j < t; j++, a += step, b += ldb) {
		hm_vec8 v0 = *(const hm_vec8 *)b, v1 = *(const hm_vec8 *)(b + HM_HALF);
#pragma GCC unroll 4
		for (size_t q = 0; q < 4; q++) {
			low[q] += v0 * a[q * lda];
			high[q] += v1 * a[q * lda];
		}
	}
#pragma GCC unroll 4
	for (size_t q = 0; q < 4; q++) {
		*(hm_vec8 *)(c + q * ldc) = low[q];
		*(hm_vec8 *)(c + q * ldc + HM_HALF) = high[q];
	}
}

/* c [8,16] (row stride ldc) = a [8,t] (row stride lda, column stride step) . b [t,16] (ldb). */
enum { HM_TILE = 8 };
HM_INLINE void hm_vec_tile(float *c, size_t ldc, const float *a, size_t lda, size_t step, const float *b,
			   size_t ldb, size_t t)
{
	if (hm_vec_wide()) {
		hm_vec_tile_wide(c, ldc, a, lda, step, b, ldb, t);
		return;
	}
	hm_vec_tile_half(c, ldc, a, lda, step, b, ldb, t);
	hm_vec_tile_half(c + 4 * ldc, ldc, a + 4 * lda, lda, step, b, ldb, t);
}

/* p [padded] = exp(p - max) over the first n, 0 behind; returns their sum. */
HM_INLINE float hm_vec_soften(float *p, size_t n, size_t padded)
{
	hm_vec8 most, sum0 = {0}, sum1 = {0};
	float top;
	for (size_t j = n; j < padded; j++)
		p[j] = -INFINITY;
	most = *(hm_vec8 *)p;
	for (size_t j = HM_HALF; j < padded; j += HM_HALF) {
		hm_vec8 v = *(hm_vec8 *)(p + j);
		most = (hm_vec8)(((v > most) & (hm_vec8_int)v) | (~(v > most) & (hm_vec8_int)most));
	}
	top = most[0];
	for (int l = 1; l < HM_HALF; l++)
		top = most[l] > top ? most[l] : top;
	for (size_t j = 0; j < padded; j += HM_HALF) {
		hm_vec8 v = *(hm_vec8 *)(p + j) - top;
		hm_vec_exp(&v);
		*(hm_vec8 *)(p + j) = v;
	}
	for (size_t j = n; j < padded; j++)
		p[j] = 0;
	for (size_t j = 0; j < padded; j += HM_LANES) {
		sum0 += *(hm_vec8 *)(p + j);
		sum1 += *(hm_vec8 *)(p + j + HM_HALF);
	}
	return hm_vec_sum_halves(&sum0, &sum1);
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
