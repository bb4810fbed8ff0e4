/* This file declares the CUDA device's operations, one per slot of hm_ops. ops.h says what they compute. */
#ifndef HM_CUDA_SLOTS_H
#define HM_CUDA_SLOTS_H

#include "ops/ops.h"

void *hm_cuda_alloc(struct hm_device *d, size_t bytes);
void hm_cuda_free(struct hm_device *d, void *p);
void hm_cuda_upload(struct hm_device *d, void *dst, const void *host, size_t bytes);
void hm_cuda_prefetch(struct hm_device *d, void *dst, const void *host, size_t bytes);
void hm_cuda_download(struct hm_device *d, void *host, const void *src, size_t bytes);
void hm_cuda_copy(struct hm_device *d, void *dst, const void *src, size_t bytes);

size_t hm_cuda_image_bytes(const struct hm_device *d, int i, int h, int w, int c);
void hm_cuda_normalise(struct hm_device *d, void *y, const uint8_t *px, const float *table, int i, int h,
		       int w);
void hm_cuda_patches(struct hm_device *d, void *y, const uint8_t *px, const float *table, int i, int h, int w,
		     int side);
struct hm_weight *hm_cuda_conv_pack(struct hm_device *d, const struct hm_conv *c, const float *w,
				    const float *b);
void hm_cuda_conv(struct hm_device *d, void *y, const void *x, const struct hm_weight *w, int i, int h,
		  int wd);
void hm_cuda_max_pool(struct hm_device *d, void *y, const void *x, int i, int h, int w, int c);
void hm_cuda_avg_pool(struct hm_device *d, float *y, const void *x, int i, int h, int w, int c);
void hm_cuda_grid(struct hm_device *d, float *y, const void *x, int i, int h, int w, int c);
void hm_cuda_image_put(struct hm_device *d, void *y, const float *x, int i, int h, int w, int c);

struct hm_weight *hm_cuda_linear_pack(struct hm_device *d, const struct hm_linear *l, const float *w,
				      const float *b);
void hm_cuda_matmul(struct hm_device *d, void *y, const void *x, const struct hm_weight *w, int m);
int hm_cuda_rows_round(const struct hm_device *d, int m);
void hm_cuda_weight_free(struct hm_device *d, struct hm_weight *w);

void hm_cuda_embed(struct hm_device *d, void *y, const int32_t *id, const int32_t *pos, const float *word,
		   const float *position, const float *type0, const float *gamma, const float *beta,
		   double eps, int m, int k);
void hm_cuda_layer_norm(struct hm_device *d, void *y, const void *x, const void *res, const float *gamma,
			const float *beta, double eps, int m, int k);
void hm_cuda_attention(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s, int heads,
		       int dim, bool causal);
void hm_cuda_gather(struct hm_device *d, void *y, const void *x, const int32_t *row, int s, int k);

void hm_cuda_linear_forward(struct hm_device *d, float *y, const float *x, const float *w, const float *b,
			    int m, int n, int k);
void hm_cuda_linear_backward(struct hm_device *d, float *dx, float *dw, float *db, const float *dy,
			     const float *x, const float *w, int m, int n, int k);
void hm_cuda_linears_forward(struct hm_device *d, float *const *y, const float *const *x,
			     const float *const *w, const float *const *b, int heads, int m, int n, int k);
void hm_cuda_linears_backward(struct hm_device *d, float *const *dw, float *const *db, const float *const *dy,
			      const float *const *x, int heads, int m, int n, int k);
void hm_cuda_softmax(struct hm_device *d, float *y, const float *x, int m, int n);
void hm_cuda_cross_entropy(struct hm_device *d, double *sums, float *loss, float *dx, const float *x,
			   const int32_t *label, const float *weight, double total, int m, int n);

void hm_cuda_row_norm(struct hm_device *d, float *y, float *norm, const float *x, int m, int k);
void hm_cuda_row_norm_backward(struct hm_device *d, float *dx, const float *dy, const float *y,
			       const float *norm, int m, int k);
void hm_cuda_mul_add(struct hm_device *d, float *y, const float *a, const float *b, const float *c, size_t n);
void hm_cuda_outer(struct hm_device *d, float *y, const float *a, const float *b, int m, int k);
void hm_cuda_outer_backward(struct hm_device *d, float *da, float *db, const float *dy, const float *a,
			    const float *b, int m, int k);
void hm_cuda_relu_drop(struct hm_device *d, float *y, const float *x, bool relu,
		       const struct hm_dropout *drop, size_t n);
void hm_cuda_relu_drop_backward(struct hm_device *d, float *dx, const float *dy, const float *y,
				const struct hm_dropout *drop, size_t n);

void hm_cuda_sgd(struct hm_device *d, float *p, float *v, const float *g, size_t n, double lr,
		 double momentum, double weight_decay, int64_t t);
void hm_cuda_adam(struct hm_device *d, float *p, float *m, float *v, const float *g, size_t n,
		  const struct hm_adam *a, int64_t t);
void hm_cuda_sum_squares(struct hm_device *d, double *sum, const float *g, size_t n);
void hm_cuda_clip(struct hm_device *d, float *g, size_t n, const double *sum, double most);
void hm_cuda_scale_rows(struct hm_device *d, float *y, const float *x, const float *scale, int n, int k);
void hm_cuda_scale_rows_backward(struct hm_device *d, float *dx, float *dscale, const float *dy,
				 const float *x, const float *scale, int n, int k);

void hm_cuda_copy_columns(struct hm_device *d, float *y, int ldy, const float *x, int ldx, int m, int k);
void hm_cuda_widen(struct hm_device *d, float *y, const void *x, size_t n);
void hm_cuda_narrow(struct hm_device *d, void *y, const float *x, size_t n);
void hm_cuda_conv_forward(struct hm_device *d, void *y, const void *x, const float *w,
			  const struct hm_conv *c, int i, int h, int wd);
void hm_cuda_conv_backward(struct hm_device *d, void *dx, float *dw, const void *dy, const void *x,
			   const float *w, const struct hm_conv *c, int i, int h, int wd);
void hm_cuda_batch_norm(struct hm_device *d, void *y, const void *x, const void *res, const float *gamma,
			const float *beta, float *mean, float *var, float *save, const struct hm_bn *b, int i,
			int h, int w, int c);
void hm_cuda_batch_norm_backward(struct hm_device *d, void *dx, void *dres, float *dgamma, float *dbeta,
				 const void *dy, const void *dy2, const void *y, const void *x,
				 const float *gamma, const float *save, const struct hm_bn *b, int i, int h,
				 int w, int c);
void hm_cuda_max_pool_backward(struct hm_device *d, void *dx, const void *dy, const void *dy2, const void *x,
			       int i, int h, int w, int c);
void hm_cuda_avg_pool_backward(struct hm_device *d, void *dx, const float *dy, int i, int h, int w, int c);
void hm_cuda_dense_forward(struct hm_device *d, void *y, const void *x, const float *w, const float *b, int m,
			   int n, int k);
void hm_cuda_dense_backward(struct hm_device *d, void *dx, float *dw, float *db, const void *dy,
			    const void *x, const float *w, int m, int n, int k);
void hm_cuda_activate(struct hm_device *d, void *y, const void *x, size_t n, enum hm_act f);
void hm_cuda_activate_backward(struct hm_device *d, void *dx, const void *dy, const void *x, size_t n,
			       enum hm_act f);
void hm_cuda_tanh(struct hm_device *d, void *y, const void *x, size_t n);
void hm_cuda_tanh_backward(struct hm_device *d, void *dx, const void *dy, const void *y, size_t n);
void hm_cuda_dropout(struct hm_device *d, void *y, const void *x, const struct hm_dropout *drop, size_t n);
void hm_cuda_add_norm(struct hm_device *d, void *y, float *stats, void *x, const void *res,
		      const float *gamma, const float *beta, double eps, const struct hm_dropout *drop, int m,
		      int k);
void hm_cuda_add_norm_backward(struct hm_device *d, void *ds, void *dx, float *dgamma, float *dbeta,
			       const void *dy, const void *dy2, const void *skip, const void *s,
			       const float *stats, const float *gamma, const struct hm_dropout *drop, int m,
			       int k);
void hm_cuda_attention_forward(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s,
			       int heads, int dim, bool causal, const struct hm_dropout *drop);
void hm_cuda_attention_backward(struct hm_device *d, void *dqkv, const void *dy, const void *y,
				const void *qkv, const int32_t *len, int s, int heads, int dim, bool causal,
				const struct hm_dropout *drop);
void hm_cuda_add_rows(struct hm_device *d, float *y, const int32_t *at, const float *table,
		      const int32_t *row, int m, int k);
void hm_cuda_add_rows_backward(struct hm_device *d, float *dtable, const int32_t *row, const void *dy,
			       const int32_t *at, int skip, int m, int k);
void hm_cuda_gather_backward(struct hm_device *d, void *dx, const void *dy, const int32_t *row, int s, int m,
			     int k);
void hm_cuda_zero(struct hm_device *d, void *dst, size_t bytes);

#endif
