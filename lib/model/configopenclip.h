/* open_clip_config.json, which a folder that open_clip published has in place of config.json. */
#ifndef HM_CONFIGOPENCLIP_H
#define HM_CONFIGOPENCLIP_H

#include "nn/tower.h"

#include <cjson/cJSON.h>

/* Fills what is missing of *hints, heads and activation; keys that the file lacks mean what open_clip's
 * classes have by default. 0, or HM_EDATA for a member of "vision_cfg" or "text_cfg" that asks for what hm
 * does not compute. */
int hm_configopenclip_ask(const cJSON *tree, const struct hm_tower_config *k, struct hm_tower_hints *hints,
			  struct hm_err *e);

#endif
