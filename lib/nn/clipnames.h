/* How files name the tensors of CLIP's towers. The published names are those of transformers' CLIPModel. Also
 * read are CLIPVisionModel and CLIPTextModel without a prefix, OpenAI's state dicts, which open_clip has too,
 * and open_clip's CustomTextCLIP. */
#ifndef HM_CLIPNAMES_H
#define HM_CLIPNAMES_H

#include "nn/layers.h"
#include "nn/tower.h"

extern const struct hm_tower_layout hm_clip_image_layouts[], hm_clip_text_layouts[];

/* Names of a layer's parameters below "vision_model.encoder.layers." and "text_model.encoder.layers.". */
#define HM_CLIP_LAYER_NAMES                                                                                  \
	.query = "self_attn.q_proj.", .key = "self_attn.k_proj.", .value = "self_attn.v_proj.",              \
	.out = "self_attn.out_proj.", .norm1 = "layer_norm1.", .norm2 = "layer_norm2.", .up = "mlp.fc1.",    \
	.down = "mlp.fc2."

/* The activation of the hints. 0, or HM_EUSAGE, which names --act, if nothing said it. */
int hm_clip_act(enum hm_act *act, const struct hm_tower_hints *hints, struct hm_err *e);

#endif
