/* The text tower of CLIP as a family: its parameters and its row of tower.h. See cliptext.h. */
#include "nn/cliptext.h"
#include "nn/clipnames.h"
#include "nn/familyparts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

enum { MAX_LAYERS = 256, MAX_HIDDEN = 1 << 14, MAX_VOCAB = 1 << 22, MAX_POSITIONS = 1 << 16, VOCAB = 49408 };

static const struct hm_layer_names layer_names = {.layers = "text_model.encoder.layers.",
						  HM_CLIP_LAYER_NAMES,
						  .last_norm = "text_model.final_layer_norm."};
static const char word_name[] = "text_model.embeddings.token_embedding.weight",
		  position_name[] = "text_model.embeddings.position_embedding.weight",
		  projection_name[] = "text_projection.weight";
static const char *const outputs[] = {"pooled", "projected", NULL};

static const struct {
	const char *name;
	int layers, hidden, heads, projection;
} preset[] = {
	{"clip-tiny-text", 2, 64, 2, 32},
	{"clip-b32-text", 12, 512, 8, 512},
	{"clip-l14-text", 12, 768, 12, 768},
};
enum { PRESETS = sizeof preset / sizeof *preset };

static const struct hm_clip_text *as_clip(const struct hm_tower *t)
{
	return (const struct hm_clip_text *)t;
}

static void free_tower(struct hm_tower *t)
{
	struct hm_clip_text *m = (struct hm_clip_text *)t;
	if (!m)
		return;
	hm_params_clear(&m->tower.params);
	hm_layers_clear(&m->layers);
	free(m);
}

/* ---- making one */

static struct hm_tower *new_tower(struct hm_clip_text_config *c, const struct hm_tower_hints *hints,
				  struct hm_err *e)
{
	int chosen, h = c->layers.hidden;
	if (hm_output_choose(&chosen, hints->output, outputs, "clip-text", e))
		return NULL;
	c->projected = chosen == 1;
	if (c->projected && !c->projection) {
		hm_err_set(e, HM_EDATA, "it has no output \"projected\": tensor %s is missing",
			   projection_name);
		return NULL;
	}
	if (c->layers.heads < 1 || h % c->layers.heads) {
		hm_err_set(e, HM_EDATA, "a clip-text of hidden size %d cannot have %d heads", h,
			   c->layers.heads);
		return NULL;
	}
	struct hm_clip_text *m = hm_alloc(1, sizeof *m, e);
	if (!m)
		return NULL;
	struct hm_params *p = &m->tower.params;
	m->tower.kind = &hm_clip_text_tower;
	m->c = *c;
	hm_params_add(p, &m->word, HM_INIT_NORMAL, HM_DIMS(c->vocab, h), word_name);
	hm_params_add(p, &m->position, HM_INIT_NORMAL, HM_DIMS(c->positions, h), position_name);
	if (hm_layers_init(&m->layers, &c->layers, &layer_names, p, e)) {
		free_tower(&m->tower);
		return NULL;
	}
	if (c->projection)
		hm_params_add(p, &m->projection, HM_INIT_NORMAL, HM_DIMS(c->projection, h), projection_name);
	return &m->tower;
}

static const char *preset_name(int i)
{
	return i < PRESETS ? preset[i].name : NULL;
}

static struct hm_tower *make_preset(int i, const struct hm_tower_hints *hints, struct hm_err *e)
{
	struct hm_clip_text_config c = {
		.layers = {.layers = preset[i].layers,
			   .hidden = preset[i].hidden,
			   .intermediate = 4 * preset[i].hidden,
			   .heads = hints->heads ? hints->heads : preset[i].heads,
			   .eps = 1e-5,
			   .act = hints->act ? hints->act : HM_ACT_QUICK_GELU,
			   .pre_norm = true,
			   .causal = true},
		.vocab = hints->vocab ? hints->vocab : VOCAB,
		.positions = 77,
		.projection = preset[i].projection,
	};
	return new_tower(&c, hints, e);
}

static struct hm_tower *read_tensors(hm_find_fn *find, void *ctx, struct hm_tower_hints *hints,
				     struct hm_err *e)
{
	struct hm_clip_text_config c = {.layers = {.pre_norm = true, .causal = true}};
	int64_t word[2] = {0}, position[2] = {0}, up[2] = {0}, width[2] = {0};
	char name[128];
	snprintf(name, sizeof name, "%s0.%sweight", layer_names.layers, layer_names.up);
	if (hm_find_shape(find, ctx, word_name, 2, MAX_VOCAB, word, e) ||
	    hm_find_shape(find, ctx, position_name, 2, MAX_POSITIONS, position, e) ||
	    hm_find_shape(find, ctx, name, 2, 8 * MAX_HIDDEN, up, e))
		return NULL;
	if (find(ctx, projection_name) && hm_find_shape(find, ctx, projection_name, 2, MAX_HIDDEN, width, e))
		return NULL;
	if (word[1] > MAX_HIDDEN || word[0] < 2) {
		hm_err_set(e, HM_EDATA, "a word table of %lldx%lld is nothing that any CLIP has",
			   (long long)word[0], (long long)word[1]);
		return NULL;
	}
	do
		snprintf(name, sizeof name, "%s%d.%sweight", layer_names.layers, ++c.layers.layers,
			 layer_names.up);
	while (c.layers.layers < MAX_LAYERS && find(ctx, name));
	c.layers.hidden = (int)word[1];
	c.layers.intermediate = (int)up[0];
	c.vocab = (int)word[0];
	c.positions = (int)position[0];
	c.projection = (int)width[0];
	if (hm_tower_check_layers(&hm_clip_text_tower, hints, c.layers.layers, e) ||
	    hm_clip_act(&c.layers.act, hints, e))
		return NULL;
	hints->guessed = !hints->heads;
	c.layers.heads = hints->heads ? hints->heads : word[1] > 64 ? (int)word[1] / 64 : 1;
	c.layers.eps = hints->eps > 0 ? hints->eps : 1e-5;
	return new_tower(&c, hints, e);
}

/* ---- what others ask */

static struct hm_tower_shape shape_of(const struct hm_tower *t)
{
	const struct hm_clip_text_config *c = &as_clip(t)->c;
	return (struct hm_tower_shape){.width = c->projected ? c->projection : c->layers.hidden,
				       .vocab = c->vocab,
				       .positions = c->positions,
				       .end = c->vocab - 1};
}

static struct hm_tower_hints hints_of(const struct hm_tower *t)
{
	const struct hm_layers_config *c = &as_clip(t)->c.layers;
	return (struct hm_tower_hints){.heads = c->heads, .eps = c->eps, .act = c->act};
}

static const char *output_name(const struct hm_tower *t, enum hm_give give)
{
	return give == HM_POOLED ? outputs[as_clip(t)->c.projected] : NULL;
}

int hm_clip_text_stage(const struct hm_clip_text_config *c, struct hm_device *d, int32_t *host,
		       const int32_t *ids, const int32_t *len, int n, int most)
{
	int m = 0;
	for (int s = 0; s < n; m += len[s++])
		if (len[s] < 1 || len[s] > c->positions || len[s] > most - m)
			return hm_err_set(
				&d->err, HM_EDATA,
				"a sequence of %d tokens is outside 1 to %d, the lengths this network takes",
				len[s], c->positions);
	for (int s = 0, at = 0; s < n; at += len[s++]) {
		for (int j = 0; j < len[s]; j++) {
			assert(ids[at + j] >= 0 &&
			       ids[at + j] < c->vocab); /* hm_encoder_check_ids is the door */
			host[at + j] = j;
		}
		host[m + s] = at + hm_clip_text_row(ids + at, len[s]);
	}
	return m;
}

const struct hm_tower_kind hm_clip_text_tower = {
	.name = "clip-text",
	.side = HM_TEXT,
	.tensors = "CLIP's text transformer",
	.layouts = hm_clip_text_layouts,
	.layers = "text_model.encoder.layers.",
	.config = {.model_types = (const char *const[]){"clip", "clip_text_model", NULL},
		   .heads = "num_attention_heads",
		   .eps = "layer_norm_eps",
		   .layers = "num_hidden_layers",
		   .act = "hidden_act",
		   .end = "eos_token_id",
		   .section = "text_config",
		   .open_clip = "text_cfg",
		   .usual = {.heads = 8, .eps = 1e-5, .act = HM_ACT_QUICK_GELU}},
	.preset = preset_name,
	.make = make_preset,
	.read = read_tensors,
	.free = free_tower,
	.shape = shape_of,
	.hints = hints_of,
	.output = output_name,
	.infer = &hm_clip_text_infer,
	.train = &hm_clip_text_train,
};
