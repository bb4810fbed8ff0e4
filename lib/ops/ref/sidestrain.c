/* This file defines the training operations that join the two sides of a head: rows of length 1, products,
 * outer products, rectifiers with dropout. */
#include "ops/dropmask.h"
#include "ops/ref/ref.h"

#include <math.h>

#define SHORTEST 1e-12 /* a shorter row is divided by it */

void hm_ref_row_norm(struct hm_device *d, float *y, float *norm, const float *x, int m, int k)
{
	(void)d;
	for (int r = 0; r < m; r++, x += k, y += k) {
		double sum = 0;
		for (int j = 0; j < k; j++)
			sum += (double)x[j] * x[j];
		double length = sqrt(sum) > SHORTEST || isnan(sum) ? sqrt(sum) : SHORTEST;
		for (int j = 0; j < k; j++)
			y[j] = (float)(x[j] / length);
		norm[r] = (float)length;
	}
}

void hm_ref_row_norm_backward(struct hm_device *d, float *dx, const float *dy, const float *y,
			      const float *norm, int m, int k)
{
	(void)d;
	for (int r = 0; r < m; r++, dx += k, dy += k, y += k) {
		double along = 0;
		for (int j = 0; norm[r] > (float)SHORTEST && j < k; j++)
			along += (double)dy[j] * y[j];
		for (int j = 0; j < k; j++)
			dx[j] = (float)((dy[j] - y[j] * along) / norm[r]);
	}
}

void hm_ref_mul_add(struct hm_device *d, float *y, const float *a, const float *b, const float *c, size_t n)
{
	(void)d;
	for (size_t j = 0; j < n; j++)
		y[j] = (float)((double)a[j] * b[j] + (c ? c[j] : 0));
}

void hm_ref_outer(struct hm_device *d, float *y, const float *a, const float *b, int m, int k)
{
	(void)d;
	for (int r = 0; r < m; r++, a += k, b += k)
		for (int i = 0; i < k; i++)
			for (int j = 0; j < k; j++)
				*y++ = a[i] * b[j];
}

void hm_ref_outer_backward(struct hm_device *d, float *da, float *db, const float *dy, const float *a,
			   const float *b, int m, int k)
{
	(void)d;
	for (size_t r = 0; r < (size_t)m; r++) {
		const float *row = dy + r * k * k, *ar = a + r * k, *br = b + r * k;
		for (size_t i = 0; i < (size_t)k; i++) {
			double across = 0, down = 0;
			for (size_t j = 0; j < (size_t)k; j++) {
				across += (double)row[i * k + j] * br[j];
				down += (double)row[j * k + i] * ar[j];
			}
			if (da)
				da[r * k + i] = (float)across;
			if (db)
				db[r * k + i] = (float)down;
		}
	}
}

void hm_ref_relu_drop(struct hm_device *d, float *y, const float *x, bool relu, const struct hm_dropout *drop,
		      size_t n)
{
	(void)d;
	for (size_t j = 0; j < n; j++)
		y[j] = (relu && x[j] <= 0 ? 0 : x[j]) * hm_dropout_factor(drop, j);
}

void hm_ref_relu_drop_backward(struct hm_device *d, float *dx, const float *dy, const float *y,
			       const struct hm_dropout *drop, size_t n)
{
	float scale = hm_dropout_on(drop) ? hm_dropout_scale(drop) : 1;
	(void)d;
	for (size_t j = 0; j < n; j++)
		dx[j] = y[j] > 0 ? dy[j] * scale : 0;
}
