/* Winograd's convolution F(4x4,3x3) for inference: 36 products where a direct convolution has 144, in f32
 * from activations of either type. Source: Lavin and Gray, Fast Algorithms for Convolutional Neural Networks
 * (2015); points 0, +-5/8, +-3/2 and infinity, with which sums lose less than with 0, +-1, +-2: the error at
 * 512 channels is about 3e-6 of the largest output. Neither the number of images nor the other images show in
 * a result. What is not finite makes its whole tile of 4x4 outputs so, and sums overflow from activations of
 * about 1e38 on, a tenth of what a direct convolution could bear. */
#ifndef HM_WINOGRAD_H
#define HM_WINOGRAD_H

#include "ops/ops.h"

/* Whether it is for this convolution: 3x3, stride 1, whole vectors of channels. The device's images lie as
 * [.,h,w,block]: 16 channels together, or 1 for [.,h,w,c], on a processor that has AVX-512; 8 on one that has
 * AVX2. */
bool hm_winograd_takes(const struct hm_conv *c, size_t block);
/* conv_pack of ops.h for a convolution that it takes: w [cout,cin,3,3] and b [cout] or NULL are transformed
 * and copied. NULL with `e`. */
struct hm_weight *hm_winograd_pack(const struct hm_conv *c, size_t block, const float *w, const float *b,
				   struct hm_err *e);
/* The same in training, for a convolution that it takes, of weights w [cout,cin,3,3] that change with every
 * step: y [i,h,wd,cout] = x [i,h,wd,cin] * w, without bias, or with `back` y [i,h,wd,cin] = the gradient of
 * the convolution's input, where x [i,h,wd,cout] is that of its output. f32 images, d->threads threads, whose
 * number does not show in the result. For `back`, it must take the convolution with cin and cout exchanged.
 */
void hm_winograd_train(struct hm_device *d, void *y, const void *x, const float *w, const struct hm_conv *c,
		       bool back, int i, int h, int wd);

#endif
