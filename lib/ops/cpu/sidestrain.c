/* This file has the training operations that join the two sides of a head on the cpu device: vector loops
 * over rows or elements, distributed among d->threads threads; the bytes do not depend on their number. */
#include "ops/cpu/cpu.h"
#include "ops/cpu/mask.h"
#include "ops/cpu/split.h"
#include "ops/cpu/vec.h"

#include <math.h>

#define SHORTEST 1e-12f /* a shorter row is divided by it */
enum { BLOCK = 256 };	/* elements that are computed together */

/* Sum of a[j]*b[j] for j < k. */
HM_INLINE float dot(const float *a, const float *b, size_t k)
{
	hm_vec s = {0}, t = {0};
	size_t j = 0;
	for (; j + 2 * HM_LANES <= k; j += 2 * HM_LANES) {
		s += *(const hm_vec *)(a + j) * *(const hm_vec *)(b + j);
		t += *(const hm_vec *)(a + j + HM_LANES) * *(const hm_vec *)(b + j + HM_LANES);
	}
	s += t;
	float sum = hm_vec_sum(&s);
	for (; j < k; j++)
		sum += a[j] * b[j];
	return sum;
}

/* ---- rows of length 1 */

/* Squares that overflow or vanish in f32 are added in double. */
HM_INLINE float length_of(const float *x, size_t k)
{
	float sum = dot(x, x, k);
	if (sum > 1e-30f && sum < 1e30f)
		return sqrtf(sum);
	double wide = 0;
	for (size_t j = 0; j < k; j++)
		wide += (double)x[j] * x[j];
	return (float)sqrt(wide);
}

HM_SIMD static void norm_row(float *y, float *norm, const float *x, size_t k)
{
	float length = length_of(x, k);
	length = length < SHORTEST ? SHORTEST : length;
	*norm = length;
	for (size_t j = 0; j < k; j++)
		y[j] = x[j] / length;
}

void hm_cpu_row_norm(struct hm_device *d, float *y, float *norm, const float *x, int m, int k)
{
#pragma omp parallel for num_threads(d->threads)
	for (int r = 0; r < m; r++)
		norm_row(y + (size_t)r * k, norm + r, x + (size_t)r * k, (size_t)k);
}

HM_SIMD static void norm_row_back(float *dx, const float *dy, const float *y, float norm, size_t k)
{
	float along = norm > SHORTEST ? dot(dy, y, k) : 0;
	for (size_t j = 0; j < k; j++)
		dx[j] = (dy[j] - y[j] * along) / norm;
}

void hm_cpu_row_norm_backward(struct hm_device *d, float *dx, const float *dy, const float *y,
			      const float *norm, int m, int k)
{
#pragma omp parallel for num_threads(d->threads)
	for (int r = 0; r < m; r++)
		norm_row_back(dx + (size_t)r * k, dy + (size_t)r * k, y + (size_t)r * k, norm[r], (size_t)k);
}

/* ---- products */

HM_SIMD static void mul_add_run(float *y, const float *a, const float *b, const float *c, size_t n)
{
	if (c)
		for (size_t j = 0; j < n; j++)
			y[j] = a[j] * b[j] + c[j];
	else
		for (size_t j = 0; j < n; j++)
			y[j] = a[j] * b[j];
}

void hm_cpu_mul_add(struct hm_device *d, float *y, const float *a, const float *b, const float *c, size_t n)
{
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++) {
		size_t from = hm_part(n, t, d->threads, BLOCK);
		mul_add_run(y + from, a + from, b + from, c ? c + from : NULL,
			    hm_part(n, t + 1, d->threads, BLOCK) - from);
	}
}

HM_SIMD static void outer_row(float *restrict y, const float *restrict a, const float *restrict b, size_t k)
{
	for (size_t i = 0; i < k; i++, y += k)
		for (size_t j = 0; j < k; j++)
			y[j] = a[i] * b[j];
}

void hm_cpu_outer(struct hm_device *d, float *y, const float *a, const float *b, int m, int k)
{
	size_t each = (size_t)k;
#pragma omp parallel for num_threads(d->threads)
	for (int r = 0; r < m; r++)
		outer_row(y + (size_t)r * each * each, a + (size_t)r * each, b + (size_t)r * each, each);
}

HM_SIMD static void outer_row_back(float *restrict da, float *restrict db, const float *restrict dy,
				   const float *restrict a, const float *restrict b, size_t k)
{
	for (size_t j = 0; db && j < k; j++)
		db[j] = 0;
	for (size_t i = 0; i < k; i++, dy += k) {
		if (da)
			da[i] = dot(dy, b, k);
		for (size_t j = 0; db && j < k; j++)
			db[j] += a[i] * dy[j];
	}
}

void hm_cpu_outer_backward(struct hm_device *d, float *da, float *db, const float *dy, const float *a,
			   const float *b, int m, int k)
{
	size_t each = (size_t)k;
#pragma omp parallel for num_threads(d->threads)
	for (int r = 0; r < m; r++) {
		size_t at = (size_t)r * each;
		outer_row_back(da ? da + at : NULL, db ? db + at : NULL, dy + at * each, a + at, b + at,
			       each);
	}
}

/* ---- rectifiers with dropout */

HM_SIMD static void relu_run(float *y, const float *x, bool relu, size_t n)
{
	for (size_t j = 0; j < n; j++)
		y[j] = relu && x[j] <= 0 ? 0 : x[j];
}

HM_SIMD static void relu_drop_run(float *y, const float *x, bool relu, const struct hm_mask *mask,
				  size_t from, size_t to)
{
	float v[BLOCK], f[BLOCK + HM_MASK_GRAIN];
	for (size_t at = from; at < to; at += BLOCK) {
		size_t n = to - at < BLOCK ? to - at : BLOCK;
		for (size_t j = 0; j < n; j++)
			v[j] = relu && x[at + j] <= 0 ? 0 : x[at + j];
		hm_mask_apply(v, f, mask, at, n);
		for (size_t j = 0; j < n; j++)
			y[at + j] = v[j];
	}
}

void hm_cpu_relu_drop(struct hm_device *d, float *y, const float *x, bool relu, const struct hm_dropout *drop,
		      size_t n)
{
	struct hm_mask mask;
	bool drops = hm_mask_init(&mask, drop);
	if (!drops && !relu && y == x)
		return;
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++) {
		size_t from = hm_part(n, t, d->threads, BLOCK), to = hm_part(n, t + 1, d->threads, BLOCK);
		if (drops)
			relu_drop_run(y, x, relu, &mask, from, to);
		else
			relu_run(y + from, x + from, relu, to - from);
	}
}

HM_SIMD static void relu_back_run(float *dx, const float *dy, const float *y, float scale, size_t n)
{
	for (size_t j = 0; j < n; j++)
		dx[j] = y[j] > 0 ? dy[j] * scale : 0;
}

void hm_cpu_relu_drop_backward(struct hm_device *d, float *dx, const float *dy, const float *y,
			       const struct hm_dropout *drop, size_t n)
{
	float scale = hm_dropout_on(drop) ? hm_dropout_scale(drop) : 1;
#pragma omp parallel for num_threads(d->threads)
	for (int t = 0; t < d->threads; t++) {
		size_t from = hm_part(n, t, d->threads, BLOCK);
		relu_back_run(dx + from, dy + from, y + from, scale,
			      hm_part(n, t + 1, d->threads, BLOCK) - from);
	}
}
