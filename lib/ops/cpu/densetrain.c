/* This file computes dense layers in training with oneDNN. Nothing is kept between calls: weights change
 * every step, and oneDNN itself caches the last 1,024 primitives. Gradients in f32 use dnnl_sgemm, which
 * needs no primitive per number of rows; everything else uses matmul primitives (in f32, the forward pass
 * is a fifth faster at 3,072 inputs). */
#if HM_ONEDNN
#include "ops/cpu/dnnl.h"

#include <omp.h>
#include <string.h>

/* c [m,n] = a [m,k] . b [k,n] + bias [n], or c += a . b. */
struct product {
	void *c;
	const void *a, *b;
	const float *bias; /* or NULL */
	int m, n, k;
	bool at, bt;  /* a is stored as [k,m], b as [n,k] */
	bool weights; /* b is f32 and is converted to the activations' type; otherwise it has that type */
	bool add;     /* c is f32 and is added to */
};

/* Makes the primitive's descriptor and the memory descriptor of b. In bf16 weights are packed into the
 * layout that oneDNN prefers, except where that is a transposition with rows a multiple of 4 KiB apart:
 * there packing costs more than it gains. */
static dnnl_status_t describe_product(struct hm_device *d, const struct product *p, dnnl_primitive_desc_t *pd,
				      dnnl_memory_desc_t *b)
{
	dnnl_data_type_t type = d->act == HM_BF16 ? dnnl_bf16 : dnnl_f32, out = p->add ? dnnl_f32 : type;
	bool pack = p->weights && type == dnnl_bf16 && !(p->bt && p->k % 1024 == 0);
	dnnl_memory_desc_t a = {0}, want = {0}, c = {0}, bias = {0};
	dnnl_primitive_attr_t attr = NULL;
	dnnl_status_t st = hm_dnnl_md(&a, 2, (dnnl_dims_t){p->m, p->k}, type, p->at ? dnnl_ba : dnnl_ab);
	if (!st)
		st = hm_dnnl_md(b, 2, (dnnl_dims_t){p->k, p->n}, p->weights ? dnnl_f32 : type,
				p->bt ? dnnl_ba : dnnl_ab);
	if (!st)
		st = hm_dnnl_md(&want, 2, (dnnl_dims_t){p->k, p->n}, type,
				pack	? dnnl_format_tag_any
				: p->bt ? dnnl_ba
					: dnnl_ab);
	if (!st)
		st = hm_dnnl_md(&c, 2, (dnnl_dims_t){p->m, p->n}, out, dnnl_ab);
	if (!st)
		st = hm_dnnl_md(&bias, 2, (dnnl_dims_t){1, p->n}, dnnl_f32, dnnl_ab);
	if (!st)
		st = hm_dnnl_attr(&attr, p->add, dnnl_alg_kind_undef, out);
	if (!st)
		st = hm_dnnl_gemm(pd, hm_dnnl_engine(d), hm_dnnl_md_ref(&a), hm_dnnl_md_ref(&want),
				  p->bias ? hm_dnnl_md_ref(&bias) : NULL, hm_dnnl_md_ref(&c), attr);
	hm_dnnl_md_clear(&a);
	hm_dnnl_md_clear(&want);
	hm_dnnl_md_clear(&c);
	hm_dnnl_md_clear(&bias);
	dnnl_primitive_attr_destroy(attr);
	return st;
}

static void multiply_matrices(struct hm_device *d, const struct product *p)
{
	static const int args[] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST, DNNL_ARG_SCRATCHPAD,
				   DNNL_ARG_BIAS};
	dnnl_primitive_desc_t pd = NULL;
	dnnl_memory_desc_t b = {0};
	if (d->err.code)
		return;
	omp_set_num_threads(d->threads); /* the number that oneDNN will use */
	dnnl_status_t st = describe_product(d, p, &pd, &b);
	if (!st) {
		hm_md want = hm_dnnl_query_md(pd, dnnl_query_weights_md, 0), have = hm_dnnl_md_ref(&b);
		size_t packed = hm_dnnl_md_equal(want, have) ? 0 : (hm_dnnl_md_size(want) + 63) / 64 * 64;
		size_t scratch = hm_dnnl_md_size(hm_dnnl_query_md(pd, dnnl_query_scratchpad_md, 0));
		char *room = hm_cpu_scratch(d, packed + scratch);
		if (room && packed)
			st = hm_dnnl_reorder(hm_dnnl_engine(d), hm_dnnl_stream(d), have, (void *)p->b, want,
					     room);
		if (room && !st)
			st = hm_dnnl_execute(d, pd, 5, args,
					     (void *const[5]){(void *)p->a, packed ? room : (void *)p->b,
							      p->c, scratch ? room + packed : NULL,
							      (void *)p->bias});
	}
	if (st)
		hm_err_set(&d->err, HM_EDEVICE, "oneDNN cannot multiply %dx%d by %dx%d (status %d)", p->m,
			   p->k, p->k, p->n, (int)st);
	hm_dnnl_md_clear(&b);
	dnnl_primitive_desc_destroy(pd);
}

/* Rows that are computed for m in bf16: oneDNN is a tenth slower with an odd number of rows. */
static int rows_of(const struct hm_device *d, int m)
{
	return d->act == HM_BF16 ? (m + 15) / 16 * 16 : m;
}

void hm_dnnl_dense_forward(struct hm_device *d, void *y, const void *x, const float *w, const float *b, int m,
			   int n, int k)
{
	multiply_matrices(d, &(struct product){.c = y,
					       .a = x,
					       .b = w,
					       .bias = b,
					       .m = rows_of(d, m),
					       .n = n,
					       .k = k,
					       .bt = true,
					       .weights = true});
}

static void sgemm(struct hm_device *d, char ta, int m, int n, int k, const float *a, int lda, const float *b,
		  float beta, float *c)
{
	omp_set_num_threads(d->threads);
	if (dnnl_sgemm(ta, 'N', m, n, k, 1, a, lda, b, n, beta, c, n))
		hm_err_set(&d->err, HM_EDEVICE, "oneDNN cannot multiply %dx%d by %dx%d", m, k, k, n);
}

void hm_dnnl_dense_backward(struct hm_device *d, void *dx, float *dw, float *db, const void *dy,
			    const void *x, const float *w, int m, int n, int k)
{
	int rows = rows_of(d, m);
	if (d->err.code)
		return;
	if (db)
		hm_cpu_add_column_sums(d, db, dy, m, n);
	if (d->act == HM_F32) {
		if (dx)
			sgemm(d, 'N', m, k, n, dy, n, w, 0, dx);
		if (dw)
			sgemm(d, 'T', n, k, m, dy, n, x, 1, dw);
		return;
	}
	if (dx)
		multiply_matrices(
			d, &(struct product){
				   .c = dx, .a = dy, .b = w, .m = rows, .n = k, .k = n, .weights = true});
	if (!dw)
		return;
	/* Rows past m must not reach the sums. */
	memset((uint16_t *)dy + (size_t)m * n, 0, (size_t)(rows - m) * n * sizeof(uint16_t));
	memset((uint16_t *)x + (size_t)m * k, 0, (size_t)(rows - m) * k * sizeof(uint16_t));
	multiply_matrices(
		d, &(struct product){
			   .c = dw, .a = dy, .b = x, .m = n, .n = k, .k = rows, .at = true, .add = true});
}

#endif
