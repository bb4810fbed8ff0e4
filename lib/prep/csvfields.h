/* Rows of a table (csvrows.h) as the fields that a record is made of. Every value is text there: plain digits
 * are a label or an id, and an empty cell, in quotes or not, is what null is in JSON. Words such as NaN and
 * NA mean nothing special.
 *
 *   struct hm_csvfields c;  hm_csvfields_open(&c, path, ',', &form, e)
 *   while ((rc = hm_csvfields_next(&c, &form, e)) == 1) ... c.v.id ...
 */
#ifndef HM_CSVFIELDS_H
#define HM_CSVFIELDS_H

#include "prep/csvrows.h"
#include "prep/form.h"

struct hm_csvfields {
	struct hm_csvrows rows;
	int id, img, text, label; /* which column; -1: there is none */
	int keep[HM_FORM_KEEP];
	struct hm_fields v; /* of the row last returned; its texts live until the next call */
};

/* Opens a file, reads the header and finds the form's columns in it. 0 or HM_EDATA, sentences begin with file
 * and line: a column is missing (but for the label's, and the caption's with null_text), or there are two of
 * one name. Caller closes, also on failure. */
int hm_csvfields_open(struct hm_csvfields *c, const char *path, char delimiter, const struct hm_form *f,
		      struct hm_err *e);
/* The next row into c->v: 1, 0 at the end, HM_EDATA. After an error the call may be repeated, for the rows
 * behind it, unless it is the machine's or c->rows.lost. */
int hm_csvfields_next(struct hm_csvfields *c, const struct hm_form *f, struct hm_err *e);
void hm_csvfields_close(struct hm_csvfields *c);

/* Says that the header has no column `name`, which columns it has, and which may be meant: by `option`
 * ("text-field"), NULL: there is no such option; or what `help` says. HM_EDATA. */
int hm_csvfields_missing(const struct hm_csvfields *c, const char *name, const char *option, const char *help,
			 struct hm_err *e);

#endif
