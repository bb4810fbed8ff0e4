/* hm-score: scores the predictions of a model or of any other program, with intervals, and compares systems.
 */
#include "base/fd.h"
#include "base/file.h"
#include "cli/cli.h"
#include "report/present.h"
#include "score/errorsheet.h"
#include "score/pairsfile.h"
#include "score/scored.h"
#include "score/system.h"
#include "stat/ensemble.h"
#include "towerwords.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct options {
	char *model, *csv, *json, *roc, *calibration, *sheet, *threshold, *by, *pairs, *expect, *out,
		*columns[HM_SIDES];
	struct hm_strs ablate;
	int average;
	bool averaged, compare, allow_missing, unknown, mismatch, keep, replace, no_normalize;
	int64_t seed, bootstrap, errors, batch_size;
	struct tower_words tower;
};

static const struct hm_opt table[] = {
	{.group = "What is scored"},
	{"model", 0, HM_STR(model), "MODEL",
	 "model file to run on the input; without it the input has a column prob", .file = HM_FILE_IN},
	{"compare", 0, HM_FLAG(compare), NULL,
	 "the operands are predictions of several systems: test each pair"},
	{"average", 0, HM_CHOICE(average), "mean|rank",
	 "the operands are predictions of several systems: score their mean, or that of their ranks",
	 .given = HM_GIVEN(averaged)},
	{"threshold", 0, HM_STR(threshold), "P|fit:FILE",
	 "class 1 when its probability is above P (default 0.5), or above what is best on FILE's "
	 "predictions",
	 .file = HM_FILE_IN},
	{"by", 0, HM_STR(by), "COLUMN", "also score the records of each value of that column"},
	{"pairs", 0, HM_STR(pairs), "FILE.csv",
	 "columns a,b,kind: how often both records of a pair are right", .file = HM_FILE_IN},
	{"expect", 0, HM_STR(expect), "FILE.jsonl|N", "how many records there should be", .file = HM_FILE_IN},
	{"allow-missing", 0, HM_FLAG(allow_missing), NULL,
	 "score although records are missing, with best and worst case"},
	{.group = "What is written"},
	{"csv", 0, HM_STR(csv), "FILE", "write id,proba,label there", .file = HM_FILE_OUT},
	{"json", 0, HM_STR(json), "FILE", "write the scores there; - is standard output, without the report",
	 .file = HM_FILE_OUT},
	{"roc", 0, HM_STR(roc), "FILE.png", "draw the ROC curve there (needs gnuplot)", .file = HM_FILE_OUT},
	{"calibration", 0, HM_STR(calibration), "FILE.png",
	 "draw there how often each probability is right, with intervals (needs gnuplot)",
	 .file = HM_FILE_OUT},
	{"errors", 0, HM_INT(errors), "N", "list the N most confident wrong answers", .max = 1000000},
	{"sheet", 0, HM_STR(sheet), "FILE.png",
	 "draw the answers that --errors lists; the input must have pixels", .file = HM_FILE_OUT},
	{"output", 'o', HM_STR(out), "FILE",
	 "write records there; with - here or at --csv the report goes to stderr", .file = HM_FILE_OUT},
	{"keep", 0, HM_FLAG(keep), NULL,
	 "write all columns of the input with -o, not only those of a prediction"},
	{"replace", 0, HM_FLAG(replace), NULL, "replace logits and prob if they exist already"},
	{.group = "Running the model"},
	{"batch-size", 0, HM_INT(batch_size), "N", "images, captions or pairs computed at once", .min = 1,
	 .max = 4096},
	TOWER_ROWS,
	TOWER_OUTPUT_ROWS(TOWER_IMAGE,
			  "which vector of the image encoder the model takes, where the file does not say",
			  "the same of the text encoder"),
	{"image-feature", 0, HM_STR(columns[HM_IMAGE]), "NAME,...",
	 "the image's feature columns, one after the other, instead of those that the model names"},
	{"text-feature", 0, HM_STR(columns[HM_TEXT]), "NAME,...", "the same for the text"},
	{"no-normalize", 0, HM_FLAG(no_normalize), NULL,
	 "the model, which does not say, joins its maps as they are"},
	{"ablate", 0, HM_LIST(ablate), "image|text=zero|shuffle",
	 "give the model zeros or another record's input on that side"},
	{"allow-mismatch", 0, HM_FLAG(mismatch), NULL,
	 "score inputs that were prepared otherwise than the model's (size, fit, vocabulary, casing)"},
	{"allow-unknown-features", 0, HM_FLAG(unknown), NULL,
	 "take features that do not say which encoder made them"},
	{.group = "Intervals"},
	{"bootstrap", 0, HM_INT(bootstrap), "N",
	 "resamples of the bootstrap; 0: none, and no intervals from it", .max = 1000000},
	{"seed", 0, HM_INT(seed), "N", "random seed of the bootstrap and of --ablate's shuffling",
	 .max = INT64_MAX},
	{0}};

static const struct hm_tool tool = {.name = "hm-score",
				    .summary = "score predictions, with intervals and paired tests",
				    .operands = "[FILE ...]",
				    .table = table,
				    .common = HM_CLI_JOBS | HM_CLI_REC | HM_CLI_DEVICE,
				    .max_operands = -1,
				    .backends = hm_device_backends};

struct run {
	struct hm_cli cli;
	struct options o;
	int k;	    /* systems that are scored */
	int loaded; /* systems that are read: of --average all operands */
	struct hm_predictions said[HM_COMPARE_MAX], fit;
	struct hm_confounders pairs;
	struct hm_device *device; /* NULL without a model */
	struct hm_system source;  /* what was read last */
	struct hm_scored_options how;
	struct hm_feature_names columns[HM_SIDES];
	enum hm_ablation ablate[HM_SIDES];
	struct hm_scored scored;
	struct hm_buf report, json, csv;
};

/* Passes on what opening the input found. */
static void say_notices(struct run *r, const struct hm_answers *a)
{
	struct hm_cli *c = &r->cli;
	if (a->model.notice[0])
		hm_cli_notice(c, "%s: %s", r->o.model, a->model.notice);
	for (int k = 0; k < HM_SIDES; k++)
		if (a->predict.warning[k][0])
			hm_cli_warn(c, "%s", a->predict.warning[k]);
	if (a->predict.notice[0])
		hm_cli_notice(c, "%s", a->predict.notice);
}

/* Reads the predictions of one system from n inputs. */
static int load_system(struct run *r, struct hm_predictions *p, const struct hm_answers_options *how, int n,
		       char **paths, struct hm_err *e)
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
	return rc;
}

/* What --image-feature and --text-feature say; NULL: not given. */
static const struct hm_feature_names *columns_of(const struct run *r, int side)
{
	return r->columns[side].n ? &r->columns[side] : NULL;
}

static int load_all(struct run *r, struct hm_err *e)
{
	const struct hm_answers_options plain = {0},
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
					       .texts = r->o.errors > 0,
					       .by = r->o.by,
					       .out = r->o.out,
					       .keep = r->o.keep,
					       .replace = r->o.replace,
					       .tool = tool.name,
					       .writer = r->cli.writer};
	char *fit = r->how.fit ? r->o.threshold + 4 : NULL;
	int rc = fit ? load_system(r, &r->fit, &plain, 1, &fit, e) : 0,
	    each = r->o.compare || r->o.averaged ? 1 : r->cli.n_operands;
	if (!rc && r->o.pairs)
		rc = hm_confounders_read(&r->pairs, r->o.pairs, e);
	for (int i = 0; !rc && i < r->loaded; i++) {
		rc = load_system(r, &r->said[i], &how, each, r->cli.operands + i, e);
		if (!rc && hm_system_skipped(&r->source) > r->how.skipped)
			r->how.skipped = hm_system_skipped(&r->source);
	}
	if (!rc && r->o.averaged)
		rc = hm_predictions_average(r->said, r->loaded, (enum hm_average)r->o.average, e);
	const struct hm_predict *a = &r->source.answers.predict;
	if (!rc && a->cut)
		hm_cli_notice(&r->cli, "%llu captions were cut to the %d tokens for which the model has room",
			      (unsigned long long)a->cut, a->room);
	return rc;
}

static int score_systems(struct run *r, struct hm_err *e)
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
			    "prediction, and "
			    "then these scores say nothing",
			    r->said->name);
	if (!rc && r->how.fit && r->fit.submitted && hm_predictions_echo(&r->fit, .5))
		hm_cli_warn(&r->cli,
			    "%s: every label is the system's answer, as in a submission: the threshold is "
			    "fitted on "
			    "predictions, not on labels",
			    r->o.threshold + 4);
	if (!rc)
		rc = hm_scored_text(s, (size_t)r->o.errors, &r->report, e);
	if (!rc && r->o.json)
		rc = hm_scored_json(s, &r->json, e);
	return !rc && r->o.csv ? hm_predictions_csv(r->said, &r->csv, e) : rc;
}

static bool is_dash(const char *path)
{
	return path && !strcmp(path, "-");
}

/* Writes the files, then the report: it is not shown when a file could not be written. */
static int publish_results(struct run *r, struct hm_err *e)
{
	const struct hm_cli *c = &r->cli;
	const struct hm_scored *s = &r->scored;
	int rc = 0;
	if (r->o.roc)
		rc = hm_scored_roc(s, r->o.roc, e);
	if (!rc && r->o.calibration)
		rc = hm_scored_calibration(s, r->o.calibration, e);
	if (!rc && r->o.sheet)
		rc = hm_errorsheet_write(r->o.sheet, (size_t)r->o.errors, c->n_operands, c->operands,
					 c->workers, r->said, &s->matched, s->sample, e);
	if (!rc && r->o.csv)
		rc = hm_file_write(r->o.csv, r->csv.data, r->csv.len, e);
	if (!rc)
		rc = hm_system_finish(&r->source, e);
	if (!rc && r->o.json)
		rc = hm_file_write(r->o.json, r->json.data, r->json.len, e);
	if (rc || is_dash(r->o.json))
		return rc;
	if (!is_dash(r->o.out) && !is_dash(r->o.csv))
		return hm_file_write("-", r->report.data, r->report.len, e);
	hm_fd_write(STDERR_FILENO, r->report.data, r->report.len); /* standard output is taken */
	return 0;
}

/* ---- the call ---- */

/* An option that reads the input twice needs files. */
static void check_twice(struct hm_cli *c, const char *option)
{
	for (int i = 0; i < c->n_operands; i++) {
		struct stat st;
		if (is_dash(c->operands[i]) || (!stat(c->operands[i], &st) && !S_ISREG(st.st_mode)))
			hm_cli_usage(c, "%s reads the input twice, which '%s' cannot be: name a file", option,
				     c->operands[i]);
	}
}

/* --average takes predictions, and what is read twice or written as records is not theirs. */
static void check_average(struct run *r)
{
	struct hm_cli *c = &r->cli;
	if (!r->o.averaged)
		return;
	r->loaded = c->n_operands;
	if (r->loaded < 2 || r->loaded > HM_COMPARE_MAX)
		hm_cli_usage(c, "--average takes the predictions of 2 to %d systems", HM_COMPARE_MAX);
	if (r->o.model || r->o.out || r->o.compare || r->o.sheet)
		hm_cli_usage(c, "--average goes without --model, -o, --compare and --sheet: its operands are "
				"predictions");
	if (r->o.average == HM_AVERAGE_RANK && !r->o.threshold)
		hm_cli_notice(c,
			      "--average rank: ranks order records; 0.5 is the middle of the order, and only "
			      "AUROC and average precision mean what they say");
}

/* --threshold: a number, or fit:FILE. */
static void check_threshold(struct run *r)
{
	struct hm_cli *c = &r->cli;
	struct stat own, other;
	char *end = NULL;
	r->how.threshold = .5;
	r->how.asked = r->o.threshold != NULL;
	if (!r->o.threshold)
		return;
	if (strncmp(r->o.threshold, "fit:", 4)) {
		r->how.threshold = 0. + strtod(r->o.threshold, &end); /* never -0 */
		if (end == r->o.threshold || *end || !(r->how.threshold >= 0 && r->how.threshold <= 1))
			hm_cli_usage(c, "--threshold takes a number from 0 to 1, or fit:FILE, not '%s'",
				     r->o.threshold);
		return;
	}
	const char *file = r->o.threshold + 4;
	if (!*file || is_dash(file))
		hm_cli_usage(c, "--threshold fit:FILE takes the name of a file");
	if (r->o.compare)
		hm_cli_usage(c, "--threshold fit:FILE is fitted for one system, --compare has several");
	r->how.fit = &r->fit;
	for (int i = 0; i < c->n_operands; i++)
		if (!stat(file, &own) && !stat(c->operands[i], &other) && own.st_ino == other.st_ino &&
		    own.st_dev == other.st_dev)
			r->how.fit_same = true;
}

static void check_ablate(struct run *r)
{
	struct hm_cli *c = &r->cli;
	struct hm_err e = {0};
	for (int i = 0; i < r->o.ablate.n; i++)
		if (hm_ablation_parse(r->ablate, r->o.ablate.item[i], &e))
			hm_cli_usage(c, "--ablate takes %s", e.text);
	if (r->o.ablate.n && !r->o.model)
		hm_cli_usage(c, "--ablate changes what --model sees, which is not given");
	r->how.ablate_seed = -1;
	for (int k = 0; k < HM_SIDES; k++) {
		r->how.ablate[k] = hm_ablation_name(r->ablate[k]);
		if (r->ablate[k] != HM_ABLATE_SHUFFLE)
			continue;
		r->how.ablate_seed = r->o.seed;
		check_twice(c, "--ablate shuffle");
	}
}

static void check_columns(struct run *r)
{
	struct hm_err e = {0};
	for (int k = 0; k < HM_SIDES; k++)
		if (r->o.columns[k] && hm_feature_names_parse(&r->columns[k], r->o.columns[k],
							      k ? "--text-feature" : "--image-feature", &e))
			hm_cli_usage(&r->cli, "%s", e.text);
	if (!r->o.model && (r->o.columns[0] || r->o.columns[1] || r->o.no_normalize))
		hm_cli_usage(&r->cli,
			     "--image-feature, --text-feature and --no-normalize say what --model takes, "
			     "which is not given");
}

static void check_call(struct run *r)
{
	struct hm_cli *c = &r->cli;
	r->k = r->o.compare ? c->n_operands : 1;
	r->loaded = r->k;
	check_average(r);
	if (r->o.compare && (r->k < 2 || r->k > HM_COMPARE_MAX))
		hm_cli_usage(c, "--compare takes the predictions of 2 to %d systems", HM_COMPARE_MAX);
	if (r->o.compare && (r->o.model || r->o.out || r->o.csv || r->o.errors))
		hm_cli_usage(c, "--compare goes without --model, -o, --csv and --errors: its operands are "
				"predictions");
	if (r->o.compare && (r->o.by || r->o.pairs))
		hm_cli_usage(c, "--by and --pairs score one system, --compare has several");
	if ((r->o.keep || (r->o.replace && r->o.model)) && !r->o.out)
		hm_cli_usage(c, "--keep and --replace say what -o writes, which is not given");
	if (!r->o.model && (tower_words_given(&r->o.tower) || r->o.batch_size || c->precision))
		hm_cli_usage(
			c, "--heads, --act, --image-output, --text-output, --batch-size and --precision say "
			   "how --model runs, which is not given");
	tower_words_take(&r->o.tower);
	if (r->o.sheet && (!r->o.errors || r->o.compare))
		hm_cli_usage(c, "--sheet draws what --errors N lists");
	if (r->o.sheet)
		check_twice(c, "--sheet");
	if (r->o.expect && !*r->o.expect)
		hm_cli_usage(c, "--expect takes a number or a file");
	check_threshold(r);
	check_ablate(r);
	check_columns(r);
}

/* Copies the options that scoring takes as they are. */
static void take_options(struct run *r)
{
	r->how.expect = r->o.expect;
	r->how.allow_missing = r->o.allow_missing;
	/* a comparison shows the bootstrap's intervals only in its JSON */
	r->how.resamples = r->o.compare && !r->o.json ? 0 : (size_t)r->o.bootstrap;
	r->how.seed = (uint64_t)r->o.seed;
	r->how.workers = r->cli.workers;
	r->how.calibration = r->o.calibration;
	r->how.by = r->o.by;
	r->how.pairs = r->o.pairs ? &r->pairs : NULL;
}

static void release_run(struct run *r)
{
	hm_scored_clear(&r->scored);
	for (int i = 0; i < r->loaded; i++)
		hm_predictions_clear(&r->said[i]);
	hm_predictions_clear(&r->fit);
	hm_confounders_clear(&r->pairs);
	hm_system_close(&r->source);
	hm_device_close(r->device);
	hm_buf_clear(&r->report);
	hm_buf_clear(&r->json);
	hm_buf_clear(&r->csv);
}

int main(int argc, char **argv)
{
	static struct run r = {.o = {.bootstrap = 2000, .tower = TOWER_WORDS}};
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	check_call(&r);
	take_options(&r);
	int rc = 0;
	if (r.o.model && !(r.device = hm_device_open(r.cli.device, (enum hm_precision)r.cli.precision, &e)))
		rc = e.code;
	if (r.device)
		hm_cli_device(&r.cli, r.device->name);
	if (!rc)
		rc = load_all(&r, &e);
	if (!rc)
		rc = score_systems(&r, &e);
	if (!rc)
		rc = publish_results(&r, &e);
	release_run(&r);
	return hm_cli_end(&r.cli, rc, &e);
}
