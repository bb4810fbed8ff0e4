/* ResNet in training. The forward pass keeps what the backward pass needs; the backward pass adds to every
 * parameter's gradient. Parameters are used where they are: place them first (param.h).
 *
 *   struct hm_resnet_tape *t = hm_resnet_tape_new(m, dev, true, e);
 *   hm_resnet_forward(t, pixels, 32, 224, 224, HM_BN_TRAIN, pooled, NULL);
 *   hm_resnet_backward(t, dpooled);                                           hm_device_error(dev, e) */
#ifndef HM_RESNETTRAIN_H
#define HM_RESNETTRAIN_H

#include "nn/resnet.h"

/* Activations on `d`; with `backward` they are kept for a backward pass. Borrows m and d. NULL with `e`. The
 * caller frees. */
struct hm_resnet_tape;
struct hm_resnet_tape *hm_resnet_tape_new(struct hm_resnet *m, struct hm_device *d, bool backward,
					  struct hm_err *e);
void hm_resnet_tape_free(struct hm_resnet_tape *t);

/* Reserves memory for batches of up to n images of h x w: none of them allocates. A failure sticks to the
 * device. */
void hm_resnet_reserve(struct hm_resnet_tape *t, int n, int h, int w);

/* As hm_resnet_encode, with `mode` for every batch norm; the tape keeps what the backward pass needs. Its
 * memory grows if a batch is larger than what was reserved and all batches before. Failures stick to the
 * device. */
void hm_resnet_forward(struct hm_resnet_tape *t, const uint8_t *pixels, int n, int h, int w,
		       enum hm_bn_mode mode, float *pooled, float *grid);
/* dpooled f32 [n,C], device memory: the gradient of the last forward pass's `pooled`. No gradient of the
 * image is computed. */
void hm_resnet_backward(struct hm_resnet_tape *t, const float *dpooled);

#endif
