/* This file computes convolution in training with oneDNN, forward and backward. Weights are plain arrays
 * that change every step: each call reorders them into the layout that its primitive needs, and reorders
 * the weights' gradient back while it is added. Nothing is kept between calls, as in densetrain.c. */
#if HM_ONEDNN
#include "ops/cpu/dnnl.h"
#include "ops/cpu/winograd.h"
#include "ops/ref/ref.h"

#include <omp.h>

/* One pass of one convolution: images src [i,h,w,cin] and dst [i,ho,wo,cout], or their gradients. */
struct pass {
	enum hm_dnnl_pass pass;
	const struct hm_conv *c;
	int i, h, w;
	void *src, *dst;
	float *weights; /* [cout,cin,kernel,kernel]: read, or their gradient is added to */
};

/* Makes the primitive's descriptor. Winograd's transform is used where oneDNN has it (f32, 3x3, stride 1,
 * AVX-512): it takes half the time, and its error is a few 1e-6 of the largest gradient. Otherwise the
 * convolution is direct. */
static dnnl_status_t describe_conv(struct hm_device *d, const struct pass *p, dnnl_primitive_desc_t *pd)
{
	const struct hm_conv *c = p->c;
	int ho = hm_conv_out(p->h, c->kernel, c->stride, c->pad),
	    wo = hm_conv_out(p->w, c->kernel, c->stride, c->pad);
	dnnl_data_type_t type = d->act == HM_BF16 ? dnnl_bf16 : dnnl_f32;
	dnnl_memory_desc_t src = {0}, weights = {0}, dst = {0};
	dnnl_primitive_attr_t attr = NULL;
	dnnl_status_t st = hm_dnnl_md(&src, 4, (dnnl_dims_t){p->i, c->cin, p->h, p->w}, type,
				      hm_dnnl_image_tag(d, c->cin));
	if (!st)
		st = hm_dnnl_md(&dst, 4, (dnnl_dims_t){p->i, c->cout, ho, wo}, type,
				hm_dnnl_image_tag(d, c->cout));
	if (!st)
		st = hm_dnnl_md(&weights, 4, (dnnl_dims_t){c->cout, c->cin, c->kernel, c->kernel},
				p->pass == HM_DNNL_BACKWARD_WEIGHTS ? dnnl_f32 : type, dnnl_format_tag_any);
	if (!st)
		st = hm_dnnl_attr(&attr, false, dnnl_alg_kind_undef, type);
	bool winograd = !st && c->kernel == 3 && c->stride == 1 && p->h > 4 && p->w > 4 && d->act == HM_F32 &&
			!hm_dnnl_conv_train(pd, hm_dnnl_engine(d), p->pass, dnnl_convolution_winograd,
					    hm_dnnl_md_ref(&src), hm_dnnl_md_ref(&weights),
					    hm_dnnl_md_ref(&dst), c->stride, c->pad, attr);
	if (!st && !winograd)
		st = hm_dnnl_conv_train(pd, hm_dnnl_engine(d), p->pass, dnnl_convolution_direct,
					hm_dnnl_md_ref(&src), hm_dnnl_md_ref(&weights), hm_dnnl_md_ref(&dst),
					c->stride, c->pad, attr);
	hm_dnnl_md_clear(&src);
	hm_dnnl_md_clear(&weights);
	hm_dnnl_md_clear(&dst);
	dnnl_primitive_attr_destroy(attr);
	return st;
}

/* oneDNN's names of src, weights, dst in each pass. */
static const int arg_of[][3] = {
	[HM_DNNL_FORWARD] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
	[HM_DNNL_BACKWARD_DATA] = {DNNL_ARG_DIFF_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_DST},
	[HM_DNNL_BACKWARD_WEIGHTS] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_DIFF_DST},
};

/* Reorders weights, runs pd, reorders and adds gradients. The scratch memory holds the packed weights
 * first. */
static dnnl_status_t run_conv(struct hm_device *d, const struct pass *p, dnnl_primitive_desc_t pd)
{
	const struct hm_conv *c = p->c;
	const int *arg = arg_of[p->pass];
	dnnl_engine_t engine = hm_dnnl_engine(d);
	dnnl_stream_t stream = hm_dnnl_stream(d);
	hm_md want = hm_dnnl_query_md(pd, dnnl_query_exec_arg_md, arg[1]), have;
	size_t packed = (hm_dnnl_md_size(want) + 63) / 64 * 64,
	       scratch = hm_dnnl_md_size(hm_dnnl_query_md(pd, dnnl_query_scratchpad_md, 0));
	char *room = hm_cpu_scratch(d, packed + scratch);
	dnnl_memory_desc_t plain = {0};
	dnnl_status_t st = dnnl_success;
	if (!room)
		return st;
	st = hm_dnnl_md(&plain, 4, (dnnl_dims_t){c->cout, c->cin, c->kernel, c->kernel}, dnnl_f32, dnnl_oihw);
	have = hm_dnnl_md_ref(&plain);
	if (!st && p->pass != HM_DNNL_BACKWARD_WEIGHTS)
		st = hm_dnnl_reorder(engine, stream, have, p->weights, want, room);
	if (!st)
		st = hm_dnnl_execute(d, pd, 4, (const int[4]){arg[0], arg[1], arg[2], DNNL_ARG_SCRATCHPAD},
				     (void *const[4]){p->src, room, p->dst, scratch ? room + packed : NULL});
	if (!st && p->pass == HM_DNNL_BACKWARD_WEIGHTS)
		st = hm_dnnl_reorder_add(engine, stream, want, room, have, p->weights);
	hm_dnnl_md_clear(&plain);
	return st;
}

static void make_and_run(struct hm_device *d, const struct pass *p)
{
	dnnl_primitive_desc_t pd = NULL;
	if (d->err.code)
		return;
	omp_set_num_threads(d->threads); /* the number that oneDNN will use */
	dnnl_status_t st = describe_conv(d, p, &pd);
	if (!st)
		st = run_conv(d, p, pd);
	if (st)
		hm_err_set(&d->err, HM_EDEVICE, "oneDNN cannot run a convolution of training (status %d)",
			   (int)st);
	dnnl_primitive_desc_destroy(pd);
}

/* With AVX2, whose images lie in blocks of 8, winograd.h computes what it takes: oneDNN has no transform. */
static bool takes_winograd(const struct hm_device *d, const struct hm_conv *c, bool back)
{
	struct hm_conv k = *c;
	k.cin = back ? c->cout : c->cin;
	k.cout = back ? c->cin : c->cout;
	return ((const struct hm_cpu *)d->ctx)->block == 8 && !d->err.code && hm_winograd_takes(&k, 8);
}

void hm_dnnl_conv_forward(struct hm_device *d, void *y, const void *x, const float *w,
			  const struct hm_conv *c, int i, int h, int wd)
{
	if (takes_winograd(d, c, false))
		hm_winograd_train(d, y, x, w, c, false, i, h, wd);
	else
		make_and_run(d, &(struct pass){HM_DNNL_FORWARD, c, i, h, wd, (void *)x, y, (float *)w});
}

void hm_dnnl_conv_backward(struct hm_device *d, void *dx, float *dw, const void *dy, const void *x,
			   const float *w, const struct hm_conv *c, int i, int h, int wd)
{
	/* oneDNN 2.6's bf16 kernel for 1x1 reads past the channels when their number is no multiple of 16:
	 * its gradients are wrong and no status says so. Use ref's loop then; in bf16 its layout is the
	 * same. */
	bool broken = d->act == HM_BF16 && c->kernel == 1 && c->cout % 16;
	if (dx && broken)
		hm_ref_conv_backward(d, dx, NULL, dy, x, w, c, i, h, wd);
	else if (dx && takes_winograd(d, c, true))
		hm_winograd_train(d, dx, dy, w, c, true, i, h, wd);
	else if (dx)
		make_and_run(d,
			     &(struct pass){HM_DNNL_BACKWARD_DATA, c, i, h, wd, dx, (void *)dy, (float *)w});
	if (dw)
		make_and_run(
			d, &(struct pass){HM_DNNL_BACKWARD_WEIGHTS, c, i, h, wd, (void *)x, (void *)dy, dw});
}

#endif
