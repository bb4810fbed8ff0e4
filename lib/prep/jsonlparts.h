/* Shared by the two files of the JSON lines reader (jsonl.h); nobody else includes it. */
#ifndef HM_JSONLPARTS_H
#define HM_JSONLPARTS_H

#include "prep/jsonl.h"

/* A line and its tree. */
struct hm_jsonl_object {
	const char *line;
	size_t len;
	const cJSON *tree;
};

/* One member: its value and, once located, its bytes in the line and their column. */
struct hm_jsonl_member {
	const char *key;
	const cJSON *v; /* NULL: not there */
	int index;
	const char *raw;
	size_t len, column;
};
/* Fills in the second half. It scans the line, so it is called only where the digits of a number count, and
 * for messages. */
void hm_jsonl_locate(const struct hm_jsonl_object *o, struct hm_jsonl_member *m);

/* What is wrong with a line, as sentences that say what is there, what may be done, and at which column. All
 * return HM_EDATA. `help`: what may be done about it, or NULL. */

/* The line is no JSON object; `why` is what the parser said at `column`, if it failed. */
int hm_jsonl_no_object(const struct hm_jsonl_object *o, const struct hm_err *why, size_t column,
		       struct hm_err *e);
/* A field that must be there is not. */
int hm_jsonl_missing(const struct hm_jsonl_object *o, const char *key, const char *help, struct hm_err *e);
/* A field is not `what` ("a string"). */
int hm_jsonl_wrong(const struct hm_jsonl_object *o, struct hm_jsonl_member *m, const char *what,
		   const char *help, struct hm_err *e);
/* A label is no class: none of the words, or no integer from 0 where there are none. */
int hm_jsonl_no_class(const struct hm_jsonl_object *o, struct hm_jsonl_member *m, const struct hm_labels *l,
		      struct hm_err *e);
/* A path has a backslash; is absolute, whether or not it began with the prefix. */
int hm_jsonl_backslash(const struct hm_jsonl_object *o, struct hm_jsonl_member *m, struct hm_err *e);
int hm_jsonl_absolute(const struct hm_jsonl_object *o, struct hm_jsonl_member *m, const char *prefix,
		      struct hm_err *e);

#endif
