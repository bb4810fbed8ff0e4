/* hm.model, the JSON object in a model file's metadata: which fusion it is, what features and columns it was
 * trained on, what the tensors do not tell of its towers. A key that is not there is a field not said. */
#ifndef HM_MODELFIELDS_H
#define HM_MODELFIELDS_H

#include "model/modelfile.h"

/* Room for the name of a fusion. */
#define HM_FUSION_NAME 16

/* The metadata's keys of the encoders' digests; in modelfile.c. */
extern const char *const hm_digest_keys[HM_SIDES];

/* out := the name of the fusion; "": it is not said, or o is NULL. 0 or HM_EDATA. */
int hm_modelfields_fusion(const cJSON *o, char out[HM_FUSION_NAME], struct hm_err *e);

/* Reads all fields of o, NULL for a file without hm.model, into m, of which the fusion and its last layer are
 * known. Refuses what contradicts them. 0 or HM_EDATA. */
int hm_modelfields_read(struct hm_modelfile *m, const cJSON *o, struct hm_err *e);

/* The object for m. NULL with `e`. The caller deletes it. */
cJSON *hm_modelfields_make(const struct hm_modelfile *m, struct hm_err *e);

#endif
