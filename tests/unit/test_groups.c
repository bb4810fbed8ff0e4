/* Scores by group and of confounders: what counts, in which order it is listed, what is refused. */
#include "stat/confounders.h"
#include "report/presentparts.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct hm_err e;

static void add_prediction(struct hm_predictions *p, const char *id, double prob, int32_t label,
			   const char *group)
{
	double both[2] = {1 - prob, prob};
	p->classes = 2;
	if (hm_predictions_add(p, id, strlen(id), NULL, 0, label, prob < 0 ? NULL : both, 0, &e) ||
	    hm_predictions_group(p, group, strlen(group), &e))
		fail_msg("%s", e.text);
}

static void names_in_order(void **state)
{
	(void)state;
	static const char *const text[] = {"10", "9", "-3", "b", ""};
	struct hm_kinds m = {0};
	int order[HM_KINDS_MAX];
	for (int i = 0; i < 3; i++)
		assert_int_equal(hm_kinds_add(&m, text[i], strlen(text[i]), &e), i);
	hm_kinds_order(&m, order);
	assert_true(order[0] == 2 && order[1] == 1 && order[2] == 0);
	for (int i = 3; i < 5; i++)
		assert_int_equal(hm_kinds_add(&m, text[i], strlen(text[i]), &e), i);
	assert_int_equal(hm_kinds_add(&m, "9", 1, &e), 1);
	hm_kinds_order(&m, order); /* "" "-3" "10" "9" "b" */
	assert_true(order[0] == 4 && order[1] == 2 && order[2] == 0 && order[3] == 1 && order[4] == 3);
	for (int i = m.n; i < HM_KINDS_MAX; i++) {
		char name[8];
		assert_int_equal(hm_kinds_add(&m, name, (size_t)snprintf(name, sizeof name, "x%d", i), &e),
				 i);
	}
	assert_int_equal(hm_kinds_add(&m, "b", 1, &e), 3);
	assert_int_equal(hm_kinds_add(&m, "c", 1, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "more than 100 different values"));
	e = (struct hm_err){0};
	hm_kinds_clear(&m);
}

static void groups(void **state)
{
	(void)state;
	struct hm_predictions p = {.name = "p"};
	struct hm_matched m;
	struct hm_groups g;
	struct hm_buf text = {0};
	add_prediction(&p, "1", .9, 1, "b\033");
	add_prediction(&p, "2", .2, 0, "b\033");
	add_prediction(&p, "3", .3, 1, "b\033");
	add_prediction(&p, "4", .7, 0, "a");
	add_prediction(&p, "5", -1, 0, "a");
	add_prediction(&p, "6", .7, -1, "a");
	assert_int_equal(hm_matched_init(&m, &p, 1, &e), 0);
	assert_int_equal(hm_groups_compute(&g, "topic", &p, &m, .5, &e), 0);
	assert_int_equal(g.n, 2);
	const struct hm_group *a = &g.item[0], *b = &g.item[1];
	assert_true(!strcmp(a->value, "a") && a->n == 1 && a->failed == 1 && a->unlabelled == 1);
	assert_true(a->accuracy == 0 && isnan(a->auroc) && a->majority == 1);
	assert_true(b->n == 3 && !b->failed && b->accuracy == 2 / 3. && b->auroc == 1 &&
		    b->majority == 2 / 3.);
	assert_true(b->accuracy_ci.lo == hm_wilson(2, 3).lo && isnan(b->auroc_ci.lo));
	assert_int_equal(hm_groups_text(&g, &text, &e), 0);
	assert_non_null(strstr((char *)text.data, "\n   b?           3        0     0.6667"));
	hm_buf_clear(&text);
	hm_matched_clear(&m);
	hm_predictions_clear(&p);
}

static void refused(struct hm_confounders *c, const char *a, const char *b, const char *kind, const char *why)
{
	assert_int_equal(hm_confounders_add(c, a, b, kind, &e), HM_EDATA);
	if (!strstr(e.text, why))
		fail_msg("said: %s, expected: %s", e.text, why);
	e = (struct hm_err){0};
}

static void confounders(void **state)
{
	(void)state;
	struct hm_predictions p = {.name = "p"};
	struct hm_confounders c = {0};
	struct hm_matched m;
	struct hm_sample s;
	struct hm_pairscore x;
	add_prediction(&p, "right", .9, 1, "");
	add_prediction(&p, "too", .2, 0, "");
	add_prediction(&p, "wrong", .3, 1, "");
	add_prediction(&p, "failed", -1, 0, "");
	add_prediction(&p, "silent", .7, -1, "");
	static const char *const pair[][3] = {
		{"right", "too", "text"},    {"right", "wrong", "text"}, {"too", "wrong", "image"},
		{"right", "failed", "text"}, {"silent", "too", "image"}, {"right", "nobody", "other"},
	};
	for (size_t i = 0; i < sizeof pair / sizeof *pair; i++)
		assert_int_equal(hm_confounders_add(&c, pair[i][0], pair[i][1], pair[i][2], &e), 0);
	assert_int_equal(hm_confounders_add(&c, "right", "too", "image", &e), 0); /* another kind */
	refused(&c, "too", "right", "text", "the pair of too and right is in the list twice");
	refused(&c, "too", "too", "text", "id too is paired with itself");
	assert_int_equal(hm_matched_init(&m, &p, 1, &e), 0);
	assert_int_equal(hm_sample_init(&s, m.n, 2, m.prob[0], m.label, .5, &e), 0);
	assert_int_equal(hm_pairscore_compute(&x, &c, &p, &m, &s, &e), 0);
	assert_true(x.n == 3 && x.absent == 1 && x.unscored == 2 && x.random == .25);
	assert_true(!strcmp(x.kind[0].kind, "image") && x.kind[0].n == 2 && x.kind[0].right == 1);
	assert_true(!strcmp(x.kind[2].kind, "text") && x.kind[2].n == 2 && x.kind[2].right == 1);
	assert_true(x.kind[1].n == 0 && isnan(x.kind[1].share) && isnan(x.kind[1].ci.lo));
	assert_true(x.all.n == 4 && x.all.right == 2 && x.all.share == .5 &&
		    x.all.ci.lo == hm_wilson(2, 4).lo);
	hm_sample_clear(&s);
	hm_matched_clear(&m);
	hm_confounders_clear(&c);
	hm_predictions_clear(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(names_in_order), cmocka_unit_test(groups),
					   cmocka_unit_test(confounders)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
