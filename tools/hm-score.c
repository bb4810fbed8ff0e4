/* hm-score: metrics with intervals of a model's, or any system's, predictions; and whether systems differ. */
#include "base/file.h"
#include "cli/cli.h"
#include "score/beside.h"
#include "score/errorsheet.h"
#include "score/scored.h"
#include "score/system.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static struct {
	char *model, *csv, *json, *roc, *calibration, *sheet, *threshold, *by, *pairs, *expect, *out;
	struct hm_strs ablate;
	bool compare, allow_missing, unknown, keep, replace;
	int precision;
	int64_t seed, bootstrap, errors, batch_size, heads;
} o = {.bootstrap = 2000};

static const struct hm_opt table[] = {
	{"model", 0, HM_OPT_STR, &o.model, "MODEL",
	 "model file to run on the input, else prob is in the input"},
	{"batch-size", 0, HM_OPT_INT, &o.batch_size, "N", "images, captions, pairs computed at once",
	 .min = 1, .max = 4096},
	{"precision", 0, HM_OPT_CHOICE, &o.precision, "f32|bf16|tf32", "arithmetic of the model's networks"},
	{"heads", 0, HM_OPT_INT, &o.heads, "N", "attention heads of the model's text encoder", .min = 1,
	 .max = 4096},
	{"ablate", 0, HM_OPT_LIST, &o.ablate, "image|text=zero|shuffle",
	 "replace what that side of the model says, by zeros or another record's"},
	{"compare", 0, HM_OPT_FLAG, &o.compare, NULL,
	 "the operands are predictions of several systems: test each pair"},
	{"csv", 0, HM_OPT_STR, &o.csv, "FILE", "write id,proba,label there"},
	{"json", 0, HM_OPT_STR, &o.json, "FILE",
	 "write the scores there; - is standard output, without the report"},
	{"roc", 0, HM_OPT_STR, &o.roc, "FILE.png", "draw the ROC curve there (needs gnuplot)"},
	{"calibration", 0, HM_OPT_STR, &o.calibration, "FILE.png",
	 "draw there how often each probability is right, with intervals (needs gnuplot)"},
	{"errors", 0, HM_OPT_INT, &o.errors, "N", "list the N most confident wrong answers", .max = 1000000},
	{"sheet", 0, HM_OPT_STR, &o.sheet, "FILE.png", "draw them there, the input has pixels"},
	{"threshold", 0, HM_OPT_STR, &o.threshold, "P|fit:FILE",
	 "class 1 when its probability is above P (default 0.5), or above what is best on FILE's "
	 "predictions"},
	{"by", 0, HM_OPT_STR, &o.by, "COLUMN", "score the records of each value of that column apart too"},
	{"pairs", 0, HM_OPT_STR, &o.pairs, "FILE.csv",
	 "a,b,kind: how many pairs of confounders are both right"},
	{"expect", 0, HM_OPT_STR, &o.expect, "FILE.jsonl|N", "how many records there should be"},
	{"allow-missing", 0, HM_OPT_FLAG, &o.allow_missing, NULL,
	 "score although records are missing, with best and worst case"},
	{"allow-unknown-features", 0, HM_OPT_FLAG, &o.unknown, NULL,
	 "take features that do not say which encoder made them"},
	{"seed", 0, HM_OPT_INT, &o.seed, "N", "of the bootstrap and of --ablate's shuffling",
	 .max = INT64_MAX},
	{"bootstrap", 0, HM_OPT_INT, &o.bootstrap, "N", "resamples; 0: no such intervals", .max = 1000000},
	{"keep", 0, HM_OPT_FLAG, &o.keep, NULL,
	 "write all columns of the input, not only those of a prediction"},
	{"replace", 0, HM_OPT_FLAG, &o.replace, NULL, "replace logits and prob that are there"},
	{"output", 'o', HM_OPT_STR, &o.out, "FILE",
	 "write records there; with - here or at --csv the report goes to stderr"},
	{0}};

static const char *backends(void)
{
	static char text[128];
	return hm_device_backends(text, sizeof text);
}

static const struct hm_tool tool = {.name = "hm-score",
				    .summary = "score predictions, with intervals and paired tests",
				    .operands = "[FILE ...]",
				    .table = table,
				    .common = HM_CLI_JOBS | HM_CLI_REC | HM_CLI_DEVICE,
				    .max_operands = -1,
				    .backends = backends};

struct run {
	struct hm_cli cli;
	int k; /* systems */
	struct hm_predictions said[HM_COMPARE_MAX], fit;
	struct hm_confounders pairs;
	struct hm_device *device; /* with a model */
	struct hm_system source;  /* of the records read last */
	struct hm_scored_options how;
	enum hm_ablation ablate[HM_APPLY_SIDES];
	struct hm_scored scored;
	struct hm_buf report, json, csv;
};

/* What the input's reader knows now and the user should. */
static void notice(struct hm_cli *c, const struct hm_answers *a)
{
	if (a->model.notice[0])
		hm_cli_notice(c, "%s: %s", o.model, a->model.notice);
	if (a->apply.notice[0])
		hm_cli_notice(c, "%s", a->apply.notice);
}

/* One system out of n inputs; `how` says what is done with them. */
static int load(struct run *r, struct hm_predictions *p, const struct hm_answers_options *how, int n,
		char **paths, struct hm_err *e)
{
	struct hm_system *s = &r->source;
	uint64_t done = 0;
	p->name = hm_lines_name(paths[0]);
	hm_system_close(s);
	int rc = hm_system_open(s, how, n, paths, r->cli.workers, e);
	if (!rc)
		notice(&r->cli, &s->answers);
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

static int load_all(struct run *r, struct hm_err *e)
{
	const struct hm_answers_options plain = {0}, how = {.model = o.model,
							    .apply = {.allow_unknown = o.unknown,
								      .batch_size = (int)o.batch_size,
								      .ablate = {r->ablate[0], r->ablate[1]},
								      .seed = (uint64_t)o.seed},
							    .encoder = {.heads = o.heads},
							    .device = r->device,
							    .texts = o.errors > 0,
							    .by = o.by,
							    .out = o.out,
							    .keep = o.keep,
							    .replace = o.replace,
							    .tool = tool.name,
							    .writer = r->cli.writer};
	char *fit = r->how.fit ? o.threshold + 4 : NULL;
	int rc = fit ? load(r, &r->fit, &plain, 1, &fit, e) : 0, each = o.compare ? 1 : r->cli.n_operands;
	if (!rc && o.pairs)
		rc = hm_confounders_read(&r->pairs, o.pairs, e);
	for (int i = 0; !rc && i < r->k; i++) {
		rc = load(r, &r->said[i], &how, each, r->cli.operands + i, e);
		if (!rc && hm_system_skipped(&r->source) > r->how.skipped)
			r->how.skipped = hm_system_skipped(&r->source);
	}
	const struct hm_apply *a = &r->source.answers.apply;
	if (!rc && a->cut)
		hm_cli_notice(&r->cli, "%llu captions were cut to the %d tokens for which the model has room",
			      (unsigned long long)a->cut, a->room);
	return rc;
}

static int score(struct run *r, struct hm_err *e)
{
	const struct hm_scored *s = &r->scored;
	int rc = hm_scored_compute(&r->scored, r->said, r->k, &r->how, e);
	if (!rc && s->threshold.shared)
		hm_cli_warn(&r->cli,
			    "%s: the threshold is fitted on what it scores (%zu of %zu records): accuracy is "
			    "optimistic",
			    o.threshold + 4, s->threshold.shared, r->said->n);
	if (!rc)
		rc = hm_scored_text(s, (size_t)o.errors, &r->report, e);
	if (!rc && o.json)
		rc = hm_scored_json(s, &r->json, e);
	return !rc && o.csv ? hm_report_csv(r->said, &r->csv, e) : rc;
}

static bool dash(const char *path)
{
	return path && !strcmp(path, "-");
}

/* Files first: the report is not shown for results that could not be kept. */
static int publish(struct run *r, struct hm_err *e)
{
	const struct hm_cli *c = &r->cli;
	const struct hm_scored *s = &r->scored;
	int rc = 0;
	if (o.roc)
		rc = hm_scored_roc(s, o.roc, e);
	if (!rc && o.calibration)
		rc = hm_scored_calibration(s, o.calibration, e);
	if (!rc && o.sheet)
		rc = hm_errorsheet_write(o.sheet, (size_t)o.errors, c->n_operands, c->operands, c->workers,
					 r->said, &s->matched, s->sample, e);
	if (!rc && o.csv)
		rc = hm_file_write(o.csv, r->csv.data, r->csv.len, e);
	if (!rc)
		rc = hm_system_finish(&r->source, e);
	if (!rc && o.json)
		rc = hm_file_write(o.json, r->json.data, r->json.len, e);
	if (!rc && !dash(o.json))
		fwrite(r->report.data, 1, r->report.len, dash(o.out) || dash(o.csv) ? stderr : stdout);
	return rc;
}

/* ---- the call ---- */

/* What reads its input twice needs files. */
static void check_twice(struct hm_cli *c, const char *option)
{
	for (int i = 0; i < c->n_operands; i++) {
		struct stat st;
		if (dash(c->operands[i]) || (!stat(c->operands[i], &st) && !S_ISREG(st.st_mode)))
			hm_cli_usage(c, "%s reads the input twice, which '%s' cannot be: name a file", option,
				     c->operands[i]);
	}
}

/* A number, or fit:FILE. */
static void check_threshold(struct run *r)
{
	struct hm_cli *c = &r->cli;
	struct stat own, other;
	char *end = NULL;
	r->how.threshold = .5;
	if (!o.threshold)
		return;
	if (strncmp(o.threshold, "fit:", 4)) {
		r->how.threshold = strtod(o.threshold, &end);
		if (end == o.threshold || *end || !(r->how.threshold >= 0 && r->how.threshold <= 1))
			hm_cli_usage(c, "--threshold takes a number from 0 to 1, or fit:FILE, not '%s'",
				     o.threshold);
		return;
	}
	const char *file = o.threshold + 4;
	if (!*file || dash(file))
		hm_cli_usage(c, "--threshold fit:FILE takes the name of a file");
	if (o.compare)
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
	for (int i = 0; i < o.ablate.n; i++)
		if (hm_ablation_parse(r->ablate, o.ablate.item[i], &e))
			hm_cli_usage(c, "--ablate takes %s", e.text);
	if (o.ablate.n && !o.model)
		hm_cli_usage(c, "--ablate changes what --model sees, which is not given");
	r->how.ablate_seed = -1;
	for (int k = 0; k < HM_APPLY_SIDES; k++) {
		r->how.ablate[k] = hm_ablation_name(r->ablate[k]);
		if (r->ablate[k] != HM_ABLATE_SHUFFLE)
			continue;
		r->how.ablate_seed = o.seed;
		check_twice(c, "--ablate shuffle");
	}
}

static void check_call(struct run *r)
{
	struct hm_cli *c = &r->cli;
	int dashes = dash(o.out) + dash(o.json) + dash(o.csv);
	r->k = o.compare ? c->n_operands : 1;
	if (dashes > 1)
		hm_cli_usage(c, "standard output can take one of -o, --json and --csv");
	if (o.compare && (r->k < 2 || r->k > HM_COMPARE_MAX))
		hm_cli_usage(c, "--compare takes the predictions of 2 to %d systems", HM_COMPARE_MAX);
	if (o.compare && (o.model || o.out || o.csv || o.errors))
		hm_cli_usage(c, "--compare goes without --model, -o, --csv and --errors: its operands are "
				"predictions");
	if (o.compare && (o.by || o.pairs))
		hm_cli_usage(c, "--by and --pairs score one system, --compare has several");
	if ((o.keep || (o.replace && o.model)) && !o.out)
		hm_cli_usage(c, "--keep and --replace say what -o writes, which is not given");
	if (!o.model && (o.heads || o.batch_size || o.precision))
		hm_cli_usage(
			c, "--heads, --batch-size and --precision say how --model runs, which is not given");
	if (o.sheet && (!o.errors || o.compare))
		hm_cli_usage(c, "--sheet draws what --errors N lists");
	if (o.sheet)
		check_twice(c, "--sheet");
	if (o.expect && !*o.expect)
		hm_cli_usage(c, "--expect takes a number or a file");
	check_threshold(r);
	check_ablate(r);
}

/* The options that scoring takes as they are. */
static void take_options(struct run *r)
{
	r->how.expect = o.expect;
	r->how.allow_missing = o.allow_missing;
	/* the tables of a comparison show none of the bootstrap's intervals, its JSON does */
	r->how.resamples = o.compare && !o.json ? 0 : (size_t)o.bootstrap;
	r->how.seed = (uint64_t)o.seed;
	r->how.workers = r->cli.workers;
	r->how.calibration = o.calibration;
	r->how.by = o.by;
	r->how.pairs = o.pairs ? &r->pairs : NULL;
}

static void release(struct run *r)
{
	hm_scored_clear(&r->scored);
	for (int i = 0; i < r->k; i++)
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
	static struct run r;
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, argc, argv);
	check_call(&r);
	take_options(&r);
	int rc = 0;
	if (o.model && !(r.device = hm_device_open(r.cli.device, (enum hm_precision)o.precision, &e)))
		rc = e.code;
	if (r.device)
		hm_cli_device(&r.cli, r.device->name);
	if (!rc)
		rc = load_all(&r, &e);
	if (!rc)
		rc = score(&r, &e);
	if (!rc)
		rc = publish(&r, &e);
	release(&r);
	return hm_cli_end(&r.cli, rc, &e);
}
