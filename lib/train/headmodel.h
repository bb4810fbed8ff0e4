/* A head between its file and its training: where it starts, the standardisation of its inputs folded out of
 * it and into it again, what its file says of the features it was trained on. */
#ifndef HM_HEADMODEL_H
#define HM_HEADMODEL_H

#include "model/modelfile.h"
#include "nn/late.h"
#include "train/headdata.h"

/* PyTorch's initial values from `seed`; m->params gets its storage. */
int hm_head_init(struct hm_late *m, uint64_t seed, struct hm_err *e);
/* The head of a model file read by hm_modelfile_read, which must be late, have m's sizes and, where it and
 * the data say so, the data's encoders. 0 or HM_EDATA. */
int hm_head_load(struct hm_late *m, const struct hm_modelfile *f, const struct hm_headdata *d,
		 struct hm_err *e);

/* The head works on x, its file on raw features: x = (raw - mean)/deviation. fold: from the head for x to the
 * one for raw features with the same logits; unfold: the way back. In double, rounded once. mean, deviation
 * [I]. */
void hm_head_fold(struct hm_late *m, const double *mean, const double *deviation);
void hm_head_unfold(struct hm_late *m, const double *mean, const double *deviation);

/* Writes the model file: classifier.* of m, the features' digests from d; `init` (may be NULL) lends the
 * encoders of a complete file. selected_on and pg go into the metadata. */
int hm_head_save(const char *path, const struct hm_late *m, const struct hm_headdata *d,
		 const struct hm_modelfile *init, const char *selected_on, const cJSON *pg, struct hm_err *e);

#endif
