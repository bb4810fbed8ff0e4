/* Whole models out of files: see fusionfile.h. */
#include "model/fusionfile.h"
#include "nn/early.h"
#include "nn/late.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { CAP = 1 << 24 };

static bool begins(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* ---- reading ---- */

static const struct hm_tensor *find(void *ctx, const char *name)
{
	return hm_weights_find(ctx, name);
}

static bool holds(const struct hm_weights *w, const char *prefix)
{
	size_t i = 0;
	while (i < w->n && !begins(w->tensor[i].name, prefix))
		i++;
	return i < w->n;
}

static int open_encoders(struct hm_fusionfile *m, const char *path, const struct hm_encoder_options *o,
			 struct hm_err *e)
{
	struct hm_weights *w = m->head.file;
	if (holds(w, HM_IMAGE_PREFIX) && hm_encoder_take(&m->image, HM_IMAGE_ENCODER, w, path, o, e))
		return hm_err_prefix(e, "image encoder");
	if (holds(w, hm_text_prefix(m->head.fusion)) &&
	    hm_encoder_take(&m->text, HM_TEXT_ENCODER, w, path, o, e))
		return hm_err_prefix(e, "text encoder");
	snprintf(m->notice, sizeof m->notice, "%s", m->text.notice);
	return 0;
}

/* Which of the classifier's inputs are the image's, which the text's. */
static int split_inputs(struct hm_fusionfile *m, struct hm_err *e)
{
	struct hm_modelfile *h = &m->head;
	const struct hm_encoder *image = &m->image, *text = &m->text;
	if (!image->width && !text->width)
		return 0;
	if (h->image_dim < 0) {
		h->image_dim = image->width ? image->width : h->inputs - text->width;
		h->text_dim = h->inputs - h->image_dim;
	}
	if (h->image_dim < 0 || h->text_dim < 0 || (image->width && h->image_dim != image->width) ||
	    (text->width && h->text_dim != text->width))
		return hm_err_set(e, HM_EDATA,
				  "classifier.weight has %lld inputs; the image encoder gives %d, the text "
				  "encoder %d",
				  (long long)h->inputs, image->width, text->width);
	return 0;
}

/* Early fusion's sizes: classes, C, H, P. */
static int early_sizes(struct hm_fusionfile *m, struct hm_err *e)
{
	struct hm_modelfile *h = &m->head;
	int64_t project[2], position[2];
	if (hm_find_shape(find, h->file, "image_dim_augmentation.weight", 2, CAP, project, e) ||
	    hm_find_shape(find, h->file, "image_positional_embeddings.weight", 2, CAP, position, e))
		return HM_EDATA;
	int64_t c = project[1], hidden = h->inputs;
	if (m->image.width && m->image.width != c)
		return hm_err_set(e, HM_EDATA,
				  "image_dim_augmentation.weight has %lld inputs, the image encoder gives %d",
				  (long long)c, m->image.width);
	if (m->text.width != hidden)
		return hm_err_set(e, HM_EDATA, "classifier.weight has %lld inputs, the transformer gives %d",
				  (long long)hidden, m->text.width);
	if (position[0] >= m->text.positions)
		return hm_err_set(e, HM_EDATA,
				  "%lld image positions leave no room for words in the transformer's %d",
				  (long long)position[0], m->text.positions);
	if (h->image_dim >= 0 && (h->image_dim != c || h->text_dim != hidden))
		return hm_err_set(e, HM_EDATA,
				  "hm.model says %lld image and %lld text numbers, the tensors have %lld and "
				  "%lld",
				  (long long)h->image_dim, (long long)h->text_dim, (long long)c,
				  (long long)hidden);
	h->image_dim = c;
	h->text_dim = hidden;
	m->grid = (int)position[0];
	return 0;
}

static int check_left_over(const struct hm_fusionfile *m, const struct hm_params *own, struct hm_err *e)
{
	const struct hm_weights *w = m->head.file;
	for (size_t i = 0; i < w->n; i++) {
		const char *name = w->tensor[i].name;
		if (!begins(name, HM_IMAGE_PREFIX) && !begins(name, hm_text_prefix(m->head.fusion)) &&
		    !hm_params_has(own, name))
			return hm_err_set(e, HM_EDATA,
					  "tensor \"%.200s\" is left over: no %s-fusion model has it", name,
					  m->head.fusion == HM_FUSION_EARLY ? "early" : "late");
	}
	return 0;
}

/* All of the fusion's own parameters, and none beside them. */
static int check_own(struct hm_fusionfile *m, struct hm_err *e)
{
	const struct hm_modelfile *h = &m->head;
	int rc;
	if (h->classes > INT_MAX || h->inputs > CAP)
		return hm_err_set(e, HM_EDATA, "classifier.weight is %lldx%lld, which no model has",
				  (long long)h->classes, (long long)h->inputs);
	if (h->fusion == HM_FUSION_LATE) {
		struct hm_late late;
		hm_late_init(&late, (int)h->classes, (int)h->inputs);
		rc = split_inputs(m, e);
		if (!rc)
			rc = check_left_over(m, &late.params, e);
		hm_late_clear(&late);
		return rc;
	}
	if (early_sizes(m, e))
		return HM_EDATA;
	struct hm_early early;
	hm_early_init(&early, (int)h->classes, (int)h->image_dim, (int)h->inputs, m->grid);
	rc = hm_fusionfile_load(m, &early.params, e);
	if (!rc)
		rc = check_left_over(m, &early.params, e);
	hm_early_clear(&early);
	return rc;
}

int hm_fusionfile_open(struct hm_fusionfile *m, const char *path, const struct hm_encoder_options *o,
		       struct hm_err *e)
{
	*m = (struct hm_fusionfile){0};
	if (hm_modelfile_read(&m->head, path, e))
		return HM_EDATA;
	if (open_encoders(m, path, o, e) || check_own(m, e))
		return hm_err_prefix(e, "%s", path);
	return 0;
}

int hm_fusionfile_load(const struct hm_fusionfile *m, struct hm_params *own, struct hm_err *e)
{
	return hm_params_load(own, find, m->head.file, e);
}

void hm_fusionfile_close(struct hm_fusionfile *m)
{
	hm_encoder_clear(&m->image);
	hm_encoder_clear(&m->text);
	hm_modelfile_clear(&m->head);
	*m = (struct hm_fusionfile){0};
}
