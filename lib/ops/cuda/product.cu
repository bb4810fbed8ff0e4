/* This file does what cuBLASLt's epilogues do not do for every type. See productargs.h. */
#include "ops/cuda/kernel.h"
#include "ops/cuda/productargs.h"

HM_KERNEL(add_sums, struct add_sums_args)
{
	for (size_t j = hm_first(); j < a.n; j += hm_stride())
		a.y[j] += a.x[j];
}

/* A thread computes one column of one part: neighbouring threads read neighbouring elements. */
HM_KERNEL_ACT(column_parts, struct column_parts_args)
{
	size_t j = (size_t)blockIdx.x * blockDim.x + threadIdx.x, from = blockIdx.y * a.rows,
	       to = from + a.rows < a.m ? from + a.rows : a.m;
	const act *x = (const act *)a.x + from * a.ld + j;
	float sum = 0;
	if (j >= a.n)
		return;
	for (size_t r = from; r < to; r++, x += a.ld)
		sum += hm_get(x);
	a.part[blockIdx.y * a.n + j] = sum;
}

HM_KERNEL(column_sums, struct column_sums_args)
{
	for (size_t j = hm_first(); j < a.n; j += hm_stride()) {
		float sum = 0;
		for (size_t p = 0; p < a.parts; p++)
			sum += a.part[p * a.n + j];
		a.y[j] += sum;
	}
}

HM_KERNEL_ACT(add_bias, struct add_bias_args)
{
	for (size_t j = hm_first(); j < a.m * a.n; j += hm_stride()) {
		size_t r = j / a.n, c = j % a.n;
		act *y = (act *)a.y + r * a.ld + c;
		float v = hm_get(y) + (a.bias ? hm_get((const act *)a.bias + c) : 0);
		hm_put(y, a.relu && v < 0 ? 0 : v);
	}
}
