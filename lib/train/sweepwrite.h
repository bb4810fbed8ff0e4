/* Writes a sweep's models into its folder, and removes what an older sweep left there. */
#ifndef HM_SWEEPWRITE_H
#define HM_SWEEPWRITE_H

#include "train/sweep.h"

struct hm_sweep_out {
	const char *folder, *tool;
	const size_t *order; /* by hm_sweep_rank */
	size_t keep;	     /* models are written of order[0..keep) only */
	/* The history's entry for an item, which the callee frees. NULL with `e` without memory. */
	cJSON *(*options)(void *ctx, const struct hm_sweep_item *item, struct hm_err *e);
	void *ctx;
};

/* NAME.safetensors of the items order[0..keep) that were trained. Of a part, their digests go to the items.
 * What an older sweep left is removed before: the table, this part, models of this share that are not written
 * now. 0 or HM_EDATA. */
int hm_sweep_write_models(struct hm_sweep *s, const struct hm_sweep_run *r, const struct hm_sweep_out *o,
			  struct hm_err *e);

/* Removes the table, then the models of this share's items that are not among order[0..keep) or were not
 * trained: the table lists all models or does not exist. 0 or HM_EDATA. */
int hm_sweep_remove_old(const struct hm_sweep *s, const size_t *order, size_t keep, const char *folder,
			struct hm_err *e);
/* Removes folder/NAME ENDING, which need not exist. 0 or HM_EDATA. */
int hm_sweep_remove(const char *folder, const char *name, const char *ending, struct hm_err *e);

/* out := the digest of the item's model file. 0, or HM_EDATA with the path and why it cannot be read. */
int hm_sweep_model_digest(const char *folder, const struct hm_sweep_item *t, char out[HM_HEX],
			  struct hm_err *e);

#endif
