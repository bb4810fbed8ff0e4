/* This file has the arguments of the kernels on packed sequences. ops.h says what the operations compute. */
#ifndef HM_CUDA_TEXTARGS_H
#define HM_CUDA_TEXTARGS_H

#include "ops/cuda/args.h"

/* The numbers of a dropout that change from step to step and from part to part. */
struct hm_draw {
	uint64_t first;	 /* the number of the call's first element */
	int32_t longest; /* of the whole batch, or 0 */
	uint32_t step;
};
/* Dropout as kernels see it: see philox.h. hm_cuda_drop makes it. */
struct hm_drop {
	const struct hm_draw *draw; /* device memory */
	uint32_t key[2], site;
	uint32_t limit;	   /* elements whose word is below it are dropped */
	float scale;	   /* factor of the elements that are kept */
	uint16_t on;	   /* 0: nothing is dropped, and the other fields are not read */
	uint16_t straddle; /* `first` is no multiple of 4: four elements in a row may lie in two blocks */
};

/* ---- element.cu: n elements */

struct element_args {
	void *y;
	const void *x, *dy;
	size_t n;
};
HM_KERNELS(gelu);
HM_KERNELS(gelu_backward); /* y is dx */
HM_KERNELS(quick_gelu);
HM_KERNELS(quick_gelu_backward); /* y is dx */
HM_KERNELS(tanh);
HM_KERNELS(tanh_backward); /* y is dx, x is the forward pass's y */
HM_KERNELS(widen);	   /* y f32, x act */
HM_KERNELS(narrow);	   /* y act, x f32 */

struct dropout_args {
	void *y;
	const void *x;
	size_t n;
	struct hm_drop drop;
};
HM_KERNELS(dropout);

/* bf16 [n] = f32 [n], for a weight and its bias (NULL: none) at once. */
struct narrow_weight_args {
	void *w, *b;
	const float *from_w, *from_b;
	size_t n_w, n_b;
};
HM_KERNEL_ONE(narrow_weight);

/* Sets two ranges of activations to 0. */
struct clear_spare_args {
	void *a, *b;
	size_t n_a, n_b;
};
HM_KERNELS(clear_spare);

/* ---- norm.cu: one warp per row */

struct norm_args {
	void *y, *x;		 /* x: add_norm writes it */
	const void *res;	 /* or NULL */
	const int32_t *id, *pos; /* only embed, with its three tables */
	const float *word, *position, *type0;
	const float *gamma, *beta;
	float *stats; /* only add_norm */
	struct hm_drop drop;
	int m, k;
	float eps;
	int held; /* rows begin at multiples of 16 bytes and fit a warp's registers */
};
HM_KERNELS(embed);
HM_KERNELS(layer_norm);
HM_KERNELS(add_norm);

struct norm_backward_args {
	void *ds, *dx;
	const void *dy, *dy2, *skip, *s;
	const float *stats, *gamma;
	float *part; /* [blocks,2,k]: each block's sums for dgamma and dbeta; NULL: not wanted */
	struct hm_drop drop;
	int m, k, held, spare;
};
HM_KERNELS(add_norm_backward); /* without `held` a block is one warp */

/* ---- attention.cu, attentionback.cu: blocks of 128 threads */

/* Block x computes query tiles t, t + slots, ... of sequence x / slots, t = x % slots; block y a head. */
struct attention_args {
	void *y;
	const void *qkv;
	const int32_t *len;
	struct hm_drop drop;
	int s, heads, dim, slots, causal, spare;
};
HM_KERNELS(attention); /* dim <= 64 */
HM_KERNELS(attention_wide);

/* Block x computes a sequence, block y a head. */
struct attention_backward_args {
	void *dqkv;
	const void *dy, *y, *qkv;
	const int32_t *len;
	struct hm_drop drop;
	int s, heads, dim, causal;
};
HM_KERNELS(attention_backward); /* dim <= 64 */
HM_KERNELS(attention_backward_wide);

/* ---- rows.cu: one warp per row */

/* gather: y [s,k] = rows row[.] of x. gather_backward: row r of y [m,k] = row j of x for the last j with
 * row[j] = r, or 0. */
struct gather_args {
	void *y;
	const void *x;
	const int32_t *row;
	int s, m, k, spare;
};
HM_KERNELS(gather);
HM_KERNELS(gather_backward);

struct add_rows_args {
	float *y;
	const int32_t *at;
	const float *table;
	const int32_t *row;
	int m, k;
};
HM_KERNEL_ONE(add_rows);

struct add_rows_backward_args {
	float *dtable;
	const int32_t *row; /* not NULL */
	const void *dy;
	const int32_t *at;
	int skip, m, k, spare;
};
HM_KERNELS(add_rows_backward);

/* part [blocks y,k] = column sums over `rows` rows each of rows at[.] (NULL: all in order) of dy act [.,k].
 * Block x computes `columns` columns: 32 times one, or 32 times those in 16 bytes. */
struct part_rows_args {
	float *part;
	const void *dy;
	const int32_t *at;
	int m, k, rows, columns;
};
HM_KERNELS(part_rows);
/* Adds up the columns of part, whose rows are `stride` apart, in a fixed order: block y 0 adds the first k
 * columns to y, block y 1 the next k to y2 (NULL: not wanted). Block x computes 32 columns. */
struct add_parts_args {
	float *y, *y2;
	const float *part;
	int parts, stride, k, spare;
};
HM_KERNEL_ONE(add_parts);

#ifndef __cplusplus
#include "ops/ops.h"
/* Prepares dropout for a kernel; NULL or p = 0: off. Call it after hm_cuda_scratch, like hm_cuda_vary. */
struct hm_drop hm_cuda_drop(struct hm_device *d, const struct hm_dropout *drop);
#endif

#endif
