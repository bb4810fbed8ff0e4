/* This file has the primitives of oneDNN that inference runs. Each context makes a primitive at the first
 * call with a weight and a shape, and keeps it. */
#if HM_ONEDNN
#include "ops/cpu/dnnlweight.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* A primitive for one weight and one shape, with its arguments. */
struct step {
	dnnl_primitive_t prim;
	dnnl_memory_t src, dst, weights, bias, scratch;
	size_t scratch_bytes;
};

static dnnl_data_type_t act_type(const struct hm_device *d)
{
	return d->act == HM_BF16 ? dnnl_bf16 : dnnl_f32;
}

/* Direct, also where oneDNN has Winograd's transform: winograd.h is faster, and takes nearly all of these. */
static dnnl_status_t conv_desc(struct hm_device *d, const struct hm_dnnl_weight *wt, int i, int h, int w,
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

static dnnl_status_t linear_desc(struct hm_device *d, const struct hm_dnnl_weight *wt, int m,
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
static void step_make(struct hm_device *d, struct step *p, struct hm_dnnl_weight *wt,
		      dnnl_primitive_desc_t pd)
{
	dnnl_engine_t engine = ((struct hm_cpu *)d->ctx)->dnnl->shared->engine;
	hm_md scratch = hm_dnnl_query_md(pd, dnnl_query_scratchpad_md, 0);
	hm_md filter = hm_dnnl_query_md(pd, dnnl_query_weights_md, 0);
	void *data = hm_dnnl_weight_packed(d, wt, filter);
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
static struct step *step_find(struct hm_device *d, const struct hm_dnnl_weight *wt, int i, int h, int w)
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
			step_make(d, &p, (struct hm_dnnl_weight *)wt, pd);
		dnnl_primitive_desc_destroy(pd);
		if (d->err.code || hm_buf_add(&n->steps, &p, sizeof p, &d->err)) {
			step_clear(&p);
			return NULL;
		}
	}
	return (struct step *)(n->steps.data + at);
}

void hm_dnnl_step_run(struct hm_device *d, const struct hm_dnnl_weight *wt, void *y, const void *x, int i,
		      int h, int w)
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

#endif
