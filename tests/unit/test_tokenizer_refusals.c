/* lib/prep/tokenizer, vocabulary files: those that are refused, each with the file and the reason, and those
 * that an enemy wrote. */
#include "../support/vocabfolder.h"

struct refusal {
	place_files files;
	const char *named, *file, *why; /* `file`: where the sentence begins, NULL: at the folder */
};

static void check_refusal(struct place *p, const struct refusal *c)
{
	struct hm_err e = {0};
	char start[192];
	place_fill(p, c->files);
	struct hm_tokenizer *t = place_open(p, c->named, (struct hm_tokenizer_options){0}, &e);
	snprintf(start, sizeof start, "%s%s%s", p->folder, c->file ? "/" : "", c->file ? c->file : "");
	if (t || strncmp(e.text, start, strlen(start)) != 0 || !strstr(e.text, c->why))
		fail_msg("wanted '%s ... %s', got '%s'", start, c->why, e.text);
}

#define CONFIG(TEXT, WHY)                                                                                    \
	{                                                                                                    \
		{"vocab.txt", LINES, "tokenizer_config.json", TEXT}, NULL, "tokenizer_config.json", WHY      \
	}
#define FILE_IS(TEXT, WHY)                                                                                   \
	{                                                                                                    \
		{"tokenizer.json", TEXT}, NULL, "tokenizer.json", WHY                                        \
	}

static void what_we_cannot_compute_is_refused(void **state)
{
	static const struct refusal all[] = {
		CONFIG("{\"do_lower_case\":\"no\"}", "\"do_lower_case\" is neither true nor false"),
		CONFIG("{\"do_basic_tokenize\":false}", "\"do_basic_tokenize\" is false"),
		CONFIG("{\"never_split\":[\"[MASK]\",\"hello\"]}", "\"never_split\" names hello"),
		CONFIG("{\"tokenizer_class\":\"BertJapaneseTokenizer\"}",
		       "\"tokenizer_class\" is BertJapaneseTokenizer"),
		CONFIG("{\"tokenizer_class\":\"BertweetTokenizer\"}", "\"tokenizer_class\" is Bertweet"),
		CONFIG("{\"truncation_side\":\"left\"}", "\"truncation_side\" is \"left\""),
		CONFIG("{\"model_max_length\":1}", "at most 1 ids per text, but"),
		CONFIG("{\"model_max_length\":-5}", "at most -5 ids per text, but"),
		CONFIG("{\"model_max_length\":\"512\"}", "\"model_max_length\" is not a number"),
		CONFIG("{\"cls_token\":null}", "no token plays the part of [CLS]"),
		CONFIG("{\"cls_token\":\"<s>\"}", "the special token \"<s>\" is not in the vocabulary"),
		CONFIG("{\"cls_token\":7}", "\"cls_token\" holds no token"),
		CONFIG("{\"additional_special_tokens\":\"x\"}",
		       "\"additional_special_tokens\" is not a list of tokens"),
		CONFIG("{\"added_tokens_decoder\":{\"8\":{\"content\":\"@user\"}}}", "\"normalized\": true"),
		CONFIG("{\"added_tokens_decoder\":{\"8\":{\"content\":\"@user\",\"special\":true,"
		       "\"single_word\":true}}}",
		       "\"single_word\": true"),
		CONFIG("{\"added_tokens_decoder\":{\"5\":{\"content\":\"world\",\"special\":true}}}",
		       "the token \"world\" has the id 5 here and 7 in the vocabulary"),
		CONFIG("{\"added_tokens_decoder\":{\"5\":{\"content\":\"@user\",\"special\":true}}}",
		       "the id 5 belongs to \"@user\" here and to \"hello\" in the vocabulary"),
		CONFIG("{\"added_tokens_decoder\":{\"4294967296\":{\"content\":\"@user\"}}}",
		       "an id is not an integer from 0 to"),
		CONFIG("{\"added_tokens_decoder\":{\"x\":{\"content\":\"@user\"}}}",
		       "an id is not an integer"),
		CONFIG("{\"added_tokens_decoder\":{\"9\":{\"content\":\"@user\",\"special\":true}}}",
		       "the token \"@user\" has the id 9, and the next one is 8"),
		CONFIG("[]", "the JSON value is not an object"),
		CONFIG("{\"a\":", "invalid JSON"),
		CONFIG("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 5\n",
		       "a Git LFS pointer, not a file of a tokenizer (git lfs pull)"),
		{{"vocab.txt", LINES, "special_tokens_map.json", "{\"sep_token\":\"</s>\"}"},
		 NULL,
		 "special_tokens_map.json",
		 "\"</s>\" is not in the vocabulary"},
		{{"vocab.txt", LINES, "added_tokens.json", "{\"@user\":8}"},
		 NULL,
		 "added_tokens.json",
		 "\"normalized\": true"},
		{{"vocab.txt", LINES, "added_tokens.json", "{\"@user\":\"8\"}"},
		 NULL,
		 "added_tokens.json",
		 "the id of the token \"@user\" is not an integer"},
		FILE_IS("{" PRE "}", "the file does not say which tokenizer it holds"),
		FILE_IS("{" PRE ",\"model\":{\"type\":\"BPE\",\"vocab\":{},\"merges\":[]}}",
			"the pre_tokenizer is BertPreTokenizer; hm-tokenize knows ByteLevel"),
		FILE_IS("{" PRE ",\"model\":{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1]]}}",
			"the file holds a Unigram tokenizer; hm-tokenize reads WordPiece"),
		FILE_IS("{" PRE ",\"model\":{\"type\":\"WordLevel\",\"vocab\":{}}}",
			"the file holds a WordLevel tokenizer; hm-tokenize reads WordPiece"),
		FILE_IS("{\"model\":{\"vocab\":{}}}", "the file does not say which tokenizer"),
		FILE_IS("{\"model\":{\"vocab\":{},\"merges\":[]}}", "the pre_tokenizer is missing"),
		FILE_IS("{" MODEL "}", "the pre_tokenizer is missing"),
		FILE_IS("{\"pre_tokenizer\":{\"type\":\"Whitespace\"}," MODEL "}",
			"the pre_tokenizer is Whitespace"),
		FILE_IS("{\"normalizer\":{\"type\":\"Lowercase\"}," PRE "," MODEL "}",
			"the normalizer is Lowercase"),
		FILE_IS("{\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFD\"},"
			"{\"type\":\"Lowercase\"}]}," PRE "," MODEL "}",
			"the normalizer is Sequence"),
		FILE_IS("{\"post_processor\":{\"type\":\"ByteLevel\"}," PRE "," MODEL "}",
			"the post_processor is ByteLevel"),
		FILE_IS("{\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[]}," PRE "," MODEL
			"}",
			"the post_processor does not make one special token, the text, one special token"),
		FILE_IS("{\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",5],"
			"\"sep\":[\"[SEP]\",3]}," PRE "," MODEL "}",
			"the post_processor's ids of [CLS] and [SEP] are not the vocabulary's"),
		FILE_IS("{\"truncation\":{\"direction\":\"Left\",\"max_length\":9}," PRE "," MODEL "}",
			"the truncation's direction is \"Left\""),
		FILE_IS("{" PRE
			",\"model\":{\"type\":\"WordPiece\",\"max_input_chars_per_word\":0,\"vocab\":{}}}",
			"\"max_input_chars_per_word\" is not an integer from 1 to"),
		FILE_IS("{" PRE ",\"model\":{\"type\":\"WordPiece\",\"vocab\":[]}}",
			"the vocabulary is not an object of tokens and ids"),
		FILE_IS("{" PRE ",\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":0,\"b\":0}}}",
			"the tokens \"a\" and \"b\" have the same id 0"),
		FILE_IS("{" PRE ",\"model\":{\"type\":\"WordPiece\",\"vocab\":{\"a\":4e9}}}",
			"the id of the token \"a\" is not an integer"),
		FILE_IS("{" PRE
			",\"model\":{\"type\":\"WordPiece\",\"unk_token\":\"<unk>\",\"vocab\":{\"a\":0}}}",
			"the special token \"<unk>\" is not in the vocabulary"),
		FILE_IS("\xef\xbb\xbf{}", "the file begins with a byte order mark"),
		{{"tokenizer.json", JSON("true"), "tokenizer_config.json", "{\"do_lower_case\":false}"},
		 NULL,
		 "tokenizer_config.json",
		 "\"do_lower_case\": false, and "},
		{{"tokenizer.json", JSON("true"), "tokenizer_config.json", "{\"strip_accents\":false}"},
		 NULL,
		 "tokenizer_config.json",
		 "\"strip_accents\": false, and "},
		{{"tokenizer.json", JSON("true"), "tokenizer_config.json", "{\"unk_token\":\"hello\"}"},
		 NULL,
		 "tokenizer.json",
		 "the unk_token is \"[UNK]\", and \"hello\" in "},
		{{"special_tokens_map.json", "{\"cls_token\":\"hello\"}", "tokenizer.json",
		  "{\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"[CLS]\",2],\"sep\":[\"[SEP]\","
		  "3]}," PRE "," MODEL "}"},
		 NULL,
		 "tokenizer.json",
		 "the cls_token is \"[CLS]\", and \"hello\" in "},
		{{"vocab.txt", "hello\n" LINES, "tokenizer.json", JSON("true")},
		 NULL,
		 "vocab.txt",
		 "line 7: the token \"hello\" stands on line 1 already"},
		{{"vocab.txt", LINES "again\n", "tokenizer.json", JSON("true")},
		 NULL,
		 "vocab.txt",
		 "hold different vocabularies, from id 8 on: name the file that counts (--vocab "},
		{{"vocab.txt", LINES, "tokenizer.json", "{\"model\":{\"type\":\"BPE\"}}"},
		 NULL,
		 "tokenizer.json",
		 "the file holds another tokenizer than "},
		{{"merges.txt", "a b\n"},
		 NULL,
		 "merges.txt",
		 "a BPE tokenizer needs vocab.json too, and there is none in the folder"},
		{{"spiece.model", "x"},
		 NULL,
		 NULL,
		 "the folder holds spiece.model, a SentencePiece tokenizer"},
		{{0}, NULL, NULL, "the folder holds no tokenizer"},
		{{"merges.txt", "#version: 0.2\na b\n"},
		 "merges.txt",
		 "merges.txt",
		 "a BPE tokenizer needs vocab.json too"},
		{{"spiece.model", "\n\016\n\005<unk>\025...."},
		 "spiece.model",
		 "spiece.model",
		 "this is a SentencePiece model"},
		{{"words.txt", "{\"a\": 0, \"b</w>\": 1}"},
		 "words.txt",
		 "words.txt",
		 "a BPE tokenizer needs merges.txt too"},
		{{"words.txt", "{\"a\": \"b\"}"},
		 "words.txt",
		 "words.txt",
		 "the JSON object has no \"model\""},
		{{0}, "words.txt", "words.txt", "cannot open"},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		check_refusal(*state, &all[i]);
}

static void hostile_json_is_bounded(void **state)
{
	struct place *p = *state;
	struct hm_err e = {0};
	struct hm_buf b = {0};
	assert_int_equal(hm_buf_printf(&b, &e, "{\"a\":["), 0);
	for (int i = 0; i < 1300000; i++)
		assert_int_equal(hm_buf_add(&b, "1,", 2, &e), 0);
	assert_int_equal(hm_buf_printf(&b, &e, "1]}"), 0);
	place_write(p, "tokenizer.json", (const char *)b.data, b.len);
	assert_null(place_open(p, NULL, (struct hm_tokenizer_options){0}, &e));
	assert_non_null(strstr(e.text, "JSON values; the limit is 1200000"));
	b.len = 0;
	for (int i = 0; i < 100; i++)
		assert_int_equal(hm_buf_printf(&b, &e, "{\"a\":"), 0);
	place_write(p, "tokenizer.json", (const char *)b.data, b.len);
	e.code = 0;
	assert_null(place_open(p, NULL, (struct hm_tokenizer_options){0}, &e));
	assert_non_null(strstr(e.text, "a level of nesting too deep"));
	hm_buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_we_cannot_compute_is_refused, place_setup,
						place_teardown),
		cmocka_unit_test_setup_teardown(hostile_json_is_bounded, place_setup, place_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
