/* Shared by the files of the PNG decoder (png.h) and their tests; nobody else includes it. */
#ifndef HM_PNGPARTS_H
#define HM_PNGPARTS_H

#include "prep/png.h"

enum { HM_PNG_GREY = 0, HM_PNG_RGB = 2, HM_PNG_PALETTE = 3, HM_PNG_GREY_ALPHA = 4, HM_PNG_RGBA = 6 };

/* A file whose chunks are in order. */
struct hm_png_scan {
	uint32_t w, h;
	int depth, color; /* bits a sample; HM_PNG_GREY … */
	bool interlaced;
	uint8_t palette[256][3];   /* black past PLTE */
	const unsigned char *idat; /* length field of the first IDAT chunk; the others follow without a gap */
	size_t idats, idat_bytes;  /* number of IDAT chunks, bytes in them */
};
/* Whether p[0..n) begins with the signature, or with as much of it as fits in n bytes. */
bool hm_png_begins(const unsigned char *p, size_t n);
/* Walks p[0..n) to IEND and checks signature, order, every CRC, and the limits. HM_EDATA with the reason. */
int hm_png_scan_file(struct hm_png_scan *s, const unsigned char *p, size_t n,
		     const struct hm_image_limits *limits, struct hm_err *e);
/* Bytes of the inflated image data: filter byte and packed samples of each row (of each Adam7 pass). */
size_t hm_png_scan_bytes(const struct hm_png_scan *s);

/* Fast path: 8 bits, not interlaced. raw: hm_png_scan_bytes bytes, overwritten as working storage, with
 * HM_IMAGE_SLACK behind them. zero: 4·w + HM_IMAGE_SLACK bytes of zero. rgb: room for 3·w·h bytes and
 * HM_IMAGE_SLACK. HM_EDATA for an unknown filter. */
bool hm_png_fast_can(const struct hm_png_scan *s);
int hm_png_fast_rows(const struct hm_png_scan *s, uint8_t *raw, const uint8_t *zero, uint8_t *rgb,
		     struct hm_err *e);

/* Every kind, by libpng. */
int hm_png_libpng_rows(const struct hm_png_scan *s, const uint8_t *raw, uint8_t *rgb, struct hm_err *e);

/* Undoes the filter of a row of n bytes: dst[i] = src[i] + predictor(the byte bpp to the left in dst, the
 * byte above in prev). bpp 1..4, bytes per pixel. dst is src or does not overlap it; in the second case up to
 * 4 bytes behind dst + n may be overwritten. False for a filter that does not exist. */
bool hm_png_unfilter(int filter, int bpp, const uint8_t *src, const uint8_t *prev, uint8_t *dst, size_t n);

#endif
