/* hm-score: metrics with intervals of a model's, or any system's, predictions; and whether systems differ. */
#include "base/file.h"
#include "cli/cli.h"
#include "draw/sheet.h"
#include "prep/csv.h"
#include "stat/plot.h"
#include "stat/report.h"
#include "train/answers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct {
	char *model, *csv, *json, *roc, *sheet, *expect, *out;
	double threshold;
	bool compare, allow_missing, unknown, keep, replace;
	int precision;
	int64_t seed, bootstrap, errors, batch_size, heads;
} o = {.threshold = .5, .bootstrap = 2000};

static const struct hm_opt table[] = {
	{"model", 0, HM_OPT_STR, &o.model, "MODEL",
	 "model file to run on the input, else prob is in the input"},
	{"batch-size", 0, HM_OPT_INT, &o.batch_size, "N", "images, captions, pairs computed at once",
	 .min = 1, .max = 4096},
	{"precision", 0, HM_OPT_CHOICE, &o.precision, "f32|bf16", "arithmetic of the model's networks"},
	{"heads", 0, HM_OPT_INT, &o.heads, "N", "attention heads of the model's text encoder", .min = 1,
	 .max = 4096},
	{"compare", 0, HM_OPT_FLAG, &o.compare, NULL,
	 "the operands are predictions of several systems: test each pair"},
	{"csv", 0, HM_OPT_STR, &o.csv, "FILE", "write id,proba,label there"},
	{"json", 0, HM_OPT_STR, &o.json, "FILE",
	 "write the scores there; - is standard output, without the report"},
	{"roc", 0, HM_OPT_STR, &o.roc, "FILE.png", "draw the ROC curve there (needs gnuplot)"},
	{"errors", 0, HM_OPT_INT, &o.errors, "N", "list the N most confident wrong answers", .max = 1000000},
	{"sheet", 0, HM_OPT_STR, &o.sheet, "FILE.png", "draw them there, the input has pixels"},
	{"threshold", 0, HM_OPT_DOUBLE, &o.threshold, "P", "class 1 when its probability is above P",
	 .dmax = 1},
	{"expect", 0, HM_OPT_STR, &o.expect, "FILE.jsonl|N", "how many records there should be"},
	{"allow-missing", 0, HM_OPT_FLAG, &o.allow_missing, NULL,
	 "score although records are missing, with best and worst case"},
	{"allow-unknown-features", 0, HM_OPT_FLAG, &o.unknown, NULL,
	 "take features that do not say which encoder made them"},
	{"seed", 0, HM_OPT_INT, &o.seed, "N", "of the bootstrap", .max = INT64_MAX},
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
	struct hm_predictions system[HM_COMPARE_MAX];
	struct hm_sample sample[HM_COMPARE_MAX];
	struct hm_scores scores[HM_COMPARE_MAX];
	const char *name[HM_COMPARE_MAX];
	struct hm_device *device;  /* with a model */
	struct hm_answers answers; /* of the records read last */
	struct hm_matched matched;
	struct hm_pair *pair;
	uint64_t skipped;
	struct hm_buf report, json, csv;
};

/* ---- input ---- */

static int load_csv(struct hm_predictions *p, const char *path, struct hm_err *e)
{
	struct hm_csv c;
	struct hm_csv_row row;
	int rc = hm_csv_open(&c, path, e);
	p->classes = c.classes;
	while (!rc && (rc = hm_csv_next(&c, &row, e)) == 1) {
		rc = hm_predictions_add(p, row.id, strlen(row.id), NULL, 0, row.label, row.prob, e);
		if (rc)
			hm_err_prefix(e, "%s: line %llu", c.rows.lines.name, (unsigned long long)c.rows.line);
	}
	hm_csv_close(&c);
	return rc;
}

static int load_records(struct run *r, struct hm_predictions *p, int n, char **paths, int hold,
			struct hm_err *e)
{
	struct hm_answers_options how = {.model = o.model,
					 .apply = {o.unknown, (int)o.batch_size},
					 .encoder = {.heads = o.heads},
					 .device = r->device,
					 .texts = o.errors > 0,
					 .out = o.out,
					 .keep = o.keep,
					 .replace = o.replace,
					 .tool = tool.name,
					 .writer = r->cli.writer};
	struct hm_answers *a = &r->answers;
	hm_answers_close(a);
	int rc = hm_answers_open(a, &how, n, paths, r->cli.workers, e);
	if (hold >= 0)
		close(hold);
	if (rc)
		return rc;
	if (a->model.notice[0])
		hm_cli_notice(&r->cli, "%s: %s", o.model, a->model.notice);
	if (a->apply.notice[0])
		hm_cli_notice(&r->cli, "%s", a->apply.notice);
	p->classes = a->classes;
	while ((rc = hm_answers_next(a, p, e)) == 1)
		hm_cli_progress(&r->cli, a->read, hm_join_expect(a->in), "records");
	if (!rc && a->apply.cut)
		hm_cli_notice(&r->cli, "%llu captions were cut to the %d tokens for which the model has room",
			      (unsigned long long)a->apply.cut, a->apply.room);
	if (!rc && hm_answers_skipped(a) > r->skipped)
		r->skipped = hm_answers_skipped(a);
	return rc;
}

/* One system out of n inputs. */
static int load(struct run *r, int k, int n, char **paths, struct hm_err *e)
{
	struct hm_predictions *p = &r->system[k];
	bool csv;
	int hold, rc = hm_csv_recognise(paths[0], &csv, &hold, e);
	p->name = r->name[k] = hm_lines_name(paths[0]);
	if (rc || !csv)
		return rc ? rc : load_records(r, p, n, paths, hold, e);
	if (n > 1 || o.model || o.out)
		rc = hm_err_set(e, HM_EUSAGE, "%s: a CSV is scored alone, without --model and -o", p->name);
	else
		rc = load_csv(p, paths[0], e);
	if (hold >= 0)
		close(hold);
	return rc;
}

/* ---- how many should there be? ---- */

static int count_lines(const char *path, size_t *n, struct hm_err *e)
{
	struct hm_lines l;
	const char *line;
	size_t len;
	int rc = hm_lines_open(&l, path, e);
	for (*n = 0; !rc && (rc = hm_lines_next(&l, &line, &len, e)) == 1; rc = 0)
		*n += !hm_line_blank(line, len);
	hm_lines_close(&l);
	return rc;
}

/* Records with a label that should be there, into *expected. */
static int expect(struct run *r, size_t *expected, struct hm_err *e)
{
	const struct hm_matched *m = &r->matched;
	size_t have = m->n + m->unlabelled, all = have + m->failed + (size_t)r->skipped;
	if (o.expect && strspn(o.expect, "0123456789") == strlen(o.expect))
		all = (size_t)strtoull(o.expect, NULL, 10);
	else if (o.expect && count_lines(o.expect, &all, e))
		return HM_EDATA;
	if (all < have)
		return hm_err_set(e, HM_EDATA, "%zu records have an answer where %zu are expected", have,
				  all);
	*expected = all - m->unlabelled;
	if (all == have || o.allow_missing)
		return 0;
	return hm_err_set(e, HM_EDATA,
			  "no scores: %zu of %zu records are missing (%zu failed, %zu left out before); "
			  "--allow-missing scores the others",
			  all - have, all, m->failed, (size_t)r->skipped);
}

/* ---- numbers and output ---- */

static int score(struct run *r, struct hm_err *e)
{
	/* the tables of a comparison show none of the bootstrap's intervals, its JSON does */
	int64_t resamples = o.compare && !o.json ? 0 : o.bootstrap;
	struct hm_scoring how = {.threshold = o.threshold,
				 .resamples = (size_t)resamples,
				 .seed = (uint64_t)o.seed,
				 .workers = r->cli.workers};
	const struct hm_matched *m = &r->matched;
	int rc = hm_matched_init(&r->matched, r->system, r->k, e);
	if (!rc)
		rc = expect(r, &how.expected, e);
	for (int i = 0; !rc && i < r->k; i++) {
		rc = hm_sample_init(&r->sample[i], m->n, m->classes, m->prob[i], m->label, o.threshold, e);
		if (!rc)
			rc = hm_scores_compute(&r->scores[i], m, &r->sample[i], &how, e);
		r->scores[i].name = r->name[i];
	}
	if (rc || !o.compare)
		return rc;
	if (!m->n)
		return hm_err_set(e, HM_EDATA, "no record has a label: nothing to compare");
	r->pair = hm_alloc((size_t)(r->k * (r->k - 1) / 2), sizeof *r->pair, e);
	return r->pair ? hm_pairs_compute(r->sample, r->k, r->pair, e) : HM_EDATA;
}

static int render(struct run *r, struct hm_err *e)
{
	int rc = 0;
	if (o.compare) {
		rc = hm_report_compare_text(r->scores, r->k, r->pair, &r->report, e);
		if (!rc && o.json)
			rc = hm_report_compare_json(r->scores, r->k, r->pair, &r->json, e);
		return rc;
	}
	if (o.errors)
		rc = hm_report_errors(r->system, &r->matched, r->sample, (size_t)o.errors, &r->report, e);
	if (!rc)
		rc = hm_report_text(r->scores, &r->report, e);
	if (!rc && o.json)
		rc = hm_report_json(r->scores, &r->json, e);
	return !rc && o.csv ? hm_report_csv(r->system, &r->csv, e) : rc;
}

/* ---- a contact sheet of the errors ---- */

#define SHEET_MOST 400

/* Draws the records of ids, which are ranks from 0, in their order. */
static int draw(struct run *r, const struct hm_strmap *ranks, const size_t *at, struct hm_join *in,
		struct hm_sheet *sheet, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(in);
	const struct hm_field *f;
	int px = hm_schema_find(s, "pixels"), text = hm_schema_find(s, "text"), id = hm_schema_find(s, "id"),
	    rc;
	struct hm_batch kept = {0};
	struct hm_rec rec;
	uint64_t rank, where[SHEET_MOST];
	if (px < 0 || (f = &s->field[px])->dtype != HM_U8 || f->ndim != 3 || f->dim[0] != 3)
		return hm_err_set(e, HM_EDATA,
				  "%s: no column \"pixels\" of U8 3xHxW to draw (hm-imgprep makes it)",
				  hm_join_name(in));
	while ((rc = hm_join_next(in, &rec, e)) == 1) {
		if (!hm_strmap_find(ranks, rec.val[id].data, rec.val[id].count, &rank))
			continue;
		where[rank] = (uint64_t)kept.n;
		if ((rc = hm_batch_add(&kept, &rec, e)))
			break;
	}
	if (!rc && (size_t)kept.n != ranks->n)
		rc = hm_err_set(e, HM_EDATA, "%s: changed while it was read", hm_join_name(in));
	for (size_t k = 0; !rc && k < ranks->n; k++) {
		const struct hm_val *v = kept.rec[where[k]].val;
		const struct hm_sample *one = r->sample;
		char title[64];
		snprintf(title, sizeof title, "label %d, said %d  id %s", (int)one->label[at[k]],
			 (int)one->answer[at[k]], r->system->item[r->matched.item[at[k]]].id);
		hm_sheet_add(sheet, v[px].data, (int)f->dim[2], (int)f->dim[1], title,
			     text < 0 ? "" : v[text].data, text < 0 ? 0 : v[text].count, 0xc03020);
	}
	hm_batch_clear(&kept);
	return rc;
}

/* The input is read a second time, for the pixels of the few records that are drawn. */
static int draw_errors(struct run *r, struct hm_err *e)
{
	struct hm_strmap ranks = {0};
	struct hm_sheet sheet = {0};
	struct hm_join *in = NULL;
	struct hm_buf png = {0};
	size_t *at, n, most = o.errors < SHEET_MOST ? (size_t)o.errors : SHEET_MOST;
	int rc = hm_errors_find(&r->matched, r->sample, &at, &n, e);
	n = n < most ? n : most;
	for (uint64_t k = 0; !rc && k < n; k++) {
		const char *id = r->system->item[r->matched.item[at[k]]].id;
		if (hm_strmap_add(&ranks, id, strlen(id), &k, e) < 0)
			rc = HM_EDATA;
	}
	if (!rc)
		rc = hm_join_open(&in, r->cli.n_operands, r->cli.operands, r->cli.workers, e);
	if (!rc)
		rc = hm_sheet_init(&sheet, n ? (int)n : 1, e);
	if (!rc)
		rc = draw(r, &ranks, at, in, &sheet, e);
	if (!rc)
		rc = hm_sheet_png(&sheet, &png, e);
	if (!rc)
		rc = hm_file_write(o.sheet, png.data, png.len, e);
	hm_join_close(in);
	hm_sheet_clear(&sheet);
	hm_strmap_clear(&ranks);
	hm_buf_clear(&png);
	free(at);
	return rc;
}

static bool dash(const char *path)
{
	return path && !strcmp(path, "-");
}

/* Files first: the report is not shown for results that could not be kept. */
static int publish(struct run *r, struct hm_err *e)
{
	int rc = 0;
	if (o.roc && (r->matched.classes > 2 || isnan(r->scores[0].value[HM_AUROC])))
		rc = hm_err_set(e, HM_EDATA,
				"--roc: the curve is undefined, it needs records of both of two classes");
	else if (o.roc)
		rc = hm_roc_plot(o.roc, r->sample, r->name, r->k, e);
	if (!rc && o.sheet)
		rc = draw_errors(r, e);
	if (!rc && o.csv)
		rc = hm_file_write(o.csv, r->csv.data, r->csv.len, e);
	if (!rc)
		rc = hm_answers_finish(&r->answers, e);
	if (!rc && o.json)
		rc = hm_file_write(o.json, r->json.data, r->json.len, e);
	if (!rc && !dash(o.json))
		fwrite(r->report.data, 1, r->report.len, dash(o.out) || dash(o.csv) ? stderr : stdout);
	return rc;
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
	if ((o.keep || (o.replace && o.model)) && !o.out)
		hm_cli_usage(c, "--keep and --replace say what -o writes, which is not given");
	if (!o.model && (o.heads || o.batch_size || o.precision))
		hm_cli_usage(
			c, "--heads, --batch-size and --precision say how --model runs, which is not given");
	if (o.sheet && (!o.errors || o.compare))
		hm_cli_usage(c, "--sheet draws what --errors N lists");
	for (int i = 0; o.sheet && i < c->n_operands; i++) {
		struct stat st;
		if (!strcmp(c->operands[i], "-") || (!stat(c->operands[i], &st) && !S_ISREG(st.st_mode)))
			hm_cli_usage(c, "--sheet reads the input twice, which '%s' cannot be: name a file",
				     c->operands[i]);
	}
	if (o.expect && !*o.expect)
		hm_cli_usage(c, "--expect takes a number or a file");
}

static void release(struct run *r)
{
	for (int i = 0; i < r->k; i++) {
		hm_predictions_clear(&r->system[i]);
		hm_sample_clear(&r->sample[i]);
	}
	hm_matched_clear(&r->matched);
	hm_answers_close(&r->answers);
	hm_device_close(r->device);
	free(r->pair);
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
	int rc = 0, each = o.compare ? 1 : r.cli.n_operands;
	if (o.model && !(r.device = hm_device_open(r.cli.device, (enum hm_precision)o.precision, &e)))
		rc = e.code;
	for (int i = 0; !rc && i < r.k; i++)
		rc = load(&r, i, each, r.cli.operands + i, &e);
	if (!rc)
		rc = score(&r, &e);
	if (!rc)
		rc = render(&r, &e);
	if (!rc)
		rc = publish(&r, &e);
	release(&r);
	return hm_cli_end(&r.cli, rc, &e);
}
