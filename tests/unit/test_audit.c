/* Audits of small data sets whose every flaw is known. */
#include "report/auditpages.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct hm_err e;

static void add_record(struct hm_audit *a, const char *id, int label, const char *image, const char *caption)
{
	struct hm_audit_record r = {id,
				    strlen(id),
				    label,
				    image,
				    caption,
				    image ? strlen(image) : 0,
				    caption ? strlen(caption) : 0};
	if (hm_audit_add(a, &r, &e))
		fail_msg("%s", e.text);
}

static void split(struct hm_audit *a, const char *name)
{
	assert_int_equal(hm_audit_split(a, name, &e), 0);
}

static void is(const struct hm_audit *a, enum hm_audit_check c, size_t groups, size_t records)
{
	const struct hm_audit_result *r = &a->result[c];
	if (r->why || r->groups != groups || r->records != records)
		fail_msg("%s: %s, %zu, %zu; expected %zu, %zu", hm_audit_name(c), r->why ? r->why : "checked",
			 r->groups, r->records, groups, records);
}

static void test_every_flaw(void **state)
{
	(void)state;
	struct hm_audit a = {0};
	split(&a, "one");
	add_record(&a, "1", 0, "I", "x");
	add_record(&a, "2", 1, "I", "y"); /* confounder of 1: same image */
	add_record(&a, "3", 1, "J", "x"); /* confounder of 1: same caption */
	add_record(&a, "3", 0, "K", "z"); /* the id again */
	add_record(&a, "4", 0, "L", "t");
	add_record(&a, "5", -1, "L", "t"); /* twice; no label hides no contradiction */
	add_record(&a, "6", 1, "L", "t");
	add_record(&a, "7", 0, NULL, "y"); /* nothing to compare by image */
	split(&a, "two");
	add_record(&a, "1", 1, "M", "new"); /* id */
	add_record(&a, "8", 0, "I", "x");   /* image, caption, both */
	add_record(&a, "9", 0, "N", "y");   /* caption */
	assert_int_equal(hm_audit_run(&a, 2, &e), 0);
	is(&a, HM_AUDIT_ID_TWICE, 1, 2);
	is(&a, HM_AUDIT_ID_SHARED, 1, 2);
	is(&a, HM_AUDIT_PAIR_TWICE, 1, 3);
	is(&a, HM_AUDIT_PAIR_SHARED, 1, 2);
	is(&a, HM_AUDIT_IMAGE_SHARED, 1, 3);
	is(&a, HM_AUDIT_CAPTION_SHARED, 2, 6);
	is(&a, HM_AUDIT_LABEL_CONFLICT, 1, 3);
	is(&a, HM_AUDIT_SAME_CAPTION, 1, 2);
	is(&a, HM_AUDIT_SAME_IMAGE, 1, 2);
	const size_t *example = a.result[HM_AUDIT_LABEL_CONFLICT].example[0];
	assert_string_equal(hm_audit_item(&a, example[0])->id, "4");
	assert_string_equal(hm_audit_item(&a, example[1])->id, "6");
	struct hm_audit_view v = {.image = "pixels", .caption = "text"};
	assert_int_equal(hm_audit_findings(&a, &v), 7);
	v.allowed[HM_AUDIT_ID_TWICE] = v.allowed[HM_AUDIT_LABEL_SHIFT] = true;
	assert_int_equal(hm_audit_findings(&a, &v), 6);
	struct hm_buf out = {0};
	assert_int_equal(hm_audit_pairs(&a, hm_buf_quote, &out, &e), 0);
	hm_buf_add(&out, "", 1, &e);
	assert_string_equal(out.data, "a,b,kind\n\"1\",\"3\",same-caption\n\"1\",\"2\",same-image\n");
	hm_buf_clear(&out);
	hm_audit_clear(&a);
}

static void test_nothing(void **state)
{
	(void)state;
	struct hm_audit a = {0};
	assert_int_equal(hm_audit_run(&a, 0, &e), 0);
	hm_audit_clear(&a);
	split(&a, "one");
	add_record(&a, "1", -1, NULL, NULL);
	assert_int_equal(hm_audit_run(&a, 1, &e), 0);
	is(&a, HM_AUDIT_ID_TWICE, 0, 0);
	assert_non_null(a.result[HM_AUDIT_ID_SHARED].why);
	assert_non_null(a.result[HM_AUDIT_IMAGE_SHARED].why);
	assert_non_null(a.result[HM_AUDIT_LABEL_SHIFT].why);
	hm_audit_clear(&a);
}

/* One image with many captions and two labels: more pairs than are listed, in bounded time and memory. */
static void test_many(void **state)
{
	(void)state;
	struct hm_audit a = {0};
	char id[16];
	split(&a, "one");
	for (int i = 0; i < 4000; i++) {
		snprintf(id, sizeof id, "%d", i);
		add_record(&a, id, i % 2, "I", id);
	}
	assert_int_equal(hm_audit_run(&a, 1, &e), 0);
	assert_non_null(strstr(a.result[HM_AUDIT_SAME_IMAGE].why, "too many"));
	assert_true(a.confounder[1].len <= HM_AUDIT_PAIRS * 2 * sizeof(size_t));
	is(&a, HM_AUDIT_SAME_CAPTION, 0, 0);
	hm_audit_clear(&a);
}

/* scipy.stats.chi2_contingency(..., correction=False) and chi2.sf */
static void test_shift(void **state)
{
	(void)state;
	static const struct {
		double x;
		int df;
		double p;
	} tail[] = {{3.84, 1, 0.05004352124870519},   {1e-9, 1, 0.999974768674784},
		    {10, 2, 0.006737946999085468},    {10, 3, 0.01856613546304325},
		    {25, 10, 0.005345505487134069},   {80, 99, 0.9191878735980901},
		    {700, 5, 4.911986103573117e-149}, {0, 4, 1}};
	for (size_t i = 0; i < sizeof tail / sizeof *tail; i++)
		if (!(fabs(hm_chi2_tail(tail[i].x, tail[i].df) - tail[i].p) <= 1e-12 * tail[i].p))
			fail_msg("chi2.sf(%g, %d) is %.17g", tail[i].x, tail[i].df,
				 hm_chi2_tail(tail[i].x, tail[i].df));
	struct hm_audit a = {0};
	char id[16];
	int n = 0;
	static const int count[2][3] = {{300, 200, 10}, {60, 90, 0}};
	for (int s = 0; s < 2; s++) {
		split(&a, s ? "dev" : "train");
		for (int k = 0; k < 3; k++)
			for (int i = 0; i < count[s][k]; i++) {
				snprintf(id, sizeof id, "%d", n++);
				add_record(&a, id, k, NULL, NULL);
			}
	}
	assert_int_equal(hm_audit_run(&a, 1, &e), 0);
	double p = a.result[HM_AUDIT_LABEL_SHIFT].p;
	if (!(fabs(p - 1.7857930185083834e-05) <= 1e-12 * p))
		fail_msg("p is %.17g", p);
	assert_int_equal(a.result[HM_AUDIT_LABEL_SHIFT].groups, 1);
	hm_audit_clear(&a);
}

int main(void)
{
	const struct CMUnitTest test[] = {cmocka_unit_test(test_every_flaw), cmocka_unit_test(test_nothing),
					  cmocka_unit_test(test_many), cmocka_unit_test(test_shift)};
	return cmocka_run_group_tests(test, NULL, NULL);
}
