/* This file is dropout for kernels: the rule of struct hm_dropout in ops.h, with Philox4x32-10 as in
 * base/rng.c. */
#ifndef HM_CUDA_PHILOX_H
#define HM_CUDA_PHILOX_H

#include "base/rng.h"
#include "ops/cuda/kernel.h"
#include "ops/cuda/textargs.h"

/* What changes from call to call; zeros when nothing is dropped. */
HM_DEVICE struct hm_draw hm_draw_of(const struct hm_drop &d)
{
	return d.on ? *d.draw : hm_draw{0, 0, 0};
}

/* f [4]: what the four elements of a block are multiplied by. */
HM_DEVICE void hm_drop_factors(float f[4], const struct hm_drop &d, uint32_t step, uint64_t block)
{
	uint32_t c0 = (uint32_t)block, c1 = HM_RNG_DROPOUT + ((uint32_t)(block >> 32) << 8), c2 = step,
		 c3 = d.site, k0 = d.key[0], k1 = d.key[1];
#pragma unroll
	for (int round = 0; round < 10; round++) {
		uint64_t p0 = (uint64_t)0xD2511F53 * c0, p1 = (uint64_t)0xCD9E8D57 * c2;
		c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
		c1 = (uint32_t)p1;
		c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
		c3 = (uint32_t)p0;
		k0 += 0x9E3779B9;
		k1 += 0xBB67AE85;
	}
	f[0] = c0 < d.limit ? 0 : d.scale;
	f[1] = c1 < d.limit ? 0 : d.scale;
	f[2] = c2 < d.limit ? 0 : d.scale;
	f[3] = c3 < d.limit ? 0 : d.scale;
}

/* Multiplies v [n], the call's elements from e on. n is 1; or n and e are multiples of 4 and d does not
 * straddle. */
template <int n>
HM_DEVICE void hm_drop(float v[n], const struct hm_drop &d, const struct hm_draw &w, uint64_t e)
{
	float f[4];
	e += w.first;
	if (n == 1) {
		hm_drop_factors(f, d, w.step, e / 4);
		v[0] *= e % 4 < 2 ? (e % 4 ? f[1] : f[0]) : (e % 4 == 2 ? f[2] : f[3]);
	}
#pragma unroll
	for (int i = 0; i < n / 4; i++) {
		hm_drop_factors(f, d, w.step, e / 4 + i);
#pragma unroll
		for (int j = 0; j < 4; j++)
			v[4 * i + j] *= f[j];
	}
}

#endif
