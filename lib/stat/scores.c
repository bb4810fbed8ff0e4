/* Numbers for a report, gathered from metrics, intervals and paired tests. See scores.h. */
#include "stat/scores.h"

#include <math.h>
#include <stdlib.h>

static void bound_missing(struct hm_scores *o, const struct hm_matched *m, const struct hm_sample *s)
{
	size_t missing = o->expected - o->n, known[2] = {m->failed_label[0], m->failed_label[1]};
	double right = (double)hm_sample_correct(s), all = (double)o->expected;
	o->accuracy_worst = right / all;
	o->accuracy_best = (right + (double)missing) / all;
	if (o->classes == 2 && known[0] + known[1] <= missing)
		hm_auroc_bounds(&s->rank, known[1], known[0], missing - known[0] - known[1], &o->auroc_worst,
				&o->auroc_best);
}

int hm_scores_compute(struct hm_scores *o, const struct hm_matched *m, const struct hm_sample *s,
		      const struct hm_scoring *how, struct hm_err *e)
{
	*o = (struct hm_scores){.n = s->n,
				.expected = how->expected,
				.failed = m->failed,
				.unlabelled = m->unlabelled,
				.classes = s->classes,
				.threshold = how->threshold,
				.exact = {NAN, NAN},
				.majority = NAN,
				.random_ci = {NAN, NAN},
				.random = 1.0 / s->classes,
				.accuracy_worst = NAN,
				.accuracy_best = NAN,
				.auroc_worst = NAN,
				.auroc_best = NAN};
	hm_metrics_compute(s, NULL, o->value);
	if (hm_bootstrap(s, &how->bootstrap, o->ci, e))
		return HM_EDATA;
	if (s->n) {
		size_t right = hm_sample_correct(s);
		o->ci[HM_ACCURACY] = hm_wilson(right, s->n);
		o->exact = hm_clopper_pearson(right, s->n);
		o->random_ci = hm_binomial_range(s->n, o->random);
		o->majority = (double)hm_sample_majority(s) / (double)s->n;
	}
	if (s->classes == 2) {
		if (hm_delong_interval(&s->rank, &o->ci[HM_AUROC], e))
			return HM_EDATA;
		for (int t = 0; t < 2; t++) {
			o->label[t] = hm_sample_count(s, t, -1);
			for (int p = 0; p < 2; p++)
				o->confusion[t][p] = hm_sample_count(s, t, p);
		}
	}
	if (o->expected > o->n)
		bound_missing(o, m, s);
	return 0;
}

int hm_pairs_compute(const struct hm_sample *samples, int k, struct hm_pair *pair, struct hm_err *e)
{
	size_t n = 0, all = (size_t)k * (size_t)(k - 1) / 2;
	double *p = hm_alloc(4 * all, sizeof *p, e);
	int rc = p ? 0 : HM_EDATA;
	for (int a = 0; !rc && a < k; a++) {
		for (int b = a + 1; !rc && b < k; b++, n++) {
			pair[n] = (struct hm_pair){.a = a, .b = b};
			rc = hm_paired_compute(&samples[a], &samples[b], &pair[n].test, e);
			p[n] = pair[n].test.mcnemar_p;
			p[all + n] = pair[n].test.delong_p;
		}
	}
	if (!rc)
		rc = hm_holm(p, all, p + 2 * all, e);
	if (!rc)
		rc = hm_holm(p + all, all, p + 3 * all, e);
	for (size_t i = 0; !rc && i < all; i++) {
		pair[i].mcnemar_holm = p[2 * all + i];
		pair[i].delong_holm = p[3 * all + i];
	}
	free(p);
	return rc;
}
