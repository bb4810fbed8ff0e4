/* A sweep of hm-fuse-train: reads its lines, trains, ranks and writes by train/sweep.h, reports. See fuse.h.
 */
#include "fuse.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The context for reading the lines. Each is parsed into a copy of the call's own options. */
struct sweeper {
	struct hm_fuse *r;
	struct options line;
};

static void begin_line(void *ctx)
{
	struct sweeper *s = ctx;
	s->line = s->r->o;
}

static int set_option(void *ctx, const char *name, char *value, struct hm_err *e)
{
	static const char *const may[] = {
		"optimizer",  "lr",	      "momentum",   "weight-decay", "no-decay",	    "clip-norm",
		"schedule",   "warmup-steps", "batch-size", "epochs",	    "seed",	    "no-shuffle",
		"drop-last",  "class-weight", "select",	    "patience",	    "fusion",	    "map-dim",
		"map-layers", "pre-layers",   "pre-dim",    "normalize",    "no-normalize", "head-dropout"};
	struct sweeper *s = ctx;
	char text[256];
	const char *wrong = NULL;
	size_t i = 0, n = sizeof may / sizeof *may;
	while (i < n && strcmp(may[i], name) != 0)
		i++;
	if (i == n)
		return hm_err_set(e, HM_EDATA, "\"%s\" is not an option that can differ within a sweep",
				  name);
	wrong = hm_cli_set(&s->r->cli, &s->line, name, value, text, sizeof text);
	return wrong ? hm_err_set(e, HM_EDATA, "%s", wrong) : 0;
}

static int finish_line(void *ctx, struct hm_sweep_item *item, struct hm_err *e)
{
	struct sweeper *s = ctx;
	const struct hm_fuse *r = s->r;
	struct hm_trainer_config unused;
	item->recipe = s->line.recipe;
	int rc = hm_setup_configure(&r->setup, &item->recipe, &item->config, e);
	if (!rc && !item->config.kind->intakes)
		rc = hm_err_set(e, HM_EDATA, "%s fusion is not a head on cached features",
				item->config.kind->name);
	return rc ? rc : hm_recipe_config(&item->recipe, r->o.val.n, r->setup.classes, r->weight, &unused, e);
}

/* The history's entry for one model of the sweep. */
static cJSON *line_history(void *ctx, const struct hm_sweep_item *item, struct hm_err *e)
{
	return hm_fuse_history(ctx, &item->recipe, &item->config, e);
}

static void show_progress(void *ctx, size_t done, size_t of)
{
	hm_cli_progress(&((struct hm_fuse *)ctx)->cli, done, of, "configurations");
}

/* Reports the best configuration. Fails if any configuration failed. */
static int report_sweep(struct hm_fuse *r, const struct hm_sweep *s, const size_t *order, struct hm_err *e)
{
	const struct hm_sweep_item *best = &s->item[order[0]], *bad = NULL;
	char auroc[32] = "";
	size_t failed = 0;
	for (size_t i = s->n; i--;)
		if (!s->item[i].params)
			failed++, bad = &s->item[i];
	if (best->params)
		hm_cli_notice(&r->cli, "%s: %zu configurations, the best is %s, training loss %.4f", r->o.out,
			      s->n, best->name, best->loss);
	if (isfinite(best->result.best.auroc))
		snprintf(auroc, sizeof auroc, ", AUROC %.4f", best->result.best.auroc);
	if (best->params && best->result.best.n)
		hm_cli_notice(&r->cli,
			      "its validation accuracy %.4f%s: the best of %zu on the same records, so too "
			      "good as an estimate",
			      best->result.best.accuracy, auroc, s->n);
	return failed ? hm_err_set(e, HM_EDATA,
				   "%zu of %zu configurations failed and have no model, the first is %s: %s",
				   failed, s->n, bad->name, bad->error)
		      : 0;
}

/* Checks that the files that the sweep writes are not files that the call reads: --init, records, the lines.
 */
static int check_outputs(struct hm_fuse *r, const struct hm_sweep *s, struct hm_err *e)
{
	struct hm_buf path = {0};
	int rc = 0;
	for (size_t i = 0; i <= s->n && !rc; i++) {
		path.len = 0;
		rc = i < s->n ? hm_buf_printf(&path, e, "%s/%s.safetensors", r->o.out, s->item[i].name)
			      : hm_buf_printf(&path, e, "%s/leaderboard.csv", r->o.out);
		if (!rc)
			hm_cli_output_once(&r->cli, (const char *)path.data);
	}
	hm_buf_clear(&path);
	return rc;
}

int hm_fuse_sweep(struct hm_fuse *r, struct hm_err *e)
{
	const struct hm_fusion_config *c = hm_fusion_config_of(r->setup.fusion);
	struct sweeper ctx = {.r = r};
	const struct hm_sweep_reader reader = {&ctx, begin_line, set_option, finish_line};
	struct hm_sweep s = {0};
	struct hm_sweep_run how = {.setup = &r->setup,
				   .device = r->cli.device,
				   .precision = (enum hm_precision)r->cli.precision,
				   .workers = r->cli.workers,
				   .val = r->o.val.n > 0,
				   .done = show_progress,
				   .ctx = r};
	size_t *order = NULL;
	int rc = 0;
	if (!c->kind->intakes || hm_fusion_runs_tower(c))
		rc = hm_err_set(e, HM_EUSAGE,
				"--sweep trains heads on cached features; hm-encode makes them");
	if (!rc)
		rc = hm_sweep_read(&s, r->o.sweep, &reader, e);
	if (!rc)
		rc = check_outputs(r, &s, e);
	if (!rc && !(order = hm_alloc(s.n, sizeof *order, e)))
		rc = HM_EDATA;
	if (!rc && how.val && r->o.recipe.select == HM_SELECT_AUROC)
		rc = hm_trainer_check_auroc(&r->setup.val, e);
	if (!rc)
		rc = hm_folder_make(r->o.out, e);
	if (!rc)
		rc = hm_sweep_train(&s, &how, e);
	if (!rc)
		rc = hm_sweep_rank(&s, (enum hm_select)r->o.recipe.select, how.val, order, e);
	if (!rc)
		rc = hm_sweep_write(&s, &how, order, r->keep && r->keep < s.n ? r->keep : s.n, r->o.out,
				    line_history, r, r->cli.tool->name, e);
	if (!rc)
		rc = report_sweep(r, &s, order, e);
	free(order);
	hm_sweep_clear(&s);
	return rc;
}
