/* The config.json of a published folder, as transformers and timm write it: its family, demands that hm
 * cannot meet, and what tensors do not tell. Messages name the key, not the file. */
#ifndef HM_CONFIGJSON_H
#define HM_CONFIGJSON_H

#include "nn/tower.h"

#include <cjson/cJSON.h>

/* *model_type := the text of "model_type", which lives as long as the tree; NULL: not given. 0, or HM_EDATA
 * if it, or without it the class in "architectures", is not a family of that side. */
int hm_configjson_family(const cJSON *tree, enum hm_side side, const char **model_type, struct hm_err *e);
/* Fills what is missing of *hints, at last with the family's usual values; in_model: hm.model was asked
 * first, and "layers" is not looked at. 0, or HM_EDATA if the file demands what the family does not compute.
 */
int hm_configjson_ask(const cJSON *tree, const struct hm_tower_kind *kind, bool in_model,
		      struct hm_tower_hints *hints, struct hm_err *e);

#endif
