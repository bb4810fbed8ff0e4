/* lib/prep/tokenpack: a tokenizer's files become one text and the same tokenizer again; a text that is not
 * such files is refused. */
#include "feed/vocabulary.h"
#include "json/json.h"
#include "prep/bpe.h"
#include "prep/tokenpack.h"
#include "../support/vocabfolder.h"

static struct hm_tokenizer *open_packed(const char *text, const cJSON *attr, struct hm_err *e)
{
	return hm_vocabulary_open(NULL, text, "m.safetensors", attr, e);
}

/* The tokenizer at `path` with the options, and that out of its packed files with the attributes alone. */
static void check_round(const char *path, struct hm_tokenizer_options o)
{
	static const char text[] =
		"Hello WORLD, caf\xc3\xa9 [CLS] na\xc3\xafve \xe2\x80\x9cquoted\xe2\x80\x9d words "
		"and more of them than twelve ids can hold, \xe4\xb8\xad\xe6\x96\x87";
	struct hm_err e = {0};
	struct hm_buf packed = {0};
	int32_t want[600], got[600];
	struct hm_tokenizer *a = hm_tokenizer_open(path, &o, &e);
	assert_non_null(a);
	assert_int_equal(hm_vocabulary_pack(path, a->attr, &packed, &e), 0);
	struct hm_tokenizer *b = open_packed((char *)packed.data, a->attr, &e);
	if (!b)
		fail_msg("%s: %s", path, e.text);
	assert_true(cJSON_Compare(a->attr, b->attr, true));
	assert_true(hm_tokenizer_room(a, sizeof text - 1) <= 600);
	int n = hm_tokenizer_encode(a, text, sizeof text - 1, want, NULL, &e);
	assert_true(n > 0);
	assert_int_equal(hm_tokenizer_encode(b, text, sizeof text - 1, got, NULL, &e), n);
	assert_memory_equal(want, got, (size_t)n * sizeof *got);
	hm_tokenizer_close(a);
	hm_tokenizer_close(b);
	hm_buf_clear(&packed);
}

static void files_come_back(void **state)
{
	struct place *p = *state;
	static const place_files files[] = {
		{"vocab.txt", LINES},
		{"vocab.txt", LINES, "tokenizer_config.json",
		 "{\"do_lower_case\":false,\"model_max_length\":9}"},
		{"tokenizer.json", JSON("true")},
		{"vocab.txt", LINES, "tokenizer.json", JSON("false")},
	};
	static const struct hm_tokenizer_options options[] = {
		{0},
		{.casing = HM_CASED},
		{.casing = HM_UNCASED, .max_length = 12},
		{.plain_specials = true, .quotes = HM_QUOTES_STRAIGHT},
	};
	for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
		for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
			place_fill(p, files[k]);
			check_round(p->folder, options[i]);
			if (!strcmp(files[k][0], "vocab.txt"))
				check_round(place_path(p, "vocab.txt"), options[i]);
		}
		struct hm_tokenizer_options bpe = options[i];
		bpe.casing = HM_CASING_OF_FOLDER; /* it is WordPiece's */
		check_round("tests/data/text/clip", bpe);
		check_round("tests/data/text/roberta", bpe);
		check_round("tests/data/text/vocab.txt", options[i]);
	}
}

/* A vocab.txt that was named counts with the normaliser of a tokenizer.json that holds another vocabulary. */
static void a_named_file_stays_named(void **state)
{
	struct place *p = *state;
	place_fill(p, (place_files){"vocab.txt", LINES "more\n", "tokenizer.json", JSON("true")});
	check_round(place_path(p, "vocab.txt"), (struct hm_tokenizer_options){0});
}

/* OpenAI's list goes on behind the merges that count, which are packed and no others. */
static void the_merges_that_count(void **state)
{
	struct place *p = *state;
	struct hm_err e = {0};
	struct hm_buf list = {0}, packed = {0};
	int lines = 0;
	hm_buf_printf(&list, &e, "\"bpe_simple_vocab_16e6.txt#version: 0.2\n");
	for (int a = 0; a < 256; a++)
		for (int b = 0; b < 200; b++) {
			char first[3] = "", second[3] = "";
			hm_bpe_symbol((unsigned char)a, first);
			hm_bpe_symbol((unsigned char)b, second);
			hm_buf_printf(&list, &e, "%s %s\n", first, second);
		}
	assert_int_equal(e.code, 0);
	place_write(p, "merges.txt", (char *)list.data, list.len);
	check_round(place_path(p, "merges.txt"), (struct hm_tokenizer_options){0});
	assert_int_equal(hm_token_pack(place_path(p, "merges.txt"), &packed, &e), 0);
	for (const char *s = (char *)packed.data; (s = strstr(s, "\\n")); s++)
		lines++;
	assert_int_equal(lines, 1 + 48894);
	hm_buf_clear(&list);
	hm_buf_clear(&packed);
}

/* Of a folder that has both, the vocabulary is packed once. */
static void a_vocabulary_is_packed_once(void **state)
{
	struct place *p = *state;
	struct hm_err e = {0};
	struct hm_buf packed = {0};
	place_fill(p, (place_files){"vocab.txt", LINES, "tokenizer.json", JSON("true")});
	assert_int_equal(hm_token_pack(p->folder, &packed, &e), 0);
	assert_null(strstr((char *)packed.data, "vocab.txt"));
	assert_non_null(strstr((char *)packed.data, "tokenizer.json"));
	hm_buf_clear(&packed);
	assert_int_equal(hm_token_pack(place_path(p, "vocab.txt"), &packed, &e), 0);
	assert_non_null(strstr((char *)packed.data, "\"named\":true"));
	hm_buf_clear(&packed);
}

static void another_tokenizer_is_not_packed(void **state)
{
	struct place *p = *state;
	struct hm_err e = {0};
	struct hm_buf packed = {0};
	struct hm_tokenizer_options o = {0};
	place_fill(p, (place_files){"vocab.txt", LINES});
	struct hm_tokenizer *t = place_open(p, NULL, o, &e);
	assert_non_null(t);
	place_fill(p, (place_files){"vocab.txt", LINES "more\n"});
	assert_int_equal(hm_vocabulary_pack(p->folder, t->attr, &packed, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "vocab is "));
	assert_int_equal(packed.len, 0);
	hm_tokenizer_close(t);
	hm_buf_clear(&packed);
}

static void other_texts_are_refused(void **state)
{
	static const struct {
		const char *text, *said;
	} all[] = {
		{"", "m.safetensors: hm.vocab: "},
		{"no JSON", "m.safetensors: hm.vocab: "},
		{"[]", "not a JSON object"},
		{"{}", "the folder holds no tokenizer"},
		{"{\"vocab.txt\":1}", "\"vocab.txt\" is not a text"},
		{"{\"merges.txt\":{}}", "\"merges.txt\" is not a text"},
		{"{\"tokenizer.json\":\"x\"}", "\"tokenizer.json\" is not an object"},
		{"{\"vocab.json\":[]}", "\"vocab.json\" is not an object"},
		{"{\"passwd\":\"x\"}", "\"passwd\" is no file of a tokenizer"},
		{"{\"vocab.txt\":\"a\\na\\n\"}", "m.safetensors: hm.vocab: vocab.txt: "},
		{"{\"named\":true}", "holds no tokenizer"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		struct hm_err e = {0};
		assert_null(open_packed(all[i].text, NULL, &e));
		if (!strstr(e.text, all[i].said))
			fail_msg("%s: %s", all[i].text, e.text);
	}
	struct hm_token_folder f;
	struct hm_err e = {0};
	char *large = malloc(HM_TOKENPACK_MOST + 1);
	assert_non_null(large);
	memset(large, ' ', HM_TOKENPACK_MOST + 1);
	assert_int_equal(hm_token_unpack(&f, large, HM_TOKENPACK_MOST + 1, "x", &e), HM_EDATA);
	assert_non_null(strstr(e.text, "x: larger than 3145728 bytes"));
	hm_token_folder_clear(&f);
	free(large);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(files_come_back, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(a_named_file_stays_named, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(the_merges_that_count, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(a_vocabulary_is_packed_once, place_setup, place_teardown),
		cmocka_unit_test_setup_teardown(another_tokenizer_is_not_packed, place_setup, place_teardown),
		cmocka_unit_test(other_texts_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
