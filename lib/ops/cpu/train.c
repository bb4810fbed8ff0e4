/* This file has f32 linear layers on the cpu device, forward and backward: those of few outputs are vector
 * loops (narrowlinear.c), others products by oneDNN (widelinear.c). */
#include "ops/cpu/cpu.h"
#include "ops/cpu/narrowlinear.h"
#include "ops/cpu/vec.h"

enum { FEW = 16 }; /* outputs that are worth no product by oneDNN */

HM_SIMD static void add_rows(float *db, const float *dy, size_t m, size_t n)
{
	for (size_t r = 0; r < m; r++)
		for (size_t j = 0; j < n; j++)
			db[j] += dy[r * n + j];
}

void hm_cpu_linears_forward(struct hm_device *d, float *const *y, const float *x, const float *const *w,
			    const float *const *b, int heads, int m, int n, int k)
{
#if HM_ONEDNN
	if (n > FEW) {
		for (int h = 0; h < heads; h++)
			hm_dnnl_linear_forward(d, y[h], x, w[h], b[h], m, n, k);
		return;
	}
#endif
	(void)d;
	const struct hm_narrow l = {
		.w = w, .b = b, .y = y, .heads = (size_t)heads, .n = (size_t)n, .k = (size_t)k};
	hm_narrow_forward(&l, x, (size_t)m);
}

void hm_cpu_linears_backward(struct hm_device *d, float *const *dw, float *const *db, const float *const *dy,
			     const float *x, int heads, int m, int n, int k)
{
	for (int h = 0; h < heads; h++)
		if (db[h])
			add_rows(db[h], dy[h], (size_t)m, (size_t)n);
#if HM_ONEDNN
	if (n > FEW) {
		for (int h = 0; h < heads; h++)
			hm_dnnl_linear_backward(d, NULL, dw[h], dy[h], x, NULL, m, n, k);
		return;
	}
#endif
	(void)d;
	const struct hm_narrow l = {
		.dw = dw, .dy = dy, .heads = (size_t)heads, .n = (size_t)n, .k = (size_t)k};
	hm_narrow_add_products(&l, x, (size_t)m);
}

void hm_cpu_linear_forward(struct hm_device *d, float *y, const float *x, const float *w, const float *b,
			   int m, int n, int k)
{
	hm_cpu_linears_forward(d, &y, x, &w, &b, 1, m, n, k);
}

void hm_cpu_linear_backward(struct hm_device *d, float *dx, float *dw, float *db, const float *dy,
			    const float *x, const float *w, int m, int n, int k)
{
#if HM_ONEDNN
	if (n > FEW) {
		if (db)
			add_rows(db, dy, (size_t)m, (size_t)n);
		hm_dnnl_linear_backward(d, dx, dw, dy, x, w, m, n, k);
		return;
	}
#endif
	if (dx)
		hm_narrow_input_gradient(dx, dy, w, (size_t)m, (size_t)n, (size_t)k);
	if (dw)
		hm_cpu_linears_backward(d, &dw, &db, &dy, x, 1, m, n, k);
	else if (db)
		add_rows(db, dy, (size_t)m, (size_t)n);
}
