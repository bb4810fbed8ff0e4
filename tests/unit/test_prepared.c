/* What a preparation is, and when two of them fit. */
#include "feed/prepared.h"
#include "json/build.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static cJSON *parse_json(const char *text)
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
	assert_true(hm_schema_add(&s, "pixels", HM_U8, 3, px, parse_json("{\"fit\":\"crop\"}"), &e) >= 0);
	assert_true(hm_schema_add(&s, "image_feature", HM_F32, 1, wide,
				  parse_json("{\"encoder\":\"e\",\"output\":\"pooled\",\"precision\":\"f32\","
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
	cJSON *a = trained ? parse_json(trained) : NULL, *b = now ? parse_json(now) : NULL;
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
		{"{\"size\":\"1x1\"}", "{\"size\":\"1x1\",\"fit\":\"squash\",\"filter\":\"bicubic\"}"},
		{"{\"vocab\":\"x\",\"cased\":false}", "{\"vocab\":\"x\",\"kind\":\"wordpiece\"}"},
		/* features that were made elsewhere say what they like, or nothing */
		{"{\"source\":\"a\"}", "{\"size\":\"1x1\",\"fit\":\"squash\"}"},
		{"{\"kind\":\"clip-bpe\",\"vocab\":\"x\"}", "{\"source\":\"a\"}"},
		{"{\"size\":\"1x1\",\"source\":\"a\"}", "{\"vocab\":\"x\",\"source\":\"a\"}"},
		/* where a fit is said, the rest is what hm-imgprep did when it had one filter */
		{"{\"fit\":\"squash\"}", "{\"fit\":\"squash\",\"filter\":\"bilinear\"}"},
		{"{\"size\":\"224x224\",\"fit\":\"crop\"}",
		 "{\"size\":\"224x224\",\"fit\":\"crop\",\"short\":256,\"offset\":\"even\"}"},
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
	assert_non_null(strstr(compared("{\"clean_text\":false}", "{\"vocab\":\"a\"}", false, w),
			       "clean_text is not said here, the model was trained on false"));
	assert_non_null(strstr(compared("{\"vocab\":\"a\"}", "{\"clean_text\":false}", false, w),
			       "clean_text is false here, the model was trained on not said"));
	assert_non_null(strstr(compared("{\"source\":\"a\"}", "{\"source\":\"b\"}", false, w),
			       "source is b here, the model was trained on a"));
	/* a kind of tokenizer that is not said is WordPiece's */
	assert_non_null(strstr(compared("{\"vocab\":\"x\",\"cased\":false}",
					"{\"vocab\":\"x\",\"kind\":\"clip-bpe\"}", false, w),
			       "kind is clip-bpe here, the model was trained on wordpiece"));
	assert_string_equal(compared("{\"cased\":true}", "{\"cased\":false}", true, w), "");
	assert_string_equal(w, "column \"pixels\": cased is false here, the model was trained on true");
}

/* Each difference both ways; the hint is of what the model was trained on. */
static void pictures(void **state)
{
	(void)state;
	char w[320];
	static const char old[] = "{\"fit\":\"crop\",\"size\":\"112x112\"}";
	static const struct {
		const char *now, *here, *back;
	} cases[] = {
		{"{\"filter\":\"bicubic\",\"fit\":\"crop\",\"size\":\"112x112\"}",
		 "filter is bicubic here, the model was trained on bilinear (hm-imgprep --filter bilinear; ",
		 "filter is bilinear here, the model was trained on bicubic (hm-imgprep --filter bicubic; "},
		{"{\"fit\":\"crop\",\"short\":112,\"size\":\"112x112\"}",
		 "short is 112 here, the model was trained on 128 (hm-imgprep --short 128; ",
		 "short is 128 here, the model was trained on 112 (hm-imgprep --short 112; "},
		{"{\"fit\":\"crop\",\"offset\":\"floor\",\"size\":\"112x112\"}",
		 "offset is floor here, the model was trained on even (hm-imgprep --crop-offset even; ",
		 "offset is even here, the model was trained on floor (hm-imgprep --crop-offset floor; "},
		{"{\"fit\":\"pad\",\"size\":\"112x112\"}",
		 "fit is pad here, the model was trained on crop (hm-imgprep --fit crop; ",
		 "fit is crop here, the model was trained on pad (hm-imgprep --fit pad; "},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_non_null(strstr(compared(old, cases[i].now, false, w), cases[i].here));
		assert_non_null(strstr(compared(cases[i].now, old, false, w), cases[i].back));
	}
	/* colours that are not said are the family's own */
	static const char half[] =
		"{\"fit\":\"crop\",\"mean\":[0.5,0.5,0.5],\"size\":\"112x112\",\"std\":[0.25,0.5,1]}";
	assert_string_equal(compared(half, half, false, w), "");
	assert_string_equal(compared(half, old, false, w),
			    "column \"pixels\": mean is the family's own here, the model was trained on "
			    "0.5,0.5,0.5 (hm-encode --mean and --std; --allow-mismatch goes on)");
	assert_string_equal(compared(old, half, false, w),
			    "column \"pixels\": mean is 0.5,0.5,0.5 here, the model was trained on the "
			    "family's own (hm-encode --mean and --std; --allow-mismatch goes on)");
	assert_non_null(strstr(compared("{\"mean\":[0.5,0.5,0.5],\"std\":[1,1,1]}",
					"{\"mean\":[0.5,0.5,0.5],\"std\":[1,0.5,1]}", false, w),
			       "std is 1,0.5,1 here, the model was trained on 1,1,1 ("));
	assert_string_equal(compared(half, "{}", false, w), "");
	/* a file of any kind */
	static const char *const odd[] = {"{\"fit\":1,\"size\":\"112x112\"}", "{\"fit\":\"crop\",\"size\":7}",
					  "{\"fit\":\"crop\",\"size\":\"99999999999x1\"}",
					  "{\"filter\":{},\"fit\":[],\"short\":\"x\"}",
					  "{\"fit\":\"crop\",\"mean\":[],\"std\":[[\"]\"]]}"};
	for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
		assert_non_null(strstr(compared(odd[i], cases[1].now, false, w), " here, the model"));
		assert_non_null(strstr(compared(cases[1].now, odd[i], false, w), " here, the model"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(of_a_column), cmocka_unit_test(comparison),
					   cmocka_unit_test(pictures)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
