/* Cells of the plain-text tables: numbers, intervals, p-values, and texts of unknown origin. */
#ifndef HM_TABLE_H
#define HM_TABLE_H

#include "stat/interval.h"

#define HM_TABLE_NUMBER 48
/* `v`, finite, with that many digits behind the point, and with a "+" before what is not negative when
 * `sign`. What rounds to zero has no minus. Returns out. */
char *hm_table_number(double v, int digits, bool sign, char out[HM_TABLE_NUMBER]);
/* "0.5580", "undefined" for NaN. Returns out. */
char *hm_table_value(double v, char out[HM_TABLE_NUMBER]);
/* "0.0421", "1.2e-07" below 0.0001, "undefined" for NaN. Returns out. */
char *hm_table_p(double p, char out[HM_TABLE_NUMBER]);

#define HM_TABLE_RANGE (2 * HM_TABLE_NUMBER + 4)
/* "[0.5142, 0.6010]", with signs when `sign`; "" for NaN. Returns out. */
char *hm_table_range(struct hm_interval ci, bool sign, char out[HM_TABLE_RANGE]);

/* A text of unknown origin (an id, a name, a value of a column): at most HM_TABLE_CELL characters of it,
 * masked for a terminal, "(empty)" for "", filled with spaces up to `width` characters. */
enum { HM_TABLE_CELL = 40 };
int hm_table_cell(struct hm_buf *b, const char *s, int width, struct hm_err *e);
/* The characters that hm_table_cell writes of s. */
int hm_table_width(const char *s);
/* The whole of s, masked for a terminal. */
int hm_table_text(struct hm_buf *b, const char *s, struct hm_err *e);

#endif
