/* Scores of one system, and of several with their paired tests, as JSON. See present.h. */
#include "json/build.h"
#include "report/present.h"

#include <math.h>
#include <stdio.h>

/* NaN becomes null, and zero has no sign. */
static void add_value(cJSON *o, const char *key, double v, struct hm_err *e)
{
	if (isnan(v))
		hm_json_add_null(o, key, e);
	else
		hm_json_add_num(o, key, 0. + v, e);
}

static void add_count(cJSON *o, const char *key, size_t n, struct hm_err *e)
{
	hm_json_add_num(o, key, (double)n, e);
}

static void add_interval(cJSON *o, const char *key, struct hm_interval ci, struct hm_err *e)
{
	if (isnan(ci.lo))
		hm_json_add_null(o, key, e);
	else
		hm_json_add_nums(o, key, (double[]){0. + ci.lo, 0. + ci.hi}, 2, e);
}

/* A value under its name, its interval under the name and "_ci95". */
static void add_estimate(cJSON *o, const char *key, double v, struct hm_interval ci, struct hm_err *e)
{
	char ci95[40];
	snprintf(ci95, sizeof ci95, "%s_ci95", key);
	add_value(o, key, v, e);
	add_interval(o, ci95, ci, e);
}

/* The matrix of more than two classes. */
static void add_matrix(cJSON *o, const struct hm_classes *c, struct hm_err *e)
{
	cJSON *rows = hm_json_add_array(o, "confusion", e);
	for (int t = 0; t < c->n; t++) {
		cJSON *row = hm_json_add_array(rows, NULL, e);
		for (int a = 0; a < c->n; a++)
			add_count(row, NULL, c->confusion[(size_t)t * (size_t)c->n + (size_t)a], e);
	}
}

static void add_confusion(cJSON *o, const struct hm_scores *s, struct hm_err *e)
{
	if (!s->n || s->classes > HM_CONFUSION_MOST) {
		hm_json_add_null(o, "confusion", e);
		return;
	}
	if (s->each) {
		add_matrix(o, s->each, e);
		return;
	}
	cJSON *rows = hm_json_add_array(o, "confusion", e);
	for (int t = 0; t < 2; t++)
		hm_json_add_nums(rows, NULL,
				 (double[]){(double)s->confusion[t][0], (double)s->confusion[t][1]}, 2, e);
}

/* Each class, and the averages. */
static void add_classes(cJSON *o, const struct hm_scores *s, struct hm_err *e)
{
	static const struct {
		enum hm_macro m;
		const char *key;
	} macro[] = {{HM_MACRO_PRECISION, "precision"},
		     {HM_MACRO_RECALL, "recall"},
		     {HM_MACRO_F1, "f1"},
		     {HM_MACRO_AUROC, "auroc"}};
	const struct hm_classes *each = s->each;
	cJSON *list = hm_json_add_array(o, "classes", e), *mean = hm_json_add_object(o, "macro", e);
	char digits[16];
	for (int c = 0; c < each->n; c++) {
		const struct hm_class *t = &each->item[c];
		cJSON *one = hm_json_add_object(list, NULL, e);
		snprintf(digits, sizeof digits, "%d", c);
		hm_json_add_str(one, "name", s->names ? s->names[c] : digits, e);
		add_count(one, "support", t->support, e);
		add_count(one, "answered", t->answers, e);
		add_value(one, "precision", t->precision, e);
		add_value(one, "recall", t->recall, e);
		add_value(one, "f1", t->f1, e);
		add_value(one, "auroc", t->auroc, e);
	}
	for (int m = 0; m < 4; m++)
		add_estimate(mean, macro[m].key, each->value[macro[m].m], each->ci[macro[m].m], e);
	add_estimate(o, "weighted_f1", each->value[HM_WEIGHTED_F1], each->ci[HM_WEIGHTED_F1], e);
}

static void add_names(cJSON *o, const struct hm_scores *s, struct hm_err *e)
{
	cJSON *names = s->names ? hm_json_add_array(o, "names", e) : NULL;
	for (int c = 0; s->names && c < s->classes; c++)
		hm_json_add_str(names, NULL, s->names[c], e);
}

static void add_bins(cJSON *o, const struct hm_bin *bin, struct hm_err *e)
{
	cJSON *list = hm_json_add_array(o, "calibration", e);
	for (int b = 0; b < HM_BINS; b++) {
		cJSON *one = hm_json_add_object(list, NULL, e);
		add_count(one, "n", bin[b].n, e);
		add_value(one, "p", bin[b].p, e);
		add_estimate(one, "share", bin[b].share, bin[b].ci, e);
	}
}

static void add_groups(cJSON *o, const struct hm_groups *g, struct hm_err *e)
{
	cJSON *by = hm_json_add_object(o, "by", e), *list = hm_json_add_array(by, "values", e);
	hm_json_add_str(by, "column", g->column, e);
	for (int i = 0; i < g->n; i++) {
		const struct hm_group *t = &g->item[i];
		cJSON *one = hm_json_add_object(list, NULL, e);
		hm_json_add_str(one, "value", t->value, e);
		add_count(one, "n", t->n, e);
		add_count(one, "n_failed", t->failed, e);
		add_count(one, "n_unlabelled", t->unlabelled, e);
		add_estimate(one, "accuracy", t->accuracy, t->accuracy_ci, e);
		add_estimate(one, "auroc", t->auroc, t->auroc_ci, e);
		add_value(one, "majority", t->majority, e);
		if (g->classes > 2)
			add_value(one, "macro_f1", t->macro_f1, e);
	}
}

static void add_both_right(cJSON *o, const struct hm_both_right *t, struct hm_err *e)
{
	add_count(o, "n", t->n, e);
	add_count(o, "right", t->right, e);
	add_estimate(o, "accuracy", t->share, t->ci, e);
}

static void add_pairs(cJSON *o, const struct hm_pairscore *s, struct hm_err *e)
{
	cJSON *pairs = hm_json_add_object(o, "pairs", e), *list = hm_json_add_array(pairs, "kinds", e);
	add_both_right(pairs, &s->all, e);
	add_count(pairs, "n_absent", s->absent, e);
	add_count(pairs, "n_unscored", s->unscored, e);
	add_value(pairs, "random", s->random, e);
	for (int k = 0; k < s->n; k++) {
		cJSON *one = hm_json_add_object(list, NULL, e);
		add_both_right(one, &s->kind[k], e);
		hm_json_add_str(one, "kind", s->kind[k].kind, e);
	}
}

static void add_threshold(cJSON *o, const struct hm_threshold *t, struct hm_err *e)
{
	cJSON *fit = hm_json_add_object(o, "threshold_fit", e);
	hm_json_add_str(fit, "from", t->from, e);
	add_count(fit, "n", t->n, e);
	add_count(fit, "n_failed", t->failed, e);
	add_value(fit, "accuracy", (double)t->right / (double)t->n, e);
	add_count(fit, "n_shared", t->shared, e);
}

static void add_ablation(cJSON *o, const struct hm_scores *s, struct hm_err *e)
{
	static const char *const side[2] = {"image", "text"};
	cJSON *ablate = hm_json_add_object(o, "ablate", e);
	for (int k = 0; k < 2; k++)
		if (s->ablate[k])
			hm_json_add_str(ablate, side[k], s->ablate[k], e);
	add_value(ablate, "seed", s->ablate_seed < 0 ? NAN : (double)s->ablate_seed, e);
}

/* What was asked for in addition to the scores. */
static void add_parts(cJSON *o, const struct hm_scores *s, struct hm_err *e)
{
	if (s->fitted)
		add_threshold(o, s->fitted, e);
	if (s->ablate[0] || s->ablate[1])
		add_ablation(o, s, e);
	if (s->bin)
		add_bins(o, s->bin, e);
	if (s->by)
		add_groups(o, s->by, e);
	if (s->pairs)
		add_pairs(o, s->pairs, e);
}

static void add_scores(cJSON *o, const struct hm_scores *s, struct hm_err *e)
{
	add_count(o, "n", s->n, e);
	add_count(o, "n_expected", s->expected, e);
	add_count(o, "n_failed", s->failed, e);
	add_count(o, "n_unlabelled", s->unlabelled, e);
	add_value(o, "threshold", s->threshold, e);
	for (int m = 0; m < HM_METRICS; m++)
		add_estimate(o, hm_metric_key((enum hm_metric)m), s->value[m], s->ci[m], e);
	add_interval(o, "accuracy_ci95_exact", s->exact, e);
	add_value(o, "majority", s->majority, e);
	add_estimate(o, "random", s->random, s->random_ci, e);
	add_confusion(o, s, e);
	add_names(o, s, e);
	if (s->each)
		add_classes(o, s, e);
	if (s->n < s->expected) {
		add_value(o, "accuracy_worst", s->accuracy_worst, e);
		add_value(o, "accuracy_best", s->accuracy_best, e);
		add_value(o, "auroc_worst", s->auroc_worst, e);
		add_value(o, "auroc_best", s->auroc_best, e);
	}
	if (s->echo)
		hm_json_add_bool(o, "labels_equal_answers", true, e);
	add_parts(o, s, e);
}

static void add_pair(cJSON *o, const struct hm_scores *s, const struct hm_pair *pair, struct hm_err *e)
{
	const struct hm_paired *t = &pair->test;
	hm_json_add_str(o, "a", s[pair->a].name, e);
	hm_json_add_str(o, "b", s[pair->b].name, e);
	add_count(o, "only_a", t->only_a, e);
	add_count(o, "only_b", t->only_b, e);
	add_estimate(o, "accuracy_difference", t->accuracy, t->accuracy_ci, e);
	add_value(o, "mcnemar_p", t->mcnemar_p, e);
	add_value(o, "mcnemar_p_holm", pair->mcnemar_holm, e);
	add_estimate(o, "auroc_difference", t->auroc, t->auroc_ci, e);
	add_value(o, "delong_p", t->delong_p, e);
	add_value(o, "delong_p_holm", pair->delong_holm, e);
}

int hm_scores_json(const struct hm_scores *s, struct hm_buf *out, struct hm_err *e)
{
	cJSON *o = hm_json_object(e);
	add_scores(o, s, e);
	return hm_json_line(o, out, e);
}

int hm_compare_json(const struct hm_scores *s, int k, const struct hm_pair *pair, struct hm_buf *out,
		    struct hm_err *e)
{
	cJSON *o = hm_json_object(e), *systems = hm_json_add_array(o, "systems", e);
	add_count(o, "n", s->n, e);
	for (int i = 0; i < k; i++) {
		cJSON *one = hm_json_add_object(systems, NULL, e);
		add_scores(one, &s[i], e);
		hm_json_add_str(one, "name", s[i].name, e);
	}
	cJSON *pairs = hm_json_add_array(o, "pairs", e);
	for (int i = 0; i < k * (k - 1) / 2; i++)
		add_pair(hm_json_add_object(pairs, NULL, e), s, &pair[i], e);
	return hm_json_line(o, out, e);
}
