/* The smallest use of the host executor: sums of rows, by a block each. */
#include "ops/cuda/kernel.h"
#include "example.h"

HM_KERNEL(example_row_sums, struct example_args)
{
	float sum = 0;
	for (int j = threadIdx.x; j < a.n; j += blockDim.x)
		sum += a.x[blockIdx.x * (size_t)a.n + j];
	sum = hm_block_sum(sum);
	if (threadIdx.x == 0)
		a.y[blockIdx.x] = sum;
}
