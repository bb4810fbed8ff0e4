/* From a path in a record to pixels: read the file, decode, resize, split into planes. */
#ifndef HM_IMAGELOAD_H
#define HM_IMAGELOAD_H

#include "prep/imagefile.h"
#include "prep/square.h"

struct hm_imageload_options {
	struct hm_square square;
	struct hm_image_limits limits; /* of the file's picture */
	bool damaged;		       /* read damaged files too, as far as they go */
};
/* The memory that all loaders share. A picture that needs more than HM_IMAGE_SMALL, or whose file has more
 * than HM_IMAGEFILE_SMALL bytes, waits until the others leave room for it. So n loaders hold
 *   n · 4 · HM_IMAGE_SMALL + HM_IMAGEFILE_MAX + max(HM_IMAGE_BUDGET, the largest picture)
 * bytes at most: what small pictures of each format and their files left, then those that are counted. */
#define HM_IMAGE_BUDGET ((size_t)1 << 30)
struct hm_imagebudget {
	struct hm_budget files, pictures;
};
void hm_imagebudget_init(struct hm_imagebudget *b);
void hm_imagebudget_clear(struct hm_imagebudget *b);

/* A loader: storage that is used again from picture to picture. One per thread. */
struct hm_imageload;
struct hm_imageload *hm_imageload_new(struct hm_imagebudget *b, struct hm_err *e);
void hm_imageload_free(struct hm_imageload *l); /* NULL is fine */

/* pixels[3,size,size] := the picture at path[0..len) below the root. HM_EDATA with the reason alone; pixels
 * are then not set. */
int hm_imageload_run(struct hm_imageload *l, const struct hm_imageroot *root, const char *path, size_t len,
		     const struct hm_imageload_options *o, uint8_t *pixels, struct hm_err *e);

/* What is wrong with the file of the last picture, which was read as far as it goes; NULL: nothing. Borrowed
 * until the next picture. */
const char *hm_imageload_damage(const struct hm_imageload *l);

#endif
