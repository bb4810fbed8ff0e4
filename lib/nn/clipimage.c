/* The image tower of CLIP (Radford et al. 2021) as a family: its row of tower.h. The computation is vit.h's.
 */
#include "nn/clip.h"
#include "nn/clipnames.h"
#include "nn/familyparts.h"
#include "nn/vit.h"

static const enum hm_vit_output output_of[] = {HM_VIT_POOLED, HM_VIT_PROJECTED};

static const struct hm_vit_style style = {
	.kind = &hm_clip_image_tower,
	.layers = {.layers = "vision_model.encoder.layers.",
		   HM_CLIP_LAYER_NAMES,
		   .last_norm = "vision_model.post_layernorm."},
	.klass = "vision_model.embeddings.class_embedding",
	.position = "vision_model.embeddings.position_embedding.weight",
	.patch_w = "vision_model.embeddings.patch_embedding.weight",
	.first_norm = "vision_model.pre_layrnorm.",
	.projection = "visual_projection.weight",
	.klass_dims = 1,
	.colours = {{.48145466f, .4578275f, .40821073f}, {.26862954f, .26130258f, .27577711f}},
	.outputs = (const char *const[]){"pooled", "projected", NULL},
	.output_of = output_of,
};

static const struct {
	const char *name;
	int patch, side, layers, hidden, heads, projection;
} preset[] = {
	{"clip-tiny-image", 32, 7, 2, 64, 2, 32},
	{"clip-b32-image", 32, 7, 12, 768, 12, 512},
	{"clip-b16-image", 16, 14, 12, 768, 12, 512},
	{"clip-l14-image", 14, 16, 24, 1024, 16, 768},
};
enum { PRESETS = sizeof preset / sizeof *preset };

static const char *preset_name(int i)
{
	return i < PRESETS ? preset[i].name : NULL;
}

static struct hm_tower *finish_tower(struct hm_vit_config *c, const struct hm_tower_hints *hints,
				     struct hm_err *e)
{
	c->layers.pre_norm = true;
	c->first_norm = c->raw_grid = true;
	c->colours = hm_colours_of(&hints->colours, &style.colours);
	if (hm_vit_choose(c, hints->output, e))
		return NULL;
	return hm_vit_new(c, e);
}

static struct hm_tower *make_preset(int i, const struct hm_tower_hints *hints, struct hm_err *e)
{
	struct hm_vit_config c = {
		.layers = {.layers = preset[i].layers,
			   .hidden = preset[i].hidden,
			   .intermediate = 4 * preset[i].hidden,
			   .heads = hints->heads ? hints->heads : preset[i].heads,
			   .eps = 1e-5,
			   .act = hints->act ? hints->act : HM_ACT_QUICK_GELU},
		.patch = preset[i].patch,
		.side = preset[i].side,
		.projection = preset[i].projection,
		.style = &style,
	};
	return finish_tower(&c, hints, e);
}

static struct hm_tower *read_tensors(hm_find_fn *find, void *ctx, struct hm_tower_hints *hints,
				     struct hm_err *e)
{
	struct hm_vit_config c = {0};
	if (hm_vit_config_read(&c, &style, find, ctx, e) || hm_clip_act(&c.layers.act, hints, e) ||
	    hm_tower_check_layers(&hm_clip_image_tower, hints, c.layers.layers, e))
		return NULL;
	int h = c.layers.hidden, usual = h >= 1024 ? 16 : h > 64 ? h / 64 : 1;
	hints->guessed = !hints->heads;
	c.layers.heads = hints->heads ? hints->heads : usual;
	c.layers.eps = hints->eps > 0 ? hints->eps : 1e-5;
	return finish_tower(&c, hints, e);
}

const struct hm_tower_kind hm_clip_image_tower = {
	.name = "clip-image",
	.tensors = "CLIP's vision transformer",
	.layouts = hm_clip_image_layouts,
	.layers = "vision_model.encoder.layers.",
	.config = {.model_types = (const char *const[]){"clip", "clip_vision_model", NULL},
		   HM_VIT_KEYS,
		   .section = "vision_config",
		   .open_clip = "vision_cfg",
		   .usual = {.heads = 12, .eps = 1e-5, .act = HM_ACT_QUICK_GELU}},
	.preset = preset_name,
	.make = make_preset,
	.read = read_tensors,
	HM_VIT_CALLS,
};
