/* The scenes: sky, ground, three things in a row. See scene.h. */
#include "draw/scene.h"
#include "draw/font.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int pick_between(struct hm_rng *r, int lo, int hi)
{
	return lo + (int)hm_rng_below(r, (uint32_t)(hi - lo + 1));
}

static hm_rgb pick_color(struct hm_rng *r, double value)
{
	double hue = hm_rng_uniform(r) * 360, saturation = 0.15 + 0.35 * hm_rng_uniform(r);
	return hm_rgb_hsv(hue, saturation, value * (0.75 + 0.25 * hm_rng_uniform(r)));
}

/* A thing stands on the line y = base, its middle at x, in a box of w x h. */
struct place {
	int x, base, w, h;
};

static void draw_tree(struct hm_canvas *c, struct place p, struct hm_rng *r)
{
	hm_rgb leaf = pick_color(r, 0.9), trunk = hm_rgb_mix(pick_color(r, 0.5), 0x503010, 0.5);
	int top = p.base - p.h, crown = p.h * 2 / 3;
	hm_draw_rect(c, p.x - p.w / 14, p.base - p.h / 2, p.w / 7, p.h / 2, trunk);
	hm_draw_ellipse(c, p.x, top + crown / 2, p.w / 2, crown / 2, leaf);
	for (int i = 0; i < 9; i++) { /* fruit or blossom */
		int dx = pick_between(r, -p.w / 3, p.w / 3), dy = pick_between(r, -crown / 3, crown / 3);
		hm_draw_ellipse(c, p.x + dx, top + crown / 2 + dy, p.w / 14, p.w / 14,
				hm_rgb_mix(leaf, 0xffffff, 0.5));
	}
}

static void draw_bush(struct hm_canvas *c, struct place p, struct hm_rng *r)
{
	hm_rgb leaf = pick_color(r, 0.9);
	for (int i = 0; i < 7; i++) {
		int size = pick_between(r, p.w / 6, p.w / 4);
		int x = p.x + pick_between(r, -p.w / 3, p.w / 3),
		    y = p.base - size - pick_between(r, 0, p.h * 2 / 3);
		hm_draw_ellipse(c, x, y, size, size, hm_rgb_mix(leaf, i % 2 ? 0xffffff : 0x000000, 0.06 * i));
	}
}

static void draw_balloon(struct hm_canvas *c, struct place p, struct hm_rng *r)
{
	hm_rgb skin = pick_color(r, 1), stripe = hm_rgb_mix(skin, 0xffffff, 0.45);
	int ry = p.h * 2 / 5, cy = p.base - p.h + ry;
	hm_draw_line(c, p.x, cy + ry, p.x + p.w / 10, p.base, 2, 0x404040);
	hm_draw_ellipse(c, p.x, cy, p.w * 2 / 5, ry, skin);
	hm_draw_ellipse(c, p.x, cy, p.w / 5, ry, stripe);
	hm_draw_ellipse(c, p.x, cy, p.w / 12, ry, skin);
}

static void draw_windows(struct hm_canvas *c, struct place p, struct hm_rng *r, hm_rgb wall)
{
	int cols = 4, step = p.w / cols, rows = p.h / step;
	for (int i = 0; i < rows; i++)
		for (int k = 0; k < cols; k++) {
			hm_rgb glass = hm_rgb_mix(wall, hm_rng_below(r, 3) ? 0xfff0b0 : 0x101820, 0.9);
			hm_draw_rect(c, p.x - p.w / 2 + k * step + step / 4,
				     p.base - p.h + i * step + step / 4, step / 2, step / 2, glass);
		}
}

static void draw_tower(struct hm_canvas *c, struct place p, struct hm_rng *r)
{
	hm_rgb wall = pick_color(r, 0.9);
	p.w = p.w * 3 / 4;
	hm_draw_rect(c, p.x - p.w / 2, p.base - p.h, p.w, p.h, wall);
	draw_windows(c, p, r, wall);
	hm_draw_rect(c, p.x - 1, p.base - p.h - p.h / 6, 3, p.h / 6, hm_rgb_mix(wall, 0, 0.6));
}

static void draw_house(struct hm_canvas *c, struct place p, struct hm_rng *r)
{
	hm_rgb wall = pick_color(r, 0.9), roof = pick_color(r, 0.6);
	int top = p.base - p.h, eaves = top + p.h / 3;
	hm_draw_triangle(c, (int[3]){p.x - p.w / 2, p.x, p.x + p.w / 2}, (int[3]){eaves, top, eaves}, roof);
	struct place body = {p.x, p.base, p.w * 5 / 6, p.base - eaves};
	hm_draw_rect(c, body.x - body.w / 2, eaves, body.w, body.h, wall);
	draw_windows(c, body, r, wall);
}

void hm_scene_draw(struct hm_canvas *c, int level, struct hm_rng *r)
{
	static void (*const grown[])(struct hm_canvas *, struct place,
				     struct hm_rng *) = {draw_tree, draw_bush, draw_balloon};
	static void (*const built[])(struct hm_canvas *, struct place,
				     struct hm_rng *) = {draw_tower, draw_house, draw_tower};
	int horizon = c->h * pick_between(r, 55, 70) / 100;
	hm_draw_gradient(c, 0, 0, c->w, horizon, pick_color(r, 0.95), pick_color(r, 1));
	hm_draw_gradient(c, 0, horizon, c->w, c->h - horizon, pick_color(r, 0.8), pick_color(r, 0.5));
	int sun = pick_between(r, c->h / 20, c->h / 12);
	hm_draw_ellipse(c, pick_between(r, 0, c->w), pick_between(r, 0, horizon / 2), sun, sun, 0xfff4c8);
	uint32_t order[HM_SCENE_THINGS];
	hm_rng_permute(r, order, HM_SCENE_THINGS);
	for (int i = 0; i < HM_SCENE_THINGS; i++) {
		int slot = c->w / HM_SCENE_THINGS, w = slot * pick_between(r, 75, 92) / 100;
		struct place p = {slot / 2 + i * slot + pick_between(r, -slot / 20, slot / 20),
				  c->h * pick_between(r, 78, 90) / 100, w,
				  c->h * pick_between(r, 45, 60) / 100};
		uint32_t kind = hm_rng_below(r, 3);
		((int)order[i] < level ? built : grown)[kind](c, p, r);
	}
}

/* Draws lines of at most `cells` cells, centred, the first at y. */
static void draw_lines(struct hm_canvas *c, const char *s, size_t len, int y, int scale, int cells)
{
	for (size_t n, skip; len; s += n + skip, len -= n + skip, y += HM_FONT_H_CELL * scale) {
		n = hm_font_line(s, len, cells, &skip);
		int x = (c->w - hm_font_cells(s, n) * HM_FONT_W * scale) / 2;
		hm_font_draw(c, x, y, scale, s, n, 0xffffff, scale > 1 ? 2 : 1, 0x101010);
	}
}

int hm_scene_letter(struct hm_canvas *c, const char *caption, struct hm_err *e)
{
	size_t len = strlen(caption), half = len, lines = 0;
	char *upper = hm_strndup(caption, len, e);
	if (!upper)
		return HM_EDATA;
	for (size_t i = 0; i < len; i++)
		upper[i] = (char)toupper((unsigned char)upper[i]);
	for (size_t i = 0; i < len; i++) /* the space nearest to the middle */
		if (upper[i] == ' ' &&
		    llabs(2 * (long long)i - (long long)len) < llabs(2 * (long long)half - (long long)len))
			half = i;
	int scale = c->w >= 300 ? 2 : 1, cells = c->w / (HM_FONT_W * scale) - 1;
	size_t rest = half < len ? half + 1 : len;
	for (size_t at = rest, skip; at < len; lines++)
		at += hm_font_line(upper + at, len - at, cells, &skip) + skip;
	draw_lines(c, upper, half, 4 * scale, scale, cells);
	draw_lines(c, upper + rest, len - rest, c->h - (int)lines * HM_FONT_H_CELL * scale - 3 * scale, scale,
		   cells);
	free(upper);
	return 0;
}
