/* Families, layouts, prefixes, published names. See names.h. */
#include "model/names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool begins_with(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

bool hm_names_holds(const struct hm_weights *w, const char *prefix)
{
	size_t i = 0;
	while (i < w->n && !begins_with(w->tensor[i].name, prefix))
		i++;
	return i < w->n;
}

/* ---- families ---- */

static size_t count_marks(const struct hm_tower_layout *l)
{
	size_t n = 0;
	while (l->mark[n])
		n++;
	return n;
}

/* "torchvision's ResNet": what a side's families read. */
static void list_families(enum hm_side side, char *out, size_t cap)
{
	size_t n = 0;
	*out = 0;
	for (const struct hm_tower_kind *const *k = hm_tower_kinds(); *k && n < cap; k++)
		if ((*k)->side == side)
			n += (size_t)snprintf(out + n, cap - n, "%s%s", n ? ", " : "", (*k)->tensors);
}

/* The first part of the dotted path that is one of the words; NULL: there is none. */
static const char *find_part(const char *const *word, const char *path)
{
	for (const char *const *u = word; path && u && *u; u++) {
		size_t n = strlen(*u);
		for (const char *p = path; *p; p += strcspn(p, "."), p += *p == '.')
			if (strcspn(p, ".") == n && !strncmp(p, *u, n))
				return *u;
	}
	return NULL;
}

int hm_names_check_unlike(const struct hm_tower_kind *k, const char *path, struct hm_err *e)
{
	const char *part = find_part(k->unlike, path);
	if (!part)
		return 0;
	return hm_err_set(e, HM_EDATA,
			  "its tensors are those of \"%.64s\", which computes something else than %s with "
			  "the same names",
			  part, k->tensors);
}

static bool has_model_type(const struct hm_tower_kind *k, const char *model_type)
{
	const char *const *t = k->config.model_types;
	while (*t && strcmp(*t, model_type))
		t++;
	return *t;
}

/* 1: the file holds a tower of this family; 0: it does not. */
static int try_family(struct hm_weights *w, const struct hm_tower_kind *k, const char *model_type,
		      const char *key, struct hm_names_place *at, struct hm_err *e)
{
	for (const struct hm_tower_layout *l = k->layouts; l->mark; l++) {
		if (hm_weights_prefix(w, l->mark, count_marks(l), &at->prefix, e))
			return HM_EDATA;
		if (!at->prefix)
			continue;
		at->kind = k;
		at->layout = l;
		if (l->refuse)
			return hm_err_set(e, HM_EDATA, "holds %s, which cannot be computed (tensor \"%s%s\")",
					  l->refuse, at->prefix, l->mark[0]);
		if (model_type)
			return 1;
		if (k->only && !find_part(k->only, at->prefix) && !find_part(k->only, key))
			continue;
		if (hm_names_check_unlike(k, at->prefix, e) || (key && hm_names_check_unlike(k, key, e)))
			return HM_EDATA;
		return 1;
	}
	return 0;
}

int hm_names_find(struct hm_weights *w, enum hm_side side, const char *model_type, const char *key,
		  struct hm_names_place *at, struct hm_err *e)
{
	char families[320], sample[220];
	for (const struct hm_tower_kind *const *k = hm_tower_kinds(); *k; k++) {
		if ((*k)->side != side || (model_type && !has_model_type(*k, model_type)))
			continue;
		int rc = try_family(w, *k, model_type, key, at, e);
		if (rc)
			return rc == 1 ? 0 : rc;
	}
	list_families(side, families, sizeof families);
	return hm_err_set(e, HM_EDATA, "holds no %s encoder that can be read (%s): its tensors are %s",
			  hm_side_name(side), families, hm_weights_sample(w, sample, sizeof sample));
}

int hm_names_family(struct hm_weights *w, enum hm_side side, const char *prefix, const char *family,
		    struct hm_names_place *at, struct hm_err *e)
{
	*at = (struct hm_names_place){.prefix = prefix};
	for (const struct hm_tower_kind *const *k = hm_tower_kinds(); *k; k++) {
		const char *found = NULL;
		if ((*k)->side != side || (family && strcmp(family, (*k)->name)))
			continue;
		if (hm_weights_prefix(w, (*k)->layouts->mark, count_marks((*k)->layouts), &found, e))
			return HM_EDATA;
		bool fits = found && !strcmp(found, prefix) && (family || !(*k)->only);
		if ((!at->kind && (family || !(*k)->only)) || fits) {
			at->kind = *k;
			at->layout = (*k)->layouts;
		}
		if (fits)
			return 0;
	}
	if (at->kind)
		return 0;
	return hm_err_set(e, HM_EDATA, "no %s encoder is of the family \"%.64s\"", hm_side_name(side),
			  family);
}

/* ---- tensors ---- */

struct entry {
	struct hm_tensor tensor;
	bool turned;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->tensor.name, ((const struct entry *)b)->tensor.name);
}

/* *t := what the published tensor `part` of the file's tensor is. */
static int take_part(struct hm_tensor *t, int part, const struct hm_tensor_name *as, struct hm_err *e)
{
	size_t count;
	if (as->parts > 1) {
		if (t->ndim < 1 || t->dim[0] % as->parts || !hm_shape_count(t->ndim, t->dim, &count))
			return hm_err_set(e, HM_EDATA, "tensor \"%.200s\" cannot be cut into %d parts",
					  t->name, as->parts);
		t->dim[0] /= as->parts;
		t->data = (unsigned char *)t->data +
			  count / (size_t)as->parts * (size_t)part * hm_dtype_size(t->dtype);
	}
	if (as->transposed) {
		int64_t rows = t->dim[0];
		if (t->ndim != 2)
			return hm_err_set(e, HM_EDATA, "tensor \"%.200s\" does not have 2 dimensions",
					  t->name);
		t->dim[0] = t->dim[1];
		t->dim[1] = rows;
	}
	return 0;
}

/* Adds the published tensors of *t that have the role to `out`, where it has room for them; counts them. */
static int collect_tensor(const struct hm_tensor *t, const struct hm_names_place *at,
			  enum hm_tensor_role role, struct hm_arena *arena, struct entry *out, size_t *n,
			  struct hm_err *e)
{
	struct hm_tensor_name as = {.parts = 1};
	if (!begins_with(t->name, at->prefix))
		return 0;
	const char *from = t->name + strlen(at->prefix);
	if (strlen(from) + 64 > HM_TENSOR_NAME)
		return hm_err_set(e, HM_EDATA, "tensor \"%.64s…\" has a name of %zu bytes", from,
				  strlen(from));
	for (int part = 0; part < as.parts; part++) {
		as = (struct hm_tensor_name){.parts = 1};
		snprintf(as.name, sizeof as.name, "%s", from);
		if ((at->layout->publish ? at->layout->publish(from, part, &as) : HM_TENSOR_PARAM) != role)
			continue;
		struct entry one = {*t, as.transposed};
		char *own = out ? hm_arena_get(arena, strlen(as.name) + 1, e) : NULL;
		if (out && (!own || take_part(&one.tensor, part, &as, e)))
			return HM_EDATA;
		if (out) {
			memcpy(own, as.name, strlen(as.name) + 1);
			out[*n] = one;
			out[*n].tensor.name = own;
		}
		++*n;
	}
	return 0;
}

static int collect_all(const struct hm_weights *w, const struct hm_names_place *at, enum hm_tensor_role role,
		       struct hm_arena *arena, struct entry *out, size_t *n, struct hm_err *e)
{
	int rc = 0;
	*n = 0;
	for (size_t i = 0; i < w->n && !rc; i++)
		rc = collect_tensor(&w->tensor[i], at, role, arena, out, n, e);
	return rc;
}

int hm_names_collect(const struct hm_weights *w, const struct hm_names_place *at, enum hm_tensor_role role,
		     struct hm_arena *arena, struct hm_names_list *list, struct hm_err *e)
{
	size_t n;
	*list = (struct hm_names_list){0};
	if (collect_all(w, at, role, arena, NULL, &n, e))
		return HM_EDATA;
	struct entry *all = hm_arena_get(arena, n * sizeof *all, e);
	list->tensor = all ? hm_arena_get(arena, n * sizeof *list->tensor, e) : NULL;
	list->turned = list->tensor ? hm_arena_get(arena, n * sizeof *list->turned, e) : NULL;
	if (!list->turned || collect_all(w, at, role, arena, all, &n, e))
		return HM_EDATA;
	qsort(all, n, sizeof *all, by_name);
	for (size_t i = 0; i < n; i++) {
		if (i && !strcmp(all[i - 1].tensor.name, all[i].tensor.name))
			return hm_err_set(e, HM_EDATA, "two tensors stand for \"%.200s\"",
					  all[i].tensor.name);
		list->tensor[i] = all[i].tensor;
		list->turned[i] = all[i].turned;
	}
	list->n = n;
	return 0;
}

/* to [r,c] = the transposed matrix of from [c,r]. */
static void transpose_bytes(unsigned char *to, const unsigned char *from, size_t r, size_t c, size_t size)
{
	for (size_t i = 0; i < r; i++)
		for (size_t j = 0; j < c; j++)
			memcpy(to + (i * c + j) * size, from + (j * r + i) * size, size);
}

int hm_names_turn(struct hm_names_list *list, struct hm_arena *arena, struct hm_err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		struct hm_tensor *t = &list->tensor[i];
		size_t count, size = hm_dtype_size(t->dtype);
		if (!list->turned[i])
			continue;
		unsigned char *own = NULL;
		if (hm_shape_count(t->ndim, t->dim, &count))
			own = hm_arena_get(arena, count * size, e);
		if (!own)
			return HM_EDATA;
		transpose_bytes(own, t->data, (size_t)t->dim[0], (size_t)t->dim[1], size);
		t->data = own;
		list->turned[i] = false;
	}
	return 0;
}
