/* What the config.json of a published folder says of an encoder: its family, demands that hm cannot meet, and
 * what tensors do not tell. */
#ifndef HM_CONFIG_H
#define HM_CONFIG_H

#include "nn/tower.h"
#include "weights/weights.h"

struct hm_config {
	cJSON *tree;		/* NULL: there is no config.json */
	const char *model_type; /* NULL: not given */
};

/* Reads config.json in the folder `spec`, or in the folder of the file `spec`. 0, or HM_EDATA if its
 * "model_type" is not a family of that side. Caller closes, also after a failure. */
int hm_config_open(struct hm_config *c, enum hm_side side, const char *spec, struct hm_err *e);
void hm_config_close(struct hm_config *c);
/* Whether hm.model in the file's metadata says what config.json is asked for. */
bool hm_config_in_model(const struct hm_weights *w);
/* Fills *hints from hm.model in the file's metadata, else from config.json. 0, or HM_EDATA if config.json
 * demands what the family does not compute. */
int hm_config_hints(const struct hm_config *c, const struct hm_tower_kind *kind, const struct hm_weights *w,
		    struct hm_tower_hints *hints, struct hm_err *e);

#endif
