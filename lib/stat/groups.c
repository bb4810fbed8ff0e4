/* Scores by group. See groups.h. */
#include "stat/groups.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* prob and label: room for the examples of any group. */
static int score_group(struct hm_group *g, int group, const struct hm_predictions *p,
		       const struct hm_matched *m, double threshold, double *prob, int32_t *label,
		       struct hm_err *e)
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
	struct hm_classes each = {0};
	int rc = m->classes == 2 ? hm_delong_interval(&s.rank, &g->auroc_ci, e)
				 : hm_classes_compute(&each, &s, NULL, &(struct hm_resampling){0}, e);
	if (m->classes > 2)
		g->macro_f1 = each.value[HM_MACRO_F1];
	hm_classes_clear(&each);
	hm_sample_clear(&s);
	return rc;
}

int hm_groups_compute(struct hm_groups *g, const char *column, const struct hm_predictions *p,
		      const struct hm_matched *m, double threshold, struct hm_err *e)
{
	int order[HM_KINDS_MAX], rc = HM_EDATA;
	double *prob = hm_alloc(m->n, (size_t)m->classes * sizeof *prob, e);
	int32_t *label = prob ? hm_alloc(m->n, sizeof *label, e) : NULL;
	*g = (struct hm_groups){.column = column, .classes = m->classes, .n = p->groups.n};
	hm_kinds_order(&p->groups, order);
	if (label)
		rc = 0;
	for (int k = 0; !rc && k < g->n; k++) {
		struct hm_group *to = &g->item[k];
		*to = (struct hm_group){.value = p->groups.name[order[k]],
					.accuracy = NAN,
					.auroc = NAN,
					.majority = NAN,
					.macro_f1 = NAN,
					.accuracy_ci = {NAN, NAN},
					.auroc_ci = {NAN, NAN}};
		for (size_t i = 0; i < p->n; i++) {
			const struct hm_prediction *t = &p->item[i];
			to->failed += t->group == order[k] && t->failed;
			to->unlabelled += t->group == order[k] && !t->failed && t->label < 0;
		}
		rc = score_group(to, order[k], p, m, threshold, prob, label, e);
	}
	free(prob);
	free(label);
	return rc;
}
