/* The table of columns: each row takes what its tool makes, and refuses by name another type, another number
 * of dimensions, another size where it is fixed, and a size past the largest. */
#include "../support/streams.h"
#include "feed/columns.h"

#include <setjmp.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { SIDE = 1 << 14, WIDE = 1 << 20, CLASSES = 1 << 16, SHAPES = 12 };

struct shape {
	enum hm_dtype dtype;
	int ndim;
	int64_t dim[3];
};
#define END                                                                                                  \
	{                                                                                                    \
		.ndim = -1                                                                                   \
	}

static const struct row {
	const char *name, *maker, *what;
	struct shape good[SHAPES], bad[SHAPES]; /* each ended by END */
} row[] = {
	[HM_COLUMN_ID] = {"id", "hm-jsonl2rec", "text", {{HM_UTF8}, END}, {{HM_U8, 1, {-1}}, {HM_I32}, END}},
	[HM_COLUMN_LABEL] =
		{"label",
		 "hm-jsonl2rec",
		 "one I32",
		 {{HM_I32}, END},
		 {{HM_I64}, {HM_U32}, {HM_F32}, {HM_UTF8}, {HM_I32, 1, {1}}, {HM_I32, 1, {-1}}, END}},
	[HM_COLUMN_ERROR] =
		{"error", "--on-error keep", "text", {{HM_UTF8}, END}, {{HM_BOOL}, {HM_U8, 1, {-1}}, END}},
	[HM_COLUMN_IMG] =
		{"img", "hm-jsonl2rec", "text", {{HM_UTF8}, END}, {{HM_U8, 1, {-1}}, {HM_I32}, END}},
	[HM_COLUMN_TEXT] =
		{"text", "hm-jsonl2rec", "text", {{HM_UTF8}, END}, {{HM_U8, 1, {-1}}, {HM_I32}, END}},
	[HM_COLUMN_PIXELS] =
		{"pixels",
		 "hm-imgprep",
		 "U8 [3,height,width]",
		 {{HM_U8, 3, {3, 224, 224}}, {HM_U8, 3, {3, 1, SIDE}}, {HM_U8, 3, {3, SIDE, 1}}, END},
		 {{HM_F32, 3, {3, 224, 224}},
		  {HM_I8, 3, {3, 224, 224}},
		  {HM_U8, 2, {224, 224}},
		  {HM_U8, 3, {1, 224, 224}},
		  {HM_U8, 3, {4, 224, 224}},
		  {HM_U8, 3, {-1, 224, 224}},
		  {HM_U8, 3, {3, 0, 224}},
		  {HM_U8, 3, {3, 224, 0}},
		  {HM_U8, 3, {3, SIDE + 1, 1}},
		  {HM_U8, 3, {3, 1, SIDE + 1}},
		  {HM_U8},
		  END}},
	[HM_COLUMN_TOKEN_IDS] = {"token_ids",
				 "hm-tokenize",
				 "ragged I32",
				 {{HM_I32, 1, {-1}}, END},
				 {{HM_I32, 1, {16}},
				  {HM_I32},
				  {HM_I32, 2, {-1, 2}},
				  {HM_I64, 1, {-1}},
				  {HM_U32, 1, {-1}},
				  END}},
#define VECTOR                                                                                               \
	"hm-encode", "a vector of floats",                                                                   \
		{{HM_F32, 1, {512}}, {HM_F16, 1, {1}}, {HM_BF16, 1, {WIDE}}, END},                           \
	{                                                                                                    \
		{HM_F64, 1, {512}}, {HM_I32, 1, {512}}, {HM_U16, 1, {512}}, {HM_F32}, {HM_F32, 2, {1, 512}}, \
			{HM_F32, 1, {-1}}, {HM_F32, 1, {0}}, {HM_F32, 1, {WIDE + 1}}, END                    \
	}
	[HM_COLUMN_IMAGE_FEATURE] = {"image_feature", VECTOR},
	[HM_COLUMN_TEXT_FEATURE] = {"text_feature", VECTOR},
	[HM_COLUMN_IMAGE_GRID] =
		{"image_grid",
		 "hm-encode",
		 "a grid of floats",
		 {{HM_F32, 2, {49, 512}}, {HM_F16, 2, {1, WIDE}}, {HM_BF16, 2, {WIDE, 1}}, END},
		 {{HM_F64, 2, {49, 512}},
		  {HM_U8, 2, {49, 512}},
		  {HM_F32, 1, {512}},
		  {HM_F32, 3, {7, 7, 512}},
		  {HM_F32, 2, {-1, 512}},
		  {HM_F32, 2, {0, 512}},
		  {HM_F32, 2, {49, 0}},
		  {HM_F32, 2, {WIDE + 1, 1}},
		  {HM_F32, 2, {1, WIDE + 1}},
		  END}},
#define CLASS_VALUES                                                                                         \
	"hm-score", "one F32 per class", {{HM_F32, 1, {2}}, {HM_F32, 1, {CLASSES}}, END},                    \
	{                                                                                                    \
		{HM_F16, 1, {2}}, {HM_F64, 1, {2}}, {HM_F32}, {HM_F32, 1, {-1}}, {HM_F32, 1, {0}},           \
			{HM_F32, 1, {CLASSES + 1}}, {HM_F32, 2, {2, 2}}, END                                 \
	}
	[HM_COLUMN_LOGITS] = {"logits", CLASS_VALUES},
	[HM_COLUMN_PROB] = {"prob", CLASS_VALUES},
	[HM_COLUMN_NEIGHBOURS] =
		{"neighbours", "hm-nearest", "text", {{HM_UTF8}, END}, {{HM_U8, 1, {-1}}, {HM_I32}, END}},
};
enum { COLUMNS = sizeof row / sizeof *row };

/* A schema of `note`, then the column. */
static void make_schema(struct hm_schema *s, const char *name, const struct shape *a)
{
	struct hm_err e = {0};
	*s = (struct hm_schema){0};
	assert_int_equal(hm_schema_add(s, "note", HM_UTF8, 0, NULL, NULL, &e), 0);
	if (hm_schema_add(s, name, a->dtype, a->ndim, a->dim, NULL, &e) != 1)
		fail_msg("%s", e.text);
}

static void what_its_tool_makes_is_found(void **state)
{
	(void)state;
	for (int c = 0; c < COLUMNS; c++) {
		const struct row *r = &row[c];
		assert_string_equal(hm_column_name((enum hm_column)c), r->name);
		assert_string_equal(hm_column_maker((enum hm_column)c), r->maker);
		for (const struct shape *a = r->good; a->ndim >= 0; a++) {
			struct hm_schema s;
			struct hm_err e = {0};
			int found = -2, needed = -2;
			make_schema(&s, r->name, a);
			if (hm_column_find(&s, (enum hm_column)c, &found, &e) ||
			    hm_column_need(&s, (enum hm_column)c, &needed, &e))
				fail_msg("%s, shape %td: %s", r->name, a - r->good, e.text);
			assert_int_equal(found, 1);
			assert_int_equal(needed, 1);
			hm_schema_clear(&s);
		}
	}
}

static void what_it_does_not_make_is_refused(void **state)
{
	(void)state;
	for (int c = 0; c < COLUMNS; c++) {
		const struct row *r = &row[c];
		for (const struct shape *a = r->bad; a->ndim >= 0; a++) {
			char begins[96], ends[96];
			struct hm_schema s;
			make_schema(&s, r->name, a);
			snprintf(begins, sizeof begins, "column \"%s\" is %s ", r->name,
				 hm_dtype_name(a->dtype));
			snprintf(ends, sizeof ends, "; %s makes it as %s", r->maker, r->what);
			for (int need = 0; need < 2; need++) {
				struct hm_err e = {0};
				int at, rc = need ? hm_column_need(&s, (enum hm_column)c, &at, &e)
						  : hm_column_find(&s, (enum hm_column)c, &at, &e);
				size_t n = strlen(e.text), m = strlen(ends);
				if (rc != HM_EDATA || strncmp(e.text, begins, strlen(begins)) || n < m ||
				    strcmp(e.text + n - m, ends))
					fail_msg("%s, shape %td: rc %d, \"%s\"", r->name, a - r->bad, rc,
						 e.text);
			}
			hm_schema_clear(&s);
		}
	}
}

static void what_is_not_there(void **state)
{
	(void)state;
	for (int c = 0; c < COLUMNS; c++) {
		struct hm_schema s;
		struct hm_err e = {0};
		char want[96];
		int at = -2;
		make_schema(&s, "elsewhere", &row[c].good[0]);
		assert_int_equal(hm_column_find(&s, (enum hm_column)c, &at, &e), 0);
		assert_int_equal(at, -1);
		assert_int_equal(e.code, 0);
		assert_int_equal(hm_column_need(&s, (enum hm_column)c, &at, &e), HM_EDATA);
		snprintf(want, sizeof want, "there is no column \"%s\"; %s makes it", row[c].name,
			 row[c].maker);
		assert_string_equal(e.text, want);
		hm_schema_clear(&s);
	}
}

static void sides_and_their_columns(void **state)
{
	(void)state;
	assert_int_equal(hm_column_raw(HM_IMAGE), HM_COLUMN_PIXELS);
	assert_int_equal(hm_column_raw(HM_TEXT), HM_COLUMN_TOKEN_IDS);
	assert_int_equal(hm_column_feature(HM_IMAGE, HM_POOLED), HM_COLUMN_IMAGE_FEATURE);
	assert_int_equal(hm_column_feature(HM_IMAGE, HM_GRID), HM_COLUMN_IMAGE_GRID);
	assert_int_equal(hm_column_feature(HM_TEXT, HM_POOLED), HM_COLUMN_TEXT_FEATURE);
}

/* The words of two arrays, as JSON, below a number of classes. */
static void differs_at(int want, const char *a, const char *b, int most, const char *first,
		       const char *second)
{
	cJSON *x = a ? cJSON_Parse(a) : NULL, *y = b ? cJSON_Parse(b) : NULL;
	const char *word[2] = {"", ""};
	assert_int_equal(hm_column_names_differ(x, y, most, word), want);
	assert_string_equal(word[0], first);
	assert_string_equal(word[1], second);
	cJSON_Delete(x);
	cJSON_Delete(y);
}

static void words_of_classes_that_differ(void **state)
{
	(void)state;
	static const char abc[] = "[\"a\",\"b\",\"c\"]";
	differs_at(-1, abc, abc, 3, "", "");
	differs_at(0, abc, "[\"b\",\"a\",\"c\"]", 3, "a", "b");
	differs_at(2, abc, "[\"a\",\"b\",\"d\"]", 3, "c", "d");
	differs_at(-1, abc, "[\"a\",\"b\",\"d\"]", 2, "", "");
	differs_at(-1, abc, "[\"a\",\"b\"]", 3, "", "");
	differs_at(1, "[\"a\",\"B\"]", abc, 3, "B", "b");
	differs_at(-1, NULL, abc, 3, "", "");
	differs_at(-1, abc, NULL, 3, "", "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_its_tool_makes_is_found),
		cmocka_unit_test(what_it_does_not_make_is_refused),
		cmocka_unit_test(what_is_not_there),
		cmocka_unit_test(sides_and_their_columns),
		cmocka_unit_test(words_of_classes_that_differ),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
