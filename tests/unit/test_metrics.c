/* Metrics against scikit-learn's answers, their edges, and the bounds that missing records leave. */
#include "../support/cases.h"
#include "stat/calibration.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void as_scikit_learn(void **state)
{
	(void)state;
	cJSON *all = test_cases();
	const cJSON *o;
	int seen = 0;
	cJSON_ArrayForEach(o, cJSON_GetObjectItem(all, "cases"))
	{
		struct test_case t;
		struct hm_sample s;
		double v[HM_METRICS];
		test_case_init(&t, o, "p");
		assert_int_equal(hm_sample_init(&s, t.n, 2, t.prob, t.label, t.threshold, NULL), 0);
		hm_metrics_compute(&s, NULL, v);
		for (int m = 0; m < HM_METRICS; m++)
			test_close(v[m], test_number(cJSON_GetObjectItem(o, "metrics"), hm_metric_key(m)),
				   1e-12, hm_metric_key(m));
		hm_sample_clear(&s);
		test_case_clear(&t);
		seen++;
	}
	assert_true(seen > 40);
	cJSON_Delete(all);
}

/* The bins of a reliability diagram are ECE's: its value follows from them. */
static void bins(void **state)
{
	(void)state;
	static const double p[] = {0, 1 / 15., .0999, .5, .53, .53, 14 / 15., 1, .999};
	static const int32_t label[] = {0, 1, 0, 1, 1, 0, 1, 1, 0};
	enum { N = sizeof p / sizeof *p };
	double prob[2 * N], value[HM_METRICS], ece = 0;
	struct hm_sample s;
	struct hm_bin bin[HM_BINS];
	for (int i = 0; i < N; i++)
		prob[2 * i + 1] = p[i], prob[2 * i] = 1 - p[i];
	assert_int_equal(hm_sample_init(&s, N, 2, prob, label, .5, NULL), 0);
	hm_calibration_compute(&s, bin);
	assert_true(bin[0].n == 1 && bin[0].positive == 0 && bin[0].p == 0 && bin[0].share == 0);
	assert_true(bin[1].n == 2 && bin[1].positive == 1 && bin[7].n == 3 && bin[7].positive == 2);
	assert_true(bin[14].n == 3 && bin[14].positive == 2 && bin[14].ci.lo == hm_wilson(2, 3).lo);
	assert_true(bin[2].n == 0 && isnan(bin[2].p) && isnan(bin[2].share) && isnan(bin[2].ci.lo));
	hm_metrics_compute(&s, NULL, value);
	for (int b = 0; b < HM_BINS; b++)
		if (bin[b].n)
			ece += (double)bin[b].n / N * fabs(bin[b].p - bin[b].share);
	assert_true(fabs(ece - value[HM_ECE]) < 1e-15);
	hm_sample_clear(&s);
}

/* A weight is so many copies of the example. */
static void weights_are_copies(void **state)
{
	(void)state;
	double prob[] = {.8, .2, .4, .6, .4, .6, .1, .9}, copies[14];
	int32_t label[] = {0, 0, 1, 1}, copied[7];
	uint32_t weight[] = {2, 1, 0, 4};
	struct hm_sample a, b;
	double va[HM_METRICS], vb[HM_METRICS];
	int n = 0;
	for (int i = 0; i < 4; i++)
		for (uint32_t k = 0; k < weight[i]; k++, n++) {
			memcpy(copies + 2 * n, prob + 2 * i, 2 * sizeof *prob);
			copied[n] = label[i];
		}
	assert_int_equal(n, 7);
	assert_int_equal(hm_sample_init(&a, 4, 2, prob, label, .5, NULL), 0);
	assert_int_equal(hm_sample_init(&b, 7, 2, copies, copied, .5, NULL), 0);
	hm_metrics_compute(&a, weight, va);
	hm_metrics_compute(&b, NULL, vb);
	for (int m = 0; m < HM_METRICS; m++)
		test_close(va[m], vb[m], 1e-15, hm_metric_key(m));
	hm_sample_clear(&a);
	hm_sample_clear(&b);
}

static void three_classes(void **state)
{
	(void)state;
	double prob[] = {.2, .4, .4, .1, .2, .7, 1, 0, 0, .3, .3, .4};
	int32_t label[] = {1, 2, 1, 0};
	struct hm_sample s;
	double v[HM_METRICS];
	assert_int_equal(hm_sample_init(&s, 4, 3, prob, label, .5, NULL), 0);
	assert_int_equal(s.answer[0], 1); /* the lowest of the greatest */
	assert_int_equal(s.answer[2], 0);
	hm_metrics_compute(&s, NULL, v);
	assert_true(v[HM_ACCURACY] == .5);
	test_close(v[HM_LOG_LOSS], -(log(.4) + log(.7) + log(DBL_EPSILON) + log(.3)) / 4, 1e-15, "log loss");
	for (int m = 0; m < HM_METRICS; m++)
		assert_int_equal(isnan(v[m]), m != HM_ACCURACY && m != HM_LOG_LOSS);
	assert_int_equal(hm_sample_majority(&s), 2);
	hm_sample_clear(&s);
}

static void what_is_no_probability(void **state)
{
	(void)state;
	double good[] = {0, 1}, nan[] = {.5, NAN}, below[] = {-1e-9, 1}, above[] = {0, 1 + DBL_EPSILON},
	       inf[] = {INFINITY, 0};
	struct hm_err e = {0};
	assert_int_equal(hm_prob_check(good, 2, 1, &e), 0);
	assert_int_equal(hm_prob_check(good, 2, -1, &e), 0);
	assert_int_equal(hm_prob_check(good, 2, 2, NULL), HM_EDATA);
	assert_int_equal(hm_prob_check(good, 2, -2, NULL), HM_EDATA);
	assert_int_equal(hm_prob_check(nan, 2, 0, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "NaN"));
	assert_int_equal(hm_prob_check(below, 2, 0, NULL), HM_EDATA);
	assert_int_equal(hm_prob_check(above, 2, 0, NULL), HM_EDATA);
	assert_int_equal(hm_prob_check(inf, 2, 0, NULL), HM_EDATA);
	assert_int_equal(hm_prob_check(NULL, 2, 1, NULL), 0);
	assert_int_equal(hm_prob_check(NULL, 2, 2, NULL), HM_EDATA);
	assert_int_equal(hm_prob_class((double[]){.5, .5}, 2, .5), 0);
}

/* Rounded probabilities are taken, those of classes that do not exclude each other are not. */
static void sum_of_probabilities(void **state)
{
	(void)state;
	struct hm_err e = {0};
	const double rounded[3] = {.33, .33, .33}, each[3] = {.9, .8, .1}, none[2] = {.4, .3};
	assert_int_equal(hm_prob_check(rounded, 3, 0, NULL), 0);
	assert_int_equal(hm_prob_check(each, 3, 0, &e), HM_EDATA);
	assert_string_equal(e.text, "the probabilities of the 3 classes add up to 1.8, not to 1");
	assert_int_equal(hm_prob_check(none, 2, 0, NULL), HM_EDATA);
}

static void nothing_to_score(void **state)
{
	(void)state;
	struct hm_sample s;
	double v[HM_METRICS];
	assert_int_equal(hm_sample_init(&s, 0, 2, NULL, NULL, .5, NULL), 0);
	hm_metrics_compute(&s, NULL, v);
	for (int m = 0; m < HM_METRICS; m++)
		assert_true(isnan(v[m]));
	hm_sample_clear(&s);
}

/* The bounds are reached: every way to add `more` examples, at the top or the bottom, tried out. */
static void bounds_of_auroc(void **state)
{
	(void)state;
	double score[] = {.2, .7, .7, .9, 0, 0};
	int32_t label[] = {0, 1, 0, 1, 0, 0};
	struct hm_ranking r;
	double worst, best, least = 1, most = 0;
	assert_int_equal(hm_ranking_init(&r, 4, score, label, 1, NULL), 0);
	hm_auroc_bounds(&r, 0, 0, 2, &worst, &best);
	hm_ranking_clear(&r);
	for (int way = 0; way < 16; way++) {
		for (int i = 0; i < 2; i++) {
			label[4 + i] = way >> i & 1;
			score[4 + i] = way >> (2 + i) & 1;
		}
		assert_int_equal(hm_ranking_init(&r, 6, score, label, 1, NULL), 0);
		least = fmin(least, hm_auroc(&r, NULL));
		most = fmax(most, hm_auroc(&r, NULL));
		hm_ranking_clear(&r);
	}
	test_close(worst, least, 1e-15, "worst");
	test_close(best, most, 1e-15, "best");
}

static void the_curve(void **state)
{
	(void)state;
	double score[] = {.9, .5, .5, .1}, x[5], y[5];
	int32_t label[] = {1, 1, 0, 0};
	struct hm_ranking r;
	assert_int_equal(hm_ranking_init(&r, 4, score, label, 1, NULL), 0);
	assert_int_equal(hm_roc_curve(&r, x, y), 4);
	assert_true(x[0] == 0 && y[0] == 0 && x[1] == 0 && y[1] == .5 && x[2] == .5 && y[2] == 1 &&
		    x[3] == 1 && y[3] == 1);
	hm_ranking_clear(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_scikit_learn),
		cmocka_unit_test(bins),
		cmocka_unit_test(weights_are_copies),
		cmocka_unit_test(three_classes),
		cmocka_unit_test(what_is_no_probability),
		cmocka_unit_test(sum_of_probabilities),
		cmocka_unit_test(nothing_to_score),
		cmocka_unit_test(bounds_of_auroc),
		cmocka_unit_test(the_curve),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
