/* A contact sheet: thumbnails in rows, a title line and the caption under each. */
#ifndef HM_SHEET_H
#define HM_SHEET_H

#include "draw/canvas.h"

struct hm_sheet {
	struct hm_canvas canvas;
	int cells, used, columns;
};

/* Room for n >= 1 pictures; 0 or HM_EDATA. Caller clears. */
int hm_sheet_init(struct hm_sheet *s, int n, struct hm_err *e);
/* The next picture: planes U8 [3,h,w]; a title (one line) and a caption (wrapped, cut after three lines),
 * both UTF-8. `mark` != 0 colours the title and frames the picture. A picture without a pixel is its title
 * and caption alone. Beyond n pictures nothing is drawn. */
void hm_sheet_add(struct hm_sheet *s, const uint8_t *planes, int w, int h, const char *title,
		  const char *caption, size_t caption_len, hm_rgb mark);
/* The PNG file of the rows used so far, appended to `out`. */
int hm_sheet_png(const struct hm_sheet *s, struct hm_buf *out, struct hm_err *e);
void hm_sheet_clear(struct hm_sheet *s);

#endif
