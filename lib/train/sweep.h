/* Trains many heads over one reading of the features. Each gets the same bytes as its own run would give.
 * Input is a file of configurations; output is one model file per configuration and a table of the results.
 * A sweep may be divided into parts that run apart: see sweeppart.h and sweepmerge.h.
 */
#ifndef HM_SWEEP_H
#define HM_SWEEP_H

#include "base/hex.h"
#include "train/recipe.h"
#include "train/setup.h"

#define HM_SWEEP_MOST 1000000 /* the most configurations in a file */

/* A configuration and its result. */
struct hm_sweep_item {
	const char *name;
	struct hm_recipe recipe;
	struct hm_fusion_config config;
	struct hm_trainer_result result;
	double loss; /* training loss of the last epoch */
	bool trained;
	float *params;	    /* [count] of the epoch kept, if it was trained here */
	char *error;	    /* the reason for a failure, in printable UTF-8 */
	const char *row;    /* its line of the table, if another run made it; else NULL */
	char model[HM_HEX]; /* of a part: digest of its model file; "": the part kept no model */
};

struct hm_sweep {
	size_t n;
	struct hm_sweep_item *item;
	uint64_t part, parts; /* this run's share: items part, part + parts, ...; parts 0: all items */
	char digest[HM_HEX];  /* of the file's bytes */
	const char **key;     /* [keys]: the options that any line sets, in order of appearance */
	size_t keys;
	struct hm_arena arena;
	struct hm_buf text;
};

/* The number of items in this run's share, and the i-th of them. */
static inline size_t hm_sweep_count(const struct hm_sweep *s)
{
	return !s->parts ? s->n : s->part >= s->n ? 0 : (s->n - 1 - (size_t)s->part) / s->parts + 1;
}
static inline struct hm_sweep_item *hm_sweep_own(const struct hm_sweep *s, size_t i)
{
	return &s->item[s->parts ? s->part + i * s->parts : i];
}

/* Why an item has no model; "" if it was trained. */
static inline const char *hm_sweep_reason(const struct hm_sweep_item *t)
{
	return t->trained ? "" : t->error ? t->error : "out of memory";
}

/* Callbacks that turn a line's members into a recipe: `begin` resets to the defaults, `set` takes an option's
 * long name and its value as text, `finish` fills recipe and config of the item or says what is wrong with
 * them. 0, or a negative code with a sentence. */
struct hm_sweep_reader {
	void *ctx;
	void (*begin)(void *ctx);
	int (*set)(void *ctx, const char *name, char *value, struct hm_err *e);
	int (*finish)(void *ctx, struct hm_sweep_item *item, struct hm_err *e);
};

/* Reads a JSON lines file. Each line is an object of options, whose values are strings, numbers or booleans,
 * and `name`, which becomes a file name. 0, or HM_EDATA with a sentence that names file, line and key. Caller
 * clears, also after a failure. */
int hm_sweep_read(struct hm_sweep *s, const char *path, const struct hm_sweep_reader *r, struct hm_err *e);
void hm_sweep_clear(struct hm_sweep *s);

struct hm_sweep_run {
	struct hm_setup *setup; /* a sweep's, on cached features */
	const char *device;	/* its name; each worker opens one for itself, with one thread */
	enum hm_precision precision;
	struct hm_workers *workers;
	bool val;
	/* Called under a lock after each configuration. */
	void (*done)(void *ctx, size_t done, size_t of);
	void *ctx;
};
/* Trains the configurations of this run's share. One that fails is marked in its item. Standardises the
 * training set if that is so for all of them, else its batches as needed. 0, or HM_EDATA if memory ran
 * out. */
int hm_sweep_train(struct hm_sweep *s, const struct hm_sweep_run *r, struct hm_err *e);

/* What the order follows: the column of the table. */
enum hm_sweep_by { HM_SWEEP_TRAIN_LOSS, HM_SWEEP_VAL_LOSS, HM_SWEEP_ACCURACY, HM_SWEEP_AUROC };
/* The metric of `select` if there is a validation set and it names one, else the validation loss, else the
 * training loss. */
enum hm_sweep_by hm_sweep_by(enum hm_select select, bool val);
/* order [hm_sweep_count] := the numbers of this share's items, best first. Ties keep the file's order;
 * failures come last. 0, or HM_EDATA if memory ran out. */
int hm_sweep_rank(const struct hm_sweep *s, enum hm_sweep_by by, size_t *order, struct hm_err *e);

#endif
