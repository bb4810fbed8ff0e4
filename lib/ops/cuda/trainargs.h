/* This file has the arguments of the kernels of f32 heads and optimizers, train.cu. Loops over n elements
 * take four at a time for `quads` groups, if all arrays are aligned, and the rest one by one. */
#ifndef HM_TRAINARGS_H
#define HM_TRAINARGS_H

#include "ops/cuda/args.h"
#include "ops/cuda/divide.h"

/* One warp per row. */
struct softmax_args {
	float *y;
	const float *x; /* [m,n] */
	int32_t m, n;
};
HM_KERNEL_ONE(softmax);

/* One warp per row. Without `total` every block adds up all weights. */
struct cross_entropy_args {
	double *sums;	      /* [2] or NULL */
	float *loss;	      /* [1] or NULL */
	float *dx;	      /* [m,n] or NULL */
	const float *x;	      /* [m,n] */
	const int32_t *label; /* [m] */
	const float *weight;  /* [n] or NULL */
	double *row;	      /* [m]: each row's share of the numerator */
	const double *total;  /* [1], which changes from batch to batch; NULL: the rows' own denominator */
	int32_t m, n;
};
HM_KERNEL_ONE(cross_entropy_rows); /* computes row, dx */
HM_KERNEL_ONE(cross_entropy_loss); /* computes sums, loss; one block */

/* A unit is `wide` ? 4 : 1 elements, n in all; ldy, ldx are in units. */
struct copy_columns_args {
	float *y;
	const float *x;
	size_t n, ldy, ldx;
	struct hm_divisor k; /* units per row */
	uint32_t wide;
};
HM_KERNEL_ONE(copy_columns);

/* One warp per row. */
struct scale_rows_args {
	float *y;
	const float *x, *scale; /* [n,k], [n] */
	int32_t n, k;
};
HM_KERNEL_ONE(scale_rows);
struct scale_rows_backward_args {
	float *dx, *dscale;
	const float *dy, *x, *scale;
	int32_t n, k;
};
HM_KERNEL_ONE(scale_rows_backward);

/* What changes from step to step; passed by address. */
struct sgd_step {
	float lr;      /* the negative of the learning rate */
	int32_t first; /* 1 in the first step: v is not read */
};
struct sgd_args {
	float *p, *v; /* v NULL without momentum */
	const float *g;
	const struct sgd_step *step;
	size_t n, quads;
	float momentum, decay;
};
HM_KERNEL_ONE(sgd);

struct adam_step {
	float keep, root, lr; /* 1 - lr*wd, or 1; sqrt(1 - b2^t); -lr/(1 - b1^t) */
};
struct adam_args {
	float *p, *m, *v;
	const float *g;
	const struct adam_step *step;
	size_t n, quads;
	float decay, c1, b2, c2, eps; /* wd, or 0: decoupled */
	float unused;
};
HM_KERNEL_ONE(adam);

struct sum_squares_args {
	double *sum, *part; /* [1]; [parts], one per block */
	const float *g;
	size_t n, quads;
	uint64_t parts;
};
HM_KERNEL_ONE(sum_squares_parts);
HM_KERNEL_ONE(sum_squares_total); /* sum += ...; one block */

struct clip_args {
	float *g;
	const double *sum;
	size_t n, quads;
	double most;
};
HM_KERNEL_ONE(clip);

#endif
