/* The user's options for a training: the fusion and its layers, optimizer, rates, batches, epochs, which
 * epoch to keep. These are the options that can differ between trainings on the same data. The trainer's and
 * the optimizer's settings and the entry in the history follow from them. */
#ifndef HM_RECIPE_H
#define HM_RECIPE_H

#include "train/trainer.h"

struct hm_recipe {
	int optimizer, schedule, select; /* enum hm_optim_kind, hm_schedule, hm_select */
	double lr, momentum, weight_decay, clip_norm;
	double encoder_lr;	       /* 0: lr */
	char *no_decay, *class_weight; /* "norm,bias"; "W0,W1"; NULL: none */
	bool momentum_given, no_shuffle, drop_last;
	int64_t warmup, batch_size, epochs, seed, patience;
	int64_t micro_batch; /* 0: each batch is computed as a whole */
	/* the fusion, and the layers of one that has them (struct hm_hidden) */
	int fusion;					  /* number in hm_fusion_kinds; -1: not given */
	int64_t map_dim, map_layers, pre_layers, pre_dim; /* pre_dim 0: as map_dim */
	bool map_dim_given, map_layers_given, pre_layers_given, pre_dim_given;
	bool normalize, no_normalize; /* neither: it does */
	char *head_dropout;	      /* "D1,D2,D3"; NULL: not given */
};

/* Fills the settings of `c` that a recipe determines. weight [classes] := the class weights; `c` keeps the
 * pointer. val: whether there is a validation set. 0, or HM_EUSAGE with a sentence. */
int hm_recipe_config(const struct hm_recipe *r, bool val, int classes, float *weight,
		     struct hm_trainer_config *c, struct hm_err *e);
/* *h := the layers of the recipe's fusion. init: those of a first model, with which the recipe must agree and
 * which says what is not given; NULL: none. 0, or HM_EUSAGE with a sentence. */
int hm_recipe_head(const struct hm_recipe *r, const struct hm_hidden *init, struct hm_hidden *h,
		   struct hm_err *e);
/* The first option that only a fusion with such layers takes and that is given: "--map-dim"; NULL: none. */
const char *hm_recipe_head_given(const struct hm_recipe *r);
/* Adds the layers of a fusion to an object, under the options' long names. Failures stick to `e`. */
void hm_recipe_head_json(const struct hm_hidden *h, cJSON *o, struct hm_err *e);
/* Adds the recipe's options to an object, under their long names. Failures stick to `e`. */
void hm_recipe_json(const struct hm_recipe *r, cJSON *o, struct hm_err *e);
/* The word of --select: "accuracy". Static storage. */
const char *hm_recipe_select(const struct hm_recipe *r);

#endif
