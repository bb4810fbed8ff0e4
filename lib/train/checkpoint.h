/* The state of a training run in one file, from which the run can go on: parameters with running statistics,
 * moments, the best epoch's parameters, and the place in the data. Random numbers have no state: they are a
 * function of seed, epoch and step. The file is a safetensors file with a digest over all of it, written
 * whole or not at all. */
#ifndef HM_CHECKPOINT_H
#define HM_CHECKPOINT_H

#include "nn/fusion.h"
#include "train/optim.h"

#include <cjson/cJSON.h>

/* An epoch's scores on the validation set. */
struct hm_epoch_score {
	int64_t epoch; /* 0: none yet */
	double loss, accuracy, auroc;
	size_t n;
};

struct hm_train_state {
	int64_t epoch;	   /* the present one, from 1 */
	int64_t done;	   /* examples done in this epoch */
	int64_t step;	   /* steps done */
	double sum, seen;  /* summed loss of the examples since the last step line, and their number */
	double epoch_sum;  /* summed loss of this epoch's examples */
	double best_value; /* of the metric that selects, larger is better; -infinity at first */
	double seconds;	   /* of training so far, over all restarts */
	int64_t stale;	   /* epochs since the best one */
	struct hm_epoch_score best;
	uint64_t log_bytes; /* length of the log */
	char reason[16];    /* "" while the run goes on; "done" or "patience" at its end */
};

/* A run, apart from its state. */
struct hm_checkpoint {
	const char *path;
	const cJSON *identity; /* flat object: what must be the same for a restart (options, data, model,
				  threads) */
	const char *grows;     /* key of a number in the identity that may be larger than in the file; NULL */
	struct hm_fusion *fusion;
	struct hm_optim *optim;
	float *kept; /* the best epoch's parameters of all tables, host memory; NULL: not kept */
};

/* Writes the file, replaces the old one and syncs. 0 or HM_EDATA. */
int hm_checkpoint_write(const struct hm_checkpoint *c, const struct hm_train_state *s, struct hm_err *e);
/* Fills tables, moments, kept and *s from the file. 0, or HM_EDATA: the first key of the identity that
 * differs, with both values, or what is damaged. */
int hm_checkpoint_read(const struct hm_checkpoint *c, struct hm_train_state *s, struct hm_err *e);
/* *value := the number under this key of a file's identity; for use before a run is set up. 0; 1 if the file
 * does not exist; HM_EDATA. */
int hm_checkpoint_peek(const char *path, const char *key, double *value, struct hm_err *e);

/* The number of elements in all tables: the length of `kept`. */
size_t hm_checkpoint_count(struct hm_fusion *f);
/* Copies all tables' parameters to `kept`, or with `back` from it. */
void hm_checkpoint_copy(struct hm_fusion *f, float *kept, bool back);

#endif
