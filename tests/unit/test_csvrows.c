/* lib/prep/csvrows and csvheader: fields and their lines, reading on behind a bad row, long rows, delimiters.
 */
#include "../support/streams.h"
#include "prep/csvrows.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* All rows below the header as "LINE:[a|b]", a bad one as "LINE:!" or, when nothing can follow, "LINE:lost".
 */
static const char *rows(const char *text, char delimiter, char out[1024])
{
	struct hm_csvrows c;
	struct hm_err e = {0};
	char path[64];
	int at = 0, rc, fd = test_file(text, strlen(text), path);
	assert_int_equal(hm_csvrows_open(&c, path, delimiter, &e), 0);
	out[0] = 0;
	while ((rc = hm_csvrows_next(&c, &e))) {
		at += snprintf(out + at, 1024 - (size_t)at, "%" PRIu64 ":", c.line);
		for (int i = 0; rc == 1 && i < c.fields; i++)
			at += snprintf(out + at, 1024 - (size_t)at, "%c%s%s", i ? '|' : '[', c.field[i],
				       i + 1 == c.fields ? "]" : "");
		if (rc < 0)
			at += snprintf(out + at, 1024 - (size_t)at, c.lost ? "lost" : "!");
		if (rc < 0 && c.lost)
			break;
		assert_true(rc == 1 || e.code == HM_EDATA);
		assert_int_equal(hm_csvrows_column(&c, "a"), 0); /* the header stays */
		e = (struct hm_err){0};
	}
	hm_csvrows_close(&c);
	close(fd);
	return out;
}

static void fields_and_their_lines(void **state)
{
	static const struct {
		char delimiter;
		const char *text, *want;
	} t[] = {
		{',', "a,b\n1,2\n", "2:[1|2]"},
		{',', "a,b\n\n\r\n1,2\r\n\n,\n", "4:[1|2]6:[|]"},
		{',', "a,b\n\"1\n\n\",2\n3,4", "2:[1\n\n|2]5:[3|4]"},
		{',', "a,b\n\"\"\"\",\"\"\"\"\"\"\n", "2:[\"|\"\"]"},
		{',', "a,b\n\"\",\"\"\r\n", "2:[|]"},
		{',', "a,b\n\"x\r\",\"\r\n\"\r\n", "2:[x\r|\r\n]"},
		{',', "a,b\n \"x,y\n1,2\n", "2:!3:[1|2]"},
		{',', "a,b\nx\"y,2\n1,2\n", "2:!3:[1|2]"},
		{',', "a,b\n\"x\"y,2\n1,2\n", "2:!3:[1|2]"},
		{',', "a,b\n\"x\" ,2\n1,2\n", "2:!3:[1|2]"},
		{',', "a,b\n1\n1,2,3\n1,2\n", "2:!3:!4:[1|2]"},
		{',', "a,b\nx\ry,1\n1,2\n", "2:!3:[1|2]"},
		{',', "a,b\nx,1\r\r\n1,2\n", "2:!3:[1|2]"},
		{',', "a,b\n\xff,2\n1,2\n", "2:!3:[1|2]"},
		{',', "a,b\n\"x\n\xff\ny\",2\n1,2\n", "3:!5:[1|2]"},
		{',', "a,b\n\xff,\"2\n1\" x,2\n", "2:lost"},
		{',', "a,b\n\"x\ny\"z,2\n1,2\n", "3:lost"},
		{',', "a,b\n\"x\n\",y\"\n1,2\n", "3:lost"},
		{',', "a,b\n\"x\n\ny,1\n", "2:lost"},
		{',', "a,b\n1,\"x", "2:lost"},
		{',', "a,b\n\"x\n\",\"y\n", "3:lost"},
		{'\t', "a\tb\n1,2\t\"\t\"\n", "2:[1,2|\t]"},
		{';', "a;b\n;\"\"\"\"\n", "2:[|\"]"},
		{' ', "a b\n1 \n", "2:[1|]"},
	};
	char out[1024];
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++)
		if (strcmp(rows(t[i].text, t[i].delimiter, out), t[i].want))
			fail_msg("%s: got '%s', wanted '%s'", t[i].text, out, t[i].want);
}

/* Rows whose lines and fields lie across the chunks of the file, up to the longest. */
static void long_rows(void **state)
{
	struct hm_buf b = {0};
	struct hm_csvrows c;
	struct hm_err e = {0};
	char path[64];
	size_t length[] = {1, 262139, 262140, 262141, 262142, 262143, 262144, 1000000, HM_LINE_MOST - 8};
	int n = sizeof length / sizeof *length;
	(void)state;
	hm_buf_add(&b, "a,b\n", 4, &e);
	for (int i = 0; i < n; i++) { /* a field of quotes and line ends, a byte of each kind in turn */
		hm_buf_add(&b, "\"", 1, &e);
		for (size_t k = 0; k + 4 <= length[i]; k += 4)
			hm_buf_add(&b, "\"\"x\n", 4, &e);
		hm_buf_printf(&b, &e, "\",%d\n", i);
	}
	hm_buf_add(&b, "\"", 1, &e);
	hm_buf_add(&b, NULL, HM_LINE_MOST, &e);
	memset(b.data + b.len - HM_LINE_MOST, 'y', HM_LINE_MOST);
	hm_buf_add(&b, "\",0\n1,2\n", 8, &e);
	int fd = test_file(b.data, b.len, path);
	assert_int_equal(hm_csvrows_open(&c, path, ',', &e), 0);
	for (int i = 0; i < n; i++) {
		assert_int_equal(hm_csvrows_next(&c, &e), 1);
		assert_int_equal(strtol(c.field[1], NULL, 10), i);
		assert_int_equal(strlen(c.field[0]), length[i] / 4 * 3);
		for (const char *p = c.field[0]; *p; p += 3)
			assert_memory_equal(p, "\"x\n", 3);
	}
	assert_int_equal(hm_csvrows_next(&c, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "the row is longer than 16 MiB"));
	assert_true(c.lost);
	hm_csvrows_close(&c);
	hm_buf_clear(&b);
	close(fd);
}

static void delimiters_and_names(void **state)
{
	struct hm_csvrows c = {.delimiter = ','};
	char called[4], out[24];
	(void)state;
	assert_int_equal(hm_csvrows_delimiter("tab"), '\t');
	assert_int_equal(hm_csvrows_delimiter("\t"), '\t');
	assert_int_equal(hm_csvrows_delimiter(";"), ';');
	for (const char *const *w = (const char *const[]){"", "\"", "\n", "\r", "\xe9", ",,", "TAB", NULL};
	     *w; w++)
		assert_int_equal(hm_csvrows_delimiter(*w), 0);
	assert_string_equal(hm_csvrows_called('\t', called), "tabs");
	assert_string_equal(hm_csvrows_called(',', called), "commas");
	assert_string_equal(hm_csvrows_called('|', called), "'|'");
	c.name = (char *[]){"a;b", "c", "d"};
	c.fields = 1;
	assert_int_equal(hm_csvrows_guess(&c), ';');
	c.fields = 2;
	assert_int_equal(hm_csvrows_guess(&c), 0);
	c.name = (char *[]){"a", "c\td"};
	assert_int_equal(hm_csvrows_guess(&c), '\t');
	c.delimiter = '\t';
	assert_int_equal(hm_csvrows_guess(&c), 0);
	c.name = (char *[]){"one", "tw\x1bo", "three\xe2\x82\xac", "four"};
	c.fields = 4;
	assert_string_equal(hm_csvrows_names(&c, out, sizeof out), "\"one\", \"tw?o\", ...");
	c.fields = 1;
	assert_string_equal(hm_csvrows_names(&c, out, sizeof out), "\"one\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_and_their_lines),
		cmocka_unit_test(long_rows),
		cmocka_unit_test(delimiters_and_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
