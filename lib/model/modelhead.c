/* Which fusion a model file is, and its last layer. See modelhead.h. */
#include "model/modelhead.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define CLASSES_CAP 65536

/* ---- the last layer */

/* One of the last layer's tensors as f32, finite; *t in the file. */
static int head_tensor(const struct hm_weights *w, const char *name, int ndim, const struct hm_tensor **t,
		       float **out, struct hm_err *e)
{
	size_t n;
	*t = hm_weights_find(w, name);
	if (!*t)
		return hm_err_set(e, HM_EDATA, "not a model: tensor \"%s\" is missing", name);
	if ((*t)->ndim != ndim || !hm_shape_count(ndim, (*t)->dim, &n) || !n)
		return hm_err_set(e, HM_EDATA, "tensor \"%s\" does not have %d dimension%s", name, ndim,
				  ndim > 1 ? "s" : "");
	/* twice the room, for a second row */
	*out = hm_alloc(2 * n, sizeof **out, e);
	if (!*out || hm_to_f32((*t)->dtype, (*t)->data, n, *out, e))
		return hm_err_prefix(e, "tensor \"%s\"", name);
	for (size_t i = 0; i < n; i++)
		if (!isfinite((*out)[i]))
			return hm_err_set(e, HM_EDATA, "tensor \"%s\" holds NaN or infinity", name);
	return 0;
}

/* One output z becomes two, 0 and z: softmax gives z's sigmoid. The file's tensor is replaced by `data`. */
static void add_row(const struct hm_modelfile *m, const struct hm_tensor *t, float *data)
{
	struct hm_tensor *own = &m->file->tensor[t - m->file->tensor];
	size_t n = t->ndim == 2 ? (size_t)t->dim[1] : 1;
	memmove(data + n, data, n * sizeof *data);
	memset(data, 0, n * sizeof *data);
	own->dim[0] = 2;
	own->dtype = HM_F32;
	own->data = data;
}

int hm_modelhead_read(struct hm_modelfile *m, struct hm_err *e)
{
	const struct hm_tensor *w, *b;
	char weight[32], bias[32];
	snprintf(weight, sizeof weight, "%s.weight", m->fusion->last);
	snprintf(bias, sizeof bias, "%s.bias", m->fusion->last);
	if (head_tensor(m->file, weight, 2, &w, &m->weight, e) ||
	    head_tensor(m->file, bias, 1, &b, &m->bias, e))
		return HM_EDATA;
	if (w->dim[0] != b->dim[0] || w->dim[0] > CLASSES_CAP)
		return hm_err_set(e, HM_EDATA, "%s is %lldx%lld, %s %lld", weight, (long long)w->dim[0],
				  (long long)w->dim[1], bias, (long long)b->dim[0]);
	if (m->fusion->one_logit && w->dim[0] == 1) {
		add_row(m, w, m->weight);
		add_row(m, b, m->bias);
	}
	m->classes = w->dim[0];
	m->inputs = w->dim[1];
	return 0;
}

/* ---- which fusion: from the tensors' names; where several have the same names, from their shapes */

static bool begins_with(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* The prefix under which a fusion's model has a tensor of this name; NULL: it has none. */
static const char *prefix_in(const struct hm_fusion_kind *k, const char *name)
{
	size_t last = strlen(k->last);
	if (begins_with(name, HM_IMAGE_PREFIX))
		return HM_IMAGE_PREFIX;
	if (begins_with(name, k->last) && name[last] == '.')
		return k->last;
	if (begins_with(name, k->text_prefix))
		return k->text_prefix;
	const char *const *p = k->own;
	while (*p && !begins_with(name, *p))
		p++;
	return *p;
}

/* A set of fusions: bit i is number i of the list. */
static unsigned fusions_with(const char *name, const char **prefix)
{
	const struct hm_fusion_kind *const *kind = hm_fusion_kinds();
	unsigned set = 0;
	for (int i = 0; kind[i]; i++) {
		const char *p = prefix_in(kind[i], name);
		set |= p ? 1u << i : 0;
		*prefix = p ? p : *prefix;
	}
	return set;
}

int hm_modelhead_names(const struct hm_modelfile *m, unsigned *set, struct hm_err *e)
{
	const char *first = "", *own = "";
	*set = ~0u;
	for (size_t i = 0; i < m->file->n; i++) {
		const char *name = m->file->tensor[i].name;
		unsigned with = fusions_with(name, &own);
		if (!with)
			return hm_err_set(e, HM_EDATA, "tensor \"%.200s\" is not part of a model", name);
		if (!(*set & with))
			return hm_err_set(e, HM_EDATA, "holds tensors of two fusions, \"%s\" and \"%s\"",
					  first, own);
		if ((*set & with) != *set)
			first = own;
		*set &= with;
	}
	return 0;
}

static const struct hm_tensor *find_tensor(void *ctx, const char *name)
{
	return hm_weights_find(ctx, name);
}

/* Whether the tensors' shapes are those of the fusion, as its measure returns; fills *h. */
static int measure_as(const struct hm_modelfile *m, const struct hm_fusion_kind *k, struct hm_hidden *h,
		      struct hm_err *e)
{
	char weight[32];
	snprintf(weight, sizeof weight, "%s.weight", k->last);
	const struct hm_tensor *t = hm_weights_find(m->file, weight);
	*h = (struct hm_hidden){.normalize = true};
	return k->measure && t && t->ndim == 2 ? k->measure(k, h, t->dim[1], find_tensor, m->file, e) : 0;
}

int hm_modelhead_choose(struct hm_modelfile *m, unsigned set, const char *said, struct hm_err *e)
{
	const struct hm_fusion_kind *const *kind = hm_fusion_kinds();
	struct hm_hidden head;
	m->fusion = NULL;
	for (int i = 0; kind[i]; i++) {
		int rc = set >> i & 1 ? measure_as(m, kind[i], &head, e) : 1;
		bool named = kind[i]->measure && !strcmp(said, kind[i]->name);
		if (rc < 0)
			return rc;
		if (rc)
			continue;
		if (m->fusion && !named && head.map_dim > 1 && kind[i]->measure)
			return hm_err_set(e, HM_EDATA,
					  "its tensors fit %s and %s fusion alike, and hm.model does not say "
					  "which it is",
					  m->fusion->name, kind[i]->name);
		if (m->fusion && !named)
			continue;
		m->fusion = kind[i];
		m->head = head;
		if (named)
			return 0;
	}
	return m->fusion ? 0
			 : hm_err_set(e, HM_EDATA,
				      "no fusion fits its tensors: the layer behind the maps has another "
				      "number of inputs than align, concat, cross and align-concat give");
}
