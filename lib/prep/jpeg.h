/* JPEG files: a row of the table in image.c. Pixels are those of Pillow's Image.open(p).convert('RGB'): the
 * colour space that libjpeg takes from the file's markers, EXIF orientation ignored, the first picture of
 * several, CMYK as Adobe stores it (inverted). 12 bits per sample, arithmetic coding, lossless and
 * hierarchical JPEG are refused. hm-imgprep(1) lists where we are stricter than Pillow, and the limits.
 *
 * libjpeg-turbo decodes, by its defaults (exact integer IDCT, smooth upsampling of colour), at full size: its
 * scaled decoding gives other pixels. Memory: 3 bytes per pixel, and of a file in several scans up to 8 more.
 */
#ifndef HM_JPEG_H
#define HM_JPEG_H

#include "prep/image.h"

extern const struct hm_image_format hm_image_jpeg;

/* How many scans a JPEG of so many pixels may have. Each scan of a progressive file costs a walk over the
 * whole picture, however few bytes it has. */
#define HM_JPEG_SCANS 1000			/* most in any case */
#define HM_JPEG_SCANS_LEAST 32			/* allowed in any case */
#define HM_JPEG_SCAN_PIXELS ((uint64_t)2 << 30) /* between the two: scans times pixels */
int hm_jpeg_scans(uint64_t pixels);

#endif
