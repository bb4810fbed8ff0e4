/* Whole models out of files: see fusionfile.h. */
#include "model/fusionfile.h"
#include "model/names.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum { CAP = 1 << 24 };

static bool begins_with(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

static const struct hm_tensor *find_tensor(void *ctx, const char *name)
{
	return hm_weights_find(ctx, name);
}

static const char *side_prefix(const struct hm_fusionfile *m, int k)
{
	return k == HM_IMAGE ? HM_IMAGE_PREFIX : m->head.fusion->text_prefix;
}

/* The output of side k: what the file says, which an option must not contradict, else what an option says.
 * Our files leave out an image's `pooled`. */
static int choose_output(const struct hm_fusionfile *m, int k, struct hm_encoder_options *o, struct hm_err *e)
{
	bool unsaid = !*m->head.output[k], pooled = unsaid && m->head.described && k == HM_IMAGE;
	const char *said = pooled ? "pooled" : m->head.output[k], *asked = o->output[k];
	if (m->head.fusion->gives[k] != HM_POOLED || (unsaid && !pooled))
		return 0;
	o->output[k] = pooled ? NULL : said;
	return !asked || !strcmp(asked, said)
		       ? 0
		       : hm_err_set(e, HM_EUSAGE,
				    "it was trained on the %s encoder's output \"%s\", not \"%s\"",
				    hm_side_name((enum hm_side)k), said, asked);
}

static int open_encoders(struct hm_fusionfile *m, const char *path, const struct hm_encoder_options *o,
			 struct hm_err *e)
{
	struct hm_weights *w = m->head.file;
	for (int k = 0; k < HM_SIDES; k++) {
		const char *prefix = side_prefix(m, k);
		struct hm_encoder_options own = *o;
		if (!hm_names_holds(w, prefix))
			continue;
		own.digest = m->head.encoder[k]; /* that of its tensors */
		if (choose_output(m, k, &own, e))
			return HM_EUSAGE;
		if (hm_encoder_take(&m->side[k], (enum hm_side)k, w, prefix,
				    *m->head.family[k] ? m->head.family[k] : NULL, path, &own, e))
			return hm_err_prefix(e, "%s encoder", hm_side_name((enum hm_side)k));
		if (*m->side[k].notice)
			snprintf(m->notice, sizeof m->notice, "%s", m->side[k].notice);
	}
	return 0;
}

/* A side's numbers: what the tensors tell, the metadata, the encoder in the file must agree. */
static int settle_dims(struct hm_fusionfile *m, const struct hm_fusion_shape *told, struct hm_err *e)
{
	struct hm_modelfile *h = &m->head;
	for (int k = 0; k < HM_SIDES; k++) {
		if (told->dim[k] >= 0 && h->dim[k] >= 0 && h->dim[k] != told->dim[k])
			return hm_err_set(e, HM_EDATA, "hm.model says %lld %s numbers, the tensors have %d",
					  (long long)h->dim[k], hm_side_name((enum hm_side)k), told->dim[k]);
		h->dim[k] = told->dim[k] >= 0 ? told->dim[k] : h->dim[k];
	}
	/* what only an encoder tells: its own width, and that the rest is the other side's */
	for (int k = 0; k < HM_SIDES; k++)
		if (told->dim[k] < 0 && h->dim[k] < 0 && m->side[k].kind) {
			h->dim[k] = hm_tower_width(&m->side[k].shape, h->fusion->gives[k]);
			h->dim[!k] = h->inputs - h->dim[k];
		}
	if ((h->dim[HM_IMAGE] < 0) != (h->dim[HM_TEXT] < 0))
		return hm_err_set(e, HM_EDATA, "%s.weight has %lld inputs, fewer than its encoder gives",
				  h->fusion->last, (long long)h->inputs);
	for (int k = 0; k < HM_SIDES; k++) {
		int width = hm_tower_width(&m->side[k].shape, h->fusion->gives[k]);
		if (m->side[k].kind && h->dim[k] != width)
			return hm_err_set(
				e, HM_EDATA,
				"the fusion takes %lld numbers from the %s, the %s encoder gives %d",
				(long long)h->dim[k], hm_side_name((enum hm_side)k),
				hm_side_name((enum hm_side)k), width);
	}
	return 0;
}

/* The fusion's sizes out of its tensors and the encoders. */
static int read_shape(struct hm_fusionfile *m, struct hm_fusion_shape *s, struct hm_err *e)
{
	struct hm_modelfile *h = &m->head;
	*s = (struct hm_fusion_shape){.classes = (int)h->classes, .head = h->head};
	if (h->fusion->read(s, h->inputs, &m->side[HM_TEXT].shape, find_tensor, h->file, e) ||
	    settle_dims(m, s, e))
		return HM_EDATA;
	m->cells = s->cells;
	/* where nothing tells the two apart their sum is enough for the table */
	s->dim[HM_IMAGE] = (int)(h->dim[HM_IMAGE] < 0 ? h->inputs : h->dim[HM_IMAGE]);
	s->dim[HM_TEXT] = (int)(h->dim[HM_IMAGE] < 0 ? 0 : h->dim[HM_TEXT]);
	return 0;
}

static int check_left_over(const struct hm_fusionfile *m, const struct hm_params *own, struct hm_err *e)
{
	const struct hm_weights *w = m->head.file;
	for (size_t i = 0; i < w->n; i++) {
		const char *name = w->tensor[i].name;
		if (!begins_with(name, side_prefix(m, HM_IMAGE)) &&
		    !begins_with(name, side_prefix(m, HM_TEXT)) && !hm_params_has(own, name))
			return hm_err_set(e, HM_EDATA,
					  "tensor \"%.200s\" is left over: no %s-fusion model has it", name,
					  m->head.fusion->name);
	}
	return 0;
}

/* All of the fusion's own parameters, and no others. */
static int check_own(struct hm_fusionfile *m, struct hm_err *e)
{
	const struct hm_modelfile *h = &m->head;
	struct hm_fusion_shape s;
	if (h->classes > INT_MAX || h->inputs > CAP)
		return hm_err_set(e, HM_EDATA, "%s.weight is %lldx%lld, which no model has", h->fusion->last,
				  (long long)h->classes, (long long)h->inputs);
	if (read_shape(m, &s, e))
		return HM_EDATA;
	struct hm_fusion_net *net = h->fusion->net_new(h->fusion, &s, e);
	int rc = net ? hm_params_check(&net->params, find_tensor, h->file, e) : HM_EDATA;
	if (!rc)
		rc = check_left_over(m, &net->params, e);
	hm_fusion_net_free(net);
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
	return hm_params_load(own, find_tensor, m->head.file, e);
}

/* Whether the head can take an encoder on that side. */
static int check_attach(const struct hm_fusionfile *m, enum hm_side k, struct hm_err *e)
{
	const struct hm_modelfile *h = &m->head;
	const char *side = hm_side_name(k);
	char columns[HM_FEATURES_MOST * HM_FEATURE_NAME];
	if (m->side[k].kind)
		return hm_err_set(e, HM_EUSAGE, "it holds its %s encoder already: leave out --%s", side,
				  side);
	if (!h->dim[k])
		return hm_err_set(e, HM_EUSAGE, "it was trained without %ss: leave out --%s", side, side);
	if (h->columns[k].n > 1)
		return hm_err_set(e, HM_EUSAGE,
				  "it takes several feature columns of the %s, %s, and a model file has one "
				  "encoder for each side",
				  side, hm_feature_names_text(&h->columns[k], columns, sizeof columns));
	if (!*h->encoder[k] || h->dim[k] < 0)
		return hm_err_set(e, HM_EDATA,
				  "it does not say which encoder made its %s features, so that none can be "
				  "given to it",
				  side);
	return 0;
}

int hm_fusionfile_attach(struct hm_fusionfile *m, enum hm_side k, const char *path, const char *spec,
			 const struct hm_encoder_options *o, struct hm_err *e)
{
	struct hm_modelfile *h = &m->head;
	struct hm_encoder *x = &m->side[k];
	struct hm_encoder_options own = *o;
	if (check_attach(m, k, e) || choose_output(m, k, &own, e))
		return hm_err_prefix(e, "%s", path);
	int rc = hm_encoder_open(x, k, spec, &own, e);
	if (rc)
		return rc;
	int width = hm_tower_width(&x->shape, h->fusion->gives[k]);
	if (strcmp(x->digest, h->encoder[k]))
		rc = hm_err_set(e, HM_EDATA, "%s: this is encoder %s, %s was trained on %s%s", spec,
				x->digest, path, h->encoder[k],
				strncmp(spec, "init:", 5)
					? ""
					: " (a random one depends on its seed and on --vocab-size)");
	else if (width != h->dim[k])
		rc = hm_err_set(e, HM_EDATA, "%s: it gives %d numbers, %s takes %lld from the %s", spec,
				width, path, (long long)h->dim[k], hm_side_name(k));
	if (!rc && *x->notice)
		snprintf(m->notice, sizeof m->notice, "%s", x->notice);
	if (rc)
		hm_encoder_clear(x);
	return rc;
}

int hm_fusionfile_unchanged(const struct hm_fusionfile *m, struct hm_err *e)
{
	int rc = hm_weights_unchanged(m->head.file, e);
	for (int k = 0; k < HM_SIDES && !rc; k++)
		rc = hm_weights_unchanged(m->side[k].file, e);
	return rc;
}

void hm_fusionfile_close(struct hm_fusionfile *m)
{
	for (int k = 0; k < HM_SIDES; k++)
		hm_encoder_clear(&m->side[k]);
	hm_modelfile_clear(&m->head);
	*m = (struct hm_fusionfile){0};
}
