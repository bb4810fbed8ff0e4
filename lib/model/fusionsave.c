/* Whole models into files: see hm_fusionfile_save. An encoder's tensors have their published names here; the
 * prefix, and the numbers of PyTorch's Sequential where the fusion wants them, come on when they are added.
 */
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

static int add_tensor(struct plan *p, const struct hm_tensor *t, const char *prefix, const char *name,
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
		const char *last = p->to.fusion->last;
		size_t len = strlen(last);
		bool is_last = !strncmp(t[i].name, last, len) && t[i].name[len] == '.';
		if (is_last && t[i].ndim == 2) {
			p->to.weight = t[i].data;
			p->to.inputs = t[i].dim[1];
		} else if (is_last) {
			p->to.bias = t[i].data;
		} else {
			rc = add_tensor(p, &t[i], "", t[i].name, e);
		}
	}
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct hm_tensor *)a)->name, ((const struct hm_tensor *)b)->name);
}

/* How a side's tensors are called in the file. */
struct naming {
	const char *prefix;
	void (*sequential)(const char *name, char *out, size_t cap); /* NULL: as published */
};

static int add_named(struct plan *p, const struct hm_tensor *t, const struct naming *as, const char *name,
		     struct hm_err *e)
{
	char numbered[NAME_CAP];
	if (as->sequential)
		as->sequential(name, numbered, sizeof numbered);
	return add_tensor(p, t, as->prefix, as->sequential ? numbered : name, e);
}

/* num_batches_tracked of the batch norm that has this running_var: what the encoder came with, and `batches`.
 */
static int add_counter(struct plan *p, const struct hm_encoder *x, const char *running_var,
		       const struct naming *as, int64_t batches, struct hm_err *e)
{
	char name[NAME_CAP];
	int stem = (int)(strlen(running_var) - strlen("running_var"));
	snprintf(name, sizeof name, "%.*snum_batches_tracked", stem, running_var);
	struct hm_tensor key = {.name = name};
	const struct hm_tensor *had =
		x && x->n_counter ? bsearch(&key, x->counter, x->n_counter, sizeof key, by_name) : NULL;
	int64_t *n = hm_arena_get(&p->arena, sizeof *n, e);
	if (!n)
		return HM_EDATA;
	*n = 0;
	if (had && had->dtype == HM_I64 && !had->ndim)
		memcpy(n, had->data, sizeof *n);
	if (*n < 0 || __builtin_add_overflow(*n, batches, n))
		return hm_err_set(e, HM_EDATA, "tensor %s: its count of batches is out of range", name);
	return add_named(p, &(struct hm_tensor){"", HM_I64, 0, {0}, n}, as, name, e);
}

/* A tower's tensors t[0..n), its counters and its digest. */
static int add_tower(struct plan *p, const struct hm_encoder *x, const struct naming *as,
		     const struct hm_tensor *t, size_t n, int64_t batches, char digest[33], struct hm_err *e)
{
	int rc = hm_weights_digest(t, n, digest, e);
	for (size_t i = 0; !rc && i < n; i++)
		rc = add_named(p, &t[i], as, t[i].name, e);
	for (size_t i = 0; !rc && i < n; i++) {
		size_t len = strlen(t[i].name);
		if (len > 11 && !strcmp(t[i].name + len - 11, "running_var"))
			rc = add_counter(p, x, t[i].name, as, batches, e);
	}
	return rc;
}

/* One side: live (the table of a tower that runs), as opened, or by its digest alone. */
static int add_side(struct plan *p, enum hm_side k, struct hm_tower *live, const struct hm_encoder *x,
		    int64_t batches, struct hm_err *e)
{
	const struct hm_fusion_kind *fusion = p->to.fusion;
	struct naming as = {k == HM_IMAGE ? HM_IMAGE_PREFIX : fusion->text_prefix, NULL};
	const struct hm_tensor *t = x ? x->tensor : NULL;
	size_t n = x ? x->n_tensor : 0;
	if (!live)
		batches = 0;
	if (!live && x && !n) /* init: has no file */
		live = x->tower;
	if (live) {
		struct hm_tensor *copy;
		if (copy_table(p, &live->params, &copy, NULL, e))
			return HM_EDATA;
		t = copy;
		n = live->params.n;
	}
	if (!t)
		return 0;
	if (k == HM_IMAGE && fusion->sequential)
		as.sequential = (live ? live->kind : x->kind)->sequential;
	return add_tower(p, x, &as, t, n, batches, p->to.encoder[k], e);
}

static void copy_text(char *out, size_t cap, const char *text)
{
	snprintf(out, cap, "%s", text ? text : "");
}

static bool runs_here(const struct hm_fusion_side *s)
{
	return s->use == HM_USE_FROZEN || s->use == HM_USE_TRAINED;
}

/* What the tensors of a side's tower do not tell: live, or as opened; NULL: not known. */
static void describe_tower(struct hm_modelfile *to, enum hm_side k, const struct hm_tower *live,
			   const struct hm_encoder *x)
{
	const struct hm_tower_kind *kind = live ? live->kind : x ? x->kind : NULL;
	if (live)
		to->hints[k] = hm_tower_hints_of(live);
	else if (x)
		to->hints[k] = x->hints;
	if (kind && kind->only)
		copy_text(to->family[k], sizeof to->family[k], kind->name);
	/* what a file means that names no output: ResNet's only one, BERT's pooler */
	const char *output = live && to->fusion->gives[k] == HM_POOLED ? kind->output(live, HM_POOLED) : NULL;
	if (output && strcmp(output, k == HM_IMAGE ? "pooled" : "pooler"))
		copy_text(to->output[k], sizeof to->output[k], output);
}

static void describe_model(struct hm_modelfile *to, const struct hm_fusion_config *c,
			   const struct hm_fusionfile_parts *p)
{
	to->fusion = c->kind;
	to->classes = c->classes;
	to->head = c->head;
	to->names = (cJSON *)(uintptr_t)p->names; /* only read */
	to->vocab = p->vocab;
	to->unsynced = p->unsynced;
	to->pg = (cJSON *)(uintptr_t)p->pg; /* only read */
	to->selected_on = (char *)(uintptr_t)p->selected_on;
	for (int k = 0; k < HM_SIDES; k++) {
		const struct hm_fusionfile_feature *f = &p->feature[k];
		describe_tower(to, (enum hm_side)k, runs_here(&c->side[k]) ? c->side[k].tower : NULL,
			       p->encoder[k]);
		to->dim[k] = c->side[k].dim;
		to->prepared[k] = (cJSON *)(uintptr_t)p->prepared[k]; /* only read */
		if (p->columns[k])
			to->columns[k] = *p->columns[k];
		if (c->side[k].use != HM_USE_FEATURE)
			continue;
		copy_text(to->encoder[k], sizeof to->encoder[k], f->encoder);
		copy_text(to->output[k], sizeof to->output[k], f->output);
		copy_text(to->precision[k], sizeof to->precision[k], f->precision);
		copy_text(to->store[k], sizeof to->store[k], f->store);
	}
}

/* Writes what was planned, unless that failed already with rc, and frees it. */
static int finish_plan(struct plan *p, const char *path, int rc, struct hm_err *e)
{
	if (!rc)
		rc = hm_modelfile_write(path, &p->to, (const struct hm_tensor *)p->tensors.data,
					p->tensors.len / sizeof(struct hm_tensor), e);
	hm_buf_clear(&p->tensors);
	hm_arena_clear(&p->arena);
	return rc;
}

/* Takes the head's description over, for a file that is written anew. */
static void describe_again(struct hm_modelfile *to, const struct hm_fusionfile *m)
{
	*to = m->head;
	to->file = NULL;
	for (int k = 0; k < HM_SIDES; k++) {
		const struct hm_encoder *x = &m->side[k];
		if (!x->kind)
			continue;
		to->hints[k] = x->hints;
		if (x->kind->only)
			copy_text(to->family[k], sizeof to->family[k], x->kind->name);
	}
}

/* The fusion's own tensors as the file has them, but for the last layer. */
static int add_own_again(struct plan *p, const struct hm_fusionfile *m, struct hm_err *e)
{
	const struct hm_weights *w = m->head.file;
	const char *last = m->head.fusion->last, *text = m->head.fusion->text_prefix;
	int rc = 0;
	for (size_t i = 0; !rc && i < w->n; i++) {
		const char *name = w->tensor[i].name;
		bool is_last = !strncmp(name, last, strlen(last)) && name[strlen(last)] == '.';
		if (!is_last && strncmp(name, HM_IMAGE_PREFIX, strlen(HM_IMAGE_PREFIX)) != 0 &&
		    strncmp(name, text, strlen(text)) != 0)
			rc = add_tensor(p, &w->tensor[i], "", name, e);
	}
	return rc;
}

int hm_fusionfile_rewrite(const char *path, const struct hm_fusionfile *m, struct hm_err *e)
{
	struct plan plan = {0};
	describe_again(&plan.to, m);
	int rc = add_own_again(&plan, m, e);
	for (int k = 0; k < HM_SIDES && !rc; k++)
		rc = add_side(&plan, (enum hm_side)k, NULL, m->side[k].kind ? &m->side[k] : NULL, 0, e);
	return finish_plan(&plan, path, rc, e);
}

int hm_fusionfile_save(const char *path, struct hm_fusion *f, const struct hm_fusionfile_parts *p,
		       struct hm_err *e)
{
	struct plan plan = {0};
	const struct hm_fusion_config *c = hm_fusion_config_of(f);
	describe_model(&plan.to, c, p);
	int rc = add_own(&plan, hm_fusion_params(f), p->own, e);
	for (int k = 0; k < HM_SIDES && !rc; k++)
		rc = add_side(&plan, (enum hm_side)k, runs_here(&c->side[k]) ? c->side[k].tower : NULL,
			      p->encoder[k], k == HM_IMAGE ? p->batches : 0, e);
	return finish_plan(&plan, path, rc, e);
}
