/* A bitmap font of 5 x 8 dots, drawn for hm. It has printable ASCII and a box for everything else. Text is
 * UTF-8; each code point takes a cell of 6 x 9 dots; a dot is scale x scale pixels. */
#ifndef HM_FONT_H
#define HM_FONT_H

#include "draw/canvas.h"

#define HM_FONT_W 6
#define HM_FONT_H_CELL 9

/* Draws one line of text, s[0..len), with its top left at (x, y). With outline > 0 each letter gets an edge
 * of `outline` pixels in the colour `edge`, as the letters of memes have. */
void hm_font_draw(struct hm_canvas *c, int x, int y, int scale, const char *s, size_t len, hm_rgb color,
		  int outline, hm_rgb edge);
/* How many cells (code points) s[0..len) takes. */
int hm_font_cells(const char *s, size_t len);
/* The length in bytes of the first line, when s[0..len) is broken at spaces into lines of at most `cells`
 * cells; a longer word is cut. *skip is the number of bytes between this line and the next: 1 for a space. */
size_t hm_font_line(const char *s, size_t len, int cells, size_t *skip);

#endif
