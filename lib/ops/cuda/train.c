/* This file launches the training operations of heads (f32 linear layers, softmax, cross-entropy, columns)
 * and the optimizers. */
#include "ops/cuda/cuda.h"
#include "ops/cuda/trainargs.h"

#include <math.h>

enum {
	BLOCK = 256,
	ROWS = BLOCK / 32,
	PARTS = 1024
}; /* threads per block; rows per block; partial sums of squares at most */

/* How many groups of four n elements have; 0 if some array (NULL is fine) does not begin at a multiple of
 * 16 bytes. */
static size_t count_quads(size_t n, const void *a, const void *b, const void *c, const void *e)
{
	return ((uintptr_t)a | (uintptr_t)b | (uintptr_t)c | (uintptr_t)e) % 16 ? 0 : n / 4;
}

/* The grid for a loop over the groups and the rest. */
static struct hm_grid grid_of(struct hm_device *d, size_t n, size_t four)
{
	return hm_cuda_loop(d, four ? four + 3 : n);
}

void hm_cuda_linear_forward(struct hm_device *d, float *y, const float *x, const float *w, const float *b,
			    int m, int n, int k)
{
	const struct hm_gemm g = {.m = m, .n = n, .k = k, .tb = true, .in = HM_F32, .out = HM_F32};
	hm_cuda_gemm(d, &g, y, x, w, b, NULL);
}

void hm_cuda_linear_backward(struct hm_device *d, float *dx, float *dw, float *db, const float *dy,
			     const float *x, const float *w, int m, int n, int k)
{
	const struct hm_gemm to_x = {.m = m, .n = k, .k = n, .in = HM_F32, .out = HM_F32};
	const struct hm_gemm to_w = {
		.m = n, .n = k, .k = m, .ta = true, .in = HM_F32, .out = HM_F32, .add = true};
	if (dx)
		hm_cuda_gemm(d, &to_x, dx, dy, w, NULL, NULL);
	hm_cuda_gemm(d, &to_w, dw, dy, x, NULL, db);
}

/* The rows side by side, until the next operation. NULL sticks an error. */
static float *gather_rows(struct hm_device *d, const float *const *x, size_t m, size_t k)
{
	float *all = hm_cuda_scratch(d, m * k * sizeof *all);
	for (size_t r = 0; all && r < m; r++)
		hm_cuda_copy(d, all + r * k, x[r], k * sizeof *all);
	return all;
}

void hm_cuda_linears_forward(struct hm_device *d, float *const *y, const float *const *x,
			     const float *const *w, const float *const *b, int heads, int m, int n, int k)
{
	const float *all = gather_rows(d, x, (size_t)m, (size_t)k); /* products need no scratch memory */
	for (int h = 0; all && h < heads; h++)
		hm_cuda_linear_forward(d, y[h], all, w[h], b[h], m, n, k);
}

void hm_cuda_linears_backward(struct hm_device *d, float *const *dw, float *const *db, const float *const *dy,
			      const float *const *x, int heads, int m, int n, int k)
{
	const float *all = gather_rows(d, x, (size_t)m, (size_t)k);
	for (int h = 0; all && h < heads; h++)
		hm_cuda_linear_backward(d, NULL, dw[h], db[h], dy[h], all, NULL, m, n, k);
}

void hm_cuda_softmax(struct hm_device *d, float *y, const float *x, int m, int n)
{
	const struct softmax_args a = {y, x, m, n};
	HM_LAUNCH(d, softmax, hm_cuda_each(((size_t)m + ROWS - 1) / ROWS, BLOCK), a);
}

void hm_cuda_cross_entropy(struct hm_device *d, double *sums, float *loss, float *dx, const float *x,
			   const int32_t *label, const float *weight, double total, int m, int n)
{
	double *row = hm_cuda_scratch(d, (size_t)m * sizeof *row);
	if (!row)
		return;
	const struct cross_entropy_args a = {
		sums,  loss,   dx,  x,
		label, weight, row, total == 0 ? NULL : hm_cuda_vary(d, &total, sizeof total),
		m,     n};
	HM_LAUNCH(d, cross_entropy_rows, hm_cuda_each(((size_t)m + ROWS - 1) / ROWS, BLOCK), a);
	HM_LAUNCH(d, cross_entropy_loss, hm_cuda_each(1, BLOCK), a);
}

void hm_cuda_copy_columns(struct hm_device *d, float *y, int ldy, const float *x, int ldx, int m, int k)
{
	bool wide = (ldy | ldx | k) % 4 == 0 && count_quads(4, y, x, NULL, NULL);
	int unit = wide ? 4 : 1;
	size_t n = (size_t)m * (size_t)(k / unit);
	const struct copy_columns_args a = {
		y, x, n, (size_t)(ldy / unit), (size_t)(ldx / unit), hm_divisor(k / unit), wide};
	if (n < HM_MOST_INDEX)
		HM_LAUNCH(d, copy_columns, hm_cuda_loop(d, n), a);
	else
		hm_err_set(&d->err, HM_EDATA, "device cuda: %zu elements are too many columns to copy", n);
}

void hm_cuda_scale_rows(struct hm_device *d, float *y, const float *x, const float *scale, int n, int k)
{
	const struct scale_rows_args a = {y, x, scale, n, k};
	HM_LAUNCH(d, scale_rows, hm_cuda_each(((size_t)n + ROWS - 1) / ROWS, BLOCK), a);
}

void hm_cuda_scale_rows_backward(struct hm_device *d, float *dx, float *dscale, const float *dy,
				 const float *x, const float *scale, int n, int k)
{
	const struct scale_rows_backward_args a = {dx, dscale, dy, x, scale, n, k};
	HM_LAUNCH(d, scale_rows_backward, hm_cuda_each(((size_t)n + ROWS - 1) / ROWS, BLOCK), a);
}

void hm_cuda_sgd(struct hm_device *d, float *p, float *v, const float *g, size_t n, double lr,
		 double momentum, double weight_decay, int64_t t)
{
	const struct sgd_step s = {(float)-lr, t == 1};
	const struct sgd_args a = {.p = p,
				   .v = v,
				   .g = g,
				   .step = hm_cuda_vary(d, &s, sizeof s),
				   .n = n,
				   .quads = count_quads(n, p, v, g, NULL),
				   .momentum = (float)momentum,
				   .decay = (float)weight_decay};
	HM_LAUNCH(d, sgd, grid_of(d, n, a.quads), a);
}

void hm_cuda_adam(struct hm_device *d, float *p, float *m, float *v, const float *g, size_t n,
		  const struct hm_adam *o, int64_t t)
{
	const struct adam_step s = {
		.keep = o->decoupled ? (float)(1 - o->lr * o->weight_decay) : 1,
		.root = (float)sqrt(1 - pow(o->beta2, (double)t)),
		.lr = (float)(-o->lr / (1 - pow(o->beta1, (double)t))),
	};
	const struct adam_args a = {.p = p,
				    .m = m,
				    .v = v,
				    .g = g,
				    .step = hm_cuda_vary(d, &s, sizeof s),
				    .n = n,
				    .quads = count_quads(n, p, m, v, g),
				    .decay = o->decoupled ? 0 : (float)o->weight_decay,
				    .c1 = (float)(1 - o->beta1),
				    .b2 = (float)o->beta2,
				    .c2 = (float)(1 - o->beta2),
				    .eps = (float)o->eps};
	HM_LAUNCH(d, adam, grid_of(d, n, a.quads), a);
}

void hm_cuda_sum_squares(struct hm_device *d, double *sum, const float *g, size_t n)
{
	size_t four = count_quads(n, g, NULL, NULL, NULL);
	size_t blocks = (four ? four + 3 : n) / (4 * BLOCK) + 1; /* does not depend on the GPU */
	struct hm_grid grid = hm_cuda_each(blocks < PARTS ? blocks : PARTS, BLOCK);
	double *part = hm_cuda_scratch(d, grid.x * sizeof *part);
	const struct sum_squares_args a = {sum, part, g, n, four, grid.x};
	if (!part)
		return;
	HM_LAUNCH(d, sum_squares_parts, grid, a);
	HM_LAUNCH(d, sum_squares_total, hm_cuda_each(1, BLOCK), a);
}

void hm_cuda_clip(struct hm_device *d, float *g, size_t n, const double *sum, double most)
{
	const struct clip_args a = {g, sum, n, count_quads(n, g, NULL, NULL, NULL), most};
	HM_LAUNCH(d, clip, grid_of(d, n, a.quads), a);
}
