/* Pillow's antialiased bilinear resize, bit for bit: Image.resize(size, BILINEAR), which is torchvision's
 * Resize on a PIL picture. And the two ways to reach a square. Formulas: src/libImaging/Resample.c of
 * Pillow 13. */
#ifndef HM_RESIZE_H
#define HM_RESIZE_H

#include "prep/image.h"

/* A plan: scale the picture to w×h and compute only the window cw×ch at (x, y) of that. */
struct hm_resize {
	int w, h;
	int x, y, cw, ch;
};

enum hm_fit {
	HM_FIT_SQUASH, /* scaled to size×size: torchvision's Resize((size, size)) */
	HM_FIT_CROP, /* short side to size·256/224, then the middle size×size: Resize(256), CenterCrop(224) */
};
/* The plan that brings a w×h picture to size×size, w and h from 1 to HM_IMAGE_SIDE_MOST, size from 1 to
 * 4096. */
struct hm_resize hm_resize_fit(enum hm_fit fit, int w, int h, int size);

/* Storage that is used again from picture to picture; all zero is an empty one. One per thread. */
struct hm_resizer {
	struct hm_buf coef;    /* weights of a pass */
	struct hm_buf between; /* the picture between the passes */
	struct hm_buf out;     /* the result, interleaved */
};
void hm_resizer_clear(struct hm_resizer *z);

/* out := the window, interleaved RGB (out->w = cw, out->h = ch), borrowed from z or from `in` until the next
 * call. `out` may be `in`. */
int hm_resize_run(struct hm_resizer *z, const struct hm_image *in, const struct hm_resize *p,
		  struct hm_image *out, struct hm_err *e);

/* out[3,h,w] := the picture's planes, red first. */
void hm_image_planes(const struct hm_image *in, uint8_t *out);

#endif
