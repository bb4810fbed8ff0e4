/* PNG files: a row of the table in image.c. Pixels are those of Pillow's Image.open(p).convert('RGB'): alpha
 * and tRNS dropped, 16 bits cut to the high byte, colour chunks and orientation ignored. hm-imgprep(1) lists
 * where we are stricter.
 *
 * One walk over the chunks and one inflate (ISA-L for photographs, else libdeflate) decide what is
 * accepted. Then the rows of plain 8-bit pictures are unfiltered here, those of every other kind by libpng,
 * so that both paths accept the same files. */
#ifndef HM_PNG_H
#define HM_PNG_H

#include "prep/image.h"

extern const struct hm_image_format hm_image_png;

/* A decoder: storage that is used again from picture to picture. One per thread. */
struct hm_png;
struct hm_png *hm_png_new(struct hm_err *e);
void hm_png_free(struct hm_png *d); /* NULL is fine */

struct hm_png_options {
	struct hm_image_limits limits;
	bool libpng;  /* never take the fast path; for tests, which compare the two */
	bool damaged; /* this and `claim` as in hm_image_options */
	struct hm_image_claim *claim;
};
/* Decodes p[0..n). `out` borrows from d until the next call with d. HM_EDATA with the reason alone. Before it
 * allocates it has checked the limits, and that n bytes can hold that many pixels at all (deflate shrinks by
 * 1032 at most; not of a damaged file that is to be read). It needs up to 11 bytes per pixel (8-bit pictures
 * 7). */
int hm_png_decode(struct hm_png *d, const unsigned char *p, size_t n, const struct hm_png_options *o,
		  struct hm_image *out, struct hm_err *e);

#endif
