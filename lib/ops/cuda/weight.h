/* This file has the CUDA device's prepared weight: rows of the device's type in its memory, ready to be b
 * of hm_cuda_gemm, stored as [n,k] (tb). */
#ifndef HM_CUDA_WEIGHT_H
#define HM_CUDA_WEIGHT_H

#include "ops/cuda/cuda.h"

struct hm_weight {
	struct hm_conv conv;	 /* set by conv_pack */
	struct hm_linear linear; /* set by linear_pack */
	void *w; /* act [n,k]; of a convolution [cout, kernel, kernel, cin], then zeros up to k */
	void *b; /* [n] of the output's type, or NULL */
	int k;	 /* elements per row: the inputs, padded */
};

#endif
