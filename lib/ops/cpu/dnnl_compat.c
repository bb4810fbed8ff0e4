/* This file makes oneDNN 2.x and 3.x look alike: see dnnl_compat.h. */
#if HM_ONEDNN
#include "ops/cpu/dnnl_compat.h"

#include <string.h>

#if DNNL_VERSION_MAJOR >= 3

dnnl_status_t hm_dnnl_md(dnnl_memory_desc_t *md, int ndim, const dnnl_dims_t dim, dnnl_data_type_t type,
			 dnnl_format_tag_t tag)
{
	return dnnl_memory_desc_create_with_tag(md, ndim, dim, type, tag);
}

dnnl_status_t hm_dnnl_md_copy(dnnl_memory_desc_t *to, hm_md from)
{
	return dnnl_memory_desc_clone(to, from);
}

hm_md hm_dnnl_md_ref(const dnnl_memory_desc_t *md)
{
	return *md;
}

void hm_dnnl_md_clear(dnnl_memory_desc_t *md)
{
	if (*md)
		dnnl_memory_desc_destroy(*md);
	*md = NULL;
}

static dnnl_status_t append_sum(dnnl_post_ops_t ops, dnnl_data_type_t type)
{
	return dnnl_post_ops_append_sum(ops, 1, 0, type);
}

static dnnl_status_t append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t eltwise, float alpha)
{
	return dnnl_post_ops_append_eltwise(ops, eltwise, alpha, 0);
}

dnnl_status_t hm_dnnl_conv(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_alg_kind_t alg, hm_md src,
			   hm_md weights, hm_md bias, hm_md dst, int stride, int pad,
			   dnnl_primitive_attr_t attr)
{
	const dnnl_dims_t strides = {stride, stride}, dilates = {0, 0}, pads = {pad, pad};
	return dnnl_convolution_forward_primitive_desc_create(pd, engine, dnnl_forward_inference, alg, src,
							      weights, bias, dst, strides, dilates, pads,
							      pads, attr);
}

dnnl_status_t hm_dnnl_conv_train(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, enum hm_dnnl_pass pass,
				 dnnl_alg_kind_t alg, hm_md src, hm_md weights, hm_md dst, int stride,
				 int pad, dnnl_primitive_attr_t attr)
{
	const dnnl_dims_t strides = {stride, stride}, dilates = {0, 0}, pads = {pad, pad};
	dnnl_primitive_desc_t hint = NULL;
	dnnl_status_t st = dnnl_convolution_forward_primitive_desc_create(
		pass == HM_DNNL_FORWARD ? pd : &hint, engine, dnnl_forward_training, alg, src, weights, NULL,
		dst, strides, dilates, pads, pads, attr);
	if (!st && pass == HM_DNNL_BACKWARD_DATA)
		st = dnnl_convolution_backward_data_primitive_desc_create(
			pd, engine, alg, src, weights, dst, strides, dilates, pads, pads, hint, attr);
	if (!st && pass == HM_DNNL_BACKWARD_WEIGHTS)
		st = dnnl_convolution_backward_weights_primitive_desc_create(
			pd, engine, alg, src, weights, NULL, dst, strides, dilates, pads, pads, hint, attr);
	dnnl_primitive_desc_destroy(hint);
	return st;
}

dnnl_status_t hm_dnnl_linear(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, hm_md src, hm_md weights,
			     hm_md bias, hm_md dst, dnnl_primitive_attr_t attr)
{
	return dnnl_inner_product_forward_primitive_desc_create(pd, engine, dnnl_forward_inference, src,
								weights, bias, dst, attr);
}

dnnl_status_t hm_dnnl_gemm(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, hm_md src, hm_md weights,
			   hm_md bias, hm_md dst, dnnl_primitive_attr_t attr)
{
	return dnnl_matmul_primitive_desc_create(pd, engine, src, weights, bias, dst, attr);
}

#else

dnnl_status_t hm_dnnl_md(dnnl_memory_desc_t *md, int ndim, const dnnl_dims_t dim, dnnl_data_type_t type,
			 dnnl_format_tag_t tag)
{
	return dnnl_memory_desc_init_by_tag(md, ndim, dim, type, tag);
}

dnnl_status_t hm_dnnl_md_copy(dnnl_memory_desc_t *to, hm_md from)
{
	*to = *from;
	return dnnl_success;
}

hm_md hm_dnnl_md_ref(const dnnl_memory_desc_t *md)
{
	return md;
}

void hm_dnnl_md_clear(dnnl_memory_desc_t *md)
{
	memset(md, 0, sizeof *md);
}

static dnnl_status_t append_sum(dnnl_post_ops_t ops, dnnl_data_type_t type)
{
	(void)type;
	return dnnl_post_ops_append_sum(ops, 1);
}

static dnnl_status_t append_eltwise(dnnl_post_ops_t ops, dnnl_alg_kind_t eltwise, float alpha)
{
	return dnnl_post_ops_append_eltwise(ops, 1, eltwise, alpha, 0);
}

dnnl_status_t hm_dnnl_conv(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_alg_kind_t alg, hm_md src,
			   hm_md weights, hm_md bias, hm_md dst, int stride, int pad,
			   dnnl_primitive_attr_t attr)
{
	const dnnl_dims_t strides = {stride, stride}, pads = {pad, pad};
	dnnl_convolution_desc_t desc;
	dnnl_status_t st = dnnl_convolution_forward_desc_init(&desc, dnnl_forward_inference, alg, src,
							      weights, bias, dst, strides, pads, pads);
	return st ? st : dnnl_primitive_desc_create(pd, &desc, attr, engine, NULL);
}

dnnl_status_t hm_dnnl_conv_train(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, enum hm_dnnl_pass pass,
				 dnnl_alg_kind_t alg, hm_md src, hm_md weights, hm_md dst, int stride,
				 int pad, dnnl_primitive_attr_t attr)
{
	const dnnl_dims_t strides = {stride, stride}, pads = {pad, pad};
	dnnl_convolution_desc_t desc;
	dnnl_status_t st =
		pass == HM_DNNL_FORWARD
			? dnnl_convolution_forward_desc_init(&desc, dnnl_forward_training, alg, src, weights,
							     NULL, dst, strides, pads, pads)
		: pass == HM_DNNL_BACKWARD_DATA
			? dnnl_convolution_backward_data_desc_init(&desc, alg, src, weights, dst, strides,
								   pads, pads)
			: dnnl_convolution_backward_weights_desc_init(&desc, alg, src, weights, NULL, dst,
								      strides, pads, pads);
	return st ? st : dnnl_primitive_desc_create(pd, &desc, attr, engine, NULL);
}

dnnl_status_t hm_dnnl_linear(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, hm_md src, hm_md weights,
			     hm_md bias, hm_md dst, dnnl_primitive_attr_t attr)
{
	dnnl_inner_product_desc_t desc;
	dnnl_status_t st =
		dnnl_inner_product_forward_desc_init(&desc, dnnl_forward_inference, src, weights, bias, dst);
	return st ? st : dnnl_primitive_desc_create(pd, &desc, attr, engine, NULL);
}

dnnl_status_t hm_dnnl_gemm(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, hm_md src, hm_md weights,
			   hm_md bias, hm_md dst, dnnl_primitive_attr_t attr)
{
	dnnl_matmul_desc_t desc;
	dnnl_status_t st = dnnl_matmul_desc_init(&desc, src, weights, bias, dst);
	return st ? st : dnnl_primitive_desc_create(pd, &desc, attr, engine, NULL);
}

#endif

hm_md hm_dnnl_query_md(dnnl_primitive_desc_t pd, dnnl_query_t what, int index)
{
	return dnnl_primitive_desc_query_md(pd, what, index);
}

size_t hm_dnnl_md_size(hm_md md)
{
	return md ? dnnl_memory_desc_get_size(md) : 0;
}

bool hm_dnnl_md_equal(hm_md a, hm_md b)
{
	return dnnl_memory_desc_equal(a, b);
}

dnnl_status_t hm_dnnl_memory(dnnl_memory_t *m, hm_md md, dnnl_engine_t engine, void *data)
{
	return dnnl_memory_create(m, md, engine, data);
}

dnnl_status_t hm_dnnl_attr(dnnl_primitive_attr_t *attr, bool sum, dnnl_alg_kind_t eltwise,
			   dnnl_data_type_t type)
{
	dnnl_post_ops_t ops = NULL;
	dnnl_status_t st = dnnl_primitive_attr_create(attr);
	if (!st)
		st = dnnl_post_ops_create(&ops);
	if (!st && sum)
		st = append_sum(ops, type);
	if (!st && eltwise != dnnl_alg_kind_undef)
		st = append_eltwise(ops, eltwise, eltwise == dnnl_eltwise_swish ? 1.702f : 0);
	if (!st)
		st = dnnl_primitive_attr_set_post_ops(*attr, ops);
	if (!st)
		st = dnnl_primitive_attr_set_scratchpad_mode(*attr, dnnl_scratchpad_mode_user);
	if (ops)
		dnnl_post_ops_destroy(ops);
	return st;
}

static dnnl_status_t run_reorder(dnnl_engine_t engine, dnnl_stream_t stream, hm_md from, void *src, hm_md to,
				 void *dst, dnnl_primitive_attr_t attr)
{
	dnnl_primitive_desc_t pd = NULL;
	dnnl_primitive_t prim = NULL;
	dnnl_memory_t a = NULL, b = NULL;
	dnnl_status_t st = dnnl_reorder_primitive_desc_create(&pd, from, engine, to, engine, attr);
	if (!st)
		st = dnnl_primitive_create(&prim, pd);
	if (!st)
		st = dnnl_memory_create(&a, from, engine, src);
	if (!st)
		st = dnnl_memory_create(&b, to, engine, dst);
	if (!st) {
		const dnnl_exec_arg_t arg[] = {{DNNL_ARG_FROM, a}, {DNNL_ARG_TO, b}};
		st = dnnl_primitive_execute(prim, stream, 2, arg);
	}
	if (!st)
		st = dnnl_stream_wait(stream);
	dnnl_memory_destroy(a);
	dnnl_memory_destroy(b);
	dnnl_primitive_destroy(prim);
	dnnl_primitive_desc_destroy(pd);
	return st;
}

dnnl_status_t hm_dnnl_reorder(dnnl_engine_t engine, dnnl_stream_t stream, hm_md from, void *src, hm_md to,
			      void *dst)
{
	return run_reorder(engine, stream, from, src, to, dst, NULL);
}

dnnl_status_t hm_dnnl_reorder_add(dnnl_engine_t engine, dnnl_stream_t stream, hm_md from, void *src, hm_md to,
				  void *dst)
{
	dnnl_post_ops_t ops = NULL;
	dnnl_primitive_attr_t attr = NULL;
	dnnl_status_t st = dnnl_primitive_attr_create(&attr);
	if (!st)
		st = dnnl_post_ops_create(&ops);
	if (!st)
		st = append_sum(ops, dnnl_f32);
	if (!st)
		st = dnnl_primitive_attr_set_post_ops(attr, ops);
	if (!st)
		st = run_reorder(engine, stream, from, src, to, dst, attr);
	dnnl_post_ops_destroy(ops);
	dnnl_primitive_attr_destroy(attr);
	return st;
}

#endif
