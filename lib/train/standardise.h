/* Standardising cached features: training sees x = (raw - mean)/deviation of the training set, while a model
 * file holds parameters for raw features. Layers that take features ("intakes", nn/fusion.h) are changed from
 * one into the other with the same logits; in double, rounded once. */
#ifndef HM_STANDARDISE_H
#define HM_STANDARDISE_H

#include "feed/examples.h"
#include "nn/fusion.h"

/* Whether features are standardised. AUTO: if both sides are cached vectors and the fusion is `standard`. */
enum hm_standardize { HM_STANDARDIZE_AUTO, HM_STANDARDIZE_YES, HM_STANDARDIZE_NO };

/* Moments [I] of a set's features, image before text. All zero: none were measured. */
struct hm_standard {
	double *mean, *deviation;
};

/* Whether a fusion of this configuration is trained on standardised features. */
bool hm_standard_wanted(enum hm_standardize how, const struct hm_fusion_config *c);

/* *m := the moments of these examples. 0 or HM_EDATA. Caller clears, also after a failure. */
int hm_standard_measure(struct hm_standard *m, struct hm_examples *x, struct hm_workers *w, struct hm_err *e);
void hm_standard_clear(struct hm_standard *m);

/* out [count], host memory := the own parameters of f, which takes x, changed to take raw features. */
void hm_standard_fold(const struct hm_standard *m, struct hm_fusion *f, float *out);
/* The inverse, in place: f's own parameters [count], host memory, for raw features, changed to take x. */
void hm_standard_unfold(const struct hm_standard *m, const struct hm_fusion *f, float *params);

/* judge's own parameters := those of f, changed to take raw features. This is the refold of
 * hm_trainer_config; its context is the struct hm_standard. 0 or HM_EDATA. */
int hm_standard_refold(void *standard, struct hm_fusion *f, struct hm_fusion *judge, struct hm_err *e);

#endif
