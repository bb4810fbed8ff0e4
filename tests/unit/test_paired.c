/* Paired tests against scipy and DeLong's definition; predictions matched by id. */
#include "../support/cases.h"
#include "stat/scores.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void pair_of(const cJSON *o)
{
	struct test_case a, b;
	struct hm_sample p, q;
	struct hm_paired t;
	const cJSON *want = cJSON_GetObjectItem(o, "paired"), *ci = cJSON_GetObjectItem(want, "accuracy_ci"),
		    *roc = cJSON_GetObjectItem(want, "auroc_ci");
	test_case_init(&a, o, "p");
	test_case_init(&b, o, "q");
	assert_int_equal(hm_sample_init(&p, a.n, 2, a.prob, a.label, a.threshold, NULL), 0);
	assert_int_equal(hm_sample_init(&q, b.n, 2, b.prob, b.label, b.threshold, NULL), 0);
	assert_int_equal(hm_paired_compute(&p, &q, &t, NULL), 0);
	assert_int_equal(t.only_a, test_number(want, "only_a"));
	assert_int_equal(t.only_b, test_number(want, "only_b"));
	test_close(t.mcnemar_p, test_number(want, "mcnemar_p"), 1e-12, "McNemar");
	test_close(t.accuracy_ci.lo, test_item(ci, 0), 1e-12, "difference, low");
	test_close(t.accuracy_ci.hi, test_item(ci, 1), 1e-12, "difference, high");
	test_close(t.auroc, test_number(want, "auroc"), 1e-12, "AUROC difference");
	test_close(t.delong_p, test_number(want, "delong_p"), 1e-11, "DeLong p");
	test_close(t.auroc_ci.lo, test_item(roc, 0), 1e-12, "AUROC difference, low");
	test_close(t.auroc_ci.hi, test_item(roc, 1), 1e-12, "AUROC difference, high");
	hm_sample_clear(&p);
	hm_sample_clear(&q);
	test_case_clear(&a);
	test_case_clear(&b);
}

static void as_scipy(void **state)
{
	(void)state;
	cJSON *all = test_cases();
	const cJSON *o, *holm = cJSON_GetObjectItem(all, "holm");
	double p[7], out[7];
	cJSON_ArrayForEach(o, cJSON_GetObjectItem(all, "cases")) pair_of(o);
	cJSON_ArrayForEach(o, cJSON_GetObjectItem(all, "mcnemar"))
	{
		double got = hm_mcnemar((size_t)test_item(o, 0), (size_t)test_item(o, 1)),
		       want = test_item(o, 2);
		test_close(want > 0 ? got / want : 1 + got, 1, 1e-10,
			   "McNemar, relative"); /* small ones too */
	}
	for (int i = 0; i < 7; i++)
		p[i] = test_item(cJSON_GetArrayItem(holm, 0), i);
	assert_int_equal(hm_holm(p, 7, out, NULL), 0);
	for (int i = 0; i < 7; i++)
		test_close(out[i], test_item(cJSON_GetArrayItem(holm, 1), i), 1e-15, "Holm");
	cJSON_Delete(all);
}

static void holm_leaves_nan_out(void **state)
{
	(void)state;
	double p[] = {.03, NAN, .01}, out[3];
	assert_int_equal(hm_holm(p, 3, out, NULL), 0);
	assert_true(out[0] == .03 && isnan(out[1]) && out[2] == .02);
}

static void add_prediction(struct hm_predictions *p, const char *id, int label, double q)
{
	double prob[] = {1 - q, q};
	assert_int_equal(hm_predictions_add(p, id, strlen(id), NULL, 0, label, q < 0 ? NULL : prob, 0, NULL),
			 0);
}

static void matched_by_id(void **state)
{
	(void)state;
	struct hm_predictions s[2] = {{.name = "a", .classes = 2}, {.name = "b", .classes = 2}};
	struct hm_matched m;
	struct hm_err e = {0};
	add_prediction(&s[0], "x", 1, .9);
	add_prediction(&s[0], "y", -1, .2);
	add_prediction(&s[0], "z", 0, .3);
	add_prediction(&s[0], "u", -1, .4);
	add_prediction(&s[1], "z", 0, -1); /* failed */
	add_prediction(&s[1], "u", -1, .5);
	add_prediction(&s[1], "y", 1, .6); /* knows the label */
	add_prediction(&s[1], "x", -1, .7);
	assert_int_equal(hm_matched_init(&m, s, 2, &e), 0);
	assert_int_equal(m.n, 2);
	assert_int_equal(m.failed, 1);
	assert_int_equal(m.failed_label[0], 1);
	assert_int_equal(m.unlabelled, 1);
	assert_int_equal(hm_matched_records(&m), s[0].n);
	assert_int_equal(hm_predictions_failed(&s[0]) + hm_predictions_failed(&s[1]), 1);
	assert_int_equal(m.label[0], 1);
	assert_int_equal(m.label[1], 1);
	assert_true(m.prob[0][1] == .9 && m.prob[1][1] == .7 && m.prob[0][3] == .2 && m.prob[1][3] == .6);
	hm_matched_clear(&m);
	add_prediction(&s[1], "extra", 0, .1);
	assert_int_equal(hm_matched_init(&m, s, 2, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "extra"));
	add_prediction(&s[0], "extra", 1, .1);
	e = (struct hm_err){0};
	assert_int_equal(hm_matched_init(&m, s, 2, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "label"));
	double half[] = {.5, .5};
	e = (struct hm_err){0};
	s[0].unit = "line";
	assert_int_equal(hm_predictions_add(&s[0], "new", 3, NULL, 0, 0, half, 7, &e), 0);
	assert_int_equal(hm_predictions_add(&s[0], "new", 3, NULL, 0, 0, half, 9, &e), HM_EDATA);
	assert_string_equal(e.text, "line 7 has the same id");
	hm_predictions_clear(&s[0]);
	hm_predictions_clear(&s[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_scipy),
		cmocka_unit_test(holm_leaves_nan_out),
		cmocka_unit_test(matched_by_id),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
