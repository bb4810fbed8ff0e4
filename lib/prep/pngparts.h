/* Shared by the files of the PNG decoder (png.h) and their tests; nobody else includes it. */
#ifndef HM_PNGPARTS_H
#define HM_PNGPARTS_H

#include "prep/png.h"

enum { HM_PNG_GREY = 0, HM_PNG_RGB = 2, HM_PNG_PALETTE = 3, HM_PNG_GREY_ALPHA = 4, HM_PNG_RGBA = 6 };
enum { HM_PNG_NONE, HM_PNG_SUB, HM_PNG_UP, HM_PNG_AVERAGE, HM_PNG_PAETH }; /* filters of rows */

/* A file whose chunks are in order, or as Pillow reads it when damaged files are asked for. */
struct hm_png_scan {
	uint32_t w, h;
	int depth, color; /* bits a sample; HM_PNG_GREY … */
	bool interlaced;
	uint8_t palette[256][3];   /* black past PLTE */
	const unsigned char *idat; /* length field of the first IDAT chunk; the others follow without a gap */
	size_t idats, idat_bytes;  /* number of IDAT chunks, bytes in them (as many as the file has) */
	bool frames;		   /* chunks behind them that Pillow takes for more of the same data */
};
/* Whether p[0..n) begins with the signature, or with as much of it as fits in n bytes. */
bool hm_png_begins(const unsigned char *p, size_t n);
/* Walks p[0..n) to IEND and checks signature, order, every CRC, and the limits. HM_EDATA with the reason.
 * With o->damaged the walk ends behind the image data, and what does not matter is a fault (hm_image_fault).
 */
int hm_png_scan_file(struct hm_png_scan *s, const unsigned char *p, size_t n,
		     const struct hm_image_options *o, char damage[HM_IMAGE_DAMAGE], struct hm_err *e);
/* Bytes of the inflated image data: filter byte and packed samples of each row (of each Adam7 pass). */
size_t hm_png_scan_bytes(const struct hm_png_scan *s);
/* Walks over the rows of these bytes; starts at zero. Returns the bytes of the next row, 0 behind the last.
 */
struct hm_png_walk {
	int pass;     /* passes begun */
	size_t left;  /* rows of the present one */
	size_t bytes; /* of each */
};
size_t hm_png_walk_row(const struct hm_png_scan *s, struct hm_png_walk *w);

/* Of a damaged file: raw := the rows that can be inflated, then zeros; *got := bytes of these rows. It stops
 * where Pillow's zip decoder does, which is fed a chunk (64 KiB) at a time and asks zlib for a row at a time.
 * A row is lost if zlib finds a fault while it is asked for it, even if it is complete then, as is what zlib
 * still holds when the data is over. A row whose filter does not exist is the end. HM_EDATA: no memory. */
int hm_png_salvage(const struct hm_png_scan *s, uint8_t *raw, size_t *got, struct hm_err *e);

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
/* The same of HM_PNG_ROWS rows of w pixels at once. src: the filter byte of the first; each row is followed
 * by the next one. dst: the first row, the others `stride` bytes apart; it is src + 1, or does not overlap
 * src. Reads up to 1 byte behind the rows and writes none. False, with nothing done: the rows are to be taken
 * one by one. */
#define HM_PNG_ROWS 8
bool hm_png_unfilter_rows(int bpp, const uint8_t *src, const uint8_t *prev, uint8_t *dst, size_t stride,
			  size_t w);

#endif
