/* Pillow's antialiased resize, bit for bit: Image.resize(size, BILINEAR or BICUBIC), which is torchvision's
 * Resize on a PIL picture. Formulas: src/libImaging/Resample.c of Pillow 13. */
#ifndef HM_RESIZE_H
#define HM_RESIZE_H

#include "prep/image.h"

enum hm_filter {
	HM_FILTER_BILINEAR, /* support 1 */
	HM_FILTER_BICUBIC,  /* support 2, a = -1/2 */
};

/* A plan: scale the picture to w×h, compute only the window cw×ch at (x, y) of that, and place it at (left,
 * top) of a square of black. */
struct hm_resize {
	enum hm_filter filter;
	int w, h;
	int x, y, cw, ch;
	int left, top, side;
};

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

/* out[3,side,side] := the planes of the plan's square, red first; `in` is what hm_resize_run gave. */
void hm_image_planes(const struct hm_image *in, const struct hm_resize *p, uint8_t *out);

#endif
