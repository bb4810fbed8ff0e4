/* Many trainings of a head over one reading of the features, each bit-equal to its own run: a file of
 * configurations in, a model file a configuration and a table of how they did out. */
#ifndef HM_SWEEP_H
#define HM_SWEEP_H

#include "train/recipe.h"
#include "train/setup.h"

#define HM_SWEEP_MOST 1000000 /* configurations of a file */

/* A configuration and what came of it. */
struct hm_sweep_item {
	const char *name;
	struct hm_recipe recipe;
	struct hm_trainer_result result;
	double loss;   /* training loss of the last epoch */
	float *params; /* [count] of the epoch kept; NULL: it failed */
	char *error;   /* why it failed */
};

struct hm_sweep {
	size_t n;
	struct hm_sweep_item *item;
	const char **key; /* [keys] options that some line sets, in the order of their appearance */
	size_t keys;
	struct hm_arena arena;
	struct hm_buf text;
};

/* How a line's members become a recipe: begin sets back to the defaults, set takes an option by its long name
 * and its value as text, finish gives the recipe or says what is wrong with it. 0 or a negative code with a
 * sentence. */
struct hm_sweep_reader {
	void *ctx;
	void (*begin)(void *ctx);
	int (*set)(void *ctx, const char *name, char *value, struct hm_err *e);
	int (*finish)(void *ctx, struct hm_recipe *recipe, struct hm_err *e);
};

/* Reads a JSON lines file: objects of option names and `name`, which becomes a file name. Strings, numbers
 * and booleans are values. HM_EDATA with a sentence that names file, line and key. Caller clears, also after
 * a failure. */
int hm_sweep_read(struct hm_sweep *s, const char *path, const struct hm_sweep_reader *r, struct hm_err *e);
void hm_sweep_clear(struct hm_sweep *s);

struct hm_sweep_run {
	struct hm_setup *setup; /* of cached late fusion */
	const char *device;	/* by name; each worker has one of its own, of one thread */
	enum hm_precision precision;
	struct hm_workers *workers;
	bool val;
	/* Under a lock, after each configuration. */
	void (*done)(void *ctx, size_t done, size_t of);
	void *ctx;
};
/* Trains all. What fails says so in its item; HM_EDATA is for memory alone. */
int hm_sweep_train(struct hm_sweep *s, const struct hm_sweep_run *r, struct hm_err *e);

/* Positions of the items, best first: by `select`'s metric where there is a validation set, else by loss, the
 * validation's before the training's; ties in the file's order, failures last. order [n]. 0 or HM_EDATA
 * (memory). */
int hm_sweep_rank(const struct hm_sweep *s, enum hm_select select, bool val, size_t *order, struct hm_err *e);
/* Into `folder`: NAME.safetensors of the items order[0..keep) that have not failed, then leaderboard.csv of
 * all, in that order. An older table and older models of the other items' names are removed before. options:
 * the
 * history's entry for an item, which the callee frees, NULL with `e` without memory. 0 or HM_EDATA. */
int hm_sweep_write(struct hm_sweep *s, const struct hm_sweep_run *r, const size_t *order, size_t keep,
		   const char *folder,
		   cJSON *(*options)(void *ctx, const struct hm_recipe *recipe, struct hm_err *e), void *ctx,
		   const char *tool, struct hm_err *e);

#endif
