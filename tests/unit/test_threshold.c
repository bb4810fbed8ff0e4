/* The fitted threshold: best on every sample that is small enough to try all, ties, the ends, edges of
 * doubles. */
#include "base/rng.h"
#include "stat/threshold.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct hm_err e;

static void add_prediction(struct hm_predictions *p, double prob, int32_t label, bool failed)
{
	char id[24];
	int n = snprintf(id, sizeof id, "%zu", p->n);
	double both[2] = {1 - prob, prob};
	p->classes = 2;
	if (hm_predictions_add(p, id, (size_t)n, NULL, 0, label, failed ? NULL : both, 0, &e))
		fail_msg("%s", e.text);
}

static struct hm_threshold fit(const double *prob, const int32_t *label, size_t n)
{
	struct hm_predictions p = {.name = "val"};
	struct hm_threshold t;
	for (size_t i = 0; i < n; i++)
		add_prediction(&p, prob[i], label[i], false);
	if (hm_threshold_fit(&t, &p, &e))
		fail_msg("%s", e.text);
	hm_predictions_clear(&p);
	assert_true(t.at >= 0 && t.at <= 1 && t.n == n && !strcmp(t.from, "val"));
	return t;
}

#define FIT(prob, label) fit(prob, label, sizeof(label) / sizeof *(label))

static void known(void **state)
{
	(void)state;
	struct hm_threshold t = FIT(((double[]){.3, .65, .62}), ((int32_t[]){0, 1, 0}));
	assert_true(fabs(t.at - .635) < 1e-15 && t.right == 3);
	/* all of one class: all above, or none */
	t = FIT(((double[]){.8, .4}), ((int32_t[]){1, 1}));
	assert_true(t.at == .2 && t.right == 2);
	t = FIT(((double[]){.8, .4}), ((int32_t[]){0, 0}));
	assert_true(t.at == .9 && t.right == 2);
	/* 0 is above no threshold, 1 at no threshold is not needed */
	t = FIT(((double[]){0, 0}), ((int32_t[]){1, 1}));
	assert_true(t.at == .5 && t.right == 0);
	t = FIT(((double[]){1, 1}), ((int32_t[]){0, 0}));
	assert_true(t.at == 1 && t.right == 2);
}

static void ties(void **state)
{
	(void)state;
	/* .15, .55 and .9 get three of four; .55 is nearest */
	struct hm_threshold t = FIT(((double[]){.1, .2, .9, .2}), ((int32_t[]){0, 1, 1, 0}));
	assert_true(t.right == 3 && t.at == .2 + (.9 - .2) / 2);
	/* .25 and .75 are as good and as near: the lower */
	t = FIT(((double[]){.125, .375, .625, .875}), ((int32_t[]){0, 1, 0, 1}));
	assert_true(t.right == 3 && t.at == .25);
}

static void neighbours(void **state)
{
	(void)state;
	double low = .3, high = nextafter(.3, 1);
	struct hm_threshold t = FIT(((double[]){low, high}), ((int32_t[]){0, 1}));
	assert_true(t.right == 2 && t.at == low);
	t = FIT(((double[]){0, DBL_TRUE_MIN}), ((int32_t[]){0, 1}));
	assert_true(t.right == 2 && t.at == 0);
}

/* No threshold of a fine grid, nor any probability, does better; what is said to be right is. */
static void best_of_all(void **state)
{
	(void)state;
	for (uint32_t k = 0; k < 300; k++) {
		struct hm_rng r;
		double prob[12];
		int32_t label[12];
		hm_rng_init(&r, 5, 0, k, 0);
		size_t n = 1 + hm_rng_below(&r, 12), most = 0, own = 0;
		for (size_t i = 0; i < n; i++) {
			prob[i] = hm_rng_below(&r, 11) / 10.;
			label[i] = (int32_t)hm_rng_below(&r, 2);
		}
		struct hm_threshold t = fit(prob, label, n);
		for (int g = 0; g <= 200; g++) {
			size_t right = 0;
			for (size_t i = 0; i < n; i++)
				right += (prob[i] > g / 200.) == label[i];
			most = right > most ? right : most;
		}
		for (size_t i = 0; i < n; i++)
			own += (prob[i] > t.at) == label[i];
		assert_int_equal(own, most);
		assert_int_equal(t.right, most);
	}
}

static void what_counts(void **state)
{
	(void)state;
	struct hm_predictions p = {.name = "val"}, three = {.name = "val", .classes = 3};
	struct hm_threshold t;
	add_prediction(&p, .4, -1, false);
	add_prediction(&p, .4, 1, true);
	assert_int_equal(hm_threshold_fit(&t, &p, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "val: no record has a label"));
	e = (struct hm_err){0};
	add_prediction(&p, .4, 1, false);
	assert_int_equal(hm_threshold_fit(&t, &p, &e), 0);
	assert_true(t.n == 1 && t.failed == 1 && t.right == 1 && t.at == .2);
	assert_int_equal(hm_threshold_fit(&t, &three, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "two classes"));
	e = (struct hm_err){0};
	hm_predictions_clear(&p);
}

/* As records and as their CSV: equal when rounded to F32, in any order. */
static void the_same_predictions(void **state)
{
	(void)state;
	struct hm_predictions a = {.classes = 2}, b = {.classes = 2}, c = {.classes = 2}, d = {.classes = 2};
	double x[2] = {.75, .25}, y[2] = {(double).9f, (double).1f}, z[2] = {.9, .1};
	hm_predictions_add(&a, "x", 1, NULL, 0, 1, x, 0, &e);
	hm_predictions_add(&a, "y", 1, NULL, 0, 0, y, 0, &e);
	hm_predictions_add(&b, "y", 1, NULL, 0, 0, z, 0, &e);
	assert_int_equal(hm_predictions_shared(&a, &b), 1); /* .9 as a float and as a double */
	assert_int_equal(hm_predictions_shared(&b, &a), 1);
	hm_predictions_add(&b, "x", 1, NULL, 0, 1, x, 0, &e);
	hm_predictions_add(&c, "x", 1, NULL, 0, 0, x, 0, &e);
	hm_predictions_add(&c, "y", 1, NULL, 0, 0, y, 0, &e);
	hm_predictions_add(&d, "x", 1, NULL, 0, 1, y, 0, &e);
	hm_predictions_add(&d, "y", 1, NULL, 0, 0, y, 0, &e);
	assert_int_equal(hm_predictions_shared(&a, &b), 2);
	assert_int_equal(hm_predictions_shared(&b, &a), 2);
	assert_int_equal(hm_predictions_shared(&a, &c), 1); /* a label, */
	assert_int_equal(hm_predictions_shared(&a, &d), 1); /* a probability is another */
	hm_predictions_clear(&a);
	hm_predictions_clear(&b);
	hm_predictions_clear(&c);
	hm_predictions_clear(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known),       cmocka_unit_test(ties),
		cmocka_unit_test(neighbours),  cmocka_unit_test(best_of_all),
		cmocka_unit_test(what_counts), cmocka_unit_test(the_same_predictions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
