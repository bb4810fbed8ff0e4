/* The list of tower families, and what is asked of all of them. See tower.h. */
#include "nn/tower.h"
#include "nn/acts.h"
#include "nn/bert.h"
#include "nn/clip.h"
#include "nn/resnet.h"
#include "nn/vitfamily.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct hm_tower_kind *const kinds[] = {
	&hm_clip_image_tower, /* before ResNet: it refuses CLIP's ResNets */
	&hm_vit_tower,	      &hm_dinov2_tower,	 &hm_resnet_tower,
	&hm_clip_text_tower,  &hm_roberta_tower, /* before BERT, whose names it has */
	&hm_distilbert_tower, &hm_bert_tower,	 NULL,
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

/* The number of the layer that a parameter is of; -1: of none. */
static int layer_of(const struct hm_tower_kind *k, const char *name)
{
	size_t n = strlen(k->layers);
	char *end;
	if (strncmp(name, k->layers, n) != 0)
		return -1;
	long layer = strtol(name + n, &end, 10);
	return end > name + n && *end == '.' && layer >= 0 && layer < INT_MAX ? (int)layer : -1;
}

int hm_tower_hold_below(struct hm_tower *t, int k, struct hm_err *e)
{
	struct hm_params *p = &t->params;
	int first = -1, last = -1, below = 1;
	for (size_t i = 0; i < p->n; i++) {
		int layer = layer_of(t->kind, p->item[i].t.name);
		first = first < 0 ? layer : first;
		last = layer > last ? layer : last;
	}
	int layers = first < 0 ? 0 : last - first + 1;
	if (k > layers)
		return hm_err_set(e, HM_EUSAGE, "the %s encoder has %d layers, not %d",
				  hm_side_name(t->kind->side), layers, k);
	for (size_t i = 0; i < p->n; i++) {
		int layer = layer_of(t->kind, p->item[i].t.name);
		below = below && layer < 0;
		p->item[i].held |= below || (layer >= 0 && layer - first < layers - k);
	}
	return 0;
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
		n += (size_t)snprintf(out + n, cap - n, "|eps %.17g", h.eps);
	if (h.act && n < cap)
		n += (size_t)snprintf(out + n, cap - n, "|%s", hm_act_name(h.act));
	for (int j = 0; j < 3 && h.colours.std[0] > 0 && n < cap; j++)
		n += (size_t)snprintf(out + n, cap - n, "|%.9g/%.9g", h.colours.mean[j], h.colours.std[j]);
	return out;
}
