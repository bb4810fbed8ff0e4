/* This file reads and writes images in strips of 16 channels: one vector of activations at a time, f32 or
 * bf16, for any number of channels. Lanes past the last channel are zero. All functions are inlined into
 * functions marked HM_SIMD. */
#ifndef HM_STRIP_H
#define HM_STRIP_H

#include "ops/cpu/vec.h"

typedef uint16_t hm_half __attribute__((vector_size(32), aligned(2), may_alias));
typedef uint32_t hm_vec_bits __attribute__((vector_size(64), aligned(4), may_alias));

/* v = x[at .. at+n), n <= 16. */
HM_INLINE void hm_strip_load(hm_vec *v, const void *x, size_t at, size_t n, bool bf16)
{
	if (n < HM_LANES) {
		float f[HM_LANES] = {0};
		for (size_t l = 0; l < n; l++)
			f[l] = bf16 ? hm_bf16_to_f32(((const uint16_t *)x)[at + l])
				    : ((const float *)x)[at + l];
		*v = *(const hm_vec *)f;
	} else if (bf16)
		*v = (hm_vec)(__builtin_convertvector(*(const hm_half *)((const uint16_t *)x + at),
						      hm_vec_bits)
			      << 16);
	else
		*v = *(const hm_vec *)((const float *)x + at);
}

/* x[at .. at+n) = v; bf16 rounds to nearest even and keeps NaN a NaN. */
HM_INLINE void hm_strip_store(void *x, size_t at, const hm_vec *v, size_t n, bool bf16)
{
	if (!bf16 && n == HM_LANES) {
		*(hm_vec *)((float *)x + at) = *v;
	} else if (bf16) {
		hm_vec_bits u = (hm_vec_bits)*v, nan = (hm_vec_bits)(*v != *v);
		u = (((u + 0x7fff + (u >> 16 & 1)) & ~nan) | ((u | 0x400000) & nan)) >> 16;
		hm_half h = __builtin_convertvector(u, hm_half);
		if (n == HM_LANES)
			*(hm_half *)((uint16_t *)x + at) = h;
		else
			for (size_t l = 0; l < n; l++)
				((uint16_t *)x)[at + l] = h[l];
	} else
		for (size_t l = 0; l < n; l++)
			((float *)x)[at + l] = (*v)[l];
}

/* Keeps the lanes of v where `mask` is set; the others become 0. */
HM_INLINE void hm_strip_keep(hm_vec *v, const hm_vec_int *mask)
{
	*v = (hm_vec)((hm_vec_int)*v & *mask);
}

/* Calls fn(..., channel, n, bf16) for every strip of `run` channels; n is a compile-time constant where
 * possible. */
#define HM_STRIPS(run, bf16, fn, ...)                                                                        \
	do {                                                                                                 \
		size_t hm_ch = 0;                                                                            \
		for (; hm_ch + HM_LANES <= (run); hm_ch += HM_LANES)                                         \
			if (bf16)                                                                            \
				fn(__VA_ARGS__, hm_ch, HM_LANES, true);                                      \
			else                                                                                 \
				fn(__VA_ARGS__, hm_ch, HM_LANES, false);                                     \
		if ((run)-hm_ch == 8 && !(bf16))                                                             \
			fn(__VA_ARGS__, hm_ch, 8, false);                                                    \
		else if (hm_ch < (run))                                                                      \
			fn(__VA_ARGS__, hm_ch, (run)-hm_ch, bf16);                                           \
	} while (0)

#endif
