/* What the config.json of a published folder says of an encoder: its family, demands that hm cannot meet, and
 * what tensors do not tell. */
#ifndef HM_CONFIG_H
#define HM_CONFIG_H

#include "nn/tower.h"
#include "weights/weights.h"

struct hm_config {
	cJSON *tree;		/* config.json; NULL: there is none */
	cJSON *open_clip;	/* open_clip_config.json, read when there is no config.json */
	cJSON *preprocessor;	/* preprocessor_config.json, of the image side */
	cJSON *processor;	/* processor_config.json, of the image side */
	const char *model_type; /* NULL: not given */
};

/* Reads the files of the folder `spec`, or of the folder that the file `spec` is in. 0, or HM_EDATA if the
 * "model_type" of config.json is not a family of that side. Caller closes, also after a failure. */
int hm_config_open(struct hm_config *c, enum hm_side side, const char *spec, struct hm_err *e);
void hm_config_close(struct hm_config *c);
/* Fills *hints from hm.model in the file's metadata, else from the files, else from what the kind of file
 * says. 0, or HM_EDATA if config.json demands what the family does not compute. */
int hm_config_hints(const struct hm_config *c, const struct hm_tower_kind *kind, const struct hm_weights *w,
		    struct hm_tower_hints *hints, struct hm_err *e);

#endif
