/* lib/prep/vocab: ids are line numbers, LF and CRLF are one vocabulary, damage names file and line. */
#include "base/file.h"
#include "prep/vocab.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

struct place {
	char folder[64], file[96];
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	snprintf(p->folder, sizeof p->folder, "/tmp/hm-vocab-XXXXXX");
	*state = p;
	if (!mkdtemp(p->folder))
		return -1;
	snprintf(p->file, sizeof p->file, "%s/vocab.txt", p->folder);
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	unlink(p->file);
	rmdir(p->folder);
	free(p);
	return 0;
}

static void write_file(const struct place *p, const char *text, size_t n)
{
	struct hm_err e = {0};
	assert_int_equal(hm_file_write(p->file, text, n, &e), 0);
}

static void refused(const struct place *p, const char *text, size_t n, const char *why)
{
	struct hm_vocab v;
	struct hm_err e = {0};
	write_file(p, text, n);
	assert_int_equal(hm_vocab_read(&v, p->file, &e), HM_EDATA);
	if (strncmp(e.text, p->file, strlen(p->file)) || !strstr(e.text, why))
		fail_msg("wanted '%s', got '%s'", why, e.text);
	hm_vocab_clear(&v);
}

static void ids_are_line_numbers(void **state)
{
	struct hm_vocab a, b, c;
	struct hm_err e = {0};
	write_file(*state, "the\n##s\n\xc3\xa9\ncat", 14);
	assert_int_equal(hm_vocab_read(&a, ((struct place *)*state)->file, &e), 0);
	assert_int_equal(a.n, 4);
	assert_int_equal(hm_vocab_find(&a, "the", 3), 0);
	assert_int_equal(hm_vocab_find(&a, "\xc3\xa9", 2), 2);
	assert_int_equal(hm_vocab_find(&a, "cat", 3), 3);
	assert_int_equal(hm_vocab_find(&a, "dog", 3), -1);
	assert_int_equal(a.start[3], 11);
	write_file(*state, "the\r\n##s\r\n\xc3\xa9\r\ncat\r\n", 19);
	assert_int_equal(hm_vocab_read(&b, ((struct place *)*state)->folder, &e), 0);
	assert_string_equal(a.digest, b.digest);
	assert_int_equal(hm_vocab_find(&b, "cat", 3), 3);
	write_file(*state, "the\ncat\n", 8);
	assert_int_equal(hm_vocab_read(&c, ((struct place *)*state)->file, &e), 0);
	assert_string_not_equal(a.digest, c.digest);
	hm_vocab_clear(&a);
	hm_vocab_clear(&b);
	hm_vocab_clear(&c);
}

static void damage_is_named(void **state)
{
	struct hm_err e = {0};
	struct hm_vocab v;
	refused(*state, "\xef\xbb\xbfthe\n", 7, ": line 1: the file begins with a byte order mark");
	refused(*state, "the\ncat\nthe\n", 12, ": line 3: the token \"the\" stands on line 1 already");
	refused(*state, "the\ncat\r\ncat", 12, ": line 3: the token \"cat\" stands on line 2 already");
	refused(*state, "the\n\ncat\n", 9, ": line 2: the line is empty");
	refused(*state, "the\n\xff\n", 6, ": line 2: the line is not UTF-8");
	refused(*state, "a\rb\n", 4, ": line 1: the token holds a carriage return");
	refused(*state, "a\0b\n", 4, ": line 1: the token holds a carriage return or a NUL");
	assert_int_equal(hm_vocab_read(&v, "tests/no-such-file", &e), HM_EDATA);
	hm_vocab_clear(&v);
}

static void a_huge_file_is_refused(void **state)
{
	const struct place *p = *state;
	struct hm_err e = {0};
	struct hm_vocab v;
	write_file(p, "", 0);
	assert_int_equal(truncate(p->file, (off_t)1 << 40), 0);
	assert_int_equal(hm_vocab_read(&v, p->file, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "larger than"));
	hm_vocab_clear(&v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(ids_are_line_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(damage_is_named, setup, teardown),
		cmocka_unit_test_setup_teardown(a_huge_file_is_refused, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
