/* More than two classes against scikit-learn's answers; their bootstrap; the words of classes. */
#include "../support/cases.h"
#include "stat/classes.h"
#include "stat/predictions.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The examples of a case: prob[n, classes] and label[n], which the caller frees. */
static size_t read_case(const cJSON *o, int *classes, double **prob, int32_t **label)
{
	const cJSON *p = cJSON_GetObjectItem(o, "p"), *y = cJSON_GetObjectItem(o, "label");
	size_t n = (size_t)cJSON_GetArraySize(y);
	*classes = cJSON_GetArraySize(cJSON_GetArrayItem(p, 0));
	size_t c = (size_t)*classes;
	*prob = calloc(n * c, sizeof **prob);
	*label = calloc(n, sizeof **label);
	assert_true(*prob && *label);
	for (size_t i = 0; i < n; i++) {
		(*label)[i] = (int32_t)test_item(y, (int)i);
		for (size_t k = 0; k < c; k++)
			(*prob)[i * c + k] = test_item(cJSON_GetArrayItem(p, (int)i), (int)k);
	}
	return n;
}

static void check_classes(const struct hm_classes *c, const cJSON *o)
{
	const cJSON *macro = cJSON_GetObjectItem(o, "macro");
	test_close(c->value[HM_MACRO_PRECISION], test_number(macro, "precision"), 1e-12, "macro precision");
	test_close(c->value[HM_MACRO_RECALL], test_number(macro, "recall"), 1e-12, "macro recall");
	test_close(c->value[HM_MACRO_F1], test_number(macro, "f1"), 1e-12, "macro F1");
	test_close(c->value[HM_MACRO_AUROC], test_number(macro, "auroc"), 1e-12, "macro AUROC");
	test_close(c->value[HM_WEIGHTED_F1], test_number(o, "weighted_f1"), 1e-12, "weighted F1");
	for (int k = 0; k < c->n; k++) {
		const cJSON *w = cJSON_GetArrayItem(cJSON_GetObjectItem(o, "classes"), k),
			    *row = cJSON_GetArrayItem(cJSON_GetObjectItem(o, "confusion"), k);
		const struct hm_class *g = &c->item[k];
		test_close(g->precision, test_number(w, "precision"), 1e-12, "precision");
		test_close(g->recall, test_number(w, "recall"), 1e-12, "recall");
		test_close(g->f1, test_number(w, "f1"), 1e-12, "F1");
		test_close(g->auroc, test_number(w, "auroc"), 1e-12, "AUROC");
		assert_int_equal(g->support, test_number(w, "support"));
		assert_int_equal(g->answers, test_number(w, "answered"));
		for (int a = 0; a < c->n; a++)
			assert_int_equal(c->confusion[k * c->n + a], test_item(row, a));
		assert_int_equal(g->right, c->confusion[k * c->n + k]);
	}
}

static void as_scikit_learn(void **state)
{
	(void)state;
	cJSON *all = test_cases_of("tests/data/scores/classes.json");
	const cJSON *o;
	int seen = 0;
	cJSON_ArrayForEach(o, cJSON_GetObjectItem(all, "cases"))
	{
		int classes;
		double *prob, value[HM_METRICS];
		int32_t *label;
		struct hm_sample s;
		struct hm_classes c;
		size_t n = read_case(o, &classes, &prob, &label);
		assert_int_equal(hm_sample_init(&s, n, classes, prob, label, .5, NULL), 0);
		assert_int_equal(hm_classes_compute(&c, &s, prob, &(struct hm_resampling){0}, NULL), 0);
		check_classes(&c, o);
		hm_metrics_compute(&s, NULL, value);
		test_close(value[HM_ACCURACY], test_number(o, "accuracy"), 1e-12, "accuracy");
		test_close(value[HM_LOG_LOSS], test_number(o, "log_loss"), 1e-12, "log loss");
		hm_classes_clear(&c);
		hm_sample_clear(&s);
		free(prob);
		free(label);
		seen++;
	}
	assert_true(seen > 30);
	cJSON_Delete(all);
}

enum { N = 60, C = 3 };

/* Class `rare` is the label of the first example only, where rare >= 0. */
static void make_sample(struct hm_sample *s, double *prob, int32_t *label, int rare)
{
	for (int i = 0; i < N; i++) {
		label[i] = rare < 0 ? i % C : i ? (rare + 1 + i % 2) % C : rare;
		for (int c = 0; c < C; c++)
			prob[i * C + c] = (c == (i * 7 % 5 ? label[i] : (i / 2) % C) ? .5 : .2) +
					  .001 * ((i * 13 + c * 5) % 11);
	}
	assert_int_equal(hm_sample_init(s, N, C, prob, label, .5, NULL), 0);
}

static void bootstrap_is_seeded_and_thread_free(void **state)
{
	(void)state;
	double prob[N * C];
	int32_t label[N];
	struct hm_sample s;
	struct hm_classes one, four, other, none;
	struct hm_workers *w = hm_workers_new(4, NULL);
	make_sample(&s, prob, label, -1);
	assert_int_equal(hm_classes_compute(&one, &s, prob, &(struct hm_resampling){400, 0, NULL}, NULL), 0);
	assert_int_equal(hm_classes_compute(&four, &s, prob, &(struct hm_resampling){400, 0, w}, NULL), 0);
	assert_int_equal(hm_classes_compute(&other, &s, prob, &(struct hm_resampling){400, 1, w}, NULL), 0);
	assert_int_equal(hm_classes_compute(&none, &s, NULL, &(struct hm_resampling){400, 0, w}, NULL), 0);
	assert_memory_equal(one.ci, four.ci, sizeof one.ci);
	assert_memory_not_equal(one.ci, other.ci, sizeof one.ci);
	for (int m = 0; m < HM_MACROS; m++)
		assert_true(one.ci[m].lo < one.value[m] && one.value[m] < one.ci[m].hi);
	assert_true(isnan(none.value[HM_MACRO_AUROC]) && isnan(none.ci[HM_MACRO_AUROC].lo));
	assert_true(none.ci[HM_MACRO_F1].lo == one.ci[HM_MACRO_F1].lo);
	hm_classes_clear(&one);
	hm_classes_clear(&four);
	hm_classes_clear(&other);
	hm_classes_clear(&none);
	hm_workers_free(w);
	hm_sample_clear(&s);
}

/* Of a class with one example a third of the resamples have none: they do not count for macro AUROC. */
static void resamples_that_lack_a_class(void **state)
{
	(void)state;
	double prob[N * C];
	int32_t label[N];
	struct hm_sample s;
	struct hm_classes c;
	make_sample(&s, prob, label, 2);
	assert_int_equal(hm_classes_compute(&c, &s, prob, &(struct hm_resampling){400, 0, NULL}, NULL), 0);
	assert_false(isnan(c.value[HM_MACRO_AUROC]) || isnan(c.ci[HM_MACRO_AUROC].lo));
	assert_true(c.item[2].support == 1);
	hm_classes_clear(&c);
	/* two such classes, and half of the resamples are not left */
	hm_sample_clear(&s);
	for (int i = 0; i < N; i++)
		label[i] = i < 2 ? i : 2;
	assert_int_equal(hm_sample_init(&s, N, C, prob, label, .5, NULL), 0);
	assert_int_equal(hm_classes_compute(&c, &s, prob, &(struct hm_resampling){400, 0, NULL}, NULL), 0);
	assert_true(!isnan(c.value[HM_MACRO_AUROC]) && isnan(c.ci[HM_MACRO_AUROC].lo));
	assert_false(isnan(c.ci[HM_MACRO_F1].lo));
	hm_classes_clear(&c);
	hm_sample_clear(&s);
}

static void nothing_to_score(void **state)
{
	(void)state;
	struct hm_sample s;
	struct hm_classes c;
	assert_int_equal(hm_sample_init(&s, 0, C, NULL, NULL, .5, NULL), 0);
	double none[1];
	assert_int_equal(hm_classes_compute(&c, &s, none, &(struct hm_resampling){10, 0, NULL}, NULL), 0);
	for (int m = 0; m < HM_MACROS; m++)
		assert_true(isnan(c.value[m]) && isnan(c.ci[m].lo));
	assert_true(isnan(c.item[1].f1) && isnan(c.item[1].auroc));
	hm_classes_clear(&c);
	hm_sample_clear(&s);
}

static void the_words(void **state)
{
	(void)state;
	static const char *const word[] = {"no", "yes", "perhaps"}, *const turned[] = {"yes", "no"};
	struct hm_err e = {0};
	struct hm_predictions p[2] = {{.name = "a", .classes = 2}, {.name = "b", .classes = 2}},
			      more = {.name = "c", .classes = 5};
	for (int i = 0; i < 2; i++)
		assert_int_equal(hm_predictions_add(&p[i], "1", 1, NULL, 0, 1, (double[]){.4, .6}, 0, &e), 0);
	assert_int_equal(hm_predictions_call(&p[0], word, 3, &e), 0);
	assert_string_equal(p[0].names[1], "yes");
	assert_int_equal(hm_predictions_check(p, 2, &e), 0);
	assert_int_equal(hm_predictions_call(&p[1], turned, 2, &e), 0);
	assert_int_equal(hm_predictions_check(p, 2, &e), HM_EDATA);
	assert_string_equal(e.text, "class 0 is \"no\" in a and \"yes\" in b");
	e = (struct hm_err){0};
	assert_int_equal(hm_predictions_call(&more, word, 3, &e), 0);
	assert_string_equal(more.names[4], "4");
	hm_predictions_clear(&p[0]);
	hm_predictions_clear(&p[1]);
	hm_predictions_clear(&more);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_scikit_learn),
		cmocka_unit_test(bootstrap_is_seeded_and_thread_free),
		cmocka_unit_test(resamples_that_lack_a_class),
		cmocka_unit_test(nothing_to_score),
		cmocka_unit_test(the_words),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
