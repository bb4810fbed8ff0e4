/* One JSON object per line, as the fields that a record is made of. A line is checked strictly (json/json.h)
 * and its fields by type; prep/lines.h reads the lines. Knows nothing of records: hm-jsonl2rec does.
 *
 *   if (!hm_jsonl_parse(&form, line, len, &rec, e)) ... hm_jsonl_clear(&rec)
 */
#ifndef HM_JSONL_H
#define HM_JSONL_H

#include "base/tensor.h"
#include "prep/labels.h"

#include <cjson/cJSON.h>

#define HM_JSONL_DEPTH 32
#define HM_JSONL_KEEP 60

/* What to take from each object. Names are borrowed. */
struct hm_jsonl_form {
	const char *id, *img, *text; /* keys; img or text NULL: the data set has no such field */
	const char *label;	     /* NULL: it is not looked at */
	const char *img_prefix;	     /* cut off the front of paths; "": nothing is */
	bool null_text;		     /* a caption that is null or absent is empty, not an error */
	bool needs_both; /* img and text are wanted by a model: messages do not say how to do without */
	struct hm_labels labels;
	int n_keep;
	struct {
		const char *name;
		enum hm_dtype dtype; /* HM_UTF8, HM_I32 or HM_F32 */
	} keep[HM_JSONL_KEEP];
};
/* Adds a field to be kept: "NAME", "NAME:i32", "NAME:f32" or "NAME:utf8" (the same as "NAME"). A type is cut
 * off in place, and `word` must outlive the form. HM_EUSAGE for an unknown type or too many fields. */
int hm_jsonl_keep(struct hm_jsonl_form *f, char *word, struct hm_err *e);

/* Cuts the folders of `prefix` off the front of a path, once, and the slashes behind them: "/data" makes
 * "hm/1.png" of "/data/hm/1.png" and leaves "/database/1.png" alone. Slashes that are doubled and "." as a
 * folder do not count. A prefix without "/" may also end at a backslash. Returns a place in `path`; `path`
 * itself when it does not begin so, or when nothing would be left of it. */
const char *hm_path_strip(const char *path, const char *prefix);

/* The fields of one line. Texts are NUL-terminated, valid UTF-8 without U+0000, and live until
 * hm_jsonl_clear. */
struct hm_jsonl_rec {
	const char *id;	 /* a string's characters, an integer's digits */
	const char *img; /* without prefix, relative, without backslashes; NULL as in the form */
	const char *text;
	bool cut;      /* img began with the prefix */
	bool no_text;  /* the caption's field is absent, and null_text made it empty */
	int32_t label; /* class from 0, -1: not known */
	union {
		const char *text;
		int32_t i32;
		float f32;
	} keep[HM_JSONL_KEEP];
	char digits[64]; /* holds the id when it is a number */
	int id_index;	 /* which member of the object the id is */
	cJSON *tree;	 /* owns the rest */
};
/* Parses a line of hm_lines_next. A byte order mark in front of it is skipped and counts for no column
 * (joined files have one at every beginning). HM_EDATA with a sentence that ends in the 1-based byte column;
 * rec then holds nothing. */
int hm_jsonl_parse(const struct hm_jsonl_form *f, const char *line, size_t len, struct hm_jsonl_rec *rec,
		   struct hm_err *e);
/* 1-based byte column of the id in the line that rec was parsed from, for messages. */
size_t hm_jsonl_id_column(const char *line, size_t len, const struct hm_jsonl_rec *rec);
void hm_jsonl_clear(struct hm_jsonl_rec *rec);

#endif
