/* Families, prefixes, published names. See names.h. */
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

static size_t count_marks(const struct hm_tower_kind *k)
{
	size_t n = 0;
	while (k->mark[n])
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

int hm_names_check_unlike(const struct hm_tower_kind *k, const char *prefix, struct hm_err *e)
{
	for (const char *const *u = k->unlike; u && *u; u++) {
		size_t n = strlen(*u);
		for (const char *p = prefix; *p; p += strcspn(p, "."), p += *p == '.')
			if (strcspn(p, ".") == n && !strncmp(p, *u, n))
				return hm_err_set(
					e, HM_EDATA,
					"its tensors are those of \"%.64s\", which computes something "
					"else than %s with the same names",
					*u, k->tensors);
	}
	return 0;
}

int hm_names_find(struct hm_weights *w, enum hm_side side, const char *model_type,
		  const struct hm_tower_kind **kind, const char **prefix, struct hm_err *e)
{
	char families[200], sample[220];
	for (const struct hm_tower_kind *const *k = hm_tower_kinds(); *k; k++) {
		if ((*k)->side != side || (model_type && strcmp((*k)->config.model_type, model_type)))
			continue;
		if (hm_weights_prefix(w, (*k)->mark, count_marks(*k), prefix, e))
			return HM_EDATA;
		if (*prefix) {
			*kind = *k;
			return model_type ? 0 : hm_names_check_unlike(*k, *prefix, e);
		}
	}
	list_families(side, families, sizeof families);
	return hm_err_set(e, HM_EDATA, "holds no %s encoder that can be read (%s): its tensors are %s",
			  hm_side_name(side), families, hm_weights_sample(w, sample, sizeof sample));
}

int hm_names_family(struct hm_weights *w, enum hm_side side, const char *prefix,
		    const struct hm_tower_kind **kind, struct hm_err *e)
{
	*kind = NULL;
	for (const struct hm_tower_kind *const *k = hm_tower_kinds(); *k; k++) {
		const char *found = NULL;
		if ((*k)->side != side)
			continue;
		if (hm_weights_prefix(w, (*k)->mark, count_marks(*k), &found, e))
			return HM_EDATA;
		if (!*kind || (found && !strcmp(found, prefix)))
			*kind = *k;
		if (found && !strcmp(found, prefix))
			return 0;
	}
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct hm_tensor *)a)->name, ((const struct hm_tensor *)b)->name);
}

/* Adds the tensor to out[*n] when it has the role. */
static int collect_tensor(const struct hm_tensor *t, const struct hm_tower_kind *kind, const char *prefix,
			  enum hm_tensor_role role, struct hm_arena *arena, struct hm_tensor *out, size_t *n,
			  struct hm_err *e)
{
	char name[HM_TENSOR_NAME];
	if (!begins_with(t->name, prefix))
		return 0;
	const char *from = t->name + strlen(prefix);
	if (strlen(from) + 16 > HM_TENSOR_NAME)
		return hm_err_set(e, HM_EDATA, "tensor \"%.64s…\" has a name of %zu bytes", from,
				  strlen(from));
	snprintf(name, sizeof name, "%s", from);
	if ((kind->publish ? kind->publish(from, name) : HM_TENSOR_PARAM) != role)
		return 0;
	char *own = hm_arena_get(arena, strlen(name) + 1, e);
	if (!own)
		return HM_EDATA;
	memcpy(own, name, strlen(name) + 1);
	out[*n] = *t;
	out[(*n)++].name = own;
	return 0;
}

int hm_names_collect(const struct hm_weights *w, const struct hm_tower_kind *kind, const char *prefix,
		     enum hm_tensor_role role, struct hm_arena *arena, const struct hm_tensor **tensor,
		     size_t *n, struct hm_err *e)
{
	struct hm_tensor *out = hm_arena_get(arena, w->n * sizeof *out, e);
	int rc = out ? 0 : HM_EDATA;
	*n = 0;
	for (size_t i = 0; i < w->n && !rc; i++)
		rc = collect_tensor(&w->tensor[i], kind, prefix, role, arena, out, n, e);
	if (rc)
		return rc;
	qsort(out, *n, sizeof *out, by_name);
	for (size_t i = 1; i < *n; i++)
		if (!strcmp(out[i - 1].name, out[i].name))
			return hm_err_set(e, HM_EDATA, "two tensors stand for \"%.200s\"", out[i].name);
	*tensor = out;
	return 0;
}
