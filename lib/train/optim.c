/* Clipping, decay groups and the loop over parameters. See optim.h. */
#include "train/optim.h"

#include <math.h>
#include <string.h>

static float *zeroed(struct hm_optim *o, size_t n, struct hm_err *e)
{
	float *p = hm_arena_get(&o->arena, n * sizeof *p, e);
	if (p)
		memset(p, 0, n * sizeof *p);
	return p;
}

int hm_optim_init(struct hm_optim *o, const struct hm_optim_config *c, struct hm_params *params,
		  struct hm_device *dev, struct hm_err *e)
{
	*o = (struct hm_optim){.c = *c, .params = params, .dev = dev};
	float ***list[3] = {&o->grad, &o->m, &o->v};
	for (int k = 0; k < 3; k++)
		if (!(*list[k] = hm_arena_get(&o->arena, params->n * sizeof(float *), e)))
			return HM_EDATA;
	for (size_t i = 0; i < params->n; i++)
		for (int k = 0; k < 3; k++)
			if (!((*list[k])[i] = zeroed(o, params->item[i].count, e)))
				return HM_EDATA;
	return 0;
}

void hm_optim_clear(struct hm_optim *o)
{
	hm_arena_clear(&o->arena);
	*o = (struct hm_optim){0};
}

void hm_optim_zero(struct hm_optim *o)
{
	for (size_t i = 0; i < o->params->n; i++)
		memset(o->grad[i], 0, o->params->item[i].count * sizeof(float));
}

/* Whether decay leaves this parameter alone: a bias by its name; a weight of one dimension is a
 * normalisation's. */
static bool spared(const struct hm_optim_config *c, const struct hm_tensor *t)
{
	size_t len = strlen(t->name);
	bool bias = len >= 4 && !strcmp(t->name + len - 4, "bias");
	return bias ? c->decay_spares_bias : t->ndim == 1 && c->decay_spares_norm;
}

/* torch.nn.utils.clip_grad_norm_. */
static int clip(struct hm_optim *o, struct hm_err *e)
{
	double sum = 0;
	for (size_t i = 0; i < o->params->n; i++)
		o->dev->op->sum_squares(o->dev, &sum, o->grad[i], o->params->item[i].count);
	if (!isfinite(sum))
		return hm_err_set(e, HM_EDATA, "the gradient's norm is not finite");
	double factor = o->c.clip_norm / (sqrt(sum) + 1e-6);
	for (size_t i = 0; factor < 1 && i < o->params->n; i++)
		o->dev->op->scale(o->dev, o->grad[i], o->params->item[i].count, factor);
	return 0;
}

int hm_optim_step(struct hm_optim *o, double *lr, struct hm_err *e)
{
	const struct hm_optim_config *c = &o->c;
	if (c->clip_norm > 0 && clip(o, e))
		return HM_EDATA;
	*lr = c->lr * hm_schedule_factor(c->schedule, o->t, c->total, c->warmup);
	o->t++;
	for (size_t i = 0; i < o->params->n; i++) {
		struct hm_param *p = &o->params->item[i];
		double decay = spared(c, &p->t) ? 0 : c->weight_decay;
		struct hm_adam a = {*lr, 0.9, 0.999, 1e-8, decay, c->kind == HM_ADAMW};
		if (c->kind == HM_SGD)
			o->dev->op->sgd(o->dev, p->t.data, o->m[i], o->grad[i], p->count, *lr, c->momentum,
					decay, o->t);
		else
			o->dev->op->adam(o->dev, p->t.data, o->m[i], o->v[i], o->grad[i], p->count, &a, o->t);
	}
	return hm_device_error(o->dev, e);
}
