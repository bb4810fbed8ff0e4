/* Predictions of any system as CSV (RFC 4180): a header row, then one row a record. Columns are found by
 * name, in any order: id; proba (of class 1) or proba_0, proba_1, ... (of every class); label, which may be
 * absent. Others are the caller's, by hm_csvrows_column(&c.rows, name) and c.rows.field. Knows nothing of
 * records or scores.
 *
 *   struct hm_csv c;  hm_csv_open(&c, path, e)
 *   while ((rc = hm_csv_next(&c, &row, e)) == 1) ...
 */
#ifndef HM_CSV_H
#define HM_CSV_H

#include "base/filekind.h"
#include "prep/csvrows.h"

struct hm_csv {
	struct hm_csvrows rows;
	int id, label; /* which column; label -1: none */
	int classes;   /* C, at least 2 */
	int *column;   /* [C] column of each class's probability; with a single `proba`, class 1's alone */
	bool single;
	double *prob; /* [C] of the row */
};

struct hm_csv_row {
	const char *id; /* valid UTF-8, NUL-terminated */
	int32_t label;	/* -1: none */
	const double
		*prob; /* [C], any numbers but NaN; NULL: the probabilities are empty, the record failed */
};

/* What a file of predictions is, by its first bytes. */
enum hm_csv_form {
	HM_CSV_TABLE,	/* text that may be CSV */
	HM_CSV_RECORDS, /* a stream of records, or nothing known: its reader says so */
	HM_CSV_OTHER,	/* something else, which *other names: a model, JSON, a gzip file */
};
/* Looks at the first bytes of `path` ("-": standard input). They stay unread, in a pipe too. *hold, when >=
 * 0, is to be closed after the input was opened for reading: it keeps a FIFO's writer alive meanwhile. 0, or
 * HM_EDATA when the file cannot be opened; the sentence begins with the path. */
int hm_csv_recognise(const char *path, enum hm_csv_form *form, const struct hm_filekind **other, int *hold,
		     struct hm_err *e);

/* Opens and reads the header. 0 or HM_EDATA, sentences begin with file and line. Caller closes, also on
 * failure. */
int hm_csv_open(struct hm_csv *c, const char *path, struct hm_err *e);
/* The next row, borrowed until the next call: 1, 0 at the end, HM_EDATA. */
int hm_csv_next(struct hm_csv *c, struct hm_csv_row *row, struct hm_err *e);
/* Puts "FILE: line N (id X): " before the sentence that `e` holds, for the row returned last; returns its
 * code. */
int hm_csv_row_error(const struct hm_csv *c, const char *id, struct hm_err *e);
void hm_csv_close(struct hm_csv *c);

#endif
