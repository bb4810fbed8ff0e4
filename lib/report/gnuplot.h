/* Runs gnuplot as a child process, and holds what its scripts share. For the files here that draw. */
#ifndef HM_GNUPLOT_H
#define HM_GNUPLOT_H

#include "base/mem.h"

/* Appends the line that begins a script: a picture of w x h pixels, of the kind that the ending of `path`
 * says, on standard output. A picture that is measured otherwise looks the same: a PDF has 100 pixels to the
 * inch. */
int hm_gnuplot_begin(struct hm_buf *b, const char *path, int w, int h, struct hm_err *e);
/* Runs the script, which begins so, into the file at `path` (whole or not at all). HM_EDATA when gnuplot is
 * not installed or fails. The same script makes the same bytes: the date in a PDF is blanked. */
int hm_gnuplot_run(const char *path, const struct hm_buf *script, struct hm_err *e);

/* Appends the text as the inside of a single-quoted string, in which gnuplot expands nothing: its first 48
 * characters, masked as hm_utf8_mask does. */
int hm_gnuplot_text(struct hm_buf *b, const char *s, struct hm_err *e);

/* The line of system i, the same in every picture: "lc rgb '#3060a0' dt 1". Static storage. */
const char *hm_gnuplot_line(int i);

/* Light lines at the ticks. */
#define HM_GNUPLOT_GRID "set grid lt 1 lw 0.5 lc rgb '#dddddd'\n"

#endif
