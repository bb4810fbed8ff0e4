/* A contact sheet: rows of thumbnails, each with a line of title and the caption under it. */
#ifndef HM_SHEET_H
#define HM_SHEET_H

#include "draw/canvas.h"

struct hm_sheet {
	struct hm_canvas canvas;
	int cells, used, columns;
};

/* Room for n >= 1 pictures; 0 or HM_EDATA. Caller clears. */
int hm_sheet_init(struct hm_sheet *s, int n, struct hm_err *e);
/* Adds a picture: planes U8 [3,h,w], a title of one line and a caption, which is wrapped and cut after three
 * lines; both are UTF-8. A `mark` that is not 0 colours the title and frames the picture. With w or h 0 only
 * title and caption are drawn. After n pictures nothing more is drawn. */
void hm_sheet_add(struct hm_sheet *s, const uint8_t *planes, int w, int h, const char *title,
		  const char *caption, size_t caption_len, hm_rgb mark);
/* The PNG file of the rows used so far, appended to `out`. */
int hm_sheet_png(const struct hm_sheet *s, struct hm_buf *out, struct hm_err *e);
void hm_sheet_clear(struct hm_sheet *s);

#endif
