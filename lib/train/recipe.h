/* The user's options for a training: optimizer, rates, batches, epochs, which epoch to keep. These are the
 * options that can differ between trainings on the same data. The trainer's and the optimizer's settings and
 * the entry in the history follow from them. */
#ifndef HM_RECIPE_H
#define HM_RECIPE_H

#include "train/trainer.h"

struct hm_recipe {
	int optimizer, schedule, select; /* enum hm_optim_kind, hm_schedule, hm_select */
	double lr, momentum, weight_decay, clip_norm;
	char *no_decay, *class_weight; /* "norm,bias"; "W0,W1"; NULL: none */
	bool momentum_given, no_shuffle, drop_last;
	int64_t warmup, batch_size, epochs, seed, patience;
};

/* Fills the settings of `c` that a recipe determines. weight [classes] := the class weights; `c` keeps the
 * pointer. val: whether there is a validation set. 0, or HM_EUSAGE with a sentence. */
int hm_recipe_config(const struct hm_recipe *r, bool val, int classes, float *weight,
		     struct hm_trainer_config *c, struct hm_err *e);
/* Adds the recipe's options to an object, under their long names. Failures stick to `e`. */
void hm_recipe_json(const struct hm_recipe *r, cJSON *o, struct hm_err *e);
/* The word of --select: "accuracy". Static storage. */
const char *hm_recipe_select(const struct hm_recipe *r);

#endif
