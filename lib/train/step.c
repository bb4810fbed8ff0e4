/* One step of training. See step.h. */
#include "train/step.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool hm_step_in_parts(const struct hm_trainer_config *c)
{
	return c->micro_batch > 0 || hm_ranks_size(c->ranks) > 1;
}

int hm_step_diverged(const struct hm_step *s, int64_t step, double lr, const char *what, const uint32_t *at,
		     size_t rows, struct hm_err *e)
{
	char ids[256] = "";
	size_t used = 0;
	for (size_t i = 0; i < rows && used < sizeof ids - 48; i++)
		used += (size_t)snprintf(ids + used, sizeof ids - used, "%s%.40s", i ? ", " : "",
					 s->x->id[at[i]]);
	return hm_err_set(e, HM_EDATA, "step %" PRId64 ", learning rate %g: %s; the batch's ids are %s%s",
			  step, lr, what, ids, used >= sizeof ids - 48 ? ", ..." : "");
}

static struct hm_dropout drop_of(const struct hm_step *s, int64_t step)
{
	return (struct hm_dropout){.p = s->c->dropout, .seed = s->c->seed, .step = (uint32_t)step};
}

/* ---- a batch as a whole */

/* Starts forward and backward for the examples at[0..rows). Meanwhile the batch of the next `more` examples
 * is made, except on a host, which has computed by then. There trainings that take turns share a batch. */
static int start_batch(struct hm_step *s, int64_t step, const uint32_t *at, size_t rows, size_t more,
		       struct hm_err *e)
{
	struct hm_dropout drop = drop_of(s, step);
	if (!s->ready && hm_examples_batch(s->x, at, rows, &s->batch, e))
		return HM_EDATA;
	hm_fusion_begin(s->f, &s->batch, &drop, s->c->class_weight);
	if (s->d->host)
		return 0;
	s->ready = more;
	if (more && hm_examples_batch(s->x, at + rows, more, &s->batch, e))
		return HM_EDATA;
	if (more)
		hm_fusion_ahead(s->f, &s->batch);
	return 0;
}

void hm_steps_begin(struct hm_step *const *s, size_t n, int64_t step, const uint32_t *at, size_t rows)
{
	struct hm_fusion *f[HM_TOGETHER];
	struct hm_dropout drop[HM_TOGETHER];
	const float *weight[HM_TOGETHER];
	struct hm_minibatch *b = &s[0]->batch;
	struct hm_err e = {0};
	if (hm_step_in_parts(s[0]->c) || hm_examples_batch(s[0]->x, at, rows, b, &e))
		return;
	for (size_t i = 0; i < n; i++) {
		hm_optim_zero(s[i]->optim);
		f[i] = s[i]->f;
		drop[i] = drop_of(s[i], step);
		weight[i] = s[i]->c->class_weight;
		s[i]->begun = true;
	}
	hm_fusions_begin(f, n, b, drop, weight);
}

static int run_batch(struct hm_step *s, int64_t step, const uint32_t *at, size_t rows, size_t more,
		     float *loss, bool *finite, struct hm_err *e)
{
	bool begun = s->begun;
	s->begun = false;
	if (!begun)
		hm_optim_zero(s->optim);
	if (!begun && start_batch(s, step, at, rows, more, e))
		return HM_EDATA;
	hm_optim_clip(s->optim);
	return hm_optim_read(s->optim, hm_fusion_loss(s->f), loss, finite, e);
}

/* ---- a batch in parts */

/* The running statistics of the batch norms that run in train mode. */
static int list_running(struct hm_step *s, struct hm_err *e)
{
	struct hm_fusion_table t[1 + HM_SIDES];
	int n = hm_fusion_tables(s->f, t);
	size_t all = 0;
	for (int i = 0; i < n; i++)
		all += t[i].params->n;
	if (!(s->running = hm_alloc(all, sizeof *s->running, e)) ||
	    !(s->length = hm_alloc(all, sizeof *s->length, e)))
		return HM_EDATA;
	for (int i = 0; i < n; i++)
		for (size_t k = 0; k < t[i].params->n; k++) {
			const struct hm_param *p = &t[i].params->item[k];
			if (p->init != HM_INIT_RUNNING_MEAN && p->init != HM_INIT_RUNNING_VAR)
				continue;
			s->running[s->tensors] = *p->field;
			s->length[s->tensors++] = p->count;
			s->stats += p->count;
		}
	return 0;
}

/* Of every running statistic: to the host, or from it. */
static void move_running(struct hm_step *s, float *host, bool back)
{
	for (size_t k = 0; k < s->tensors; host += s->length[k++])
		if (back)
			s->d->op->upload(s->d, s->running[k], host, s->length[k] * sizeof *host);
		else
			s->d->op->download(s->d, host, s->running[k], s->length[k] * sizeof *host);
}

/* A batch of which parts are computed. */
struct parts {
	struct hm_step *s;
	int64_t step;
	const uint32_t *at;
	size_t rows, micro;
	struct hm_part place; /* of all of them: longest and total */
};

/* Forward and backward of one part: hm_gradsum_run's leaf. A part begins with running statistics of 0, so
 * that they hold momentum * batch afterwards. */
static int run_part(void *ctx, int64_t part, struct hm_err *e)
{
	struct parts *p = ctx;
	struct hm_step *s = p->s;
	struct hm_dropout drop = drop_of(s, p->step);
	size_t first = (size_t)part * p->micro,
	       rows = p->rows - first < p->micro ? p->rows - first : p->micro;
	double sums[2];
	for (size_t k = 0; k < s->tensors; k++)
		s->d->op->zero(s->d, s->running[k], s->length[k] * sizeof(float));
	if (hm_examples_batch(s->x, p->at + first, rows, &s->batch, e))
		return HM_EDATA;
	s->batch.part = p->place;
	s->batch.part.examples = first;
	if (s->words)
		s->batch.part.words = (uint64_t)hm_examples_words(s->x, p->at, first);
	hm_fusion_begin(s->f, &s->batch, &drop, s->c->class_weight);
	if (hm_device_error(s->d, e))
		return HM_EDATA;
	s->d->op->download(s->d, sums, hm_fusion_sums(s->f), sizeof sums);
	s->loss[part] = sums[0];
	if (s->tensors)
		move_running(s, s->moved + (size_t)part * s->stats, false);
	return hm_device_error(s->d, e);
}

/* What every rank has of its parts, `bytes` for each, to all ranks. */
static int gather_parts(struct hm_step *s, void *all, size_t bytes, int64_t parts, struct hm_err *e)
{
	int size = hm_ranks_size(s->c->ranks);
	size_t *from = hm_alloc((size_t)size + 1, sizeof *from, e);
	if (!from)
		return HM_EDATA;
	for (int k = 0; k < size; k++)
		from[k + 1] = (size_t)hm_parts_of_rank(parts, k, size).hi * bytes;
	int rc = hm_ranks_gather(s->c->ranks, all, from, e);
	free(from);
	return rc;
}

/* Running statistics move by the parts in their order: (1 - momentum) old + momentum batch for each. */
static int move_by_parts(struct hm_step *s, int64_t parts, struct hm_err *e)
{
	if (!s->tensors)
		return 0;
	if (gather_parts(s, s->moved, s->stats * sizeof *s->moved, parts, e))
		return HM_EDATA;
	for (int64_t part = 0; part < parts; part++)
		for (size_t k = 0; k < s->stats; k++)
			s->stat[k] = (float)((1 - HM_BN_MOMENTUM) * s->stat[k] +
					     s->moved[(size_t)part * s->stats + k]);
	move_running(s, s->stat, true);
	return 0;
}

static int run_in_parts(struct hm_step *s, int64_t step, const uint32_t *at, size_t rows, float *loss,
			bool *finite, struct hm_err *e)
{
	struct parts p = {s,  step, at, rows, (size_t)(s->c->micro_batch ? s->c->micro_batch : (int64_t)rows),
			  {0}};
	int64_t parts = hm_parts_count((int64_t)rows, (int64_t)p.micro);
	double sum = 0;
	for (size_t i = 0; i < rows; i++) {
		int64_t words = s->words ? hm_examples_words(s->x, at + i, 1) : 0;
		p.place.longest = words > p.place.longest ? (int32_t)words : p.place.longest;
		p.place.total += s->c->class_weight ? s->c->class_weight[s->x->label[at[i]]] : 1;
	}
	if (s->tensors)
		move_running(s, s->stat, false);
	if (hm_gradsum_run(&s->sum, parts, run_part, &p, e) ||
	    gather_parts(s, s->loss, sizeof *s->loss, parts, e) || move_by_parts(s, parts, e))
		return HM_EDATA;
	for (int64_t k = 0; k < parts; k++)
		sum += s->loss[k];
	*loss = (float)(sum / p.place.total);
	return hm_optim_clip_shared(s->optim, finite, e);
}

/* ---- in and out */

int hm_step_init(struct hm_step *s, struct hm_err *e)
{
	int64_t batch = s->c->batch_size, n = (int64_t)s->x->n, micro = s->c->micro_batch;
	int64_t full = hm_parts_count(batch < n ? batch : n, micro), last = hm_parts_count(n % batch, micro);
	if (!hm_step_in_parts(s->c))
		return 0;
	s->most = full;
	if (list_running(s, e) || !(s->loss = hm_alloc((size_t)full, sizeof *s->loss, e)) ||
	    !(s->stat = hm_alloc(s->stats, sizeof *s->stat, e)) ||
	    !(s->moved = hm_alloc((size_t)full, s->stats * sizeof *s->moved, e)))
		return HM_EDATA;
	return hm_gradsum_init(&s->sum, s->optim, s->d, s->c->ranks, (const int64_t[]){full, last},
			       last ? 2 : 1, e);
}

void hm_step_clear(struct hm_step *s)
{
	hm_gradsum_clear(&s->sum);
	free(s->loss);
	free(s->running);
	free(s->length);
	free(s->moved);
	free(s->stat);
	*s = (struct hm_step){0};
}

int hm_step_take(struct hm_step *s, int64_t step, const uint32_t *at, size_t rows, size_t more, float *loss,
		 double *lr, struct hm_err *e)
{
	struct hm_err why = {0};
	bool finite, parts = hm_step_in_parts(s->c);
	*lr = hm_optim_lr(s->optim);
	int rc = parts ? run_in_parts(s, step, at, rows, loss, &finite, e)
		       : run_batch(s, step, at, rows, more, loss, &finite, e);
	if (rc)
		return HM_EDATA;
	if (!isfinite(*loss) || !finite)
		return hm_step_diverged(s, step + 1, *lr,
					isfinite(*loss) ? "the gradient's norm is not finite"
							: "the loss is not finite",
					at, rows, e);
	if (hm_optim_step(s->optim, lr, &why))
		return hm_step_diverged(s, step + 1, *lr, why.text, at, rows, e);
	return parts ? hm_optim_share(s->optim, e) : 0;
}
