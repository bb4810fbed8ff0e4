/* The parts of a ResNet, for the files that compute with it: resnet.c (inference), resnettrain.c (training).
 */
#ifndef HM_RESNETPARTS_H
#define HM_RESNETPARTS_H

#include "nn/resnet.h"

#define HM_RESNET_BN_EPS 1e-5

enum { HM_RESNET_MAX_WIDTH = 1 << 14 }; /* channels of any activation */

/* A convolution without bias and its batch norm. */
struct hm_resnet_unit {
	struct hm_conv conv;
	float *w;			   /* [cout,cin,kernel,kernel] */
	float *weight, *bias, *mean, *var; /* [cout] each */
};

struct hm_resnet_block {
	int n; /* convolutions: 2 (BasicBlock) or 3 (Bottleneck) */
	struct hm_resnet_unit conv[3];
	struct hm_resnet_unit down; /* the shortcut's; cout 0: the shortcut is the identity */
};

struct hm_resnet {
	struct hm_tower tower; /* first member: a pointer to one is a pointer to the other */
	struct hm_resnet_config c;
	struct hm_resnet_unit stem;
	struct hm_resnet_block *block; /* [n_blocks], stage after stage */
	int n_blocks;
};

/* Bytes that hold the output of any one unit for a batch of n images of h x w on `d`. The image itself is not
 * counted: on cpu its three channels take the room of 16. */
size_t hm_resnet_largest_bytes(const struct hm_resnet_config *c, const struct hm_device *d, int n, int h,
			       int w);

static inline void hm_resnet_swap(void **a, void **b)
{
	void *t = *a;
	*a = *b;
	*b = t;
}

#endif
