/* The training loop of a fusion: epochs of shuffled batches, validation, keeping the best epoch, checkpoints.
 * It prints nothing and reports events through callbacks. */
#ifndef HM_TRAINER_H
#define HM_TRAINER_H

#include "train/checkpoint.h"
#include "feed/examples.h"

enum hm_select { HM_SELECT_LAST, HM_SELECT_ACCURACY, HM_SELECT_AUROC };

struct hm_trainer_config {
	struct hm_optim_config optim; /* its total is set by the trainer */
	int64_t batch_size, epochs, log_steps;
	int64_t micro_batch; /* each batch is computed in parts of so many examples (parts.h); 0: as a whole
			      */
	struct hm_ranks *ranks; /* the processes that train together; NULL: this one alone */
	int64_t patience; /* stop after this many epochs without a better one (by `select`; for LAST by loss);
			     0: never */
	uint64_t seed;
	bool shuffle;
	bool drop_last; /* skip the last batch of an epoch if it is not full */
	enum hm_select select;
	double dropout;		   /* in encoders that run in train mode */
	const float *class_weight; /* [C] weights of the training loss; NULL: not weighted */
	const char *checkpoint;	   /* path, written at the end of each epoch; NULL: not written */
	int64_t checkpoint_steps;  /* also written every so many steps; 0: not */
	bool resume;		   /* go on from the checkpoint */
	const cJSON *identity;	   /* checkpoint.h */
	/* For a standardised training set and a raw validation set: a second fusion of the same
	 * configuration, placed. Before each validation, refold gives it the parameters for raw features, so
	 * that its answers are those of hm-score. NULL: the trained fusion itself is evaluated. */
	struct hm_fusion *judge;
	int (*refold)(void *ctx, struct hm_fusion *f, struct hm_fusion *judge, struct hm_err *e);
	void *refold_ctx;
};

enum hm_event_kind { HM_EVENT_STEP, HM_EVENT_EPOCH, HM_EVENT_EVAL, HM_EVENT_END };

/* One event, a line of --log. Each comment names the kinds that have the field. */
struct hm_event {
	enum hm_event_kind kind;
	int64_t epoch, step; /* step: STEP: from 1; END: steps in all */
	double loss; /* STEP: mean over the examples since the last one; EPOCH: mean over the epoch; EVAL: not
			weighted by class */
	double lr;   /* STEP: the rate of that step */
	double accuracy, auroc; /* EVAL; auroc is NaN if undefined */
	int constant;		/* EVAL: the class of all answers; -1: they differ */
	double seconds;		/* EPOCH, EVAL: training time so far */
	size_t n;		/* EVAL: examples */
	int64_t best_epoch;	/* END: the epoch whose weights the model now has */
	const char *reason;	/* END: "done", "patience" or "signal"; until the call returns */
};

/* The loop's calls to its caller. A negative return value stops the training. */
struct hm_trainer_calls {
	void *ctx;
	int (*tell)(void *ctx, const struct hm_event *ev, struct hm_err *e);
	/* After each step: its number and loss, for a progress line. Returns the signal that asks for a
	 * checkpoint, or 0; *stop := whether to stop after the checkpoint. */
	int (*step)(void *ctx, int64_t step, int64_t steps, double loss, double lr, bool *stop);
	/* Writes the log to the disk and gives its length; cuts it back to a length. */
	int (*log_sync)(void *ctx, uint64_t *bytes, struct hm_err *e);
	int (*log_cut)(void *ctx, uint64_t bytes, struct hm_err *e);
	/* Called at the end, while the model still has the last epoch's weights, before it gets those of the
	 * epoch that `select` keeps. batches: as kept_batches, in all. NULL: not called. */
	int (*last)(void *ctx, int64_t epoch, int64_t batches, struct hm_err *e);
};

struct hm_trainer_result {
	struct hm_epoch_score best; /* of the epoch kept; n is 0 without validation */
	int64_t steps;		    /* in all */
	int64_t kept_batches; /* that a batch norm saw until the end of the epoch kept: steps, or parts */
	double seconds;	      /* training time over all restarts; work lost by a kill is not counted */
	uint64_t extra; /* bytes that this rank sent beyond one partial sum per step and rank (gradsum.h) */
	int signal;	/* the signal that stopped the run, after a checkpoint; else 0 */
};

/* HM_EDATA if AUROC can select no epoch by these examples, because all have the same label. */
int hm_trainer_check_auroc(const struct hm_examples *val, struct hm_err *e);

/* Of several ranks, all call with the same arguments, but the log and the checkpoint's file are rank 0's.
 * Trains f, placed on `d`, from its present parameters; at the end it has those of the selected epoch. val
 * may be NULL unless select or patience need it. The caller has checked that labels are in [0,C). 0, or
 * HM_EDATA; if a loss or weights are not finite, the sentence names step, rate and the batch's ids. */
int hm_trainer_run(struct hm_fusion *f, struct hm_device *d, struct hm_examples *train,
		   struct hm_examples *val, const struct hm_trainer_config *c,
		   const struct hm_trainer_calls *calls, struct hm_trainer_result *result, struct hm_err *e);

/* The same in steps, so that a caller can train several heads in turn:
 *   rc = hm_trainer_open(&t, ...);
 *   while (!rc && !hm_trainer_over(t))
 *           rc = hm_trainer_advance(t, e);
 *   if (!rc)
 *           rc = hm_trainer_finish(t, &result, e);
 *   hm_trainer_close(t);
 * The arguments of open must stay until close, which also follows a failure. Trainings that share a set of
 * examples may take turns if their device is a host. */
struct hm_trainer;
int hm_trainer_open(struct hm_trainer **t, struct hm_fusion *f, struct hm_device *d,
		    struct hm_examples *train, struct hm_examples *val, const struct hm_trainer_config *c,
		    const struct hm_trainer_calls *calls, struct hm_err *e);
bool hm_trainer_over(const struct hm_trainer *t); /* done, out of patience, or stopped by a signal */
/* Takes one step; at the end of an epoch also validates. */
int hm_trainer_advance(struct hm_trainer *t, struct hm_err *e);
/* Computes the passes of the next step of n trainings, which take the batches of t[0] from the same examples
 * in the same order, on a host device: what is loaded serves all. hm_trainer_advance then does the rest of
 * each step. */
void hm_trainers_begin(struct hm_trainer *const *t, size_t n);
int hm_trainer_finish(struct hm_trainer *t, struct hm_trainer_result *result, struct hm_err *e);
void hm_trainer_close(struct hm_trainer *t); /* NULL is fine */

#endif
