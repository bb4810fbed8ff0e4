/* What to take from each JSON object or row of a table, and what was taken: the fields that a record is made
 * of. Their readers fill them in (jsonl.h). */
#ifndef HM_FORM_H
#define HM_FORM_H

#include "base/tensor.h"
#include "prep/labels.h"

#define HM_FORM_KEEP 60

/* Names are borrowed. */
struct hm_form {
	const char *id, *img, *text; /* names; img or text NULL: the data set has no such field */
	const char *label;	     /* NULL: it is not looked at */
	const char *img_prefix;		     /* cut off the front of paths; "": nothing is */
	bool null_text;			     /* a caption that is null or absent is empty, not an error */
	bool needs_both; /* img and text are wanted by a model: messages do not say how to do without */
	struct hm_labels labels;
	int n_keep;
	struct {
		const char *name;
		enum hm_dtype dtype; /* HM_UTF8, HM_I32 or HM_F32 */
	} keep[HM_FORM_KEEP];
};
/* Adds a field to be kept: "NAME", "NAME:i32", "NAME:f32" or "NAME:utf8" (the same as "NAME"). A type is cut
 * off in place, and `word` must outlive the form. HM_EUSAGE for an unknown type or too many fields. */
int hm_form_keep(struct hm_form *f, char *word, struct hm_err *e);

/* The fields of one object or row. Texts are NUL-terminated, valid UTF-8 without U+0000, and borrowed from
 * who read them. */
struct hm_fields {
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
	} keep[HM_FORM_KEEP];
};

/* v->img and v->cut from the path that stands in the data; what is wrong with it, whether or not it began
 * with the prefix. */
enum hm_path { HM_PATH_FINE, HM_PATH_BACKSLASH, HM_PATH_ABSOLUTE };
enum hm_path hm_form_path(const struct hm_form *f, const char *whole, struct hm_fields *v);

/* Cuts the folders of `prefix` off the front of a path, once, and the slashes behind them: "/data" makes
 * "hm/1.png" of "/data/hm/1.png" and leaves "/database/1.png" alone. Slashes that are doubled and "." as a
 * folder do not count. A prefix without "/" may also end at a backslash. Returns a place in `path`; `path`
 * itself when it does not begin so, or when nothing would be left of it. */
const char *hm_path_strip(const char *path, const char *prefix);

/* For messages: the end of a path, whole when it is short. Its end tells more than its front. */
const char *hm_path_shown(const char *path);

#endif
