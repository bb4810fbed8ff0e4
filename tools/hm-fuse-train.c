/* hm-fuse-train: trains a fusion of image and text, from cached features, raw columns or both, and writes it
 * as a safetensors model file. */
#include "cli/cli.h"
#include "train/logfile.h"
#include "train/sweep.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FREEZE_NONE, FREEZE_IMAGE, FREEZE_TEXT, FREEZE_BOTH };

static struct {
	int fusion, features, freeze, frozen_mode, precision, on_error;
	struct hm_strs val;
	char *init, *image, *text, *log, *checkpoint, *last, *sweep, *keep;
	bool standardize, unknown, resume, steps_given, dropout_given;
	struct hm_recipe recipe;
	struct hm_encoder_options encoder;
	int64_t classes, log_steps, checkpoint_steps, memory;
	double dropout;
} o = {.recipe = {.optimizer = HM_ADAMW, .batch_size = 64, .epochs = 10, .seed = 42, .lr = 1e-3},
       .log_steps = 20,
       .dropout = .1,
       .fusion = -1,
       .features = -1};

static const struct hm_opt table[] = {
	{"fusion", 0, HM_OPT_CHOICE, &o.fusion, "late|early",
	 "one linear layer over both features, or both through one transformer"},
	{"features", 0, HM_OPT_CHOICE, &o.features, "image|text|image,text",
	 "which sides of late fusion; those that are there unless given"},
	{"image", 0, HM_OPT_STR, &o.image, "SPEC",
	 "image encoder: model file, weight file, folder or init:NAME", .preset = hm_resnet_preset_name},
	{"text", 0, HM_OPT_STR, &o.text, "SPEC", "text encoder, in early fusion the transformer",
	 .preset = hm_bert_preset_name},
	{"init", 0, HM_OPT_STR, &o.init, "MODEL", "start from this model file instead of random weights"},
	{"heads", 0, HM_OPT_INT, &o.encoder.heads, "N", "attention heads, where no file says", .min = 1,
	 .max = 1 << 14},
	{"vocab-size", 0, HM_OPT_INT, &o.encoder.vocab, "N", "rows of the word table of init:bert-*",
	 .min = 1, .max = 1 << 22},
	{"freeze", 0, HM_OPT_CHOICE, &o.freeze, "none|image|text|both", "encoders that are not trained"},
	{"frozen-mode", 0, HM_OPT_CHOICE, &o.frozen_mode, "eval|train",
	 "how they run: as for features, or with batch statistics and dropout"},
	{"val", 0, HM_OPT_LIST, &o.val, "FILE",
	 "validation records, scored after each epoch (repeatable, joined)"},
	{"classes", 0, HM_OPT_INT, &o.classes, "N",
	 "classes; 1 + the largest label, at least 2, unless given", .min = 2, .max = 1 << 16},
	{"optimizer", 0, HM_OPT_CHOICE, &o.recipe.optimizer, "sgd|adam|adamw",
	 "what turns gradients into steps"},
	{"lr", 0, HM_OPT_DOUBLE, &o.recipe.lr, "X", "learning rate", .dmin = 0, .dmax = 1e6},
	{"momentum", 0, HM_OPT_DOUBLE, &o.recipe.momentum, "X", "of sgd", .dmin = 0, .dmax = 1,
	 .given = &o.recipe.momentum_given},
	{"weight-decay", 0, HM_OPT_DOUBLE, &o.recipe.weight_decay, "X",
	 "added to the gradient, or decoupled (adamw)", .dmin = 0, .dmax = 1e6},
	{"no-decay", 0, HM_OPT_STR, &o.recipe.no_decay, "norm,bias", "what weight decay leaves alone"},
	{"clip-norm", 0, HM_OPT_DOUBLE, &o.recipe.clip_norm, "X",
	 "clip the gradient's global norm to this; 0 does not", .dmin = 0, .dmax = 1e30},
	{"schedule", 0, HM_OPT_CHOICE, &o.recipe.schedule, "constant|linear|cosine",
	 "of the learning rate, after warm-up"},
	{"warmup-steps", 0, HM_OPT_INT, &o.recipe.warmup, "N", "steps in which the rate grows from 0",
	 .max = INT64_C(1) << 40},
	{"dropout", 0, HM_OPT_DOUBLE, &o.dropout, "P", "of the text encoder, in training", .dmin = 0,
	 .dmax = .99, .given = &o.dropout_given},
	{"precision", 0, HM_OPT_CHOICE, &o.precision, "f32|bf16|tf32",
	 "of encoders' arithmetic; weights, statistics and loss are f32"},
	{"batch-size", 0, HM_OPT_INT, &o.recipe.batch_size, "N", "examples a step", .min = 1, .max = 1 << 20},
	{"epochs", 0, HM_OPT_INT, &o.recipe.epochs, "N", "passes over the training data", .min = 1,
	 .max = 1 << 20},
	{"seed", 0, HM_OPT_INT, &o.recipe.seed, "S", "of initial weights, shuffles and dropout",
	 .max = INT64_C(1) << 53},
	{"no-shuffle", 0, HM_OPT_FLAG, &o.recipe.no_shuffle, NULL,
	 "take the examples in the order of the file"},
	{"standardize", 0, HM_OPT_FLAG, &o.standardize, NULL,
	 "scale features to mean 0 and deviation 1; folded into the model"},
	{"class-weight", 0, HM_OPT_STR, &o.recipe.class_weight, "W0,W1",
	 "weights of the classes in the training loss"},
	{"select", 0, HM_OPT_CHOICE, &o.recipe.select, "last|accuracy|auroc",
	 "which epoch to keep, by the validation set"},
	{"last", 0, HM_OPT_STR, &o.last, "MODEL", "write the last epoch's weights there too"},
	{"patience", 0, HM_OPT_INT, &o.recipe.patience, "N",
	 "stop after N epochs without a better one; 0 does not", .max = 1 << 20},
	{"checkpoint", 0, HM_OPT_STR, &o.checkpoint, "FILE",
	 "write the run's state there after each epoch and on signals"},
	{"checkpoint-steps", 0, HM_OPT_INT, &o.checkpoint_steps, "N", "and every N steps", .min = 1,
	 .max = INT64_C(1) << 40, .given = &o.steps_given},
	{"resume", 0, HM_OPT_FLAG, &o.resume, NULL, "go on from the checkpoint, if it is there"},
	{"memory", 0, HM_OPT_SIZE, &o.memory, "SIZE",
	 "hold so much data, the rest in files; half of the memory unless given", .min = 0,
	 .max = INT64_C(1) << 50},
	{"log", 0, HM_OPT_STR, &o.log, "FILE.jsonl", "write losses and scores there, one JSON object a line"},
	{"log-steps", 0, HM_OPT_INT, &o.log_steps, "N", "steps between lines of the log", .min = 1,
	 .max = 1 << 30},
	{"sweep", 0, HM_OPT_STR, &o.sweep, "FILE.jsonl",
	 "train a head for each line's options; -o is then a folder"},
	{"keep", 0, HM_OPT_STR, &o.keep, "all|best:K", "which models a sweep writes"},
	{"on-error", 0, HM_OPT_CHOICE, &o.on_error, "fail|skip",
	 "what to do about failed and unlabelled records"},
	{"allow-unknown-features", 0, HM_OPT_FLAG, &o.unknown, NULL,
	 "take features that do not say which encoder made them"},
	{0}};

static const char *backends(void)
{
	static char text[128];
	return hm_device_backends(text, sizeof text);
}

static const struct hm_tool tool = {"hm-fuse-train",
				    "train a fusion of image and text",
				    "[FILE ...]",
				    table,
				    HM_CLI_OUT | HM_CLI_JOBS | HM_CLI_DEVICE,
				    0,
				    -1,
				    backends};

struct run {
	struct hm_cli cli;
	struct hm_setup_options options;
	struct hm_setup setup;
	struct hm_trainer_config config;
	struct hm_device *device;
	struct hm_logfile log;
	cJSON *identity;
	float *weight;		      /* [C] of the classes, or NULL */
	int threads;		      /* of the device: -j, or the checkpoint's */
	size_t keep;		      /* models of a sweep; 0: all */
	struct timespec start, first; /* of the training, and when its first step was done */
};

/* ---- signals: asked for by the handler, read after each step */

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
		sigaction(which[i], &a, NULL);
}

/* ---- what the trainer calls */

static int tell(void *ctx, const struct hm_event *ev, struct hm_err *e)
{
	struct run *r = ctx;
	if (ev->kind == HM_EVENT_EVAL)
		hm_cli_debug(&r->cli, "epoch %" PRId64 ": loss %.4f, accuracy %.4f, AUROC %.4f", ev->epoch,
			     ev->loss, ev->accuracy, ev->auroc);
	return hm_logfile_event(&r->log, ev, e);
}

static int after_step(void *ctx, int64_t step, int64_t steps, double loss, double lr, bool *stop)
{
	struct run *r = ctx;
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
	return hm_logfile_sync(&((struct run *)ctx)->log, bytes, e);
}

static int log_cut(void *ctx, uint64_t bytes, struct hm_err *e)
{
	return hm_logfile_cut(&((struct run *)ctx)->log, bytes, e);
}

static void say(void *ctx, bool warning, const char *text)
{
	struct run *r = ctx;
	if (warning)
		hm_cli_warn(&r->cli, "%s", text);
	else
		hm_cli_notice(&r->cli, "%s", text);
}

/* ---- options */

/* The options that change the result: for the history, and for what a checkpoint must agree with. */
static cJSON *options_json(const struct hm_recipe *recipe)
{
	static const char *const freeze[] = {"none", "image", "text", "both"};
	cJSON *p = cJSON_CreateObject();
	cJSON_AddStringToObject(p, "freeze", freeze[o.freeze]);
	cJSON_AddStringToObject(p, "frozen-mode", o.frozen_mode ? "train" : "eval");
	cJSON_AddStringToObject(p, "precision", hm_precision_name((enum hm_precision)o.precision));
	cJSON_AddNumberToObject(p, "dropout", o.dropout);
	cJSON_AddBoolToObject(p, "standardize", o.standardize);
	cJSON_AddBoolToObject(p, "init", o.init != NULL);
	hm_recipe_json(recipe, p);
	return p;
}

/* The same with the fusion, as the history has it. */
static cJSON *history_json(const struct hm_recipe *recipe, enum hm_fusion_kind kind)
{
	cJSON *p = options_json(recipe);
	cJSON_AddStringToObject(p, "fusion", kind == HM_FUSION_EARLY ? "early" : "late");
	return p;
}

static cJSON *late_history(const struct hm_recipe *recipe)
{
	return history_json(recipe, HM_FUSION_LATE);
}

/* Writes the model as it is, of this epoch. */
static int save(struct run *r, const char *path, const char *by, int64_t epoch, int64_t steps,
		struct hm_err *e)
{
	char selected[96];
	cJSON *pg = hm_pg_append(r->setup.pg, tool.name, history_json(&o.recipe, r->setup.kind), e);
	snprintf(selected, sizeof selected, "%s, epoch %" PRId64, by, epoch);
	if (!pg)
		return HM_EDATA;
	int rc = hm_setup_save(&r->setup, r->setup.fusion, path, selected, steps, pg, e);
	cJSON_Delete(pg);
	return rc;
}

static int save_last(void *ctx, int64_t epoch, int64_t steps, struct hm_err *e)
{
	return o.last ? save(ctx, o.last, "last", epoch, steps, e) : 0;
}

static void check_files(struct run *r)
{
	if (!r->cli.out)
		hm_cli_usage(&r->cli, "-o FILE is required: where the model goes");
	const char *file[] = {r->cli.out, o.log, o.checkpoint, o.last};
	const char *name[] = {"-o", "--log", "--checkpoint", "--last"};
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < i; k++)
			if (file[i] && file[k] && !strcmp(file[i], file[k]))
				hm_cli_usage(&r->cli, "%s and %s name the same file, '%s'", name[k], name[i],
					     file[i]);
	for (int i = 0; i < o.val.n; i++)
		for (int k = 0; k < r->cli.n_operands; k++)
			if (!strcmp(o.val.item[i], "-") && !strcmp(r->cli.operands[k], "-"))
				hm_cli_usage(&r->cli, "standard input cannot be both the training and the "
						      "validation records");
	if ((o.resume || o.steps_given) && !o.checkpoint)
		hm_cli_usage(&r->cli, "%s needs --checkpoint FILE",
			     o.resume ? "--resume" : "--checkpoint-steps");
	if (o.checkpoint && !o.resume && !access(o.checkpoint, F_OK))
		hm_cli_usage(&r->cli, "--checkpoint %s exists: --resume goes on from it, or remove it",
			     o.checkpoint);
}

/* A sweep trains heads on cached features alone, and writes into a folder. */
static void check_sweep(struct run *r)
{
	if (!o.sweep && o.keep)
		hm_cli_usage(&r->cli, "--keep says what --sweep writes, which is not given");
	if (o.sweep && (o.image || o.text || o.fusion == HM_FUSION_EARLY || o.checkpoint || o.log || o.last))
		hm_cli_usage(
			&r->cli,
			"--sweep trains heads of late fusion on cached features, without --image, --text, "
			"--checkpoint, --log and --last");
	if (o.keep && strcmp(o.keep, "all") != 0) {
		char *end = o.keep;
		unsigned long long n = strncmp(o.keep, "best:", 5) ? 0 : strtoull(o.keep + 5, &end, 10);
		if (!n || *end || !strspn(o.keep + 5, "0123456789"))
			hm_cli_usage(&r->cli, "--keep takes all or best:K, not '%s'", o.keep);
		if (!o.val.n)
			hm_cli_usage(&r->cli, "--keep best:K needs --val");
		r->keep = (size_t)n;
	}
}

static void check_call(struct run *r)
{
	struct hm_err e = {0};
	check_files(r);
	check_sweep(r);
	/* what does not depend on the number of classes */
	struct hm_recipe plain = o.recipe;
	plain.class_weight = NULL;
	if (!o.sweep && hm_recipe_config(&plain, o.val.n, 2, NULL, &r->config, &e))
		hm_cli_usage(&r->cli, "%s", e.text);
	r->config.log_steps = o.log_steps;
	r->config.dropout = o.dropout;
	r->config.checkpoint = o.checkpoint;
	r->config.checkpoint_steps = o.checkpoint_steps;
	r->options =
		(struct hm_setup_options){.n_train = r->cli.n_operands,
					  .n_val = o.val.n,
					  .train = r->cli.operands,
					  .val = o.val.item,
					  .image = o.image,
					  .text = o.text,
					  .init = o.init,
					  .encoder = o.encoder,
					  .fusion = o.fusion,
					  .only_image = o.features == 0,
					  .only_text = o.features == 1,
					  .freeze_image = o.freeze == FREEZE_IMAGE || o.freeze == FREEZE_BOTH,
					  .freeze_text = o.freeze == FREEZE_TEXT || o.freeze == FREEZE_BOTH,
					  .frozen_train = o.frozen_mode,
					  .classes = (int)o.classes,
					  .seed = (uint64_t)o.recipe.seed,
					  .memory = (size_t)o.memory,
					  .skip = o.on_error == HM_SKIP,
					  .unknown = o.unknown,
					  .standardize = o.standardize,
					  .notice = say,
					  .ctx = r};
	if (!o.memory)
		r->options.memory = (size_t)sysconf(_SC_PHYS_PAGES) * (size_t)sysconf(_SC_PAGESIZE) / 2;
}

/* ---- the run */

/* -j, unless a checkpoint says with how many threads it was made. */
static int open_device(struct run *r, struct hm_err *e)
{
	double threads = (double)r->cli.jobs;
	int rc = o.resume ? hm_checkpoint_peek(o.checkpoint, "threads", &threads, e) : 1;
	if (rc < 0)
		return rc;
	r->config.resume = rc == 0;
	r->threads = (int)threads;
	r->device = hm_device_open(r->cli.device, (enum hm_precision)o.precision, e);
	if (!r->device)
		return e->code;
	r->device->threads = r->threads;
	hm_cli_device(&r->cli, r->device->name);
	return 0;
}

static double seconds(const struct timespec *from, const struct timespec *to)
{
	return (double)(to->tv_sec - from->tv_sec) + 1e-9 * (double)(to->tv_nsec - from->tv_nsec);
}

static void report(struct run *r, const struct hm_trainer_result *t)
{
	const struct hm_epoch_score *b = &t->best;
	char scores[80] = "";
	if (b->n && isnan(b->auroc))
		snprintf(scores, sizeof scores, ", validation accuracy %.4f", b->accuracy);
	else if (b->n)
		snprintf(scores, sizeof scores, ", validation accuracy %.4f, AUROC %.4f", b->accuracy,
			 b->auroc);
	hm_cli_notice(&r->cli, "%s: epoch %" PRId64 " of %" PRId64 "%s", r->cli.out, b->epoch,
		      o.recipe.epochs, scores);
}

/* Trains, then writes the model and the log. */
static int work(struct run *r, struct hm_trainer_result *t, struct hm_err *e)
{
	const struct hm_trainer_calls calls = {r, tell, after_step, log_sync, log_cut, save_last};
	if (o.checkpoint)
		catch_signals();
	clock_gettime(CLOCK_MONOTONIC, &r->start);
	int rc = hm_trainer_run(r->setup.fusion, r->device, &r->setup.train, o.val.n ? &r->setup.val : NULL,
				&r->config, &calls, t, e);
	cJSON_AddNumberToObject(r->cli.stats, "train_s", t->seconds);
	if (r->first.tv_sec)
		cJSON_AddNumberToObject(r->cli.stats, "first_step_s", seconds(&r->start, &r->first));
	if (rc || t->signal)
		return rc ? rc : hm_logfile_commit(&r->log, e);
	rc = save(r, r->cli.out, hm_recipe_select(&o.recipe), t->best.epoch, t->kept_steps, e);
	if (!rc)
		rc = hm_logfile_commit(&r->log, e);
	if (!rc)
		report(r, t);
	return rc;
}

static int solo(struct run *r, struct hm_trainer_result *result, struct hm_err *e)
{
	r->config.identity = r->identity = options_json(&o.recipe);
	cJSON_AddNumberToObject(r->identity, "log-steps", (double)o.log_steps);
	cJSON_AddNumberToObject(r->identity, "threads", r->threads);
	hm_setup_identify(&r->setup, r->identity);
	if (hm_recipe_config(&o.recipe, o.val.n, r->setup.classes, r->weight, &r->config, e) ||
	    hm_logfile_open(&r->log, o.log, o.checkpoint, r->config.resume, e))
		return e->code;
	return work(r, result, e);
}

/* ---- a sweep */

struct sweeper {
	struct run *r;
	struct hm_recipe base; /* what the call itself says */
};

static void sweep_begin(void *ctx)
{
	o.recipe = ((struct sweeper *)ctx)->base;
}

static int sweep_set(void *ctx, const char *name, char *value, struct hm_err *e)
{
	static const char *const may[] = {"optimizer",	  "lr",	       "momentum", "weight-decay",
					  "no-decay",	  "clip-norm", "schedule", "warmup-steps",
					  "batch-size",	  "epochs",    "seed",	   "no-shuffle",
					  "class-weight", "select",    "patience"};
	char text[256];
	const char *wrong = NULL;
	size_t i = 0, n = sizeof may / sizeof *may;
	while (i < n && strcmp(may[i], name) != 0)
		i++;
	if (i == n)
		return hm_err_set(e, HM_EDATA, "\"%s\" is no option that can differ within a sweep", name);
	wrong = hm_cli_set(&((struct sweeper *)ctx)->r->cli, name, value, text, sizeof text);
	return wrong ? hm_err_set(e, HM_EDATA, "%s", wrong) : 0;
}

static int sweep_finish(void *ctx, struct hm_recipe *recipe, struct hm_err *e)
{
	struct run *r = ((struct sweeper *)ctx)->r;
	struct hm_trainer_config unused;
	*recipe = o.recipe;
	return hm_recipe_config(recipe, o.val.n, r->setup.classes, r->weight, &unused, e);
}

static void sweep_done(void *ctx, size_t done, size_t of)
{
	hm_cli_progress(&((struct run *)ctx)->cli, done, of, "configurations");
}

/* What came of it, best first; failures make the command fail. */
static int sweep_report(struct run *r, const struct hm_sweep *s, const size_t *order, struct hm_err *e)
{
	const struct hm_sweep_item *best = &s->item[order[0]], *bad = NULL;
	size_t failed = 0;
	for (size_t i = s->n; i--;)
		if (!s->item[i].params)
			failed++, bad = &s->item[i];
	if (best->params)
		hm_cli_notice(&r->cli, "%s: %zu configurations, the best is %s, training loss %.4f",
			      r->cli.out, s->n, best->name, best->loss);
	if (best->params && best->result.best.n)
		hm_cli_notice(&r->cli,
			      "its validation accuracy %.4f, AUROC %.4f: the best of %zu on the same "
			      "records, so too good as an estimate",
			      best->result.best.accuracy, best->result.best.auroc, s->n);
	return failed ? hm_err_set(e, HM_EDATA,
				   "%zu of %zu configurations failed and have no model, the first is %s: %s",
				   failed, s->n, bad->name, bad->error)
		      : 0;
}

/* What cannot be written into is found before hours of training. */
static int sweep_folder(const char *path, struct hm_err *e)
{
	struct stat st;
	if (mkdir(path, 0777) && errno != EEXIST)
		return hm_err_set(e, HM_EDATA, "%s: %s", path, strerror(errno));
	if (!stat(path, &st) && !S_ISDIR(st.st_mode))
		return hm_err_set(e, HM_EDATA, "%s: is no folder", path);
	return access(path, W_OK | X_OK) ? hm_err_set(e, HM_EDATA, "%s: %s", path, strerror(errno)) : 0;
}

static int sweep(struct run *r, struct hm_err *e)
{
	const struct hm_fusion_config *c = hm_fusion_config_of(r->setup.fusion);
	struct sweeper ctx = {r, o.recipe};
	const struct hm_sweep_reader reader = {&ctx, sweep_begin, sweep_set, sweep_finish};
	struct hm_sweep s = {0};
	struct hm_sweep_run how = {.setup = &r->setup,
				   .device = r->cli.device,
				   .precision = (enum hm_precision)o.precision,
				   .workers = r->cli.workers,
				   .val = o.val.n > 0,
				   .done = sweep_done,
				   .ctx = r};
	size_t *order = NULL;
	int rc = 0;
	if (c->kind != HM_FUSION_LATE || c->image > HM_SIDE_FEATURE || c->text > HM_SIDE_FEATURE)
		rc = hm_err_set(e, HM_EUSAGE,
				"--sweep trains heads on cached features; hm-encode makes them");
	if (!rc)
		rc = hm_sweep_read(&s, o.sweep, &reader, e);
	o.recipe = ctx.base;
	if (!rc && !(order = hm_alloc(s.n, sizeof *order, e)))
		rc = HM_EDATA;
	if (!rc)
		rc = sweep_folder(r->cli.out, e);
	if (!rc)
		rc = hm_sweep_train(&s, &how, e);
	if (!rc)
		rc = hm_sweep_rank(&s, (enum hm_select)o.recipe.select, how.val, order, e);
	if (!rc)
		rc = hm_sweep_write(&s, &how, order, r->keep && r->keep < s.n ? r->keep : s.n, r->cli.out,
				    late_history, tool.name, e);
	if (!rc)
		rc = sweep_report(r, &s, order, e);
	free(order);
	hm_sweep_clear(&s);
	return rc;
}

int main(int argc, char **argv)
{
	struct run r = {.log = {.fd = -1}};
	struct hm_trainer_result result = {0};
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, argc, argv);
	check_call(&r);
	int rc = open_device(&r, &e);
	if (!rc)
		rc = hm_setup_open(&r.setup, &r.options, r.device, r.cli.workers, &e);
	if (!rc && !(r.weight = hm_alloc((size_t)r.setup.classes, sizeof *r.weight, &e)))
		rc = HM_EDATA;
	if (!rc)
		rc = o.sweep ? sweep(&r, &e) : solo(&r, &result, &e);
	hm_logfile_close(&r.log);
	hm_setup_clear(&r.setup);
	hm_device_close(r.device);
	cJSON_Delete(r.identity);
	free(r.weight);
	if (!rc && result.signal)
		hm_cli_notice(&r.cli, "stopped by signal %d after step %" PRId64 "; --resume goes on",
			      result.signal, result.steps);
	rc = hm_cli_end(&r.cli, rc, &e);
	return !rc && result.signal ? 128 + result.signal : rc;
}
