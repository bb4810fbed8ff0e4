/* The table of columns. See columns.h. */
#include "feed/columns.h"
#include "json/build.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { SIDE = 1 << 14, WIDE = 1 << 20 }; /* most of an image's side, of a feature's dimension */
enum { FLOATS = -1 };			 /* any of F32, F16, BF16 */

static const struct column {
	const char *name, *maker;
	int dtype; /* enum hm_dtype, or FLOATS */
	int ndim;
	int64_t dim[3]; /* each size; 0: any from 1 to `most`; -1: ragged */
	int64_t most;
	const char *what; /* the type in words */
} columns[] = {
	[HM_COLUMN_ID] = {"id", "hm-jsonl2rec", HM_UTF8, 0, {0}, 0, "text"},
	[HM_COLUMN_LABEL] = {"label", "hm-jsonl2rec", HM_I32, 0, {0}, 0, "one I32"},
	[HM_COLUMN_ERROR] = {"error", "--on-error keep", HM_UTF8, 0, {0}, 0, "text"},
	[HM_COLUMN_IMG] = {"img", "hm-jsonl2rec", HM_UTF8, 0, {0}, 0, "text"},
	[HM_COLUMN_TEXT] = {"text", "hm-jsonl2rec", HM_UTF8, 0, {0}, 0, "text"},
	[HM_COLUMN_PIXELS] = {"pixels", "hm-imgprep", HM_U8, 3, {3, 0, 0}, SIDE, "U8 [3,height,width]"},
	[HM_COLUMN_TOKEN_IDS] = {"token_ids", "hm-tokenize", HM_I32, 1, {-1}, 0, "ragged I32"},
	[HM_COLUMN_IMAGE_FEATURE] =
		{"image_feature", "hm-encode", FLOATS, 1, {0}, WIDE, "a vector of floats"},
	[HM_COLUMN_IMAGE_GRID] = {"image_grid", "hm-encode", FLOATS, 2, {0, 0}, WIDE, "a grid of floats"},
	[HM_COLUMN_TEXT_FEATURE] = {"text_feature", "hm-encode", FLOATS, 1, {0}, WIDE, "a vector of floats"},
	[HM_COLUMN_LOGITS] = {"logits", "hm-score", HM_F32, 1, {0}, 65536, "one F32 per class"},
	[HM_COLUMN_PROB] = {"prob", "hm-score", HM_F32, 1, {0}, 65536, "one F32 per class"},
	[HM_COLUMN_NEIGHBOURS] = {"neighbours", "hm-nearest", HM_UTF8, 0, {0}, 0, "text"},
};

const char *hm_column_name(enum hm_column c)
{
	return columns[c].name;
}

const char *hm_column_maker(enum hm_column c)
{
	return columns[c].maker;
}

enum hm_column hm_column_raw(enum hm_side side)
{
	return side == HM_IMAGE ? HM_COLUMN_PIXELS : HM_COLUMN_TOKEN_IDS;
}

enum hm_column hm_column_feature(enum hm_side side, enum hm_give give)
{
	if (side == HM_TEXT)
		return HM_COLUMN_TEXT_FEATURE;
	return give == HM_GRID ? HM_COLUMN_IMAGE_GRID : HM_COLUMN_IMAGE_FEATURE;
}

static bool fits_column(const struct hm_field *f, const struct column *c)
{
	bool type = c->dtype == FLOATS ? f->dtype == HM_F32 || f->dtype == HM_F16 || f->dtype == HM_BF16
				       : (int)f->dtype == c->dtype;
	bool fits = type && f->ndim == c->ndim;
	for (int j = 0; fits && j < c->ndim; j++)
		fits = c->dim[j] ? f->dim[j] == c->dim[j] : f->dim[j] >= 1 && f->dim[j] <= c->most;
	return fits;
}

int hm_column_at(const struct hm_schema *s, enum hm_column c)
{
	return hm_schema_find(s, columns[c].name);
}

/* *at := the index of the column `name`, -1 if it is missing; HM_EDATA if it is not like column c. */
static int find_like(const struct hm_schema *s, const char *name, enum hm_column c, int *at, struct hm_err *e)
{
	char shape[96] = "scalar";
	*at = hm_schema_find(s, name);
	if (*at < 0 || fits_column(&s->field[*at], &columns[c]))
		return 0;
	const struct hm_field *f = &s->field[*at];
	if (f->ndim)
		hm_shape_text(f->ndim, f->dim, shape, sizeof shape);
	return hm_err_set(e, HM_EDATA, "column \"%s\" is %s %s; %s makes it as %s", name,
			  hm_dtype_name(f->dtype), shape, columns[c].maker, columns[c].what);
}

int hm_column_find(const struct hm_schema *s, enum hm_column c, int *at, struct hm_err *e)
{
	return find_like(s, columns[c].name, c, at, e);
}

int hm_column_like(const struct hm_schema *s, const char *name, enum hm_column c, int *at, struct hm_err *e)
{
	int rc = find_like(s, name, c, at, e);
	if (!rc && *at < 0)
		rc = hm_err_set(e, HM_EDATA, "there is no column \"%s\"; %s makes it", name,
				columns[c].maker);
	return rc;
}

int hm_column_need(const struct hm_schema *s, enum hm_column c, int *at, struct hm_err *e)
{
	return hm_column_like(s, columns[c].name, c, at, e);
}

int hm_column_names(const struct hm_schema *s, int label, cJSON **names, struct hm_err *e)
{
	const cJSON *list = cJSON_GetObjectItemCaseSensitive(s->field[label].attr, "names"), *v;
	bool fits = !list || (cJSON_IsArray(list) && list->child);
	cJSON_ArrayForEach(v, list) fits &= cJSON_IsString(v);
	*names = NULL;
	if (!fits)
		return hm_err_set(e, HM_EDATA,
				  "column \"%s\": its attribute names is not an array of strings",
				  s->field[label].name);
	return !list || (*names = hm_json_copy(list, e)) ? 0 : HM_EDATA;
}

int hm_column_names_differ(const cJSON *a, const cJSON *b, int most, const char *word[2])
{
	a = a ? a->child : NULL;
	b = b ? b->child : NULL;
	for (int c = 0; a && b && c < most; a = a->next, b = b->next, c++)
		if (strcmp(a->valuestring, b->valuestring) != 0) {
			word[0] = a->valuestring;
			word[1] = b->valuestring;
			return c;
		}
	return -1;
}

int hm_column_names_moved(const cJSON *own, const cJSON *names, const char **word, int *other)
{
	const cJSON *v, *w;
	int c = 0;
	cJSON_ArrayForEach(v, names)
	{
		*other = 0;
		cJSON_ArrayForEach(w, own)
		{
			*word = v->valuestring;
			if (c != *other && !strcmp(*word, w->valuestring))
				return c;
			++*other;
		}
		c++;
	}
	return -1;
}

int hm_column_labels_compare(const struct hm_schema *s, int label, const struct hm_schema *t, int other,
			     const char *file, struct hm_err *e)
{
	cJSON *a = NULL, *b = NULL;
	const char *word[2];
	int rc = label < 0 || other < 0 ? 0 : hm_column_names(s, label, &a, e);
	if (!rc && a && !(rc = hm_column_names(t, other, &b, e))) {
		int c = hm_column_names_differ(a, b, INT_MAX, word);
		if (c >= 0)
			rc = hm_err_set(
				e, HM_EDATA,
				"class %d is \"%.64s\", and \"%.64s\" in %.200s; --labels of hm-csv2rec "
				"and hm-jsonl2rec gives the order",
				c, word[0], word[1], file);
	}
	cJSON_Delete(a);
	cJSON_Delete(b);
	return rc;
}
