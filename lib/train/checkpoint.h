/* A training run in one file, so that it can go on where it was: parameters with running statistics, moments,
 * the best epoch's parameters, and the place in the data. The random numbers need no state: they are a
 * function of seed, epoch and step. The file is a safetensors file with a digest over all of it, written
 * whole or not at all. */
#ifndef HM_CHECKPOINT_H
#define HM_CHECKPOINT_H

#include "nn/fusion.h"
#include "train/optim.h"

#include <cjson/cJSON.h>

/* How good an epoch was on the validation set. */
struct hm_epoch_score {
	int64_t epoch; /* 0: none yet */
	double loss, accuracy, auroc;
	size_t n;
};

struct hm_train_state {
	int64_t epoch;	   /* the one in hand, from 1 */
	int64_t done;	   /* its examples that are done */
	int64_t step;	   /* steps done */
	double sum, seen;  /* loss over the examples since the last step line, and their number */
	double epoch_sum;  /* loss over the epoch's examples */
	double best_value; /* of the selection, larger is better; -infinity at first */
	double seconds;	   /* of training so far, over all restarts */
	int64_t stale;	   /* epochs since the best one */
	struct hm_epoch_score best;
	uint64_t log_bytes; /* length of the log */
	char reason[16];    /* "" while it goes on; "done" or "patience" once all epochs are done */
};

/* What belongs to a run beside its state. */
struct hm_checkpoint {
	const char *path;
	const cJSON
		*identity; /* flat object: what must be the same to go on (options, data, model, threads) */
	const char *grows; /* a number of the identity that may be larger than in the file; NULL: none */
	struct hm_fusion *fusion;
	struct hm_optim *optim;
	float *kept; /* best epoch's parameters of all tables, host memory; NULL: none are kept */
};

/* Writes the file: whole, in its place, synced. 0 or HM_EDATA. */
int hm_checkpoint_write(const struct hm_checkpoint *c, const struct hm_train_state *s, struct hm_err *e);
/* Fills tables, moments, kept and *s from the file. HM_EDATA naming the first key of the identity that
 * differs, with both values; or what is damaged. */
int hm_checkpoint_read(const struct hm_checkpoint *c, struct hm_train_state *s, struct hm_err *e);
/* The number under this key of the identity of a file, before a run is set up; 1 when there is no such file,
 * else 0 or HM_EDATA. */
int hm_checkpoint_peek(const char *path, const char *key, double *value, struct hm_err *e);

/* Elements of all tables: what `kept` holds. */
size_t hm_checkpoint_count(struct hm_fusion *f);
/* All tables' parameters into `out`, or from it. */
void hm_checkpoint_copy(struct hm_fusion *f, float *kept, bool back);

#endif
