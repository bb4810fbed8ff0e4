/* How a tower of the image side normalises pixels, by the mean and deviation of each colour. */
#ifndef HM_COLOURS_H
#define HM_COLOURS_H

#include "ops/ops.h"

/* Of pixels of 0 .. 1. */
struct hm_colours {
	float mean[3], std[3]; /* std[0] 0: not known */
};

/* ImageNet's. */
extern const struct hm_colours hm_imagenet_colours;

/* `known`, else the family's own. */
struct hm_colours hm_colours_of(const struct hm_colours *known, const struct hm_colours *own);
/* The inverse, for what a tower's tensors do not tell: unknown where c are the family's own, else c. */
struct hm_colours hm_colours_unlike(const struct hm_colours *c, const struct hm_colours *own);

/* Returns f32 [3*256] in the memory of `d`: the normalised value of each byte of each colour, as ToTensor and
 * Normalize of torchvision compute it (u8/255, minus mean, divided by std, each in f32). The caller frees it
 * with op->free. NULL after a failure, which sticks to the device. */
float *hm_pixel_table(struct hm_device *d, const struct hm_colours *c);

#endif
