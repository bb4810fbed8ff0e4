/* This file has the training operations of the cpu device that work on single elements: activations,
 * dropout. They are vector loops distributed among d->threads threads; the bytes do not depend on their
 * number. */
#include "ops/cpu/cpu.h"
#include "ops/cpu/curves.h"
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

HM_SIMD static void activate_run(void *y, const void *x, size_t from, size_t to, bool quick, bool bf16)
{
	float v[BLOCK] = {0};
	for (size_t at = from; at < to; at += BLOCK) {
		size_t n = to - at < BLOCK ? to - at : BLOCK;
		hm_widen(v, act_at(x, at, bf16), n, bf16);
		if (quick)
			for (size_t j = 0; j < n; j += HM_HALF)
				hm_quick_lanes((hm_vec8 *)(v + j));
		else
			for (size_t j = 0; j < n; j += HM_HALF)
				hm_gelu_lanes((hm_vec8 *)(v + j));
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
				hm_quick_slope_lanes((hm_vec8 *)(v + j));
		else
			for (size_t j = 0; j < n; j += HM_HALF)
				hm_gelu_slope_lanes((hm_vec8 *)(v + j));
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
