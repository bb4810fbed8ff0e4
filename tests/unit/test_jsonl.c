/* lib/prep/jsonl and labels: fields by type, with what is there and the column where it is wrong; ids,
 * prefixes, words of classes. */
#include "json/json.h"
#include "prep/jsonl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static const struct hm_form plain = {
	.id = "id", .img = "img", .text = "text", .label = "label", .img_prefix = "img/"};

static int parse_line(const struct hm_form *f, const char *line, struct hm_jsonl_rec *rec, struct hm_err *e)
{
	*e = (struct hm_err){0};
	return hm_jsonl_parse(f, line, strlen(line), rec, e);
}

static void both_forms_of_the_data_set(void **state)
{
	(void)state;
	struct hm_jsonl_rec rec;
	struct hm_err e;
	assert_int_equal(
		parse_line(&plain,
			   "{\"id\":42953,\"img\":\"img\\/42953.png\",\"label\":0,\"text\":\"caf\\u00e9\"}",
			   &rec, &e),
		0);
	assert_string_equal(rec.v.id, "42953");
	assert_string_equal(rec.v.img, "42953.png");
	assert_string_equal(rec.v.text, "caf\xc3\xa9");
	assert_int_equal(rec.v.label, 0);
	hm_jsonl_clear(&rec);
	assert_int_equal(parse_line(&plain,
				    " {\"text\":\"\",\"img\":\"1.png\",\"id\":\"00042\",\"other\":[{}]} \r",
				    &rec, &e),
			 0);
	assert_string_equal(rec.v.id, "00042");
	assert_int_equal(rec.v.label, -1);
	hm_jsonl_clear(&rec);
	assert_int_equal(parse_line(&plain,
				    "{\"text\":\"\",\"img\":\"\",\"id\":-9007199254740993123,\"label\":null}",
				    &rec, &e),
			 0);
	assert_string_equal(rec.v.id, "-9007199254740993123");
	assert_int_equal(rec.v.label, -1);
	hm_jsonl_clear(&rec);
}

static void wrong_fields_have_a_column(void **state)
{
	static const struct {
		const char *line, *why;
	} bad[] = {
		{"{\"img\":\"\",\"text\":\"\"}",
		 "the field \"id\" is missing from the object, which has \"img\", "
		 "\"text\" (--id-field names another), at column 1"},
		{"{\"id\":1,\"text\":\"\"}",
		 "the field \"img\" is missing from the object, which has \"id\", \"text\" "
		 "(--img-field names another, --no-img is for data without images), at "
		 "column 1"},
		{"{\"id\":1,\"img\":\"\"}",
		 "the field \"text\" is missing from the object, which has \"id\", \"img\" "
		 "(--text-field names another, --null-text empty makes it an empty "
		 "caption, --no-text is for data without captions), at column 1"},
		{"{}", "the field \"id\" is missing from the object, which has none (--id-field"},
		{"{\"id\":1.0,\"img\":\"\",\"text\":\"\"}",
		 "the field \"id\" is the number 1.0, not an integer or a string, at column 7"},
		{"{\"id\":1e3,\"img\":\"\",\"text\":\"\"}",
		 "is the number 1e3, not an integer or a string, at column 7"},
		{"{\"id\":null,\"img\":\"\",\"text\":\"\"}",
		 "the field \"id\" is null, not an integer or a string, at "
		 "column 7"},
		{"{\"id\":1, \"img\": 7,\"text\":\"\"}",
		 "the field \"img\" is the number 7, not a string, at column 17"},
		{"{\"id\":1, \"img\":null,\"text\":\"\"}",
		 "the field \"img\" is null, not a string (--img-field names "
		 "another, --no-img is for data without images), at column "
		 "16"},
		{"{\"id\":1,\"img\":\"\",\"text\":[]}",
		 "the field \"text\" is an array, not a string, at column 25"},
		{"{\"id\":1,\"img\":\"\",\"text\":null}",
		 "the field \"text\" is null, not a string (--null-text empty "
		 "makes it an empty caption), at column 25"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":1.0}",
		 "the field \"label\" is the number 1.0, not an integer from 0 (--labels WORD,WORD,... names "
		 "the classes "
		 "from 0), at column 36"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":1E0}",
		 "is the number 1E0, not an integer from 0 (--labels"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":\"hateful\"}",
		 "is the string \"hateful\", not an integer from 0 (--labels"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":\"1\"}",
		 "is the string \"1\", not an integer from 0 "
		 "(--labels"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":true}",
		 "is true, not an integer from 0 (--labels"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":[\"hateful\"]}",
		 "the field \"label\" is an array, not one class (jq -c '.[\"label\"] |= .[0]' FILE takes "
		 "the first of each array), at column 36"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":{}}",
		 "is an object, not one class, at column 36"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":-1}",
		 "is the number -1, not an integer from 0 (--labels"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":-0}",
		 "is the number -0, not an integer from 0 (--labels"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":2147483648}",
		 "is the number 2147483648, not an integer of 32 bits, at column 36"},
		{"[1]",
		 "the line begins an array, not an object (jq -c '.[]' FILE makes lines of the objects in an "
		 "array), at column 1"},
		{"[", "the line begins an array, not an object"},
		{" { \r",
		 "the line begins an object that does not end on it (jq -c . FILE puts each on one line), at "
		 "column 2"},
		{"{\"id\":", "invalid JSON: an end where a value must stand at column 7"},
		{"5", "the line is a number, not an object, at column 1"},
		{" \"a, b\"", "the line is a string, not an object, at column 2"},
		{"null", "the line is a single word, not an object, at column 1"},
		{"id,img,text,label",
		 "the line looks like CSV, not like a JSON object (hm-csv2rec makes records of it, "
		 "and hm-view lines of those), "
		 "at column 1"},
		{"\"id\",\"img\"", "the line looks like CSV, not"},
		{"1,\"a, b\",x", "the line looks like CSV, not"},
		{"id\timg", "the line looks like CSV with tabs (TSV), not like a JSON object (hm-csv2rec "
			    "--delimiter tab makes"},
		{"id;img", "the line looks like CSV with semicolons, not like a JSON object (hm-csv2rec "
			   "--delimiter ';' makes"},
		{"\"id\":1,\"img\":\"a\"}", "invalid JSON: bytes after the value at column 5"},
		{"{\"id\":1,\"label\":NaN}",
		 "invalid JSON: NaN is no JSON value (sed 's/: NaN/: null/g' FILE makes it null), "
		 "at column 17"},
		{"{\"id\":1,\"label\":-Infinity}", "invalid JSON: Infinity is no JSON value, at column 18"},
		{"{\"id\":1,\"text\":None}",
		 "invalid JSON: None is no JSON value (Python's json.dumps writes null), at "
		 "column 16"},
		{"{'id':1}", "invalid JSON: a single quote where a double one must stand"},
		{"{\"id\":1,\"text\":\"caf\xe9\"}",
		 "invalid JSON: bytes that are not UTF-8 (iconv -f WINDOWS-1252 -t UTF-8 "
		 "FILE converts text of that encoding), at column 20"},
		{"hello", "invalid JSON: no JSON value at column 1"},
		{"\xe2\x80\x8b{}",
		 "the character U+200B, which cannot be seen, where it must not stand, at column 1"},
		{"\x1e{}", "the character U+001E, which cannot be seen"},
		{"\x1a", "the character U+001A, which cannot be seen"},
		{"{\"id\":\xc2\xa0"
		 "1}",
		 "the character U+00A0, which cannot be seen, where it must not stand, at column 7"},
		{"{\"id\":1}\r{\"id\":2}\r",
		 "a line end of CR alone (tr '\\r' '\\n' makes lines of it), at column 9"},
		{"<!DOCTYPE html>", "the line is from an HTML page, not JSON, at column 1"},
		{"version https://git-lfs.github.com/spec/v1",
		 "the line is from a Git LFS pointer, not JSON (git lfs pull "
		 "fetches the file), at column 1"},
		{"{\"id\":1,\"id\":2}", "the key \"id\" stands twice in one object, again at column 9"},
		{"\xef\xbb\xbf{\"id\":1,\"id\":2}",
		 "the key \"id\" stands twice in one object, again at column 9"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\\ud800\"}", "lone surrogate in a string at column 27"},
		{"", "at column 1"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct hm_jsonl_rec rec;
		struct hm_err e;
		if (parse_line(&plain, bad[i].line, &rec, &e) != HM_EDATA || !strstr(e.text, bad[i].why) ||
		    rec.tree)
			fail_msg("%s: wanted '%s', got '%s'", bad[i].line, bad[i].why, e.text);
	}
}

static void depth_is_capped(void **state)
{
	char line[256] = "{\"id\":1,\"img\":\"\",\"text\":\"\",\"x\":";
	size_t at = strlen(line);
	struct hm_jsonl_rec rec;
	struct hm_err e;
	(void)state;
	memset(line + at, '[', 31);
	memset(line + at + 31, ']', 31);
	line[at + 62] = '}';
	assert_int_equal(parse_line(&plain, line, &rec, &e), 0);
	hm_jsonl_clear(&rec);
	memset(line + at, '[', 32);
	memset(line + at + 32, ']', 32);
	line[at + 64] = '}';
	assert_int_equal(parse_line(&plain, line, &rec, &e), HM_EDATA);
	assert_string_equal(e.text, "invalid JSON: a level of nesting too deep at column 63");
}

static void a_prefix_is_cut_off_once_at_a_boundary(void **state)
{
	static const struct {
		const char *prefix, *img, *want; /* in JSON; want NULL: an absolute path, "\\": a backslash */
	} t[] = {{"img/", "img/1.png", "1.png"},
		 {"img/", "img/img/1.png", "img/1.png"},
		 {"img/", "img//img/a/img/1.png", "img/a/img/1.png"},
		 {"img/", "aimg/1.png", "aimg/1.png"},
		 {"img/", "img", "img"},
		 {"img/", "img/", "img/"},
		 {"img/", "/img/1.png", NULL},
		 {"img/", "///1.png", NULL},
		 {"img/", "./img/1.png", "1.png"},
		 {"img/", "img/./1.png", "1.png"},
		 {"img/", "../img/1.png", "../img/1.png"},
		 {"img/", "img/../1.png", "../1.png"},
		 {"img/", "img/.a/1.png", ".a/1.png"},
		 {"./img", "img/1.png", "1.png"},
		 {"./", "img/1.png", "img/1.png"},
		 {"a//b/", "a/./b/1.png", "1.png"},
		 {"a/b", "a", "a"},
		 {"/data/hm", "/data//hm/1.png", "1.png"},
		 {"/data", "//data/./1.png", "1.png"},
		 {"https://x.org/img", "https://x.org/img/1.png", "1.png"},
		 {"img", "img/1.png", "1.png"},
		 {"img", "imgs/1.png", "imgs/1.png"},
		 {"img", "img", "img"},
		 {"img/1.png", "img/1.png", "img/1.png"},
		 {"/data", "/data/hm/1.png", "hm/1.png"},
		 {"/data", "/data//hm/1.png", "hm/1.png"},
		 {"/data/hm/img/", "/data/hm/img/1.png", "1.png"},
		 {"/data/hm/img", "/data/hm/img/1.png", "1.png"},
		 {"/data/hm", "/data/hmx/1.png", NULL},
		 {"data/hm/img/", "/data/hm/img/1.png", NULL},
		 {"/", "/data/1.png", "data/1.png"},
		 {"/", "//data/1.png", "data/1.png"},
		 {"", "/img/1.png", NULL},
		 {"", "img/1.png", "img/1.png"},
		 {"x", "xxy", "xxy"},
		 {"img/", "C:/data/1.png", NULL},
		 {"C:/data", "C:/data/1.png", "1.png"},
		 {"img/", "ab:/1.png", "ab:/1.png"},
		 {"img/", "img\\\\1.png", "\\"},
		 {"img/", "img/a\\\\1.png", "\\"},
		 {"img\\", "img\\\\1.png", "1.png"},
		 {"C:\\data", "C:\\\\data\\\\1.png", "1.png"},
		 {"C:\\data", "C:\\\\data\\\\a\\\\1.png", "\\"},
		 {"C:\\da", "C:\\\\data\\\\1.png", "\\"}};
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct hm_form f = plain;
		struct hm_jsonl_rec rec;
		struct hm_err e;
		char line[128];
		bool backslash = t[i].want && !strcmp(t[i].want, "\\");
		f.img_prefix = t[i].prefix;
		snprintf(line, sizeof line, "{\"id\":1,\"img\":\"%s\",\"text\":\"\"}", t[i].img);
		int rc = parse_line(&f, line, &rec, &e);
		if (!t[i].want || backslash) {
			if (rc != HM_EDATA || !strstr(e.text, "at column 15") ||
			    !strstr(e.text, backslash ? "has a backslash" : "is absolute (--img-prefix"))
				fail_msg("%s of %s: '%s'", t[i].prefix, t[i].img, rc ? e.text : rec.v.img);
			continue;
		}
		if (rc || strcmp(rec.v.img, t[i].want))
			fail_msg("%s of %s: '%s'", t[i].prefix, t[i].img, rc ? e.text : rec.v.img);
		hm_jsonl_clear(&rec);
	}
}

static void words_name_the_classes(void **state)
{
	static const struct {
		const char *words, *label; /* label: as in the JSON */
		int32_t want;		   /* -2: refused */
	} t[] = {{"no,yes", "\"yes\"", 1},
		 {"no,yes", "\"no\"", 0},
		 {"no,yes", "\"Yes\"", -2},
		 {"no,yes", "\" yes\"", -2},
		 {"no,yes", "1", -2},
		 {"no,yes", "true", -2},
		 {"no,yes", "null", -1},
		 {"no,yes", "[\"yes\"]", -2},
		 {"no,yes", "{}", -2},
		 {"no,yes", "\"\"", -2},
		 {"1,2", "2", 1},
		 {"1,2", "1.0", 0},
		 {"1,2", "\"1\"", 0},
		 {"1,2", "\"2.0\"", 1},
		 {"1,2", "2e0", 1},
		 {"1,2", "0", -2},
		 {"1,2", "1.5", -2},
		 {"1,2", "true", -2},
		 {"0,1", "-0", 0},
		 {"-1,1", "-1", 0},
		 {"-1,1", "1", 1},
		 {"false,true", "true", 1},
		 {"False,True", "false", 0},
		 {"false,true", "\"true\"", 1},
		 {"false,true", "\"True\"", -2},
		 {"0.5,1", "0.5", 0},
		 {"a b,c", "\"a b\"", 0},
		 {"nan,inf", "\"inf\"", 1},
		 {"0x1,1", "1", 1},
		 {"9007199254740993,1", "9007199254740992", -2},
		 {"9007199254740993,1", "9007199254740993", 0}};
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct hm_form f = plain;
		struct hm_jsonl_rec rec;
		struct hm_err e = {0};
		char line[128], words[64];
		snprintf(words, sizeof words, "%s", t[i].words);
		assert_int_equal(hm_labels_parse(&f.labels, words, &e), 0);
		snprintf(line, sizeof line, "{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":%s}", t[i].label);
		int rc = parse_line(&f, line, &rec, &e);
		if (rc ? t[i].want != -2 || !strstr(e.text, ", at column 36") : rec.v.label != t[i].want)
			fail_msg("%s of %s: %d '%s'", t[i].label, t[i].words, rc ? -2 : rec.v.label, e.text);
		if (!rc)
			hm_jsonl_clear(&rec);
	}
}

static void wrong_words(void **state)
{
	static const char *const bad[][2] = {{"", "word 1 is empty"},
					     {"yes", "two words or more"},
					     {"a,", "word 2 is empty"},
					     {",a", "word 1 is empty"},
					     {"a,b,a", "\"a\" is there twice"},
					     {"1,1.0", "\"1.0\" is there twice"},
					     {"a,\xff", "word 2 is not valid UTF-8"}};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct hm_labels l = {0};
		struct hm_err e = {0};
		char words[64];
		snprintf(words, sizeof words, "%s", bad[i][0]);
		if (hm_labels_parse(&l, words, &e) != HM_EUSAGE || !strstr(e.text, bad[i][1]))
			fail_msg("%s: '%s'", bad[i][0], e.text);
	}
	struct hm_labels l = {0};
	struct hm_err e = {0};
	char many[3 * HM_LABELS_MOST * 2 + 8] = "", out[16];
	for (int i = 0; i <= HM_LABELS_MOST; i++)
		snprintf(many + strlen(many), sizeof many - strlen(many), "%sw%d", i ? "," : "", i);
	assert_int_equal(hm_labels_parse(&l, many, &e), HM_EUSAGE);
	assert_string_equal(e.text, "more than 1024 words");
	assert_string_equal(hm_labels_text(&l, out, sizeof out), "w0,w1,w2,w3,...");
}

static void data_without_images_or_captions(void **state)
{
	struct hm_form f = plain;
	struct hm_jsonl_rec rec;
	struct hm_err e;
	(void)state;
	f.null_text = true;
	assert_int_equal(parse_line(&f, "{\"id\":1,\"img\":\"a\",\"text\":null}", &rec, &e), 0);
	assert_string_equal(rec.v.text, "");
	hm_jsonl_clear(&rec);
	assert_int_equal(parse_line(&f, "{\"id\":1,\"img\":\"a\"}", &rec, &e), 0);
	assert_string_equal(rec.v.text, "");
	hm_jsonl_clear(&rec);
	assert_int_equal(parse_line(&f, "{\"id\":1,\"img\":\"a\",\"text\":\"null\"}", &rec, &e), 0);
	assert_string_equal(rec.v.text, "null");
	hm_jsonl_clear(&rec);
	assert_int_equal(parse_line(&f, "{\"id\":1,\"img\":\"a\",\"text\":1}", &rec, &e), HM_EDATA);
	f.null_text = false;
	f.text = NULL;
	assert_int_equal(parse_line(&f, "{\"id\":1,\"img\":\"a\",\"text\":1}", &rec, &e), 0);
	assert_null(rec.v.text);
	hm_jsonl_clear(&rec);
	f.img = NULL;
	assert_int_equal(parse_line(&f, "{\"id\":1,\"img\":\"/a\\\\\"}", &rec, &e), 0);
	assert_null(rec.v.img);
	hm_jsonl_clear(&rec);
}

/* Values and names are shown cut, at a whole character. */
static void long_values_are_shown_cut(void **state)
{
	char line[4000] = "{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":\"";
	struct hm_jsonl_rec rec;
	struct hm_err e;
	(void)state;
	while (strlen(line) < 3000)
		snprintf(line + strlen(line), 8, "\xe2\x82\xac");
	snprintf(line + strlen(line), 8, "\"}");
	assert_int_equal(parse_line(&plain, line, &rec, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "\xe2\x82\xac...\", not an integer from 0 (--labels"));
	assert_int_equal(hm_utf8_check(e.text, strlen(e.text)), strlen(e.text));
	memcpy(line, "{\"id\":1,\"text\":\"\",\"label\":0,\"img\":\"/", 36);
	assert_int_equal(parse_line(&plain, line, &rec, &e), HM_EDATA);
	assert_int_equal(hm_utf8_check(e.text, strlen(e.text)), strlen(e.text));
	assert_true(strlen(e.text) < 400);
	snprintf(line, sizeof line, "{");
	for (int i = 0; i < 60; i++)
		snprintf(line + strlen(line), 80,
			 "%s\"%d\xe2\x82\xac\xe2\x82\xac_a_long_name_of_a_field_that_nobody_asked_for\":1",
			 i ? "," : "", i);
	snprintf(line + strlen(line), 8, "}");
	assert_int_equal(parse_line(&plain, line, &rec, &e), HM_EDATA);
	assert_non_null(strstr(e.text, ", ... (--id-field names another), at column 1"));
	assert_int_equal(hm_utf8_check(e.text, strlen(e.text)), strlen(e.text));
}

static void fields_are_kept_by_type(void **state)
{
	char a[] = "n:i32", b[] = "f:f32", c[] = "s", d[] = "t:u:utf8", bad[] = "x:i64";
	struct hm_form f = plain;
	struct hm_jsonl_rec rec;
	struct hm_err e = {0};
	(void)state;
	assert_int_equal(hm_form_keep(&f, a, &e) | hm_form_keep(&f, b, &e) | hm_form_keep(&f, c, &e) |
				 hm_form_keep(&f, d, &e),
			 0);
	assert_int_equal(hm_form_keep(&f, bad, &e), HM_EUSAGE);
	assert_string_equal(f.keep[3].name, "t:u");
#define BASE "{\"id\":1,\"img\":\"\",\"text\":\"\","
	assert_int_equal(parse_line(&f, BASE "\"n\":-5,\"f\":1.5,\"s\":\"x\",\"t:u\":\"y\"}", &rec, &e), 0);
	assert_int_equal(rec.v.keep[0].i32, -5);
	assert_true(rec.v.keep[1].f32 == 1.5f);
	assert_string_equal(rec.v.keep[2].text, "x");
	assert_string_equal(rec.v.keep[3].text, "y");
	hm_jsonl_clear(&rec);
	assert_int_equal(parse_line(&f, BASE "\"n\":1.5,\"f\":1,\"s\":\"\",\"t:u\":\"\"}", &rec, &e),
			 HM_EDATA);
	assert_non_null(strstr(e.text, "the field \"n\" is the number 1.5, not an integer, at column 32"));
	assert_int_equal(parse_line(&f, BASE "\"n\":1,\"f\":1e39,\"s\":\"\",\"t:u\":\"\"}", &rec, &e),
			 HM_EDATA);
	assert_non_null(strstr(e.text, "the number 1e39, not a number within a float's range, at column 38"));
	assert_int_equal(parse_line(&f, BASE "\"n\":1,\"f\":1,\"s\":2,\"t:u\":\"\"}", &rec, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "the field \"s\" is the number 2, not a string"));
	assert_int_equal(parse_line(&f, BASE "\"n\":1,\"f\":1,\"s\":\"\"}", &rec, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "the field \"t:u\" is missing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_forms_of_the_data_set),
		cmocka_unit_test(wrong_fields_have_a_column),
		cmocka_unit_test(depth_is_capped),
		cmocka_unit_test(a_prefix_is_cut_off_once_at_a_boundary),
		cmocka_unit_test(words_name_the_classes),
		cmocka_unit_test(wrong_words),
		cmocka_unit_test(data_without_images_or_captions),
		cmocka_unit_test(long_values_are_shown_cut),
		cmocka_unit_test(fields_are_kept_by_type),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
