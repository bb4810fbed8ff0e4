/* The columns that hm's tools make and read: name, type, shape, and which tool makes it. The one place where
 * their names stand, and the one check of what a column holds. */
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
};

const char *hm_column_name(enum hm_column c);
/* The tool that makes it: "hm-imgprep". */
const char *hm_column_maker(enum hm_column c);
/* What a tower of that side reads: pixels, token_ids. */
enum hm_column hm_column_raw(enum hm_side side);
/* Where a side's output of that kind is kept: image_feature, image_grid, text_feature. Of
 * HM_WORDS it is text_feature, which stands for nothing there. */
enum hm_column hm_column_feature(enum hm_side side, enum hm_give give);

/* The index of a column of that name, -1 when there is none, whatever it holds. */
int hm_column_at(const struct hm_schema *s, enum hm_column c);
/* *at := the column's index in the schema, -1 when it is not there. HM_EDATA when a column of that name has
 * another type or shape than its maker gives it. */
int hm_column_find(const struct hm_schema *s, enum hm_column c, int *at, struct hm_err *e);
/* The same, and HM_EDATA when it is not there: "there is no column "pixels"; hm-imgprep makes it". */
int hm_column_need(const struct hm_schema *s, enum hm_column c, int *at, struct hm_err *e);

#endif
