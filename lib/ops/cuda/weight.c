/* This file releases what conv_pack and linear_pack return. */
#include "ops/cuda/weight.h"

#include <stdlib.h>

void hm_cuda_weight_free(struct hm_device *d, struct hm_weight *w)
{
	if (!w)
		return;
	hm_cuda_free(d, w->w);
	hm_cuda_free(d, w->b);
	free(w);
}
