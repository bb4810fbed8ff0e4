/* Late fusion's head. See late.h. */
#include "nn/late.h"

void hm_late_init(struct hm_late *m, int classes, int inputs)
{
	*m = (struct hm_late){.classes = classes, .inputs = inputs};
	hm_params_add(&m->params, &m->weight, HM_INIT_UNIFORM, HM_DIMS(classes, inputs), "classifier.weight");
	hm_params_add(&m->params, &m->bias, HM_INIT_UNIFORM_BIAS, HM_DIMS(classes), "classifier.bias");
}

void hm_late_clear(struct hm_late *m)
{
	hm_params_clear(&m->params);
	*m = (struct hm_late){0};
}

void hm_late_forward(const struct hm_late *m, struct hm_device *d, float *logits, const float *x, int rows)
{
	d->op->linear_forward(d, logits, x, m->weight, m->bias, rows, m->classes, m->inputs);
}

void hm_late_backward(const struct hm_late *m, struct hm_device *d, float *dx, const float *dlogits,
		      const float *x, int rows)
{
	d->op->linear_backward(d, dx, hm_params_grad(&m->params, m->weight),
			       hm_params_grad(&m->params, m->bias), dlogits, x, m->weight, rows, m->classes,
			       m->inputs);
}
