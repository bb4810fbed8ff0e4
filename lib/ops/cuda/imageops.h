/* What the operations on images share on the host. */
#ifndef HM_CUDA_IMAGEOPS_H
#define HM_CUDA_IMAGEOPS_H

#include "ops/cuda/cuda.h"
#include "ops/cuda/imageargs.h"

/* Whether positions of c channels in these arrays (NULL is fine) begin at multiples of 16 bytes, eight by
 * eight. */
static inline bool hm_cuda_wide(int c, const void *x, const void *y, const void *z)
{
	return c % 8 == 0 && ((uintptr_t)x | (uintptr_t)y | (uintptr_t)z) % 16 == 0;
}

/* Whether kernels can count n units; else an error sticks. */
static inline bool hm_cuda_counts(struct hm_device *d, size_t n)
{
	if (n >= HM_MOST_INDEX)
		hm_err_set(&d->err, HM_EDATA,
			   "device cuda: images are too large or too many for one operation");
	return n < HM_MOST_INDEX;
}

#endif
