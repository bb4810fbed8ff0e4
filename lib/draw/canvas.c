/* Shapes on a canvas: every one a loop over the pixels of its bounding box. See canvas.h. */
#include "draw/canvas.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int hm_canvas_init(struct hm_canvas *c, int w, int h, struct hm_err *e)
{
	*c = (struct hm_canvas){0};
	if (w < 1 || h < 1 || w > 16384 || h > 16384)
		return hm_err_set(e, HM_EDATA,
				  "a picture of %dx%d pixels cannot be drawn, 16384 a side is the limit", w,
				  h);
	c->px = hm_alloc((size_t)w * (size_t)h, 3, e);
	if (!c->px)
		return HM_EDATA;
	c->w = w;
	c->h = h;
	return 0;
}

void hm_canvas_clear(struct hm_canvas *c)
{
	free(c->px);
	*c = (struct hm_canvas){0};
}

static hm_rgb pack_rgb(double r, double g, double b)
{
	return (hm_rgb)lround(r * 255) << 16 | (hm_rgb)lround(g * 255) << 8 | (hm_rgb)lround(b * 255);
}

hm_rgb hm_rgb_hsv(double hue, double saturation, double value)
{
	double h = fmod(hue, 360) / 60, f = h - floor(h), p = value * (1 - saturation);
	double q = value * (1 - saturation * f), t = value * (1 - saturation * (1 - f));
	switch ((int)h) {
	case 0:
		return pack_rgb(value, t, p);
	case 1:
		return pack_rgb(q, value, p);
	case 2:
		return pack_rgb(p, value, t);
	case 3:
		return pack_rgb(p, q, value);
	case 4:
		return pack_rgb(t, p, value);
	default:
		return pack_rgb(value, p, q);
	}
}

hm_rgb hm_rgb_mix(hm_rgb a, hm_rgb b, double t)
{
	hm_rgb out = 0;
	for (int s = 0; s < 24; s += 8) {
		double x = a >> s & 255, y = b >> s & 255;
		out |= (hm_rgb)lround(x + (y - x) * t) << s;
	}
	return out;
}

static void fill_span(struct hm_canvas *c, int y, int x0, int x1, hm_rgb color)
{
	if (y < 0 || y >= c->h)
		return;
	if (x0 < 0)
		x0 = 0;
	if (x1 > c->w)
		x1 = c->w;
	uint8_t *p = c->px + ((size_t)y * (size_t)c->w + (size_t)x0) * 3;
	for (int x = x0; x < x1; x++, p += 3) {
		p[0] = (uint8_t)(color >> 16);
		p[1] = (uint8_t)(color >> 8);
		p[2] = (uint8_t)color;
	}
}

void hm_draw_rect(struct hm_canvas *c, int x, int y, int w, int h, hm_rgb color)
{
	for (int r = 0; r < h; r++)
		fill_span(c, y + r, x, x + w, color);
}

void hm_draw_gradient(struct hm_canvas *c, int x, int y, int w, int h, hm_rgb top, hm_rgb bottom)
{
	for (int r = 0; r < h; r++)
		fill_span(c, y + r, x, x + w, hm_rgb_mix(top, bottom, h > 1 ? (double)r / (h - 1) : 0));
}

void hm_draw_ellipse(struct hm_canvas *c, int cx, int cy, int rx, int ry, hm_rgb color)
{
	for (int dy = -ry; dy <= ry; dy++) {
		double t = (double)dy / (ry + 0.5);
		int half = (int)floor((rx + 0.5) * sqrt(1 - t * t));
		fill_span(c, cy + dy, cx - half, cx + half + 1, color);
	}
}

void hm_draw_triangle(struct hm_canvas *c, const int x[3], const int y[3], hm_rgb color)
{
	int top = y[0], bottom = y[0];
	for (int i = 1; i < 3; i++) {
		if (y[i] < top)
			top = y[i];
		if (y[i] > bottom)
			bottom = y[i];
	}
	for (int row = top; row <= bottom; row++) {
		double lo = 1e9, hi = -1e9;
		for (int i = 0; i < 3; i++) {
			int j = (i + 1) % 3;
			if ((row < y[i] && row < y[j]) || (row > y[i] && row > y[j]))
				continue;
			double at = y[i] == y[j]
					    ? x[i]
					    : x[i] + (double)(row - y[i]) * (x[j] - x[i]) / (y[j] - y[i]);
			double other = y[i] == y[j] ? x[j] : at;
			lo = fmin(lo, fmin(at, other));
			hi = fmax(hi, fmax(at, other));
		}
		if (lo <= hi)
			fill_span(c, row, (int)lround(lo), (int)lround(hi) + 1, color);
	}
}

void hm_draw_line(struct hm_canvas *c, int x0, int y0, int x1, int y1, int thick, hm_rgb color)
{
	int n = abs(x1 - x0) > abs(y1 - y0) ? abs(x1 - x0) : abs(y1 - y0);
	for (int i = 0; i <= n; i++) {
		double t = n ? (double)i / n : 0;
		int x = (int)lround(x0 + (x1 - x0) * t), y = (int)lround(y0 + (y1 - y0) * t);
		hm_draw_rect(c, x - thick / 2, y - thick / 2, thick, thick, color);
	}
}

void hm_draw_planes(struct hm_canvas *c, int x, int y, int ow, int oh, const uint8_t *planes, int w, int h)
{
	size_t plane = (size_t)w * (size_t)h;
	for (int r = 0; r < oh; r++)
		for (int k = 0; k < ow; k++) {
			const uint8_t *p = planes + (size_t)((int64_t)r * h / oh) * (size_t)w +
					   (size_t)((int64_t)k * w / ow);
			fill_span(c, y + r, x + k, x + k + 1,
				  (hm_rgb)p[0] << 16 | (hm_rgb)p[plane] << 8 | p[2 * plane]);
		}
}
