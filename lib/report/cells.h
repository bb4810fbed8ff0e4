/* Cells of the plain-text tables: numbers, intervals, p-values, and texts of unknown origin. */
#ifndef HM_CELLS_H
#define HM_CELLS_H

#include "stat/interval.h"

#define HM_CELL_NUMBER 48
/* `v`, finite, with `digits` digits after the point. With `sign`, a "+" marks what is not negative. What
 * rounds to zero has no minus. Returns out. */
char *hm_cell_number(double v, int digits, bool sign, char out[HM_CELL_NUMBER]);
/* "0.5580", "undefined" for NaN. Returns out. */
char *hm_cell_value(double v, char out[HM_CELL_NUMBER]);
/* "0.0421", "1.2e-07" below 0.0001, "undefined" for NaN. Returns out. */
char *hm_cell_p(double p, char out[HM_CELL_NUMBER]);

#define HM_CELL_RANGE (2 * HM_CELL_NUMBER + 4)
/* "[0.5142, 0.6010]", with `sign` "[-0.0123, +0.0456]"; "" for NaN. Returns out. */
char *hm_cell_range(struct hm_interval ci, bool sign, char out[HM_CELL_RANGE]);

/* Appends a text of unknown origin (an id, a name, a value of a column): its first HM_CELL_WIDTH characters,
 * masked for a terminal, and spaces up to `width` characters. "" is written as "(empty)". */
enum { HM_CELL_WIDTH = 40 };
int hm_cell_write(struct hm_buf *b, const char *s, int width, struct hm_err *e);
/* How many characters hm_cell_write writes of s, without the spaces. */
int hm_cell_width(const char *s);
/* What to call a class in a cell: its word, or without words (names NULL) its number, which goes to `out`. */
const char *hm_cell_class(const char *const *names, int c, char out[HM_CELL_NUMBER]);
/* Appends the whole of s, masked for a terminal. */
int hm_cell_text(struct hm_buf *b, const char *s, struct hm_err *e);

#endif
