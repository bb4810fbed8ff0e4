/* The columns that hm's tools make and read: name, type, shape, and the tool that makes each. Their names and
 * the check of what a column holds are here and nowhere else. */
#ifndef HM_COLUMNS_H
#define HM_COLUMNS_H

#include "nn/tower.h"
#include "rec/rec.h"

enum hm_column {
	HM_COLUMN_ID,
	HM_COLUMN_LABEL,
	HM_COLUMN_ERROR,
	HM_COLUMN_IMG,
	HM_COLUMN_TEXT,
	HM_COLUMN_PIXELS,
	HM_COLUMN_TOKEN_IDS,
	HM_COLUMN_IMAGE_FEATURE,
	HM_COLUMN_IMAGE_GRID,
	HM_COLUMN_TEXT_FEATURE,
	HM_COLUMN_LOGITS,
	HM_COLUMN_PROB,
	HM_COLUMN_NEIGHBOURS,
};

const char *hm_column_name(enum hm_column c);
/* The tool that makes the column: "hm-imgprep". */
const char *hm_column_maker(enum hm_column c);
/* The column that a tower of that side reads: pixels or token_ids. */
enum hm_column hm_column_raw(enum hm_side side);
/* The column that holds a side's output of that kind: image_feature, image_grid or text_feature. For
 * HM_WORDS, which has no column, text_feature. */
enum hm_column hm_column_feature(enum hm_side side, enum hm_give give);

/* *at := the index of the column `name`, which must be like column c ("image_feature": a vector of floats).
 * HM_EDATA if it is missing or is not. */
int hm_column_like(const struct hm_schema *s, const char *name, enum hm_column c, int *at, struct hm_err *e);

/* The index of the column with that name, of any type; -1 if the schema has no such column. */
int hm_column_at(const struct hm_schema *s, enum hm_column c);
/* *at := the column's index in the schema, -1 if it is missing. 0, or HM_EDATA if a column of that name has
 * another type or shape than its maker gives it. */
int hm_column_find(const struct hm_schema *s, enum hm_column c, int *at, struct hm_err *e);
/* The same, but a missing column is HM_EDATA: "there is no column "pixels"; hm-imgprep makes it". */
int hm_column_need(const struct hm_schema *s, enum hm_column c, int *at, struct hm_err *e);

/* *names := a copy of what column `label` of the schema says its classes are called, an array of strings,
 * from class 0; NULL if it does not say. Caller frees with cJSON_Delete. HM_EDATA if `names` is something
 * else. */
int hm_column_names(const struct hm_schema *s, int label, cJSON **names, struct hm_err *e);
/* The first class below `most` that two such arrays call differently, and word[0], word[1] := its words,
 * which are borrowed. -1: none. NULL says nothing, and neither does the shorter array of what lies behind its
 * end. */
int hm_column_names_differ(const cJSON *a, const cJSON *b, int most, const char *word[2]);
/* The first class of `names` whose word `own` has for another class: *word and *other := that word, which is
 * borrowed, and own's class. -1: none; NULL says nothing. New words are thus fine, exchanged ones are not. */
int hm_column_names_moved(const cJSON *own, const cJSON *names, const char **word, int *other);
/* Whether the label columns of s and t, -1 for none, call their classes alike; if not, HM_EDATA: "class 0 is
 * "yes", and "no" in FILE", where FILE holds t. */
int hm_column_labels_compare(const struct hm_schema *s, int label, const struct hm_schema *t, int other,
			     const char *file, struct hm_err *e);

#endif
