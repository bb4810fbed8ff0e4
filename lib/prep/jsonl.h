/* One JSON object per line, as the fields that a record is made of. A line is checked strictly (json/json.h)
 * and its fields by type; prep/lines.h reads the lines. Knows nothing of records: hm-jsonl2rec does.
 *
 *   if (!hm_jsonl_parse(&form, line, len, &rec, e)) ... hm_jsonl_clear(&rec)
 */
#ifndef HM_JSONL_H
#define HM_JSONL_H

#include "prep/form.h"

#include <cjson/cJSON.h>

#define HM_JSONL_DEPTH 32

/* The fields of one line; their texts live until hm_jsonl_clear. */
struct hm_jsonl_rec {
	struct hm_fields v;
	char digits[64]; /* holds the id when it is a number */
	int id_index;	 /* which member of the object the id is */
	cJSON *tree;	 /* owns the other texts */
};
/* Parses a line of hm_lines_next. A byte order mark in front of it is skipped and counts for no column
 * (joined files have one at every beginning). HM_EDATA with a sentence that ends in the 1-based byte column;
 * rec then holds nothing. */
int hm_jsonl_parse(const struct hm_form *f, const char *line, size_t len, struct hm_jsonl_rec *rec,
		   struct hm_err *e);
/* 1-based byte column of the id in the line that rec was parsed from, for messages. */
size_t hm_jsonl_id_column(const char *line, size_t len, const struct hm_jsonl_rec *rec);
void hm_jsonl_clear(struct hm_jsonl_rec *rec);

#endif
