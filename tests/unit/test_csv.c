/* The CSV reader: what RFC 4180 allows is read, what it forbids is named with its line. */
#include "../support/streams.h"
#include "prep/csv.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

/* Reads all rows into `out` as "id/label/p of class 1;"; the error's sentence when it fails. */
static const char *rows(const char *text, size_t len, char out[512])
{
	struct hm_csv c;
	struct hm_csv_row row;
	struct hm_err e = {0};
	char path[64];
	int fd = test_file(text, len, path), rc = hm_csv_open(&c, path, &e);
	size_t at = 0;
	out[0] = 0;
	while (!rc && (rc = hm_csv_next(&c, &row, &e)) == 1) {
		at += (size_t)snprintf(out + at, 512 - at, "%s/%d/", row.id, (int)row.label);
		at += (size_t)snprintf(out + at, 512 - at, row.prob ? "%g;" : "failed;",
				       row.prob ? row.prob[1] : 0);
		rc = 0;
	}
	if (rc)
		snprintf(out, 512, "%s", strchr(e.text, ':') + 2);
	hm_csv_close(&c);
	close(fd);
	return out;
}

static void expect(const char *text, const char *want)
{
	char out[512];
	if (!strstr(rows(text, strlen(text), out), want) ||
	    (*want && want[strlen(want) - 1] == ';' && strcmp(out, want)))
		fail_msg("%s\ngave: %s\nwant: %s", text, out, want);
}

static void what_is_read(void **state)
{
	(void)state;
	expect("id,proba,label\n1,0.25,1\n2,1e-3,\n", "1/1/0.25;2/-1/0.001;");
	expect("label,x,id,proba\r\n0,junk,007,.5\r\n\r\n1,,8,1", "007/0/0.5;8/1/1;");
	expect("\xef\xbb\xbfid,proba\na,0\n", "a/-1/0;");
	expect("\"id\",\"proba\"\n\"a,\"\"b\"\"\nc\",0.5\n", "a,\"b\"\nc/-1/0.5;");
	expect("id,proba,label\n1,,1\n", "1/1/failed;");
	expect("proba_1,id,proba_0,proba_2\n0.5,z,0.25,0.25\n,y,,\n", "z/-1/0.5;y/-1/failed;");
	expect("id,proba\n", "");
	expect("id,proba,label\n1,0.5,1.0\n2,0.5,0.\n", "1/1/0.5;2/0/0.5;");
	expect("id,proba\na,2\nb,-1\n", "a/-1/2;b/-1/-1;"); /* ranges are for who scores */
}

static void what_is_refused(void **state)
{
	(void)state;
	expect("", "empty");
	expect("id,label\n", "line 1: the header has neither");
	expect("id,proba_0\n", "line 1: the header has neither");
	expect("proba\n", "no column \"id\"");
	expect("id,proba,id\n", "names a column twice");
	expect("id,proba\n1\n", "line 2: 1 field where the header has 2");
	expect("id,proba\n1,2,3\n", "line 2: 3 fields");
	expect("id,proba\n\n,0.5\n", "line 3: the id is empty");
	expect("id,proba\n1,x\n", "line 2: probability \"x\" is not a number");
	expect("id,proba\n1,nan\n", "not a number");
	expect("id,proba\n1,inf\n", "not a number");
	expect("id,proba\n1,0x1\n", "not a number");
	expect("id,proba\n1, 0.5\n", "not a number");
	expect("id,proba_0,proba_1\n1,0.5,\n", "not a number");
	expect("id,proba,label\n1,0.5,-1\n", "label \"-1\" is not an integer");
	expect("id,proba,label\n1,0.5,1.5\n", "not an integer");
	expect("id,proba,label\n1,0.5,.0\n", "not an integer");
	expect("id,proba,label\n1,0.5,1.0e0\n", "not an integer");
	expect("ID,Proba\n", "no column \"id\", it has \"ID\", \"Proba\"");
	expect("id;proba\n", "no column \"id\": its fields seem to be separated by ';', not by a comma");
	expect("id\tproba\n", "separated by tabs, not by a comma");
	expect("id,score\n", "neither \"proba\" nor \"proba_0\", \"proba_1\", it has \"id\", \"score\"");
	expect("id,proba,label\n1,0.5,99999999999\n", "not an integer");
	expect("id,proba\n\"a\"b,0.5\n", "line 2: text after a closing quote");
	expect("id,proba\na\"b\",0.5\n", "line 2: a quote inside");
	expect("id,proba\n\"a,0.5\n\n", "line 2: a quoted field is never closed");
	expect("id,proba\n\xff,0.5\n", "line 2: not valid UTF-8");
	char out[512];
	assert_non_null(strstr(rows("id,proba\na\0b,0.5\n", 17, out), "line 2: a NUL byte, at column 2"));
}

static void too_many_fields(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	char out[512];
	hm_buf_add(&b, "id,proba", 8, NULL);
	for (int i = 0; i < HM_CSV_FIELDS; i++)
		hm_buf_add(&b, ",", 1, NULL);
	assert_non_null(strstr(rows((char *)b.data, b.len, out), "more than 1024 fields"));
	hm_buf_clear(&b);
}

static enum hm_csv_form form_of(const char *text, size_t len)
{
	char path[64];
	enum hm_csv_form form;
	const struct hm_filekind *other;
	int hold, fd = test_file(text, len, path);
	assert_int_equal(hm_csv_recognise(path, &form, &other, &hold, NULL), 0);
	assert_true(form != HM_CSV_OTHER || other);
	close(hold);
	close(fd);
	return form;
}

static void what_it_is(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t len;
		enum hm_csv_form form;
	} row[] = {
		{"id,proba\n", 9, HM_CSV_TABLE},
		{"\xef\xbb\xbfid", 5, HM_CSV_TABLE},
		{"[x],id", 6, HM_CSV_TABLE},
		{"<html>", 6, HM_CSV_OTHER},
		{"\xff,id", 4, HM_CSV_TABLE}, /* not UTF-8: the rows' reader says so */
		{"[*M\x18\x10", 5, HM_CSV_RECORDS},
		{"[*M", 3, HM_CSV_RECORDS},
		{"", 0, HM_CSV_RECORDS},
		{"\1\2\3", 3, HM_CSV_RECORDS},
		{"\x1f\x8b\x08", 3, HM_CSV_OTHER},
		{"\x38\0\0\0\0\0\0\0{\"a\"", 12, HM_CSV_OTHER},
		{"{\"id\":1}\n", 9, HM_CSV_OTHER},
		{"\xff\xfei\0d\0", 6, HM_CSV_OTHER},
		{"\x80\2}q\0", 5, HM_CSV_OTHER},
		{"PK\3\4\24\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\20\0\0\0archive/data.pkl", 46,
		 HM_CSV_OTHER},
	};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		if (form_of(row[i].text, row[i].len) != row[i].form)
			fail_msg("row %zu has another form", i);
	enum hm_csv_form form;
	const struct hm_filekind *other;
	int hold;
	struct hm_err e = {0};
	assert_int_equal(hm_csv_recognise("/nonexistent/x", &form, &other, &hold, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "cannot open"));
}

/* What is looked at in a pipe is still there afterwards. */
static void a_pipe_is_not_eaten(void **state)
{
	(void)state;
	int fd[2], hold;
	enum hm_csv_form form;
	const struct hm_filekind *other;
	char path[64], back[16];
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], "id,proba\n", 9), 9);
	snprintf(path, sizeof path, "/dev/fd/%d", fd[0]);
	assert_int_equal(hm_csv_recognise(path, &form, &other, &hold, NULL), 0);
	assert_int_equal(form, HM_CSV_TABLE);
	assert_int_equal(read(fd[0], back, sizeof back), 9);
	assert_memory_equal(back, "id,proba\n", 9);
	close(hold);
	close(fd[0]);
	close(fd[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_read),	       cmocka_unit_test(what_is_refused),
		cmocka_unit_test(too_many_fields),     cmocka_unit_test(what_it_is),
		cmocka_unit_test(a_pipe_is_not_eaten),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
