/* JSON lines to the fields that a record is made of. A file is read line by line and never held whole; a line
 * is checked strictly (json/json.h) and its fields by type. Knows nothing of records: hm-jsonl2rec does.
 *
 *   struct hm_lines l;  hm_lines_open(&l, path, e)
 *   while ((rc = hm_lines_next(&l, &line, &len, e)) == 1)
 *           if (!hm_jsonl_parse(&form, line, len, &rec, e)) ... hm_jsonl_clear(&rec)
 */
#ifndef HM_JSONL_H
#define HM_JSONL_H

#include "base/tensor.h"

#include <cjson/cJSON.h>

#define HM_JSONL_LINE ((size_t)16 << 20) /* bytes of a line, its end not counted */
#define HM_JSONL_DEPTH 32
#define HM_JSONL_KEEP 60

struct hm_lines {
	const char *name; /* hm_lines_name of the path, borrowed */
	uint64_t line;	  /* number of the line last returned, from 1 */
	int fd;
	bool end;
	struct hm_buf buf;
	size_t at; /* where the next line starts in buf */
};
/* "-" is standard input. HM_EDATA with the sentence beginning with the name. */
int hm_lines_open(struct hm_lines *l, const char *path, struct hm_err *e);
/* The next line without its \n, borrowed until the next call: 1, 0 at the end, or HM_EDATA when reading
 * fails. The last line needs no \n. A line beyond HM_JSONL_LINE is cut to one byte more than that, which
 * hm_jsonl_parse refuses, and its rest is dropped. */
int hm_lines_next(struct hm_lines *l, const char **line, size_t *len, struct hm_err *e);
void hm_lines_close(struct hm_lines *l);
/* What messages call a path: itself, "standard input" for "-". */
const char *hm_lines_name(const char *path);
/* True for nothing but spaces, tabs and \r. */
bool hm_line_blank(const char *line, size_t len);

/* What to take from each object. Names are borrowed. */
struct hm_jsonl_form {
	const char *id, *img, *text, *label; /* keys */
	const char *img_prefix;		     /* "": img is left as it is */
	int n_keep;
	struct {
		const char *name;
		enum hm_dtype dtype; /* HM_UTF8, HM_I32 or HM_F32 */
	} keep[HM_JSONL_KEEP];
};
/* Adds a field to be kept: "NAME", "NAME:i32", "NAME:f32" or "NAME:utf8" (the same as "NAME"). A type is cut
 * off in place, and `word` must outlive the form. HM_EUSAGE for an unknown type or too many fields. */
int hm_jsonl_keep(struct hm_jsonl_form *f, char *word, struct hm_err *e);

/* One line's fields. Texts are NUL-terminated, valid UTF-8 without U+0000, and live until hm_jsonl_clear. */
struct hm_jsonl_rec {
	const char *id;	 /* a string's characters, an integer's digits */
	const char *img; /* leading slashes and prefixes stripped */
	const char *text;
	int32_t label; /* -1: none */
	union {
		const char *text;
		int32_t i32;
		float f32;
	} keep[HM_JSONL_KEEP];
	char digits[64]; /* where id stands when it was a number */
	int id_index;	 /* which member of the object it was */
	cJSON *tree;	 /* owns the rest */
};
/* HM_EDATA with a sentence that ends in the 1-based byte column; rec then holds nothing. */
int hm_jsonl_parse(const struct hm_jsonl_form *f, const char *line, size_t len, struct hm_jsonl_rec *rec,
		   struct hm_err *e);
/* 1-based byte column of the id in the line that rec was parsed from, for messages. */
size_t hm_jsonl_id_column(const char *line, size_t len, const struct hm_jsonl_rec *rec);
void hm_jsonl_clear(struct hm_jsonl_rec *rec);

#endif
