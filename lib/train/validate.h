/* The scores of a fusion on a validation set, in the middle of its training. Several ranks share the batches,
 * and all get the scores. */
#ifndef HM_VALIDATE_H
#define HM_VALIDATE_H

#include "train/trainer.h"

struct hm_validation {
	struct hm_fusion *f; /* all three borrowed: the trained one, its settings, the set */
	const struct hm_trainer_config *c;
	struct hm_examples *x;
	size_t rows;	 /* examples computed at once: as in training, more if no tower runs */
	uint32_t *order; /* [n] */
	float *out;	 /* [rows,C]: a batch's probabilities */
	double *prob;	 /* [n,C] */
	int constant;	 /* the class of all answers of the last run; -1: they differ */
};

/* f, c and x are set. 0 or HM_EDATA. Caller clears, also after a failure. */
int hm_validation_init(struct hm_validation *v, struct hm_err *e);
void hm_validation_clear(struct hm_validation *v);
/* *score := the scores of the fusion as it is now, after this epoch. 0 or HM_EDATA. */
int hm_validation_run(struct hm_validation *v, int64_t epoch, struct hm_epoch_score *score, struct hm_err *e);

#endif
