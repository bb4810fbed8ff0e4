/* Four fusions that map both sides to one width, join them element by element or pair by pair, and put
 * hidden layers behind that (struct hm_hidden; n map width, m pre width):
 *
 *   a = Map(image), b = Map(text)    Map: D1(W x + c), then (map_layers - 1) times x -> D1(W relu(x) + c)
 *   with `normalize`: a / max(|a|, 1e-12), the same for b
 *   f = a*b | [a; b] | a b^T | [a*b; a; b]                                        (headjoint.h)
 *   o = D2(f), then pre_layers times o -> D3(relu(W o + c))
 *   logits = W o + c
 *
 * D1, D2, D3 are dropout. The tensors' names are those of PyTorch's Sequential: image_map.{0,3,...},
 * text_map.{0,3,...}, pre_output.{1,4,...}, output (tests/oracle/headskit.py has the class). */
#ifndef HM_HEADFUSION_H
#define HM_HEADFUSION_H

#include "nn/fusionkind.h"

/* Where dropout draws (struct hm_dropout), above all sites of a tower: layer l of side k's map at
 * HM_HEAD_SITE + k*HM_HEAD_LAYERS + l, the joint, layer l behind it at HM_HEAD_PRE_SITE + l. */
enum {
	HM_HEAD_SITE = 1 << 16,
	HM_HEAD_JOINT_SITE = HM_HEAD_SITE + HM_SIDES * HM_HEAD_LAYERS,
	HM_HEAD_PRE_SITE
};

extern const struct hm_fusion_kind hm_align_fusion, hm_concat_fusion, hm_cross_fusion, hm_align_concat_fusion;

#endif
