/* The report's arithmetic: summaries over seeds, differences, verdicts, and what its pages do with hostile
 * text. */
#include "report/chart.h"
#include "report/pages.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* cmocka compares floats */
static void near(double got, double want, double bound)
{
	if (!(fabs(got - want) <= bound))
		fail_msg("%.17g, expected %.17g", got, want);
}

static struct hm_difference made(double accuracy, double lo, double hi, double holm)
{
	return (struct hm_difference){accuracy, {lo, hi}, holm, holm};
}

static void verdicts(void **state)
{
	(void)state;
	const struct hm_difference better = made(.1, .05, .15, .001), worse = made(-.1, -.15, -.05, .001),
				   unclear = made(.03, -.02, .08, .3), level = made(0, -.01, .01, 1),
				   slight = made(-.01, -.015, -.005, .01);
	struct hm_difference two[2] = {better, better};
	assert_int_equal(hm_verdict_of(HM_CLAIM_BETTER, NAN, two, 2), HM_SUPPORTED);
	two[1] = unclear;
	assert_int_equal(hm_verdict_of(HM_CLAIM_BETTER, NAN, two, 2), HM_UNDECIDABLE);
	two[1] = worse;
	assert_int_equal(hm_verdict_of(HM_CLAIM_BETTER, NAN, two, 2), HM_NOT_SUPPORTED);
	assert_int_equal(hm_verdict_of(HM_CLAIM_NOT_WORSE, .02, &better, 1), HM_SUPPORTED);
	assert_int_equal(hm_verdict_of(HM_CLAIM_NOT_WORSE, .02, &level, 1), HM_SUPPORTED);
	assert_int_equal(hm_verdict_of(HM_CLAIM_NOT_WORSE, .02, &slight, 1), HM_SUPPORTED);
	assert_int_equal(hm_verdict_of(HM_CLAIM_NOT_WORSE, .001, &slight, 1), HM_NOT_SUPPORTED);
	assert_int_equal(hm_verdict_of(HM_CLAIM_NOT_WORSE, .02, &unclear, 1), HM_UNDECIDABLE);
	assert_int_equal(hm_verdict_of(HM_CLAIM_NOT_WORSE, .02, &worse, 1), HM_NOT_SUPPORTED);
	assert_int_equal(hm_verdict_of(HM_CLAIM_SAME, .02, &level, 1), HM_SUPPORTED);
	assert_int_equal(hm_verdict_of(HM_CLAIM_SAME, .02, &better, 1), HM_NOT_SUPPORTED);
	assert_int_equal(hm_verdict_of(HM_CLAIM_SAME, .02, &unclear, 1), HM_UNDECIDABLE);
}

/* scipy.stats.t.ppf(.975, df) */
static void student(void **state)
{
	(void)state;
	const double df[] = {1, 2, 4, 9, 30},
		     want[] = {12.706204736174694, 4.302652729749462, 2.7764451051977934, 2.262157162798205,
			       2.0422724563012378};
	for (int i = 0; i < 5; i++)
		near(hm_student_975(df[i]), want[i], 1e-9 * want[i]);
}

/* Twelve examples, of which a system gets those of its mask right. */
enum { N = 12 };

static int32_t label[N];

static void system_of(struct hm_trial *t, struct hm_sample *s, double prob[N][2], unsigned mask)
{
	struct hm_err e = {0};
	for (int i = 0; i < N; i++) {
		label[i] = i % 2;
		bool right = mask >> i & 1;
		prob[i][1] = (right == label[i] ? .6 : .3) + .01 * i;
		prob[i][0] = 1 - prob[i][1];
	}
	assert_int_equal(hm_sample_init(s, N, 2, prob[0], label, .5, &e), 0);
	*t = (struct hm_trial){
		.sample = s, .accuracy = (double)hm_sample_correct(s) / N, .auroc = hm_auroc(&s->rank, NULL)};
	t->accuracy_ci = hm_wilson(hm_sample_correct(s), N);
}

static void seeds(void **state)
{
	(void)state;
	static double prob[4][N][2];
	struct hm_sample s[4];
	struct hm_trial t[4];
	struct hm_summary m;
	struct hm_err e = {0};
	struct hm_row a = {.n = 2, .trial = t}, b = {.n = 2, .trial = t + 2};
	const unsigned mask[] = {0xfff, 0x3ff, 0x03f, 0x0ff};
	for (int i = 0; i < 4; i++)
		system_of(&t[i], &s[i], prob[i], mask[i]);
	assert_int_equal(hm_row_summary(&a, &m, &e), 0);
	near(m.accuracy, 11. / 12, 1e-12);
	near(m.deviation, sqrt(2) / 12, 1e-12);
	near(m.least, 10. / 12, 1e-12);
	near(m.most, 1, 1e-12);
	/* shares right: ten times 1, twice 1/2; variance (10 (1/12)^2 + 2 (5/12)^2) / 11 */
	double error = sqrt((10 / 144. + 50 / 144.) / 11 / 12);
	near(m.accuracy_ci.lo, 11. / 12 - HM_Z95 * error, 1e-12);
	near(m.accuracy_ci.hi, fmin(1, 11. / 12 + HM_Z95 * error), 1e-12);
	near(m.over_seeds.lo, 0, 0); /* 11/12 - 12.7/12 */
	assert_true(m.auroc_ci.lo <= m.auroc && m.auroc <= m.auroc_ci.hi);

	struct hm_claim claim = {.kind = HM_CLAIM_BETTER, .n = 1};
	struct hm_difference d;
	enum hm_verdict v;
	claim.pair[0].a = &a;
	claim.pair[0].b = &b;
	assert_int_equal(hm_claim_judge(&claim, &d, &v, &e), 0);
	/* differences: six 0, two 1/2, two 1, two 1/2; mean 4/12 */
	near(d.accuracy, 4. / 12, 1e-12);
	double squares = 6 * pow(4. / 12, 2) + 4 * pow(2. / 12, 2) + 2 * pow(8. / 12, 2);
	error = sqrt(squares / 11 / 12);
	near(d.ci.lo, 4. / 12 - HM_Z95 * error, 1e-12);
	near(d.p, erfc(4. / 12 / error / sqrt(2)), 1e-12);
	assert_int_equal(v, HM_SUPPORTED);
	a.n = b.n = 1;
	assert_int_equal(hm_claim_judge(&claim, &d, &v, &e), 0);
	near(d.p, hm_mcnemar(6, 0), 1e-15);
	assert_int_equal(hm_row_summary(&a, &m, &e), 0);
	assert_true(isnan(m.deviation) && isnan(m.over_seeds.lo));
	for (int i = 0; i < 4; i++)
		hm_sample_clear(&s[i]);
}

static void charts(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	struct hm_err e = {0};
	hm_markup_text(&b, "<a href=\"x\">&'\x01\xc3\xa9", &e);
	hm_buf_add(&b, "", 1, &e);
	assert_string_equal((char *)b.data, "&lt;a href=&quot;x&quot;&gt;&amp;&#39;?\xc3\xa9");
	hm_buf_clear(&b);
	near(hm_chart_step(1, 4), .5, 1e-15);
	near(hm_chart_step(.37, 4), .1, 1e-15);
	near(hm_chart_step(134, 4), 50, 1e-12);
	struct hm_chart c;
	double unit[2] = {0, 1}, x[] = {0, .5, 1}, y[] = {0, 2, 1};
	hm_chart_open(&c, &b, 290, 170, "t", unit, unit, "x", "y", &e);
	hm_chart_line(&c, &(struct hm_curve){3, x, y}, "ours");
	hm_chart_close(&c);
	hm_buf_add(&b, "", 1, &e);
	/* plot area 240 x 110 at 38, 26; what lies above the range is cut */
	assert_non_null(
		strstr((char *)b.data, "<path class=\"ours\" d=\"M38.0 136.0L158.0 26.0L278.0 26.0\"/>"));
	assert_int_equal(e.code, 0);
	hm_buf_clear(&b);
}

static void numbers(void **state)
{
	(void)state;
	char s[HM_PAGE_NUMBER];
	assert_string_equal(hm_page_value(.558, 3, s), "0.558");
	assert_string_equal(hm_page_value(NAN, 3, s), "\xe2\x80\x93");
	assert_string_equal(hm_page_interval((struct hm_interval){-.1, .25}, true, s), "[-0.100, +0.250]");
	assert_string_equal(hm_page_interval((struct hm_interval){NAN, NAN}, false, s), "");
	assert_string_equal(hm_page_p(.0492, s), "0.049");
	assert_string_equal(hm_page_p(.0012, s), "0.0012");
	assert_string_equal(hm_page_p(1e-9, s), "< 0.0001");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(verdicts), cmocka_unit_test(student),
					   cmocka_unit_test(seeds), cmocka_unit_test(charts),
					   cmocka_unit_test(numbers)};
	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
