/* What the pages of a report show of numbers, characters and commands. */
#include "report/htmlparts.h"
#include "report/chart.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void measures(void **state)
{
	(void)state;
	static const struct {
		double v;
		const char *want;
	} row[] = {{0, "0"},
		   {1234567, "1234567"},
		   {99.96, "100"},
		   {99.94, "99.9"},
		   {9.996, "10.0"},
		   {9.994, "9.99"},
		   {1, "1.00"},
		   {.99951, "1.00"},
		   {.99949, "0.999"},
		   {.1, "0.100"},
		   {.0412, "0.0412"},
		   {.00011, "0.000110"},
		   {.00009, "9.0e-05"},
		   {-1, "\xe2\x80\x93"},
		   {NAN, "\xe2\x80\x93"},
		   {INFINITY, "\xe2\x80\x93"}};
	char s[HM_PAGE_NUMBER];
	for (size_t i = 0; i < sizeof row / sizeof *row; i++)
		assert_string_equal(hm_page_measure(row[i].v, s), row[i].want);
}

static void characters(void **state)
{
	(void)state;
	static const char text[] = "a\n\t\x01\xc3\xa9\xff\xe2\x80\xae\xf0\x9f\x98\x80\xe2\x82";
	static const char *const want[] = {"a", "\n", "\t", "?", "\xc3\xa9", "?", "?", "\xf0\x9f\x98\x80",
					   "?", "?"};
	char one[HM_PAGE_CHAR];
	const char *s = text;
	for (size_t i = 0; i < sizeof want / sizeof *want; i++)
		assert_string_equal(hm_page_char(&s, one), want[i]);
	assert_int_equal(*s, 0);
}

static void auroc_intervals(void **state)
{
	(void)state;
	char s[HM_PAGE_NUMBER];
	struct hm_summary m = {.auroc = .5, .auroc_ci = {.5, .5}, .constant = true};
	assert_string_equal(hm_page_auroc_interval(&m, s), "constant answer");
	m = (struct hm_summary){.auroc = 1, .auroc_ci = {1, 1}};
	assert_string_equal(hm_page_auroc_interval(&m, s), "every pair in order");
	m = (struct hm_summary){.auroc = 0, .auroc_ci = {0, 0}};
	assert_string_equal(hm_page_auroc_interval(&m, s), "no interval");
	m = (struct hm_summary){.auroc = .6, .auroc_ci = {.55, .65}};
	assert_string_equal(hm_page_auroc_interval(&m, s), "[0.550, 0.650]");
	m = (struct hm_summary){.auroc = NAN, .auroc_ci = {NAN, NAN}};
	assert_string_equal(hm_page_auroc_interval(&m, s), "");
}

static void command(const char *s, const char *want)
{
	struct hm_buf b = {0};
	struct hm_err e = {0};
	struct hm_html p = {.b = &b, .e = &e};
	hm_html_command(&p, s);
	hm_buf_add(&b, "", 1, &e);
	assert_string_equal((char *)b.data, want);
	hm_buf_clear(&b);
}

static void commands(void **state)
{
	(void)state;
	command("", "");
	command("a --b c d", "<span>a</span> <span>--b c</span> <span>d</span>");
	command("--b --c", "<span>--b</span> <span>--c</span>");
	command("--b=c d", "<span>--b=c</span> <span>d</span>");
	command("-o  x\n y\n", "<span>-o  x</span>\n <span>y</span>\n");
	command("--a 'b c' \"d ' e\"", "<span>--a &#39;b c&#39;</span> <span>&quot;d &#39; e&quot;</span>");
	command("--a b\\ c\\", "<span>--a b\\ c\\</span>");
	command("--a 'never closed", "<span>--a &#39;never closed</span>");
	command("x --a | y", "<span>x</span> <span>--a</span> <span>|</span> <span>y</span>");
}

static void shortened(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	struct hm_err e = {0};
	struct hm_html p = {.b = &b, .e = &e};
	hm_html_short(&p, "\xc3\xa9<c", 3);
	hm_html_short(&p, "\xc3\xa9<cd", 3);
	hm_buf_add(&b, "", 1, &e);
	assert_string_equal((char *)b.data, "\xc3\xa9&lt;c\xc3\xa9&lt;c&#8230;");
	hm_buf_clear(&b);
}

/* A long curve has no more points than pixels need, keeps its ends, and says where it was cut. */
static void thinned(void **state)
{
	(void)state;
	enum { N = 100000 };
	static double x[N], y[N];
	const double unit[2] = {0, 1};
	struct hm_buf b = {0};
	struct hm_err e = {0};
	struct hm_chart c;
	for (int i = 0; i < N; i++)
		x[i] = y[i] = i / (N - 1.);
	y[500] = 3;
	hm_chart_open(&c, &b, 290, 170, "t", unit, unit, "x", "y", &e);
	hm_chart_line(&c, &(struct hm_curve){N, x, y}, "ours");
	hm_chart_close(&c);
	hm_buf_add(&b, "", 1, &e);
	assert_true(b.len < 12000);
	assert_non_null(strstr((char *)b.data, "d=\"M38.0 136.0L"));
	assert_non_null(strstr((char *)b.data, "L278.0 26.0\"/>"));
	assert_non_null(strstr((char *)b.data, "cut: goes up to 3<"));
	hm_buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(measures),	      cmocka_unit_test(characters),
					   cmocka_unit_test(auroc_intervals), cmocka_unit_test(commands),
					   cmocka_unit_test(shortened),	      cmocka_unit_test(thinned)};
	return cmocka_run_group_tests_name("pages", tests, NULL, NULL);
}
