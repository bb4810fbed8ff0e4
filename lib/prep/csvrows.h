/* A table in a text file, CSV (RFC 4180) or the same with another delimiter, as a header and rows of text
 * fields; csv.h makes predictions of them, csvfields.h fields of records. A byte order mark, CRLF and empty
 * lines are tolerated.
 *
 *   struct hm_csvrows c;  hm_csvrows_open(&c, path, ',', e);  at = hm_csvrows_column(&c, "name")
 *   while ((rc = hm_csvrows_next(&c, e)) == 1) ... c.field[at]
 */
#ifndef HM_CSVROWS_H
#define HM_CSVROWS_H

#include "prep/lines.h"

#define HM_CSV_FIELDS 1024 /* columns of a file */

struct hm_csvrows {
	struct hm_lines lines;
	char delimiter;
	int fields;   /* columns of the header */
	char **name;  /* [fields] of the header, valid UTF-8, NUL-terminated */
	char **field; /* [fields] of the row, the same; at first the header's */
	/* Where the row last returned starts, from 1; after an error in the text, where that is. */
	uint64_t line;
	bool lost;		  /* after an error: where the next row begins is not known */
	struct hm_buf head, text; /* hold name and field */
	size_t *start;		  /* [HM_CSV_FIELDS] of the fields in text */
};

/* The delimiter that a user means by "tab" or by one ASCII character, but no quote and no line end; 0: none.
 */
char hm_csvrows_delimiter(const char *word);

/* Opens and reads the header; "-" is standard input. 0 or HM_EDATA, sentences begin with file and line.
 * Caller closes, also on failure. */
int hm_csvrows_open(struct hm_csvrows *c, const char *path, char delimiter, struct hm_err *e);
/* The number of the column of that name, -1 when there is none, -2 when there are two. */
int hm_csvrows_column(const struct hm_csvrows *c, const char *name);
/* The next row into c->field, until the next call: 1, 0 at the end, HM_EDATA. A row has as many fields as the
 * header. After an error the call may be repeated, for the rows behind it, unless c->lost. */
int hm_csvrows_next(struct hm_csvrows *c, struct hm_err *e);
/* Says what is wrong with the row: HM_EDATA. */
int hm_csvrows_bad(const struct hm_csvrows *c, struct hm_err *e, const char *what);
void hm_csvrows_close(struct hm_csvrows *c);

/* For messages about a header that lacks a column: its names in quotes, as many as fit, then "..."; returns
 * out. */
const char *hm_csvrows_names(const struct hm_csvrows *c, char *out, size_t cap);
/* The delimiter that the header seems to have instead, which stands in the one field that was found, or, a
 * tab, in any; 0: none. */
char hm_csvrows_guess(const struct hm_csvrows *c);
/* "commas", "tabs", "';'"; out is room for the last. */
const char *hm_csvrows_called(char delimiter, char out[4]);

#endif
