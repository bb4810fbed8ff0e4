/* WebP files: a row of the table in image.c. Pixels are those of Pillow's Image.open(p).convert('RGB'): alpha
 * dropped, never blended, and of an animation the first frame, on a canvas that is black where the frame does
 * not reach. libwebp decodes, by its defaults. A file that is damaged is refused, whatever the options say,
 * as Pillow refuses it. Memory: 3 bytes per pixel, and of a lossless file 4 more. */
#ifndef HM_WEBP_H
#define HM_WEBP_H

#include "prep/image.h"

extern const struct hm_image_format hm_image_webp;

#endif
