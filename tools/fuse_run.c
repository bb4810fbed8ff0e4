/* One training of hm-fuse-train: signals, log, checkpoints, the model file. See fuse.h. */
#include "base/signals.h"
#include "fuse.h"
#include "json/build.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* ---- signals: the handler sets `asked`, after_step reads it */

static volatile sig_atomic_t asked;

static void on_signal(int number)
{
	asked = number;
}

static void catch_signals(void)
{
	const int which[] = {SIGTERM, SIGINT, SIGUSR1};
	struct sigaction a = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
	sigemptyset(&a.sa_mask);
	for (int i = 0; i < 3; i++)
		hm_signal_handle(which[i], &a);
}

/* ---- what the trainer calls */

/* A line per epoch. */
static void say_epoch(struct hm_fuse *r, const struct hm_event *ev)
{
	char val[96] = "";
	if (ev->kind == HM_EVENT_EVAL && isnan(ev->auroc))
		snprintf(val, sizeof val, ", validation loss %.4f, accuracy %.4f", ev->loss, ev->accuracy);
	else if (ev->kind == HM_EVENT_EVAL)
		snprintf(val, sizeof val, ", validation loss %.4f, accuracy %.4f, AUROC %.4f", ev->loss,
			 ev->accuracy, ev->auroc);
	hm_cli_notice(&r->cli, "epoch %" PRId64 " of %" PRId64 ": training loss %.4f%s, %.1f s", ev->epoch,
		      r->o.recipe.epochs, r->train_loss, val, ev->seconds);
	r->constant = ev->kind == HM_EVENT_EVAL ? ev->constant : -1;
}

static int tell_event(void *ctx, const struct hm_event *ev, struct hm_err *e)
{
	struct hm_fuse *r = ctx;
	if (ev->kind == HM_EVENT_EPOCH)
		r->train_loss = ev->loss;
	if (ev->kind == HM_EVENT_EVAL || (ev->kind == HM_EVENT_EPOCH && !r->o.val.n))
		say_epoch(r, ev);
	return hm_logfile_event(&r->log, ev, e);
}

static int after_step(void *ctx, int64_t step, int64_t steps, double loss, double lr, bool *stop)
{
	struct hm_fuse *r = ctx;
	int number = asked;
	if (!r->first.tv_sec)
		clock_gettime(CLOCK_MONOTONIC, &r->first);
	hm_cli_progress_also(&r->cli, "loss %.4f, lr %.3g", loss, lr);
	hm_cli_progress(&r->cli, (uint64_t)step, (uint64_t)steps, "steps");
	asked = 0;
	*stop = number && number != SIGUSR1;
	return number;
}

static int log_sync(void *ctx, uint64_t *bytes, struct hm_err *e)
{
	return hm_logfile_sync(&((struct hm_fuse *)ctx)->log, bytes, e);
}

static int log_cut(void *ctx, uint64_t bytes, struct hm_err *e)
{
	return hm_logfile_cut(&((struct hm_fuse *)ctx)->log, bytes, e);
}

/* ---- the model and its history */

/* What options say of encoders. */
static void add_towers(cJSON *p, const struct hm_encoder_options *o, struct hm_err *e)
{
	char key[32];
	if (o->heads)
		hm_json_add_num(p, "heads", (double)o->heads, e);
	for (int k = 0; k < HM_SIDES; k++) {
		const char *side = hm_side_name((enum hm_side)k);
		snprintf(key, sizeof key, "%s-heads", side);
		if (o->side_heads[k])
			hm_json_add_num(p, key, (double)o->side_heads[k], e);
		snprintf(key, sizeof key, "%s-output", side);
		if (o->output[k])
			hm_json_add_str(p, key, o->output[k], e);
	}
	if (o->act)
		hm_json_add_str(p, "act", hm_act_name(o->act), e);
}

cJSON *hm_fuse_options(const struct hm_fuse *r, const struct hm_recipe *recipe,
		       const struct hm_fusion_config *c, struct hm_err *e)
{
	static const char *const freeze[] = {"none", "image", "text", "both"};
	cJSON *p = hm_json_object(e);
	hm_json_add_str(p, "freeze", freeze[r->o.freeze], e);
	hm_json_add_str(p, "frozen-mode", r->o.frozen_mode ? "train" : "eval", e);
	hm_json_add_str(p, "precision", hm_precision_name((enum hm_precision)r->cli.precision), e);
	hm_json_add_num(p, "dropout", r->o.dropout, e);
	hm_json_add_bool(p, "standardize", hm_standard_wanted(r->setup.o->standardize, c), e);
	hm_json_add_bool(p, "init", r->o.init != NULL, e);
	if (r->o.train_layers)
		hm_json_add_str(p, "train-layers", r->o.train_layers, e);
	add_towers(p, &r->o.tower.spec, e);
	if (r->o.columns[HM_IMAGE])
		hm_json_add_str(p, "image-feature", r->o.columns[HM_IMAGE], e);
	if (r->o.columns[HM_TEXT])
		hm_json_add_str(p, "text-feature", r->o.columns[HM_TEXT], e);
	if (c->kind->measure)
		hm_recipe_head_json(&c->head, p, e);
	hm_recipe_json(recipe, p, e);
	return hm_json_whole(p, e);
}

cJSON *hm_fuse_history(const struct hm_fuse *r, const struct hm_recipe *recipe,
		       const struct hm_fusion_config *c, struct hm_err *e)
{
	cJSON *p = hm_fuse_options(r, recipe, c, e);
	hm_json_add_str(p, "fusion", c->kind->name, e);
	return hm_json_whole(p, e);
}

/* Writes the model with its present weights, those of this epoch. */
static int save_model(struct hm_fuse *r, const char *path, const char *by, int64_t epoch, int64_t steps,
		      struct hm_err *e)
{
	char selected[96];
	cJSON *options = hm_fuse_history(r, &r->o.recipe, hm_fusion_config_of(r->setup.fusion), e);
	cJSON *pg = options ? hm_pg_append(r->setup.pg, r->cli.tool->name, options, e) : NULL;
	snprintf(selected, sizeof selected, "%s, epoch %" PRId64, by, epoch);
	if (!pg)
		return HM_EDATA;
	int rc = hm_setup_save(&r->setup, r->setup.fusion, path, selected, steps, pg, e);
	cJSON_Delete(pg);
	return rc;
}

static int save_last(void *ctx, int64_t epoch, int64_t batches, struct hm_err *e)
{
	struct hm_fuse *r = ctx;
	uint64_t bytes;
	if (!r->o.last || !hm_ranks_lead(&r->ranks))
		return 0;
	int rc = hm_logfile_sync(&r->log, &bytes, e);
	return rc ? rc : save_model(r, r->o.last, "last", epoch, batches, e);
}

/* ---- the run */

static double seconds_between(const struct timespec *from, const struct timespec *to)
{
	return (double)(to->tv_sec - from->tv_sec) + 1e-9 * (double)(to->tv_nsec - from->tv_nsec);
}

static void report_best(struct hm_fuse *r, const struct hm_trainer_result *t)
{
	const struct hm_epoch_score *b = &t->best;
	char scores[80] = "";
	if (b->n && isnan(b->auroc))
		snprintf(scores, sizeof scores, ", validation accuracy %.4f", b->accuracy);
	else if (b->n)
		snprintf(scores, sizeof scores, ", validation accuracy %.4f, AUROC %.4f", b->accuracy,
			 b->auroc);
	if (r->constant >= 0)
		hm_cli_warn(&r->cli, "after the last epoch all %zu validation answers are class %d", b->n,
			    r->constant);
	hm_cli_notice(&r->cli, "%s: epoch %" PRId64 " of %" PRId64 "%s", r->o.out, b->epoch,
		      r->o.recipe.epochs, scores);
}

/* Trains, then writes the log and the model: where there is a model, its log is on the disk. */
static int train_and_save(struct hm_fuse *r, struct hm_trainer_result *t, struct hm_err *e)
{
	const struct hm_trainer_calls calls = {r, tell_event, after_step, log_sync, log_cut, save_last};
	if (r->o.checkpoint)
		catch_signals();
	r->constant = -1;
	r->config.ranks = r->ranks.by ? &r->ranks : NULL;
	r->config.judge = r->setup.judge;
	r->config.refold = hm_standard_refold;
	r->config.refold_ctx = &r->setup.standard;
	clock_gettime(CLOCK_MONOTONIC, &r->start);
	int rc = hm_trainer_run(r->setup.fusion, r->device, &r->setup.train,
				r->o.val.n ? &r->setup.val : NULL, &r->config, &calls, t, e);
	hm_cli_stat(&r->cli, "train_s", t->seconds);
	if (r->ranks.by) {
		hm_cli_stat(&r->cli, "sent_bytes", (double)r->ranks.sent);
		hm_cli_stat(&r->cli, "extra_bytes", (double)t->extra);
		hm_cli_debug(&r->cli, "rank 0 sent %.1f MB, %.1f MB of it further partial sums",
			     (double)r->ranks.sent * 1e-6, (double)t->extra * 1e-6);
	}
	if (r->first.tv_sec)
		hm_cli_stat(&r->cli, "first_step_s", seconds_between(&r->start, &r->first));
	if (rc || t->signal)
		return rc ? rc : hm_logfile_commit(&r->log, e);
	if (!hm_ranks_lead(&r->ranks))
		return 0;
	rc = hm_logfile_commit(&r->log, e);
	if (!rc)
		rc = save_model(r, r->o.out, hm_recipe_select(&r->o.recipe), t->best.epoch, t->kept_batches,
				e);
	if (!rc)
		report_best(r, t);
	return rc;
}

static void warn_of_warm_up(struct hm_fuse *r)
{
	const struct hm_recipe *o = &r->o.recipe;
	int64_t n = (int64_t)r->setup.train.n,
		per = o->drop_last ? n / o->batch_size : (n - 1) / o->batch_size + 1;
	if (o->warmup && o->warmup >= per * o->epochs)
		hm_cli_warn(&r->cli,
			    "--warmup-steps %" PRId64 ": the run has %" PRId64
			    " steps, so the rate never reaches --lr",
			    o->warmup, per * o->epochs);
}

int hm_fuse_run(struct hm_fuse *r, struct hm_trainer_result *result, struct hm_err *e)
{
	cJSON *identity = hm_fuse_options(r, &r->o.recipe, hm_fusion_config_of(r->setup.fusion), e);
	hm_json_add_num(identity, "log-steps", (double)r->o.log_steps, e);
	hm_json_add_num(identity, "threads", r->threads, e);
	hm_setup_identify(&r->setup, identity, e);
	if (r->setup.names) /* without words, a checkpoint is as it was before they were compared */
		hm_fuse_add_tree(identity, "names", r->setup.names, e);
	hm_fuse_add_init(identity, r->o.init, e);
	r->config.identity = r->identity = hm_json_whole(identity, e);
	if (!r->identity)
		return HM_EDATA;
	if (r->ranks.by && hm_fuse_compare(r, e))
		return HM_EDATA;
	if (hm_recipe_config(&r->o.recipe, r->o.val.n, r->setup.classes, r->weight, &r->config, e))
		return e->code;
	r->training = true;
	warn_of_warm_up(r);
	if (hm_logfile_open(&r->log, r->o.log, r->o.checkpoint, r->config.resume, e))
		return e->code;
	return train_and_save(r, result, e);
}
