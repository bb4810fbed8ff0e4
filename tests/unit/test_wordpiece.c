/* lib/prep/wordpiece: the ids that Hugging Face's tokenizer gave for tests/data/text
 * (tests/oracle/make_tokens.py), and what JSON cannot carry. */
#include "base/file.h"
#include "json/json.h"
#include "prep/charmap.h"
#include "prep/wordpiece.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static int setup(void **state)
{
	struct hm_err e = {0};
	struct hm_vocab *v = malloc(sizeof *v);
	*state = v;
	return v ? hm_vocab_read(v, "tests/data/text/vocab.txt", &e) : -1;
}

static int teardown(void **state)
{
	hm_vocab_clear(*state);
	free(*state);
	return 0;
}

/* Encodes into a block of exactly the promised size, so that a sanitizer sees one id too many. */
static int encode(const struct hm_vocab *v, struct hm_wordpiece_options o, const char *s, size_t n,
		  int32_t **ids, struct hm_err *e)
{
	struct hm_wordpiece *w = hm_wordpiece_new(v, &o, e);
	assert_non_null(w);
	*ids = malloc(hm_wordpiece_room(w, n) * sizeof **ids);
	int count = hm_wordpiece_encode(w, s, n, *ids, e);
	assert_true(count < 0 || (size_t)count <= hm_wordpiece_room(w, n));
	hm_wordpiece_free(w);
	return count;
}

static void one_case(const struct hm_vocab *v, const cJSON *c)
{
	const char *text;
	int64_t length;
	int32_t *ids;
	struct hm_err e = {0};
	const cJSON *want = cJSON_GetObjectItemCaseSensitive(c, "ids"), *id;
	assert_int_equal(
		hm_json_get_str(c, "text", &text, &e) | hm_json_get_int(c, "max_length", &length, &e), 0);
	struct hm_wordpiece_options o = {.cased = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(c, "cased")),
					 .max_length = (int)length};
	int n = encode(v, o, text, strlen(text), &ids, &e), i = 0;
	bool equal = n == cJSON_GetArraySize(want);
	cJSON_ArrayForEach(id, want) equal = equal && ids[i++] == id->valueint;
	if (!equal)
		fail_msg("other ids for '%s', cased %d, length %d", text, o.cased, o.max_length);
	free(ids);
}

static void the_reference_agrees(void **state)
{
	struct hm_buf b = {0};
	struct hm_err e = {0};
	int cases = 0;
	assert_int_equal(hm_file_read("tests/data/text/tokens.jsonl", 1 << 20, &b, &e), 0);
	for (const char *s = (const char *)b.data, *end = s + b.len; s < end; cases++) {
		const char *stop = memchr(s, '\n', (size_t)(end - s));
		assert_non_null(stop);
		cJSON *c = hm_json_parse(s, (size_t)(stop - s), 3, NULL, &e);
		assert_non_null(c);
		one_case(*state, c);
		cJSON_Delete(c);
		s = stop + 1;
	}
	assert_true(cases > 400);
	hm_buf_clear(&b);
}

static void expect_ids(const struct hm_vocab *v, struct hm_wordpiece_options o, const char *s, size_t n,
		       const char *tokens)
{
	struct hm_err e = {0};
	struct hm_buf b = {0};
	int32_t *ids;
	int count = encode(v, o, s, n, &ids, &e);
	for (int i = 0; i < count; i++) {
		uint32_t at = v->start[ids[i]], end = v->start[ids[i] + 1] - 1;
		hm_buf_printf(&b, &e, "%s%.*s", i ? " " : "", (int)(end - at),
			      (const char *)v->text.data + at);
	}
	assert_string_equal((const char *)b.data, tokens);
	hm_buf_clear(&b);
	free(ids);
}

static void what_json_cannot_carry(void **state)
{
	struct hm_wordpiece_options o = {.max_length = 512};
	int32_t *ids;
	struct hm_err e = {0};
	expect_ids(*state, o, "the\0cat", 7, "[CLS] the ##c ##a ##t [SEP]");
	expect_ids(*state, o, "", 0, "[CLS] [SEP]");
	assert_int_equal(encode(*state, o, "the \xff", 5, &ids, &e), HM_EDATA);
	assert_string_equal(e.text, "the text is not UTF-8 at byte 5");
	free(ids);
}

static void special_tokens_as_plain_text(void **state)
{
	struct hm_wordpiece_options o = {.max_length = 512};
	expect_ids(*state, o, "a[MASK]b", 8, "[CLS] a [MASK] b [SEP]");
	o.plain_specials = true;
	expect_ids(*state, o, "a[MASK]b", 8, "[CLS] a [ m ##a ##s ##k ] b [SEP]");
}

static void every_special_token_is_needed(void **state)
{
	static const char *const all[] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};
	(void)state;
	for (int out = 0; out < 5; out++) {
		char path[] = "/tmp/hm-wordpiece-XXXXXX";
		struct hm_buf b = {0};
		struct hm_err e = {0};
		struct hm_vocab v;
		struct hm_wordpiece_options o = {.max_length = 16};
		int fd = mkstemp(path);
		assert_true(fd >= 0);
		for (int i = 0; i < 5; i++)
			if (i != out)
				hm_buf_printf(&b, &e, "%s\n", all[i]);
		assert_int_equal(hm_file_write(path, b.data, b.len, &e), 0);
		assert_int_equal(hm_vocab_read(&v, path, &e), 0);
		assert_null(hm_wordpiece_new(&v, &o, &e));
		assert_non_null(strstr(e.text, all[out]));
		hm_vocab_clear(&v);
		hm_buf_clear(&b);
		close(fd);
		unlink(path);
	}
}

static void the_map_tells_class_and_form(void **state)
{
	static const struct {
		uint32_t cp, kind, to;
	} want[] = {{'A', HM_CHAR_PLAIN, 'a'},	     {0xc9, HM_CHAR_PLAIN, 'e'},
		    {0x200b, HM_CHAR_REMOVED, 0},    {0x2028, HM_CHAR_SPACE, 0},
		    {0x4e00, HM_CHAR_CJK, 0x4e00},   {0xf900, HM_CHAR_CJK, 0x8c48},
		    {0x37e, HM_CHAR_PUNCT, ';'},     {0x2260, HM_CHAR_PUNCT, '='},
		    {0x301, HM_CHAR_MARK, 0},	     {0x34f, HM_CHAR_MARK_STARTER, 0},
		    {0xac00, HM_CHAR_HANGUL, 0},     {0x1d165, HM_CHAR_ORDERED, 0x1d165},
		    {0x166d, HM_CHAR_PUNCT, 0x166d}, {0x1885, HM_CHAR_PLAIN, 0},
		    {0x10ffff, HM_CHAR_PLAIN, 0}};
	struct hm_charmap *m = malloc(sizeof *m);
	struct hm_err e = {0};
	(void)state;
	assert_int_equal(hm_charmap_init(m, false, &e), 0);
	for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
		uint32_t entry = hm_charmap_get(m, want[i].cp);
		if ((entry & 255) != want[i].kind || (want[i].to && entry >> 8 != want[i].to))
			fail_msg("U+%04X is entered as %x", want[i].cp, entry);
	}
	hm_charmap_clear(m);
	assert_int_equal(hm_charmap_init(m, true, &e), 0);
	assert_int_equal(hm_charmap_get(m, 'A'), 0);
	assert_int_equal(hm_charmap_get(m, 0x301), 0);
	hm_charmap_clear(m);
	free(m);
	assert_int_equal(hm_char_order_of(0x302e), 224);
	assert_int_equal(hm_char_order_of('a'), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_reference_agrees, setup, teardown),
		cmocka_unit_test_setup_teardown(what_json_cannot_carry, setup, teardown),
		cmocka_unit_test_setup_teardown(special_tokens_as_plain_text, setup, teardown),
		cmocka_unit_test(every_special_token_is_needed),
		cmocka_unit_test(the_map_tells_class_and_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
