/* This file has the transforms of Winograd's F(4x4,3x3), one line of six numbers at a time: of the filter, of
 * the input, and back. They are Cook's and Toom's for the points 0, +-A, +-B and infinity; see winograd.h. */
#ifndef HM_WINOGRADLINE_H
#define HM_WINOGRADLINE_H

#include "ops/cpu/vec.h"

#include <immintrin.h>

#if defined(__clang__) /* ignores the whole attribute if it does not know a part of it */
#define WIDE __attribute__((target("arch=x86-64-v4")))
#else
#define WIDE __attribute__((target("arch=x86-64-v4,prefer-vector-width=512")))
#endif
#define WIDE_INLINE WIDE HM_INLINE

/* A tile's outputs and inputs per side; places; rows and columns of the product's block of registers. */
enum { OUT = 4, IN = 6, PLACES = IN * IN, ROWS = 8, COLUMNS = 32 };
/* The points are 0, +-A, +-B and infinity. */
#define A .625f
#define B 1.5f

/* out [6] = the filter's transform of in [3], both `step` apart, for COLUMNS outputs side by side. */
HM_INLINE void transform_filter_line(double (*out)[COLUMNS], const double (*in)[COLUMNS], size_t to,
				     size_t step)
{
	const double a = A, b = B, p0 = 1 / (a * a * b * b), pa = 1 / (2 * a * a * (a * a - b * b)),
		     pb = 1 / (2 * b * b * (b * b - a * a));
	for (size_t k = 0; k < COLUMNS; k++) {
		double x = in[0][k], y = in[step][k], z = in[2 * step][k];
		out[0][k] = x * p0;
		out[to][k] = (x + a * y + a * a * z) * pa;
		out[2 * to][k] = (x - a * y + a * a * z) * pa;
		out[3 * to][k] = (x + b * y + b * b * z) * pb;
		out[4 * to][k] = (x - b * y + b * b * z) * pb;
		out[5 * to][k] = z;
	}
}

/* t [6], `step` apart, = the transform of d [6]. */
WIDE_INLINE void transform_input(__m512 *t, size_t step, const __m512 *d)
{
	const __m512 a = _mm512_set1_ps(A), b = _mm512_set1_ps(B), aa = _mm512_set1_ps(A * A),
		     bb = _mm512_set1_ps(B * B), sum = _mm512_set1_ps(A * A + B * B),
		     prod = _mm512_set1_ps(A * A * B * B);
	__m512 even = _mm512_fnmadd_ps(bb, d[2], d[4]), odd = _mm512_fnmadd_ps(bb, d[1], d[3]);
	__m512 even2 = _mm512_fnmadd_ps(aa, d[2], d[4]), odd2 = _mm512_fnmadd_ps(aa, d[1], d[3]);
	t[0] = _mm512_fnmadd_ps(sum, d[2], _mm512_fmadd_ps(prod, d[0], d[4]));
	t[step] = _mm512_fmadd_ps(a, odd, even);
	t[2 * step] = _mm512_fnmadd_ps(a, odd, even);
	t[3 * step] = _mm512_fmadd_ps(b, odd2, even2);
	t[4 * step] = _mm512_fnmadd_ps(b, odd2, even2);
	t[5 * step] = _mm512_fnmadd_ps(sum, d[3], _mm512_fmadd_ps(prod, d[1], d[5]));
}

/* y [4], `step` apart, = the transform of m [6] back. */
WIDE_INLINE void transform_output(__m512 *y, size_t step, const __m512 *m)
{
	const __m512 a = _mm512_set1_ps(A), b = _mm512_set1_ps(B), aa = _mm512_set1_ps(A * A),
		     bb = _mm512_set1_ps(B * B), aaa = _mm512_set1_ps(A * A * A),
		     bbb = _mm512_set1_ps(B * B * B);
	__m512 s1 = m[1] + m[2], d1 = m[1] - m[2];
	__m512 s2 = m[3] + m[4], d2 = m[3] - m[4];
	y[0] = m[0] + s1 + s2;
	y[step] = _mm512_fmadd_ps(a, d1, b * d2);
	y[2 * step] = _mm512_fmadd_ps(aa, s1, bb * s2);
	y[3 * step] = _mm512_fmadd_ps(aaa, d1, _mm512_fmadd_ps(bbb, d2, m[5]));
}

#endif
