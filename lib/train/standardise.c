/* Standardised features and the layers that take them. See standardise.h. */
#include "train/standardise.h"

#include <stdlib.h>

bool hm_standard_wanted(enum hm_standardize how, const struct hm_fusion_config *c)
{
	return how != HM_STANDARDIZE_NO && c->kind->intakes && !hm_fusion_runs_tower(c) &&
	       (how == HM_STANDARDIZE_YES || c->kind->standard);
}

int hm_standard_measure(struct hm_standard *m, struct hm_examples *x, struct hm_workers *w, struct hm_err *e)
{
	size_t inputs = (size_t)x->feature[HM_IMAGE].dim + (size_t)x->feature[HM_TEXT].dim;
	if (!(m->mean = hm_alloc(inputs, sizeof *m->mean, e)) ||
	    !(m->deviation = hm_alloc(inputs, sizeof *m->deviation, e)))
		return HM_EDATA;
	return hm_examples_moments(x, w, m->mean, m->deviation, e);
}

void hm_standard_clear(struct hm_standard *m)
{
	free(m->mean);
	free(m->deviation);
	*m = (struct hm_standard){0};
}

/* Changes a layer for x into the one for raw features: weight/deviation, bias - weight·mean. */
static void fold_layer(float *weight, float *bias, int outputs, int inputs, const double *mean,
		       const double *deviation)
{
	for (int c = 0; c < outputs; c++) {
		float *w = weight + (size_t)c * (size_t)inputs;
		double b = bias[c];
		for (int j = 0; j < inputs; j++) {
			double raw = w[j] / deviation[j];
			b -= raw * mean[j];
			w[j] = (float)raw;
		}
		bias[c] = (float)b;
	}
}

/* The inverse of fold_layer. */
static void unfold_layer(float *weight, float *bias, int outputs, int inputs, const double *mean,
			 const double *deviation)
{
	for (int c = 0; c < outputs; c++) {
		float *w = weight + (size_t)c * (size_t)inputs;
		double b = bias[c];
		for (int j = 0; j < inputs; j++) {
			b += w[j] * mean[j];
			w[j] = (float)(w[j] * deviation[j]);
		}
		bias[c] = (float)b;
	}
}

/* Changes every intake of f in its own parameters p with one of the two above. */
static void change_intakes(const struct hm_standard *m, const struct hm_fusion *f, float *p,
			   void (*change)(float *weight, float *bias, int outputs, int inputs,
					  const double *mean, const double *deviation))
{
	struct hm_intake in[HM_SIDES];
	int n = hm_fusion_intakes(f, in);
	for (int i = 0; i < n; i++)
		change(p + in[i].weight, p + in[i].bias, in[i].outputs, in[i].inputs, m->mean + in[i].first,
		       m->deviation + in[i].first);
}

void hm_standard_fold(const struct hm_standard *m, struct hm_fusion *f, float *out)
{
	hm_params_read(hm_fusion_params(f), out);
	change_intakes(m, f, out, fold_layer);
}

void hm_standard_unfold(const struct hm_standard *m, const struct hm_fusion *f, float *params)
{
	change_intakes(m, f, params, unfold_layer);
}

int hm_standard_refold(void *standard, struct hm_fusion *f, struct hm_fusion *judge, struct hm_err *e)
{
	struct hm_params *own = hm_fusion_params(judge);
	float *folded = hm_alloc(own->count, sizeof *folded, e);
	if (!folded)
		return HM_EDATA;
	hm_standard_fold(standard, f, folded);
	hm_params_write(own, folded);
	free(folded);
	return 0;
}
