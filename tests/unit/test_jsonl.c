/* lib/prep/jsonl: lines of any length and end, fields by type with the column of what is wrong, ids,
 * prefixes. */
#include "prep/jsonl.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const struct hm_jsonl_form plain = {
	.id = "id", .img = "img", .text = "text", .label = "label", .img_prefix = "img/"};

/* Opens lines on a file without a name that holds s[0..n). */
static void open_lines(struct hm_lines *l, const char *s, size_t n)
{
	char path[] = "/tmp/hm-jsonl-XXXXXX";
	struct hm_err e = {0};
	int fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, s, n) == (ssize_t)n);
	assert_int_equal(hm_lines_open(l, path, &e), 0);
	unlink(path);
	close(fd);
}

static void next_is(struct hm_lines *l, const char *want)
{
	const char *line;
	size_t len;
	struct hm_err e = {0};
	assert_int_equal(hm_lines_next(l, &line, &len, &e), 1);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(line, want, len);
}

static void no_more(struct hm_lines *l)
{
	const char *line;
	size_t len;
	struct hm_err e = {0};
	assert_int_equal(hm_lines_next(l, &line, &len, &e), 0);
	hm_lines_close(l);
}

static void lines_of_all_kinds(void **state)
{
	(void)state;
	struct hm_lines l;
	open_lines(&l, "a\n\nb\r\n c", 8);
	next_is(&l, "a");
	next_is(&l, "");
	next_is(&l, "b\r");
	next_is(&l, " c");
	assert_int_equal(l.line, 4);
	no_more(&l);
	open_lines(&l, "", 0);
	no_more(&l);
	assert_true(hm_line_blank(" \t\r", 3));
	assert_true(hm_line_blank("", 0));
	assert_false(hm_line_blank(" x", 2));
	assert_false(hm_line_blank("\0", 1));
}

static void lines_across_chunks(void **state)
{
	(void)state;
	struct hm_lines l;
	struct hm_err e = {0};
	size_t n = 3000000, len, at = 0;
	char *s = malloc(n);
	const char *line;
	for (size_t i = 0; i < n; i++)
		s[i] = (char)('a' + i % 26);
	for (size_t i = 0, step = 1; i < n; i += step, step = step * 3 / 2 + 1)
		s[i] = '\n';
	open_lines(&l, s, n);
	while (hm_lines_next(&l, &line, &len, &e) == 1) {
		assert_memory_equal(line, s + at, len);
		at += len + 1;
	}
	assert_int_equal(at, n + (s[n - 1] != '\n'));
	hm_lines_close(&l);
	free(s);
}

static void a_line_too_long_is_cut_and_refused(void **state)
{
	(void)state;
	struct hm_lines l;
	struct hm_err e = {0};
	struct hm_jsonl_rec rec;
	size_t n = HM_JSONL_LINE + 700000, len;
	const char *line;
	char *s = malloc(n);
	memset(s, 'x', n);
	s[HM_JSONL_LINE] = '\n';
	s[n - 3] = '\n';
	open_lines(&l, s, n);
	assert_int_equal(hm_lines_next(&l, &line, &len, &e), 1);
	assert_int_equal(len, HM_JSONL_LINE);
	assert_int_equal(hm_lines_next(&l, &line, &len, &e), 1);
	assert_int_equal(len, 700000 - 4);
	next_is(&l, "xx");
	no_more(&l);
	memset(s, 'x', n - 3);
	open_lines(&l, s, n);
	assert_int_equal(hm_lines_next(&l, &line, &len, &e), 1);
	assert_int_equal(len, HM_JSONL_LINE + 1);
	assert_int_equal(hm_jsonl_parse(&plain, line, len, &rec, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "at column 16777217"));
	next_is(&l, "xx");
	assert_int_equal(l.line, 2);
	no_more(&l);
	free(s);
}

static int parse(const struct hm_jsonl_form *f, const char *line, struct hm_jsonl_rec *rec, struct hm_err *e)
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
		parse(&plain,
		      "{\"id\":42953,\"img\":\"img\\/42953.png\",\"label\":0,\"text\":\"caf\\u00e9\"}", &rec,
		      &e),
		0);
	assert_string_equal(rec.id, "42953");
	assert_string_equal(rec.img, "42953.png");
	assert_string_equal(rec.text, "caf\xc3\xa9");
	assert_int_equal(rec.label, 0);
	hm_jsonl_clear(&rec);
	assert_int_equal(parse(&plain,
			       " {\"text\":\"\",\"img\":\"1.png\",\"id\":\"00042\",\"other\":[{}]} \r", &rec,
			       &e),
			 0);
	assert_string_equal(rec.id, "00042");
	assert_int_equal(rec.label, -1);
	hm_jsonl_clear(&rec);
	assert_int_equal(parse(&plain,
			       "{\"text\":\"\",\"img\":\"\",\"id\":-9007199254740993123,\"label\":null}",
			       &rec, &e),
			 0);
	assert_string_equal(rec.id, "-9007199254740993123");
	assert_int_equal(rec.label, -1);
	hm_jsonl_clear(&rec);
}

static void wrong_fields_have_a_column(void **state)
{
	static const struct {
		const char *line, *why;
	} bad[] = {
		{"{\"img\":\"\",\"text\":\"\"}", "the field \"id\" is missing from the object at column 1"},
		{"{\"id\":1,\"text\":\"\"}", "the field \"img\" is missing from the object at column 1"},
		{"{\"id\":1,\"img\":\"\"}", "the field \"text\" is missing from the object at column 1"},
		{"{\"id\":1.0,\"img\":\"\",\"text\":\"\"}",
		 "the field \"id\" is no integer or string at column 7"},
		{"{\"id\":1e3,\"img\":\"\",\"text\":\"\"}",
		 "the field \"id\" is no integer or string at column 7"},
		{"{\"id\":null,\"img\":\"\",\"text\":\"\"}",
		 "the field \"id\" is no integer or string at column 7"},
		{"{\"id\":1, \"img\": 7,\"text\":\"\"}", "the field \"img\" is no string at column 17"},
		{"{\"id\":1,\"img\":\"\",\"text\":[]}", "the field \"text\" is no string at column 25"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":1.0}",
		 "the field \"label\" is no integer at column 36"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":1E0}",
		 "the field \"label\" is no integer at column 36"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":\"1\"}",
		 "the field \"label\" is no integer at column 36"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":true}",
		 "the field \"label\" is no integer at column 36"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":-1}",
		 "is no class: it is negative at column 36"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":-0}",
		 "is no class: it is negative at column 36"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\",\"label\":2147483648}",
		 "is no integer of 32 bits at column 36"},
		{"[1]", "the line is no JSON object at column 1"},
		{"{\"id\":1,\"id\":2}", "the key \"id\" stands twice in one object, again at column 9"},
		{"{\"id\":1,\"img\":\"\",\"text\":\"\\ud800\"}", "lone surrogate in a string at column 27"},
		{"", "at column 1"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct hm_jsonl_rec rec;
		struct hm_err e;
		if (parse(&plain, bad[i].line, &rec, &e) != HM_EDATA || !strstr(e.text, bad[i].why) ||
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
	assert_int_equal(parse(&plain, line, &rec, &e), 0);
	hm_jsonl_clear(&rec);
	memset(line + at, '[', 32);
	memset(line + at + 32, ']', 32);
	line[at + 64] = '}';
	assert_int_equal(parse(&plain, line, &rec, &e), HM_EDATA);
	assert_string_equal(e.text, "invalid JSON: a level of nesting too deep at column 63");
}

static void prefixes_are_stripped_from_the_front_only(void **state)
{
	static const struct {
		const char *prefix, *img, *want;
	} t[] = {{"img/", "img/1.png", "1.png"},
		 {"img/", "/img/img/1.png", "1.png"},
		 {"img/", "img//img/a/img/1.png", "a/img/1.png"},
		 {"img/", "aimg/1.png", "aimg/1.png"},
		 {"img/", "///1.png", "1.png"},
		 {"", "/img/1.png", "/img/1.png"},
		 {"x", "xxy", "y"},
		 {"img/", "img", "img"},
		 {"img/", "img/", ""}};
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct hm_jsonl_form f = plain;
		struct hm_jsonl_rec rec;
		struct hm_err e;
		char line[128];
		f.img_prefix = t[i].prefix;
		snprintf(line, sizeof line, "{\"id\":1,\"img\":\"%s\",\"text\":\"\"}", t[i].img);
		assert_int_equal(parse(&f, line, &rec, &e), 0);
		assert_string_equal(rec.img, t[i].want);
		hm_jsonl_clear(&rec);
	}
}

static void fields_are_kept_by_type(void **state)
{
	char a[] = "n:i32", b[] = "f:f32", c[] = "s", d[] = "t:u:utf8", bad[] = "x:i64";
	struct hm_jsonl_form f = plain;
	struct hm_jsonl_rec rec;
	struct hm_err e = {0};
	(void)state;
	assert_int_equal(hm_jsonl_keep(&f, a, &e) | hm_jsonl_keep(&f, b, &e) | hm_jsonl_keep(&f, c, &e) |
				 hm_jsonl_keep(&f, d, &e),
			 0);
	assert_int_equal(hm_jsonl_keep(&f, bad, &e), HM_EUSAGE);
	assert_string_equal(f.keep[3].name, "t:u");
#define BASE "{\"id\":1,\"img\":\"\",\"text\":\"\","
	assert_int_equal(parse(&f, BASE "\"n\":-5,\"f\":1.5,\"s\":\"x\",\"t:u\":\"y\"}", &rec, &e), 0);
	assert_int_equal(rec.keep[0].i32, -5);
	assert_true(rec.keep[1].f32 == 1.5f);
	assert_string_equal(rec.keep[2].text, "x");
	assert_string_equal(rec.keep[3].text, "y");
	hm_jsonl_clear(&rec);
	assert_int_equal(parse(&f, BASE "\"n\":1.5,\"f\":1,\"s\":\"\",\"t:u\":\"\"}", &rec, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "the field \"n\" is no integer at column 32"));
	assert_int_equal(parse(&f, BASE "\"n\":1,\"f\":1e39,\"s\":\"\",\"t:u\":\"\"}", &rec, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "the field \"f\" is no number within a float's range at column 38"));
	assert_int_equal(parse(&f, BASE "\"n\":1,\"f\":1,\"s\":2,\"t:u\":\"\"}", &rec, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "the field \"s\" is no string"));
	assert_int_equal(parse(&f, BASE "\"n\":1,\"f\":1,\"s\":\"\"}", &rec, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "the field \"t:u\" is missing"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_all_kinds),
		cmocka_unit_test(lines_across_chunks),
		cmocka_unit_test(a_line_too_long_is_cut_and_refused),
		cmocka_unit_test(both_forms_of_the_data_set),
		cmocka_unit_test(wrong_fields_have_a_column),
		cmocka_unit_test(depth_is_capped),
		cmocka_unit_test(prefixes_are_stripped_from_the_front_only),
		cmocka_unit_test(fields_are_kept_by_type),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
