/* The training loop of a head. See trainer.h. */
#include "train/trainer.h"
#include "stat/metrics.h"
#include "train/order.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVAL_ROWS 512

struct run {
	struct hm_late *m;
	struct hm_device *d;
	const struct hm_headdata *train, *val;
	const struct hm_trainer_config *c;
	hm_event_fn *tell;
	void *ctx;
	struct hm_optim optim;
	uint32_t *order; /* [n] */
	float *x;	 /* [rows,I] the batch */
	float *logits;	 /* [rows,C] */
	int32_t *label;	 /* [rows] */
	double *prob;	 /* [n of val, C] */
	float *kept;	 /* the best epoch's parameters */
	double best_score;
	int64_t stale;	  /* epochs since the best one */
	double sum, seen; /* loss over the examples since the last step line */
	double epoch_sum; /* loss over the epoch's examples */
	struct hm_arena arena;
};

static int allocate(struct run *r, struct hm_err *e)
{
	size_t n = r->train->n, batch = (size_t)r->c->batch_size, rows = batch < n ? batch : n,
	       wide = (size_t)r->m->inputs;
	size_t classes = (size_t)r->m->classes, evals = r->val ? r->val->n : 0;
	if (rows < EVAL_ROWS)
		rows = EVAL_ROWS;
	if (!(r->order = hm_arena_get(&r->arena, n * sizeof *r->order, e)) ||
	    !(r->x = hm_arena_get(&r->arena, rows * wide * sizeof *r->x, e)) ||
	    !(r->logits = hm_arena_get(&r->arena, rows * classes * sizeof *r->logits, e)) ||
	    !(r->label = hm_arena_get(&r->arena, rows * sizeof *r->label, e)) ||
	    !(r->prob = hm_arena_get(&r->arena, evals * classes * sizeof *r->prob, e)) ||
	    !(r->kept = hm_arena_get(&r->arena, (wide + 1) * classes * sizeof *r->kept, e)))
		return HM_EDATA;
	return 0;
}

/* The sentence for a numeric failure: the step, its rate, who was in the batch. */
static int diverged(const struct run *r, int64_t number, const uint32_t *at, size_t rows, double lr,
		    const char *what, struct hm_err *e)
{
	char ids[256] = "";
	size_t used = 0;
	for (size_t i = 0; i < rows && used < sizeof ids - 48; i++)
		used += (size_t)snprintf(ids + used, sizeof ids - used, "%s%.40s", i ? ", " : "",
					 r->train->id[at[i]]);
	return hm_err_set(e, HM_EDATA, "step %" PRId64 ", learning rate %g: %s; the batch's ids are %s%s",
			  number, lr, what, ids, used >= sizeof ids - 48 ? ", ..." : "");
}

/* Forward, loss, backward, step for the examples at[0..rows). */
static int step(struct run *r, const uint32_t *at, size_t rows, double *lr, struct hm_err *e)
{
	size_t wide = (size_t)r->m->inputs;
	struct hm_err why = {0};
	float loss;
	for (size_t i = 0; i < rows; i++) {
		memcpy(r->x + i * wide, r->train->x + at[i] * wide, wide * sizeof *r->x);
		r->label[i] = r->train->label[at[i]];
	}
	hm_optim_zero(&r->optim);
	hm_late_forward(r->m, r->d, r->logits, r->x, (int)rows);
	r->d->op->cross_entropy(r->d, &loss, r->logits, r->logits, r->label, r->c->class_weight, (int)rows,
				r->m->classes);
	hm_late_backward(r->m, r->d, r->optim.grad[0], r->optim.grad[1], r->logits, r->x, (int)rows);
	*lr = r->c->optim.lr *
	      hm_schedule_factor(r->c->optim.schedule, r->optim.t, r->optim.c.total, r->c->optim.warmup);
	if (!isfinite(loss))
		return diverged(r, r->optim.t + 1, at, rows, *lr, "the loss is not finite", e);
	if (hm_optim_step(&r->optim, lr, &why))
		return diverged(r, r->optim.t + 1, at, rows, *lr, why.text, e);
	r->sum += (double)loss * (double)rows;
	r->seen += (double)rows;
	r->epoch_sum += (double)loss * (double)rows;
	return 0;
}

static int evaluate(struct run *r, struct hm_event *ev, struct hm_err *e)
{
	const struct hm_headdata *v = r->val;
	size_t wide = (size_t)r->m->inputs, classes = (size_t)r->m->classes;
	double value[HM_METRICS];
	struct hm_sample s = {0};
	for (size_t at = 0, rows; at < v->n; at += rows) {
		rows = v->n - at < EVAL_ROWS ? v->n - at : EVAL_ROWS;
		hm_late_forward(r->m, r->d, r->logits, v->x + at * wide, (int)rows);
		r->d->op->softmax(r->d, r->logits, r->logits, (int)rows, r->m->classes);
		for (size_t k = 0; k < rows * classes; k++)
			r->prob[at * classes + k] = r->logits[k];
	}
	if (hm_device_error(r->d, e) || hm_sample_init(&s, v->n, r->m->classes, r->prob, v->label, 0.5, e))
		return HM_EDATA;
	hm_metrics_compute(&s, NULL, value);
	hm_sample_clear(&s);
	ev->loss = value[HM_LOG_LOSS];
	ev->accuracy = value[HM_ACCURACY];
	ev->auroc = value[HM_AUROC];
	ev->n = v->n;
	return r->tell(r->ctx, ev, e);
}

static void copy_parameters(struct run *r, bool back)
{
	size_t weights = (size_t)r->m->inputs * (size_t)r->m->classes, biases = (size_t)r->m->classes;
	memcpy(back ? r->m->weight : r->kept, back ? r->kept : r->m->weight, weights * sizeof(float));
	memcpy(back ? r->m->bias : r->kept + weights, back ? r->kept + weights : r->m->bias,
	       biases * sizeof(float));
}

/* Keeps the epoch when it is strictly better than the best so far. */
static void judge(struct run *r, const struct hm_event *ev, struct hm_event *best)
{
	double score = r->c->select == HM_SELECT_ACCURACY ? ev->accuracy
		       : r->c->select == HM_SELECT_AUROC  ? ev->auroc
							  : -ev->loss;
	bool better = score > r->best_score;
	r->stale = better ? 0 : r->stale + 1;
	if (better)
		r->best_score = score;
	if (r->c->select == HM_SELECT_LAST || better) {
		*best = *ev;
		copy_parameters(r, false);
	}
}

/* Whether the parameters are numbers: a last step may have thrown them out where no further loss would show
 * it. */
static bool parameters_finite(const struct run *r)
{
	const struct hm_params *p = &r->m->params;
	for (size_t i = 0; i < p->n; i++)
		for (size_t j = 0; j < p->item[i].count; j++)
			if (!isfinite((*p->item[i].field)[j]))
				return false;
	return true;
}

static int epoch(struct run *r, int64_t number, struct hm_event *best, struct hm_err *e)
{
	size_t n = r->train->n, batch = (size_t)r->c->batch_size, last = (n - 1) / batch * batch;
	double lr = 0;
	r->epoch_sum = 0;
	hm_order_epoch(r->order, (uint32_t)n, r->c->seed, number, r->c->shuffle);
	for (size_t at = 0, rows; at < n; at += rows) {
		rows = n - at < batch ? n - at : batch;
		if (step(r, r->order + at, rows, &lr, e))
			return HM_EDATA;
		if (r->optim.t % r->c->log_steps == 0) {
			struct hm_event ev = {.kind = HM_EVENT_STEP,
					      .epoch = number,
					      .step = r->optim.t,
					      .loss = r->sum / r->seen,
					      .lr = lr};
			r->sum = r->seen = 0;
			if (r->tell(r->ctx, &ev, e))
				return HM_EDATA;
		}
	}
	if (!parameters_finite(r))
		return diverged(r, r->optim.t, r->order + last, n - last, lr,
				"it left weights that are not finite", e);
	struct hm_event ev = {.kind = HM_EVENT_EPOCH,
			      .epoch = number,
			      .step = r->optim.t,
			      .loss = r->epoch_sum / (double)n};
	if (r->tell(r->ctx, &ev, e))
		return HM_EDATA;
	ev.kind = HM_EVENT_EVAL;
	if (r->val && evaluate(r, &ev, e))
		return HM_EDATA;
	if (!r->val)
		*best = (struct hm_event){.epoch = number};
	else
		judge(r, &ev, best);
	return 0;
}

int hm_trainer_run(struct hm_late *m, struct hm_device *d, const struct hm_headdata *train,
		   const struct hm_headdata *val, const struct hm_trainer_config *c, hm_event_fn *tell,
		   void *ctx, struct hm_event *best, struct hm_err *e)
{
	struct run r = {.m = m,
			.d = d,
			.train = train,
			.val = val,
			.c = c,
			.tell = tell,
			.ctx = ctx,
			.best_score = -INFINITY};
	struct hm_optim_config oc = c->optim;
	size_t batch = (size_t)c->batch_size, steps = (train->n + batch - 1) / batch;
	oc.total = (int64_t)steps * c->epochs;
	*best = (struct hm_event){0};
	int rc = allocate(&r, e);
	if (!rc)
		rc = hm_optim_init(&r.optim, &oc, &m->params, d, e);
	bool enough = false;
	for (int64_t i = 1; !rc && i <= c->epochs && !enough; i++) {
		rc = epoch(&r, i, best, e);
		enough = c->patience && r.stale >= c->patience;
	}
	if (!rc && val && !best->n)
		rc = hm_err_set(e, HM_EDATA,
				"no epoch could be selected: the validation AUROC is undefined, all labels "
				"are the same");
	if (!rc && val)
		copy_parameters(&r, true);
	if (!rc) {
		struct hm_event ev = {.kind = HM_EVENT_END,
				      .step = r.optim.t,
				      .best_epoch = best->epoch,
				      .reason = enough ? "patience" : "done"};
		rc = tell(ctx, &ev, e);
	}
	hm_optim_clear(&r.optim);
	hm_arena_clear(&r.arena);
	return rc;
}
