/* Weights of inference that oneDNN multiplies. A weight holds the plain filter and one packed copy per layout
 * that a primitive needs; a copy is made once and shared by all contexts. */
#ifndef HM_DNNLWEIGHT_H
#define HM_DNNLWEIGHT_H

#include "ops/cpu/dnnl.h"
#include "ops/cpu/weight.h"

struct hm_dnnl_packed;

struct hm_dnnl_weight {
	struct hm_weight head;
	uint64_t id;	     /* unique on this device, also after the weight is freed */
	struct hm_conv conv; /* kernel 0: this is a linear layer */
	struct hm_linear linear;
	float *w, *b; /* plain; b may be NULL */
	bool stay;    /* w and b are the caller's */
	bool widen;   /* linear: products of bf16 values are computed in f32 */
	dnnl_memory_desc_t plain;
	struct hm_dnnl_packed *packed; /* one per layout */
	pthread_mutex_t lock;	       /* protects `packed` */
};

/* conv_pack and linear_pack of ops.h. */
struct hm_weight *hm_dnnl_conv_pack(struct hm_device *d, const struct hm_conv *c, const float *w,
				    const float *b);
struct hm_weight *hm_dnnl_linear_pack(struct hm_device *d, const struct hm_linear *l, const float *w,
				      const float *b);
/* The same for bf16 activations on a processor whose bf16 products are slower than those of f32: w [n,k] is
 * rounded to bf16, and products are computed in f32. */
struct hm_weight *hm_dnnl_widened_pack(struct hm_device *d, const struct hm_linear *l, const float *w,
				       const float *b);
/* The filter in layout md; packed now if no context has done it before and it is not the plain one. NULL
 * sticks an error. */
void *hm_dnnl_weight_packed(struct hm_device *d, struct hm_dnnl_weight *wt, hm_md md);

/* dnnlsteps.c: y = the convolution of x [i,.,h,w], or with h and w 0 the product of its i rows, by a
 * primitive that the context makes at the first call with a shape and keeps. */
void hm_dnnl_step_run(struct hm_device *d, const struct hm_dnnl_weight *wt, void *y, const void *x, int i,
		      int h, int w);

#endif
