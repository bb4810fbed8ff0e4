/* Intervals against scipy and DeLong's definition; the bootstrap's promises. */
#include "../support/cases.h"
#include "stat/bootstrap.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void both_ends(struct hm_interval ci, const cJSON *want, const char *what)
{
	test_close(ci.lo, test_item(want, 0), 1e-12, what);
	test_close(ci.hi, test_item(want, 1), 1e-12, what);
}

static void as_scipy(void **state)
{
	(void)state;
	cJSON *all = test_cases();
	const cJSON *o;
	cJSON_ArrayForEach(o, cJSON_GetObjectItem(all, "cases"))
	{
		struct test_case t;
		struct hm_sample s;
		struct hm_interval ci;
		const cJSON *want = cJSON_GetObjectItem(o, "intervals");
		test_case_init(&t, o, "p");
		assert_int_equal(hm_sample_init(&s, t.n, 2, t.prob, t.label, t.threshold, NULL), 0);
		both_ends(hm_wilson(hm_sample_correct(&s), t.n), cJSON_GetObjectItem(want, "wilson"),
			  "Wilson");
		both_ends(hm_clopper_pearson(hm_sample_correct(&s), t.n), cJSON_GetObjectItem(want, "exact"),
			  "exact");
		assert_int_equal(hm_delong_interval(&s.rank, &ci, NULL), 0);
		both_ends(ci, cJSON_GetObjectItem(want, "delong"), "DeLong");
		hm_sample_clear(&s);
		test_case_clear(&t);
	}
	cJSON_ArrayForEach(o, cJSON_GetObjectItem(all, "shares"))
	{
		struct hm_interval ci = hm_clopper_pearson((size_t)test_item(o, 0), (size_t)test_item(o, 1));
		test_close(ci.lo, test_item(o, 2), 1e-12, "exact, low");
		test_close(ci.hi, test_item(o, 3), 1e-12, "exact, high");
	}
	cJSON_ArrayForEach(o, cJSON_GetObjectItem(all, "betas"))
		test_close(hm_beta_inc(test_item(o, 0), test_item(o, 1), test_item(o, 2)), test_item(o, 3),
			   1e-11, "beta");
	cJSON_Delete(all);
}

/* scipy.stats.binom.interval(.95, n, p) / n, and the definition on every n up to 60. */
static void a_guessers_range(void **state)
{
	(void)state;
	struct hm_interval ci = hm_binomial_range(500, .5);
	assert_true(ci.lo == 228 / 500. && ci.hi == 272 / 500.);
	ci = hm_binomial_range(8500, 1 / 3.);
	assert_true(ci.lo == 2748 / 8500. && ci.hi == 2919 / 8500.);
	for (size_t n = 1; n <= 60; n++) {
		double term = pow(.75, (double)n), sum = 0;
		size_t lo = n + 1, hi = n + 1;
		for (size_t k = 0; k <= n; k++) {
			sum += term;
			lo = lo > n && sum >= .025 ? k : lo;
			hi = hi > n && sum >= .975 ? k : hi;
			term *= (double)(n - k) / (double)(k + 1) / 3;
		}
		ci = hm_binomial_range(n, .25);
		assert_true(ci.lo == (double)lo / (double)n && ci.hi == (double)hi / (double)n);
	}
}

/* A sample of `n` whose label a third says, and whose scores mean something. */
static void make_sample(struct hm_sample *s, int32_t *label, double *prob, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		label[i] = i % 3 == 0;
		prob[2 * i + 1] = fmod((double)i * .37, 1) * .7 + .3 * label[i];
		prob[2 * i] = 1 - prob[2 * i + 1];
	}
	assert_int_equal(hm_sample_init(s, n, 2, prob, label, .5, NULL), 0);
}

static void bootstrap_is_seeded_and_thread_free(void **state)
{
	(void)state;
	enum { N = 90 };
	int32_t label[N];
	double prob[2 * N], value[HM_METRICS];
	struct hm_sample s;
	struct hm_interval one[HM_METRICS], four[HM_METRICS], other[HM_METRICS];
	struct hm_workers *w = hm_workers_new(4, NULL);
	make_sample(&s, label, prob, N);
	hm_metrics_compute(&s, NULL, value);
	assert_int_equal(hm_bootstrap(&s, &(struct hm_resampling){500, 0, NULL}, one, NULL), 0);
	assert_int_equal(hm_bootstrap(&s, &(struct hm_resampling){500, 0, w}, four, NULL), 0);
	assert_int_equal(hm_bootstrap(&s, &(struct hm_resampling){500, 1, w}, other, NULL), 0);
	assert_memory_equal(one, four, sizeof one);
	assert_memory_not_equal(one, other, sizeof one);
	for (int m = 0; m < HM_METRICS; m++)
		assert_true(one[m].lo < value[m] + .1 && one[m].hi > value[m] && one[m].lo < one[m].hi);
	struct hm_interval wald =
		hm_wilson(hm_sample_correct(&s), N); /* near each other, as they estimate the same */
	test_close(one[HM_ACCURACY].lo, wald.lo, .03, "lower end");
	test_close(one[HM_ACCURACY].hi, wald.hi, .03, "upper end");
	hm_workers_free(w);
	hm_sample_clear(&s);
}

/* With one positive in three examples many resamples hold one class; none of those may count. */
static void resamples_hold_both_classes(void **state)
{
	(void)state;
	int32_t label[3];
	double prob[6];
	struct hm_sample s;
	struct hm_interval ci[HM_METRICS];
	make_sample(&s, label, prob, 3);
	assert_int_equal(hm_bootstrap(&s, &(struct hm_resampling){300, 0, NULL}, ci, NULL), 0);
	assert_false(isnan(ci[HM_AUROC].lo) || isnan(ci[HM_AUROC].hi));
	assert_true(ci[HM_RECALL].lo >= 0 && ci[HM_AVERAGE_PRECISION].lo > 0);
	hm_sample_clear(&s);
	int32_t same[3] = {1, 1, 1};
	assert_int_equal(hm_sample_init(&s, 3, 2, prob, same, .5, NULL), 0);
	assert_int_equal(hm_bootstrap(&s, &(struct hm_resampling){300, 0, NULL}, ci, NULL), 0);
	for (int m = 0; m < HM_METRICS; m++)
		assert_true(isnan(ci[m].lo) && isnan(ci[m].hi));
	hm_sample_clear(&s);
}

/* The model behind the formula, integrated: scores of negatives are exponential with rate 1, of positives
 * with rate r, so that AUROC = 1/(1 + r). */
static double integrated_variance(double auroc, double positives, double negatives)
{
	const double r = (1 - auroc) / auroc, step = 1e-3;
	double above = 0, below = 0;
	for (double x = step / 2; x < 200; x += step) {
		above += step * exp(-x) * exp(-2 * r * x);			 /* two positives above x */
		below += step * r * exp(-r * x) * (1 - exp(-x)) * (1 - exp(-x)); /* two negatives below x */
	}
	return (auroc * (1 - auroc) + (positives - 1) * (above - auroc * auroc) +
		(negatives - 1) * (below - auroc * auroc)) /
	       (positives * negatives);
}

/* The standard errors that R's auctestr 1.0.0 prints, the paper's example, the model itself, and what the two
 * sets of Hateful Memes allow. */
static void as_hanley_and_mcneil(void **state)
{
	(void)state;
	test_close(sqrt(hm_hanley_mcneil_variance(.75, 20, 200)), .06498283, 5e-9, "20 of 220");
	test_close(sqrt(hm_hanley_mcneil_variance(.75, 110, 110)), .03282048, 5e-9, "110 of 220");
	test_close(sqrt(hm_hanley_mcneil_variance(.75, 20, 20)), .07789072, 5e-9, "20 of 40");
	test_close(sqrt(hm_hanley_mcneil_variance(.893, 51, 58)), .032, 6e-4, "the paper's");
	for (double auroc = .55; auroc < .9; auroc += .1)
		test_close(hm_hanley_mcneil_variance(auroc, 30, 70), integrated_variance(auroc, 30, 70), 1e-7,
			   "the model's");
	test_close(HM_Z95 * sqrt(hm_hanley_mcneil_variance(.816, 247, 253)), .0375, 5e-5, "dev_seen");
	test_close(HM_Z95 * sqrt(hm_hanley_mcneil_variance(.855, 490, 510)), .0238, 5e-5, "test_seen");
	assert_true(hm_hanley_mcneil_variance(1, 5, 5) == 0);
	assert_true(isnan(hm_hanley_mcneil_variance(.7, 0, 9)) &&
		    isnan(hm_hanley_mcneil_variance(.7, 9, NAN)));
	assert_true(isnan(hm_hanley_mcneil_variance(NAN, 9, 9)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_scipy),
		cmocka_unit_test(a_guessers_range),
		cmocka_unit_test(as_hanley_and_mcneil),
		cmocka_unit_test(bootstrap_is_seeded_and_thread_free),
		cmocka_unit_test(resamples_hold_both_classes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
