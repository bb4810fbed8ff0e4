/* hm-fuse-train in three files: hm-fuse-train.c has the options and checks the call, fuse_run.c trains once,
 * fuse_sweep.c trains a head per line of a file. This is what they share. */
#ifndef HM_FUSE_H
#define HM_FUSE_H

#include "cli/cli.h"
#include "train/logfile.h"
#include "train/sweep.h"

#include <time.h>

enum { FREEZE_NONE, FREEZE_IMAGE, FREEZE_TEXT, FREEZE_BOTH };

/* What the user said. */
struct options {
	int fusion, features, freeze, frozen_mode, on_error;
	struct hm_strs val;
	char *out, *init, *spec[HM_SIDES], *log, *checkpoint, *last, *sweep, *keep;
	bool standardize, no_standardize, unknown, mismatch, resume, steps_given;
	struct hm_recipe recipe;
	struct hm_encoder_options encoder;
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
	cJSON *identity;
	double train_loss;	      /* of the epoch that just ended */
	int constant;		      /* the class of all answers of the last validation, or -1 */
	float *weight;		      /* [C] of the classes, or NULL */
	int threads;		      /* of the device: -j, or the checkpoint's */
	size_t keep;		      /* models of a sweep; 0: all */
	struct timespec start, first; /* of the training, and when its first step was done */
};

/* fuse_run.c: the options that change the result, for the history and for what a checkpoint must agree with.
 * The recipe is the run's own, or one of a sweep's. NULL with `e`: no memory. */
cJSON *hm_fuse_options(const struct hm_fuse *r, const struct hm_recipe *recipe, struct hm_err *e);
/* The same with the fusion's name, as the history has it. */
cJSON *hm_fuse_history(const struct hm_fuse *r, const struct hm_recipe *recipe, struct hm_err *e);
/* One training: writes model, log, checkpoints. 0 or a negative code; result->signal when a signal ended it.
 */
int hm_fuse_run(struct hm_fuse *r, struct hm_trainer_result *result, struct hm_err *e);

/* fuse_sweep.c: trains a head for each line of --sweep, writes models and table into the folder -o. */
int hm_fuse_sweep(struct hm_fuse *r, struct hm_err *e);

#endif
