/* A column of records out of an array that another program wrote: which dtype it gets, and its values row by
 * row, checked and converted. Memory holds a few rows of it.
 *
 *   f2 f4          F16 F32       not finite: the row is refused
 *   f8             F32           rounded; refused if the rounded number is not finite
 *   integers, bool the same; in the column `label` I32, from -1 (not known) to 2^31-1 */
#ifndef HM_ARRAYCOLUMN_H
#define HM_ARRAYCOLUMN_H

#include "rec/npyread.h"
#include "rec/rec.h"

struct hm_arraycolumn {
	char name[HM_MAX_NAME + 1];
	const char *file;	 /* for messages, borrowed */
	struct hm_npyarray from; /* borrowed by it: what the array stands in */
	enum hm_dtype dtype;	 /* of the column */
	bool label;
	size_t rows, first, held; /* rows of the array; the window that is in `raw` */
	size_t mapped;		  /* bytes read since the mapping was released */
	struct hm_buf raw;	  /* elements as in the array */
	struct hm_buf value;	  /* the row that was given last, converted */
};
/* Adds the column to the schema, with `attr`, which is taken over also on failure (may be NULL). c->from must
 * hold an array; name and file are set. HM_EDATA: elements that no column has, a shape or a size that no
 * record has, or another than tools give to a column of that name. */
int hm_arraycolumn_open(struct hm_arraycolumn *c, const char *name, const char *file, cJSON *attr,
			struct hm_schema *s, struct hm_err *e);
void hm_arraycolumn_close(struct hm_arraycolumn *c);
/* Row k < c->rows, borrowed until the next call. Rows in order are cheap. HM_EDATA: the row holds what a
 * column may not; *v then is a row of zeros (a label: -1). The sentence names column and element, not the
 * record. */
int hm_arraycolumn_row(struct hm_arraycolumn *c, size_t k, struct hm_val *v, struct hm_err *e);

#endif
