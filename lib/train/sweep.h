/* Trains many heads over one reading of the features. Each gets the same bytes as its own run would give.
 * Input is a file of configurations; output is one model file per configuration and a table of the results.
 */
#ifndef HM_SWEEP_H
#define HM_SWEEP_H

#include "train/recipe.h"
#include "train/setup.h"

#define HM_SWEEP_MOST 1000000 /* the most configurations in a file */

/* A configuration and its result. */
struct hm_sweep_item {
	const char *name;
	struct hm_recipe recipe;
	struct hm_fusion_config config;
	struct hm_trainer_result result;
	double loss;   /* training loss of the last epoch */
	float *params; /* [count] of the epoch kept; NULL: the training failed */
	char *error;   /* the reason for the failure */
};

struct hm_sweep {
	size_t n;
	struct hm_sweep_item *item;
	const char **key; /* [keys]: the options that any line sets, in order of appearance */
	size_t keys;
	struct hm_arena arena;
	struct hm_buf text;
};

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
/* Trains all configurations. One that fails is marked in its item. Standardises the training set if that is
 * so for all of them, else its batches as needed. 0, or HM_EDATA if memory ran out. */
int hm_sweep_train(struct hm_sweep *s, const struct hm_sweep_run *r, struct hm_err *e);

/* order [n] := the items' numbers, best first: by the metric of `select` if there is a validation set and it
 * names one, else by the validation loss, else by the training loss. Ties keep the file's order; failures
 * come last. 0, or HM_EDATA if memory ran out. */
int hm_sweep_rank(const struct hm_sweep *s, enum hm_select select, bool val, size_t *order, struct hm_err *e);
/* Into `folder`: NAME.safetensors of the items order[0..keep) that have not failed, then leaderboard.csv of
 * all, in that order. An older table and older models of the other items' names are removed before. options:
 * the
 * history's entry for an item, which the callee frees, NULL with `e` without memory. 0 or HM_EDATA. */
int hm_sweep_write(struct hm_sweep *s, const struct hm_sweep_run *r, const size_t *order, size_t keep,
		   const char *folder,
		   cJSON *(*options)(void *ctx, const struct hm_sweep_item *item, struct hm_err *e),
		   void *ctx, const char *tool, struct hm_err *e);

#endif
