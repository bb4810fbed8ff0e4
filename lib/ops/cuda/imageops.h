/* This file is shared by the host side of the operations on images. */
#ifndef HM_CUDA_IMAGEOPS_H
#define HM_CUDA_IMAGEOPS_H

#include "ops/cuda/cuda.h"
#include "ops/cuda/imageargs.h"

/* Whether the positions of these arrays (NULL is fine) begin at multiples of 16 bytes and have a multiple
 * of eight channels. */
static inline bool hm_cuda_wide(int c, const void *x, const void *y, const void *z)
{
	return c % 8 == 0 && ((uintptr_t)x | (uintptr_t)y | (uintptr_t)z) % 16 == 0;
}

/* Whether kernels can count n units; otherwise an error sticks. */
static inline bool hm_cuda_counts(struct hm_device *d, size_t n)
{
	if (n >= HM_MOST_INDEX)
		hm_err_set(&d->err, HM_EDATA,
			   "device cuda: images are too large or too many for one operation");
	return n < HM_MOST_INDEX;
}

#endif
