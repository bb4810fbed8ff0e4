/* Opens the encoders and the first model of a training run, and checks that they go together with the fusion,
 * the options and the data. */
#ifndef HM_SETUPMODELS_H
#define HM_SETUPMODELS_H

#include "train/setup.h"

/* Fills s->init, s->encoder, s->kind and s->columns from s->o. 0, HM_EDATA or HM_EUSAGE. */
int hm_setup_open_models(struct hm_setup *s, struct hm_err *e);

/* HM_EUSAGE: --fusion asks for another fusion than that of --init. */
int hm_setup_refuse_fusion(const struct hm_setup *s, struct hm_err *e);

/* Checks that the training set, the words of its classes and the fusion are like what --init was trained on.
 * 0 or HM_EDATA. */
int hm_setup_compare_init(const struct hm_setup *s, const struct hm_fusion_config *c, struct hm_err *e);

#endif
