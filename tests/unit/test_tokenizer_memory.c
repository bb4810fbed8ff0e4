/* Memory that runs out while a tokenizer is opened: with the k-th allocation failing, for every k until none
 * does, opening ends in one sentence and leaks nothing (the sanitizer build looks), or gives the same
 * tokenizer. */
#include "base/file.h"
#include "json/json.h"
#include "prep/tokenizer.h"
#include "../support/scarce.h"
#include "../support/scratch.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static const struct {
	const char *name, *text;
} files[] = {
	{"vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\nhello\n\nworld\n"},
	{"tokenizer.json",
	 "{\"normalizer\":{\"type\":\"BertNormalizer\",\"clean_text\":true,\"handle_chinese_chars\":true,"
	 "\"strip_accents\":true,\"lowercase\":false},\"pre_tokenizer\":{\"type\":\"BertPreTokenizer\"},"
	 "\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",2],\"sep\":[\"[SEP]\",3]},"
	 "\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"[UNK]\",\"vocab\":{\"[PAD]\":0,\"[UNK]\":1,"
	 "\"[CLS]\":2,\"[SEP]\":3,\"[MASK]\":4,\"hello\":5,\"world\":7}}}"},
	{"tokenizer_config.json",
	 "{\"tokenize_chinese_chars\":true,\"model_max_length\":64,\"bos_token\":\"hello\","
	 "\"added_tokens_decoder\":{\"8\":{\"content\":\"@user\",\"special\":true}}}"},
	{"special_tokens_map.json", "{\"sep_token\":{\"content\":\"[SEP]\"}}"},
	{"added_tokens.json", "{\"@user\":8}"},
};
enum { FILES = sizeof files / sizeof *files };

static char folder[TEST_PATH];

static int each_file(bool make)
{
	char path[128];
	struct hm_err e = {0};
	int rc = 0;
	for (int i = 0; i < FILES; i++) {
		snprintf(path, sizeof path, "%s/%s", folder, files[i].name);
		rc |= make ? hm_file_write(path, files[i].text, strlen(files[i].text), &e) : unlink(path);
	}
	return rc;
}

static int setup(void **state)
{
	(void)state;
	count_json(true);
	test_scratch_folder(folder);
	return each_file(true);
}

static int teardown(void **state)
{
	(void)state;
	count_json(false);
	return each_file(false) | rmdir(folder);
}

static void expect_whole(const struct hm_tokenizer *t, const char *attr)
{
	struct hm_buf b = {0};
	struct hm_err e = {0};
	assert_int_equal(hm_json_write(t->attr, &b, &e) | hm_buf_add(&b, "", 1, &e), 0);
	assert_string_equal((const char *)b.data, attr);
	assert_non_null(strstr((const char *)t->notices.data, "case and accents are kept"));
	assert_int_equal(t->max_length, 64);
	hm_buf_clear(&b);
}

static void opening_is_whole_or_an_error(void **state)
{
	static const char attr[] =
		"{\"cased\":true,\"max_length\":64,\"special_tokens\":\"a96beb5a7aa8f48ebb618e92804e52e6\","
		"\"strip_accents\":true,\"vocab\":\"92c98cb7c5d39477c05f8160de0f9551\"}";
	const struct hm_tokenizer_options o = {0};
	(void)state;
	for (long k = 0;; k++) {
		struct hm_err e = {0};
		begin_scarcity(k);
		struct hm_tokenizer *t = hm_tokenizer_open(folder, &o, &e);
		bool all = end_scarcity();
		if (t)
			expect_whole(t, attr);
		else if (!e.code || !*e.text)
			fail_msg("allocation %ld failed, and no word about it", k);
		hm_tokenizer_close(t);
		if (all) {
			assert_non_null(t);
			assert_true(k > 150);
			return;
		}
	}
}

static void comparing_is_right_or_an_error(void **state)
{
	const struct hm_tokenizer_options o = {0};
	struct hm_err e = {0};
	(void)state;
	struct hm_tokenizer *t = hm_tokenizer_open(folder, &o, &e);
	assert_non_null(t);
	for (long k = 0;; k++) {
		struct hm_err f = {0};
		begin_scarcity(k);
		int rc = hm_tokenizer_check(folder, t->attr, &f);
		bool all = end_scarcity();
		assert_true(rc ? f.code && *f.text : !f.code);
		if (all) {
			assert_int_equal(rc, 0);
			break;
		}
	}
	hm_tokenizer_close(t);
}

/* The small BPE tokenizers: their many allocations are tried at the beginning and then now and then. */
static void bpe_is_whole_or_an_error(void **state)
{
	static const char *const paths[] = {"tests/data/text/clip", "tests/data/text/roberta"};
	const struct hm_tokenizer_options o = {.quotes = HM_QUOTES_STRAIGHT};
	(void)state;
	for (int i = 0; i < 2; i++)
		for (long k = 0;; k += k < 40 ? 1 : 17) {
			struct hm_err e = {0};
			int32_t ids[64];
			countdown = k;
			struct hm_tokenizer *t = hm_tokenizer_open(paths[i], &o, &e);
			int n = t ? hm_tokenizer_encode(t,
							"\xe2\x80\x99"
							"A\xcc\x8a",
							6, ids, NULL, &e)
				  : -1;
			bool all = countdown >= 0;
			countdown = -1;
			if (n < 2 && (!e.code || !*e.text))
				fail_msg("allocation %ld failed, and no word about it", k);
			hm_tokenizer_close(t);
			if (all) {
				assert_true(n > 2);
				break;
			}
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opening_is_whole_or_an_error),
		cmocka_unit_test(comparing_is_right_or_an_error),
		cmocka_unit_test(bpe_is_whole_or_an_error),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
