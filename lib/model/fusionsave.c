/* Whole models into files: see hm_fusionfile_save. An encoder's tensors go by their published names here; the
 * prefix, and the numbers of early fusion's trunk, come on when they are added. */
#include "model/fusionfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_CAP = 256 };

/* What a file is put together from. */
struct plan {
	struct hm_arena arena;	/* names, copies of parameters */
	struct hm_buf tensors;	/* struct hm_tensor[], under their names in the file */
	struct hm_modelfile to; /* borrows */
};

/* A parameter table as host tensors, wherever it is; *data gets all its numbers. */
static int copy_table(struct plan *p, struct hm_params *s, struct hm_tensor **tensor, const float *instead,
		      struct hm_err *e)
{
	float *data = hm_arena_get(&p->arena, s->count * sizeof *data, e);
	struct hm_tensor *t = *tensor = data ? hm_arena_get(&p->arena, s->n * sizeof *t, e) : NULL;
	if (!t)
		return HM_EDATA;
	if (instead)
		memcpy(data, instead, s->count * sizeof *data);
	else
		hm_params_read(s, data);
	for (size_t i = 0; i < s->n; data += s->item[i++].count) {
		t[i] = s->item[i].t;
		t[i].data = data;
	}
	return s->device ? hm_device_error(s->device, e) : 0;
}

static int add(struct plan *p, const struct hm_tensor *t, const char *prefix, const char *name,
	       struct hm_err *e)
{
	struct hm_tensor copy = *t;
	size_t n = strlen(prefix), m = strlen(name) + 1;
	char *own = hm_arena_get(&p->arena, n + m, e);
	if (!own)
		return HM_EDATA;
	memcpy(own, prefix, n);
	memcpy(own + n, name, m);
	copy.name = own;
	return hm_buf_add(&p->tensors, &copy, sizeof copy, e);
}

static int add_own(struct plan *p, struct hm_params *own, const float *instead, struct hm_err *e)
{
	struct hm_tensor *t;
	int rc = copy_table(p, own, &t, instead, e);
	for (size_t i = 0; !rc && i < own->n; i++) {
		if (!strcmp(t[i].name, "classifier.weight")) {
			p->to.weight = t[i].data;
			p->to.inputs = t[i].dim[1];
		} else if (!strcmp(t[i].name, "classifier.bias")) {
			p->to.bias = t[i].data;
		} else {
			rc = add(p, &t[i], "", t[i].name, e);
		}
	}
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct hm_tensor *)a)->name, ((const struct hm_tensor *)b)->name);
}

/* num_batches_tracked of the batch norm that has this running_var: what the encoder came with, and `batches`.
 */
static int add_tracked(struct plan *p, const struct hm_encoder *x, const char *running_var, bool early,
		       int64_t batches, struct hm_err *e)
{
	char name[NAME_CAP], positional[NAME_CAP];
	int stem = (int)(strlen(running_var) - strlen("running_var"));
	snprintf(name, sizeof name, "%.*snum_batches_tracked", stem, running_var);
	struct hm_tensor key = {.name = name};
	const struct hm_tensor *had =
		x && x->n_tracked ? bsearch(&key, x->tracked, x->n_tracked, sizeof key, by_name) : NULL;
	int64_t *n = hm_arena_get(&p->arena, sizeof *n, e);
	if (!n)
		return HM_EDATA;
	*n = 0;
	if (had && had->dtype == HM_I64 && !had->ndim)
		memcpy(n, had->data, sizeof *n);
	if (*n < 0 || __builtin_add_overflow(*n, batches, n))
		return hm_err_set(e, HM_EDATA, "tensor %s: its count of batches is out of range", name);
	if (early)
		hm_weights_sequential_name(name, positional, sizeof positional);
	return add(p, &(struct hm_tensor){"", HM_I64, 0, {0}, n}, HM_IMAGE_PREFIX, early ? positional : name,
		   e);
}

/* An encoder's tensors t[0..n) and its digest. */
static int add_encoder(struct plan *p, const char *prefix, bool numbered, const struct hm_tensor *t, size_t n,
		       char digest[33], struct hm_err *e)
{
	char name[NAME_CAP];
	int rc = hm_weights_digest(t, n, digest, e);
	for (size_t i = 0; !rc && i < n; i++) {
		if (numbered)
			hm_weights_sequential_name(t[i].name, name, sizeof name);
		rc = add(p, &t[i], prefix, numbered ? name : t[i].name, e);
	}
	return rc;
}

/* One side: live (the table of a network that runs), as opened, or by its digest alone. */
static int add_side(struct plan *p, struct hm_params *live, const struct hm_encoder *x, bool image,
		    int64_t batches, char digest[33], struct hm_err *e)
{
	bool early = p->to.fusion == HM_FUSION_EARLY;
	const struct hm_tensor *t = x ? x->tensor : NULL;
	size_t n = x ? x->n_tensor : 0;
	if (!live)
		batches = 0;
	if (!live && x && !n) /* init: has no file */
		live = image ? hm_resnet_params(x->resnet) : hm_bert_params(x->bert);
	if (live) {
		struct hm_tensor *copy;
		if (copy_table(p, live, &copy, NULL, e))
			return HM_EDATA;
		t = copy;
		n = live->n;
	}
	if (!t)
		return 0;
	int rc = add_encoder(p, image ? HM_IMAGE_PREFIX : hm_text_prefix(p->to.fusion), image && early, t, n,
			     digest, e);
	for (size_t i = 0; !rc && image && i < n; i++) {
		size_t len = strlen(t[i].name);
		if (len > 11 && !strcmp(t[i].name + len - 11, "running_var"))
			rc = add_tracked(p, x, t[i].name, early, batches, e);
	}
	return rc;
}

static void say(char *out, size_t cap, const char *text)
{
	snprintf(out, cap, "%s", text ? text : "");
}

static void describe(struct hm_modelfile *to, const struct hm_fusion_config *c,
		     const struct hm_fusionfile_parts *p)
{
	const struct hm_bert_config *bert =
		c->text == HM_SIDE_FROZEN || c->text == HM_SIDE_TRAINED ? hm_bert_config_of(c->bert) : NULL;
	to->fusion = c->kind;
	to->classes = c->classes;
	to->image_dim = c->image_dim;
	to->text_dim = c->text_dim;
	to->heads = bert ? bert->heads : p->text ? p->text->heads : 0;
	to->eps = bert ? bert->eps : p->text ? p->text->eps : 0;
	to->pg = (cJSON *)(uintptr_t)p->pg; /* only read */
	to->selected_on = (char *)(uintptr_t)p->selected_on;
	if (c->image == HM_SIDE_FEATURE) {
		say(to->image_digest, sizeof to->image_digest, p->image_feature.encoder);
		say(to->image_output, sizeof to->image_output, p->image_feature.output);
		say(to->image_precision, sizeof to->image_precision, p->image_feature.precision);
	}
	if (c->text == HM_SIDE_FEATURE) {
		say(to->text_digest, sizeof to->text_digest, p->text_feature.encoder);
		say(to->text_precision, sizeof to->text_precision, p->text_feature.precision);
	}
}

/* The table of a side's network when it runs in the fusion. */
static struct hm_params *live_table(struct hm_fusion *f, const char *side)
{
	struct hm_fusion_table t[3];
	int n = hm_fusion_tables(f, t);
	for (int i = 0; i < n; i++)
		if (!strcmp(t[i].side, side))
			return t[i].params;
	return NULL;
}

int hm_fusionfile_save(const char *path, struct hm_fusion *f, const struct hm_fusionfile_parts *p,
		       struct hm_err *e)
{
	struct plan plan = {0};
	describe(&plan.to, hm_fusion_config_of(f), p);
	int rc = add_own(&plan, hm_fusion_params(f), p->own, e);
	if (!rc)
		rc = add_side(&plan, live_table(f, "image"), p->image, true, p->batches, plan.to.image_digest,
			      e);
	if (!rc)
		rc = add_side(&plan, live_table(f, "text"), p->text, false, 0, plan.to.text_digest, e);
	if (!rc)
		rc = hm_modelfile_write(path, &plan.to, (const struct hm_tensor *)plan.tensors.data,
					plan.tensors.len / sizeof(struct hm_tensor), e);
	hm_buf_clear(&plan.tensors);
	hm_arena_clear(&plan.arena);
	return rc;
}
