/* hm-fuse-train in six files: hm-fuse-train.c has the options, fuse_call.c checks them, fuse_run.c trains
 * once, fuse_sweep.c trains a head per line of a file, fuse_shards.c knows the shards of such a sweep,
 * fuse_ranks.c is for a training of several processes. This is what they share. */
#ifndef HM_FUSE_H
#define HM_FUSE_H

#include "towerwords.h"
#include "train/logfile.h"
#include "train/sweep.h"

#include <time.h>

enum { FREEZE_NONE, FREEZE_IMAGE, FREEZE_TEXT, FREEZE_BOTH };

/* The user's options. */
struct options {
	int features, freeze, frozen_mode, on_error, parallel;
	struct hm_strs val;
	char *train_layers;
	char *out, *init, *spec[HM_SIDES], *columns[HM_SIDES], *log, *checkpoint, *last, *sweep, *keep,
		*vocab, *names;
	bool standardize, no_standardize, unknown, mismatch, resume, steps_given, merge;
	struct hm_shard shard;
	struct hm_recipe recipe;
	struct tower_words tower;
	int64_t classes, log_steps, checkpoint_steps, memory;
	double dropout;
};

struct hm_fuse {
	struct hm_cli cli;
	struct options o;
	struct hm_setup_options options;
	struct hm_setup setup;
	struct hm_trainer_config config;
	struct hm_device *device;
	struct hm_logfile log;
	struct hm_ranks ranks; /* by NULL: this process trains alone */
	bool training;	       /* ranks may be in different places: a failure is this rank's own */
	cJSON *identity;
	cJSON *names;		      /* --names */
	struct hm_buf vocab;	      /* the tokenizer's files for the model file */
	double train_loss;	      /* of the last finished epoch */
	int constant;		      /* the class of all answers in the last validation; -1: they differ */
	float *weight;		      /* [C] class weights, or NULL */
	int threads;		      /* of the device: -j, or the checkpoint's */
	size_t keep;		      /* models of a sweep; 0: all */
	struct timespec start, first; /* when the training began, and when its first step was done */
};

/* fuse_call.c: fills r->options and r->config from the user's options; a wrong call ends here. */
void hm_fuse_check_call(struct hm_fuse *r);

/* fuse_run.c: the options that change the result, for the history and for a checkpoint's identity. recipe and
 * c: the run's own, or those of one head of a sweep. Caller frees with cJSON_Delete. NULL with `e` without
 * memory. */
cJSON *hm_fuse_options(const struct hm_fuse *r, const struct hm_recipe *recipe,
		       const struct hm_fusion_config *c, struct hm_err *e);
/* The same with the fusion's name: the history's entry. */
cJSON *hm_fuse_history(const struct hm_fuse *r, const struct hm_recipe *recipe,
		       const struct hm_fusion_config *c, struct hm_err *e);
/* Trains once and writes model, log and checkpoints. 0 or a negative code; result->signal is set if a signal
 * ended it. */
int hm_fuse_run(struct hm_fuse *r, struct hm_trainer_result *result, struct hm_err *e);

/* fuse_ranks.c: meets the other ranks; all but rank 0 are silent from now on and write no file. 0 or a
 * negative code. */
int hm_fuse_join(struct hm_fuse *r, struct hm_err *e);
/* peeked: what hm_checkpoint_peek said, and its threads. Makes this rank's settings common to all: -j, unless
 * given, is this rank's share of its processors and the least of any rank; --micro-batch, unless given, is
 * the checkpoint's or a rank's share of a batch; --memory is this rank's share of the machine's. Returns
 * peeked, or a negative code. */
int hm_fuse_share(struct hm_fuse *r, int peeked, double *threads, struct hm_err *e);
/* Checks that all ranks train the same with the same data. 0 or HM_EDATA. */
int hm_fuse_compare(struct hm_fuse *r, struct hm_err *e);
/* Leaves the ranks at the end of the run. If only this rank failed, says so and ends all. */
void hm_fuse_leave(struct hm_fuse *r, int rc, struct hm_err *e);

/* fuse_sweep.c: trains a head per line of --sweep, or of the share of --shard, and writes models and table,
 * or the part of one, into the folder -o. 0 or a negative code. */
int hm_fuse_sweep(struct hm_fuse *r, struct hm_err *e);
/* Checks that the files that the sweep writes are not files that the call reads: --init, records, the lines.
 * 0 or HM_EDATA; a wrong call ends here. */
int hm_fuse_sweep_outputs(struct hm_fuse *r, const struct hm_sweep *s, struct hm_err *e);
/* Reports the best configuration of those in `order`. HM_EDATA if any configuration failed. */
int hm_fuse_sweep_report(struct hm_fuse *r, const struct hm_sweep *s, const size_t *order, struct hm_err *e);
/* HM_EDATA if any configuration of the share failed. */
int hm_fuse_sweep_failed(const struct hm_sweep *s, struct hm_err *e);

/* The history's entry for one model; r: a struct hm_fuse. Caller frees; NULL with `e` without memory. */
cJSON *hm_fuse_sweep_history(void *r, const struct hm_sweep_item *item, struct hm_err *e);

/* fuse_shards.c: adds to an identity the digest of a tree's text; of none, "". Failures stick to `e`. */
void hm_fuse_add_tree(cJSON *o, const char *key, const cJSON *tree, struct hm_err *e);
/* Adds the digest of the file of --init to an identity; path NULL: nothing. Failures stick to `e`. */
void hm_fuse_add_init(cJSON *o, const char *path, struct hm_err *e);
/* Writes the part of the table that this shard has. 0 or HM_EDATA. */
int hm_fuse_shard_write(struct hm_fuse *r, const struct hm_sweep *s, enum hm_sweep_by by, struct hm_err *e);
/* Joins the shards of --sweep in the folder -o. 0 or HM_EDATA. */
int hm_fuse_merge(struct hm_fuse *r, struct hm_err *e);

#endif
