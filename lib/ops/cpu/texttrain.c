/* This file has the training operations of the cpu device that work on single elements: activations,
 * dropout. They are vector loops distributed among d->threads threads; the bytes do not depend on their
 * number. */
#include "ops/cpu/cpu.h"
#include "ops/cpu/mask.h"
#include "ops/cpu/split.h"
#include "ops/cpu/vec.h"

#include <string.h>

enum { BLOCK = 256 }; /* elements that are computed together */

/* Element `at` of activations. */
HM_INLINE void *act_at(const void *x, size_t at, bool bf16)
{
	return (char *)x + at * (bf16 ? 2 : 4);
}

/* ---- GELU, quick GELU */

/* The normal distribution and its density at x. For a = |x| the upper tail is exp(-a^2/2) * R(a), where R
 * is a polynomial in 1/(1 + .325 a), fitted by us to 1.3e-8 relative for a <= 13.5. The results are within
 * 2e-7 of the true values. */
HM_INLINE void normal_lanes(hm_vec8 *distribution, hm_vec8 *density, const hm_vec8 *px)
{
	static const float c[] = {9.34087075e-06f, .129415289f, .132351726f,  .0987770706f, .157456458f,
				  -.128233612f,	   .319880515f, -.330567122f, .145098418f,  -.0241880771f};
	hm_vec8 x = *px, a = (hm_vec8)((hm_vec8_int)x & 0x7fffffff), t = 1 / (1 + a * .325f);
	hm_vec8 e = x * x * -.5f, r = t * c[9] + c[8];
	hm_vec_exp(&e);
	for (int j = 7; j >= 0; j--)
		r = r * t + c[j];
	r *= e;
	*density = e * .398942280f;
	*distribution = (hm_vec8)(((x < 0) & (hm_vec8_int)r) | (~(x < 0) & (hm_vec8_int)(1 - r)));
}

/* gelu(x) and gelu'(x) = distribution + x * density. */
HM_INLINE void gelu_lanes(hm_vec8 *x)
{
	hm_vec8 all, density;
	normal_lanes(&all, &density, x);
	*x *= all;
}
HM_INLINE void gelu_slope_lanes(hm_vec8 *x)
{
	hm_vec8 all, density;
	normal_lanes(&all, &density, x);
	*x = all + *x * density;
}

/* s = 1/(1 + exp(-1.702 x)) and 1 - s, both from exp(-|1.702 x|), which neither overflows nor cancels. */
HM_INLINE void sigmoid_lanes(hm_vec8 *s, hm_vec8 *rest, const hm_vec8 *x)
{
	hm_vec8 e = (hm_vec8)((hm_vec8_int)(*x * 1.702f) | INT32_MIN), large, small;
	hm_vec8_int negative = *x < 0;
	hm_vec_exp(&e);
	large = 1 / (1 + e);
	small = e * large;
	*s = (hm_vec8)((negative & (hm_vec8_int)small) | (~negative & (hm_vec8_int)large));
	*rest = (hm_vec8)((negative & (hm_vec8_int)large) | (~negative & (hm_vec8_int)small));
}

/* x*s and s*(1 + 1.702 x (1 - s)). */
HM_INLINE void quick_lanes(hm_vec8 *x)
{
	hm_vec8 s, rest;
	sigmoid_lanes(&s, &rest, x);
	*x *= s;
}
HM_INLINE void quick_slope_lanes(hm_vec8 *x)
{
	hm_vec8 s, rest;
	sigmoid_lanes(&s, &rest, x);
	*x = s * (1 + *x * 1.702f * rest);
}

HM_SIMD static void activate_run(void *y, const void *x, size_t from, size_t to, bool quick, bool bf16)
{
	float v[BLOCK] = {0};
	for (size_t at = from; at < to; at += BLOCK) {
		size_t n = to - at < BLOCK ? to - at : BLOCK;
		hm_widen(v, act_at(x, at, bf16), n, bf16);
		if (quick)
			for (size_t j = 0; j < n; j += HM_HALF)
				quick_lanes((hm_vec8 *)(v + j));
		else
			for (size_t j = 0; j < n; j += HM_HALF)
				gelu_lanes((hm_vec8 *)(v + j));
		hm_narrow(act_at(y, at, bf16), v, n, bf16);
	}
}

void hm_cpu_activate(struct hm_device *d, void *y, const void *x, size_t n, enum hm_act f)
{
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++)
		activate_run(y, x, hm_part(n, t, d->threads, BLOCK), hm_part(n, t + 1, d->threads, BLOCK),
			     f == HM_ACT_QUICK_GELU, d->act == HM_BF16);
}

HM_SIMD static void activate_backward_run(void *dx, const void *dy, const void *x, size_t from, size_t to,
					  bool quick, bool bf16)
{
	float v[BLOCK] = {0}, g[BLOCK];
	for (size_t at = from; at < to; at += BLOCK) {
		size_t n = to - at < BLOCK ? to - at : BLOCK;
		hm_widen(v, act_at(x, at, bf16), n, bf16);
		hm_widen(g, act_at(dy, at, bf16), n, bf16);
		if (quick)
			for (size_t j = 0; j < n; j += HM_HALF)
				quick_slope_lanes((hm_vec8 *)(v + j));
		else
			for (size_t j = 0; j < n; j += HM_HALF)
				gelu_slope_lanes((hm_vec8 *)(v + j));
		for (size_t j = 0; j < n; j++)
			g[j] *= v[j];
		hm_narrow(act_at(dx, at, bf16), g, n, bf16);
	}
}

void hm_cpu_activate_backward(struct hm_device *d, void *dx, const void *dy, const void *x, size_t n,
			      enum hm_act f)
{
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++)
		activate_backward_run(dx, dy, x, hm_part(n, t, d->threads, BLOCK),
				      hm_part(n, t + 1, d->threads, BLOCK), f == HM_ACT_QUICK_GELU,
				      d->act == HM_BF16);
}

/* ---- tanh: libm's, as only a pooler needs it, for a few thousand elements */

static void tanh_run(void *y, const void *x, size_t from, size_t to, bool bf16)
{
	float v[BLOCK];
	for (size_t at = from; at < to; at += BLOCK) {
		size_t n = to - at < BLOCK ? to - at : BLOCK;
		hm_widen(v, act_at(x, at, bf16), n, bf16);
		for (size_t j = 0; j < n; j++)
			v[j] = tanhf(v[j]);
		hm_narrow(act_at(y, at, bf16), v, n, bf16);
	}
}

void hm_cpu_tanh(struct hm_device *d, void *y, const void *x, size_t n)
{
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++)
		tanh_run(y, x, hm_part(n, t, d->threads, BLOCK), hm_part(n, t + 1, d->threads, BLOCK),
			 d->act == HM_BF16);
}

HM_SIMD static void tanh_backward_run(void *dx, const void *dy, const void *y, size_t from, size_t to,
				      bool bf16)
{
	float v[BLOCK], g[BLOCK];
	for (size_t at = from; at < to; at += BLOCK) {
		size_t n = to - at < BLOCK ? to - at : BLOCK;
		hm_widen(v, act_at(y, at, bf16), n, bf16);
		hm_widen(g, act_at(dy, at, bf16), n, bf16);
		for (size_t j = 0; j < n; j++)
			g[j] *= 1 - v[j] * v[j];
		hm_narrow(act_at(dx, at, bf16), g, n, bf16);
	}
}

void hm_cpu_tanh_backward(struct hm_device *d, void *dx, const void *dy, const void *y, size_t n)
{
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++)
		tanh_backward_run(dx, dy, y, hm_part(n, t, d->threads, BLOCK),
				  hm_part(n, t + 1, d->threads, BLOCK), d->act == HM_BF16);
}

/* ---- dropout */

HM_SIMD static void dropout_run(void *y, const void *x, const struct hm_mask *mask, size_t from, size_t to,
				bool bf16)
{
	float v[BLOCK], f[BLOCK + HM_MASK_GRAIN];
	for (size_t at = from; at < to; at += BLOCK) {
		size_t n = to - at < BLOCK ? to - at : BLOCK;
		hm_widen(v, act_at(x, at, bf16), n, bf16);
		hm_mask_apply(v, f, mask, at, n);
		hm_narrow(act_at(y, at, bf16), v, n, bf16);
	}
}

void hm_cpu_dropout(struct hm_device *d, void *y, const void *x, const struct hm_dropout *drop, size_t n)
{
	struct hm_mask mask;
	if (!hm_mask_init(&mask, drop)) {
		if (y != x)
			memcpy(y, x, n * hm_dtype_size(d->act));
		return;
	}
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++)
		dropout_run(y, x, &mask, hm_part(n, t, d->threads, BLOCK),
			    hm_part(n, t + 1, d->threads, BLOCK), d->act == HM_BF16);
}
