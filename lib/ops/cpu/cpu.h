/* This file has the cpu device's context, its layout of images, and its operations, one declaration per
 * slot that it fills. */
#ifndef HM_CPU_H
#define HM_CPU_H

#include "base/simd.h"
#include "ops/ops.h"

/* Layout of images. With oneDNN and f32, channels lie in blocks of `run` (nChw16c), the last block padded,
 * and images of 3 channels lie as planes. Otherwise images lie as [i,h,w,c]. A view describes all of them
 * as `outer` arrays [h,w,run], so that the same loops work for each. */
struct hm_view {
	size_t outer, run;
};
struct hm_view hm_cpu_view(const struct hm_device *d, int i, int c);

size_t hm_cpu_image_bytes(const struct hm_device *d, int i, int h, int w, int c);
void hm_cpu_normalise(struct hm_device *d, void *y, const uint8_t *px, const float *table, int i, int h,
		      int w);
void hm_cpu_patches(struct hm_device *d, void *y, const uint8_t *px, const float *table, int i, int h, int w,
		    int side);
void hm_cpu_max_pool(struct hm_device *d, void *y, const void *x, int i, int h, int w, int c);
void hm_cpu_avg_pool(struct hm_device *d, float *y, const void *x, int i, int h, int w, int c);
void hm_cpu_grid(struct hm_device *d, float *y, const void *x, int i, int h, int w, int c);
void hm_cpu_image_put(struct hm_device *d, void *y, const float *x, int i, int h, int w, int c);

void hm_cpu_embed(struct hm_device *d, void *y, const int32_t *id, const int32_t *pos, const float *word,
		  const float *position, const float *type0, const float *gamma, const float *beta,
		  double eps, int m, int k);
void hm_cpu_layer_norm(struct hm_device *d, void *y, const void *x, const void *res, const float *gamma,
		       const float *beta, double eps, int m, int k);
void hm_cpu_attention(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s, int heads,
		      int dim, bool causal);

void hm_cpu_linear_forward(struct hm_device *d, float *y, const float *x, const float *w, const float *b,
			   int m, int n, int k);
void hm_cpu_linear_backward(struct hm_device *d, float *dx, float *dw, float *db, const float *dy,
			    const float *x, const float *w, int m, int n, int k);
void hm_cpu_linears_forward(struct hm_device *d, float *const *y, const float *const *x,
			    const float *const *w, const float *const *b, int heads, int m, int n, int k);
void hm_cpu_linears_backward(struct hm_device *d, float *const *dw, float *const *db, const float *const *dy,
			     const float *const *x, int heads, int m, int n, int k);

void hm_cpu_cross_entropy(struct hm_device *d, double *sums, float *loss, float *dx, const float *x,
			  const int32_t *label, const float *weight, double total, int m, int n);

/* ---- training, on d->threads threads. Only the bytes of dense_forward, dense_backward, conv_forward and
 * conv_backward may depend on the number of threads. */

void hm_cpu_batch_norm(struct hm_device *d, void *y, const void *x, const void *res, const float *gamma,
		       const float *beta, float *mean, float *var, float *save, const struct hm_bn *b, int i,
		       int h, int w, int c);
void hm_cpu_batch_norm_backward(struct hm_device *d, void *dx, void *dres, float *dgamma, float *dbeta,
				const void *dy, const void *dy2, const void *y, const void *x,
				const float *gamma, const float *save, const struct hm_bn *b, int i, int h,
				int w, int c);
void hm_cpu_max_pool_backward(struct hm_device *d, void *dx, const void *dy, const void *dy2, const void *x,
			      int i, int h, int w, int c);
void hm_cpu_avg_pool_backward(struct hm_device *d, void *dx, const float *dy, int i, int h, int w, int c);
void hm_cpu_zero(struct hm_device *d, void *dst, size_t bytes);
void hm_cpu_copy_columns(struct hm_device *d, float *y, int ldy, const float *x, int ldx, int m, int k);
void hm_cpu_widen(struct hm_device *d, float *y, const void *x, size_t n);
void hm_cpu_narrow(struct hm_device *d, void *y, const float *x, size_t n);
void hm_cpu_activate(struct hm_device *d, void *y, const void *x, size_t n, enum hm_act f);
void hm_cpu_activate_backward(struct hm_device *d, void *dx, const void *dy, const void *x, size_t n,
			      enum hm_act f);
void hm_cpu_tanh(struct hm_device *d, void *y, const void *x, size_t n);
void hm_cpu_tanh_backward(struct hm_device *d, void *dx, const void *dy, const void *y, size_t n);
void hm_cpu_dropout(struct hm_device *d, void *y, const void *x, const struct hm_dropout *drop, size_t n);
void hm_cpu_add_norm(struct hm_device *d, void *y, float *stats, void *x, const void *res, const float *gamma,
		     const float *beta, double eps, const struct hm_dropout *drop, int m, int k);
void hm_cpu_add_norm_backward(struct hm_device *d, void *ds, void *dx, float *dgamma, float *dbeta,
			      const void *dy, const void *dy2, const void *skip, const void *s,
			      const float *stats, const float *gamma, const struct hm_dropout *drop, int m,
			      int k);
void hm_cpu_attention_forward(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s,
			      int heads, int dim, bool causal, const struct hm_dropout *drop);
void hm_cpu_attention_backward(struct hm_device *d, void *dqkv, const void *dy, const void *y,
			       const void *qkv, const int32_t *len, int s, int heads, int dim, bool causal,
			       const struct hm_dropout *drop);
void hm_cpu_add_rows(struct hm_device *d, float *y, const int32_t *at, const float *table, const int32_t *row,
		     int m, int k);
void hm_cpu_add_rows_backward(struct hm_device *d, float *dtable, const int32_t *row, const void *dy,
			      const int32_t *at, int skip, int m, int k);
void hm_cpu_gather_backward(struct hm_device *d, void *dx, const void *dy, const int32_t *row, int s, int m,
			    int k);
void hm_cpu_row_norm(struct hm_device *d, float *y, float *norm, const float *x, int m, int k);
void hm_cpu_row_norm_backward(struct hm_device *d, float *dx, const float *dy, const float *y,
			      const float *norm, int m, int k);
void hm_cpu_mul_add(struct hm_device *d, float *y, const float *a, const float *b, const float *c, size_t n);
void hm_cpu_outer(struct hm_device *d, float *y, const float *a, const float *b, int m, int k);
void hm_cpu_outer_backward(struct hm_device *d, float *da, float *db, const float *dy, const float *a,
			   const float *b, int m, int k);
void hm_cpu_relu_drop(struct hm_device *d, float *y, const float *x, bool relu, const struct hm_dropout *drop,
		      size_t n);
void hm_cpu_relu_drop_backward(struct hm_device *d, float *dx, const float *dy, const float *y,
			       const struct hm_dropout *drop, size_t n);
void hm_cpu_sgd(struct hm_device *d, float *p, float *v, const float *g, size_t n, double lr, double momentum,
		double weight_decay, int64_t t);
void hm_cpu_adam(struct hm_device *d, float *p, float *m, float *v, const float *g, size_t n,
		 const struct hm_adam *a, int64_t t);
void hm_cpu_sum_squares(struct hm_device *d, double *sum, const float *g, size_t n);
void hm_cpu_clip(struct hm_device *d, float *g, size_t n, const double *sum, double most);
void hm_cpu_scale_rows(struct hm_device *d, float *y, const float *x, const float *scale, int n, int k);
void hm_cpu_scale_rows_backward(struct hm_device *d, float *dx, float *dscale, const float *dy,
				const float *x, const float *scale, int n, int k);

/* Sums over rows are computed in chunks of this many rows, which are then added in order: the result does
 * not depend on the number of threads. */
enum { HM_CHUNK = 32 };
size_t hm_cpu_chunks(int m);
/* out [n] += the sum of part [chunks,n], whose rows are `stride` apart. out NULL: nothing happens. */
void hm_cpu_add_chunks(struct hm_device *d, float *out, const float *part, size_t chunks, size_t stride,
		       size_t n);
/* out [n] += column sums of x act [m,n]. Uses the scratch memory. */
void hm_cpu_add_column_sums(struct hm_device *d, float *out, const void *x, int m, int n);

/* Scratch memory of this context: at least n bytes (n may be 0), 64-byte aligned, uninitialised, valid
 * until the next call. NULL sticks an error. */
void *hm_cpu_scratch(struct hm_device *d, size_t n);

/* A context: what d->ctx points to. */
struct hm_cpu {
	struct hm_buf scratch;
	struct hm_buf gathered; /* rows side by side: train.c */
	struct hm_buf widened;	/* rows of bf16 as f32, and their products: dnnlweight.c */
	struct hm_dnnl *dnnl;	/* NULL with ONEDNN=0 */
	size_t block;		/* channels per block of f32 images; 1: images lie as [i,h,w,c] */
};

#if HM_ONEDNN
/* Has the processor tiles for products of bf16 (AMX), which oneDNN uses? */
bool hm_dnnl_tiles(void);
/* The operations that oneDNN computes. hm_dnnl_open sets *block. */
struct hm_dnnl *hm_dnnl_open(enum hm_precision precision, size_t *block, struct hm_err *e);
struct hm_dnnl *hm_dnnl_fork(const struct hm_dnnl *from, struct hm_err *e);
void hm_dnnl_close(struct hm_dnnl *n);
void hm_dnnl_describe(char *out, size_t cap);
uint64_t hm_dnnl_processor(void);
int hm_dnnl_rows_round(const struct hm_device *d, int m);
void hm_dnnl_dense_forward(struct hm_device *d, void *y, const void *x, const float *w, const float *b, int m,
			   int n, int k);
void hm_dnnl_dense_backward(struct hm_device *d, void *dx, float *dw, float *db, const void *dy,
			    const void *x, const float *w, int m, int n, int k);
/* f32 linear layers of many outputs, for hm_cpu_linear_*; db is left to them. */
void hm_dnnl_linear_forward(struct hm_device *d, float *y, const float *x, const float *w, const float *b,
			    int m, int n, int k);
void hm_dnnl_linear_backward(struct hm_device *d, float *dx, float *dw, const float *dy, const float *x,
			     const float *w, int m, int n, int k);
void hm_dnnl_conv_forward(struct hm_device *d, void *y, const void *x, const float *w,
			  const struct hm_conv *c, int i, int h, int wd);
void hm_dnnl_conv_backward(struct hm_device *d, void *dx, float *dw, const void *dy, const void *x,
			   const float *w, const struct hm_conv *c, int i, int h, int wd);
/* Packed weights of inference, each computed in the way that weight.c chooses. */
struct hm_weight *hm_cpu_conv_pack(struct hm_device *d, const struct hm_conv *c, const float *w,
				   const float *b);
void hm_cpu_conv(struct hm_device *d, void *y, const void *x, const struct hm_weight *w, int i, int h,
		 int wd);
struct hm_weight *hm_cpu_linear_pack(struct hm_device *d, const struct hm_linear *l, const float *w,
				     const float *b);
void hm_cpu_matmul(struct hm_device *d, void *y, const void *x, const struct hm_weight *w, int m);
void hm_cpu_weight_free(struct hm_device *d, struct hm_weight *w);
#endif

#endif
