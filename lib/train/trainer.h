/* Training a late-fusion head on features in memory: epochs of shuffled batches, validation, the best epoch
 * kept. It prints nothing: what happens is told through a callback. */
#ifndef HM_TRAINER_H
#define HM_TRAINER_H

#include "nn/late.h"
#include "train/headdata.h"
#include "train/optim.h"

enum hm_select { HM_SELECT_LAST, HM_SELECT_ACCURACY, HM_SELECT_AUROC };

struct hm_trainer_config {
	struct hm_optim_config optim; /* its total is set by the trainer */
	int64_t batch_size, epochs, log_steps;
	int64_t patience; /* stop after so many epochs without a better one (by `select`, LAST: by loss); 0:
			     never */
	uint64_t seed;
	bool shuffle;
	enum hm_select select;
	const float *class_weight; /* [C] weights of the training loss, NULL: none */
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
	size_t n;		/* EVAL */
	int64_t best_epoch;	/* END: the epoch whose weights the model now has */
	const char *reason;	/* END: "done" or "patience" */
};
typedef int hm_event_fn(void *ctx, const struct hm_event *ev, struct hm_err *e);

/* Trains m from the parameters it has; at the end it has the selected epoch's. val may be NULL unless select
 * or patience need it; labels are in [0,C), which the caller has checked. *best: the EVAL of the epoch kept
 * (n 0 without val). A loss or an epoch's weights that are not finite are HM_EDATA naming step, rate and the
 * batch's ids; what `tell` returns below 0 stops, too. */
int hm_trainer_run(struct hm_late *m, struct hm_device *d, const struct hm_headdata *train,
		   const struct hm_headdata *val, const struct hm_trainer_config *c, hm_event_fn *tell,
		   void *ctx, struct hm_event *best, struct hm_err *e);

#endif
