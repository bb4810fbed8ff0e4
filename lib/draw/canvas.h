/* A canvas of RGB bytes and the few shapes that the pictures of hm-synth and the contact sheets need.
 * Coordinates are pixels from the top left; what lies outside the canvas is not drawn. There is no
 * anti-aliasing, so that the bytes are the same on every machine. */
#ifndef HM_CANVAS_H
#define HM_CANVAS_H

#include "base/mem.h"

struct hm_canvas {
	int w, h;
	uint8_t *px; /* [h,w,3] */
};
typedef uint32_t hm_rgb; /* 0xRRGGBB */

/* A black w x h canvas, 1..16384 a side; 0 or HM_EDATA. Caller clears. */
int hm_canvas_init(struct hm_canvas *c, int w, int h, struct hm_err *e);
void hm_canvas_clear(struct hm_canvas *c);

/* hue 0..360, saturation and value 0..1. */
hm_rgb hm_rgb_hsv(double hue, double saturation, double value);
/* a·(1-t) + b·t, t in 0..1. */
hm_rgb hm_rgb_mix(hm_rgb a, hm_rgb b, double t);

/* [x, x+w) x [y, y+h). */
void hm_draw_rect(struct hm_canvas *c, int x, int y, int w, int h, hm_rgb color);
/* The same, with a colour that changes from `top` to `bottom`. */
void hm_draw_gradient(struct hm_canvas *c, int x, int y, int w, int h, hm_rgb top, hm_rgb bottom);
/* Centre and half axes. */
void hm_draw_ellipse(struct hm_canvas *c, int cx, int cy, int rx, int ry, hm_rgb color);
/* x[i], y[i]: the corners. */
void hm_draw_triangle(struct hm_canvas *c, const int x[3], const int y[3], hm_rgb color);
/* A line `thick` pixels wide. */
void hm_draw_line(struct hm_canvas *c, int x0, int y0, int x1, int y1, int thick, hm_rgb color);
/* A picture [3,h,w], scaled to ow x oh by taking the nearest pixel, with its top left at (x, y). */
void hm_draw_planes(struct hm_canvas *c, int x, int y, int ow, int oh, const uint8_t *planes, int w, int h);

/* Appends the canvas as a PNG file to `out`: 8-bit RGB without time or text, so always the same bytes.
 * `small` takes three times as long and gives two thirds of the bytes. */
int hm_canvas_png(const struct hm_canvas *c, bool small, struct hm_buf *out, struct hm_err *e);

#endif
