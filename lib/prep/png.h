/* PNG bytes in memory to RGB, as Pillow's Image.open(p).convert('RGB') gives it (docs of hm-imgprep(1) list
 * where we are stricter): alpha and tRNS dropped, 16 bits cut to the high byte, colour chunks and orientation
 * ignored.
 *
 * One walk over the chunks and one inflate (libdeflate) decide what is accepted; then the rows of plain 8-bit
 * pictures are unfiltered here, those of every other kind by libpng, so both paths accept the same files. */
#ifndef HM_PNG_H
#define HM_PNG_H

#include "base/mem.h"

#define HM_PNG_SIDE 16384		   /* pixels a side, at most */
#define HM_PNG_PIXELS ((uint64_t)64 << 20) /* pixels a picture by default, at most */
#define HM_IMAGE_SLACK 32		   /* readable bytes behind the last pixel */

/* A picture, 8 bits a channel: rgb[(y·w + x)·3 + c], with HM_IMAGE_SLACK readable bytes behind it. */
struct hm_image {
	int w, h;
	const uint8_t *rgb;
};

/* A decoder: storage that is used again from picture to picture. One a thread. */
struct hm_png;
struct hm_png *hm_png_new(struct hm_err *e);
void hm_png_free(struct hm_png *d); /* NULL is fine */

struct hm_png_options {
	uint64_t max_pixels; /* 0: HM_PNG_PIXELS; a side never passes HM_PNG_SIDE */
	bool libpng;	     /* never take the fast path; for tests, which compare the two */
};
/* Decodes p[0..n). `out` borrows from d until the next call with d. HM_EDATA with the reason alone ("not a
 * PNG file"). Before it allocates it has checked the caps, and that n bytes can hold that many pixels at all
 * (deflate shrinks by 1032 at most); it needs up to 11 bytes a pixel (8-bit pictures 7). */
int hm_png_decode(struct hm_png *d, const unsigned char *p, size_t n, const struct hm_png_options *o,
		  struct hm_image *out, struct hm_err *e);

#endif
