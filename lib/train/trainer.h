/* The training loop of a fusion: epochs of shuffled batches, validation, the best epoch kept, checkpoints. It
 * prints nothing: what happens is told through a callback. */
#ifndef HM_TRAINER_H
#define HM_TRAINER_H

#include "train/checkpoint.h"
#include "feed/examples.h"

enum hm_select { HM_SELECT_LAST, HM_SELECT_ACCURACY, HM_SELECT_AUROC };

struct hm_trainer_config {
	struct hm_optim_config optim; /* its total is set by the trainer */
	int64_t batch_size, epochs, log_steps;
	int64_t patience; /* stop after so many epochs without a better one (by `select`, LAST: by loss); 0:
			     never */
	uint64_t seed;
	bool shuffle;
	bool drop_last; /* leave the examples of a last batch that is not full out of each epoch */
	enum hm_select select;
	double dropout;		   /* of the encoders that run in train mode */
	const float *class_weight; /* [C] weights of the training loss, NULL: none */
	const char *checkpoint;	   /* written at each epoch's end; NULL: none is */
	int64_t checkpoint_steps;  /* and every so many steps; 0: not */
	bool resume;		   /* go on from it */
	const cJSON *identity;	   /* checkpoint.h */
	/* Where the training set's features were standardised and the validation set's are raw: a fusion of
	 * the same configuration, placed, which gets the parameters for raw features from refold before each
	 * validation. Its answers are then those that hm-score gives. NULL: f itself is evaluated. */
	struct hm_fusion *judge;
	int (*refold)(void *ctx, struct hm_fusion *f, struct hm_fusion *judge, struct hm_err *e);
	void *refold_ctx;
};

enum hm_event_kind { HM_EVENT_STEP, HM_EVENT_EPOCH, HM_EVENT_EVAL, HM_EVENT_END };

/* A line of --log: which fields belong to which kind. */
struct hm_event {
	enum hm_event_kind kind;
	int64_t epoch, step; /* step: of STEP from 1; of END steps in all */
	double loss; /* STEP: mean over the examples since the last one; EPOCH: of the epoch; EVAL: unweighted
		      */
	double lr;   /* STEP: used in that step */
	double accuracy, auroc; /* EVAL; auroc NaN where it is undefined */
	int constant;		/* EVAL: the class that every answer was; -1: answers differ */
	double seconds;		/* EPOCH, EVAL: of the run so far */
	size_t n;		/* EVAL */
	int64_t best_epoch;	/* END: the epoch whose weights the model now has */
	const char *reason;	/* END: "done", "patience" or "signal" */
};

/* How the loop speaks with its caller; below 0 stops it. */
struct hm_trainer_calls {
	void *ctx;
	int (*tell)(void *ctx, const struct hm_event *ev, struct hm_err *e);
	/* After every step: its number and loss, for a progress line. The return value is the signal that
	 * asks for a checkpoint, 0 for none; *stop: whether to stop after it. */
	int (*step)(void *ctx, int64_t step, int64_t steps, double loss, double lr, bool *stop);
	/* The log's length, all of it on disk; and cut back to this length. */
	int (*log_sync)(void *ctx, uint64_t *bytes, struct hm_err *e);
	int (*log_cut)(void *ctx, uint64_t bytes, struct hm_err *e);
	/* Training is over and the model still has the last epoch's weights, before it gets back those of the
	 * epoch that `select` keeps; after so many steps. NULL: not called. */
	int (*last)(void *ctx, int64_t epoch, int64_t steps, struct hm_err *e);
};

struct hm_trainer_result {
	struct hm_epoch_score best; /* of the epoch kept; n 0 without validation */
	int64_t steps;		    /* in all */
	int64_t kept_steps;	    /* until the end of the epoch kept */
	double seconds; /* in all, those before a checkpoint too; what was lost with a kill is not in it */
	int signal;	/* that stopped it, after a checkpoint; else 0 */
};

/* Trains f from the parameters it has, placed on `d`; at the end it has the selected epoch's. val may be NULL
 * unless select or patience need it; labels are in [0,C), which the caller has checked. A loss or weights
 * that are not finite are HM_EDATA naming step, rate and the batch's ids. */
int hm_trainer_run(struct hm_fusion *f, struct hm_device *d, struct hm_examples *train,
		   struct hm_examples *val, const struct hm_trainer_config *c,
		   const struct hm_trainer_calls *calls, struct hm_trainer_result *result, struct hm_err *e);

#endif
