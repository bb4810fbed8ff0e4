/* This file declares the reference device's operations, one per slot of hm_ops. Other devices use them
 * where they have nothing faster. */
#ifndef HM_REF_H
#define HM_REF_H

#include "ops/ops.h"

extern const struct hm_ops hm_ref_ops;

/* Reads and writes one element of an activation array of the device's type. */
static inline double hm_act_get(const struct hm_device *d, const void *x, size_t j)
{
	return d->act == HM_BF16 ? hm_bf16_to_f32(((const uint16_t *)x)[j]) : ((const float *)x)[j];
}
static inline void hm_act_set(const struct hm_device *d, void *y, size_t j, double v)
{
	if (d->act == HM_BF16)
		((uint16_t *)y)[j] = hm_f32_to_bf16((float)v);
	else
		((float *)y)[j] = (float)v;
}
/* A weight rounded to the device's type. */
static inline float hm_ref_weight(const struct hm_device *d, float w)
{
	return d->act == HM_BF16 ? hm_bf16_to_f32(hm_f32_to_bf16(w)) : w;
}

/* The activation f of v. */
double hm_ref_act(enum hm_act f, double v);

void *hm_ref_alloc(struct hm_device *d, size_t bytes);
void hm_ref_free(struct hm_device *d, void *p);
void hm_ref_upload(struct hm_device *d, void *dst, const void *host, size_t bytes);
void hm_ref_download(struct hm_device *d, void *host, const void *src, size_t bytes);
void hm_ref_copy(struct hm_device *d, void *dst, const void *src, size_t bytes);

size_t hm_ref_image_bytes(const struct hm_device *d, int i, int h, int w, int c);
void hm_ref_normalise(struct hm_device *d, void *y, const uint8_t *px, const float *table, int i, int h,
		      int w);
void hm_ref_patches(struct hm_device *d, void *y, const uint8_t *px, const float *table, int i, int h, int w,
		    int side);
struct hm_weight *hm_ref_conv_pack(struct hm_device *d, const struct hm_conv *c, const float *w,
				   const float *b);
void hm_ref_conv(struct hm_device *d, void *y, const void *x, const struct hm_weight *w, int i, int h,
		 int wd);
void hm_ref_max_pool(struct hm_device *d, void *y, const void *x, int i, int h, int w, int c);
void hm_ref_avg_pool(struct hm_device *d, float *y, const void *x, int i, int h, int w, int c);
void hm_ref_grid(struct hm_device *d, float *y, const void *x, int i, int h, int w, int c);
void hm_ref_image_put(struct hm_device *d, void *y, const float *x, int i, int h, int w, int c);

struct hm_weight *hm_ref_linear_pack(struct hm_device *d, const struct hm_linear *l, const float *w,
				     const float *b);
void hm_ref_matmul(struct hm_device *d, void *y, const void *x, const struct hm_weight *w, int m);
int hm_ref_rows_round(const struct hm_device *d, int m);
void hm_ref_weight_free(struct hm_device *d, struct hm_weight *w);

void hm_ref_embed(struct hm_device *d, void *y, const int32_t *id, const int32_t *pos, const float *word,
		  const float *position, const float *type0, const float *gamma, const float *beta,
		  double eps, int m, int k);
void hm_ref_layer_norm(struct hm_device *d, void *y, const void *x, const void *res, const float *gamma,
		       const float *beta, double eps, int m, int k);
void hm_ref_attention(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s, int heads,
		      int dim, bool causal);
void hm_ref_gather(struct hm_device *d, void *y, const void *x, const int32_t *row, int s, int k);

void hm_ref_linear_forward(struct hm_device *d, float *y, const float *x, const float *w, const float *b,
			   int m, int n, int k);
void hm_ref_linear_backward(struct hm_device *d, float *dx, float *dw, float *db, const float *dy,
			    const float *x, const float *w, int m, int n, int k);
void hm_ref_linears_forward(struct hm_device *d, float *const *y, const float *const *x,
			    const float *const *w, const float *const *b, int heads, int m, int n, int k);
void hm_ref_linears_backward(struct hm_device *d, float *const *dw, float *const *db, const float *const *dy,
			     const float *const *x, int heads, int m, int n, int k);
void hm_ref_softmax(struct hm_device *d, float *y, const float *x, int m, int n);
void hm_ref_cross_entropy(struct hm_device *d, double *sums, float *loss, float *dx, const float *x,
			  const int32_t *label, const float *weight, double total, int m, int n);

void hm_ref_row_norm(struct hm_device *d, float *y, float *norm, const float *x, int m, int k);
void hm_ref_row_norm_backward(struct hm_device *d, float *dx, const float *dy, const float *y,
			      const float *norm, int m, int k);
void hm_ref_mul_add(struct hm_device *d, float *y, const float *a, const float *b, const float *c, size_t n);
void hm_ref_outer(struct hm_device *d, float *y, const float *a, const float *b, int m, int k);
void hm_ref_outer_backward(struct hm_device *d, float *da, float *db, const float *dy, const float *a,
			   const float *b, int m, int k);
void hm_ref_relu_drop(struct hm_device *d, float *y, const float *x, bool relu, const struct hm_dropout *drop,
		      size_t n);
void hm_ref_relu_drop_backward(struct hm_device *d, float *dx, const float *dy, const float *y,
			       const struct hm_dropout *drop, size_t n);

void hm_ref_sgd(struct hm_device *d, float *p, float *v, const float *g, size_t n, double lr, double momentum,
		double weight_decay, int64_t t);
void hm_ref_adam(struct hm_device *d, float *p, float *m, float *v, const float *g, size_t n,
		 const struct hm_adam *a, int64_t t);
void hm_ref_sum_squares(struct hm_device *d, double *sum, const float *g, size_t n);
void hm_ref_clip(struct hm_device *d, float *g, size_t n, const double *sum, double most);
void hm_ref_scale_rows(struct hm_device *d, float *y, const float *x, const float *scale, int n, int k);
void hm_ref_scale_rows_backward(struct hm_device *d, float *dx, float *dscale, const float *dy,
				const float *x, const float *scale, int n, int k);

void hm_ref_copy_columns(struct hm_device *d, float *y, int ldy, const float *x, int ldx, int m, int k);
void hm_ref_widen(struct hm_device *d, float *y, const void *x, size_t n);
void hm_ref_narrow(struct hm_device *d, void *y, const float *x, size_t n);
void hm_ref_conv_forward(struct hm_device *d, void *y, const void *x, const float *w, const struct hm_conv *c,
			 int i, int h, int wd);
void hm_ref_conv_backward(struct hm_device *d, void *dx, float *dw, const void *dy, const void *x,
			  const float *w, const struct hm_conv *c, int i, int h, int wd);
void hm_ref_batch_norm(struct hm_device *d, void *y, const void *x, const void *res, const float *gamma,
		       const float *beta, float *mean, float *var, float *save, const struct hm_bn *b, int i,
		       int h, int w, int c);
void hm_ref_batch_norm_backward(struct hm_device *d, void *dx, void *dres, float *dgamma, float *dbeta,
				const void *dy, const void *dy2, const void *y, const void *x,
				const float *gamma, const float *save, const struct hm_bn *b, int i, int h,
				int w, int c);
void hm_ref_max_pool_backward(struct hm_device *d, void *dx, const void *dy, const void *dy2, const void *x,
			      int i, int h, int w, int c);
void hm_ref_avg_pool_backward(struct hm_device *d, void *dx, const float *dy, int i, int h, int w, int c);
void hm_ref_dense_forward(struct hm_device *d, void *y, const void *x, const float *w, const float *b, int m,
			  int n, int k);
void hm_ref_dense_backward(struct hm_device *d, void *dx, float *dw, float *db, const void *dy, const void *x,
			   const float *w, int m, int n, int k);
void hm_ref_activate(struct hm_device *d, void *y, const void *x, size_t n, enum hm_act f);
void hm_ref_activate_backward(struct hm_device *d, void *dx, const void *dy, const void *x, size_t n,
			      enum hm_act f);
void hm_ref_tanh(struct hm_device *d, void *y, const void *x, size_t n);
void hm_ref_tanh_backward(struct hm_device *d, void *dx, const void *dy, const void *y, size_t n);
void hm_ref_dropout(struct hm_device *d, void *y, const void *x, const struct hm_dropout *drop, size_t n);
void hm_ref_add_norm(struct hm_device *d, void *y, float *stats, void *x, const void *res, const float *gamma,
		     const float *beta, double eps, const struct hm_dropout *drop, int m, int k);
void hm_ref_add_norm_backward(struct hm_device *d, void *ds, void *dx, float *dgamma, float *dbeta,
			      const void *dy, const void *dy2, const void *skip, const void *s,
			      const float *stats, const float *gamma, const struct hm_dropout *drop, int m,
			      int k);
void hm_ref_attention_forward(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s,
			      int heads, int dim, bool causal, const struct hm_dropout *drop);
void hm_ref_attention_backward(struct hm_device *d, void *dqkv, const void *dy, const void *y,
			       const void *qkv, const int32_t *len, int s, int heads, int dim, bool causal,
			       const struct hm_dropout *drop);
void hm_ref_add_rows(struct hm_device *d, float *y, const int32_t *at, const float *table, const int32_t *row,
		     int m, int k);
void hm_ref_add_rows_backward(struct hm_device *d, float *dtable, const int32_t *row, const void *dy,
			      const int32_t *at, int skip, int m, int k);
void hm_ref_gather_backward(struct hm_device *d, void *dx, const void *dy, const int32_t *row, int s, int m,
			    int k);
void hm_ref_zero(struct hm_device *d, void *dst, size_t bytes);
void hm_ref_submit(struct hm_device *d);

#endif
