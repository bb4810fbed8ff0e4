/* ViT (Dosovitskiy et al. 2020) and DINOv2 (Oquab et al. 2023; with registers Darcet et al. 2023) as
 * families: their rows of tower.h. The computation is vit.h's. */
#include "nn/vitfamily.h"
#include "nn/familyparts.h"
#include "nn/vit.h"

#include <stdio.h>
#include <string.h>

/* What both have in common. */
#define EMBEDDINGS                                                                                           \
	.klass = "embeddings.cls_token", .position = "embeddings.position_embeddings",                       \
	.patch_w = "embeddings.patch_embeddings.projection.weight",                                          \
	.patch_b = "embeddings.patch_embeddings.projection.bias", .klass_dims = 3
#define ATTENTION                                                                                            \
	.layers = "encoder.layer.", .query = "attention.attention.query.",                                   \
	.key = "attention.attention.key.", .value = "attention.attention.value.",                            \
	.out = "attention.output.dense.", .last_norm = "layernorm."

static const struct hm_vit_style
	vit_style = {.kind = &hm_vit_tower,
		     .layers = {ATTENTION, .norm1 = "layernorm_before.", .norm2 = "layernorm_after.",
				.up = "intermediate.dense.", .down = "output.dense."},
		     EMBEDDINGS,
		     .pooler = "pooler.dense.",
		     .colours = {{.5f, .5f, .5f}, {.5f, .5f, .5f}},
		     .outputs = (const char *const[]){"pooled", "cls", NULL},
		     .output_of = (const enum hm_vit_output[]){HM_VIT_POOLER, HM_VIT_POOLED}},
	dinov2_style = {.kind = &hm_dinov2_tower,
			.layers = {ATTENTION, .norm1 = "norm1.", .norm2 = "norm2.", .up = "mlp.fc1.",
				   .down = "mlp.fc2.", .scale1 = "layer_scale1.lambda1",
				   .scale2 = "layer_scale2.lambda1"},
			EMBEDDINGS,
			.registers = "embeddings.register_tokens",
			.colours = {{.485f, .456f, .406f}, {.229f, .224f, .225f}},
			.outputs = (const char *const[]){"pooled", NULL},
			.output_of = (const enum hm_vit_output[]){HM_VIT_POOLED}};

/* transformers from 5 on saves a model under the published names, and calls its tensors otherwise in memory,
 * from where the state_dict() of a training script has them. */
static void publish_live(const char *name, struct hm_tensor_name *out)
{
	static const char *const parts[][2] = {{".attention.q_proj.", ".attention.attention.query."},
					       {".attention.k_proj.", ".attention.attention.key."},
					       {".attention.v_proj.", ".attention.attention.value."},
					       {".attention.o_proj.", ".attention.output.dense."},
					       {".mlp.fc1.", ".intermediate.dense."}, /* of a ViT */
					       {".mlp.fc2.", ".output.dense."}};
	bool vit = !strncmp(name, "layers.", 7);
	const char *layer = vit ? "encoder.layer." : "", *rest = vit ? name + 7 : name;
	for (int i = 0; i < (vit ? 6 : 4); i++) {
		const char *at = strstr(rest, parts[i][0]);
		if (!at)
			continue;
		snprintf(out->name, sizeof out->name, "%s%.*s%s%s", layer, (int)(at - rest), rest,
			 parts[i][1], at + strlen(parts[i][0]));
		return;
	}
	if (vit)
		snprintf(out->name, sizeof out->name, "%s%s", layer, rest);
}

static enum hm_tensor_role publish_name(const char *name, int part, struct hm_tensor_name *out)
{
	(void)part;
	publish_live(name, out);
	return !strcmp(name, "embeddings.mask_token") || !strncmp(name, "classifier.", 11) ? HM_TENSOR_OTHER
											   : HM_TENSOR_PARAM;
}

static struct hm_tower *read_style(const struct hm_vit_style *style, double eps, hm_find_fn *find, void *ctx,
				   struct hm_tower_hints *hints, struct hm_err *e)
{
	struct hm_vit_config c = {0};
	if (hm_vit_config_read(&c, style, find, ctx, e) ||
	    hm_tower_check_layers(style->kind, hints, c.layers.layers, e))
		return NULL;
	int h = c.layers.hidden;
	hints->guessed = !hints->heads;
	c.layers.heads = hints->heads ? hints->heads : h > 64 ? h / 64 : 1;
	c.layers.eps = hints->eps > 0 ? hints->eps : eps;
	c.layers.act = hints->act ? hints->act : HM_ACT_GELU;
	c.any_size = style == &dinov2_style;
	c.antialias = c.any_size && c.registers;
	c.colours = hm_colours_of(&hints->colours, &style->colours);
	return hm_vit_choose(&c, hints->output, e) ? NULL : hm_vit_new(&c, e);
}

static struct hm_tower *read_vit(hm_find_fn *find, void *ctx, struct hm_tower_hints *hints, struct hm_err *e)
{
	return read_style(&vit_style, 1e-12, find, ctx, hints, e);
}

static struct hm_tower *read_dinov2(hm_find_fn *find, void *ctx, struct hm_tower_hints *hints,
				    struct hm_err *e)
{
	return read_style(&dinov2_style, 1e-6, find, ctx, hints, e);
}

/* The rows' common part; `mark` is a tensor that the other family has not. */
#define FAMILY(READ, MARK)                                                                                   \
	HM_VIT_CALLS, .preset = hm_tower_no_preset, .read = READ, .layers = "encoder.layer.",                \
		      .layouts = (const struct hm_tower_layout[])                                            \
	{                                                                                                    \
		{(const char *const[]){"embeddings.cls_token",                                               \
				       "embeddings.patch_embeddings.projection.weight", MARK, NULL},         \
		 publish_name, NULL},                                                                        \
		{                                                                                            \
			NULL, NULL, NULL                                                                     \
		}                                                                                            \
	}

const struct hm_tower_kind hm_vit_tower = {
	.name = "vit",
	.tensors = "transformers' ViTModel",
	FAMILY(read_vit, "encoder.layer.0.layernorm_before.weight|layers.0.layernorm_before.weight"),
	.config = {.model_types = (const char *const[]){"vit", NULL},
		   .demand = (const char *const[][2]){{"pooler_act", "tanh"}, {NULL, NULL}},
		   HM_VIT_KEYS},
};

const struct hm_tower_kind hm_dinov2_tower = {
	.name = "dinov2",
	.tensors = "transformers' Dinov2Model",
	FAMILY(read_dinov2, "encoder.layer.0.layer_scale1.lambda1"),
	.config = {.model_types = (const char *const[]){"dinov2", "dinov2_with_registers", NULL},
		   .demand = (const char *const[][2]){{"use_swiglu_ffn", "false"}, {NULL, NULL}},
		   HM_VIT_KEYS},
};
