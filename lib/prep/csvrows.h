/* A CSV file (RFC 4180) as a header and rows of text fields; csv.h makes predictions of them. A byte order
 * mark, CRLF and empty lines are tolerated.
 *
 *   struct hm_csvrows c;  hm_csvrows_open(&c, path, e);  at = hm_csvrows_column(&c, "name")
 *   while ((rc = hm_csvrows_next(&c, e)) == 1) ... c.field[at]
 */
#ifndef HM_CSVROWS_H
#define HM_CSVROWS_H

#include "prep/lines.h"

#define HM_CSV_FIELDS 1024 /* columns of a file */

struct hm_csvrows {
	struct hm_lines lines;
	uint64_t line; /* where the row last returned starts, from 1 */
	int fields;    /* columns of the header */
	char **field; /* [fields] of the row, valid UTF-8, NUL-terminated, into text; at first the header's */
	struct hm_buf text;
};

/* Opens and reads the header; "-" is standard input. 0 or HM_EDATA, sentences begin with file and line.
 * Caller closes, also on failure. */
int hm_csvrows_open(struct hm_csvrows *c, const char *path, struct hm_err *e);
/* Before the first row: the number of the column of that name, -1 when there is none, -2 when there are two.
 */
int hm_csvrows_column(const struct hm_csvrows *c, const char *name);
/* The next row into c->field, until the next call: 1, 0 at the end, HM_EDATA. A row has as many fields as the
 * header.
 */
int hm_csvrows_next(struct hm_csvrows *c, struct hm_err *e);
/* Says what is wrong with the row: HM_EDATA. */
int hm_csvrows_bad(const struct hm_csvrows *c, struct hm_err *e, const char *what);
void hm_csvrows_close(struct hm_csvrows *c);

#endif
