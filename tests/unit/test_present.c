/* lib/report: cells of tables, CSV fields, and JSON that is whole or an error when memory runs out. */
#include "report/auditpages.h"
#include "report/pages.h"
#include "report/present.h"
#include "report/cells.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static long countdown; /* allocations of cJSON that still succeed; below 0: all do */

static void *allocate(size_t n)
{
	return countdown >= 0 && countdown-- == 0 ? NULL : malloc(n);
}

static void zero_has_no_minus(void **state)
{
	(void)state;
	static const struct {
		double v;
		int digits;
		bool sign;
		const char *text;
	} row[] = {{-0., 4, false, "0.0000"},	   {-.00004, 4, false, "0.0000"},
		   {-.00006, 4, false, "-0.0001"}, {-.00004, 4, true, "+0.0000"},
		   {0, 4, true, "+0.0000"},	   {-.4, 0, false, "0"},
		   {-10, 1, false, "-10.0"},	   {.558, 4, true, "+0.5580"}};
	char out[HM_CELL_NUMBER], range[HM_CELL_RANGE], page[HM_PAGE_NUMBER];
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		assert_string_equal(hm_cell_number(row[i].v, row[i].digits, row[i].sign, out), row[i].text);
	assert_string_equal(hm_cell_value(NAN, out), "undefined");
	assert_string_equal(hm_cell_range((struct hm_interval){-1e-9, .5}, false, range), "[0.0000, 0.5000]");
	assert_string_equal(hm_cell_range((struct hm_interval){NAN, NAN}, false, range), "");
	assert_string_equal(hm_page_difference(-.0004, out), "+0.000");
	assert_string_equal(hm_page_interval((struct hm_interval){-.0004, .5}, true, page),
			    "[+0.000, +0.500]");
	assert_string_equal(hm_page_value(-.0004, 3, page), "0.000");
	assert_string_equal(hm_cell_p(.0421, out), "0.0421");
	assert_string_equal(hm_cell_p(1.2e-7, out), "1.2e-07");
}

static void foreign_text_is_masked(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_buf b = {0};
	hm_cell_write(&b, "\x1b[1m\xc2\x9b", 8, &e);
	hm_cell_write(&b, "", 12, &e);
	hm_cell_text(&b, "a\nb", &e);
	assert_int_equal(hm_buf_add(&b, "", 1, &e), 0);
	assert_string_equal((char *)b.data, "?[1m?   (empty)     a?b");
	hm_buf_clear(&b);
}

static void csv_is_quoted_where_it_must_be(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_buf b = {0};
	static const char *const text[] = {"plain", "a,b", "\"q\"", "two\nlines", "", " "};
	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		hm_buf_field(&b, text[i], &e);
		hm_buf_add(&b, ";", 1, &e);
	}
	hm_buf_quote(&b, "plain", &e);
	assert_int_equal(hm_buf_add(&b, "", 1, &e), 0);
	assert_string_equal((char *)b.data, "plain;\"a,b\";\"\"\"q\"\"\";\"two\nlines\";; ;\"plain\"");
	hm_buf_clear(&b);
}

static void no_cell_is_a_formula(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_buf b = {0};
	static const char *const text[] = {"plain",
					   "=1+1",
					   "+1",
					   "-1",
					   "@x",
					   "\tx",
					   "\r=1",
					   "\n=1",
					   "\xef\xbc\x9d"
					   "1",
					   "a=\"1\",\n",
					   "",
					   " =",
					   "'=",
					   "\xc2\x9bx\xff"};
	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		hm_buf_cell(&b, text[i], &e);
		hm_buf_add(&b, ";", 1, &e);
	}
	assert_int_equal(hm_buf_add(&b, "", 1, &e), 0);
	assert_string_equal((char *)b.data,
			    "\"plain\";\"'=1+1\";\"'+1\";\"'-1\";\"'@x\";\"'?x\";\"'?=1\";\"'?=1\";"
			    "\"'\xef\xbc\x9d"
			    "1\";\"a=\"\"1\"\",?\";\"\";\" =\";\"'=\";\"?x?\";");
	hm_buf_clear(&b);
}

/* ---- memory runs out ---- */

/* Scores with every part that a report can have; numbers do not matter. */
static struct hm_bin bin[HM_BINS] = {{.n = 1, .p = .5, .share = 1, .ci = {.2, .9}}};
static struct hm_threshold threshold = {.at = .25, .from = "dev.csv", .n = 4, .right = 3};
static struct hm_groups groups = {.column = "k", .n = 1, .item = {{.value = "v", .n = 3, .accuracy = .5}}};
static struct hm_pairscore pairs = {.n = 1, .kind = {{.kind = "same-caption", .n = 2, .right = 1}}};
static const struct hm_scores scores[2] = {{.name = "one",
					    .n = 3,
					    .expected = 4,
					    .classes = 2,
					    .fitted = &threshold,
					    .bin = bin,
					    .by = &groups,
					    .pairs = &pairs,
					    .ablate = {"zero", "shuffle"},
					    .ablate_seed = 1},
					   {.name = "two", .n = 3, .expected = 3, .classes = 2}};
static const struct hm_pair pair = {.a = 0, .b = 1};

static int write_scores(struct hm_buf *out, struct hm_err *e)
{
	return hm_scores_json(scores, out, e);
}

static int write_comparison(struct hm_buf *out, struct hm_err *e)
{
	return hm_compare_json(scores, 2, &pair, out, e);
}

static struct hm_audit audit;

static int write_audit(struct hm_buf *out, struct hm_err *e)
{
	return hm_audit_json(&audit, &(struct hm_audit_view){.image = "pixels"}, out, e);
}

/* For every k: the k-th allocation fails, and so does the call; or the bytes are the right ones. */
static void exhaust(int (*write)(struct hm_buf *, struct hm_err *), long least)
{
	struct hm_err none = {0};
	struct hm_buf want = {0}, got = {0};
	assert_int_equal(write(&want, &none), 0);
	for (long k = 0, failed = 1; failed; k++) {
		struct hm_err e = {0};
		got.len = 0;
		countdown = k;
		int rc = write(&got, &e);
		failed = countdown < 0;
		countdown = -1;
		if (failed && (rc != HM_EDATA || strcmp(e.text, "out of memory") || got.len))
			fail_msg("allocation %ld failed: rc %d, %zu bytes, \"%s\"", k, rc, got.len, e.text);
		if (failed)
			continue;
		assert_int_equal(rc, 0);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.data, want.data, want.len);
		assert_true(k >= least);
	}
	hm_buf_clear(&want);
	hm_buf_clear(&got);
}

static void json_is_whole_or_an_error(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_audit_record r = {"id", 2, 1, "i", "c", 1, 1};
	countdown = -1;
	cJSON_InitHooks(&(cJSON_Hooks){allocate, free});
	exhaust(write_scores, 200);
	exhaust(write_comparison, 300);
	for (int i = 0; i < 4; i++) {
		if (i % 2 == 0)
			assert_int_equal(hm_audit_split(&audit, i ? "dev" : "train", &e), 0);
		r.label = i % 2;
		assert_int_equal(hm_audit_add(&audit, &r, &e), 0);
	}
	assert_int_equal(hm_audit_run(&audit, 2, &e), 0);
	exhaust(write_audit, 100);
	hm_audit_clear(&audit);
	cJSON_InitHooks(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(zero_has_no_minus),
		cmocka_unit_test(foreign_text_is_masked),
		cmocka_unit_test(csv_is_quoted_where_it_must_be),
		cmocka_unit_test(no_cell_is_a_formula),
		cmocka_unit_test(json_is_whole_or_an_error),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
