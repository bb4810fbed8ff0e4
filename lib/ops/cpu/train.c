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

#if HM_ONEDNN
/* The rows side by side, for a product; NULL sticks an error. Valid until the next call. */
static const float *gather_rows(struct hm_device *d, const float *const *x, size_t m, size_t k)
{
	struct hm_buf *b = &((struct hm_cpu *)d->ctx)->gathered;
	b->len = 0;
	for (size_t r = 0; r < m && !d->err.code; r++)
		hm_buf_add(b, x[r], k * sizeof **x, &d->err);
	return d->err.code ? NULL : (const float *)(const void *)b->data;
}
#endif

void hm_cpu_linears_forward(struct hm_device *d, float *const *y, const float *const *x,
			    const float *const *w, const float *const *b, int heads, int m, int n, int k)
{
#if HM_ONEDNN
	if (n > FEW) {
		const float *all = gather_rows(d, x, (size_t)m, (size_t)k);
		for (int h = 0; all && h < heads; h++)
			hm_dnnl_linear_forward(d, y[h], all, w[h], b[h], m, n, k);
		return;
	}
#endif
	(void)d;
	const struct hm_narrow l = {
		.at = x, .w = w, .b = b, .y = y, .heads = (size_t)heads, .n = (size_t)n, .k = (size_t)k};
	hm_narrow_forward(&l, (size_t)m);
}

void hm_cpu_linears_backward(struct hm_device *d, float *const *dw, float *const *db, const float *const *dy,
			     const float *const *x, int heads, int m, int n, int k)
{
	for (int h = 0; h < heads; h++)
		if (db[h])
			add_rows(db[h], dy[h], (size_t)m, (size_t)n);
#if HM_ONEDNN
	if (n > FEW) {
		const float *all = gather_rows(d, x, (size_t)m, (size_t)k);
		for (int h = 0; all && h < heads; h++)
			hm_dnnl_linear_backward(d, NULL, dw[h], dy[h], all, NULL, m, n, k);
		return;
	}
#endif
	(void)d;
	const struct hm_narrow l = {
		.at = x, .dw = dw, .dy = dy, .heads = (size_t)heads, .n = (size_t)n, .k = (size_t)k};
	hm_narrow_add_products(&l, (size_t)m);
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
	const struct hm_narrow l = {
		.x = x, .w = &w, .b = &b, .y = &y, .heads = 1, .n = (size_t)n, .k = (size_t)k};
	hm_narrow_forward(&l, (size_t)m);
}

void hm_cpu_linear_backward(struct hm_device *d, float *dx, float *dw, float *db, const float *dy,
			    const float *x, const float *w, int m, int n, int k)
{
	const struct hm_narrow l = {.x = x, .dw = &dw, .dy = &dy, .heads = 1, .n = (size_t)n, .k = (size_t)k};
	if (db)
		add_rows(db, dy, (size_t)m, (size_t)n);
#if HM_ONEDNN
	if (n > FEW) {
		hm_dnnl_linear_backward(d, dx, dw, dy, x, w, m, n, k);
		return;
	}
#endif
	(void)d;
	if (dx)
		hm_narrow_input_gradient(dx, dy, w, (size_t)m, (size_t)n, (size_t)k);
	if (dw)
		hm_narrow_add_products(&l, (size_t)m);
}
