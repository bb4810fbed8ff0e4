/* This file hides the differences between oneDNN 2.x and 3.x: memory descriptors (a struct or a handle),
 * primitive descriptors (made in two steps or one), the arguments of post-ops. Everything else may call
 * oneDNN directly. Functions return oneDNN's status; 0 is success. */
#ifndef HM_DNNL_COMPAT_H
#define HM_DNNL_COMPAT_H

#include <dnnl.h>
#include <stdbool.h>
#include <stddef.h>

#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t hm_md; /* borrowed */
#else
typedef const dnnl_memory_desc_t *hm_md;
#endif

/* Makes a dense memory descriptor. Clear it with hm_dnnl_md_clear, which also takes a zeroed one. */
dnnl_status_t hm_dnnl_md(dnnl_memory_desc_t *md, int ndim, const dnnl_dims_t dim, dnnl_data_type_t type,
			 dnnl_format_tag_t tag);
dnnl_status_t hm_dnnl_md_copy(dnnl_memory_desc_t *to, hm_md from);
hm_md hm_dnnl_md_ref(const dnnl_memory_desc_t *md);
void hm_dnnl_md_clear(dnnl_memory_desc_t *md);

/* The descriptor of a primitive's argument: dnnl_query_src_md, _weights_md (0: weights, 1: bias), _dst_md,
 * _scratchpad_md. Borrowed from pd. */
hm_md hm_dnnl_query_md(dnnl_primitive_desc_t pd, dnnl_query_t what, int index);
size_t hm_dnnl_md_size(hm_md md);
bool hm_dnnl_md_equal(hm_md a, hm_md b);
dnnl_status_t hm_dnnl_memory(dnnl_memory_t *m, hm_md md, dnnl_engine_t engine, void *data);

/* Makes post-ops: first add the old value of dst if `sum`, then apply an element-wise function
 * (dnnl_alg_kind_undef: none; dnnl_eltwise_swish with 1.702, which is quick GELU). Scratch memory is the
 * caller's. `type` is dst's. */
dnnl_status_t hm_dnnl_attr(dnnl_primitive_attr_t *attr, bool sum, dnnl_alg_kind_t eltwise,
			   dnnl_data_type_t type);

/* Primitive descriptors of inference. bias may be NULL. */
dnnl_status_t hm_dnnl_conv(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_alg_kind_t alg, hm_md src,
			   hm_md weights, hm_md bias, hm_md dst, int stride, int pad,
			   dnnl_primitive_attr_t attr);
dnnl_status_t hm_dnnl_linear(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, hm_md src, hm_md weights,
			     hm_md bias, hm_md dst, dnnl_primitive_attr_t attr);
/* dst [m,n] = src [m,k] . weights [k,n] + bias [1,n] (NULL: none). */
dnnl_status_t hm_dnnl_gemm(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, hm_md src, hm_md weights,
			   hm_md bias, hm_md dst, dnnl_primitive_attr_t attr);
/* Primitive descriptor of a convolution in training: it computes dst from src and weights, src's gradient
 * from dst's and weights, or weights' gradient from src and dst's. src, weights, dst describe values and
 * gradients alike. */
enum hm_dnnl_pass { HM_DNNL_FORWARD, HM_DNNL_BACKWARD_DATA, HM_DNNL_BACKWARD_WEIGHTS };
dnnl_status_t hm_dnnl_conv_train(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, enum hm_dnnl_pass pass,
				 dnnl_alg_kind_t alg, hm_md src, hm_md weights, hm_md dst, int stride,
				 int pad, dnnl_primitive_attr_t attr);
/* Copies `src` to `dst` and converts layout and type; returns when it is done. */
dnnl_status_t hm_dnnl_reorder(dnnl_engine_t engine, dnnl_stream_t stream, hm_md from, void *src, hm_md to,
			      void *dst);
/* Adds instead of copying. */
dnnl_status_t hm_dnnl_reorder_add(dnnl_engine_t engine, dnnl_stream_t stream, hm_md from, void *src, hm_md to,
				  void *dst);

#endif
