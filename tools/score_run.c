/* From the inputs of hm-score to the scores. See score.h. */
#include "opendevice.h"
#include "score.h"
#include "score/pairsfile.h"

#include <string.h>

/* Passes on what opening the input found. */
static void say_notices(struct hm_score *r, const struct hm_answers *a)
{
	struct hm_cli *c = &r->cli;
	if (a->model.notice[0])
		hm_cli_notice(c, "%s: %s", r->o.model, a->model.notice);
	if (a->warning[0])
		hm_cli_warn(c, "%s", a->warning);
	for (int k = 0; k < HM_SIDES; k++)
		if (a->predict.warning[k][0])
			hm_cli_warn(c, "%s", a->predict.warning[k]);
	if (a->predict.notice[0])
		hm_cli_notice(c, "%s", a->predict.notice);
}

/* Reads the predictions of one system from n inputs. */
static int load_system(struct hm_score *r, struct hm_predictions *p, const struct hm_answers_options *how,
		       int n, char **paths, struct hm_err *e)
{
	struct hm_system *s = &r->source;
	uint64_t done = 0;
	p->name = hm_lines_name(paths[0]);
	hm_system_close(s);
	int rc = hm_system_open(s, how, n, paths, r->cli.workers, e);
	if (!rc)
		say_notices(r, &s->answers);
	while (!rc && (rc = hm_system_prepare(s, e)) == 1) {
		hm_cli_progress(&r->cli, s->answers.read, 2 * hm_system_expect(s), "records");
		rc = 0;
	}
	while (!rc && (rc = hm_system_next(s, p, e)) == 1) {
		hm_cli_progress(&r->cli, ++done, hm_system_expect(s), "records");
		rc = 0;
	}
	if (!rc)
		rc = hm_system_call(s, p, e);
	return rc;
}

/* An input without records is what a producer that died leaves behind. */
static int check_records(struct hm_score *r, const struct hm_predictions *p, struct hm_err *e)
{
	if (!p->n && !r->o.allow_missing)
		return hm_err_set(e, HM_EDATA,
				  "%s: no records to score: has its producer failed? (--allow-missing scores "
				  "nothing)",
				  p->name);
	if (!p->n)
		hm_cli_warn(&r->cli, "%s: no records", p->name);
	return 0;
}

/* Gives the system the labels of --labels. Those of records that it lacks are missing. */
static int label_system(struct hm_score *r, struct hm_predictions *p, struct hm_err *e)
{
	size_t missing;
	int rc = hm_truth_apply(&r->truth, p, r->o.allow_missing, &missing, e);
	if (!rc && missing > r->how.skipped)
		r->how.skipped = missing;
	return rc;
}

/* What --image-feature and --text-feature say; NULL: not given. */
static const struct hm_feature_names *columns_of(const struct hm_score *r, int side)
{
	return r->columns[side].n ? &r->columns[side] : NULL;
}

/* An option that is for two classes only; NULL: none is given. */
static const char *binary_option(const struct options *o)
{
	return o->threshold	? "--threshold"
	       : o->roc		? "--roc"
	       : o->calibration ? "--calibration"
	       : o->submission	? "--submission"
				: NULL;
}

static int load_all(struct hm_score *r, struct hm_err *e)
{
	const struct hm_answers_options plain = {.binary = "--threshold"},
					how = {.model = r->o.model,
					       .predict = {.allow_unknown = r->o.unknown,
							   .allow_mismatch = r->o.mismatch,
							   .batch_size = (int)r->o.batch_size,
							   .ablate = {r->ablate[0], r->ablate[1]},
							   .seed = (uint64_t)r->o.seed,
							   .columns = {columns_of(r, HM_IMAGE),
								       columns_of(r, HM_TEXT)},
							   .no_normalize = r->o.no_normalize},
					       .encoder = r->o.tower.spec,
					       .device = r->device,
					       .unlabelled = r->o.labels,
					       .binary = binary_option(&r->o),
					       .texts = r->o.errors > 0,
					       .by = r->o.by,
					       .out = r->o.out,
					       .keep = r->o.keep,
					       .replace = r->o.replace,
					       .tool = r->cli.tool->name,
					       .writer = r->cli.writer};
	char *fit = r->how.fit ? r->o.threshold + 4 : NULL;
	int rc = fit ? load_system(r, &r->fit, &plain, 1, &fit, e) : 0;
	bool several = r->o.compare || r->o.averaged;
	if (!rc && r->o.pairs)
		rc = hm_confounders_read(&r->pairs, r->o.pairs, e);
	if (!rc && r->o.labels)
		rc = hm_truth_read(&r->truth, r->o.labels, r->cli.workers, e);
	for (int i = 0; !rc && i < r->loaded; i++) {
		rc = load_system(r, &r->said[i], &how, several ? 1 : r->cli.n_operands,
				 several ? r->path + i : r->cli.operands, e);
		if (several)
			r->said[i].name = r->name[i];
		rc = rc ? rc : check_records(r, &r->said[i], e);
		if (!rc && hm_system_skipped(&r->source) > r->how.skipped)
			r->how.skipped = hm_system_skipped(&r->source);
		if (!rc && r->o.labels)
			rc = label_system(r, &r->said[i], e);
	}
	bool echo[HM_COMPARE_MAX];
	if (!rc && r->o.averaged)
		r->how.echo = hm_predictions_echoes(r->said, r->loaded, echo);
	if (!rc && r->o.averaged)
		rc = hm_predictions_average(r->said, r->loaded, (enum hm_average)r->o.average, e);
	const struct hm_predict *a = &r->source.answers.predict;
	if (!rc && a->cut)
		hm_cli_notice(&r->cli, "%llu captions were cut to the %d tokens for which the model has room",
			      (unsigned long long)a->cut, a->room);
	return rc;
}

static int score_systems(struct hm_score *r, struct hm_err *e)
{
	const struct hm_scored *s = &r->scored;
	int rc = hm_scored_compute(&r->scored, r->said, r->k, &r->how, e);
	if (!rc && s->threshold.shared)
		hm_cli_warn(&r->cli,
			    "%s: the threshold is fitted on what it scores (%zu of %zu records): accuracy is "
			    "optimistic",
			    r->o.threshold + 4, s->threshold.shared, r->said->n);
	if (!rc && s->echo)
		hm_cli_warn(&r->cli,
			    "%s: every label is the system's answer: in a submission \"label\" is the "
			    "prediction, and then these scores say nothing; --labels FILE gives the true "
			    "ones",
			    r->o.labels ? r->truth.name : s->echo);
	if (!rc && r->how.fit && r->fit.submitted && hm_predictions_echo(&r->fit))
		hm_cli_warn(&r->cli,
			    "%s: every label is the system's answer, as in a submission: the threshold is "
			    "fitted on predictions, not on labels",
			    r->o.threshold + 4);
	return rc;
}

int hm_score_run(struct hm_score *r, struct hm_err *e)
{
	if (r->o.model && !(r->device = open_asked_device(&r->cli, e)))
		return e->code;
	int rc = load_all(r, e);
	if (!rc)
		rc = score_systems(r, e);
	return rc ? rc : hm_score_write(r, e);
}

void hm_score_clear(struct hm_score *r)
{
	hm_scored_clear(&r->scored);
	for (int i = 0; i < r->loaded; i++)
		hm_predictions_clear(&r->said[i]);
	hm_predictions_clear(&r->fit);
	hm_confounders_clear(&r->pairs);
	hm_truth_clear(&r->truth);
	hm_system_close(&r->source);
	hm_device_close(r->device);
	hm_buf_clear(&r->report);
	hm_buf_clear(&r->json);
	hm_buf_clear(&r->csv);
	hm_buf_clear(&r->submission);
	hm_buf_clear(&r->latex);
}
