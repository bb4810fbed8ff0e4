/* hm-fuse-train: trains a fusion of image and text, from cached features, raw columns or both, and writes it
 * as a safetensors model file. This file has the options and what is done for a run of any kind. */
#include "fuse.h"
#include "feed/vocabulary.h"

#include <inttypes.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct options defaults = {.recipe = {.optimizer = HM_ADAMW,
						   .batch_size = 64,
						   .epochs = 10,
						   .seed = 42,
						   .lr = 1e-3,
						   .fusion = -1,
						   .map_dim = 1024,
						   .map_layers = 1,
						   .pre_layers = 1},
					.log_steps = 20,
					.dropout = .1,
					.tower = TOWER_WORDS,
					.features = -1};

static const struct hm_opt table[] = {
	{.group = "Data and model"},
	{"output", 'o', HM_STR(out), "MODEL", "the model file to write; with --sweep a folder",
	 .required = true, .file = HM_FILE_OUT},
	{"val", 0, HM_LIST(val), "FILE", "validation records, scored after each epoch (repeatable, joined)",
	 .file = HM_FILE_IN},
	{"fusion", 0, HM_CHOICE(recipe.fusion), HM_FUSION_WORDS,
	 "one linear layer over both features; both through one transformer; or both mapped, joined, and "
	 "hidden "
	 "layers"},
	{"features", 0, HM_CHOICE(features), "image|text|image,text",
	 "which sides late fusion uses; all that the data has unless given"},
	{"image-feature", 0, HM_STR(columns[HM_IMAGE]), "NAME,...",
	 "the image's feature columns, one after the other, instead of image_feature"},
	{"text-feature", 0, HM_STR(columns[HM_TEXT]), "NAME,...", "the same for the text"},
	{"image", 0, HM_STR(spec[HM_IMAGE]), "SPEC",
	 "image encoder: model file, weight file, folder or init:NAME", .preset = hm_image_preset,
	 .file = HM_FILE_IN},
	{"text", 0, HM_STR(spec[HM_TEXT]), "SPEC", "text encoder, in early fusion the transformer",
	 .preset = hm_text_preset, .file = HM_FILE_IN},
	{"vocab", 0, HM_STR(vocab), "FILE|DIR",
	 "the captions' vocabulary, for the model file; that in the folder of --text unless given",
	 .file = HM_FILE_IN},
	{"init", 0, HM_STR(init), "MODEL", "start from this model file instead of random weights",
	 .file = HM_FILE_IN},
	{"key", 0, HM_STR(tower.spec.key), "NAME", "the part of a training checkpoint that holds an encoder"},
	{"classes", 0, HM_INT(classes), "N",
	 "how many classes; 1 + the largest label, at least 2, unless given", .min = 2, .max = 1 << 16},
	{"names", 0, HM_STR(names), "WORD,WORD,...",
	 "what the classes are called, from class 0, unless the labels say it"},
	{"standardize", 0, HM_FLAG(standardize), NULL,
	 "scale features to mean 0 and deviation 1, folded into the model: the default of late fusion on "
	 "features"},
	{"no-standardize", 0, HM_FLAG(no_standardize), NULL, "take features as they are"},
	{"on-error", 0, HM_CHOICE(on_error), "fail|skip", "what to do about failed and unlabelled records"},
	{"allow-mismatch", 0, HM_FLAG(mismatch), NULL,
	 "take --val or --init although inputs were prepared otherwise or classes have other words"},
	{"allow-unknown-features", 0, HM_FLAG(unknown), NULL,
	 "take features that do not say which encoder made them"},

	{.group = "Layers of align, concat, cross and align-concat"},
	{"map-dim", 0, HM_INT(recipe.map_dim), "N", "width to which both sides are mapped", .min = 1,
	 .max = 1 << 16, .given = HM_GIVEN(recipe.map_dim_given)},
	{"map-layers", 0, HM_INT(recipe.map_layers), "N", "linear layers of each map", .min = 1,
	 .max = HM_HEAD_LAYERS, .given = HM_GIVEN(recipe.map_layers_given)},
	{"pre-layers", 0, HM_INT(recipe.pre_layers), "N", "hidden layers behind the joint", .min = 0,
	 .max = HM_HEAD_LAYERS, .given = HM_GIVEN(recipe.pre_layers_given)},
	{"pre-dim", 0, HM_INT(recipe.pre_dim), "N", "their width; that of the maps unless given", .min = 1,
	 .max = 1 << 16, .given = HM_GIVEN(recipe.pre_dim_given)},
	{"normalize", 0, HM_FLAG(recipe.normalize), NULL,
	 "give both maps length 1 before they are joined: the "
	 "default"},
	{"no-normalize", 0, HM_FLAG(recipe.no_normalize), NULL, "join the maps as they are"},
	{"head-dropout", 0, HM_STR(recipe.head_dropout), "D1,D2,D3",
	 "dropout of the maps, of the joint and of the hidden layers; 0,0,0 unless given"},

	{.group = "Training"},
	{"epochs", 0, HM_INT(recipe.epochs), "N", "passes over the training data", .min = 1, .max = 1 << 20},
	{"batch-size", 0, HM_INT(recipe.batch_size), "N", "examples per step", .min = 1, .max = 1 << 20},
	{"micro-batch", 0, HM_INT(recipe.micro_batch), "N",
	 "compute each batch in parts of N examples: less memory for activations, more for gradients",
	 .min = 1, .max = 1 << 20},
	{"lr", 0, HM_DOUBLE(recipe.lr), "X", "learning rate", .dmin = 0, .dmax = 1e6},
	{"optimizer", 0, HM_CHOICE(recipe.optimizer), "sgd|adam|adamw", "what turns gradients into steps"},
	{"momentum", 0, HM_DOUBLE(recipe.momentum), "X", "momentum of sgd", .dmin = 0, .dmax = 1,
	 .given = HM_GIVEN(recipe.momentum_given)},
	{"weight-decay", 0, HM_DOUBLE(recipe.weight_decay), "X",
	 "added to the gradient, or decoupled (adamw)", .dmin = 0, .dmax = 1e6},
	{"no-decay", 0, HM_STR(recipe.no_decay), "norm,bias", "what weight decay leaves alone"},
	{"clip-norm", 0, HM_DOUBLE(recipe.clip_norm), "X",
	 "clip the gradient's global norm to this; 0 does not", .dmin = 0, .dmax = 1e30},
	{"schedule", 0, HM_CHOICE(recipe.schedule), "constant|linear|cosine",
	 "how the learning rate goes on after warm-up"},
	{"warmup-steps", 0, HM_INT(recipe.warmup), "N", "steps in which the rate grows from 0",
	 .max = INT64_C(1) << 40},
	{"class-weight", 0, HM_STR(recipe.class_weight), "W0,W1",
	 "weights of the classes in the training loss"},
	{"seed", 0, HM_INT(recipe.seed), "S", "random seed of initial weights, shuffles and dropout",
	 .max = INT64_C(1) << 53},
	{"drop-last", 0, HM_FLAG(recipe.drop_last), NULL,
	 "leave a last batch that is not full out of each epoch"},
	{"no-shuffle", 0, HM_FLAG(recipe.no_shuffle), NULL, "take the examples in the order of the file"},

	{.group = "Encoders in training"},
	{"encoder-lr", 0, HM_DOUBLE(recipe.encoder_lr), "X", "learning rate of encoders; --lr unless given",
	 .dmin = 1e-12, .dmax = 1e6},
	{"train-layers", 0, HM_STR(train_layers), "SIDE:K[,SIDE:K]",
	 "of the image's or text's encoder train only the last K layers and what is above them"},
	{"freeze", 0, HM_CHOICE(freeze), "none|image|text|both", "encoders that are not trained"},
	{"frozen-mode", 0, HM_CHOICE(frozen_mode), "eval|train",
	 "how frozen encoders run: as for features, or with batch statistics and dropout"},
	{"dropout", 0, HM_DOUBLE(dropout), "P", "dropout of the text encoder in training", .dmin = 0,
	 .dmax = .99},
	TOWER_ROWS,
	TOWER_OUTPUT_ROWS(TOWER_IMAGE,
			  "which vector of the image encoder the fusion takes (projected: CLIP's projection)",
			  "the same of the text encoder; trained ones have all but mean"),
	{"vocab-size", 0, HM_INT(tower.spec.vocab), "N", "rows of the word table of an init: text encoder",
	 .min = 1, .max = 1 << 22},

	{.group = "Which epoch is kept"},
	{"select", 0, HM_CHOICE(recipe.select), "last|accuracy|auroc",
	 "which epoch to keep, by the validation set"},
	{"patience", 0, HM_INT(recipe.patience), "N", "stop after N epochs without a better one; 0 does not",
	 .max = 1 << 20},
	{"last", 0, HM_STR(last), "MODEL", "write the last epoch's weights there too", .file = HM_FILE_OUT},

	{.group = "Long runs"},
	{"log", 0, HM_STR(log), "FILE.jsonl", "write losses and scores there, one JSON object per line",
	 .file = HM_FILE_OUT},
	{"log-steps", 0, HM_INT(log_steps), "N", "steps between lines of the log", .min = 1, .max = 1 << 30},
	{"checkpoint", 0, HM_STR(checkpoint), "FILE",
	 "write the run's state there after each epoch and on signals", .file = HM_FILE_STATE},
	{"checkpoint-steps", 0, HM_INT(checkpoint_steps), "N", "write it every N steps as well", .min = 1,
	 .max = INT64_C(1) << 40, .given = HM_GIVEN(steps_given)},
	{"resume", 0, HM_FLAG(resume), NULL, "go on from the checkpoint, if it is there"},
	{"memory", 0, HM_SIZE(memory), "SIZE",
	 "data held in memory, the rest goes to files; half of the memory unless given", .min = 0,
	 .max = INT64_C(1) << 50},

	{"parallel", 0, HM_CHOICE(parallel), "none|mpi",
	 "train in all processes that mpirun or srun starts, each with its share of every batch"},

	{.group = "Sweeps"},
	{"sweep", 0, HM_STR(sweep), "FILE.jsonl",
	 "train a head for each line of options; -o is then a folder", .file = HM_FILE_IN},
	{"keep", 0, HM_STR(keep), "all|best:K", "which models a sweep writes"},
	{"shard", 0, HM_SHARD(shard), "I/N", "only configurations I, I+N, I+2N, ..., counted from 0"},
	{"merge", 0, HM_FLAG(merge), NULL, "join the shards in the folder of -o into the whole sweep",
	 .no_operand = true},
	{0}};

static const struct hm_tool tool = {"hm-fuse-train",
				    "train a fusion of image and text",
				    "[FILE ...]",
				    table,
				    HM_CLI_JOBS | HM_CLI_DEVICE,
				    0,
				    -1,
				    hm_device_backends,
				    .own_try = true,
				    .jobs = "threads; the last bits of trained encoders depend on it"};

/* Ranks of one machine take its GPUs one after the other, unless each is shown a GPU of its own. */
static int open_named(struct hm_fuse *r, struct hm_err *e)
{
	char name[32];
	struct hm_err none = {0};
	enum hm_precision precision = (enum hm_precision)r->cli.precision;
	snprintf(name, sizeof name, "cuda:%d", r->ranks.local);
	if (r->ranks.by && !strcmp(r->cli.device, "cuda"))
		r->device = hm_device_open(name, precision, &none);
	if (!r->device)
		r->device = hm_device_open(r->cli.device, precision, e);
	return r->device ? 0 : e->code;
}

/* -j, unless a checkpoint says with how many threads it was made. */
static int open_device(struct hm_fuse *r, struct hm_err *e)
{
	double threads = (double)r->cli.jobs;
	int rc = r->o.resume ? hm_checkpoint_peek(r->o.checkpoint, "threads", &threads, e) : 1;
	if (r->ranks.by && (rc = hm_fuse_share(r, rc, &threads, e)) < 0)
		return rc;
	if (rc < 0)
		return rc;
	r->config.resume = rc == 0;
	r->threads = (int)threads;
	if (open_named(r, e))
		return e->code;
	if (hm_device_use_threads(r->device, r->threads, e))
		return e->code;
	hm_cli_device(&r->cli, r->device->name);
	return 0;
}

/* The tokens must be those of the text encoder's own folder, as for hm-encode. */
static int check_vocab(struct hm_fuse *r, struct hm_err *e)
{
	const char *spec = r->o.spec[HM_TEXT];
	const cJSON *used = r->setup.train.prepared[HM_TEXT];
	struct hm_err why = {0};
	if (!spec || !cJSON_GetObjectItemCaseSensitive(used, "vocab"))
		return 0;
	int found = hm_tokenizer_found(spec, e);
	if (found <= 0 || !hm_tokenizer_check(spec, used, &why))
		return found < 0 ? found : 0;
	if (why.machine)
		return hm_err_pass(e, &why);
	if (!r->o.mismatch)
		return hm_err_set(e, why.code, "%s: %s; --allow-mismatch goes on", r->cli.operands[0],
				  why.text);
	hm_cli_warn(&r->cli, "%s: %s", r->cli.operands[0], why.text);
	return 0;
}

/* The tokenizer's files for the model file: those of --vocab, else those in the folder of --text. */
static int take_vocab(struct hm_fuse *r, struct hm_err *e)
{
	const char *spec = r->o.spec[HM_TEXT];
	const struct hm_setup *s = &r->setup;
	bool whole = s->encoder[HM_TEXT].kind;
	int found = whole && spec ? hm_tokenizer_found(spec, e) : 0;
	if (found < 0)
		return found;
	struct hm_buf folder = {0};
	struct hm_err why = {0};
	if (r->o.vocab || found) {
		int rc = r->o.vocab ? 0 : hm_tokenizer_folder(spec, &folder, &why);
		if (!rc)
			rc = hm_vocabulary_pack(r->o.vocab ? r->o.vocab : (char *)folder.data,
						s->train.prepared[HM_TEXT], &r->vocab, &why);
		hm_buf_clear(&folder);
		if (rc && (r->o.vocab || why.machine))
			return hm_err_pass(e, &why);
		if (rc)
			hm_cli_notice(&r->cli, "the model file gets no vocabulary: %s", why.text);
		else
			r->options.vocab = (char *)r->vocab.data;
	} else if (whole && !r->o.sweep && !s->init.head.vocab) {
		hm_cli_notice(&r->cli, "the model file gets no vocabulary, which hm-classify will ask for: "
				       "--vocab DIR puts it there");
	}
	return 0;
}

/* --precision is of the encoders. */
static void note_precision(struct hm_fuse *r)
{
	bool runs = false;
	for (int k = 0; k < HM_SIDES; k++)
		runs |= r->setup.use[k] != HM_USE_NONE && r->setup.use[k] != HM_USE_FEATURE;
	if (r->cli.precision == HM_PREC_BF16 && !runs)
		hm_cli_notice(
			&r->cli,
			"--precision bf16 is of encoders, and none runs here: a head on cached features is "
			"trained in f32");
}

int main(int argc, char **argv)
{
	struct hm_fuse r = {.o = defaults, .log = {.fd = -1}};
	struct hm_trainer_result result = {0};
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	hm_fuse_check_call(&r);
	if (r.o.merge)
		return hm_cli_end(&r.cli, hm_fuse_merge(&r, &e), &e);
	int rc = r.o.parallel ? hm_fuse_join(&r, &e) : 0;
	if (!rc && hm_ranks_lead(&r.ranks))
		rc = hm_cli_try_outputs(&r.cli, r.o.sweep ? r.o.out : NULL, &e);
	if (r.ranks.by) /* what follows, all ranks do together */
		rc = hm_ranks_agree(&r.ranks, rc, &e);
	if (!rc)
		rc = open_device(&r, &e);
	if (!rc)
		rc = hm_setup_open(&r.setup, &r.options, r.device, r.cli.workers, &e);
	if (!rc)
		rc = check_vocab(&r, &e);
	if (!rc)
		rc = take_vocab(&r, &e);
	if (!rc)
		note_precision(&r);
	if (!rc && !(r.weight = hm_alloc((size_t)r.setup.classes, sizeof *r.weight, &e)))
		rc = HM_EDATA;
	if (r.ranks.by)
		rc = hm_ranks_agree(&r.ranks, rc, &e);
	if (!rc)
		rc = r.o.sweep ? hm_fuse_sweep(&r, &e) : hm_fuse_run(&r, &result, &e);
	if (r.ranks.by)
		hm_fuse_leave(&r, rc, &e);
	hm_logfile_close(&r.log);
	hm_setup_clear(&r.setup);
	hm_device_close(r.device);
	cJSON_Delete(r.identity);
	cJSON_Delete(r.names);
	hm_buf_clear(&r.vocab);
	free(r.weight);
	if (!rc && result.signal)
		hm_cli_notice(&r.cli, "stopped by signal %d after step %" PRId64 "; --resume goes on",
			      result.signal, result.steps);
	rc = hm_cli_end(&r.cli, rc, &e);
	return !rc && result.signal ? 128 + result.signal : rc;
}
