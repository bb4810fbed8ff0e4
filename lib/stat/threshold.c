/* One walk down the ranking: every group passed is now above the threshold. See threshold.h. */
#include "stat/threshold.h"

#include <math.h>
#include <stdlib.h>

/* Between two probabilities, so that `high` is above it and `low` is not. */
static double point_between(double low, double high)
{
	double mid = low + (high - low) / 2;
	return mid < high ? mid : low;
}

static bool is_better(const struct hm_threshold *t, size_t right, double at)
{
	double far = fabs(at - .5), best = fabs(t->at - .5);
	if (right != t->right)
		return right > t->right;
	return far < best || (far == best && at < t->at);
}

/* score[r->n]; at least one. */
static void try_thresholds(struct hm_threshold *t, const struct hm_ranking *r, const double *score)
{
	size_t right = 0;
	for (size_t i = 0; i < r->n; i++)
		right += r->label[i] == 0;
	t->at = point_between(score[r->order[0]], 1); /* nothing is above it */
	t->right = right;
	for (size_t k = 0; k < r->n; k++) {
		double own = score[r->order[k]];
		right += r->label[r->order[k]] == 1 ? 1 : (size_t)-1;
		if (!r->last[k] || own <= 0)
			continue;
		double at = point_between(k + 1 < r->n ? score[r->order[k + 1]] : 0, own);
		if (is_better(t, right, at)) {
			t->at = at;
			t->right = right;
		}
	}
}

int hm_threshold_fit(struct hm_threshold *t, const struct hm_predictions *p, struct hm_err *e)
{
	struct hm_ranking r = {0};
	int32_t *label = NULL;
	double *score = NULL;
	int rc = HM_EDATA;
	*t = (struct hm_threshold){.from = p->name};
	if (p->classes != 2)
		return hm_err_set(e, HM_EDATA, "%s: a threshold is fitted for two classes, these are %d",
				  p->name, p->classes);
	if (!(label = hm_alloc(p->n, sizeof *label, e)) || !(score = hm_alloc(p->n, sizeof *score, e)))
		goto done;
	for (size_t i = 0; i < p->n; i++) {
		t->failed += p->item[i].failed;
		if (p->item[i].failed || p->item[i].label < 0)
			continue;
		label[t->n] = p->item[i].label;
		score[t->n++] = p->prob[2 * i + 1];
	}
	if (!t->n) {
		hm_err_set(e, HM_EDATA, "%s: no record has a label and an answer: no threshold can be fitted",
			   p->name);
		goto done;
	}
	rc = hm_ranking_init(&r, t->n, score, label, 1, e);
	if (!rc)
		try_thresholds(t, &r, score);
done:
	hm_ranking_clear(&r);
	free(label);
	free(score);
	return rc;
}
