/* The training loop. See trainer.h. */
#include "train/trainer.h"
#include "train/order.h"
#include "train/step.h"
#include "train/trainercheck.h"
#include "train/validate.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { LOOK_AHEAD = 1 << 27 }; /* examples that are looked at to find the largest batch: about a second */

struct hm_trainer {
	struct hm_fusion *f;
	struct hm_device *d;
	struct hm_examples *train, *val;
	const struct hm_trainer_config *c;
	const struct hm_trainer_calls *calls;
	struct hm_optim optim;
	struct hm_train_state s;
	struct hm_checkpoint checkpoint;
	struct hm_step step;
	int64_t steps;	 /* of all epochs */
	uint32_t *order; /* [n], of the larger set */
	int64_t ordered; /* the epoch whose order that is; 0: none's */
	size_t used;	 /* examples of an epoch: all, or those of full batches */
	struct hm_validation validation;
	double began; /* the clock at the start, moved back by the time before a restart */
	int signal;   /* the signal that stops the run; 0: none */
	struct hm_arena arena;
};

static size_t least_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* The most token ids in any part of `micro` examples of any batch of `rows` in so many epochs. */
static int64_t most_words(struct hm_trainer *r, const struct hm_examples *x, size_t rows, size_t micro,
			  int64_t epochs, bool shuffle)
{
	int64_t most = 0;
	for (int64_t k = 1; k <= epochs && k <= 1 + LOOK_AHEAD / (int64_t)x->n; k++) {
		hm_order_epoch(r->order, (uint32_t)x->n, r->c->seed, k, shuffle);
		for (size_t at = 0, part; at < x->n; at += part) {
			part = least_of(least_of(micro, rows - at % rows), x->n - at);
			int64_t words = hm_examples_words(x, r->order + at, part);
			most = words > most ? words : most;
		}
	}
	return most;
}

/* Reserves memory for the largest batch of the run. The random seed fixes the shuffles, so it is known now; a
 * run that does not fit fails here, and no step allocates. */
static int reserve_memory(struct hm_trainer *r, struct hm_err *e)
{
	size_t batch = (size_t)r->c->batch_size,
	       micro = least_of(batch, r->c->micro_batch ? (size_t)r->c->micro_batch : batch),
	       rows = least_of(micro, r->train->n), evals = r->val ? r->validation.rows : 0;
	struct hm_examples *larger = rows < evals ? r->val : r->train;
	struct hm_minibatch b;
	int64_t words = 0, more = 0;
	hm_order_epoch(r->order, (uint32_t)larger->n, r->c->seed, 1, false);
	if (hm_examples_batch(larger, r->order, rows < evals ? evals : rows, &b, e))
		return HM_EDATA;
	r->step.words = b.ids;
	if (b.ids)
		words = most_words(r, r->train, batch, micro, r->c->shuffle ? r->c->epochs : 1,
				   r->c->shuffle);
	if (b.ids && evals)
		more = most_words(r, r->val, evals, evals, 1, false);
	if (hm_fusion_reserve(r->f, &b, words > more ? words : more, e))
		return HM_EDATA;
	if (!evals || !r->c->judge)
		return 0;
	hm_order_epoch(r->order, (uint32_t)r->val->n, r->c->seed, 1, false);
	if (hm_examples_batch(r->val, r->order, evals, &b, e))
		return HM_EDATA;
	return hm_fusion_reserve(r->c->judge, &b, more, e);
}

static int prepare_run(struct hm_trainer *r, struct hm_err *e)
{
	struct hm_fusion_table t[1 + HM_SIDES];
	struct hm_params *trained[1 + HM_SIDES];
	bool encoder[1 + HM_SIDES];
	struct hm_optim_config oc = r->c->optim;
	size_t n = r->train->n, evals = r->val ? r->val->n : 0;
	int tables = hm_fusion_tables(r->f, t), count = 0;
	for (int i = 0; i < tables; i++)
		if (t[i].trained) {
			encoder[count] = *t[i].side;
			trained[count++] = t[i].params;
		}
	r->used = r->c->drop_last ? n / (size_t)r->c->batch_size * (size_t)r->c->batch_size : n;
	oc.total = r->steps = ((int64_t)r->used + r->c->batch_size - 1) / r->c->batch_size * r->c->epochs;
	if (!(r->order = hm_arena_get(&r->arena, (n > evals ? n : evals) * sizeof *r->order, e)) ||
	    hm_optim_init(&r->optim, &oc, trained, encoder, count, r->d, r->c->ranks, e))
		return HM_EDATA;
	r->checkpoint = (struct hm_checkpoint){.path = r->c->checkpoint,
					       .identity = r->c->identity,
					       .grows = oc.schedule == HM_CONSTANT ? "epochs" : NULL,
					       .fusion = r->f,
					       .optim = &r->optim};
	if (r->c->select != HM_SELECT_LAST && hm_ranks_lead(r->c->ranks) &&
	    !(r->checkpoint.kept = hm_arena_get(&r->arena, hm_checkpoint_count(r->f) * sizeof(float), e)))
		return HM_EDATA;
	if (r->checkpoint.kept)
		hm_checkpoint_copy(r->f, r->checkpoint.kept, false);
	r->validation.f = r->f;
	r->validation.c = r->c;
	r->validation.x = r->val;
	if ((r->val && hm_validation_init(&r->validation, e)) || reserve_memory(r, e))
		return HM_EDATA;
	r->step.f = r->f;
	r->step.d = r->d;
	r->step.x = r->train;
	r->step.c = r->c;
	r->step.optim = &r->optim;
	return hm_step_init(&r->step, e);
}

static double clock_now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int save_checkpoint(struct hm_trainer *r, struct hm_err *e)
{
	if (!r->c->checkpoint)
		return 0;
	r->s.seconds = clock_now() - r->began;
	int rc = r->calls->log_sync(r->calls->ctx, &r->s.log_bytes, e);
	return rc ? rc : hm_checkpoint_write(&r->checkpoint, &r->s, e);
}

/* The signal that asks for a checkpoint, on whatever rank it came; one that stops the run goes first. Returns
 * it, 0 or HM_EDATA. */
static int agree_on_signal(struct hm_trainer *r, int asked, bool *stop, struct hm_err *e)
{
	struct hm_ranks *ranks = r->c->ranks;
	int n = hm_ranks_size(ranks), first = 0, last = 0;
	if (n == 1 || !r->c->checkpoint)
		return asked;
	struct {
		int asked, stop;
	} *all = hm_alloc((size_t)n, sizeof *all, e);
	if (!all)
		return HM_EDATA;
	all[ranks->rank].asked = asked;
	all[ranks->rank].stop = *stop;
	int rc = hm_ranks_gather_each(ranks, all, sizeof *all, e);
	for (int k = 0; k < n; k++) {
		first = first ? first : all[k].asked;
		last = last || !all[k].stop ? last : all[k].asked;
	}
	free(all);
	*stop = last;
	return rc ? HM_EDATA : last ? last : first;
}

/* A step, its line in the log, a checkpoint if one is due. */
static int take_step(struct hm_trainer *r, const uint32_t *at, size_t rows, size_t more, struct hm_err *e)
{
	bool stop = false;
	float loss;
	double lr;
	if (hm_step_take(&r->step, r->s.step, at, rows, more, &loss, &lr, e))
		return HM_EDATA;
	r->s.step++;
	r->s.done += (int64_t)rows;
	r->s.sum += (double)loss * (double)rows;
	r->s.seen += (double)rows;
	r->s.epoch_sum += (double)loss * (double)rows;
	if (r->s.step % r->c->log_steps == 0 || r->s.step == 1 || r->s.step == r->steps) {
		struct hm_event ev = {.kind = HM_EVENT_STEP,
				      .epoch = r->s.epoch,
				      .step = r->s.step,
				      .loss = r->s.sum / r->s.seen,
				      .lr = lr};
		r->s.sum = r->s.seen = 0;
		if (r->calls->tell(r->calls->ctx, &ev, e))
			return HM_EDATA;
	}
	int asked = r->calls->step(r->calls->ctx, r->s.step, r->steps, loss, lr, &stop);
	asked = agree_on_signal(r, asked, &stop, e);
	if (asked < 0)
		return HM_EDATA;
	r->signal = stop ? asked : 0;
	bool due = r->c->checkpoint_steps && r->s.step % r->c->checkpoint_steps == 0;
	return asked || due ? save_checkpoint(r, e) : 0;
}

/* Keeps the epoch when it is strictly better than the best so far. */
static void judge_epoch(struct hm_trainer *r, const struct hm_epoch_score *score)
{
	double value = r->c->select == HM_SELECT_ACCURACY ? score->accuracy
		       : r->c->select == HM_SELECT_AUROC  ? score->auroc
							  : -score->loss;
	bool better = value > r->s.best_value;
	r->s.stale = better ? 0 : r->s.stale + 1;
	if (better)
		r->s.best_value = value;
	if (r->c->select == HM_SELECT_LAST || better)
		r->s.best = *score;
	if (r->checkpoint.kept && better)
		hm_checkpoint_copy(r->f, r->checkpoint.kept, false);
}

static int finish_epoch(struct hm_trainer *r, struct hm_err *e)
{
	size_t n = r->used, last = (n - 1) / (size_t)r->c->batch_size * (size_t)r->c->batch_size;
	struct hm_event ev = {.kind = HM_EVENT_EPOCH,
			      .epoch = r->s.epoch,
			      .step = r->s.step,
			      .loss = r->s.epoch_sum / (double)n,
			      .seconds = clock_now() - r->began};
	struct hm_epoch_score score = {.epoch = r->s.epoch};
	bool finite;
	if (hm_optim_finite(&r->optim, &finite, e))
		return HM_EDATA;
	if (!finite) /* a last step can spoil the weights without a further loss to show it */
		return hm_step_diverged(&r->step, r->s.step, hm_optim_lr(&r->optim),
					"its weights are not finite", r->order + last, n - last, e);
	if (r->calls->tell(r->calls->ctx, &ev, e) ||
	    (r->val && hm_validation_run(&r->validation, r->s.epoch, &score, e)))
		return HM_EDATA;
	if (r->val) {
		judge_epoch(r, &score);
		ev = (struct hm_event){.kind = HM_EVENT_EVAL,
				       .epoch = score.epoch,
				       .loss = score.loss,
				       .accuracy = score.accuracy,
				       .auroc = score.auroc,
				       .n = score.n,
				       .constant = r->validation.constant,
				       .seconds = clock_now() - r->began};
		if (r->calls->tell(r->calls->ctx, &ev, e))
			return HM_EDATA;
	} else {
		r->s.best = score;
	}
	if (r->c->patience && r->s.stale >= r->c->patience)
		memcpy(r->s.reason, "patience", sizeof "patience");
	else if (r->s.epoch == r->c->epochs)
		memcpy(r->s.reason, "done", sizeof "done");
	r->s.epoch++;
	r->s.done = 0;
	r->s.epoch_sum = 0;
	return save_checkpoint(r, e);
}

static void arrange_epoch(struct hm_trainer *r)
{
	if (r->ordered != r->s.epoch)
		hm_order_epoch(r->order, (uint32_t)r->train->n, r->c->seed, r->s.epoch, r->c->shuffle);
	r->ordered = r->s.epoch;
}

void hm_trainers_begin(struct hm_trainer *const *t, size_t n)
{
	struct hm_step *step[HM_TOGETHER];
	struct hm_trainer *r = t[0];
	size_t at = (size_t)r->s.done;
	if (n == 1 || at >= r->used)
		return;
	arrange_epoch(r);
	for (size_t i = 0, more; i < n; i += more) {
		more = least_of(n - i, HM_TOGETHER);
		for (size_t k = 0; k < more; k++) {
			step[k] = &t[i + k]->step;
			if (t[i + k]->ordered != r->ordered)
				memcpy(t[i + k]->order, r->order, r->train->n * sizeof *r->order);
			t[i + k]->ordered = r->ordered;
		}
		hm_steps_begin(step, more, r->s.step, r->order + at,
			       least_of((size_t)r->c->batch_size, r->used - at));
	}
}

/* One step from the state's place, and what is due behind the last of an epoch. */
int hm_trainer_advance(struct hm_trainer *r, struct hm_err *e)
{
	size_t n = r->used, at = (size_t)r->s.done, batch = (size_t)r->c->batch_size;
	int rc = 0;
	arrange_epoch(r);
	if (at < n) {
		size_t rows = least_of(batch, n - at), more = least_of(batch, n - at - rows);
		rc = take_step(r, r->order + at, rows, more, e);
	}
	return rc || r->signal || (size_t)r->s.done < n ? rc : finish_epoch(r, e);
}

/* How often a batch norm ran in train mode in so many epochs: once for each part of a batch. */
static int64_t count_batches(const struct hm_trainer *r, int64_t epochs)
{
	int64_t n = (int64_t)r->used, batch = r->c->batch_size, micro = r->c->micro_batch;
	return epochs * (n / batch * hm_parts_count(batch, micro) +
			 (n % batch ? hm_parts_count(n % batch, micro) : 0));
}

int hm_trainer_open(struct hm_trainer **out, struct hm_fusion *f, struct hm_device *d,
		    struct hm_examples *train_set, struct hm_examples *val, const struct hm_trainer_config *c,
		    const struct hm_trainer_calls *calls, struct hm_err *e)
{
	struct hm_trainer *r = *out = hm_alloc(1, sizeof *r, e);
	if (!r)
		return HM_EDATA;
	*r = (struct hm_trainer){.f = f, .d = d, .train = train_set, .val = val, .c = c, .calls = calls};
	r->s = (struct hm_train_state){.epoch = 1, .best_value = -INFINITY};
	r->began = clock_now();
	int rc = hm_trainer_check(f, train_set, val, c, e);
	if (!rc)
		rc = prepare_run(r, e);
	if (rc || !c->resume)
		return rc;
	rc = hm_checkpoint_read(&r->checkpoint, &r->s, e);
	if (!rc && !strcmp(r->s.reason, "done") && r->s.epoch <= c->epochs)
		*r->s.reason = 0; /* more epochs than planned */
	r->optim.t = r->s.step;
	r->began -= r->s.seconds;
	return rc ? rc : calls->log_cut(calls->ctx, r->s.log_bytes, e);
}

bool hm_trainer_over(const struct hm_trainer *r)
{
	return r->signal || *r->s.reason;
}

int hm_trainer_finish(struct hm_trainer *r, struct hm_trainer_result *result, struct hm_err *e)
{
	int rc = 0;
	if (!r->signal && r->val && !r->s.best.n)
		rc = hm_err_set(e, HM_EDATA,
				"no epoch could be selected: the validation AUROC is undefined, all labels "
				"are the same");
	if (!rc) {
		struct hm_event ev = {.kind = HM_EVENT_END,
				      .step = r->s.step,
				      .best_epoch = r->s.best.epoch,
				      .reason = r->signal ? "signal" : r->s.reason};
		rc = r->calls->tell(r->calls->ctx, &ev, e);
	}
	if (!rc && !r->signal && r->calls->last)
		rc = r->calls->last(r->calls->ctx, r->s.epoch - 1, count_batches(r, r->s.epoch - 1), e);
	if (!rc && !r->signal && r->checkpoint.kept)
		hm_checkpoint_copy(r->f, r->checkpoint.kept, true);
	*result = (struct hm_trainer_result){
		r->s.best,	   r->s.step, count_batches(r, r->s.best.epoch), clock_now() - r->began,
		r->step.sum.extra, r->signal};
	return rc;
}

void hm_trainer_close(struct hm_trainer *r)
{
	if (!r)
		return;
	hm_validation_clear(&r->validation);
	hm_step_clear(&r->step);
	hm_optim_clear(&r->optim);
	hm_arena_clear(&r->arena);
	free(r);
}

int hm_trainer_run(struct hm_fusion *f, struct hm_device *d, struct hm_examples *train_set,
		   struct hm_examples *val, const struct hm_trainer_config *c,
		   const struct hm_trainer_calls *calls, struct hm_trainer_result *result, struct hm_err *e)
{
	struct hm_trainer *r;
	int rc = hm_trainer_open(&r, f, d, train_set, val, c, calls, e);
	while (!rc && !hm_trainer_over(r))
		rc = hm_trainer_advance(r, e);
	if (!rc)
		rc = hm_trainer_finish(r, result, e);
	hm_trainer_close(r);
	return rc;
}
