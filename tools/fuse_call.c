/* What can be said against a call of hm-fuse-train before any file is opened, and what its options mean. See
 * fuse.h. */
#include "fuse.h"
#include "base/memlimit.h"
#include "prep/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void send_notice(void *ctx, bool warning, const char *text)
{
	struct hm_fuse *r = ctx;
	if (warning)
		hm_cli_warn(&r->cli, "%s", text);
	else
		hm_cli_notice(&r->cli, "%s", text);
}

static void check_checkpoint(struct hm_fuse *r)
{
	if (r->o.standardize && r->o.no_standardize)
		hm_cli_usage(&r->cli, "--standardize and --no-standardize contradict each other");
	if ((r->o.resume || r->o.steps_given) && !r->o.checkpoint)
		hm_cli_usage(&r->cli, "%s needs --checkpoint FILE",
			     r->o.resume ? "--resume" : "--checkpoint-steps");
	if (r->o.checkpoint && !r->o.resume && !access(r->o.checkpoint, F_OK))
		hm_cli_usage(&r->cli, "--checkpoint %s exists: --resume goes on from it, or remove it",
			     r->o.checkpoint);
}

/* A sweep trains heads on cached features alone, and writes into a folder. */
static void check_sweep(struct hm_fuse *r)
{
	if (!r->o.sweep && r->o.keep)
		hm_cli_usage(&r->cli, "--keep says what --sweep writes, which is not given");
	if (!r->o.sweep && (r->o.shard.n || r->o.merge))
		hm_cli_usage(&r->cli, "--%s is of --sweep, which is not given",
			     r->o.merge ? "merge" : "shard");
	for (const struct hm_opt *o = r->cli.tool->table; r->o.merge && (o->name || o->group); o++)
		if (o->name && hm_cli_given(&r->cli, o->name) && strcmp(o->name, "sweep") &&
		    strcmp(o->name, "output") && strcmp(o->name, "merge"))
			hm_cli_usage(&r->cli,
				     "--merge takes --sweep and -o alone: the shards say what --%s is",
				     o->name);
	int fusion = r->o.recipe.fusion;
	if (r->o.sweep && r->o.vocab)
		hm_cli_usage(&r->cli, "--vocab is for a model with its encoders, and --sweep trains heads");
	bool words = fusion >= 0 && hm_fusion_takes_words(hm_fusion_kinds()[fusion]);
	if (r->o.sweep && (r->o.spec[HM_IMAGE] || r->o.spec[HM_TEXT] || tower_words_given(&r->o.tower) ||
			   words || r->o.checkpoint || r->o.log || r->o.last))
		hm_cli_usage(
			&r->cli,
			"--sweep trains heads on cached features, without --fusion early, --image, --text, "
			"--checkpoint, --log and --last");
	if (r->o.keep && strcmp(r->o.keep, "all") != 0) {
		char *end = r->o.keep;
		unsigned long long n = strncmp(r->o.keep, "best:", 5) ? 0 : strtoull(r->o.keep + 5, &end, 10);
		if (!n || *end || !strspn(r->o.keep + 5, "0123456789"))
			hm_cli_usage(&r->cli, "--keep takes all or best:K, not '%s'", r->o.keep);
		if (!r->o.val.n)
			hm_cli_usage(&r->cli, "--keep best:K needs --val");
		r->keep = (size_t)n;
	}
}

/* Where no encoder runs, options on encoders would do nothing. */
static void check_encoders(struct hm_fuse *r)
{
	static const char *const of_encoders[] = {"encoder-lr", "dropout", "heads", "act", "vocab-size"};
	bool any = r->o.spec[HM_IMAGE] || r->o.spec[HM_TEXT] || r->o.init;
	for (size_t i = 0; !any && i < sizeof of_encoders / sizeof *of_encoders; i++)
		if (hm_cli_given(&r->cli, of_encoders[i]))
			hm_cli_usage(
				&r->cli,
				"--%s is of encoders, and neither --image, --text nor --init gives one%s",
				of_encoders[i],
				strcmp(of_encoders[i], "dropout") ? ""
								  : "; layers of a head: --head-dropout");
	if (!any && r->o.frozen_mode)
		hm_cli_usage(&r->cli,
			     "--frozen-mode train runs encoders, and neither --image, --text nor --init "
			     "gives one");
	for (int k = 0; k < HM_SIDES; k++)
		if (r->o.columns[k] && r->o.features == !k)
			hm_cli_usage(&r->cli,
				     "--%s-feature names columns, and --features %s leaves that side out",
				     hm_side_name((enum hm_side)k), hm_side_name((enum hm_side) !k));
}

/* Options on encoders that change nothing of this call's. */
static void check_idle(struct hm_fuse *r)
{
	int fusion = r->o.recipe.fusion;
	bool words = fusion >= 0 && hm_fusion_takes_words(hm_fusion_kinds()[fusion]);
	const char *text = r->o.spec[HM_TEXT];
	if (r->o.frozen_mode && r->o.freeze == FREEZE_NONE && !words && !r->o.init)
		hm_cli_usage(
			&r->cli,
			"--frozen-mode train is of frozen encoders: --freeze image, text or both names them");
	if (r->o.freeze == FREEZE_BOTH && hm_cli_given(&r->cli, "encoder-lr"))
		hm_cli_usage(&r->cli,
			     "--encoder-lr is of encoders that are trained, and --freeze both trains none");
	if (r->o.tower.spec.vocab && (!text || strncmp(text, "init:", 5)))
		hm_cli_usage(&r->cli, "--vocab-size needs --text init:NAME");
	for (int k = 0; k < HM_SIDES; k++)
		if (r->o.spec[k] && r->o.features == !k)
			hm_cli_usage(&r->cli, "--%s names an encoder, and --features %s leaves that side out",
				     hm_side_name((enum hm_side)k), hm_side_name((enum hm_side) !k));
}

/* "image:K,text:K", one or both. */
static void take_layers(struct hm_fuse *r)
{
	const char *at = r->o.train_layers;
	char side[8];
	int layers, used;
	for (bool more = true; more; at += used + more) {
		int k = HM_SIDES;
		if (sscanf(at, "%7[a-z]:%4d%n", side, &layers, &used) == 2 && layers >= 0)
			for (k = 0; k < HM_SIDES && strcmp(side, hm_side_name((enum hm_side)k)); k++)
				;
		if (k == HM_SIDES || r->options.some_layers[k] || (at[used] && at[used] != ','))
			hm_cli_usage(&r->cli, "--train-layers takes image:K, text:K or both, not '%s'",
				     r->o.train_layers);
		r->options.some_layers[k] = true;
		r->options.layers[k] = layers;
		more = at[used] == ',';
	}
}

/* A launcher that started several processes of a training that knows nothing of the others. */
static void warn_of_launcher(struct hm_fuse *r)
{
	static const char *const size[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"};
	for (int i = 0; i < 3; i++) {
		const char *n = getenv(size[i]);
		if (n && strtol(n, NULL, 10) > 1) {
			hm_cli_warn(
				&r->cli,
				"%s processes were started, and each trains alone: --parallel mpi trains one "
				"model in all of them",
				n);
			return;
		}
	}
}

void hm_fuse_check_call(struct hm_fuse *r)
{
	struct hm_err e = {0};
	if (r->cli.precision == HM_PREC_AUTO)
		hm_cli_usage(&r->cli,
			     "--precision auto is for tools that only run networks: a training names its "
			     "precision, as another machine would choose another");
	if (!r->o.sweep && !r->o.parallel)
		warn_of_launcher(r);
	if (r->o.sweep && r->o.parallel)
		hm_cli_usage(&r->cli, "--parallel is for one training; --sweep trains a head per thread");
	check_checkpoint(r);
	check_sweep(r);
	check_encoders(r);
	check_idle(r);
	/* what does not depend on the number of classes */
	struct hm_recipe plain = r->o.recipe;
	plain.class_weight = NULL;
	struct hm_hidden head;
	tower_words_take(&r->o.tower);
	if (hm_recipe_head(&plain, NULL, &head, &e))
		hm_cli_usage(&r->cli, "%s", e.text);
	if (!r->o.sweep && hm_recipe_config(&plain, r->o.val.n, 2, NULL, &r->config, &e))
		hm_cli_usage(&r->cli, "%s", e.text);
	r->config.log_steps = r->o.log_steps;
	r->config.dropout = r->o.dropout;
	r->config.checkpoint = r->o.checkpoint;
	r->config.checkpoint_steps = r->o.checkpoint_steps;
	r->o.tower.spec.workers = r->cli.workers;
	r->options = (struct hm_setup_options){
		.n_train = r->cli.n_operands,
		.n_val = r->o.val.n,
		.train = r->cli.operands,
		.val = r->o.val.item,
		.spec = {r->o.spec[HM_IMAGE], r->o.spec[HM_TEXT]},
		.init = r->o.init,
		.encoder = r->o.tower.spec,
		.recipe = &r->o.recipe,
		.sweep = r->o.sweep != NULL,
		.only = {r->o.features == HM_IMAGE, r->o.features == HM_TEXT},
		.freeze = {r->o.freeze == FREEZE_IMAGE || r->o.freeze == FREEZE_BOTH,
			   r->o.freeze == FREEZE_TEXT || r->o.freeze == FREEZE_BOTH},
		.frozen_train = r->o.frozen_mode,
		.classes = (int)r->o.classes,
		.seed = (uint64_t)r->o.recipe.seed,
		.memory = (size_t)r->o.memory,
		.skip = r->o.on_error == HM_SKIP,
		.unknown = r->o.unknown,
		.standardize = r->o.no_standardize ? HM_STANDARDIZE_NO
			       : r->o.standardize  ? HM_STANDARDIZE_YES
						   : HM_STANDARDIZE_AUTO,
		.mismatch = r->o.mismatch,
		.notice = send_notice,
		.ctx = r};
	if (r->o.train_layers)
		take_layers(r);
	if (r->o.names && !(r->names = hm_labels_json(r->o.names, &e)))
		hm_cli_usage(&r->cli, "--names: %s", e.text);
	r->options.names = r->names;
	for (int k = 0; k < HM_SIDES; k++)
		if (r->o.columns[k] && hm_feature_names_parse(&r->options.columns[k], r->o.columns[k],
							      k ? "--text-feature" : "--image-feature", &e))
			hm_cli_usage(&r->cli, "%s", e.text);
	if (!r->o.memory)
		r->options.memory = hm_memory_given() / 2;
}
