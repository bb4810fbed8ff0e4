/* A sweep of hm-fuse-train: reads its lines, trains, ranks and writes by train/sweep.h, reports. See fuse.h.
 */
#include "fuse.h"
#include "train/sweeppart.h"
#include "train/sweeptable.h"
#include "train/sweepwrite.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The context for reading the lines. Each is parsed into a copy of the call's own options. */
struct sweeper {
	struct hm_fuse *r;
	struct options line;
	const char *of_maps; /* an option of the line that only fusions with maps have; NULL: none */
	bool maps;	     /* a line has such a fusion */
};

static void begin_line(void *ctx)
{
	struct sweeper *s = ctx;
	s->line = s->r->o;
	s->of_maps = NULL;
}

static int set_option(void *ctx, const char *name, char *value, struct hm_err *e)
{
	static const char *const may[] = {
		"optimizer",  "lr",	      "momentum",   "weight-decay", "no-decay",	    "clip-norm",
		"schedule",   "warmup-steps", "batch-size", "epochs",	    "seed",	    "no-shuffle",
		"drop-last",  "class-weight", "select",	    "patience",	    "fusion",	    "map-dim",
		"map-layers", "pre-layers",   "pre-dim",    "normalize",    "no-normalize", "head-dropout"};
	enum { FIRST_OF_MAPS = 17 };
	static char yes[] = "true";
	struct sweeper *s = ctx;
	char text[256];
	const char *wrong = NULL;
	size_t i = 0, n = sizeof may / sizeof *may;
	while (i < n && strcmp(may[i], name) != 0)
		i++;
	if (i == n)
		return hm_err_set(e, HM_EDATA, "\"%s\" is not an option that can differ within a sweep",
				  name);
	if (i >= FIRST_OF_MAPS && strcmp(value, "false") != 0)
		s->of_maps = may[i];
	if (!strcmp(name, "normalize") && !strcmp(value, "false")) {
		s->line.recipe.normalize = false;
		name = "no-normalize";
		value = yes;
	}
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
	if (!rc && s->of_maps && !item->config.kind->measure)
		rc = hm_err_set(e, HM_EDATA, "\"%s\" is not an option of %s fusion", s->of_maps,
				item->config.kind->name);
	s->maps |= !rc && item->config.kind->measure;
	return rc ? rc : hm_recipe_config(&item->recipe, r->o.val.n, r->setup.classes, r->weight, &unused, e);
}

cJSON *hm_fuse_sweep_history(void *ctx, const struct hm_sweep_item *item, struct hm_err *e)
{
	return hm_fuse_history(ctx, &item->recipe, &item->config, e);
}

static void show_progress(void *ctx, size_t done, size_t of)
{
	hm_cli_progress(&((struct hm_fuse *)ctx)->cli, done, of, "configurations");
}

int hm_fuse_sweep_failed(const struct hm_sweep *s, struct hm_err *e)
{
	const struct hm_sweep_item *bad = NULL;
	size_t failed = 0, n = hm_sweep_count(s);
	for (size_t i = n; i--;)
		if (!hm_sweep_own(s, i)->trained)
			failed++, bad = hm_sweep_own(s, i);
	return failed ? hm_err_set(e, HM_EDATA,
				   "%zu of %zu configurations failed and have no model, the first is %s: %s",
				   failed, n, bad->name, hm_sweep_reason(bad))
		      : 0;
}

int hm_fuse_sweep_report(struct hm_fuse *r, const struct hm_sweep *s, const size_t *order, struct hm_err *e)
{
	const struct hm_sweep_item *best = hm_sweep_count(s) ? &s->item[order[0]] : NULL;
	char auroc[32] = "", share[80] = "";
	if (s->parts)
		snprintf(share, sizeof share, "shard %" PRIu64 "/%" PRIu64 ", %zu of ", s->part, s->parts,
			 hm_sweep_count(s));
	if (!best)
		hm_cli_notice(&r->cli, "%s: %s%zu configurations", r->o.out, share, s->n);
	if (best && best->trained)
		hm_cli_notice(&r->cli, "%s: %s%zu configurations, the best is %s, training loss %.4f",
			      r->o.out, share, s->n, best->name, best->loss);
	if (best && isfinite(best->result.best.auroc))
		snprintf(auroc, sizeof auroc, ", AUROC %.4f", best->result.best.auroc);
	if (best && best->trained && best->result.best.n && !s->parts)
		hm_cli_notice(&r->cli,
			      "its validation accuracy %.4f%s: the best of %zu on the same records, so too "
			      "good as an estimate",
			      best->result.best.accuracy, auroc, hm_sweep_count(s));
	return hm_fuse_sweep_failed(s, e);
}

int hm_fuse_sweep_outputs(struct hm_fuse *r, const struct hm_sweep *s, struct hm_err *e)
{
	struct hm_buf path = {0};
	char part[HM_SWEEP_PART_NAME];
	int rc = hm_buf_printf(&path, e, "%s/" HM_SWEEP_TABLE ".csv", r->o.out);
	if (!rc)
		hm_cli_output_once(&r->cli, (const char *)path.data);
	path.len = 0;
	if (!rc && s->parts)
		rc = hm_buf_printf(&path, e, "%s/%s", r->o.out, hm_sweep_part_name(s->part, s->parts, part));
	if (!rc && s->parts)
		hm_cli_output_once(&r->cli, (const char *)path.data);
	for (size_t i = 0; i < hm_sweep_count(s) && !rc; i++) {
		path.len = 0;
		rc = hm_buf_printf(&path, e, "%s/%s.safetensors", r->o.out, hm_sweep_own(s, i)->name);
		if (!rc)
			hm_cli_output_once(&r->cli, (const char *)path.data);
	}
	hm_buf_clear(&path);
	return rc;
}

/* Trains, ranks and writes what was read. */
static int run_sweep(struct hm_fuse *r, struct hm_sweep *s, struct hm_err *e)
{
	const struct hm_sweep_run how = {.setup = &r->setup,
					 .device = r->cli.device,
					 .precision = (enum hm_precision)r->cli.precision,
					 .workers = r->cli.workers,
					 .val = r->o.val.n > 0,
					 .done = show_progress,
					 .ctx = r};
	size_t n = hm_sweep_count(s), *order = hm_alloc(n, sizeof *order, e);
	enum hm_sweep_by by = hm_sweep_by((enum hm_select)r->o.recipe.select, how.val);
	const struct hm_sweep_out out = {.folder = r->o.out,
					 .tool = r->cli.tool->name,
					 .order = order,
					 .keep = r->keep && r->keep < n ? r->keep : n,
					 .options = hm_fuse_sweep_history,
					 .ctx = r};
	int rc = order ? hm_sweep_train(s, &how, e) : HM_EDATA;
	if (!rc)
		rc = hm_sweep_rank(s, by, order, e);
	if (!rc)
		rc = hm_sweep_write_models(s, &how, &out, e);
	if (!rc)
		rc = s->parts ? hm_fuse_shard_write(r, s, by, e)
			      : hm_sweep_write_table(s, how.val, order, r->o.out, e);
	if (!rc)
		rc = hm_fuse_sweep_report(r, s, order, e);
	free(order);
	return rc;
}

int hm_fuse_sweep(struct hm_fuse *r, struct hm_err *e)
{
	const struct hm_fusion_config *c = hm_fusion_config_of(r->setup.fusion);
	struct sweeper ctx = {.r = r};
	const struct hm_sweep_reader reader = {&ctx, begin_line, set_option, finish_line};
	struct hm_sweep s = {0};
	int rc = 0;
	if (!c->kind->intakes || hm_fusion_runs_tower(c))
		rc = hm_err_set(e, HM_EUSAGE,
				"--sweep trains heads on cached features; hm-encode makes them");
	if (!rc)
		rc = hm_sweep_read(&s, r->o.sweep, &reader, e);
	const char *of_maps = hm_recipe_head_given(&r->o.recipe);
	if (!rc && of_maps && !ctx.maps)
		rc = hm_err_set(e, HM_EUSAGE, "%s is of fusions with maps, and no line of %s has one",
				of_maps, r->o.sweep);
	s.part = r->o.shard.i;
	s.parts = r->o.shard.n;
	if (!rc)
		rc = hm_fuse_sweep_outputs(r, &s, e);
	if (!rc && r->o.val.n && r->o.recipe.select == HM_SELECT_AUROC)
		rc = hm_trainer_check_auroc(&r->setup.val, e);
	if (!rc)
		rc = hm_folder_make(r->o.out, e);
	if (!rc)
		rc = run_sweep(r, &s, e);
	hm_sweep_clear(&s);
	return rc;
}
