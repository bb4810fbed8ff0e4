/* The late-fusion head on cached features. See apply.h. */
#include "train/apply.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const name[HM_APPLY_FEATURES] = {"image_feature", "text_feature"};

/* Numbers in the feature column i, 0 when it is none. */
static int64_t width_of(const struct hm_schema *s, int i)
{
	if (i < 0)
		return 0;
	const struct hm_field *f = &s->field[i];
	bool real = f->dtype == HM_F32 || f->dtype == HM_F16 || f->dtype == HM_BF16;
	return real && f->ndim == 1 && f->dim[0] > 0 ? f->dim[0] : 0;
}

/* How many inputs each feature gives, where the model does not say: both, or the one whose width is I. */
static int guess_widths(struct hm_apply *a, const struct hm_schema *s, struct hm_err *e)
{
	int64_t all = a->model->inputs, image = width_of(s, hm_schema_find(s, name[0])),
		text = width_of(s, hm_schema_find(s, name[1]));
	a->width[0] = a->width[1] = 0;
	if (image && text && image + text == all) {
		a->width[0] = image;
		a->width[1] = text;
	} else if ((image == all) == (text == all)) {
		return hm_err_set(e, HM_EDATA,
				  "the model has %lld inputs; image_feature has %lld numbers, text_feature "
				  "%lld: no way to tell which it takes",
				  (long long)all, (long long)image, (long long)text);
	} else {
		a->width[image == all ? 0 : 1] = all;
	}
	return 0;
}

static int check_column(struct hm_apply *a, const struct hm_schema *s, int k, bool allow_unknown,
			struct hm_err *e)
{
	const struct hm_modelfile *m = a->model;
	const char *trained = k ? m->text_digest : m->image_digest,
		   *precision = k ? m->text_precision : m->image_precision;
	int i = a->column[k] = hm_schema_find(s, name[k]);
	if (i < 0)
		return hm_err_set(e, HM_EDATA, "no column \"%s\", which the model needs (hm-encode makes it)",
				  name[k]);
	if (width_of(s, i) != a->width[k])
		return hm_err_set(e, HM_EDATA, "column \"%s\" has %lld numbers, the model needs %lld",
				  name[k], (long long)width_of(s, i), (long long)a->width[k]);
	const char *made = hm_schema_attr(s, i, "encoder"), *how = hm_schema_attr(s, i, "precision"),
		   *output = hm_schema_attr(s, i, "output");
	if (!made && !allow_unknown)
		return hm_err_set(e, HM_EDATA,
				  "column \"%s\" does not say which encoder made it "
				  "(--allow-unknown-features takes it all the same)",
				  name[k]);
	if (made && *trained && strcmp(made, trained))
		return hm_err_set(e, HM_EDATA,
				  "column \"%s\" was made by encoder %s, the model was trained on %s",
				  name[k], made, trained);
	if (!k && output && *m->image_output && strcmp(output, m->image_output))
		return hm_err_set(
			e, HM_EDATA,
			"column \"%s\" is the encoder's output \"%s\", the model was trained on \"%s\"",
			name[k], output, m->image_output);
	if (!*trained)
		snprintf(a->notice, sizeof a->notice, "the model does not say which encoder made its %s",
			 name[k]);
	else if (how && *precision && strcmp(how, precision))
		snprintf(a->notice, sizeof a->notice, "%s was computed in %s, the model was trained on %s",
			 name[k], how, precision);
	return 0;
}

int hm_apply_init(struct hm_apply *a, const struct hm_modelfile *model, const struct hm_schema *s,
		  bool allow_unknown, struct hm_err *e)
{
	*a = (struct hm_apply){
		.model = model, .column = {-1, -1}, .width = {model->image_dim, model->text_dim}};
	if (model->fusion != HM_FUSION_LATE)
		return hm_err_set(e, HM_EDATA, "an early-fusion model cannot be scored on cached features");
	int rc = model->image_dim < 0 ? guess_widths(a, s, e) : 0;
	for (int k = 0; !rc && k < HM_APPLY_FEATURES; k++)
		if (a->width[k])
			rc = check_column(a, s, k, allow_unknown, e);
	if (!rc && a->width[0] + a->width[1] != model->inputs)
		rc = hm_err_set(e, HM_EDATA, "the model has %lld inputs where its features have %lld numbers",
				(long long)model->inputs, (long long)(a->width[0] + a->width[1]));
	if (!rc && !(a->x = hm_alloc((size_t)model->inputs, sizeof *a->x, e)))
		rc = HM_EDATA;
	return rc;
}

int hm_apply_record(const struct hm_apply *a, const struct hm_rec *rec, float *logits, float *prob,
		    struct hm_err *e)
{
	const struct hm_modelfile *m = a->model;
	size_t inputs = 0, classes = (size_t)m->classes;
	double most = -INFINITY, sum = 0;
	for (int k = 0; k < HM_APPLY_FEATURES; k++) {
		if (!a->width[k])
			continue;
		const struct hm_val *v = &rec->val[a->column[k]];
		if (hm_to_f32(rec->schema->field[a->column[k]].dtype, v->data, v->count, a->x + inputs, e))
			return HM_EDATA;
		inputs += v->count;
	}
	for (size_t c = 0; c < classes; c++) {
		const float *w = m->weight + c * inputs;
		double z = m->bias[c];
		for (size_t i = 0; i < inputs; i++)
			z += (double)w[i] * (double)a->x[i];
		logits[c] = (float)z;
		most = fmax(most, logits[c]);
		if (!isfinite(logits[c]))
			return hm_err_set(e, HM_EDATA, "logit %zu is not finite", c);
	}
	for (size_t c = 0; c < classes; c++)
		sum += exp(logits[c] - most);
	for (size_t c = 0; c < classes; c++)
		prob[c] = (float)(exp(logits[c] - most) / sum);
	return 0;
}

void hm_apply_clear(struct hm_apply *a)
{
	free(a->x);
	*a = (struct hm_apply){0};
}
