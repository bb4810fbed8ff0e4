/* The cpu device's own: its context, its image layout, and its operations, one declaration a slot it
 * replaces. */
#ifndef HM_CPU_H
#define HM_CPU_H

#include "ops/ops.h"

/* Vector loops are compiled for several instruction sets, the right one chosen when the program starts. No
 * contraction into fused multiply-adds takes place in any of them, so the bits are the same. */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HM_SIMD __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define HM_SIMD
#endif

/* Images: with oneDNN and f32, channels in blocks of `run` (nChw16c), the last block padded; 3-channel ones
 * as planes. Otherwise [i,h,w,c]. Seen as `outer` arrays [h,w,run], the same loops serve both. */
struct hm_view {
	size_t outer, run;
};
struct hm_view hm_cpu_view(const struct hm_device *d, int i, int c);

size_t hm_cpu_image_bytes(const struct hm_device *d, int i, int h, int w, int c);
void hm_cpu_normalise(struct hm_device *d, void *y, const uint8_t *px, const float *table, int i, int h,
		      int w);
void hm_cpu_max_pool(struct hm_device *d, void *y, const void *x, int i, int h, int w, int c);
void hm_cpu_avg_pool(struct hm_device *d, float *y, const void *x, int i, int h, int w, int c);
void hm_cpu_grid(struct hm_device *d, float *y, const void *x, int i, int h, int w, int c);

void hm_cpu_embed(struct hm_device *d, void *y, const int32_t *id, const int32_t *pos, const float *word,
		  const float *position, const float *type0, const float *gamma, const float *beta,
		  double eps, int m, int k);
void hm_cpu_layer_norm(struct hm_device *d, void *y, const void *x, const void *res, const float *gamma,
		       const float *beta, double eps, int m, int k);
void hm_cpu_attention(struct hm_device *d, void *y, const void *qkv, const int32_t *len, int s, int heads,
		      int dim);

void hm_cpu_linear_forward(struct hm_device *d, float *y, const float *x, const float *w, const float *b,
			   int m, int n, int k);
void hm_cpu_linear_backward(struct hm_device *d, float *dx, float *dw, float *db, const float *dy,
			    const float *x, const float *w, int m, int n, int k);

/* Scratch of this context, at least n bytes, 64-byte aligned, unset; valid until the next call. NULL sticks
 * an error. */
void *hm_cpu_scratch(struct hm_device *d, size_t n);

/* The context of each: what d->ctx points to. */
struct hm_cpu {
	struct hm_buf scratch;
	struct hm_dnnl *dnnl; /* NULL with ONEDNN=0 */
	size_t block;	      /* channels in a block of f32 images; 1: [i,h,w,c] */
};

#if HM_ONEDNN
/* oneDNN's part. open fills *block. */
struct hm_dnnl *hm_dnnl_open(enum hm_precision precision, size_t *block, struct hm_err *e);
struct hm_dnnl *hm_dnnl_fork(const struct hm_dnnl *from, struct hm_err *e);
void hm_dnnl_close(struct hm_dnnl *n);
void hm_dnnl_describe(char *out, size_t cap);
struct hm_weight *hm_dnnl_conv_pack(struct hm_device *d, const struct hm_conv *c, const float *w,
				    const float *b);
void hm_dnnl_conv_run(struct hm_device *d, void *y, const void *x, const struct hm_weight *w, int i, int h,
		      int wd);
struct hm_weight *hm_dnnl_linear_pack(struct hm_device *d, const struct hm_linear *l, const float *w,
				      const float *b);
void hm_dnnl_matmul(struct hm_device *d, void *y, const void *x, const struct hm_weight *w, int m);
int hm_dnnl_rows_round(const struct hm_device *d, int m);
void hm_dnnl_weight_free(struct hm_device *d, struct hm_weight *w);
#endif

#endif
