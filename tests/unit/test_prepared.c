/* What a preparation is, and when two of them fit. */
#include "feed/prepared.h"
#include "json/build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static cJSON *parse(const char *text)
{
	struct hm_err e = {0};
	cJSON *o = hm_json_parse(text, strlen(text), 8, NULL, &e);
	assert_non_null(o);
	return o;
}

static void of_a_column(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_schema s = {0};
	const int64_t px[] = {3, 40, 24}, wide[] = {8};
	assert_true(hm_schema_add(&s, "pixels", HM_U8, 3, px, parse("{\"fit\":\"crop\"}"), &e) >= 0);
	assert_true(hm_schema_add(&s, "image_feature", HM_F32, 1, wide,
				  parse("{\"encoder\":\"e\",\"output\":\"pooled\",\"precision\":\"f32\","
					"\"size\":\"40x24\","
					"\"fit\":\"crop\"}"),
				  &e) >= 0);
	assert_true(hm_schema_add(&s, "plain", HM_F32, 1, wide, NULL, &e) >= 0);
	cJSON *raw = hm_prepared_of(&s, 0, &e), *feature = hm_prepared_of(&s, 1, &e),
	      *none = hm_prepared_of(&s, 2, &e);
	assert_int_equal(e.code, 0);
	assert_true(
		cJSON_Compare(raw, feature, true)); /* the same pictures, before and after their encoder */
	assert_string_equal(cJSON_GetObjectItem(raw, "size")->valuestring, "40x24");
	assert_int_equal(cJSON_GetArraySize(raw), 2);
	assert_null(none->child);
	cJSON_Delete(raw);
	cJSON_Delete(feature);
	cJSON_Delete(none);
	hm_schema_clear(&s);
}

/* The sentence, or "" where the two fit. */
static const char *compared(const char *trained, const char *now, bool allow, char warning[320])
{
	static struct hm_err e;
	cJSON *a = trained ? parse(trained) : NULL, *b = now ? parse(now) : NULL;
	e = (struct hm_err){0};
	*warning = 0;
	int rc = hm_prepared_compare(a, b, "pixels", allow, warning, 320, &e);
	assert_int_equal(rc, e.code);
	cJSON_Delete(a);
	cJSON_Delete(b);
	return e.text;
}

static void comparison(void **state)
{
	(void)state;
	char w[320];
	static const char *const fits[][2] = {
		{NULL, "{\"size\":\"1x1\"}"},
		{"{}", "{\"size\":\"1x1\"}"},
		{"{\"size\":\"1x1\"}", "{}"},
		{"{\"size\":\"1x1\"}", "{\"size\":\"1x1\"}"},
		{"{\"size\":\"1x1\",\"fit\":\"crop\"}",
		 "{\"size\":\"1x1\"}"}, /* an older file does not say it */
		{"{\"size\":\"1x1\"}", "{\"size\":\"1x1\",\"fit\":\"crop\"}"},
	};
	for (size_t i = 0; i < sizeof fits / sizeof *fits; i++)
		assert_string_equal(compared(fits[i][0], fits[i][1], false, w), "");
	assert_string_equal(compared("{\"size\":\"224x224\"}", "{\"size\":\"64x64\"}", false, w),
			    "column \"pixels\": size is 64x64 here, the model was trained on 224x224 "
			    "(hm-imgprep --size 224; --allow-mismatch goes on)");
	assert_string_equal(compared("{\"fit\":\"squash\"}", "{\"fit\":\"crop\"}", false, w),
			    "column \"pixels\": fit is crop here, the model was trained on squash "
			    "(hm-imgprep --fit squash; --allow-mismatch goes on)");
	assert_non_null(strstr(compared("{\"vocab\":\"0123456789abcdef0123456789abcdef\"}",
					"{\"vocab\":\"fedcba98fedcba98fedcba98fedcba98\"}", false, w),
			       "vocab is fedcba98… here, the model was trained on 01234567…"));
	assert_non_null(strstr(compared("{\"cased\":true}", "{\"cased\":false}", false, w),
			       "cased is false here, the model was trained on true"));
	/* what one side has and the other has not is a default there: both ways */
	assert_non_null(
		strstr(compared("{\"fit\":\"crop\",\"filter\":\"bicubic\"}", "{\"fit\":\"crop\"}", false, w),
		       "filter is not said here, the model was trained on bicubic"));
	assert_non_null(
		strstr(compared("{\"fit\":\"crop\"}", "{\"fit\":\"crop\",\"filter\":\"bicubic\"}", false, w),
		       "filter is bicubic here, the model was trained on not said"));
	/* a kind of tokenizer that is not said is WordPiece's */
	assert_non_null(strstr(compared("{\"vocab\":\"x\",\"cased\":false}",
					"{\"vocab\":\"x\",\"kind\":\"clip-bpe\"}", false, w),
			       "kind is clip-bpe here, the model was trained on not said"));
	assert_string_equal(compared("{\"cased\":true}", "{\"cased\":false}", true, w), "");
	assert_string_equal(w, "column \"pixels\": cased is false here, the model was trained on true");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(of_a_column), cmocka_unit_test(comparison)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
