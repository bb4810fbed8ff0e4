/* ResNet in training: the forward pass that keeps what the backward pass needs, and the backward pass, which
 * adds every parameter's gradient. Parameters are used where they are: place them first (param.h).
 *
 *   struct hm_resnet_tape *t = hm_resnet_tape_new(m, dev, true, e);
 *   hm_resnet_forward(t, pixels, 32, 224, 224, HM_BN_TRAIN, pooled, NULL);
 *   hm_resnet_backward(t, dpooled);                                           hm_device_error(dev, e) */
#ifndef HM_RESNETTRAIN_H
#define HM_RESNETTRAIN_H

#include "nn/resnet.h"

/* Activations on `d`, kept for a backward pass when `backward`. Borrows both. NULL with `e`. */
struct hm_resnet_tape;
struct hm_resnet_tape *hm_resnet_tape_new(struct hm_resnet *m, struct hm_device *d, bool backward,
					  struct hm_err *e);
void hm_resnet_tape_free(struct hm_resnet_tape *t);

/* Memory for batches up to n images of h x w: none of them then asks the device for any. */
void hm_resnet_reserve(struct hm_resnet_tape *t, int n, int h, int w);

/* pixels u8 [n,3,h,w] (RGB, not normalised) -> pooled f32 [n,C] and grid f32 [n,gh*gw,C]; either may be NULL.
 * All in the device's memory, which grows when a batch is larger than all before it and what was reserved.
 * `mode` is every batch norm's. Failures stick to the device. */
void hm_resnet_forward(struct hm_resnet_tape *t, const uint8_t *pixels, int n, int h, int w,
		       enum hm_bn_mode mode, float *pooled, float *grid);
/* dpooled f32 [n,C], of the last forward pass. The image gets no gradient. */
void hm_resnet_backward(struct hm_resnet_tape *t, const float *dpooled);

#endif
