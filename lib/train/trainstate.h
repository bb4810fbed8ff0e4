/* How far a training run is, and the same as text: numbers are decimal or hexadecimal, so that none is
 * rounded. */
#ifndef HM_TRAINSTATE_H
#define HM_TRAINSTATE_H

#include "base/err.h"

#include <cjson/cJSON.h>
#include <stddef.h>
#include <stdint.h>

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
	double seconds;	   /* of training so far, over all restarts: not in the checkpoint, see below */
	int64_t stale;	   /* epochs since the best one */
	struct hm_epoch_score best;
	uint64_t log_bytes; /* length of the log */
	char reason[16];    /* "" while the run goes on; "done" or "patience" at its end */
};

/* The state as an object of strings. Caller frees with cJSON_Delete. NULL with `e` without memory. */
cJSON *hm_train_state_json(const struct hm_train_state *s, struct hm_err *e);
/* *s := the state in the object, `seconds` 0. 0, or HM_EDATA naming the key that is not valid. */
int hm_train_state_read(const cJSON *o, struct hm_train_state *s, struct hm_err *e);

/* The seconds stand in a file of their own, the checkpoint's name and ".seconds", so that the checkpoint has
 * no clock in it: equal runs have equal checkpoints. write: 0 or HM_EDATA. read: 0 if there is no valid file.
 */
int hm_train_clock_write(const char *path, double seconds, struct hm_err *e);
double hm_train_clock_read(const char *path);

#endif
