/* lib/prep/tokenizer, vocabulary files: what their settings become as attributes and what the user hears of
 * them; two tokenizers are compared by their attributes. */
#include "json/json.h"
#include "../support/vocabfolder.h"

/* One sentence, with `want` in it, or none. */
static void hears_text(const struct hm_buf *told, const char *want)
{
	const char *got = told->len ? (const char *)told->data : "";
	if (*want ? !strstr(got, want) || told->len != strlen(got) + 1 : told->len > 0)
		fail_msg("wanted '%s', got '%s'", want, got);
}

struct opening {
	place_files files;
	const char *named; /* the file that is opened, NULL: the folder */
	struct hm_tokenizer_options o;
	const char *attr; /* without the vocabulary's digest */
	int max_length;
	const char *warning, *notice; /* parts of the only one */
};

static void check_opening(struct place *p, const struct opening *c)
{
	struct hm_err e = {0};
	struct hm_buf attr = {0};
	place_fill(p, c->files);
	struct hm_tokenizer *t = place_open(p, c->named, c->o, &e);
	if (!t)
		fail_msg("%s", e.text);
	assert_string_equal(cJSON_GetObjectItemCaseSensitive(t->attr, "vocab")->valuestring,
			    "3b07bbc8e8ac52ee21cfdc87ecc91fa7");
	cJSON_DeleteItemFromObjectCaseSensitive(t->attr, "vocab");
	assert_int_equal(cJSON_GetObjectItemCaseSensitive(t->attr, "max_length")->valueint, t->max_length);
	cJSON_DeleteItemFromObjectCaseSensitive(t->attr, "max_length");
	assert_int_equal(hm_json_write(t->attr, &attr, &e) | hm_buf_add(&attr, "", 1, &e), 0);
	assert_string_equal((const char *)attr.data, c->attr);
	assert_int_equal(t->max_length, c->max_length);
	hears_text(&t->warnings, c->warning);
	hears_text(&t->notices, c->notice);
	hm_buf_clear(&attr);
	hm_tokenizer_close(t);
}

static void settings_become_attributes(void **state)
{
	static const struct hm_tokenizer_options cased = {.casing = HM_CASED},
						 uncased = {.casing = HM_UNCASED};
	const struct opening all[] = {
		{{"vocab.txt", LINES}, NULL, uncased, "{\"cased\":false}", 512, "", ""},
		{{"vocab.txt", LINES}, "vocab.txt", cased, "{\"cased\":true}", 512, "", ""},
		{{"words.txt", LINES}, "words.txt", cased, "{\"cased\":true}", 512, "", ""},
		/* nobody says it, and the vocabulary looks cased */
		{{"vocab.txt", LINES}, NULL, {0}, "{\"cased\":false}", 512, "1 of the 8 tokens of ", ""},
		/* the folder says it: to the folder, to its file, with the option on top */
		{{"vocab.txt", LINES, "tokenizer_config.json", "{\"do_lower_case\":false}"},
		 NULL,
		 {0},
		 "{\"cased\":true}",
		 512,
		 "",
		 "case and accents are kept, as "},
		{{"vocab.txt", LINES, "tokenizer_config.json", "{\"do_lower_case\":false}"},
		 "vocab.txt",
		 {0},
		 "{\"cased\":true}",
		 512,
		 "",
		 "case and accents are kept, as "},
		{{"vocab.txt", LINES, "tokenizer_config.json", "{\"do_lower_case\":false}"},
		 NULL,
		 cased,
		 "{\"cased\":true}",
		 512,
		 "",
		 ""},
		{{"vocab.txt", LINES, "tokenizer_config.json", "{\"do_lower_case\":false}"},
		 NULL,
		 uncased,
		 "{\"cased\":false}",
		 512,
		 "text is lowered (--uncased), although ",
		 ""},
		{{"vocab.txt", LINES, "tokenizer_config.json", "{\"do_lower_case\":true}"},
		 NULL,
		 cased,
		 "{\"cased\":true}",
		 512,
		 "text is not lowered (--cased), although ",
		 ""},
		/* a file of another name is alone */
		{{"words.txt", LINES, "tokenizer_config.json", "{\"do_lower_case\":true}"},
		 "words.txt",
		 cased,
		 "{\"cased\":true}",
		 512,
		 "",
		 ""},
		{{"tokenizer.json", JSON("false")},
		 NULL,
		 {0},
		 "{\"cased\":true}",
		 512,
		 "",
		 "case and accents are kept, as "},
		{{"tokenizer.json", JSON("true")}, "tokenizer.json", {0}, "{\"cased\":false}", 512, "", ""},
		/* with a named vocab.txt only the normaliser of tokenizer.json counts */
		{{"vocab.txt", LINES, "tokenizer.json", "{" NORMAL("false") "," MODEL "}"},
		 "vocab.txt",
		 {0},
		 "{\"cased\":true}",
		 512,
		 "",
		 "case and accents are kept, as "},
		/* the option decides where two files contradict each other */
		{{"tokenizer.json", JSON("false"), "tokenizer_config.json", "{\"do_lower_case\":true}"},
		 NULL,
		 cased,
		 "{\"cased\":true}",
		 512,
		 "text is not lowered (--cased), although ",
		 ""},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":true,\"strip_accents\":false}"},
		 NULL,
		 {0},
		 "{\"cased\":false,\"strip_accents\":false}",
		 512,
		 "",
		 "accents are kept, as "},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":false,\"strip_accents\":false,\"tokenize_chinese_chars\":true}"},
		 NULL,
		 {0},
		 "{\"cased\":true}",
		 512,
		 "",
		 "case and accents are kept, as "},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":true,\"tokenize_chinese_chars\":false}"},
		 NULL,
		 {0},
		 "{\"cased\":false,\"tokenize_chinese_chars\":false}",
		 512,
		 "",
		 "CJK ideographs are not words of their own, as "},
		/* null means what the casing makes of it: the two files agree */
		{{"tokenizer.json",
		  "{\"normalizer\":{\"type\":\"BertNormalizer\",\"strip_accents\":true}," PRE "," MODEL "}",
		  "tokenizer_config.json", "{\"do_lower_case\":true,\"strip_accents\":null}"},
		 NULL,
		 {0},
		 "{\"cased\":false}",
		 512,
		 "",
		 ""},
		{{"tokenizer.json",
		  "{" PRE ",\"normalizer\":{\"type\":\"BertNormalizer\"},\"model\":{\"type\":\"WordPiece\","
		  "\"continuing_subword_prefix\":\"@@\",\"vocab\":" TOKENS "}}"},
		 NULL,
		 uncased,
		 "{\"cased\":false,\"continuing_subword_prefix\":\"@@\"}",
		 512,
		 "",
		 "pieces inside a word begin with \"@@\", as "},
		{{"tokenizer.json",
		  "{" PRE ",\"normalizer\":{\"type\":\"BertNormalizer\"},\"model\":{\"type\":\"WordPiece\","
		  "\"max_input_chars_per_word\":9,\"vocab\":" TOKENS "}}"},
		 NULL,
		 uncased,
		 "{\"cased\":false,\"max_input_chars_per_word\":9}",
		 512,
		 "",
		 "a word of more than 9 code points is the unknown token"},
		/* tokenizer.json is not even read where the config says enough */
		{{"vocab.txt", LINES, "tokenizer_config.json", "{\"do_lower_case\":true}", "tokenizer.json",
		  "{"},
		 "vocab.txt",
		 {0},
		 "{\"cased\":false}",
		 512,
		 "",
		 ""},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":true,\"model_max_length\":1000000000000000019884624838656}"},
		 NULL,
		 {0},
		 "{\"cased\":false}",
		 512,
		 "",
		 ""},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":false,\"strip_accents\":true}"},
		 NULL,
		 cased,
		 "{\"cased\":true,\"strip_accents\":true}",
		 512,
		 "",
		 "accents are taken off, as "},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":true,\"model_max_length\":128}"},
		 NULL,
		 {0},
		 "{\"cased\":false}",
		 128,
		 "",
		 "at most 128 ids per text, as "},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":true,\"model_max_length\":128}"},
		 NULL,
		 {.max_length = 200},
		 "{\"cased\":false}",
		 200,
		 "",
		 "200 ids per text (--max-length), although "},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":true,\"model_max_length\":128}"},
		 NULL,
		 {.max_length = 16},
		 "{\"cased\":false}",
		 16,
		 "",
		 ""},
		{{"vocab.txt", LINES, "tokenizer_config.json",
		  "{\"do_lower_case\":true,\"model_max_length\":100000}"},
		 NULL,
		 {0},
		 "{\"cased\":false}",
		 65536,
		 "",
		 "at most 65536 ids per text"},
		{{"vocab.txt", LINES},
		 NULL,
		 {.casing = HM_UNCASED, .plain_specials = true},
		 "{\"cased\":false,\"special_in_text\":false}",
		 512,
		 "",
		 ""},
		{{"vocab.txt", LINES, "special_tokens_map.json", "{\"sep_token\":\"world\"}"},
		 NULL,
		 uncased,
		 "{\"cased\":false,\"special_tokens\":\"c8824d9142d93ef69bb45353b9fda81f\"}",
		 512,
		 "",
		 ""},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		check_opening(*state, &all[i]);
}

static void one_tokenizer_has_one_digest(void **state)
{
	struct place *p = *state;
	struct hm_err e = {0};
	const struct hm_tokenizer_options o = {.casing = HM_CASED};
	cJSON *attr[2];
	place_write(p, "vocab.txt", LINES, strlen(LINES));
	struct hm_tokenizer *t = place_open(p, "vocab.txt", o, &e);
	assert_non_null(t);
	attr[0] = cJSON_Duplicate(t->attr, true);
	hm_tokenizer_close(t);
	place_empty(p);
	place_write(p, "tokenizer.json", JSON("false"), strlen(JSON("false")));
	assert_int_equal(hm_tokenizer_found(p->folder, NULL), 1);
	t = place_open(p, NULL, (struct hm_tokenizer_options){0}, &e);
	assert_non_null(t);
	attr[1] = cJSON_Duplicate(t->attr, true);
	hm_tokenizer_close(t);
	assert_true(cJSON_Compare(attr[0], attr[1], true));
	cJSON_Delete(attr[0]);
	cJSON_Delete(attr[1]);
	place_empty(p);
	assert_int_equal(hm_tokenizer_found(p->folder, NULL), 0);
	assert_int_equal(hm_tokenizer_found("a/folder/nobody/has", NULL), 0);
}

static void compare_with_folder(struct place *p, const char *used, const char *why)
{
	struct hm_err e = {0};
	cJSON *attr = cJSON_Parse(used);
	int rc = hm_tokenizer_check(p->folder, attr, &e);
	if (rc != (*why ? HM_EDATA : 0) || (*why && !strstr(e.text, why)))
		fail_msg("wanted '%s', got '%s'", why, e.text);
	cJSON_Delete(attr);
}

static void tokens_are_compared_with_a_folder(void **state)
{
	struct place *p = *state;
#define DIGEST "\"vocab\":\"3b07bbc8e8ac52ee21cfdc87ecc91fa7\""
	static const char config[] = "{\"do_lower_case\":false}";
	place_write(p, "vocab.txt", LINES, strlen(LINES));
	compare_with_folder(p, "{" DIGEST ",\"cased\":false}", "");
	compare_with_folder(p, "{" DIGEST ",\"cased\":true}", ""); /* the folder does not say */
	compare_with_folder(p, "{" DIGEST ",\"cased\":false,\"special_in_text\":false}", "");
	compare_with_folder(p, "{\"vocab\":\"0123456789abcdef0123456789abcdef\",\"cased\":false}",
			    "another vocabulary than that of ");
	compare_with_folder(p, "{" DIGEST ",\"cased\":false,\"tokenize_chinese_chars\":false}",
			    "\"tokenize_chinese_chars\" is false, not the usual");
	place_write(p, "tokenizer_config.json", config, sizeof config - 1);
	compare_with_folder(p, "{" DIGEST ",\"cased\":true}", "");
	compare_with_folder(p, "{" DIGEST ",\"cased\":false}",
			    "\"cased\" is false, not true (hm-tokenize --cased)");
	compare_with_folder(p, "{" DIGEST ",\"cased\":true,\"strip_accents\":true}",
			    "\"strip_accents\" is true, not the usual");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(settings_become_attributes, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(one_tokenizer_has_one_digest, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(tokens_are_compared_with_a_folder, place_setup,
						place_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
