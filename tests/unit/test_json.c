/* lib/json: what RFC 8259 forbids is refused at its column, the rest is read, canonical writing, UTF-8. */
#include "json/json.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct hm_err e;

static int setup(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	return 0;
}

#define refused(text, why, at) refused_(text, sizeof text - 1, why, at)
static void refused_(const char *s, size_t len, const char *why, size_t at)
{
	struct hm_err mine = {0};
	size_t column = 0;
	cJSON *v = hm_json_parse(s, len, 4, &column, &mine);
	if (v || !strstr(mine.text, why) || column != at)
		fail_msg("%s: wanted '%s' at column %zu, got '%s' at %zu", s, why, at, mine.text, column);
}

static void damage_has_a_column(void **state)
{
	(void)state;
	refused("", "an end where a value must stand", 1);
	refused("{", "no key", 2);
	refused("{\"a\"1}", "no colon", 5);
	refused("{\"a\":1,}", "no key", 8);
	refused("[1,]", "no JSON value", 4);
	refused("[1 2]", "no comma or closing bracket", 4);
	refused("{\"a\":01}", "leading zero", 6);
	refused("{\"a\":-}", "a number without digits", 7);
	refused("{\"a\":1.}", "a number without digits", 8);
	refused("{\"a\":1e999}", "too large", 6);
	refused("[nul]", "no JSON value", 2);
	refused("[NaN]", "no JSON value", 2);
	refused("{'a':1}", "no key", 2);
	refused("{} {}", "bytes after the value", 4);
	refused("\xef\xbb\xbf{}", "no JSON value", 1);
	refused("{\"a\":\"b", "a string that does not end", 8);
	refused("{\"a\":\"\t\"}", "a raw control byte", 7);
	refused("{\"a\":\"\\x\"}", "an unknown escape", 8);
	refused("{\"a\":\"\\u12g4\"}", "without four hexadecimal digits", 8);
}

static void bytes_that_no_text_holds(void **state)
{
	(void)state;
	refused("{\"a\":\"\0\"}", "a NUL byte", 7);
	refused("{}\0", "a NUL byte", 3);
	refused("{\"a\":\"\\u0000\"}", "U+0000", 8);
	refused("{\"a\":\"\\ud800\"}", "lone surrogate", 8);
	refused("{\"a\":\"\\udc00x\"}", "lone surrogate", 8);
	refused("{\"a\":\"\\ud800\\u0041\"}", "lone surrogate", 8);
	refused("{\"a\":\"x\xff\"}", "not UTF-8", 8);
	refused("{\"a\":\"\xc0\x80\"}", "not UTF-8", 7);
	refused("{\"a\":\"\xed\xa0\x80\"}", "not UTF-8", 7);
	refused("{\"a\":\"12345678\xe2\x82\"}", "not UTF-8", 15);
}

static void keys_and_depth(void **state)
{
	(void)state;
	refused("{\"a\":1,\"a\":2}", "the key \"a\" stands twice", 8);
	refused("{\"a\":1,\"\\u0061\":2}", "stands twice", 8);
	refused("[{\"b\":{\"x\":1,\"x\":1}}]", "the key \"x\" stands twice", 14);
	refused("{\"z\":{\"x\":1},\"a\":[{\"y\":2},{\"x\":1, \"y\":2,\"x\":3}]}", "\"x\" stands twice", 41);
	refused("[[[[[1]]]]]", "too deep", 5);
	cJSON *v = hm_json_parse("[[[[1]]]]", 9, 4, NULL, &e);
	assert_non_null(v);
	cJSON_Delete(v);
	size_t n = 1 << 20; /* deep enough to overflow a stack that nobody guards */
	char *deep = malloc(n);
	memset(deep, '[', n);
	assert_null(hm_json_parse(deep, n, 32, NULL, &e));
	assert_non_null(strstr(e.text, "too deep"));
	free(deep);
}

static void values_are_read(void **state)
{
	(void)state;
	static const char text[] =
		" {\"s\":\"a\\u00e9\\ud83d\\ude00\\/\",\"n\":-12,\"f\":1.5e-3,\"t\":true,\"z\":null} ";
	const char *s;
	int64_t n;
	cJSON *v = hm_json_parse(text, sizeof text - 1, 4, NULL, &e);
	assert_non_null(v);
	assert_int_equal(hm_json_get_str(v, "s", &s, &e), 0);
	assert_string_equal(s, "a\xc3\xa9\xf0\x9f\x98\x80/");
	assert_int_equal(hm_json_get_int(v, "n", &n, &e), 0);
	assert_int_equal(n, -12);
	assert_int_equal(hm_json_get_int(v, "f", &n, &e), HM_EDATA);
	assert_string_equal(e.text, "\"f\" is not an integer");
	size_t start, end;
	assert_true(hm_json_member(text, sizeof text - 1, 1, &start, &end));
	assert_int_equal(end - start, 3);
	assert_memory_equal(text + start, "-12", 3);
	assert_false(hm_json_member(text, sizeof text - 1, 5, &start, &end));
	cJSON_Delete(v);
}

static void writing_is_canonical(void **state)
{
	(void)state;
	static const char text[] = "{ \"b\" : [1.0, 0.1, 1e21, -0.0, \"\\u001f\\n\\\"\"], \"a\" : {} }";
	struct hm_buf b = {0};
	cJSON *v = hm_json_parse(text, sizeof text - 1, 4, NULL, &e);
	assert_int_equal(hm_json_write(v, &b, &e), 0);
	assert_int_equal(hm_buf_add(&b, "", 1, &e), 0);
	assert_string_equal((char *)b.data, "{\"a\":{},\"b\":[1,0.1,1e+21,-0,\"\\u001f\\n\\\"\"]}");
	hm_buf_clear(&b);
	cJSON_Delete(v);
}

static void numbers_come_back(void **state)
{
	(void)state;
	char out[HM_JSON_NUMBER];
	const double d[] = {0.1, 1.0 / 3, 5e-324, 1.7976931348623157e308, 123456789012345678.0, -2.5};
	for (size_t i = 0; i < sizeof d / sizeof *d; i++)
		assert_true(strtod(hm_json_f64(d[i], out), NULL) == d[i]);
	assert_string_equal(hm_json_f32(0.1f, out), "0.1");
	assert_true(strtof(hm_json_f32(1e-45f, out), NULL) == 1e-45f);
	assert_string_equal(hm_json_f32(strtof("nan", NULL), out), "\"NaN\"");
}

static void utf8_is_checked(void **state)
{
	(void)state;
	static const char mixed[] =
		"ASCII that is long enough for the fast way \xc3\xa9 and back \xf4\x90\x80\x80";
	uint32_t cp;
	assert_int_equal(hm_utf8_check(mixed, 52), 52);
	assert_int_equal(hm_utf8_check(mixed, sizeof mixed - 1), sizeof mixed - 5);
	for (size_t len = 1; len < 80;
	     len++) /* ASCII is skipped in steps: at no place does one hide a byte */
		for (size_t bad = 0; bad < len; bad++) {
			char *text = malloc(len);
			memset(text, 'a', len);
			text[bad] = '\x80';
			assert_int_equal(hm_utf8_check(text, len), bad);
			if (bad)
				text[bad - 1] = '\xc3';
			assert_int_equal(hm_utf8_check(text, len), bad ? len : 0);
			free(text);
		}
	assert_int_equal(hm_utf8_next("\xf4\x8f\xbf\xbf", 4, &cp), 4);
	assert_int_equal(cp, 0x10ffff);
	assert_int_equal(hm_utf8_next("\xf4\x8f\xbf", 3, &cp), 0);
	assert_int_equal(hm_utf8_next("\x80", 1, &cp), 0);
	assert_int_equal(hm_utf8_next("", 0, &cp), 0);
}

static void text_for_a_terminal_is_masked(void **state)
{
	(void)state;
	static const struct {
		const char *in, *out;
	} row[] = {
		{"plain \xc3\xa9 \xf0\x9f\x98\x80", "plain \xc3\xa9 \xf0\x9f\x98\x80"},
		{"a\x1b[2Jb\n\x7f", "a?[2Jb??"},
		{"\xc2\x9b\xc2\xa0", "?\xc2\xa0"},				/* U+009B, U+00A0 */
		{"\xe2\x80\xae.\xe2\x81\xa6.\xe2\x80\xa8.\xd8\x9c", "?.?.?.?"}, /* U+202E 2066 2028 061C */
		{"\xff.\xe2\x82.\xc3", "?.??.?"},
		{"", ""},
	};
	char out[64];
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		assert_int_equal(hm_utf8_mask(row[i].in, strlen(row[i].in), out, sizeof out),
				 strlen(row[i].out));
		assert_string_equal(out, row[i].out);
	}
	assert_int_equal(hm_utf8_mask("ab\xc3\xa9", 4, out, 4), 2); /* cut before the character, not in it */
	assert_string_equal(out, "ab");
	assert_int_equal(hm_utf8_mask("a\0b", 3, out, sizeof out), 3);
	assert_string_equal(out, "a?b");
}

static void json_for_a_terminal_is_tame(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	/* before `from` nothing is touched; the end of a line and what is no control stay */
	const char in
		[] = "\xc2\x9b{\"a\xc2\x9b\":"
		     "\"\xe2\x80\xae\xe2\x80\xa8\xe2\x81\xa6\xd8\x9c\xc2\xa0\xf0\x9f\x90\x88\x7f\"}"
		     "\n\"\xff\xe2\x80\"\n",
	      out[] = "\xc2\x9b{\"a\\u009b\":\"\\u202e\\u2028\\u2066\\u061c\xc2\xa0\xf0\x9f\x90\x88\\u007f\"}"
		      "\n\"\\ufffd\\ufffd\\ufffd\"\n";
	hm_buf_add(&b, in, sizeof in - 1, &e);
	assert_int_equal(hm_json_tame(&b, 2, &e), 0);
	assert_int_equal(b.len, sizeof out - 1);
	assert_memory_equal(b.data, out, b.len);
	assert_int_equal(hm_json_tame(&b, 2, &e), 0); /* tame already: as it is */
	assert_int_equal(b.len, sizeof out - 1);
	assert_memory_equal(b.data, out, b.len);
	assert_int_equal(hm_json_tame(&b, b.len, NULL), 0);
	hm_buf_clear(&b);
}

/* Exactly these are masked wherever text is shown. */
static void controls_are_these(void **state)
{
	static const uint32_t range[][2] = {{0, 0x1f},	      {0x7f, 0x9f},	{0x61c, 0x61c},
					    {0x200e, 0x200f}, {0x2028, 0x202e}, {0x2066, 0x2069}};
	(void)state;
	for (uint32_t cp = 0; cp < 0x11000; cp++) {
		bool wanted = false;
		for (size_t i = 0; i < sizeof range / sizeof *range; i++)
			wanted |= range[i][0] <= cp && cp <= range[i][1];
		assert_int_equal(hm_utf8_is_control(cp), wanted);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(controls_are_these),
		cmocka_unit_test_setup(damage_has_a_column, setup),
		cmocka_unit_test_setup(bytes_that_no_text_holds, setup),
		cmocka_unit_test_setup(keys_and_depth, setup),
		cmocka_unit_test_setup(values_are_read, setup),
		cmocka_unit_test_setup(writing_is_canonical, setup),
		cmocka_unit_test_setup(numbers_come_back, setup),
		cmocka_unit_test_setup(utf8_is_checked, setup),
		cmocka_unit_test_setup(text_for_a_terminal_is_masked, setup),
		cmocka_unit_test_setup(json_for_a_terminal_is_tame, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
