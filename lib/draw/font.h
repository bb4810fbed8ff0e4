/* A bitmap font of 5 x 8 cells, drawn for hm: printable ASCII, a box for everything else. Text is UTF-8; each
 * code point takes one cell of 6 x 9 pixels times the scale. */
#ifndef HM_FONT_H
#define HM_FONT_H

#include "draw/canvas.h"

#define HM_FONT_W 6
#define HM_FONT_H_CELL 9

/* One line of text, s[0..len), its top left at (x, y). outline != 0: first drawn `outline` pixels thick
 * around each letter in colour `edge`, as memes are lettered. */
void hm_font_draw(struct hm_canvas *c, int x, int y, int scale, const char *s, size_t len, hm_rgb color,
		  int outline, hm_rgb edge);
/* Cells (code points) of s[0..len). */
int hm_font_cells(const char *s, size_t len);
/* The length in bytes of the first line when s[0..len) is broken at spaces into lines of at most `cells`
 * cells; a longer word is cut. *skip: bytes to leave out behind it (the space). */
size_t hm_font_line(const char *s, size_t len, int cells, size_t *skip);

#endif
