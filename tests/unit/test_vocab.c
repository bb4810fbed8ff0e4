/* lib/prep/vocab: ids are line numbers or the numbers of a JSON object, one list of tokens has one digest
 * however it is written, damage names the line. */
#include "json/json.h"
#include "prep/vocab.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void parse_vocab(struct hm_vocab *v, const char *text)
{
	struct hm_err e = {0};
	if (hm_vocab_parse(v, text, strlen(text), &e))
		fail_msg("%s", e.text);
}

static int take_json(struct hm_vocab *v, const char *text, struct hm_err *e)
{
	cJSON *tree = hm_json_parse(text, strlen(text), 4, NULL, e);
	assert_non_null(tree);
	int rc = hm_vocab_from_json(v, tree, e);
	cJSON_Delete(tree);
	return rc;
}

static int32_t id_of(const struct hm_vocab *v, const char *token)
{
	return hm_vocab_find(v, token, strlen(token));
}

static void ids_are_line_numbers(void **state)
{
	struct hm_vocab v;
	size_t n;
	(void)state;
	parse_vocab(&v, "the\n##s\n\xc3\xa9\ncat");
	assert_int_equal(v.n, 4);
	assert_int_equal(id_of(&v, "the"), 0);
	assert_int_equal(id_of(&v, "\xc3\xa9"), 2);
	assert_int_equal(id_of(&v, "cat"), 3);
	assert_int_equal(id_of(&v, "dog"), -1);
	assert_memory_equal(hm_vocab_token(&v, 3, &n), "cat", 3);
	assert_int_equal(n, 3);
	hm_vocab_clear(&v);
}

/* White space at the end of a line does not belong to the token; an empty line has a number and no token. */
static void lines_are_trimmed_and_may_be_empty(void **state)
{
	struct hm_vocab v;
	size_t n = 9;
	(void)state;
	parse_vocab(&v, "\nthe \t\n\n\xe3\x80\x80\ncat\xc2\xa0\xe2\x80\xa8\xc2\x85\n\xe2\x80\x8b\n\n \n");
	assert_int_equal(v.n, 6);
	assert_int_equal(id_of(&v, "the"), 1);
	assert_int_equal(id_of(&v, "cat"), 4);
	assert_int_equal(id_of(&v, "\xe2\x80\x8b"), 5); /* U+200B is no white space */
	assert_int_equal(id_of(&v, ""), -1);
	hm_vocab_token(&v, 2, &n);
	assert_int_equal(n, 0);
	hm_vocab_clear(&v);
}

/* The digests of vocabularies stand in users' files. */
static void one_list_has_one_digest(void **state)
{
	static const char *const texts[] = {"the\n##s\n\xc3\xa9\ncat\n", "the\r\n##s\r\n\xc3\xa9\r\ncat\r\n",
					    "the\n##s\n\xc3\xa9\ncat", "the\n##s\n\xc3\xa9\ncat\n\n\n"};
	static const char *const trees[] = {"{\"the\":0,\"##s\":1,\"\\u00e9\":2,\"cat\":3}",
					    "{\"cat\":3,\"the\":0,\"\":7,\"##s\":1,\"\xc3\xa9\":2}"};
	struct hm_vocab v, other;
	struct hm_err e = {0};
	char digest[33];
	(void)state;
	for (int i = 0; i < 6; i++) {
		if (i < 4)
			parse_vocab(&v, texts[i]);
		else
			assert_int_equal(take_json(&v, trees[i - 4], &e), 0);
		hm_vocab_digest(&v, digest);
		assert_string_equal(digest, "ae66e024b13056224e07165f5fe7d3b1");
		hm_vocab_clear(&v);
	}
	parse_vocab(&v, "the\ncat\ndog\n");
	parse_vocab(&other, "the\ncat\n");
	assert_int_equal(hm_vocab_differ(&v, &other), 2);
	assert_int_equal(hm_vocab_differ(&other, &v), 2);
	assert_int_equal(hm_vocab_differ(&v, &v), -1);
	hm_vocab_clear(&other);
	parse_vocab(&other, "the\ncot\ndog\n");
	assert_int_equal(hm_vocab_differ(&v, &other), 1);
	hm_vocab_clear(&other);
	hm_vocab_clear(&v);
}

static void gaps_are_empty_tokens(void **state)
{
	struct hm_vocab a, b;
	struct hm_err e = {0};
	(void)state;
	parse_vocab(&a, "the\n\n\ncat\n");
	assert_int_equal(take_json(&b, "{\"cat\":3,\"the\":0}", &e), 0);
	assert_int_equal(hm_vocab_differ(&a, &b), -1);
	hm_vocab_clear(&a);
	hm_vocab_clear(&b);
}

static void refused_text(const char *text, size_t n, const char *why)
{
	struct hm_vocab v;
	struct hm_err e = {0};
	assert_int_equal(hm_vocab_parse(&v, text, n, &e), HM_EDATA);
	if (strncmp(e.text, why, strlen(why)) != 0)
		fail_msg("wanted '%s', got '%s'", why, e.text);
	hm_vocab_clear(&v);
}

static void refused_json(const char *text, const char *why)
{
	struct hm_vocab v;
	struct hm_err e = {0};
	assert_int_equal(take_json(&v, text, &e), HM_EDATA);
	if (!strstr(e.text, why))
		fail_msg("wanted '%s', got '%s'", why, e.text);
	hm_vocab_clear(&v);
}

static void damage_is_named(void **state)
{
	(void)state;
	refused_text("\xef\xbb\xbfthe\n", 7, "line 1: the file begins with a byte order mark");
	refused_text("the\ncat\nthe\n", 12, "line 3: the token \"the\" stands on line 1 already");
	refused_text("the\ncat\r\ncat", 12, "line 3: the token \"cat\" stands on line 2 already");
	refused_text("the\ncat\nthe \n", 13, "line 3: the token \"the\" stands on line 1 already");
	refused_text("the\n\xff\n", 6, "line 2: the line is not UTF-8");
	refused_text("a\rb\n", 4, "line 1: the token holds a line end or a NUL");
	refused_text("a\0b\n", 4, "line 1: the token holds a line end or a NUL");
	refused_json("[\"the\"]", "not an object of tokens and ids");
	refused_json("{\"the\":-1}", "the id of the token \"the\" is not an integer from 0 to 1048575");
	refused_json("{\"the\":0.5}", "the id of the token \"the\" is not an integer");
	refused_json("{\"the\":1048576}", "the id of the token \"the\" is not an integer");
	refused_json("{\"the\":\"0\"}", "the id of the token \"the\" is not an integer");
	refused_json("{\"the\":0,\"cat\":0}", "the tokens \"the\" and \"cat\" have the same id 0");
	refused_json("{\"a\\nb\":0}", "the token holds a line end or a NUL");
}

static void too_many_tokens_are_refused(void **state)
{
	size_t n = HM_VOCAB_TOKENS + 2;
	char *lines = malloc(n);
	(void)state;
	memset(lines, '\n', n);
	lines[n - 2] = 'a';
	refused_text(lines, n, "line 1048577: more than 1048576 tokens");
	free(lines);
}

static int add_token(struct hm_vocab *v, uint32_t id, const char *token, struct hm_err *e)
{
	*e = (struct hm_err){0};
	return hm_vocab_add(v, id, token, strlen(token), e);
}

static void tokens_are_added_at_the_end(void **state)
{
	struct hm_vocab v, same;
	struct hm_err e;
	(void)state;
	parse_vocab(&v, "the\ncat\n\n\n");
	assert_int_equal(add_token(&v, 1, "cat", &e), 0);
	assert_int_equal(add_token(&v, 2, "dog", &e), 0);
	assert_int_equal(add_token(&v, 4, "emu", &e), 0); /* two empty lines were there */
	assert_int_equal(add_token(&v, 5, "fox", &e), 0);
	assert_int_equal(id_of(&v, "emu"), 4);
	parse_vocab(&same, "the\ncat\ndog\n\nemu\nfox\n");
	assert_int_equal(hm_vocab_differ(&v, &same), -1);
	assert_int_equal(add_token(&v, 0, "cat", &e), HM_EDATA);
	assert_string_equal(e.text, "the token \"cat\" has the id 0 here and 1 in the vocabulary");
	assert_int_equal(add_token(&v, 0, "gnu", &e), HM_EDATA);
	assert_string_equal(e.text, "the id 0 belongs to \"gnu\" here and to \"the\" in the vocabulary");
	assert_int_equal(add_token(&v, 3, "gnu", &e), HM_EDATA);
	assert_string_equal(e.text, "the token \"gnu\" has the id 3, and the next one is 6");
	assert_int_equal(add_token(&v, 7, "gnu", &e), HM_EDATA);
	assert_int_equal(add_token(&v, 6, "", &e), HM_EDATA);
	hm_vocab_clear(&v);
	hm_vocab_clear(&same);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids_are_line_numbers),
		cmocka_unit_test(lines_are_trimmed_and_may_be_empty),
		cmocka_unit_test(one_list_has_one_digest),
		cmocka_unit_test(gaps_are_empty_tokens),
		cmocka_unit_test(damage_is_named),
		cmocka_unit_test(too_many_tokens_are_refused),
		cmocka_unit_test(tokens_are_added_at_the_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
