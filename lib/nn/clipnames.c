/* Tensor names of CLIP's towers: see clipnames.h. */
#include "nn/clipnames.h"

#include <stdio.h>
#include <string.h>

static bool begins_with(const char *s, const char *with)
{
	return !strncmp(s, with, strlen(with));
}

/* A pair: what OpenAI's files call it, what CLIPModel calls it. Where both end with a dot, "weight" or "bias"
 * follows. */
struct pair {
	const char *theirs, *ours;
	bool transposed;
};

static const struct pair image_pairs[] = {
	{"class_embedding", "embeddings.class_embedding", false},
	{"positional_embedding", "embeddings.position_embedding.weight", false},
	{"conv1.weight", "embeddings.patch_embedding.weight", false},
	{"ln_pre.", "pre_layrnorm.", false},
	{"ln_post.", "post_layernorm.", false},
	{NULL, NULL, false},
};
static const struct pair text_pairs[] = {
	{"token_embedding.weight", "embeddings.token_embedding.weight", false},
	{"positional_embedding", "embeddings.position_embedding.weight", false},
	{"ln_final.", "final_layer_norm.", false},
	{NULL, NULL, false},
};
static const struct pair layer_pairs[] = {
	{"ln_1.", "layer_norm1.", false},
	{"ln_2.", "layer_norm2.", false},
	{"mlp.c_fc.", "mlp.fc1.", false},
	{"mlp.c_proj.", "mlp.fc2.", false},
	{"attn.out_proj.", "self_attn.out_proj.", false},
	{NULL, NULL, false},
};

/* Appends our name of `name` to out->name, which has n bytes. False when no pair fits. */
static bool map_name(const char *name, const struct pair *pairs, struct hm_tensor_name *out, size_t n)
{
	for (const struct pair *p = pairs; p->theirs; p++) {
		size_t k = strlen(p->theirs);
		bool open = p->theirs[k - 1] == '.';
		if (open ? !begins_with(name, p->theirs) : strcmp(name, p->theirs) != 0)
			continue;
		snprintf(out->name + n, sizeof out->name - n, "%s%s", p->ours, name + k);
		out->transposed = p->transposed;
		return true;
	}
	return false;
}

/* "transformer.resblocks.3.attn.in_proj_weight" and the like: query, key and value stand in one tensor. */
static bool map_layer(const char *name, const char *tower, int part, struct hm_tensor_name *out)
{
	static const char blocks[] = "transformer.resblocks.";
	static const char *const qkv[] = {"q_proj", "k_proj", "v_proj"};
	if (!begins_with(name, blocks))
		return false;
	const char *number = name + sizeof blocks - 1, *rest = number + strspn(number, "0123456789");
	if (rest == number || *rest != '.')
		return false;
	int n = snprintf(out->name, sizeof out->name, "%sencoder.layers.%.*s.", tower, (int)(rest - number),
			 number);
	rest++;
	if (!strcmp(rest, "attn.in_proj_weight") || !strcmp(rest, "attn.in_proj_bias")) {
		out->parts = 3;
		snprintf(out->name + n, sizeof out->name - (size_t)n, "self_attn.%s.%s", qkv[part % 3],
			 rest + strlen("attn.in_proj_"));
		return true;
	}
	return map_name(rest, layer_pairs, out, (size_t)n);
}

/* Any of OpenAI's names below the tower; one that is unknown stays, and is left over. */
static enum hm_tensor_role map_openai(const char *name, const char *tower, const struct pair *pairs, int part,
				      struct hm_tensor_name *out)
{
	if (map_layer(name, tower, part, out))
		return HM_TENSOR_PARAM;
	int n = snprintf(out->name, sizeof out->name, "%s", tower);
	if (!map_name(name, pairs, out, (size_t)n))
		snprintf(out->name, sizeof out->name, "%s", name);
	return HM_TENSOR_PARAM;
}

static bool has_word(const char *name, const char *const *words)
{
	while (*words && strcmp(*words, name))
		words++;
	return *words;
}

/* ---- images */

static enum hm_tensor_role publish_image(const char *name, int part, struct hm_tensor_name *out)
{
	static const char *const other[] = {"logit_scale", "logit_bias", "text_projection.weight",
					    "vision_model.embeddings.position_ids", NULL};
	(void)part, (void)out;
	return begins_with(name, "text_model.") || has_word(name, other) ? HM_TENSOR_OTHER : HM_TENSOR_PARAM;
}

static enum hm_tensor_role publish_flat_image(const char *name, int part, struct hm_tensor_name *out)
{
	(void)part;
	snprintf(out->name, sizeof out->name, "vision_model.%s", name);
	return strcmp(name, "embeddings.position_ids") ? HM_TENSOR_PARAM : HM_TENSOR_OTHER;
}

static enum hm_tensor_role publish_openai_image(const char *name, int part, struct hm_tensor_name *out)
{
	if (!strcmp(name, "proj")) {
		snprintf(out->name, sizeof out->name, "visual_projection.weight");
		out->transposed = true;
		return HM_TENSOR_PARAM;
	}
	return map_openai(name, "vision_model.", image_pairs, part, out);
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Those that are refused stand before what they could be taken for. */
const struct hm_tower_layout hm_clip_image_layouts[] = {
	{NAMES("vision_model.embeddings.class_embedding", "vision_model.pre_layrnorm.weight"), publish_image,
	 NULL},
	{NAMES("embeddings.class_embedding", "pre_layrnorm.weight"), publish_flat_image, NULL},
	{NAMES("visual.attnpool.positional_embedding"), NULL, "a CLIP with a ResNet"},
	{NAMES("visual.attn_pool.query"), NULL, "a CoCa"},
	{NAMES("visual.trunk.patch_embed.proj.weight|visual.trunk.stem.0.weight|visual.trunk.conv1.weight"),
	 NULL, "a network of timm"},
	{NAMES("class_embedding", "ln_pre.weight", "transformer.resblocks.0.ln_1.weight"),
	 publish_openai_image, NULL},
	{NAMES("visual.positional_embedding", "visual.transformer.resblocks.0.ln_1.weight"), NULL,
	 "a CLIPA, which has no LayerNorm in front of its layers"},
	{NULL, NULL, NULL}};

/* ---- captions */

static enum hm_tensor_role publish_text(const char *name, int part, struct hm_tensor_name *out)
{
	static const char *const other[] = {"logit_scale", "logit_bias", "visual_projection.weight",
					    "text_model.embeddings.position_ids", NULL};
	(void)part, (void)out;
	return begins_with(name, "vision_model.") || has_word(name, other) ? HM_TENSOR_OTHER
									   : HM_TENSOR_PARAM;
}

static enum hm_tensor_role publish_flat_text(const char *name, int part, struct hm_tensor_name *out)
{
	(void)part;
	snprintf(out->name, sizeof out->name, "text_model.%s", name);
	return strcmp(name, "embeddings.position_ids") ? HM_TENSOR_PARAM : HM_TENSOR_OTHER;
}

static enum hm_tensor_role publish_openai_text(const char *name, int part, struct hm_tensor_name *out)
{
	static const char *const other[] = {
		"logit_scale", "logit_bias", "input_resolution", "context_length", "vocab_size",
		"attn_mask",   NULL};
	if (begins_with(name, "visual.") || has_word(name, other))
		return HM_TENSOR_OTHER;
	if (!strcmp(name, "text_projection") || !strcmp(name, "text_projection.weight")) {
		snprintf(out->name, sizeof out->name, "text_projection.weight");
		out->transposed = name[strlen("text_projection")] == 0;
		return HM_TENSOR_PARAM;
	}
	return map_openai(name, "text_model.", text_pairs, part, out);
}

const struct hm_tower_layout hm_clip_text_layouts[] = {
	{NAMES("text_model.embeddings.token_embedding.weight", "text_model.final_layer_norm.weight"),
	 publish_text, NULL},
	{NAMES("embeddings.token_embedding.weight", "final_layer_norm.weight"), publish_flat_text, NULL},
	{NAMES("text.transformer.embeddings.word_embeddings.weight", "logit_scale"), NULL,
	 "an open_clip model with a text encoder of transformers"},
	{NAMES("token_embedding.weight", "positional_embedding", "transformer.resblocks.0.ln_1.weight",
	       "ln_final.weight"),
	 publish_openai_text, NULL},
	{NULL, NULL, NULL}};

/* ---- what both towers need */

int hm_clip_act(enum hm_act *act, const struct hm_tower_hints *hints, struct hm_err *e)
{
	*act = hints->act;
	if (*act)
		return 0;
	return hm_err_set(e, HM_EUSAGE,
			  "nothing says which activation its layers have: --act quick_gelu (OpenAI's own, "
			  "MetaCLIP, DFN) or --act gelu (LAION-2B, DataComp)");
}
