/* This file has the reference device's prepared weight: a plain copy, rounded to bf16 where the device
 * computes in bf16. */
#ifndef HM_REF_WEIGHT_H
#define HM_REF_WEIGHT_H

#include "ops/ops.h"

struct hm_weight {
	struct hm_conv conv;	 /* set by conv_pack */
	struct hm_linear linear; /* set by linear_pack */
	float *w, *b;		 /* [n,k]; [n] or NULL */
};

/* NULL sticks an error to `d`. Caller frees with the weight_free slot. */
struct hm_weight *hm_weight_new(struct hm_device *d, size_t n, size_t k, const float *w, const float *b);

#endif
