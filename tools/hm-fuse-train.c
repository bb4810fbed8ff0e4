/* hm-fuse-train: trains a fusion of image and text, from cached features, raw columns or both, and writes it
 * as a safetensors model file. */
#include "cli/cli.h"
#include "train/logfile.h"
#include "train/setup.h"

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FREEZE_NONE, FREEZE_IMAGE, FREEZE_TEXT, FREEZE_BOTH };

static struct {
	int fusion, features, freeze, frozen_mode, precision, optimizer, schedule, select, on_error;
	struct hm_strs val;
	char *init, *image, *text, *no_decay, *class_weight, *log, *checkpoint, *last;
	bool no_shuffle, standardize, unknown, momentum_given, resume, steps_given, dropout_given;
	struct hm_encoder_options encoder;
	int64_t classes, batch_size, epochs, seed, warmup, log_steps, patience, checkpoint_steps, memory;
	double lr, momentum, weight_decay, clip_norm, dropout;
} o = {.optimizer = HM_ADAMW,
       .batch_size = 64,
       .epochs = 10,
       .seed = 42,
       .log_steps = 20,
       .lr = 1e-3,
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
	{"optimizer", 0, HM_OPT_CHOICE, &o.optimizer, "sgd|adam|adamw", "what turns gradients into steps"},
	{"lr", 0, HM_OPT_DOUBLE, &o.lr, "X", "learning rate", .dmin = 0, .dmax = 1e6},
	{"momentum", 0, HM_OPT_DOUBLE, &o.momentum, "X", "of sgd", .dmin = 0, .dmax = 1,
	 .given = &o.momentum_given},
	{"weight-decay", 0, HM_OPT_DOUBLE, &o.weight_decay, "X",
	 "added to the gradient, or decoupled (adamw)", .dmin = 0, .dmax = 1e6},
	{"no-decay", 0, HM_OPT_STR, &o.no_decay, "norm,bias", "what weight decay leaves alone"},
	{"clip-norm", 0, HM_OPT_DOUBLE, &o.clip_norm, "X",
	 "clip the gradient's global norm to this; 0 does not", .dmin = 0, .dmax = 1e30},
	{"schedule", 0, HM_OPT_CHOICE, &o.schedule, "constant|linear|cosine",
	 "of the learning rate, after warm-up"},
	{"warmup-steps", 0, HM_OPT_INT, &o.warmup, "N", "steps in which the rate grows from 0",
	 .max = INT64_C(1) << 40},
	{"dropout", 0, HM_OPT_DOUBLE, &o.dropout, "P", "of the text encoder, in training", .dmin = 0,
	 .dmax = .99, .given = &o.dropout_given},
	{"precision", 0, HM_OPT_CHOICE, &o.precision, "f32|bf16",
	 "of encoders' arithmetic; weights, statistics and loss are f32"},
	{"batch-size", 0, HM_OPT_INT, &o.batch_size, "N", "examples a step", .min = 1, .max = 1 << 20},
	{"epochs", 0, HM_OPT_INT, &o.epochs, "N", "passes over the training data", .min = 1, .max = 1 << 20},
	{"seed", 0, HM_OPT_INT, &o.seed, "S", "of initial weights, shuffles and dropout",
	 .max = INT64_C(1) << 53},
	{"no-shuffle", 0, HM_OPT_FLAG, &o.no_shuffle, NULL, "take the examples in the order of the file"},
	{"standardize", 0, HM_OPT_FLAG, &o.standardize, NULL,
	 "scale features to mean 0 and deviation 1; folded into the model"},
	{"class-weight", 0, HM_OPT_STR, &o.class_weight, "W0,W1",
	 "weights of the classes in the training loss"},
	{"select", 0, HM_OPT_CHOICE, &o.select, "last|accuracy|auroc",
	 "which epoch to keep, by the validation set"},
	{"last", 0, HM_OPT_STR, &o.last, "MODEL", "write the last epoch's weights there too"},
	{"patience", 0, HM_OPT_INT, &o.patience, "N", "stop after N epochs without a better one; 0 does not",
	 .max = 1 << 20},
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

static int class_weights(struct run *r, struct hm_err *e)
{
	const char *p = o.class_weight;
	int classes = r->setup.classes;
	if (!p)
		return 0;
	if (!(r->weight = hm_alloc((size_t)classes, sizeof *r->weight, e)))
		return HM_EDATA;
	for (int c = 0; c < classes; c++) {
		char *end;
		double w = strtod(p, &end);
		if (end == p || !isfinite(w) || w <= 0 || w > 1e30 || *end != (c + 1 < classes ? ',' : 0))
			hm_cli_usage(&r->cli,
				     "--class-weight takes %d positive numbers parted by commas, not '%s'",
				     classes, o.class_weight);
		r->weight[c] = (float)w;
		p = end + 1;
	}
	r->config.class_weight = r->weight;
	return 0;
}

/* The options that change the result: for the history, and for what a checkpoint must agree with. */
static cJSON *options_json(void)
{
	static const char *const optimizer[] = {"sgd", "adam", "adamw"}, *const schedule[] = {"constant",
											      "linear",
											      "cosine"};
	static const char *const select[] = {"last", "accuracy", "auroc"}, *const freeze[] = {"none", "image",
											      "text", "both"};
	cJSON *p = cJSON_CreateObject();
	cJSON_AddStringToObject(p, "freeze", freeze[o.freeze]);
	cJSON_AddStringToObject(p, "frozen-mode", o.frozen_mode ? "train" : "eval");
	cJSON_AddStringToObject(p, "precision", hm_precision_name((enum hm_precision)o.precision));
	cJSON_AddStringToObject(p, "optimizer", optimizer[o.optimizer]);
	cJSON_AddNumberToObject(p, "lr", o.lr);
	cJSON_AddNumberToObject(p, "momentum", o.momentum);
	cJSON_AddNumberToObject(p, "weight-decay", o.weight_decay);
	cJSON_AddStringToObject(p, "no-decay", o.no_decay ? o.no_decay : "");
	cJSON_AddNumberToObject(p, "clip-norm", o.clip_norm);
	cJSON_AddStringToObject(p, "schedule", schedule[o.schedule]);
	cJSON_AddNumberToObject(p, "warmup-steps", (double)o.warmup);
	cJSON_AddNumberToObject(p, "dropout", o.dropout);
	cJSON_AddNumberToObject(p, "batch-size", (double)o.batch_size);
	cJSON_AddNumberToObject(p, "epochs", (double)o.epochs);
	cJSON_AddNumberToObject(p, "seed", (double)o.seed);
	cJSON_AddBoolToObject(p, "shuffle", !o.no_shuffle);
	cJSON_AddBoolToObject(p, "standardize", o.standardize);
	cJSON_AddStringToObject(p, "class-weight", o.class_weight ? o.class_weight : "");
	cJSON_AddStringToObject(p, "select", select[o.select]);
	cJSON_AddNumberToObject(p, "patience", (double)o.patience);
	cJSON_AddBoolToObject(p, "init", o.init != NULL);
	return p;
}

/* Writes the model as it is, of this epoch. */
static int save(struct run *r, const char *path, int select, int64_t epoch, int64_t steps, struct hm_err *e)
{
	static const char *const by[] = {"last", "accuracy", "auroc"};
	char selected[96];
	cJSON *options = options_json(), *pg;
	snprintf(selected, sizeof selected, "%s, epoch %" PRId64, by[select], epoch);
	cJSON_AddStringToObject(options, "fusion", r->setup.kind == HM_FUSION_EARLY ? "early" : "late");
	if (!(pg = hm_pg_append(r->setup.pg, tool.name, options, e)))
		return HM_EDATA;
	int rc = hm_setup_save(&r->setup, path, selected, steps, pg, e);
	cJSON_Delete(pg);
	return rc;
}

static int save_last(void *ctx, int64_t epoch, int64_t steps, struct hm_err *e)
{
	return o.last ? save(ctx, o.last, HM_SELECT_LAST, epoch, steps, e) : 0;
}

/* What a checkpoint fixes beside the options: data, encoders, first model, device, threads. */
static int identify(struct run *r, struct hm_err *e)
{
	const struct hm_setup *s = &r->setup;
	const struct hm_fusion_config *c = hm_fusion_config_of(s->fusion);
	char sides[32];
	cJSON *p = r->identity = options_json();
	snprintf(sides, sizeof sides, "%d, %d", c->image, c->text);
	cJSON_AddStringToObject(p, "fusion", s->kind == HM_FUSION_EARLY ? "early" : "late");
	cJSON_AddNumberToObject(p, "classes", s->classes);
	cJSON_AddStringToObject(p, "sides", sides);
	cJSON_AddStringToObject(p, "training data", s->train.digest);
	cJSON_AddStringToObject(p, "validation data", s->val.digest);
	cJSON_AddStringToObject(p, "image encoder",
				s->image.width ? s->image.digest : s->train.image.encoder);
	cJSON_AddStringToObject(p, "text encoder", s->text.width ? s->text.digest : s->train.text.encoder);
	cJSON_AddStringToObject(p, "device", r->device->name);
	cJSON_AddNumberToObject(p, "log-steps", (double)o.log_steps);
	cJSON_AddNumberToObject(p, "threads", r->threads);
	r->config.identity = p;
	return p ? 0 : hm_err_set(e, HM_EDATA, "out of memory");
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

static void check_call(struct run *r)
{
	struct hm_optim_config *c = &r->config.optim;
	check_files(r);
	if ((o.select != HM_SELECT_LAST || o.patience) && !o.val.n)
		hm_cli_usage(&r->cli, "%s needs --val", o.patience ? "--patience" : "--select");
	if (o.momentum_given && o.optimizer != HM_SGD)
		hm_cli_usage(&r->cli, "--momentum is sgd's alone");
	*c = (struct hm_optim_config){.kind = (enum hm_optim_kind)o.optimizer,
				      .lr = o.lr,
				      .momentum = o.momentum,
				      .weight_decay = o.weight_decay,
				      .clip_norm = o.clip_norm,
				      .schedule = (enum hm_schedule)o.schedule,
				      .warmup = o.warmup};
	for (const char *p = o.no_decay; p && *p; p += strcspn(p, ","), p += *p == ',') {
		size_t len = strcspn(p, ",");
		bool bias = len == 4 && !memcmp(p, "bias", 4), norm = len == 4 && !memcmp(p, "norm", 4);
		if (!bias && !norm)
			hm_cli_usage(&r->cli, "--no-decay takes norm, bias or both, not '%s'", o.no_decay);
		c->decay_spares_bias |= bias;
		c->decay_spares_norm |= norm;
	}
	r->config.batch_size = o.batch_size;
	r->config.epochs = o.epochs;
	r->config.log_steps = o.log_steps;
	r->config.patience = o.patience;
	r->config.seed = (uint64_t)o.seed;
	r->config.shuffle = !o.no_shuffle;
	r->config.select = (enum hm_select)o.select;
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
					  .seed = (uint64_t)o.seed,
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
	if (r->device)
		r->device->threads = r->threads;
	return r->device ? 0 : e->code;
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
	hm_cli_notice(&r->cli, "%s: epoch %" PRId64 " of %" PRId64 "%s", r->cli.out, b->epoch, o.epochs,
		      scores);
}

/* Trains, then writes the model and the log. */
static int work(struct run *r, struct hm_trainer_result *t, struct hm_err *e)
{
	const struct hm_trainer_calls calls = {r, tell, after_step, log_sync, log_cut, save_last};
	struct timespec end;
	if (o.checkpoint)
		catch_signals();
	clock_gettime(CLOCK_MONOTONIC, &r->start);
	int rc = hm_trainer_run(r->setup.fusion, r->device, &r->setup.train, o.val.n ? &r->setup.val : NULL,
				&r->config, &calls, t, e);
	clock_gettime(CLOCK_MONOTONIC, &end);
	cJSON_AddNumberToObject(r->cli.stats, "train_s", seconds(&r->start, &end));
	if (r->first.tv_sec)
		cJSON_AddNumberToObject(r->cli.stats, "first_step_s", seconds(&r->start, &r->first));
	if (rc || t->signal)
		return rc ? rc : hm_logfile_commit(&r->log, e);
	rc = save(r, r->cli.out, o.select, t->best.epoch, t->kept_steps, e);
	if (!rc)
		rc = hm_logfile_commit(&r->log, e);
	if (!rc)
		report(r, t);
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
	if (!rc && o.select == HM_SELECT_AUROC && r.setup.classes > 2)
		rc = hm_err_set(&e, HM_EDATA, "--select auroc needs two classes, these are %d",
				r.setup.classes);
	if (!rc && !(rc = class_weights(&r, &e)) && !(rc = identify(&r, &e)))
		rc = hm_logfile_open(&r.log, o.log, o.checkpoint, r.config.resume, &e);
	if (!rc)
		rc = work(&r, &result, &e);
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
