/* lib/prep/lines: lines of any length and end, byte order marks, files that are not text. */
#include "prep/jsonl.h"
#include "prep/lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* Opens lines on a file without a name that holds s[0..n). */
static void open_lines(struct hm_lines *l, const char *s, size_t n)
{
	char path[] = "/tmp/hm-jsonl-XXXXXX";
	struct hm_err e = {0};
	int fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, s, n) == (ssize_t)n);
	assert_int_equal(hm_lines_open(l, path, &e), 0);
	unlink(path);
	close(fd);
}

static void next_is(struct hm_lines *l, const char *want)
{
	const char *line;
	size_t len;
	struct hm_err e = {0};
	assert_int_equal(hm_lines_next(l, &line, &len, &e), 1);
	assert_int_equal(len, strlen(want));
	assert_memory_equal(line, want, len);
}

static void no_more(struct hm_lines *l)
{
	const char *line;
	size_t len;
	struct hm_err e = {0};
	assert_int_equal(hm_lines_next(l, &line, &len, &e), 0);
	hm_lines_close(l);
}

static void lines_of_all_kinds(void **state)
{
	(void)state;
	struct hm_lines l;
	open_lines(&l, "a\n\nb\r\n c", 8);
	next_is(&l, "a");
	next_is(&l, "");
	next_is(&l, "b\r");
	next_is(&l, " c");
	assert_int_equal(l.line, 4);
	no_more(&l);
	open_lines(&l, "", 0);
	no_more(&l);
	assert_true(hm_line_blank(" \t\r", 3));
	assert_true(hm_line_blank("", 0));
	assert_false(hm_line_blank(" x", 2));
	assert_false(hm_line_blank("\0", 1));
}

static void lines_across_chunks(void **state)
{
	(void)state;
	struct hm_lines l;
	struct hm_err e = {0};
	size_t n = 3000000, len, at = 0;
	char *s = malloc(n);
	const char *line;
	for (size_t i = 0; i < n; i++)
		s[i] = (char)('a' + i % 26);
	for (size_t i = 0, step = 1; i < n; i += step, step = step * 3 / 2 + 1)
		s[i] = '\n';
	open_lines(&l, s, n);
	while (hm_lines_next(&l, &line, &len, &e) == 1) {
		assert_memory_equal(line, s + at, len);
		at += len + 1;
	}
	assert_int_equal(at, n + (s[n - 1] != '\n'));
	hm_lines_close(&l);
	free(s);
}

static void a_line_too_long_is_cut_and_refused(void **state)
{
	(void)state;
	struct hm_lines l;
	struct hm_err e = {0};
	struct hm_form form = {0};
	struct hm_jsonl_rec rec;
	size_t n = HM_LINE_MOST + 700000, len;
	const char *line;
	char *s = malloc(n);
	memset(s, 'x', n);
	s[HM_LINE_MOST] = '\n';
	s[n - 3] = '\n';
	open_lines(&l, s, n);
	assert_int_equal(hm_lines_next(&l, &line, &len, &e), 1);
	assert_int_equal(len, HM_LINE_MOST);
	assert_int_equal(hm_lines_next(&l, &line, &len, &e), 1);
	assert_int_equal(len, 700000 - 4);
	next_is(&l, "xx");
	no_more(&l);
	memset(s, 'x', n - 3);
	open_lines(&l, s, n);
	assert_int_equal(hm_lines_next(&l, &line, &len, &e), 1);
	assert_int_equal(len, HM_LINE_MOST + 1);
	assert_int_equal(hm_jsonl_parse(&form, line, len, &rec, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "at column 16777217"));
	next_is(&l, "xx");
	assert_int_equal(l.line, 2);
	no_more(&l);
	free(s);
}

static void a_mark_at_the_beginning_is_skipped(void **state)
{
	(void)state;
	struct hm_lines l;
	open_lines(&l,
		   "\xef\xbb\xbf"
		   "a\nb\n",
		   7);
	next_is(&l, "a");
	next_is(&l, "b");
	assert_int_equal(l.line, 2);
	no_more(&l);
	open_lines(&l, "\xef\xbb\xbf", 3);
	no_more(&l);
	open_lines(&l, "\xef\xbb\xbf\n", 4);
	next_is(&l, "");
	no_more(&l);
	open_lines(&l, "\xef\xbb", 2); /* the beginning of one does not count */
	next_is(&l, "\xef\xbb");
	no_more(&l);
	open_lines(&l,
		   "a\n\xef\xbb\xbf"
		   "b\n",
		   7); /* elsewhere it is the reader's */
	next_is(&l, "a");
	next_is(&l, "\xef\xbb\xbf"
		    "b");
	no_more(&l);
}

/* From a pipe that gives a byte at a time, too. */
static void short_reads_tell_the_same(void **state)
{
	static const char text[] = "\xef\xbb\xbf"
				   "abcdefghijklmnopqrst\nb";
	(void)state;
	struct hm_lines l;
	struct hm_err e = {0};
	int end[2];
	char path[32];
	assert_int_equal(pipe(end), 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", end[0]);
	assert_int_equal(hm_lines_open(&l, path, &e), 0);
	pid_t child = fork();
	if (!child) {
		for (size_t i = 0; i < sizeof text - 1; i++) {
			if (write(end[1], text + i, 1) != 1)
				_exit(1);
			usleep(500);
		}
		_exit(0);
	}
	close(end[0]);
	close(end[1]);
	next_is(&l, "abcdefghijklmnopqrst");
	next_is(&l, "b");
	no_more(&l);
}

#define BYTES(s) s, sizeof s - 1
static void files_that_are_no_text_are_named(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
		const char *want; /* NULL: its lines are given to the reader */
	} t[] = {
		{BYTES("\x1f\x8b\x08\0\0\0\0\0\0\x03"), "a gzip file, not text (gzip -dc unpacks it)"},
		{BYTES("\x28\xb5\x2f\xfd\x04\x58"), "a zstd file, not text (zstd -dc unpacks it)"},
		{BYTES("BZh91AY&SY\x9a\xa0\0"), "a bzip2 file, not text (bzip2 -dc unpacks it)"},
		{BYTES("\xfd"
		       "7zXZ\0\0\4"),
		 "an xz file, not text (xz -dc unpacks it)"},
		{BYTES("PK\3\4\x14\0\0\0"), "a zip archive, not text (unzip unpacks it)"},
		{BYTES("PK\3\4\x14\0\6\0\x08\0\0\0!\0\0\0\0\0\0\0\0\0\0\0\0\0\x13\0\0\0[Content_Types].xml"),
		 "an Office file (.xlsx, .ods and the like), not text (libreoffice --headless --convert-to "
		 "csv FILE makes text of it)"},
		{BYTES("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), "an Office file"},
		{BYTES("\xff\xfe{\0\"\0i\0"),
		 "UTF-16 text, not UTF-8 (iconv -f UTF-16 -t UTF-8 converts it)"},
		{BYTES("\xfe\xff\0{\0\"\0i"),
		 "UTF-16 text, not UTF-8 (iconv -f UTF-16 -t UTF-8 converts it)"},
		{BYTES("{\0\"\0i\0d\0\"\0:\0"
		       "1\0}\0\n\0"),
		 "UTF-16 text, not UTF-8 (iconv -f UTF-16LE -t UTF-8 converts it)"},
		{BYTES("\0{\0\"\0i\0d\0\"\0:\0"
		       "1\0}\0\n"),
		 "UTF-16 text, not UTF-8 (iconv -f UTF-16BE -t UTF-8 converts it)"},
		{BYTES("\xff\xfe\0\0{\0\0\0"),
		 "UTF-32 text, not UTF-8 (iconv -f UTF-32 -t UTF-8 converts it)"},
		{BYTES("\x5b\x2a\x4d\x18\x93\0\0\0HMRH"), "a stream of records (.hmr), not text"},
		{BYTES("\x89PNG\r\n\x1a\n"), "a PNG file, not text"},
		{BYTES("PAR1\x15\4\x15\0"), "a Parquet file, not text"},
		{BYTES("{\"a\":\"caf\xe9\"}"), NULL},
		{BYTES("BM,P1 ,ID3"), NULL},
		{BYTES("ID3 tags, as text"), NULL},
		{BYTES("\0\1\2 nothing that is known"), NULL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
		struct hm_lines l;
		struct hm_err e = {0};
		const char *line;
		size_t len;
		open_lines(&l, t[i].bytes, t[i].n);
		int rc = hm_lines_next(&l, &line, &len, &e);
		if (rc != (t[i].want ? HM_EDATA : 1) || (t[i].want && !strstr(e.text, t[i].want)))
			fail_msg("%zu: %d '%s'", i, rc, e.text);
		hm_lines_close(&l);
	}
}

/* hm_lines_ready never waits: half a line is not ready, a whole one and the end are. */
static void ready_lines(void **state)
{
	struct hm_err e = {0};
	struct hm_lines l = {.name = "pipe"};
	int p[2];
	(void)state;
	assert_int_equal(pipe(p), 0);
	l.fd = p[0];
	assert_int_equal(hm_lines_ready(&l, &e), 0);
	assert_int_equal(write(p[1],
			       "\xef\xbb\xbf"
			       "one",
			       6),
			 6); /* the mark is no part of the line */
	assert_int_equal(hm_lines_ready(&l, &e), 0);
	assert_int_equal(write(p[1], "\ntwo\nthr", 8), 8);
	assert_int_equal(hm_lines_ready(&l, &e), 1);
	next_is(&l, "one");
	assert_int_equal(hm_lines_ready(&l, &e), 1);
	next_is(&l, "two");
	assert_int_equal(hm_lines_ready(&l, &e), 0);
	close(p[1]);
	assert_int_equal(hm_lines_ready(&l, &e), 1);
	next_is(&l, "thr");
	assert_int_equal(hm_lines_ready(&l, &e), 1);
	no_more(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ready_lines),
		cmocka_unit_test(lines_of_all_kinds),
		cmocka_unit_test(lines_across_chunks),
		cmocka_unit_test(a_line_too_long_is_cut_and_refused),
		cmocka_unit_test(a_mark_at_the_beginning_is_skipped),
		cmocka_unit_test(short_reads_tell_the_same),
		cmocka_unit_test(files_that_are_no_text_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
