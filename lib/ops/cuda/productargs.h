/* This file has the arguments of the kernels that follow cuBLASLt's products. */
#ifndef HM_CUDA_PRODUCTARGS_H
#define HM_CUDA_PRODUCTARGS_H

#include "ops/cuda/args.h"

/* y [n] += x [n], f32. */
struct add_sums_args {
	float *y;
	const float *x;
	size_t n;
};
HM_KERNEL_ONE(add_sums);

/* part [parts,n] = sums of x act [m,n] over each part's rows; then y [n] += the parts' sums, in order. */
struct column_parts_args {
	float *part;
	const void *x;
	size_t m, n, ld, rows; /* rows of a part */
};
HM_KERNELS(column_parts);
struct column_sums_args {
	float *y;
	const float *part;
	size_t n, parts;
};
HM_KERNEL_ONE(column_sums);

/* y [m,n] (f32 or bf16) = relu?(y + bias [n] of y's type), rows ld apart. */
struct add_bias_args {
	void *y;
	const void *bias;
	size_t m, n, ld;
	int relu;
};
HM_KERNEL_ONE(add_bias_f32);
HM_KERNEL_ONE(add_bias_bf16);

#endif
