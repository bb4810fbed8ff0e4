/* This file has f32 linear layers of many outputs on the cpu device: products by oneDNN. A product is cut
 * into blocks by its sizes alone, and one thread computes a block, so the bytes do not depend on the number
 * of threads. (A head has the same bytes trained alone with all threads as in a sweep with one.) */
#if HM_ONEDNN
#include "ops/cpu/cpu.h"
#include "ops/cpu/vec.h"

#include <dnnl.h>
#include <omp.h>

/* Columns of y, columns of dx, rows of dw that one call computes. Measured at 64 x 1,024 x 1,024, in GFLOP/s
 * on a core: with AVX-512 100, 90 and 106, and dw in blocks of 128 rows 68; with AVX2 83, 92 and 30. So there
 * dw is computed from transposed factors, in blocks of 128 rows: 82. */
enum { Y_BLOCK = 128, DX_BLOCK = 256, DW_BLOCK = 32, DW_BLOCK_TRANSPOSED = 128 };

/* c [m,n] = a [m,k] . b [k,n] + beta*c; 'T': the matrix is stored transposed. */
struct product {
	char ta, tb;
	int m, n, k, lda, ldb, ldc;
	const float *a, *b;
	float *c, beta;
};

/* The product of some rows and some columns of c. */
static int multiply_block(const struct product *p, size_t row, int rows, size_t column, int columns)
{
	const float *a = p->a + (p->ta == 'T' ? row : row * (size_t)p->lda),
		    *b = p->b + (p->tb == 'T' ? column * (size_t)p->ldb : column);
	return dnnl_sgemm(p->ta, p->tb, rows, columns, p->k, 1, a, p->lda, b, p->ldb, p->beta,
			  p->c + row * (size_t)p->ldc + column, p->ldc);
}

/* Cuts the rows of c, or its columns, into blocks. */
static void run_blocks(struct hm_device *d, const struct product *p, bool rows, int block)
{
	int all = rows ? p->m : p->n, blocks = (all + block - 1) / block, failed = 0;
	omp_set_num_threads(1); /* the number that oneDNN uses for a block */
#pragma omp parallel for num_threads(d->threads) reduction(| : failed)
	for (int i = 0; i < blocks; i++) {
		int at = i * block, some = all - at < block ? all - at : block;
		failed |= rows ? multiply_block(p, (size_t)at, some, 0, p->n)
			       : multiply_block(p, 0, p->m, (size_t)at, some);
	}
	if (failed)
		hm_err_set(&d->err, HM_EDEVICE, "oneDNN cannot multiply %dx%d by %dx%d", p->m, p->k, p->k,
			   p->n);
}

void hm_dnnl_linear_forward(struct hm_device *d, float *y, const float *x, const float *w, const float *b,
			    int m, int n, int k)
{
	const struct product p = {'N', 'T', m, n, k, .lda = k, .ldb = k, .ldc = n, x, w, y, b != NULL};
	for (size_t r = 0; b && r < (size_t)m; r++)
		for (size_t j = 0; j < (size_t)n; j++)
			y[r * n + j] = b[j];
	run_blocks(d, &p, false, Y_BLOCK);
}

/* to [n,m] := from [m,n], in tiles that stay in the cache. */
static void transpose(struct hm_device *d, float *restrict to, const float *restrict from, int m, int n)
{
	enum { TILE = 16 };
	size_t rows = (size_t)m, columns = (size_t)n;
#pragma omp parallel for num_threads(d->threads)
	for (size_t c = 0; c < columns; c += TILE)
		for (size_t r = 0; r < rows; r += TILE)
			for (size_t j = c; j < c + TILE && j < columns; j++)
				for (size_t i = r; i < r + TILE && i < rows; i++)
					to[j * rows + i] = from[i * columns + j];
}

/* dw [n,k] += dy^T x. */
static void add_weight_gradient(struct hm_device *d, float *dw, const float *dy, const float *x, int m, int n,
				int k)
{
	if (hm_vec_wide()) {
		const struct product p = {'T', 'N', n, k, m, .lda = n, .ldb = k, .ldc = k, dy, x, dw, 1};
		run_blocks(d, &p, true, DW_BLOCK);
		return;
	}
	float *dyt = hm_cpu_scratch(d, (size_t)m * ((size_t)n + (size_t)k) * sizeof *dyt);
	if (!dyt)
		return;
	float *xt = dyt + (size_t)m * (size_t)n;
	transpose(d, dyt, dy, m, n);
	transpose(d, xt, x, m, k);
	const struct product p = {'N', 'T', n, k, m, .lda = m, .ldb = m, .ldc = k, dyt, xt, dw, 1};
	run_blocks(d, &p, true, DW_BLOCK_TRANSPOSED);
}

void hm_dnnl_linear_backward(struct hm_device *d, float *dx, float *dw, const float *dy, const float *x,
			     const float *w, int m, int n, int k)
{
	const struct product to_x = {'N', 'N', m, k, n, .lda = n, .ldb = k, .ldc = k, dy, w, dx, 0};
	if (dx)
		run_blocks(d, &to_x, false, DX_BLOCK);
	add_weight_gradient(d, dw, dy, x, m, n, k);
}
#endif
