/* This file has the arguments of the kernels that join the two sides of a head, sides.cu. All arrays are
 * f32. */
#ifndef HM_SIDESARGS_H
#define HM_SIDESARGS_H

#include "ops/cuda/args.h"
#include "ops/cuda/textargs.h"

/* One warp per row. */
struct row_norm_args {
	float *y, *norm; /* [m,k], [m]; backward: norm is read */
	const float *x;	 /* [m,k]; backward: the forward pass's y */
	const float *dy; /* [m,k]; only backward, whose dx is y */
	int32_t m, k;
};
HM_KERNEL_ONE(row_norm);
HM_KERNEL_ONE(row_norm_backward);

/* n elements: y = a*b + c. */
struct mul_add_args {
	float *y;
	const float *a, *b, *c; /* c or NULL */
	size_t n;
};
HM_KERNEL_ONE(mul_add);

/* outer: a warp per row of k of y [m,k,k]. outer_across: da [m,k], a warp per row of dy [m,k,k].
 * outer_down: db [m,k], a thread per element. */
struct outer_args {
	float *y; /* or da, or db */
	const float *dy, *a, *b;
	size_t rows; /* m*k */
	int64_t k;
};
HM_KERNEL_ONE(outer);
HM_KERNEL_ONE(outer_across);
HM_KERNEL_ONE(outer_down);

struct relu_drop_args {
	float *y;
	const float *x, *dy; /* backward: x is the forward pass's y, y is dx; else dy is NULL */
	size_t n;
	struct hm_drop drop;
	float scale;   /* backward */
	uint32_t relu; /* forward */
};
HM_KERNEL_ONE(relu_drop);
HM_KERNEL_ONE(relu_drop_backward);

#endif
