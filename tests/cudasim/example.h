/* What example.c and example.cu share. */
#ifndef CUDASIM_EXAMPLE_H
#define CUDASIM_EXAMPLE_H

#include "ops/cuda/args.h"

struct example_args {
	float *y;	/* [m] */
	const float *x; /* [m,n] */
	int m, n;
};
HM_KERNEL_ONE(example_row_sums);

#endif
