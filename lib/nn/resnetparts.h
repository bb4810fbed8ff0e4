/* The parts of a ResNet, for the files that compute with it: resnet.c (inference), resnettrain.c (training).
 */
#ifndef HM_RESNETPARTS_H
#define HM_RESNETPARTS_H

#include "nn/resnet.h"

#define HM_RESNET_BN_EPS 1e-5

/* A convolution without bias and its batch norm. */
struct hm_resnet_unit {
	struct hm_conv conv;
	float *w;			   /* [cout,cin,kernel,kernel] */
	float *weight, *bias, *mean, *var; /* [cout] each */
};

struct hm_resnet_block {
	int n; /* convolutions: 2 (BasicBlock) or 3 (Bottleneck) */
	struct hm_resnet_unit conv[3];
	struct hm_resnet_unit down; /* of the shortcut; cout 0: the shortcut is the identity */
};

struct hm_resnet {
	struct hm_tower tower; /* first: the one is the other */
	struct hm_resnet_config c;
	struct hm_resnet_unit stem;
	struct hm_resnet_block *block; /* [n_blocks], stage after stage */
	int n_blocks;
};

/* A pixel's value after normalisation, [3*256] in the memory of `d` (torchvision's
 * ToTensor and Normalize: two divisions in f32, in this order). NULL sticks an error. */
float *hm_resnet_pixel_table(struct hm_device *d);

#endif
