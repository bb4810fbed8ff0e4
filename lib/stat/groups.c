/* Scores by group. See groups.h. */
#include "stat/groups.h"
#include "stat/write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* prob and label: room for the examples of any group. */
static int score(struct hm_group *g, int group, const struct hm_predictions *p, const struct hm_matched *m,
		 double threshold, double *prob, int32_t *label, struct hm_err *e)
{
	struct hm_sample s;
	size_t c = (size_t)m->classes;
	double value[HM_METRICS];
	for (size_t i = 0; i < m->n; i++) {
		if (p->item[m->item[i]].group != group)
			continue;
		memcpy(prob + g->n * c, m->prob[0] + i * c, c * sizeof *prob);
		label[g->n++] = m->label[i];
	}
	if (!g->n)
		return 0;
	if (hm_sample_init(&s, g->n, m->classes, prob, label, threshold, e))
		return HM_EDATA;
	hm_metrics_compute(&s, NULL, value);
	g->accuracy = value[HM_ACCURACY];
	g->auroc = value[HM_AUROC];
	g->accuracy_ci = hm_wilson(hm_sample_correct(&s), g->n);
	g->majority = (double)hm_sample_majority(&s) / (double)g->n;
	int rc = m->classes == 2 ? hm_delong_interval(&s.rank, &g->auroc_ci, e) : 0;
	hm_sample_clear(&s);
	return rc;
}

int hm_groups_compute(struct hm_groups *g, const char *column, const struct hm_predictions *p,
		      const struct hm_matched *m, double threshold, struct hm_err *e)
{
	int order[HM_KINDS_MAX], rc = HM_EDATA;
	double *prob = hm_alloc(m->n, (size_t)m->classes * sizeof *prob, e);
	int32_t *label = prob ? hm_alloc(m->n, sizeof *label, e) : NULL;
	*g = (struct hm_groups){.column = column, .n = p->groups.n};
	hm_kinds_order(&p->groups, order);
	if (label)
		rc = 0;
	for (int k = 0; !rc && k < g->n; k++) {
		struct hm_group *to = &g->item[k];
		*to = (struct hm_group){.value = p->groups.name[order[k]],
					.accuracy = NAN,
					.auroc = NAN,
					.majority = NAN,
					.accuracy_ci = {NAN, NAN},
					.auroc_ci = {NAN, NAN}};
		for (size_t i = 0; i < p->n; i++) {
			const struct hm_prediction *t = &p->item[i];
			to->failed += t->group == order[k] && t->failed;
			to->unlabelled += t->group == order[k] && !t->failed && t->label < 0;
		}
		rc = score(to, order[k], p, m, threshold, prob, label, e);
	}
	free(prob);
	free(label);
	return rc;
}

int hm_groups_text(const struct hm_groups *g, struct hm_buf *b, struct hm_err *e)
{
	char v[3][16], r[2][HM_RANGE];
	int w = (int)strlen(g->column) < HM_CELL ? (int)strlen(g->column) : HM_CELL;
	bool failed = false;
	for (int i = 0; i < g->n; i++) {
		int own = hm_write_width(g->item[i].value);
		w = own > w ? own : w;
		failed = failed || g->item[i].failed;
	}
	hm_buf_printf(b, e, "\nby ");
	hm_write_cell(b, g->column, w, e);
	hm_buf_printf(b, e, "  %7s%s  %9s  %-16s  %9s  %-16s  %s\n", "n", failed ? "   failed" : "",
		      "accuracy", "95 % (Wilson)", "AUROC", "95 % (DeLong)", " majority");
	for (int i = 0; i < g->n; i++) {
		const struct hm_group *t = &g->item[i];
		hm_buf_printf(b, e, "   ");
		hm_write_cell(b, t->value, w, e);
		hm_buf_printf(b, e, "  %7zu", t->n);
		if (failed)
			hm_buf_printf(b, e, "  %7zu", t->failed);
		hm_buf_printf(b, e, "  %9s  %-16s  %9s  %-16s  %9s\n", hm_write_value(t->accuracy, v[0]),
			      hm_write_range(t->accuracy_ci, false, r[0]), hm_write_value(t->auroc, v[1]),
			      hm_write_range(t->auroc_ci, false, r[1]), hm_write_value(t->majority, v[2]));
	}
	return e->code;
}

cJSON *hm_groups_json(const struct hm_groups *g)
{
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "values");
	cJSON_AddStringToObject(o, "column", g->column);
	for (int i = 0; i < g->n; i++) {
		const struct hm_group *t = &g->item[i];
		cJSON *one = cJSON_CreateObject();
		cJSON_AddStringToObject(one, "value", t->value);
		hm_write_number(one, "n", (double)t->n);
		hm_write_number(one, "n_failed", (double)t->failed);
		hm_write_number(one, "n_unlabelled", (double)t->unlabelled);
		hm_write_number(one, "accuracy", t->accuracy);
		hm_write_interval(one, "accuracy_ci95", t->accuracy_ci);
		hm_write_number(one, "auroc", t->auroc);
		hm_write_interval(one, "auroc_ci95", t->auroc_ci);
		hm_write_number(one, "majority", t->majority);
		cJSON_AddItemToArray(list, one);
	}
	return o;
}
