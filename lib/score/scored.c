/* From predictions to scores. See scored.h. */
#include "score/scored.h"
#include "score/expected.h"
#include "report/present.h"

#include <math.h>
#include <stdlib.h>

/* The threshold: given, or fitted on other predictions. */
static int choose_threshold(struct hm_scored *s, const struct hm_scored_options *o, struct hm_err *e)
{
	s->threshold.at = o->threshold;
	if (!o->fit)
		return 0;
	int rc = hm_threshold_fit(&s->threshold, o->fit, e);
	if (!rc)
		s->threshold.shared = o->fit_same ? s->said->n : hm_predictions_shared(s->said, o->fit);
	return rc;
}

/* The parts of a report that only a single system has. */
static int add_parts(struct hm_scored *s, const struct hm_scored_options *o, struct hm_err *e)
{
	struct hm_scores *one = s->scores;
	int rc = 0;
	if (o->by) {
		rc = hm_groups_compute(&s->groups, o->by, s->said, &s->matched, s->threshold.at, e);
		one->by = &s->groups;
	}
	if (!rc && o->pairs) {
		rc = hm_pairscore_compute(&s->pairs, o->pairs, s->said, &s->matched, s->sample, e);
		one->pairs = &s->pairs;
	}
	one->fitted = o->fit ? &s->threshold : NULL;
	for (int side = 0; side < 2; side++)
		one->ablate[side] = o->ablate[side];
	one->ablate_seed = o->ablate_seed;
	return rc;
}

/* Marks the systems whose labels are their answers. */
static void mark_echoes(struct hm_scored *s, const char *known)
{
	bool echo[HM_COMPARE_MAX];
	const char *name = hm_predictions_echoes(s->said, s->k, echo);
	s->echo = known ? known : name;
	for (int i = 0; i < s->k; i++)
		s->scores[i].echo = echo[i] || known;
}

int hm_scored_compute(struct hm_scored *s, const struct hm_predictions *said, int k,
		      const struct hm_scored_options *o, struct hm_err *e)
{
	struct hm_scoring how = {.bootstrap = o->bootstrap};
	*s = (struct hm_scored){.k = k, .said = said};
	const struct hm_matched *m = &s->matched;
	int rc = hm_matched_init(&s->matched, said, k, e);
	if (!rc)
		rc = choose_threshold(s, o, e);
	if (!rc)
		rc = hm_expected_count(&how.expected, o->expect, m, o->skipped, o->allow_missing, e);
	how.threshold = s->threshold.at;
	if (o->brief && k > 1 && said->classes == 2)
		how.bootstrap.resamples = 0;
	const char *const *names = NULL;
	for (int i = 0; i < k && !names; i++)
		names = said[i].names;
	for (int i = 0; !rc && i < k; i++) {
		rc = hm_sample_init(&s->sample[i], m->n, m->classes, m->prob[i], m->label, how.threshold, e);
		if (!rc)
			rc = hm_scores_compute(&s->scores[i], m, &s->sample[i], &how, e);
		if (!rc && o->calibration && m->classes == 2) {
			hm_calibration_compute(&s->sample[i], s->bin[i]);
			s->scores[i].bin = s->bin[i];
		}
		if (!rc && m->classes > 2) {
			rc = hm_classes_compute(&s->each[i], &s->sample[i], m->prob[i], &how.bootstrap, e);
			s->scores[i].each = &s->each[i];
		}
		s->name[i] = s->scores[i].name = said[i].name;
		s->scores[i].names = names;
	}
	if (rc)
		return rc;
	mark_echoes(s, o->echo);
	if (k == 1)
		return add_parts(s, o, e);
	if (!m->n)
		return hm_err_set(e, HM_EDATA, "no record has a label: nothing to compare");
	s->pair = hm_alloc((size_t)(k * (k - 1) / 2), sizeof *s->pair, e);
	return s->pair ? hm_pairs_compute(s->sample, k, s->pair, e) : HM_EDATA;
}

void hm_scored_clear(struct hm_scored *s)
{
	for (int i = 0; i < s->k; i++) {
		hm_sample_clear(&s->sample[i]);
		hm_classes_clear(&s->each[i]);
	}
	hm_matched_clear(&s->matched);
	free(s->pair);
	*s = (struct hm_scored){0};
}

int hm_scored_text(const struct hm_scored *s, size_t errors, struct hm_buf *out, struct hm_err *e)
{
	if (s->k > 1)
		return hm_compare_text(s->scores, s->k, s->pair, out, e);
	int rc = errors ? hm_errors_text(s->said, &s->matched, s->sample, errors, out, e) : 0;
	return rc ? rc : hm_scores_text(s->scores, out, e);
}

int hm_scored_json(const struct hm_scored *s, struct hm_buf *out, struct hm_err *e)
{
	return s->k > 1 ? hm_compare_json(s->scores, s->k, s->pair, out, e)
			: hm_scores_json(s->scores, out, e);
}

int hm_scored_latex(const struct hm_scored *s, struct hm_buf *out, struct hm_err *e)
{
	return hm_scores_latex(s->scores, s->k, s->pair, out, e);
}

int hm_scored_submission(const struct hm_scored *s, struct hm_buf *out, struct hm_err *e)
{
	return hm_submission_csv(s->said, s->threshold.at, out, e);
}

int hm_scored_roc(const struct hm_scored *s, const char *path, struct hm_err *e)
{
	if (s->matched.classes != 2 || isnan(s->scores[0].value[HM_AUROC]))
		return hm_err_set(e, HM_EDATA,
				  "--roc: the curve is undefined, it needs records of both of two classes");
	return hm_roc_plot(path, s->sample, s->name, s->k, s->scores->names, e);
}

int hm_scored_calibration(const struct hm_scored *s, const char *path, struct hm_err *e)
{
	if (s->matched.classes != 2 || !s->matched.n)
		return hm_err_set(
			e, HM_EDATA,
			"--calibration: there is nothing to draw, it needs labelled records of two classes");
	return hm_calibration_plot(path, s->sample, s->name, s->k, s->scores->names, e);
}
