/* What would end a training later, found before its first step. For trainer.c. */
#ifndef HM_TRAINERCHECK_H
#define HM_TRAINERCHECK_H

#include "train/trainer.h"

/* Checks the training set x, the validation set (NULL: none) and the settings. 0, or HM_EDATA with a sentence
 * that says which option would help. */
int hm_trainer_check(const struct hm_fusion *f, const struct hm_examples *x, const struct hm_examples *val,
		     const struct hm_trainer_config *c, struct hm_err *e);

#endif
