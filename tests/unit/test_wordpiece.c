/* lib/prep/wordpiece: the ids that Hugging Face's tokenizer gave for tests/data/text
 * (tests/oracle/make_tokens.py), and what JSON cannot carry. */
#include "prep/charmap.h"
#include "prep/vocab.h"
#include "../support/tokencases.h"

#include <stdio.h>
#include <unistd.h>

#define VOCAB "tests/data/text/vocab.txt"

static const struct hm_tokenizer_options uncased = {.casing = HM_UNCASED, .max_length = 512};

static int setup(void **state)
{
	struct hm_err e = {0};
	struct hm_buf b = {0};
	struct hm_vocab *v = malloc(sizeof *v);
	*state = v;
	int rc = hm_file_read(VOCAB, HM_VOCAB_BYTES, &b, &e);
	rc = rc ? rc : hm_vocab_parse(v, (const char *)b.data, b.len, &e);
	hm_buf_clear(&b);
	return rc;
}

static int teardown(void **state)
{
	hm_vocab_clear(*state);
	free(*state);
	return 0;
}

static int encode(struct hm_tokenizer_options o, const char *s, size_t n, int32_t **ids, struct hm_err *e)
{
	return tokencases_encode(VOCAB, o, s, n, ids, NULL, e);
}

static void one_case(void *ctx, cJSON *c, int line)
{
	const char *text;
	int64_t length;
	int32_t *ids;
	struct hm_err e = {0};
	(void)ctx, (void)line;
	assert_int_equal(
		hm_json_get_str(c, "text", &text, &e) | hm_json_get_int(c, "max_length", &length, &e), 0);
	bool cased = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(c, "cased"));
	struct hm_tokenizer_options o = {.casing = cased ? HM_CASED : HM_UNCASED, .max_length = (int)length};
	int n = encode(o, text, strlen(text), &ids, &e);
	if (!tokencases_equal(ids, n, cJSON_GetObjectItemCaseSensitive(c, "ids")))
		fail_msg("other ids for '%s', cased %d, length %d", text, cased, o.max_length);
	free(ids);
}

static void the_reference_agrees(void **state)
{
	(void)state;
	assert_true(tokencases_each("tests/data/text/tokens.jsonl", one_case, NULL) > 400);
}

static void expect_ids(const struct hm_vocab *v, struct hm_tokenizer_options o, const char *s, size_t n,
		       const char *tokens)
{
	struct hm_err e = {0};
	struct hm_buf b = {0};
	int32_t *ids;
	int count = encode(o, s, n, &ids, &e);
	for (int i = 0; i < count; i++) {
		size_t len;
		const char *token = hm_vocab_token(v, (uint32_t)ids[i], &len);
		hm_buf_printf(&b, &e, "%s%.*s", i ? " " : "", (int)len, token);
	}
	assert_string_equal((const char *)b.data, tokens);
	hm_buf_clear(&b);
	free(ids);
}

static void what_json_cannot_carry(void **state)
{
	struct hm_tokenizer_options o = uncased;
	int32_t *ids;
	struct hm_err e = {0};
	expect_ids(*state, o, "the\0cat", 7, "[CLS] the ##c ##a ##t [SEP]");
	expect_ids(*state, o, "", 0, "[CLS] [SEP]");
	assert_int_equal(encode(o, "the \xff", 5, &ids, &e), HM_EDATA);
	assert_string_equal(e.text, "the text is not UTF-8 at byte 5");
	free(ids);
}

/* What was cut off is no word's end, and words of one place do not become each other. */
static void a_cut_word_is_not_remembered(void **state)
{
	const struct hm_tokenizer_options o = {.casing = HM_UNCASED, .max_length = 4};
	struct hm_err e = {0};
	struct hm_token_memo *memo = hm_alloc(1, sizeof *memo, &e);
	struct hm_tokenizer *t = hm_tokenizer_open(VOCAB, &o, &e);
	int32_t ids[4], *want;
	bool cut;
	(void)state;
	assert_true(memo && t);
	assert_int_equal(hm_tokenizer_encode_many(t, memo, "the theca", 9, ids, &cut, &e), 4);
	assert_true(cut);
	int n = encode(o, "theca", 5, &want, &e);
	assert_int_equal(hm_tokenizer_encode_many(t, memo, "theca", 5, ids, &cut, &e), n);
	assert_memory_equal(ids, want, (size_t)n * sizeof *ids);
	assert_true(cut);
	for (int i = 0; i < 2 << HM_MEMO_BITS; i++) { /* far more words than it has places */
		char word[8];
		int32_t plain[4];
		int len = snprintf(word, sizeof word, "%x", (unsigned)i);
		n = hm_tokenizer_encode(t, word, (size_t)len, plain, NULL, &e);
		assert_int_equal(hm_tokenizer_encode_many(t, memo, word, (size_t)len, ids, NULL, &e), n);
		assert_memory_equal(ids, plain, (size_t)n * sizeof *ids);
	}
	free(want);
	free(memo);
	hm_tokenizer_close(t);
}

static void special_tokens_as_plain_text(void **state)
{
	struct hm_tokenizer_options o = uncased;
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
		int fd = mkstemp(path);
		assert_true(fd >= 0);
		for (int i = 0; i < 5; i++)
			if (i != out)
				hm_buf_printf(&b, &e, "%s\n", all[i]);
		assert_int_equal(hm_file_write(path, b.data, b.len, &e), 0);
		assert_null(hm_tokenizer_open(path, &uncased, &e));
		assert_non_null(strstr(e.text, "is missing"));
		assert_non_null(strstr(e.text, all[out]));
		hm_buf_clear(&b);
		close(fd);
		unlink(path);
	}
}

struct form {
	uint32_t cp, kind, to;
};

static void expect_forms(struct hm_char_rules rules, const struct form *want, size_t n)
{
	struct hm_codemap *m = malloc(sizeof *m);
	struct hm_err e = {0};
	assert_int_equal(hm_charmap_init(m, rules, &e), 0);
	for (size_t i = 0; i < n; i++) {
		uint32_t entry = hm_codemap_get(m, want[i].cp);
		if ((entry & 255) != want[i].kind || (want[i].to && entry >> 8 != want[i].to))
			fail_msg("U+%04X is entered as %x", want[i].cp, entry);
	}
	hm_codemap_clear(m);
	free(m);
}

static void the_map_has_class_and_form(void **state)
{
	static const struct form
		all[] = {{'A', HM_CHAR_PLAIN, 'a'},	  {0xc9, HM_CHAR_PLAIN, 'e'},
			 {0x200b, HM_CHAR_REMOVED, 0},	  {0x2028, HM_CHAR_SPACE, 0},
			 {0x4e00, HM_CHAR_CJK, 0x4e00},	  {0xf900, HM_CHAR_CJK, 0x8c48},
			 {0x37e, HM_CHAR_PUNCT, ';'},	  {0x2260, HM_CHAR_PUNCT, '='},
			 {0x301, HM_CHAR_MARK, 0},	  {0x34f, HM_CHAR_MARK_STARTER, 0},
			 {0xac00, HM_CHAR_HANGUL, 0},	  {0x1d165, HM_CHAR_ORDERED, 0x1d165},
			 {0x166d, HM_CHAR_PUNCT, 0x166d}, {0x1885, HM_CHAR_PLAIN, 0},
			 {0x2000, HM_CHAR_SPACE, 0},	  {0x344, HM_CHAR_MARK, 0},
			 {0x9cb, HM_CHAR_MULTI, 0},	  {0xf76, HM_CHAR_MARK_STARTER, 0},
			 {0x130, HM_CHAR_PLAIN, 'i'},	  {0x10ffff, HM_CHAR_PLAIN, 0}},
		lowered[] = {{'A', HM_CHAR_PLAIN, 'a'},	   {0xc9, HM_CHAR_PLAIN, 0xe9},
			     {0x301, HM_CHAR_PLAIN, 0},	   {0xac00, HM_CHAR_PLAIN, 0},
			     {0x130, HM_CHAR_MULTI, 0},	   {0x37e, HM_CHAR_PUNCT, 0x37e},
			     {0xf900, HM_CHAR_CJK, 0xf900}},
		stripped[] = {{'A', HM_CHAR_PLAIN, 0},	       {0xc9, HM_CHAR_PLAIN, 'E'},
			      {0x130, HM_CHAR_PLAIN, 'I'},     {0x301, HM_CHAR_MARK, 0},
			      {0x4e00, HM_CHAR_PLAIN, 0x4e00}, {0xf900, HM_CHAR_PLAIN, 0x8c48}},
		bare[] = {{0x200b, HM_CHAR_PLAIN, 0x200b}, {0xb, HM_CHAR_SPACE, 0},
			  {0x85, HM_CHAR_SPACE, 0},	   {0x1c, HM_CHAR_PLAIN, 0x1c},
			  {'\n', HM_CHAR_SPACE, 0},	   {0x301, HM_CHAR_PLAIN, 0}};
	(void)state;
#define EXPECT(LIST, ...) expect_forms((struct hm_char_rules){__VA_ARGS__}, LIST, sizeof LIST / sizeof *LIST)
	EXPECT(all, true, true, true, true);
	EXPECT(lowered, true, true, false, true);
	EXPECT(stripped, true, false, true, false);
	EXPECT(bare, false, true, false, false);
	uint32_t part[HM_CHAR_PARTS];
	assert_int_equal(hm_charmap_parts(0x130, part), 2);
	assert_true(part[0] == 'i' && part[1] == 0x307);
	assert_int_equal(hm_charmap_parts(0x1d160, part), 3);
	assert_true(part[0] == 0x1d158 && part[1] == 0x1d165 && part[2] == 0x1d16e);
	assert_int_equal(hm_char_order_of(0x302e), 224);
	assert_int_equal(hm_char_order_of('a'), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(the_reference_agrees, setup, teardown),
		cmocka_unit_test_setup_teardown(what_json_cannot_carry, setup, teardown),
		cmocka_unit_test(a_cut_word_is_not_remembered),
		cmocka_unit_test_setup_teardown(special_tokens_as_plain_text, setup, teardown),
		cmocka_unit_test(every_special_token_is_needed),
		cmocka_unit_test(the_map_has_class_and_form),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
