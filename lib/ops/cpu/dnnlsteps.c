/* This file computes convolution and matmul of inference with oneDNN, and leaves to winograd.h the
 * convolutions that it takes. A weight holds the plain filter and
 * one packed copy per layout that a primitive needs; a copy is made once and shared by all contexts. Each
 * context makes a primitive at the first call with a shape and keeps it. */
#if HM_ONEDNN
#include "ops/cpu/dnnl.h"
#include "ops/cpu/panels.h"
#include "ops/cpu/winograd.h"

#include <omp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* A filter in one layout. */
struct packed {
	dnnl_memory_desc_t md;
	void *data;
	struct packed *next;
};

struct hm_weight {
	uint64_t id;	     /* unique on this device, also after the weight is freed */
	struct hm_conv conv; /* kernel 0: this is a linear layer */
	struct hm_linear linear;
	float *w, *b; /* plain; b may be NULL */
	bool stay;    /* w and b are the caller's */
	bool widen;   /* linear: products of bf16 values are computed in f32 */
	dnnl_memory_desc_t plain;
	struct packed *packed;
	pthread_mutex_t lock; /* protects `packed` */
	/* Where one of these is not NULL, nothing else is set. */
	struct hm_winograd *winograd;
	struct hm_panels *panels;
};

/* A primitive for one weight and one shape, with its arguments. */
struct step {
	dnnl_primitive_t prim;
	dnnl_memory_t src, dst, weights, bias, scratch;
	size_t scratch_bytes;
};

/* ---- weights */

static struct hm_weight *weight_new(struct hm_device *d, const float *w, const float *b, bool stay, int ndim,
				    const dnnl_dims_t dim, dnnl_format_tag_t tag)
{
	struct hm_dnnl_shared *s = ((struct hm_cpu *)d->ctx)->dnnl->shared;
	struct hm_weight *wt = hm_alloc(1, sizeof *wt, &d->err);
	size_t n = 1;
	if (!wt)
		return NULL;
	for (int j = 0; j < ndim; j++)
		n *= (size_t)dim[j];
	pthread_mutex_init(&wt->lock, NULL);
	wt->stay = stay;
	wt->w = stay ? (float *)(uintptr_t)w : hm_alloc(n, sizeof *w, &d->err);
	if (b)
		wt->b = stay ? (float *)(uintptr_t)b : hm_alloc((size_t)dim[0], sizeof *b, &d->err);
	if (!wt->w || (b && !wt->b) || hm_dnnl_md(&wt->plain, ndim, dim, dnnl_f32, tag)) {
		hm_err_set(&d->err, HM_EDEVICE, "oneDNN takes no weight of this shape");
		hm_dnnl_weight_free(d, wt);
		return NULL;
	}
	if (!stay)
		memcpy(wt->w, w, n * sizeof *w);
	if (b && !stay)
		memcpy(wt->b, b, (size_t)dim[0] * sizeof *b);
	pthread_mutex_lock(&s->lock);
	wt->id = s->next_id++;
	pthread_mutex_unlock(&s->lock);
	return wt;
}

void hm_dnnl_weight_free(struct hm_device *d, struct hm_weight *wt)
{
	(void)d;
	if (!wt)
		return;
	if (wt->winograd || wt->panels) {
		hm_winograd_free(wt->winograd);
		hm_panels_free(wt->panels);
		free(wt);
		return;
	}
	for (struct packed *p = wt->packed, *next; p; p = next) {
		next = p->next;
		hm_dnnl_md_clear(&p->md);
		free(p->data);
		free(p);
	}
	pthread_mutex_destroy(&wt->lock);
	hm_dnnl_md_clear(&wt->plain);
	if (!wt->stay) {
		free(wt->w);
		free(wt->b);
	}
	free(wt);
}

/* Transforming ResNet18's filters takes three times as long as convolving one image directly. */
struct hm_weight *hm_dnnl_conv_pack(struct hm_device *d, const struct hm_conv *c, const float *w,
				    const float *b)
{
	const struct hm_dnnl_shared *s = ((struct hm_cpu *)d->ctx)->dnnl->shared;
	struct hm_weight *wt;
	if (!s->winograd || d->once || !hm_winograd_takes(c, s->block)) {
		wt = weight_new(d, w, b, false, 4, (dnnl_dims_t){c->cout, c->cin, c->kernel, c->kernel},
				dnnl_oihw);
		if (wt)
			wt->conv = *c;
		return wt;
	}
	wt = hm_alloc(1, sizeof *wt, &d->err);
	if (!wt)
		return NULL;
	wt->winograd = hm_winograd_new(c, s->block, w, b, &d->err);
	if (wt->winograd)
		return wt;
	free(wt);
	return NULL;
}

static struct hm_weight *panels_pack(struct hm_device *d, const struct hm_linear *l, const float *w,
				     const float *b)
{
	struct hm_weight *wt = hm_alloc(1, sizeof *wt, &d->err);
	if (!wt)
		return NULL;
	wt->panels = hm_panels_new(l, w, b, &d->err);
	if (wt->panels)
		return wt;
	free(wt);
	return NULL;
}

struct hm_weight *hm_dnnl_linear_pack(struct hm_device *d, const struct hm_linear *l, const float *w,
				      const float *b)
{
	bool widen = d->act == HM_BF16 && !hm_dnnl_bf16_pays();
	if (((struct hm_cpu *)d->ctx)->dnnl->shared->panels && !d->once)
		return panels_pack(d, l, w, b);
	struct hm_weight *wt = weight_new(d, w, b, l->stay && !widen, 2, (dnnl_dims_t){l->n, l->k}, dnnl_ab);
	if (!wt)
		return NULL;
	wt->linear = *l;
	wt->widen = widen;
	for (size_t j = 0, n = (size_t)l->n * (size_t)l->k; widen && j < n; j++)
		wt->w[j] = hm_bf16_to_f32(hm_f32_to_bf16(w[j]));
	return wt;
}

/* The filter in layout md; packed now if no context has done it before and it is not the plain one. NULL
 * sticks an error. */
static void *weight_packed(struct hm_device *d, struct hm_weight *wt, hm_md md)
{
	struct hm_dnnl *n = ((struct hm_cpu *)d->ctx)->dnnl;
	struct packed *p;
	if (hm_dnnl_md_equal(hm_dnnl_md_ref(&wt->plain), md))
		return wt->w;
	pthread_mutex_lock(&wt->lock);
	for (p = wt->packed; p && !hm_dnnl_md_equal(hm_dnnl_md_ref(&p->md), md);)
		p = p->next;
	if (!p && (p = hm_alloc(1, sizeof *p, &d->err))) {
		p->data = hm_alloc(hm_dnnl_md_size(md), 1, &d->err);
		if (!p->data || hm_dnnl_md_copy(&p->md, md) ||
		    hm_dnnl_reorder(n->shared->engine, n->stream, hm_dnnl_md_ref(&wt->plain), wt->w, md,
				    p->data)) {
			hm_err_set(&d->err, HM_EDEVICE, "oneDNN cannot reorder a weight");
			free(p->data);
			free(p);
			p = NULL;
		} else {
			p->next = wt->packed;
			wt->packed = p;
		}
	}
	pthread_mutex_unlock(&wt->lock);
	return p ? p->data : NULL;
}

/* ---- primitives */

static dnnl_data_type_t act_type(const struct hm_device *d)
{
	return d->act == HM_BF16 ? dnnl_bf16 : dnnl_f32;
}

/* Direct, also where oneDNN has Winograd's transform: winograd.h is faster, and takes nearly all of these. */
static dnnl_status_t conv_desc(struct hm_device *d, const struct hm_weight *wt, int i, int h, int w,
			       dnnl_primitive_desc_t *pd)
{
	const struct hm_dnnl_shared *s = ((struct hm_cpu *)d->ctx)->dnnl->shared;
	const struct hm_conv *c = &wt->conv;
	int ho = hm_conv_out(h, c->kernel, c->stride, c->pad),
	    wo = hm_conv_out(w, c->kernel, c->stride, c->pad);
	dnnl_memory_desc_t src = {0}, filter = {0}, bias = {0}, dst = {0};
	dnnl_primitive_attr_t attr = NULL;
	dnnl_status_t st = hm_dnnl_md(&src, 4, (dnnl_dims_t){i, c->cin, h, w}, act_type(d),
				      hm_dnnl_image_tag(d, c->cin));
	if (!st)
		st = hm_dnnl_md(&dst, 4, (dnnl_dims_t){i, c->cout, ho, wo}, act_type(d),
				hm_dnnl_image_tag(d, c->cout));
	if (!st)
		st = hm_dnnl_md(&filter, 4, (dnnl_dims_t){c->cout, c->cin, c->kernel, c->kernel}, act_type(d),
				dnnl_format_tag_any);
	if (!st)
		st = hm_dnnl_md(&bias, 1, (dnnl_dims_t){c->cout}, dnnl_f32, dnnl_a);
	if (!st)
		st = hm_dnnl_attr(&attr, c->residual, c->relu ? dnnl_eltwise_relu : dnnl_alg_kind_undef,
				  act_type(d));
	if (!st)
		st = hm_dnnl_conv(pd, s->engine, dnnl_convolution_direct, hm_dnnl_md_ref(&src),
				  hm_dnnl_md_ref(&filter), wt->b ? hm_dnnl_md_ref(&bias) : NULL,
				  hm_dnnl_md_ref(&dst), c->stride, c->pad, attr);
	hm_dnnl_md_clear(&src);
	hm_dnnl_md_clear(&filter);
	hm_dnnl_md_clear(&bias);
	hm_dnnl_md_clear(&dst);
	dnnl_primitive_attr_destroy(attr);
	return st;
}

static dnnl_status_t linear_desc(struct hm_device *d, const struct hm_weight *wt, int m,
				 dnnl_primitive_desc_t *pd)
{
	static const dnnl_alg_kind_t eltwise[] = {dnnl_alg_kind_undef, dnnl_eltwise_relu,
						  dnnl_eltwise_gelu_erf, dnnl_eltwise_tanh,
						  dnnl_eltwise_swish};
	const struct hm_dnnl_shared *s = ((struct hm_cpu *)d->ctx)->dnnl->shared;
	const struct hm_linear *l = &wt->linear;
	dnnl_data_type_t in = wt->widen ? dnnl_f32 : act_type(d), out = l->f32 ? dnnl_f32 : in;
	dnnl_memory_desc_t src = {0}, filter = {0}, bias = {0}, dst = {0};
	dnnl_primitive_attr_t attr = NULL;
	dnnl_status_t st = hm_dnnl_md(&src, 2, (dnnl_dims_t){m, l->k}, in, dnnl_ab);
	if (!st)
		st = hm_dnnl_md(&dst, 2, (dnnl_dims_t){m, l->n}, out, dnnl_ab);
	if (!st)
		st = hm_dnnl_md(&filter, 2, (dnnl_dims_t){l->n, l->k}, in,
				d->once && in == dnnl_f32 ? dnnl_ab : dnnl_format_tag_any);
	if (!st)
		st = hm_dnnl_md(&bias, 1, (dnnl_dims_t){l->n}, dnnl_f32, dnnl_a);
	if (!st)
		st = hm_dnnl_attr(&attr, false, eltwise[l->act], out);
	if (!st)
		st = hm_dnnl_linear(pd, s->engine, hm_dnnl_md_ref(&src), hm_dnnl_md_ref(&filter),
				    wt->b ? hm_dnnl_md_ref(&bias) : NULL, hm_dnnl_md_ref(&dst), attr);
	hm_dnnl_md_clear(&src);
	hm_dnnl_md_clear(&filter);
	hm_dnnl_md_clear(&bias);
	hm_dnnl_md_clear(&dst);
	dnnl_primitive_attr_destroy(attr);
	return st;
}

static void step_clear(struct step *p)
{
	dnnl_memory_t m[] = {p->src, p->dst, p->weights, p->bias, p->scratch};
	for (int i = 0; i < 5; i++)
		dnnl_memory_destroy(m[i]);
	dnnl_primitive_destroy(p->prim);
}

void hm_dnnl_steps_clear(struct hm_dnnl *n)
{
	for (size_t at = 0; at < n->steps.len; at += sizeof(struct step))
		step_clear((struct step *)(n->steps.data + at));
	hm_buf_clear(&n->steps);
	hm_strmap_clear(&n->index);
}

/* Makes the primitive and its arguments; each run sets their data. */
static void step_make(struct hm_device *d, struct step *p, struct hm_weight *wt, dnnl_primitive_desc_t pd)
{
	dnnl_engine_t engine = ((struct hm_cpu *)d->ctx)->dnnl->shared->engine;
	hm_md scratch = hm_dnnl_query_md(pd, dnnl_query_scratchpad_md, 0);
	hm_md filter = hm_dnnl_query_md(pd, dnnl_query_weights_md, 0);
	void *data = weight_packed(d, wt, filter);
	if (!data)
		return;
	p->scratch_bytes = hm_dnnl_md_size(scratch);
	dnnl_status_t st = dnnl_primitive_create(&p->prim, pd);
	if (!st)
		st = hm_dnnl_memory(&p->src, hm_dnnl_query_md(pd, dnnl_query_src_md, 0), engine,
				    DNNL_MEMORY_NONE);
	if (!st)
		st = hm_dnnl_memory(&p->dst, hm_dnnl_query_md(pd, dnnl_query_dst_md, 0), engine,
				    DNNL_MEMORY_NONE);
	if (!st)
		st = hm_dnnl_memory(&p->weights, filter, engine, data);
	if (!st && wt->b)
		st = hm_dnnl_memory(&p->bias, hm_dnnl_query_md(pd, dnnl_query_weights_md, 1), engine, wt->b);
	if (!st && p->scratch_bytes)
		st = hm_dnnl_memory(&p->scratch, scratch, engine, DNNL_MEMORY_NONE);
	if (st)
		hm_err_set(&d->err, HM_EDEVICE, "oneDNN cannot make a primitive (status %d)", (int)st);
}

/* The step for a weight at shape (i, h, w) or (m, 0, 0); NULL sticks an error. */
static struct step *step_find(struct hm_device *d, const struct hm_weight *wt, int i, int h, int w)
{
	struct hm_dnnl *n = ((struct hm_cpu *)d->ctx)->dnnl;
	uint64_t key[3] = {wt->id, (uint64_t)i, (uint64_t)h << 32 | (uint32_t)w};
	uint64_t at = n->steps.len;
	int is_new = hm_strmap_add(&n->index, key, sizeof key, &at, &d->err);
	if (is_new < 0)
		return NULL;
	if (is_new) {
		struct step p = {0};
		dnnl_primitive_desc_t pd = NULL;
		dnnl_status_t st =
			wt->conv.kernel ? conv_desc(d, wt, i, h, w, &pd) : linear_desc(d, wt, i, &pd);
		if (st)
			hm_err_set(&d->err, HM_EDEVICE, "oneDNN has no primitive for this shape (status %d)",
				   (int)st);
		else
			step_make(d, &p, (struct hm_weight *)wt, pd);
		dnnl_primitive_desc_destroy(pd);
		if (d->err.code || hm_buf_add(&n->steps, &p, sizeof p, &d->err)) {
			step_clear(&p);
			return NULL;
		}
	}
	return (struct step *)(n->steps.data + at);
}

static void step_run(struct hm_device *d, const struct hm_weight *wt, void *y, const void *x, int i, int h,
		     int w)
{
	struct hm_dnnl *n = ((struct hm_cpu *)d->ctx)->dnnl;
	if (d->err.code)
		return;
	omp_set_num_threads(1); /* the number that oneDNN will use, of the calling thread */
	struct step *p = step_find(d, wt, i, h, w);
	void *scratch = p && p->scratch_bytes ? hm_cpu_scratch(d, p->scratch_bytes) : NULL;
	if (d->err.code)
		return;
	dnnl_status_t st = dnnl_memory_set_data_handle(p->src, (void *)x);
	dnnl_exec_arg_t arg[5] = {
		{DNNL_ARG_SRC, p->src}, {DNNL_ARG_DST, p->dst}, {DNNL_ARG_WEIGHTS, p->weights}};
	int args = 3;
	if (!st)
		st = dnnl_memory_set_data_handle(p->dst, y);
	if (!st && scratch)
		st = dnnl_memory_set_data_handle(p->scratch, scratch);
	if (scratch)
		arg[args++] = (dnnl_exec_arg_t){DNNL_ARG_SCRATCHPAD, p->scratch};
	if (p->bias)
		arg[args++] = (dnnl_exec_arg_t){DNNL_ARG_BIAS, p->bias};
	if (!st)
		st = dnnl_primitive_execute(p->prim, n->stream, args, arg);
	if (!st)
		st = dnnl_stream_wait(n->stream);
	if (st)
		hm_err_set(&d->err, HM_EDEVICE, "oneDNN failed to run a primitive (status %d)", (int)st);
}

void hm_dnnl_conv_run(struct hm_device *d, void *y, const void *x, const struct hm_weight *wt, int i, int h,
		      int w)
{
	if (wt->winograd)
		hm_winograd_run(d, y, x, wt->winograd, i, h, w);
	else
		step_run(d, wt, y, x, i, h, w);
}

/* bf16 by f32 products: some rows at a time are widened, multiplied and narrowed, so that a thread needs
 * little memory for them and the caches hold much of it. */
enum { WIDE_ROWS = 256 };
static void matmul_widened(struct hm_device *d, void *y, const void *x, const struct hm_weight *wt, int m)
{
	size_t n = (size_t)wt->linear.n, k = (size_t)wt->linear.k, most = m < WIDE_ROWS ? m : WIDE_ROWS;
	struct hm_buf *room = &((struct hm_cpu *)d->ctx)->widened;
	room->len = 0;
	if (d->err.code || hm_buf_reserve(room, most * (n + k) * sizeof(float), &d->err))
		return;
	float *from = (float *)(void *)room->data, *to = from + most * k;
	for (size_t at = 0, rows; at < (size_t)m && !d->err.code; at += rows) {
		rows = (size_t)m - at < most ? (size_t)m - at : most;
		hm_cpu_widen(d, from, (const uint16_t *)x + at * k, rows * k);
		step_run(d, wt, wt->linear.f32 ? (float *)y + at * n : to, from, (int)rows, 0, 0);
		if (!wt->linear.f32)
			hm_cpu_narrow(d, (uint16_t *)y + at * n, to, rows * n);
	}
}

/* Where all calls have the same m, it is rounded to a multiple of 16 alone: oneDNN computes 2,056 rows an
 * eighth more slowly than 2,064. */
void hm_dnnl_matmul(struct hm_device *d, void *y, const void *x, const struct hm_weight *wt, int m)
{
	if (wt->panels) {
		hm_panels_run(d, y, x, wt->panels, m);
		return;
	}
	int rows = wt->linear.same ? (m + 15) / 16 * 16 : hm_dnnl_rows_round(d, m);
	if (wt->widen)
		matmul_widened(d, y, x, wt, rows);
	else
		step_run(d, wt, y, x, rows, 0, 0);
}

/* Multiples of 16, and from 256 rows on of an eighth of m or less: at most an eighth of the work is wasted,
 * and there are few primitives. (Eight images of 257 rows are so 2,304 rows instead of 2,056, 12 % more
 * work.) */
int hm_dnnl_rows_round(const struct hm_device *d, int m)
{
	int step = 16;
	(void)d;
	while (step * 16 < m)
		step *= 2;
	return (m + step - 1) / step * step;
}

#endif
