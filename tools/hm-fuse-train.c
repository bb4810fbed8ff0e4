/* hm-fuse-train: trains a late-fusion head (one linear layer over image and text features) on cached features
 * and writes it as a safetensors model file. */
#include "base/file.h"
#include "base/strmap.h"
#include "cli/cli.h"
#include "json/json.h"
#include "train/headmodel.h"
#include "train/trainer.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct {
	int fusion, features, optimizer, schedule, select, on_error;
	struct hm_strs val;
	char *init, *no_decay, *class_weight, *log;
	bool no_shuffle, standardize, unknown, momentum_given;
	int64_t classes, batch_size, epochs, seed, warmup, log_steps, patience;
	double lr, momentum, weight_decay, clip_norm;
} o = {.optimizer = HM_ADAMW,
       .batch_size = 64,
       .epochs = 10,
       .seed = 42,
       .log_steps = 20,
       .lr = 1e-3,
       .features = -1};

static const struct hm_opt table[] = {
	{"fusion", 0, HM_OPT_CHOICE, &o.fusion, "late",
	 "how the modalities meet: one linear layer over both features"},
	{"features", 0, HM_OPT_CHOICE, &o.features, "image|text|image,text",
	 "which features; those that are there unless given"},
	{"val", 0, HM_OPT_LIST, &o.val, "FILE",
	 "validation records, scored after each epoch (repeatable, joined)"},
	{"init", 0, HM_OPT_STR, &o.init, "MODEL", "start from this model file instead of random weights"},
	{"classes", 0, HM_OPT_INT, &o.classes, "N",
	 "classes; 1 + the largest label, at least 2, unless given", .min = 2, .max = 1 << 20},
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
	{"batch-size", 0, HM_OPT_INT, &o.batch_size, "N", "examples a step", .min = 1, .max = 1 << 20},
	{"epochs", 0, HM_OPT_INT, &o.epochs, "N", "passes over the training data", .min = 1, .max = 1 << 20},
	{"seed", 0, HM_OPT_INT, &o.seed, "S", "of initial weights and shuffles", .max = INT64_C(1) << 53},
	{"no-shuffle", 0, HM_OPT_FLAG, &o.no_shuffle, NULL, "take the examples in the order of the file"},
	{"standardize", 0, HM_OPT_FLAG, &o.standardize, NULL,
	 "scale features to mean 0 and deviation 1; folded into the model"},
	{"class-weight", 0, HM_OPT_STR, &o.class_weight, "W0,W1",
	 "weights of the classes in the training loss"},
	{"select", 0, HM_OPT_CHOICE, &o.select, "last|accuracy|auroc",
	 "which epoch to keep, by the validation set"},
	{"patience", 0, HM_OPT_INT, &o.patience, "N", "stop after N epochs without a better one; 0 does not",
	 .max = 1 << 20},
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
				    "train a fusion head on features",
				    "[FILE ...]",
				    table,
				    HM_CLI_OUT | HM_CLI_JOBS | HM_CLI_DEVICE,
				    0,
				    -1,
				    backends};

struct run {
	struct hm_cli cli;
	struct hm_trainer_config config;
	struct hm_headdata train, val;
	struct hm_late model;
	struct hm_modelfile init;
	struct hm_device *device;
	struct hm_out *log;
	cJSON *pg;
	float *weight;		  /* [C] of the classes, or NULL */
	double *mean, *deviation; /* [I], or NULL */
	int classes;
};

static int read_set(struct run *r, struct hm_headdata *d, int n, char *const *paths, cJSON **pg,
		    struct hm_err *e)
{
	struct hm_headdata_options ho = {o.features == 0 || o.features == 2, o.features > 0,
					 o.on_error == HM_SKIP, o.unknown};
	struct hm_join *in = NULL;
	int rc = hm_join_open(&in, n, paths, r->cli.workers, e);
	if (!rc)
		rc = hm_headdata_read(d, in, &ho, e);
	if (!rc && pg && !(*pg = cJSON_Duplicate(hm_join_pg(in), 1)))
		rc = hm_err_set(e, HM_EDATA, "out of memory");
	if (!rc && !d->n)
		rc = hm_err_set(e, HM_EDATA, "%s: there is no record to %s", hm_join_name(in),
				pg ? "train on" : "validate on");
	if (!rc && d->failed + d->unlabelled)
		hm_cli_notice(&r->cli, "%s: %zu failed and %zu unlabelled records are left out",
			      hm_join_name(in), d->failed, d->unlabelled);
	hm_join_close(in);
	return rc;
}

static int check_labels(const struct hm_headdata *d, int classes, struct hm_err *e)
{
	for (size_t i = 0; i < d->n; i++)
		if (d->label[i] >= classes)
			return hm_err_set(e, HM_EDATA,
					  "id %s: label %" PRId32 ", but there are %d classes (--classes)",
					  d->id[i], d->label[i], classes);
	return 0;
}

/* The validation features must be the training features' kind; ids in both sets are worth a warning. */
static int compare_sets(struct run *r, struct hm_err *e)
{
	const struct hm_feature *a[2] = {&r->train.image, &r->train.text},
				*b[2] = {&r->val.image, &r->val.text};
	struct hm_strmap seen = {0};
	size_t both = 0, first = 0;
	int rc = 0;
	for (int k = 0; k < 2; k++) {
		const char *what = k ? "text_feature" : "image_feature";
		if (a[k]->dim != b[k]->dim)
			return hm_err_set(e, HM_EDATA, "%s: %d numbers in training, %d in validation", what,
					  a[k]->dim, b[k]->dim);
		bool told = *a[k]->encoder &&
			    *b[k]->encoder; /* both, or --allow-unknown-features took one of them */
		if (told && strcmp(a[k]->encoder, b[k]->encoder))
			return hm_err_set(e, HM_EDATA, "%s: encoder %s in training, %s in validation", what,
					  a[k]->encoder, b[k]->encoder);
		if (told && strcmp(a[k]->precision, b[k]->precision))
			hm_cli_notice(&r->cli, "%s: precision %s in training, %s in validation", what,
				      a[k]->precision, b[k]->precision);
	}
	for (size_t i = 0; i < r->train.n && !rc; i++)
		rc = hm_strmap_add(&seen, r->train.id[i], strlen(r->train.id[i]), &(uint64_t){i}, e) < 0
			     ? HM_EDATA
			     : 0;
	for (size_t i = 0; i < r->val.n && !rc; i++)
		if (hm_strmap_find(&seen, r->val.id[i], strlen(r->val.id[i]), &(uint64_t){0}) && !both++)
			first = i;
	if (both)
		hm_cli_warn(&r->cli, "%zu ids are in training and in validation, the first is %s", both,
			    r->val.id[first]);
	hm_strmap_clear(&seen);
	return rc;
}

static int read_data(struct run *r, struct hm_err *e)
{
	int32_t top = 1;
	int rc = read_set(r, &r->train, r->cli.n_operands, r->cli.operands, &r->pg, e);
	if (!rc && o.val.n)
		rc = read_set(r, &r->val, o.val.n, o.val.item, NULL, e);
	for (size_t i = 0; i < r->train.n; i++)
		top = r->train.label[i] > top ? r->train.label[i] : top;
	if (!rc && !o.classes && top >= 1 << 16)
		rc = hm_err_set(e, HM_EDATA,
				"label %" PRId32
				" would mean as many classes; say --classes when that is meant",
				top);
	r->classes = o.classes ? (int)o.classes : top + 1;
	if (!rc && !(rc = check_labels(&r->train, r->classes, e)) &&
	    !(rc = check_labels(&r->val, r->classes, e)) && o.val.n)
		rc = compare_sets(r, e);
	if (!rc && o.select == HM_SELECT_AUROC && r->classes > 2)
		rc = hm_err_set(e, HM_EDATA, "--select auroc needs two classes, these are %d", r->classes);
	return rc;
}

static int class_weights(struct run *r, struct hm_err *e)
{
	const char *p = o.class_weight;
	if (!p)
		return 0;
	if (!(r->weight = hm_alloc((size_t)r->classes, sizeof *r->weight, e)))
		return HM_EDATA;
	for (int c = 0; c < r->classes; c++) {
		char *end;
		double w = strtod(p, &end);
		if (end == p || !isfinite(w) || w <= 0 || w > 1e30 || *end != (c + 1 < r->classes ? ',' : 0))
			hm_cli_usage(&r->cli,
				     "--class-weight takes %d positive numbers parted by commas, not '%s'",
				     r->classes, o.class_weight);
		r->weight[c] = (float)w;
		p = end + 1;
	}
	r->config.class_weight = r->weight;
	return 0;
}

static int start_model(struct run *r, struct hm_err *e)
{
	int rc;
	hm_late_init(&r->model, r->classes, r->train.dim);
	if (!o.init) {
		rc = hm_head_init(&r->model, (uint64_t)o.seed, e);
	} else if (!(rc = hm_modelfile_read(&r->init, o.init, e)) &&
		   (rc = hm_head_load(&r->model, &r->init, &r->train, e))) {
		hm_err_prefix(e, "%s", o.init);
	}
	if (rc || !o.standardize)
		return rc;
	if (!(r->mean = hm_alloc((size_t)r->train.dim, sizeof *r->mean, e)) ||
	    !(r->deviation = hm_alloc((size_t)r->train.dim, sizeof *r->deviation, e)))
		return HM_EDATA;
	hm_headdata_moments(&r->train, r->mean, r->deviation);
	hm_headdata_standardise(&r->train, r->mean, r->deviation);
	hm_headdata_standardise(&r->val, r->mean, r->deviation);
	if (o.init)
		hm_head_unfold(&r->model, r->mean, r->deviation);
	return 0;
}

static int tell(void *ctx, const struct hm_event *ev, struct hm_err *e)
{
	struct run *r = ctx;
	char line[320], loss[HM_JSON_NUMBER], lr[HM_JSON_NUMBER], accuracy[HM_JSON_NUMBER],
		auroc[HM_JSON_NUMBER];
	uint64_t steps = (r->train.n + (uint64_t)o.batch_size - 1) / (uint64_t)o.batch_size;
	hm_json_f64(ev->loss, loss);
	switch (ev->kind) {
	case HM_EVENT_STEP:
		hm_cli_progress(&r->cli, (uint64_t)ev->step, steps * (uint64_t)o.epochs, "steps");
		snprintf(line, sizeof line,
			 "{\"event\":\"step\",\"epoch\":%" PRId64 ",\"step\":%" PRId64
			 ",\"loss\":%s,\"lr\":%s}\n",
			 ev->epoch, ev->step, loss, hm_json_f64(ev->lr, lr));
		break;
	case HM_EVENT_EPOCH:
		snprintf(line, sizeof line, "{\"event\":\"epoch\",\"epoch\":%" PRId64 ",\"train_loss\":%s}\n",
			 ev->epoch, loss);
		break;
	case HM_EVENT_EVAL:
		snprintf(line, sizeof line,
			 "{\"event\":\"eval\",\"epoch\":%" PRId64
			 ",\"loss\":%s,\"accuracy\":%s,\"auroc\":%s,\"n\":%zu}\n",
			 ev->epoch, loss, hm_json_f64(ev->accuracy, accuracy),
			 isnan(ev->auroc) ? "null" : hm_json_f64(ev->auroc, auroc), ev->n);
		break;
	case HM_EVENT_END:
		snprintf(line, sizeof line,
			 "{\"event\":\"end\",\"steps\":%" PRId64 ",\"best_epoch\":%" PRId64
			 ",\"reason\":\"%s\"}\n",
			 ev->step, ev->best_epoch, ev->reason);
		break;
	}
	return r->log ? hm_out_write(r->log, line, strlen(line), e) : 0;
}

/* The options that change the result, and the data's own history. */
static int history(struct run *r, struct hm_err *e)
{
	static const char *const optimizer[] = {"sgd", "adam", "adamw"}, *const schedule[] = {"constant",
											      "linear",
											      "cosine"};
	static const char *const select[] = {"last", "accuracy", "auroc"};
	cJSON *p = cJSON_CreateObject(), *pg;
	cJSON_AddStringToObject(p, "fusion", "late");
	cJSON_AddStringToObject(p, "optimizer", optimizer[o.optimizer]);
	cJSON_AddNumberToObject(p, "lr", o.lr);
	cJSON_AddNumberToObject(p, "momentum", o.momentum);
	cJSON_AddNumberToObject(p, "weight-decay", o.weight_decay);
	cJSON_AddStringToObject(p, "no-decay", o.no_decay ? o.no_decay : "");
	cJSON_AddNumberToObject(p, "clip-norm", o.clip_norm);
	cJSON_AddStringToObject(p, "schedule", schedule[o.schedule]);
	cJSON_AddNumberToObject(p, "warmup-steps", (double)o.warmup);
	cJSON_AddNumberToObject(p, "batch-size", (double)o.batch_size);
	cJSON_AddNumberToObject(p, "epochs", (double)o.epochs);
	cJSON_AddNumberToObject(p, "seed", (double)o.seed);
	cJSON_AddBoolToObject(p, "shuffle", !o.no_shuffle);
	cJSON_AddBoolToObject(p, "standardize", o.standardize);
	cJSON_AddStringToObject(p, "class-weight", o.class_weight ? o.class_weight : "");
	cJSON_AddStringToObject(p, "select", select[o.select]);
	cJSON_AddNumberToObject(p, "patience", (double)o.patience);
	cJSON_AddBoolToObject(p, "init", o.init != NULL);
	pg = hm_pg_append(r->pg, tool.name, p, e);
	cJSON_Delete(r->pg);
	r->pg = pg;
	return pg ? 0 : HM_EDATA;
}

static void check_call(struct run *r)
{
	struct hm_optim_config *c = &r->config.optim;
	if (!r->cli.out)
		hm_cli_usage(&r->cli, "-o FILE is required: where the model goes");
	if (o.log && !strcmp(o.log, r->cli.out))
		hm_cli_usage(&r->cli, "-o and --log name the same file, '%s'", o.log);
	for (int i = 0; i < o.val.n; i++)
		for (int k = 0; k < r->cli.n_operands; k++)
			if (!strcmp(o.val.item[i], "-") && !strcmp(r->cli.operands[k], "-"))
				hm_cli_usage(&r->cli, "standard input cannot be both the training and the "
						      "validation records");
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
}

/* Trains, then writes the log and the model: both or, when something fails, neither. */
static int work(struct run *r, struct hm_err *e)
{
	struct hm_event best;
	struct timespec a, b;
	char selected[96];
	clock_gettime(CLOCK_MONOTONIC, &a);
	int rc = hm_trainer_run(&r->model, r->device, &r->train, o.val.n ? &r->val : NULL, &r->config, tell,
				r, &best, e);
	clock_gettime(CLOCK_MONOTONIC, &b);
	cJSON_AddNumberToObject(r->cli.stats, "train_s",
				(double)(b.tv_sec - a.tv_sec) + 1e-9 * (double)(b.tv_nsec - a.tv_nsec));
	if (rc)
		return rc;
	if (o.standardize)
		hm_head_fold(&r->model, r->mean, r->deviation);
	snprintf(selected, sizeof selected, "%s, epoch %" PRId64,
		 o.select == HM_SELECT_LAST    ? "last"
		 : o.select == HM_SELECT_AUROC ? "auroc"
					       : "accuracy",
		 best.epoch);
	rc = hm_head_save(r->cli.out, &r->model, &r->train, o.init ? &r->init : NULL, selected, r->pg, e);
	if (!rc && r->log) {
		rc = hm_out_commit(r->log, e);
		r->log = NULL;
	}
	char scores[80] = "";
	if (best.n)
		snprintf(scores, sizeof scores, ", validation accuracy %.4f, AUROC %.4f", best.accuracy,
			 best.auroc);
	if (best.n && isnan(best.auroc))
		snprintf(scores, sizeof scores, ", validation accuracy %.4f", best.accuracy);
	if (!rc)
		hm_cli_notice(&r->cli, "%s: epoch %" PRId64 " of %" PRId64 "%s", r->cli.out, best.epoch,
			      o.epochs, scores);
	return rc;
}

int main(int argc, char **argv)
{
	struct run r = {0};
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, argc, argv);
	check_call(&r);
	int rc = (r.device = hm_device_open(r.cli.device, HM_PREC_F32, &e)) ? 0 : e.code;
	if (!rc && !(rc = read_data(&r, &e)) && !(rc = class_weights(&r, &e)) && !(rc = start_model(&r, &e)))
		rc = history(&r, &e);
	if (!rc && o.log && !(r.log = hm_out_open(o.log, &e)))
		rc = HM_EDATA;
	if (!rc)
		rc = work(&r, &e);
	hm_out_abort(r.log);
	hm_late_clear(&r.model);
	hm_modelfile_clear(&r.init);
	hm_headdata_clear(&r.train);
	hm_headdata_clear(&r.val);
	hm_device_close(r.device);
	cJSON_Delete(r.pg);
	free(r.weight);
	free(r.mean);
	free(r.deviation);
	return hm_cli_end(&r.cli, rc, &e);
}
