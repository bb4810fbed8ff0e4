/* One step of training: forward and backward pass over a batch, whole or in parts, clipping, the optimizer.
 * In parts (hm_trainer_config.micro_batch, or several ranks) each rank computes its own parts, and all ranks
 * have the same parameters and running statistics afterwards. */
#ifndef HM_STEP_H
#define HM_STEP_H

#include "train/gradsum.h"
#include "train/trainer.h"

struct hm_step {
	struct hm_fusion *f; /* all borrowed */
	struct hm_device *d;
	struct hm_examples *x;
	const struct hm_trainer_config *c;
	struct hm_optim *optim;
	bool words;		   /* the examples have token ids */
	struct hm_minibatch batch; /* the next step's, if `ready` */
	bool ready;
	bool begun; /* the next step's passes are computed */
	/* In parts: */
	struct hm_gradsum sum;
	int64_t most;	 /* parts of the largest batch */
	double *loss;	 /* [most]: each part's sum of weighted losses */
	size_t stats;	 /* numbers in all running statistics of batch norms in train mode */
	float **running; /* [tensors]: where they are, device memory */
	size_t *length;	 /* [tensors] */
	size_t tensors;
	float *moved; /* [most,stats]: what each part adds to them */
	float *stat;  /* [stats]: their values */
};

/* Whether batches are computed in parts. */
bool hm_step_in_parts(const struct hm_trainer_config *c);
/* Reserves what steps need beyond the fusion's and the optimizer's memory. 0 or HM_EDATA. Caller clears, also
 * after a failure. */
int hm_step_init(struct hm_step *s, struct hm_err *e);
void hm_step_clear(struct hm_step *s);
/* Computes the passes of step number `step` of n <= HM_TOGETHER trainings whose fusions have one shape and
 * take the same batch, examples at[0..rows), on a host device; hm_step_take does the rest. Does nothing for
 * batches in parts, or if there is no batch: hm_step_take then says why. */
void hm_steps_begin(struct hm_step *const *s, size_t n, int64_t step, const uint32_t *at, size_t rows);
/* Takes step number `step` (from 0) with examples at[0..rows), of which the next `more` examples of at[] are
 * the next step's. *loss := the batch's mean loss, *lr := the rate. 0 or HM_EDATA; if loss or gradients are
 * not finite, the sentence names the step, the rate and the batch's ids. */
int hm_step_take(struct hm_step *s, int64_t step, const uint32_t *at, size_t rows, size_t more, float *loss,
		 double *lr, struct hm_err *e);
/* The sentence for a numeric failure in step number `step` (from 1) with these examples. Returns HM_EDATA. */
int hm_step_diverged(const struct hm_step *s, int64_t step, double lr, const char *what, const uint32_t *at,
		     size_t rows, struct hm_err *e);

#endif
