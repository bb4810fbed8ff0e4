/* How a picture becomes a square: five numbers describe it, those of a published preprocessor too. They give
 * the plan of a picture's resize, and the attributes of the column pixels. */
#ifndef HM_SQUARE_H
#define HM_SQUARE_H

#include "prep/resize.h"

#include <cjson/cJSON.h>

#define HM_SQUARE_SIZE_MOST 4096
#define HM_SQUARE_SHORT_MOST 8191 /* times HM_IMAGE_SIDE_MOST it fits an int */

enum hm_fit {
	HM_FIT_SQUASH, /* scaled to size×size: torchvision's Resize((size, size)) */
	HM_FIT_CROP,   /* short side to `shorter`, then the middle: Resize(shorter), CenterCrop(size) */
	HM_FIT_PAD,    /* long side to size, on black, in the middle: open_clip's resize_mode "longest" */
};
/* Where a crop begins that leaves an odd number of rows or columns over: at half of it, rounded to even as
 * torchvision and open_clip do, or rounded down as Hugging Face's processors do. */
enum hm_offset { HM_OFFSET_EVEN, HM_OFFSET_FLOOR };

struct hm_square {
	int size;    /* 1 to HM_SQUARE_SIZE_MOST */
	int shorter; /* of a crop: size to HM_SQUARE_SHORT_MOST */
	enum hm_fit fit;
	enum hm_filter filter;
	enum hm_offset offset; /* of a crop */
};

/* The words of the options and attributes, in the order of their enum. */
const char *hm_fit_name(enum hm_fit fit);
const char *hm_filter_name(enum hm_filter filter);
const char *hm_offset_name(enum hm_offset offset);

/* The short side of a crop where nothing else says it: size·256/224 with bilinear (at 224, torchvision's
 * Resize(256)), size with bicubic (CLIP's). */
int hm_square_short(int size, enum hm_filter filter);

/* The plan that brings a w×h picture to size×size, w and h from 1 to HM_IMAGE_SIDE_MOST. Scaled sides are
 * rounded down in a crop, and to the nearest (halves to even, never to 0) in a pad. */
struct hm_resize hm_square_plan(const struct hm_square *s, int w, int h);

/* Adds to the object what is said of a column of such pixels, but for their size: `fit`; `filter` unless it
 * is bilinear; `short` and `offset` of a crop. */
void hm_square_describe(const struct hm_square *s, cJSON *in, struct hm_err *e);
/* The square that such an object and its `size` ("224x224") describe. What it does not say is as
 * hm_square_describe leaves it out; a crop of before it was said, is as hm_square_short has it. HM_EDATA: it
 * does not say the size or the fit, or says what no square is. */
int hm_square_of(struct hm_square *s, const cJSON *said, struct hm_err *e);

#endif
