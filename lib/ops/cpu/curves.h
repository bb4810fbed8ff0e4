/* This file has activation functions and their slopes, of eight floats at a time. All functions are inlined
 * into functions marked HM_SIMD, or compiled for AVX2. */
#ifndef HM_CURVES_H
#define HM_CURVES_H

#include "ops/cpu/vec.h"

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
HM_INLINE void hm_gelu_lanes(hm_vec8 *x)
{
	hm_vec8 all, density;
	normal_lanes(&all, &density, x);
	*x *= all;
}
HM_INLINE void hm_gelu_slope_lanes(hm_vec8 *x)
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
HM_INLINE void hm_quick_lanes(hm_vec8 *x)
{
	hm_vec8 s, rest;
	sigmoid_lanes(&s, &rest, x);
	*x *= s;
}
HM_INLINE void hm_quick_slope_lanes(hm_vec8 *x)
{
	hm_vec8 s, rest;
	sigmoid_lanes(&s, &rest, x);
	*x = s * (1 + *x * 1.702f * rest);
}

#endif
