/* This file divides indices by numbers that are known when a kernel is launched: by a multiplication and a
 * shift, where the GPU's own division takes some twenty instructions (Granlund and Montgomery, Division by
 * Invariant Integers using Multiplication, 1994). The host makes the divisor, kernels use it. */
#ifndef HM_DIVIDE_H
#define HM_DIVIDE_H

#include <stdint.h>

struct hm_divisor {
	uint32_t by, mul, shift;
};

/* hm_divide takes numbers below this. */
#define HM_MOST_INDEX ((uint32_t)1 << 31)

#ifdef __cplusplus

#include "ops/cuda/kernel.h"

/* Returns n/by; *rest = n%by. */
HM_DEVICE uint32_t hm_divide(uint32_t n, const struct hm_divisor &d, uint32_t *rest)
{
	uint32_t q = ((uint32_t)((uint64_t)n * d.mul >> 32) + n) >> d.shift;
	*rest = n - q * d.by;
	return q;
}

#else

/* 0 < by < 2^31. */
static inline struct hm_divisor hm_divisor(int by)
{
	struct hm_divisor d = {(uint32_t)by, 0, 0};
	while ((uint64_t)1 << d.shift < d.by)
		d.shift++;
	d.mul = (uint32_t)(((((uint64_t)1 << d.shift) - d.by) << 32) / d.by + 1);
	return d;
}

#endif

#endif
