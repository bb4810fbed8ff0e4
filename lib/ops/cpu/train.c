/* This file has f32 linear layers on the cpu device, forward and backward. Those of few outputs are vector
 * loops, made for the last layer of a head: many inputs, rows that pass through the cache once. Others are
 * products by oneDNN (widelinear.c). */
#include "ops/cpu/cpu.h"
#include "ops/cpu/vec.h"

enum {
	GROUP = 4, /* outputs computed together */
	FEW = 16   /* outputs that are worth no product by oneDNN */
};

/* Sum of a[j]*b[j] for j < k, in four vectors. */
HM_INLINE float dot(const float *a, const float *b, size_t k)
{
	hm_vec s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0};
	size_t j = 0;
	for (; j + 4 * HM_LANES <= k; j += 4 * HM_LANES) {
		s0 += *(const hm_vec *)(a + j) * *(const hm_vec *)(b + j);
		s1 += *(const hm_vec *)(a + j + 16) * *(const hm_vec *)(b + j + 16);
		s2 += *(const hm_vec *)(a + j + 32) * *(const hm_vec *)(b + j + 32);
		s3 += *(const hm_vec *)(a + j + 48) * *(const hm_vec *)(b + j + 48);
	}
	s0 += s1 + (s2 + s3);
	float sum = hm_vec_sum(&s0);
	for (; j < k; j++)
		sum += a[j] * b[j];
	return sum;
}

HM_SIMD static void forward_few(float *y, const float *x, const float *w, const float *b, int m, int n, int k)
{
	for (size_t first = 0; first < (size_t)n; first += GROUP)
		for (size_t r = 0; r < (size_t)m; r++)
			for (size_t c = first; c < first + GROUP && c < (size_t)n; c++)
				y[r * n + c] = dot(x + r * k, w + c * k, k) + (b ? b[c] : 0);
}

/* y [k] += f * x [k]. */
HM_INLINE void axpy(float *restrict y, const float *restrict x, float f, size_t k)
{
	for (size_t j = 0; j < k; j++)
		y[j] += f * x[j];
}

HM_SIMD static void add_rows(float *db, const float *dy, size_t m, size_t n)
{
	for (size_t r = 0; r < m; r++)
		axpy(db, dy + r * n, 1, n);
}

/* dw [outs,64] += dy^T x over m rows, with AVX-512: the sums stay in registers, and a row that is loaded
 * serves all outputs. dy has row stride n; dw and x have k. */
enum { WIDE = 4 * HM_LANES, PAIR = 2 };
HM_INLINE void add_products_wide(float *dw, const float *dy, const float *x, size_t m, size_t n, size_t k,
				 size_t outs)
{
	hm_vec s[PAIR][4];
	for (size_t c = 0; c < outs; c++)
		for (size_t q = 0; q < 4; q++)
			s[c][q] = *(const hm_vec *)(dw + c * k + q * HM_LANES);
	for (size_t r = 0; r < m; r++, x += k, dy += n)
#pragma GCC unroll 4
		for (size_t q = 0; q < 4; q++) {
			hm_vec v = *(const hm_vec *)(x + q * HM_LANES);
#pragma GCC unroll 2
			for (size_t c = 0; c < outs; c++)
				s[c][q] += v * dy[c];
		}
	for (size_t c = 0; c < outs; c++)
		for (size_t q = 0; q < 4; q++)
			*(hm_vec *)(dw + c * k + q * HM_LANES) = s[c][q];
}

/* The same for 32 columns, in the registers that others have. */
HM_INLINE void add_products_half(float *dw, const float *dy, const float *x, size_t m, size_t n, size_t k,
				 size_t outs)
{
	hm_vec8 s[PAIR][4];
	for (size_t c = 0; c < outs; c++)
		for (size_t q = 0; q < 4; q++)
			s[c][q] = *(const hm_vec8 *)(dw + c * k + q * HM_HALF);
	for (size_t r = 0; r < m; r++, x += k, dy += n)
#pragma GCC unroll 4
		for (size_t q = 0; q < 4; q++) {
			hm_vec8 v = *(const hm_vec8 *)(x + q * HM_HALF);
#pragma GCC unroll 2
			for (size_t c = 0; c < outs; c++)
				s[c][q] += v * dy[c];
		}
	for (size_t c = 0; c < outs; c++)
		for (size_t q = 0; q < 4; q++)
			*(hm_vec8 *)(dw + c * k + q * HM_HALF) = s[c][q];
}

HM_INLINE void add_products(float *dw, const float *dy, const float *x, size_t m, size_t n, size_t k,
			    size_t outs)
{
	size_t j = 0;
	if (hm_vec_wide())
		for (; j + WIDE <= k; j += WIDE)
			add_products_wide(dw + j, dy, x + j, m, n, k, outs);
	for (; j + WIDE / 2 <= k; j += WIDE / 2)
		add_products_half(dw + j, dy, x + j, m, n, k, outs);
	for (size_t r = 0; r < m; r++)
		for (size_t c = 0; c < outs; c++)
			axpy(dw + c * k + j, x + r * k + j, dy[r * n + c], k - j);
}

HM_SIMD static void backward_few(float *dx, float *dw, const float *dy, const float *x, const float *w,
				 size_t m, size_t n, size_t k)
{
	for (size_t r = 0; dx && r < m; r++) {
		for (size_t j = 0; j < k; j++)
			dx[r * k + j] = 0;
		for (size_t c = 0; c < n; c++)
			axpy(dx + r * k, w + c * k, dy[r * n + c], k);
	}
	for (size_t c = 0; dw && c + PAIR <= n; c += PAIR)
		add_products(dw + c * k, dy + c, x, m, n, k, PAIR);
	if (dw && n % PAIR)
		add_products(dw + (n - 1) * k, dy + n - 1, x, m, n, k, 1);
}

void hm_cpu_linear_forward(struct hm_device *d, float *y, const float *x, const float *w, const float *b,
			   int m, int n, int k)
{
#if HM_ONEDNN
	if (n > FEW) {
		hm_dnnl_linear_forward(d, y, x, w, b, m, n, k);
		return;
	}
#endif
	(void)d;
	forward_few(y, x, w, b, m, n, k);
}

void hm_cpu_linear_backward(struct hm_device *d, float *dx, float *dw, float *db, const float *dy,
			    const float *x, const float *w, int m, int n, int k)
{
	if (db)
		add_rows(db, dy, (size_t)m, (size_t)n);
#if HM_ONEDNN
	if (n > FEW) {
		hm_dnnl_linear_backward(d, dx, dw, dy, x, w, m, n, k);
		return;
	}
#endif
	(void)d;
	backward_few(dx, dw, dy, x, w, (size_t)m, (size_t)n, (size_t)k);
}
