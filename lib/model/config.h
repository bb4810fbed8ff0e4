/* What a published folder's config.json says of an encoder: its family, what it cannot be computed with, and
 * what tensors do not tell. */
#ifndef HM_CONFIG_H
#define HM_CONFIG_H

#include "nn/tower.h"
#include "weights/weights.h"

struct hm_config {
	cJSON *tree;		/* NULL: there is no config.json */
	const char *model_type; /* NULL: it does not say */
};

/* Reads config.json in the folder `spec`, or beside the file `spec`. HM_EDATA when it names a family that is
 * none of that side's, quoting its "model_type". Caller closes, also after a failure. */
int hm_config_open(struct hm_config *c, enum hm_side side, const char *spec, struct hm_err *e);
void hm_config_close(struct hm_config *c);
/* Whether hm.model in the file's metadata says what config.json is asked for. */
bool hm_config_in_model(const struct hm_weights *w);
/* *hints := what hm.model in the file's metadata says, else config.json. HM_EDATA when config.json asks for
 * what the family does not compute. */
int hm_config_hints(const struct hm_config *c, const struct hm_tower_kind *kind, const struct hm_weights *w,
		    struct hm_tower_hints *hints, struct hm_err *e);

#endif
