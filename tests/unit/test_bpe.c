/* lib/prep/bpe*: the ids that transformers gave for tests/data/text/bpe.jsonl (tests/oracle/make_bpe.py),
 * what JSON cannot carry, long words, and typographic quotes. The forms of files are test_bpefiles.c's. */
#include "prep/bpe.h"
#include "prep/bpechars.h"
#include "prep/bpevocab.h"
#include "../support/tokencases.h"

#include <stdio.h>

#define CLIP "tests/data/text/clip"
#define ROBERTA "tests/data/text/roberta"

static void one_case(void *ctx, cJSON *c, int line)
{
	const char *text, *kind;
	int64_t length;
	int32_t *ids;
	struct hm_err e = {0};
	(void)ctx, (void)line;
	assert_int_equal(hm_json_get_str(c, "text", &text, &e) | hm_json_get_str(c, "kind", &kind, &e) |
				 hm_json_get_int(c, "max_length", &length, &e),
			 0);
	bool plain = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(c, "plain"));
	struct hm_tokenizer_options o = {.plain_specials = plain, .max_length = (int)length};
	int n = tokencases_encode(*kind == 'c' ? CLIP : ROBERTA, o, text, strlen(text), &ids, NULL, &e);
	if (!tokencases_equal(ids, n, cJSON_GetObjectItemCaseSensitive(c, "ids")))
		fail_msg("%s: other ids for '%s', plain %d, length %d", kind, text, plain, o.max_length);
	free(ids);
}

static void the_reference_agrees(void **state)
{
	(void)state;
	assert_true(tokencases_each("tests/data/text/bpe.jsonl", one_case, NULL) > 500);
}

/* The tokens of a text's ids, with spaces between. */
static void expect_tokens(const char *path, struct hm_tokenizer_options o, const char *s, size_t n,
			  const char *want)
{
	struct hm_err e = {0};
	struct hm_buf file = {0}, b = {0};
	char name[128];
	int32_t *ids;
	struct hm_vocab v;
	snprintf(name, sizeof name, "%s/vocab.json", path);
	assert_int_equal(hm_file_read(name, 1 << 20, &file, &e), 0);
	cJSON *tree = hm_json_parse((const char *)file.data, file.len, 3, NULL, &e);
	assert_int_equal(hm_vocab_from_json(&v, tree, &e), 0);
	int count = tokencases_encode(path, o, s, n, &ids, NULL, &e);
	for (int i = 0; i < count; i++) {
		size_t len;
		const char *token = hm_vocab_token(&v, (uint32_t)ids[i], &len);
		hm_buf_printf(&b, &e, "%s%.*s", i ? " " : "", (int)len, token);
	}
	assert_string_equal((const char *)b.data, want);
	free(ids);
	cJSON_Delete(tree);
	hm_vocab_clear(&v);
	hm_buf_clear(&b);
	hm_buf_clear(&file);
}

static void what_json_cannot_carry(void **state)
{
	const struct hm_tokenizer_options o = {0};
	int32_t *ids;
	struct hm_err e = {0};
	(void)state;
	expect_tokens(CLIP, o, "a\0b", 3, "<|startoftext|> a</w> \xc4\x80</w> b</w> <|endoftext|>");
	expect_tokens(ROBERTA, o, "a\0b", 3, "<s> a \xc4\x80 b </s>");
	expect_tokens(CLIP, o, "", 0, "<|startoftext|> <|endoftext|>");
	assert_int_equal(tokencases_encode(CLIP, o, "the \xff", 5, &ids, NULL, &e), HM_EDATA);
	assert_string_equal(e.text, "the text is not UTF-8 at byte 5");
	free(ids);
	e.code = 0;
	assert_int_equal(tokencases_encode(ROBERTA, o, "\xed\xa0\x80", 3, &ids, NULL, &e), HM_EDATA);
	free(ids);
}

static void quotes_are_made_straight(void **state)
{
	const struct hm_tokenizer_options straight = {.quotes = HM_QUOTES_STRAIGHT};
	static const char text[] = "I\xe2\x80\x99m \xe2\x80\x9c\xca\xbc\xe2\x80\x98\xe2\x80\x9a\xe2\x80\x9b"
				   "\xe2\x80\x9d\xe2\x80\x9e\xe2\x80\x9f \xe2\x80\xa0 \xe2\x80\x97 \xca\xbd";
	static const char plain[] = "I'm \"''''\"\"\" \xe2\x80\xa0 \xe2\x80\x97 \xca\xbd";
	int32_t *a, *b;
	bool cut;
	struct hm_err e = {0};
	(void)state;
	int n = tokencases_encode(CLIP, straight, text, sizeof text - 1, &a, &cut, &e);
	assert_int_equal(tokencases_encode(CLIP, (struct hm_tokenizer_options){0}, plain, sizeof plain - 1,
					   &b, &cut, &e),
			 n);
	assert_memory_equal(a, b, (size_t)n * sizeof *a);
	free(a);
	free(b);
	n = tokencases_encode("tests/data/text/vocab.txt", straight, text, sizeof text - 1, &a, &cut, &e);
	assert_int_equal(tokencases_encode("tests/data/text/vocab.txt", (struct hm_tokenizer_options){0},
					   plain, sizeof plain - 1, &b, &cut, &e),
			 n);
	assert_memory_equal(a, b, (size_t)n * sizeof *a);
	free(a);
	free(b);
}

static void a_cut_is_known(void **state)
{
	static const struct {
		const char *text;
		int ids;
		bool cut;
	} all[] = {{"the cat", 4, false},	  {"the cat ", 4, false},
		   {"the cat the", 4, true},	  {"a", 3, false},
		   {"a b<|endoftext|>", 4, true}, {"<|endoftext|><|endoftext|>", 4, false}};
	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct hm_err e = {0};
		int32_t *ids;
		bool cut = !all[i].cut;
		assert_int_equal(tokencases_encode(CLIP, (struct hm_tokenizer_options){.max_length = 4},
						   all[i].text, strlen(all[i].text), &ids, &cut, &e),
				 all[i].ids);
		assert_int_equal(cut, all[i].cut);
		free(ids);
	}
}

/* ---- long words ---- */

struct small {
	struct hm_bpe_vocab v;
	struct hm_bpe bpe;
};

static void open_small(struct small *s, const char *path, bool suffix)
{
	struct hm_buf vocab = {0}, merges = {0};
	struct hm_err e = {0};
	char name[128];
	snprintf(name, sizeof name, "%s/vocab.json", path);
	assert_int_equal(hm_file_read(name, 1 << 20, &vocab, &e), 0);
	snprintf(name, sizeof name, "%s/merges.txt", path);
	assert_int_equal(hm_file_read(name, 1 << 20, &merges, &e), 0);
	cJSON *tree = hm_json_parse((const char *)vocab.data, vocab.len, 3, NULL, &e);
	assert_int_equal(hm_bpe_vocab_lines(&s->v, tree, (const char *)merges.data, merges.len, &e), 0);
	assert_int_equal(hm_bpe_init(&s->bpe, &s->v.vocab,
				     (const struct hm_bpe_merge *)(const void *)s->v.merges.data,
				     s->v.merges.len / sizeof(struct hm_bpe_merge), suffix, &e),
			 0);
	cJSON_Delete(tree);
	hm_buf_clear(&vocab);
	hm_buf_clear(&merges);
}

/* The definition: of all pairs in the list that of lowest rank, the leftmost first, one after the other. */
static size_t merge_slowly(const struct hm_bpe *b, int32_t *id, size_t n)
{
	for (;;) {
		uint32_t best = UINT32_MAX;
		size_t at = 0;
		int32_t to, made = -1;
		for (size_t i = 0; i + 1 < n; i++) {
			uint32_t rank = hm_bpe_rank(b, id[i], id[i + 1], &to);
			if (rank < best) {
				best = rank;
				at = i;
				made = to;
			}
		}
		if (best == UINT32_MAX)
			return n;
		id[at] = made;
		memmove(id + at + 1, id + at + 2, (n - at - 2) * sizeof *id);
		n--;
	}
}

static void every_length_has_the_same_merges(void **state)
{
	struct small s;
	uint32_t r = 1;
	(void)state;
	open_small(&s, CLIP, true);
	for (int round = 0; round < 3000; round++) {
		char word[160 + HM_BPE_PADDING] = {0};
		int32_t slow[160], got[160];
		struct hm_err e = {0};
		struct hm_bpe_ids out = {.to = got, .cap = 160};
		size_t n = 1 + (size_t)round % 130;
		for (size_t i = 0; i < n; i++) {
			r = r * 1664525 + 1013904223;
			word[i] = "abcdehilmnoprstuaeth"[(r >> 16) % (round % 3 ? 20 : 3)];
			slow[i] = s.bpe.symbol[i + 1 == n][(unsigned char)word[i]];
		}
		size_t want = merge_slowly(&s.bpe, slow, n);
		assert_int_equal(hm_bpe_word(&s.bpe, word, n, &out, &e), 0);
		assert_int_equal(out.n, want);
		assert_memory_equal(got, slow, want * sizeof *got);
		out.n = 0;
		assert_int_equal(hm_bpe_word_long(&s.bpe, word, n, &out, &e), 0);
		assert_int_equal(out.n, want);
		assert_memory_equal(got, slow, want * sizeof *got);
	}
	hm_bpe_clear(&s.bpe);
	hm_bpe_vocab_clear(&s.v);
}

/* A square would take hours. */
static void a_long_word_takes_no_square(void **state)
{
	size_t n = HM_BPE_WORD_MOST;
	char *word = malloc(n + 1);
	int32_t *ids;
	struct hm_err e = {0};
	bool cut;
	(void)state;
	memset(word, 'a', n + 1);
	for (size_t i = 0; i < n; i += 3)
		word[i] = 't';
	int count = tokencases_encode(CLIP, (struct hm_tokenizer_options){0}, word, n / 4, &ids, &cut, &e);
	assert_int_equal(count, 77);
	assert_true(cut);
	free(ids);
	/* marks in falling order of class, which NFC sorts */
	for (size_t i = 0; i + 1 < n; i += 2)
		memcpy(word + i, i % 4 ? "\xcc\xa3" : "\xcc\x81", 2);
	word[0] = word[1] = 'a';
	count = tokencases_encode(CLIP, (struct hm_tokenizer_options){0}, word, n / 4, &ids, &cut, &e);
	assert_int_equal(count, 77);
	free(ids);
	memset(word, 'a', n + 1);
	assert_int_equal(
		tokencases_encode(CLIP, (struct hm_tokenizer_options){0}, word, n + 1, &ids, &cut, &e),
		HM_EDATA);
	assert_string_equal(e.text, "a word of 4194305 bytes; the limit is 4194304");
	free(ids);
	free(word);
}

static void normal_forms(void **state)
{
	static const struct {
		const char *text;
		uint32_t points[5];
	} all[] = {{"e\xcc\x81", {0xe9}},
		   {"\xe1\xba\xa5\xcc\xa3", {0x1ead, 0x301}},
		   {"\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab", {0xd55c}},
		   {"\xea\xb0\x80\xe1\x86\xa8", {0xac01}},
		   {"\xea\xb0\x80\xe1\x86\xa7", {0xac00, 0x11a7}},
		   {"\xe2\x84\xab", {0xc5}},
		   {"\xe0\xa5\x98", {0x915, 0x93c}},
		   {"\xf0\x9d\x85\xa0", {0x1d158, 0x1d165, 0x1d16e}},
		   {"\xcd\x84", {0x308, 0x301}},
		   {"a\xcc\x81\xcc\x81", {0xe1, 0x301}},
		   {"a\xcc\x85\xcc\x81", {0x61, 0x305, 0x301}}, /* a mark of the same class stands between */
		   {"\xcc\x81\xcc\xa3", {0x323, 0x301}},
		   {"\xe0\xbd\xb3", {0xf71, 0xf72}},
		   {"", {0}}};
	struct hm_buf points = {0};
	struct hm_err e = {0};
	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		size_t n = 0;
		while (n < 5 && all[i].points[n])
			n++;
		assert_int_equal(hm_bpe_nfc(all[i].text, strlen(all[i].text), &points, &e), 0);
		if (points.len != n * sizeof(uint32_t) ||
		    (n && memcmp(points.data, all[i].points, points.len)))
			fail_msg("text %zu", i);
	}
	hm_buf_clear(&points);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_reference_agrees),
		cmocka_unit_test(what_json_cannot_carry),
		cmocka_unit_test(quotes_are_made_straight),
		cmocka_unit_test(a_cut_is_known),
		cmocka_unit_test(normal_forms),
		cmocka_unit_test(every_length_has_the_same_merges),
		cmocka_unit_test(a_long_word_takes_no_square),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
