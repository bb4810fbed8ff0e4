/* The state of a training run in one file, from which the run can go on: parameters with running statistics,
 * moments, the best epoch's parameters, and the place in the data. Random numbers have no state: they are a
 * function of seed, epoch and step. The file is a safetensors file with a digest over all of it, written
 * whole or not at all. */
#ifndef HM_CHECKPOINT_H
#define HM_CHECKPOINT_H

#include "nn/fusion.h"
#include "train/optim.h"
#include "train/trainstate.h"

#include <cjson/cJSON.h>

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

/* Writes the file, replaces the old one and syncs. Of several ranks all call, rank 0 writes; the file does
 * not depend on their number. 0 or HM_EDATA. */
int hm_checkpoint_write(const struct hm_checkpoint *c, const struct hm_train_state *s, struct hm_err *e);
/* Fills tables, moments, kept and *s from the file. 0, or HM_EDATA: the first key of the identity that
 * differs, with both values, or what is damaged. Of several ranks all call; it is an error if they read
 * checkpoints of different moments. */
int hm_checkpoint_read(const struct hm_checkpoint *c, struct hm_train_state *s, struct hm_err *e);
/* *value := the number under this key of a file's identity; for use before a run is set up. 0; 1 if the file
 * does not exist; HM_EDATA. */
int hm_checkpoint_peek(const char *path, const char *key, double *value, struct hm_err *e);

/* The number of elements in all tables: the length of `kept`. */
size_t hm_checkpoint_count(struct hm_fusion *f);
/* Copies all tables' parameters to `kept`, or with `back` from it. */
void hm_checkpoint_copy(struct hm_fusion *f, float *kept, bool back);

#endif
