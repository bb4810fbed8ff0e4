/* Late fusion (the seed's FusionModel without its encoders): logits = classifier(concat(image_feature,
 * text_feature)), one linear layer. Names are PyTorch's: classifier.weight, classifier.bias. */
#ifndef HM_LATE_H
#define HM_LATE_H

#include "nn/param.h"
#include "ops/ops.h"

struct hm_late {
	int classes, inputs; /* C, I */
	struct hm_params params;
	float *weight; /* [C,I] */
	float *bias;   /* [C] */
};

/* The table alone; storage comes with hm_params_load, _init or _alloc of m->params. C >= 2, I >= 1. m must
 * stay where it is. Caller clears. */
void hm_late_init(struct hm_late *m, int classes, int inputs);
void hm_late_clear(struct hm_late *m);

/* logits [rows,C] of x [rows,I]. */
void hm_late_forward(const struct hm_late *m, struct hm_device *d, float *logits, const float *x, int rows);
/* From dlogits [rows,C]: dx [rows,I] (NULL: nothing below is trained); adds to the gradients of weight and
 * bias, which must be placed with gradients. */
void hm_late_backward(const struct hm_late *m, struct hm_device *d, float *dx, const float *dlogits,
		      const float *x, int rows);

#endif
