/* The list of tower families, and what is asked of all of them. See tower.h. */
#include "nn/tower.h"
#include "nn/bert.h"
#include "nn/resnet.h"

#include <stdio.h>
#include <string.h>

static const struct hm_tower_kind *const kinds[] = {
	&hm_resnet_tower,
	&hm_bert_tower,
	NULL,
};

const struct hm_tower_kind *const *hm_tower_kinds(void)
{
	return kinds;
}

const char *hm_side_name(enum hm_side side)
{
	return side == HM_TEXT ? "text" : "image";
}

/* The family of a side's i-th preset, and its number within the family; NULL after the last. */
static const struct hm_tower_kind *find_preset(enum hm_side side, int i, int *own)
{
	for (const struct hm_tower_kind *const *k = kinds; *k; k++) {
		if ((*k)->side != side)
			continue;
		for (*own = 0; (*k)->preset(*own); ++*own)
			if (!i--)
				return *k;
	}
	return NULL;
}

const char *hm_tower_preset(enum hm_side side, int i)
{
	int own;
	const struct hm_tower_kind *k = find_preset(side, i, &own);
	return k ? k->preset(own) : NULL;
}

const char *hm_image_preset(int i)
{
	return hm_tower_preset(HM_IMAGE, i);
}

const char *hm_text_preset(int i)
{
	return hm_tower_preset(HM_TEXT, i);
}

struct hm_tower *hm_tower_make(enum hm_side side, const char *name, const struct hm_tower_hints *hints,
			       struct hm_err *e)
{
	const struct hm_tower_kind *k;
	char list[256] = "";
	int n = 0, own;
	for (int i = 0; (k = find_preset(side, i, &own)); i++) {
		if (!strcmp(k->preset(own), name))
			return k->make(own, hints, e);
		if (n < (int)sizeof list)
			n += snprintf(list + n, sizeof list - (size_t)n, "%s %s", i ? "," : "",
				      k->preset(own));
	}
	hm_err_set(e, HM_EUSAGE, "no %s encoder is called \"%.64s\":%s", hm_side_name(side), name, list);
	return NULL;
}

struct hm_tower_hints hm_tower_hints_of(const struct hm_tower *t)
{
	return t->kind->hints ? t->kind->hints(t) : (struct hm_tower_hints){0};
}

void hm_tower_free(struct hm_tower *t)
{
	if (t)
		t->kind->free(t);
}

char *hm_tower_identify(const struct hm_tower *t, char *out, size_t cap)
{
	struct hm_tower_hints h = hm_tower_hints_of(t);
	size_t n = 0;
	*out = 0;
	if (h.heads)
		n = (size_t)snprintf(out, cap, "|%d heads", h.heads);
	if (h.eps > 0 && n < cap)
		snprintf(out + n, cap - n, "|eps %.17g", h.eps);
	return out;
}
