/* This file has f32 linear layers of many outputs on the cpu device: products by oneDNN. A product is cut
 * into blocks by its sizes alone, and one thread computes a block, so the bytes do not depend on the number
 * of threads. (A head has the same bytes trained alone with all threads as in a sweep with one.) */
#if HM_ONEDNN
#include "ops/cpu/cpu.h"

#include <dnnl.h>
#include <omp.h>

/* Columns of y, columns of dx, rows of dw that one call computes. Measured at 64 x 1,024 x 1,024: 100, 90 and
 * 106 GFLOP/s on a core; dw in blocks of 128 rows 68. */
enum { Y_BLOCK = 128, DX_BLOCK = 256, DW_BLOCK = 32 };

/* c [m, block of n] = a . b + beta*c for one block of columns. */
struct product {
	char ta, tb;
	int m, n, k, lda, ldb, ldc;
	size_t step_a, step_b, step_c; /* elements from one block to the next */
	const float *a, *b;
	float *c, beta;
	int block;
};

/* `along` is the size that is cut: p->m or p->n. */
static void run_blocks(struct hm_device *d, const struct product *p, const int *along)
{
	int block = p->block, blocks = (*along + block - 1) / block, failed = 0;
	omp_set_num_threads(1); /* the number that oneDNN uses for a block */
#pragma omp parallel for num_threads(d->threads) reduction(| : failed)
	for (int i = 0; i < blocks; i++) {
		size_t at = (size_t)i;
		int left = *along - i * block, some = left < block ? left : block;
		int m = along == &p->m ? some : p->m, n = along == &p->n ? some : p->n;
		failed |= dnnl_sgemm(p->ta, p->tb, m, n, p->k, 1, p->a + at * p->step_a, p->lda,
				     p->b + at * p->step_b, p->ldb, p->beta, p->c + at * p->step_c, p->ldc);
	}
	if (failed)
		hm_err_set(&d->err, HM_EDEVICE, "oneDNN cannot multiply %dx%d by %dx%d", p->m, p->k, p->k,
			   p->n);
}

void hm_dnnl_linear_forward(struct hm_device *d, float *y, const float *x, const float *w, const float *b,
			    int m, int n, int k)
{
	const struct product p = {.ta = 'N',
				  .tb = 'T',
				  .m = m,
				  .n = n,
				  .k = k,
				  .lda = k,
				  .ldb = k,
				  .ldc = n,
				  .step_b = (size_t)Y_BLOCK * k,
				  .step_c = Y_BLOCK,
				  .block = Y_BLOCK,
				  .a = x,
				  .b = w,
				  .c = y,
				  .beta = b != NULL};
	for (size_t r = 0; b && r < (size_t)m; r++)
		for (size_t j = 0; j < (size_t)n; j++)
			y[r * n + j] = b[j];
	run_blocks(d, &p, &p.n);
}

void hm_dnnl_linear_backward(struct hm_device *d, float *dx, float *dw, const float *dy, const float *x,
			     const float *w, int m, int n, int k)
{
	const struct product to_x = {.ta = 'N',
				     .tb = 'N',
				     .m = m,
				     .n = k,
				     .k = n,
				     .lda = n,
				     .ldb = k,
				     .ldc = k,
				     .step_b = DX_BLOCK,
				     .step_c = DX_BLOCK,
				     .block = DX_BLOCK,
				     .a = dy,
				     .b = w,
				     .c = dx};
	const struct product to_w = {.ta = 'T',
				     .tb = 'N',
				     .m = n,
				     .n = k,
				     .k = m,
				     .lda = n,
				     .ldb = k,
				     .ldc = k,
				     .step_a = DW_BLOCK,
				     .step_c = (size_t)DW_BLOCK * k,
				     .block = DW_BLOCK,
				     .a = dy,
				     .b = x,
				     .c = dw,
				     .beta = 1};
	if (dx)
		run_blocks(d, &to_x, &to_x.n);
	run_blocks(d, &to_w, &to_w.m);
}
#endif
