/* The lines of a text file, read one after the other; the file is never held whole. A UTF-8 byte order mark
 * at its beginning is skipped. A file that is not UTF-8 text by its first bytes (gzip, UTF-16, a picture) is
 * an error that says what it is.
 *
 *   struct hm_lines l;  hm_lines_open(&l, path, e)
 *   while ((rc = hm_lines_next(&l, &line, &len, e)) == 1) ...
 *   hm_lines_close(&l)
 */
#ifndef HM_LINES_H
#define HM_LINES_H

#include "base/mem.h"

#define HM_LINE_MOST ((size_t)16 << 20) /* bytes of a line, its end not counted */

struct hm_lines {
	const char *name; /* hm_lines_name of the path, borrowed */
	uint64_t line;	  /* number of the line that was returned last, from 1 */
	int fd;
	bool begun, end;
	struct hm_buf buf;
	size_t at;   /* where the next line starts in buf */
	size_t seen; /* so many bytes from there hold no line end */
};
/* "-" is standard input. HM_EDATA; the sentence begins with the name. */
int hm_lines_open(struct hm_lines *l, const char *path, struct hm_err *e);
/* The next line without its \n, borrowed until the next call: 1, 0 at the end, or HM_EDATA when reading fails
 * or the file is not text; the sentence begins with the name. The last line needs no \n. Of a line beyond
 * HM_LINE_MOST one byte more than that is returned and the rest is dropped; the caller refuses it. */
int hm_lines_next(struct hm_lines *l, const char **line, size_t *len, struct hm_err *e);
/* Whether hm_lines_next would return at once: a whole line has been read, or the file's end. It takes in what
 * has arrived and never waits. 1, 0, or HM_EDATA. */
int hm_lines_ready(struct hm_lines *l, struct hm_err *e);
void hm_lines_close(struct hm_lines *l);
/* What messages call a path: itself, or "standard input" for "-". */
const char *hm_lines_name(const char *path);
/* True for a line of nothing but spaces, tabs and \r. */
bool hm_line_blank(const char *line, size_t len);

#endif
