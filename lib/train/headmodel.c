/* Heads and their files. See headmodel.h. */
#include "train/headmodel.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int hm_head_init(struct hm_late *m, uint64_t seed, struct hm_err *e)
{
	return hm_params_init(&m->params, seed, 0, e);
}

static int same_encoder(const char *what, const char *of_model, const struct hm_feature *f, struct hm_err *e)
{
	if (!f->dim || !of_model[0] || !f->encoder[0] || !strcmp(of_model, f->encoder))
		return 0;
	return hm_err_set(e, HM_EDATA, "it was trained on %s features of encoder %s, these are of %s", what,
			  of_model, f->encoder);
}

int hm_head_load(struct hm_late *m, const struct hm_modelfile *f, const struct hm_headdata *d,
		 struct hm_err *e)
{
	if (f->fusion != HM_FUSION_LATE)
		return hm_err_set(e, HM_EDATA, "it is an early-fusion model, this is late fusion");
	if (f->classes != m->classes || f->inputs != m->inputs)
		return hm_err_set(e, HM_EDATA,
				  "its classifier has %" PRId64 " classes and %" PRId64
				  " inputs, the data needs %d and %d",
				  f->classes, f->inputs, m->classes, m->inputs);
	if (f->image_dim >= 0 && (f->image_dim != d->image.dim || f->text_dim != d->text.dim))
		return hm_err_set(e, HM_EDATA,
				  "it takes %" PRId64 " image and %" PRId64
				  " text features, the data has %d and %d",
				  f->image_dim, f->text_dim, d->image.dim, d->text.dim);
	if (same_encoder("image", f->image_digest, &d->image, e) ||
	    same_encoder("text", f->text_digest, &d->text, e) || hm_params_alloc(&m->params, e))
		return HM_EDATA;
	memcpy(m->weight, f->weight, (size_t)m->classes * (size_t)m->inputs * sizeof *m->weight);
	memcpy(m->bias, f->bias, (size_t)m->classes * sizeof *m->bias);
	return 0;
}

void hm_head_fold(struct hm_late *m, const double *mean, const double *deviation)
{
	for (int c = 0; c < m->classes; c++) {
		float *w = m->weight + (size_t)c * (size_t)m->inputs;
		double b = m->bias[c];
		for (int j = 0; j < m->inputs; j++) {
			double raw = w[j] / deviation[j];
			b -= raw * mean[j];
			w[j] = (float)raw;
		}
		m->bias[c] = (float)b;
	}
}

void hm_head_unfold(struct hm_late *m, const double *mean, const double *deviation)
{
	for (int c = 0; c < m->classes; c++) {
		float *w = m->weight + (size_t)c * (size_t)m->inputs;
		double b = m->bias[c];
		for (int j = 0; j < m->inputs; j++) {
			b += w[j] * mean[j];
			w[j] = (float)(w[j] * deviation[j]);
		}
		m->bias[c] = (float)b;
	}
}

int hm_head_save(const char *path, const struct hm_late *m, const struct hm_headdata *d,
		 const struct hm_modelfile *init, const char *selected_on, const cJSON *pg, struct hm_err *e)
{
	struct hm_modelfile f = {.fusion = HM_FUSION_LATE,
				 .classes = m->classes,
				 .inputs = m->inputs,
				 .image_dim = d->image.dim,
				 .text_dim = d->text.dim,
				 .weight = m->weight,
				 .bias = m->bias};
	struct hm_tensor *more = NULL;
	size_t n = 0;
	int rc = HM_EDATA;
	snprintf(f.image_digest, sizeof f.image_digest, "%s", d->image.encoder);
	snprintf(f.text_digest, sizeof f.text_digest, "%s", d->text.encoder);
	snprintf(f.image_output, sizeof f.image_output, "%s", d->image.output);
	snprintf(f.image_precision, sizeof f.image_precision, "%s", d->image.precision);
	snprintf(f.text_precision, sizeof f.text_precision, "%s", d->text.precision);
	f.pg = pg ? cJSON_Duplicate(pg, 1) : NULL;
	f.selected_on = selected_on ? hm_strndup(selected_on, strlen(selected_on), e) : NULL;
	if ((pg && !f.pg) || (selected_on && !f.selected_on)) {
		hm_err_set(e, HM_EDATA, "out of memory");
		goto done;
	}
	if (init && init->file) {
		if (!(more = hm_alloc(init->file->n, sizeof *more, e)))
			goto done;
		for (size_t i = 0; i < init->file->n; i++)
			if (strncmp(init->file->tensor[i].name, "classifier.", 11))
				more[n++] = init->file->tensor[i];
		f.heads = init->heads;
		f.eps = init->eps;
	}
	rc = hm_modelfile_write(path, &f, more, n, e);
done:
	cJSON_Delete(f.pg);
	free(f.selected_on);
	free(more);
	return rc;
}
