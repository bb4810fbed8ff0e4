/* Clipping, decay groups and the loop over parameters. See optim.h. */
#include "train/optim.h"
#include "train/optimruns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Whether decay leaves this parameter alone: a bias by its name, a normalisation's weight by its shape. */
static bool spares_decay(const struct hm_optim_config *c, const struct hm_tensor *t)
{
	size_t len = strlen(t->name);
	if (len >= 4 && !strcmp(t->name + len - 4, "bias"))
		return c->decay_spares_bias;
	return len >= 7 && !strcmp(t->name + len - 7, ".weight") && t->ndim == 1 && c->decay_spares_norm;
}

/* The table's parameters as runs. */
static void add_runs(struct hm_optim *o, int table)
{
	const struct hm_params *p = o->params[table];
	size_t at = 0;
	bool fresh = true;
	for (size_t i = 0; i < p->n; at += p->item[i++].count) {
		double decay = spares_decay(&o->c, &p->item[i].t) ? 0 : o->c.weight_decay;
		struct hm_optim_run *last = o->runs ? &o->run[o->runs - 1] : NULL;
		if (p->item[i].held) {
			fresh = true;
		} else if (fresh || last->decay != decay) {
			o->run[o->runs++] = (struct hm_optim_run){table, at, p->item[i].count, decay};
			fresh = false;
		} else {
			last->count += p->item[i].count;
		}
	}
}

size_t hm_slice_begin(size_t count, int rank, int size)
{
	size_t blocks = (count + HM_OPTIM_BLOCK - 1) / HM_OPTIM_BLOCK,
	       at = blocks * (size_t)rank / (size_t)size * HM_OPTIM_BLOCK;
	return at < count ? at : count;
}

int hm_optim_init(struct hm_optim *o, const struct hm_optim_config *c, struct hm_params *const *tables,
		  const bool *encoder, int n, struct hm_device *dev, struct hm_ranks *ranks, struct hm_err *e)
{
	size_t most = 0;
	int moments = c->kind == HM_SGD ? c->momentum > 0 : 2;
	*o = (struct hm_optim){.c = *c, .dev = dev, .ranks = ranks, .tables = n};
	for (int i = 0; i < n; i++)
		most += tables[i]->n;
	if (!(o->run = hm_alloc(most, sizeof *o->run, e)))
		return HM_EDATA;
	o->norm = dev->op->alloc(dev, 2 * sizeof *o->norm);
	for (int i = 0; i < n; i++) {
		o->params[i] = tables[i];
		o->rate[i] = encoder && encoder[i] && c->encoder_lr > 0 ? c->encoder_lr : c->lr;
		o->from[i] = hm_slice_begin(tables[i]->count, hm_ranks_rank(ranks), hm_ranks_size(ranks));
		o->to[i] = hm_slice_begin(tables[i]->count, hm_ranks_rank(ranks) + 1, hm_ranks_size(ranks));
		for (int k = 0; k < moments; k++)
			o->moment[i][k] = dev->op->alloc(dev, (o->to[i] - o->from[i]) * sizeof(float));
		add_runs(o, i);
	}
	return hm_device_error(dev, e);
}

void hm_optim_clear(struct hm_optim *o)
{
	for (int i = 0; i < o->tables; i++)
		for (int k = 0; k < HM_OPTIM_MOMENTS; k++)
			o->dev->op->free(o->dev, o->moment[i][k]);
	if (o->dev) {
		o->dev->op->free(o->dev, o->norm);
		o->dev->op->free(o->dev, o->squares);
	}
	free(o->all);
	free(o->stage);
	free(o->run);
	*o = (struct hm_optim){0};
}

void hm_optim_zero(struct hm_optim *o)
{
	for (int i = 0; i < o->tables; i++)
		o->dev->op->zero(o->dev, o->params[i]->grad, o->params[i]->count * sizeof(float));
}

/* torch.nn.utils.clip_grad_norm_. */
void hm_optim_clip(struct hm_optim *o)
{
	const struct hm_ops *op = o->dev->op;
	if (!(o->c.clip_norm > 0))
		return;
	op->zero(o->dev, o->norm, sizeof *o->norm);
	for (size_t i = 0; i < o->runs; i++)
		op->sum_squares(o->dev, o->norm, o->params[o->run[i].table]->grad + o->run[i].first,
				o->run[i].count);
	for (size_t i = 0; i < o->runs; i++)
		op->clip(o->dev, o->params[o->run[i].table]->grad + o->run[i].first, o->run[i].count, o->norm,
			 o->c.clip_norm);
}

int hm_optim_read(struct hm_optim *o, const float *from, float *loss, bool *finite, struct hm_err *e)
{
	const struct hm_ops *op = o->dev->op;
	double both[2] = {0}; /* norm and loss, in one download */
	if (o->dev->err.code)
		return hm_device_error(o->dev, e);
	if (o->c.clip_norm > 0) {
		op->copy(o->dev, o->norm + 1, from, sizeof *from);
		op->download(o->dev, both, o->norm, sizeof both);
		memcpy(loss, &both[1], sizeof *loss);
	} else {
		op->download(o->dev, loss, from, sizeof *from);
	}
	*finite = isfinite(both[0]);
	return hm_device_error(o->dev, e);
}

int hm_optim_finite(struct hm_optim *o, bool *finite, struct hm_err *e)
{
	const struct hm_ops *op = o->dev->op;
	double sum = 0;
	op->zero(o->dev, o->norm, sizeof *o->norm);
	for (int i = 0; i < o->tables; i++)
		op->sum_squares(o->dev, o->norm, o->params[i]->data, o->params[i]->count);
	op->download(o->dev, &sum, o->norm, sizeof sum);
	*finite = isfinite(sum);
	return hm_device_error(o->dev, e);
}

double hm_optim_lr(const struct hm_optim *o)
{
	return o->c.lr * hm_schedule_factor(o->c.schedule, o->t, o->c.total, o->c.warmup);
}

int hm_optim_step(struct hm_optim *o, double *lr, struct hm_err *e)
{
	const struct hm_optim_config *c = &o->c;
	const struct hm_ops *op = o->dev->op;
	const double factor = hm_schedule_factor(c->schedule, o->t, c->total, c->warmup);
	*lr = hm_optim_lr(o);
	o->t++;
	for (size_t i = 0; i < o->runs; i++) {
		const struct hm_optim_run *r = &o->run[i];
		const double rate = o->rate[r->table] * factor;
		const struct hm_span s = hm_optim_cut(r, o->from[r->table], o->to[r->table]);
		struct hm_adam a = {rate, 0.9, 0.999, 1e-8, r->decay, c->kind == HM_ADAMW};
		float *p = o->params[r->table]->data + s.first, *g = o->params[r->table]->grad + s.first,
		      **moment = o->moment[r->table];
		float *m = moment[0] ? moment[0] + (s.first - o->from[r->table]) : NULL,
		      *v = moment[1] ? moment[1] + (s.first - o->from[r->table]) : NULL;
		if (!s.count)
			continue;
		if (c->kind == HM_SGD)
			op->sgd(o->dev, p, m, g, s.count, rate, c->momentum, r->decay, o->t);
		else
			op->adam(o->dev, p, m, v, g, s.count, &a, o->t);
	}
	op->submit(o->dev); /* while the host logs, reads, puts the next batch together */
	return hm_device_error(o->dev, e);
}
