/* The contact sheet's layout. See sheet.h. */
#include "draw/sheet.h"
#include "draw/font.h"

#include <string.h>

enum {
	THUMB = 192,
	GAP = 12,
	LINES = 3,
	CELL_W = THUMB + GAP,
	TEXT_H = (1 + LINES) * (HM_FONT_H_CELL + 1) + 4
};
enum { CELL_H = THUMB + GAP + TEXT_H };

int hm_sheet_init(struct hm_sheet *s, int n, struct hm_err *e)
{
	*s = (struct hm_sheet){.cells = n};
	s->columns = n < 6 ? n : 6;
	int rows = (n + s->columns - 1) / s->columns;
	int rc = hm_canvas_init(&s->canvas, s->columns * CELL_W + GAP, rows * CELL_H + GAP, e);
	if (!rc)
		hm_draw_rect(&s->canvas, 0, 0, s->canvas.w, s->canvas.h, 0xffffff);
	return rc;
}

void hm_sheet_add(struct hm_sheet *s, const uint8_t *planes, int w, int h, const char *title,
		  const char *caption, size_t caption_len, hm_rgb mark)
{
	if (s->used == s->cells)
		return;
	int x = GAP + s->used % s->columns * CELL_W, y = GAP + s->used / s->columns * CELL_H;
	s->used++;
	if (w > 0 && h > 0) {
		int ow = w >= h ? THUMB : THUMB * w / h, oh = h >= w ? THUMB : THUMB * h / w;
		if (mark)
			hm_draw_rect(&s->canvas, x - 3, y - 3, ow + 6, oh + 6, mark);
		hm_draw_planes(&s->canvas, x, y, ow ? ow : 1, oh ? oh : 1, planes, w, h);
	}
	y += THUMB + 6;
	hm_font_draw(&s->canvas, x, y, 1, title, strlen(title), mark ? mark : 0x202020, 0, 0);
	for (int line = 0; line < LINES && caption_len; line++) {
		size_t skip, n = hm_font_line(caption, caption_len, THUMB / HM_FONT_W, &skip);
		y += HM_FONT_H_CELL + 1;
		hm_font_draw(&s->canvas, x, y, 1, caption, n, 0x505050, 0, 0);
		caption += n + skip;
		caption_len -= n + skip;
	}
}

int hm_sheet_png(const struct hm_sheet *s, struct hm_buf *out, struct hm_err *e)
{
	struct hm_canvas c = s->canvas;
	int rows = (s->used + s->columns - 1) / s->columns;
	c.h = (rows ? rows : 1) * CELL_H + GAP;
	return hm_canvas_png(&c, true, out, e);
}

void hm_sheet_clear(struct hm_sheet *s)
{
	hm_canvas_clear(&s->canvas);
}
