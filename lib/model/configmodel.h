/* What an encoder computes by beyond its weights, in hm's own files: in the object hm.model of a file of
 * weights, and in the object that says how the inputs of features were prepared. */
#ifndef HM_CONFIGMODEL_H
#define HM_CONFIGMODEL_H

#include "nn/tower.h"
#include "weights/weights.h"

#include <cjson/cJSON.h>

/* Fills *hints with what the object hm.model says of a side's encoder; or adds that to the object. 0 or
 * HM_EDATA. */
int hm_configmodel_read(const cJSON *o, enum hm_side side, struct hm_tower_hints *hints, struct hm_err *e);
void hm_configmodel_write(cJSON *o, enum hm_side side, const struct hm_tower_hints *hints, struct hm_err *e);
/* hm_configmodel_read of hm.model in the file's metadata; without one *hints stays. */
int hm_configmodel_ask(const struct hm_weights *w, enum hm_side side, struct hm_tower_hints *hints,
		       struct hm_err *e);
/* Whether hm.model in the file's metadata says all that config.json is asked for. */
bool hm_configmodel_has_all(const struct hm_weights *w);
/* Adds to an object that says how inputs are prepared what an encoder computes by beyond its weights: an
 * image encoder's colours, "mean" and "std", three numbers each, unless they are the family's own; of a
 * transformer the number of attention heads "heads", the "eps" of its LayerNorms and, where files may choose,
 * the activation "act". What the object has stays. kind NULL: colours alone. */
void hm_configmodel_add_settings(cJSON *o, const struct hm_tower_kind *kind,
				 const struct hm_tower_hints *hints, struct hm_err *e);

#endif
