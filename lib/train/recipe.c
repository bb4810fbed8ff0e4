/* From options to the trainer's settings. See recipe.h. */
#include "train/recipe.h"
#include "json/build.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const selects[] = {"last", "accuracy", "auroc"};

static int no_decay(const struct hm_recipe *r, struct hm_optim_config *c, struct hm_err *e)
{
	for (const char *p = r->no_decay; p && *p; p += strcspn(p, ","), p += *p == ',') {
		size_t len = strcspn(p, ",");
		bool bias = len == 4 && !memcmp(p, "bias", 4), norm = len == 4 && !memcmp(p, "norm", 4);
		if (!bias && !norm)
			return hm_err_set(e, HM_EUSAGE, "--no-decay takes norm, bias or both, not '%s'",
					  r->no_decay);
		c->decay_spares_bias |= bias;
		c->decay_spares_norm |= norm;
	}
	return 0;
}

static int class_weights(const struct hm_recipe *r, int classes, float *weight, struct hm_err *e)
{
	const char *p = r->class_weight;
	for (int c = 0; c < classes; c++) {
		char *end;
		double w = strtod(p, &end);
		if (end == p || !isfinite(w) || w <= 0 || w > 1e30 || *end != (c + 1 < classes ? ',' : 0))
			return hm_err_set(
				e, HM_EUSAGE,
				"--class-weight takes %d positive numbers separated by commas, not '%s'",
				classes, r->class_weight);
		weight[c] = (float)w;
		p = end + 1;
	}
	return 0;
}

int hm_recipe_config(const struct hm_recipe *r, bool val, int classes, float *weight,
		     struct hm_trainer_config *c, struct hm_err *e)
{
	if ((r->select != HM_SELECT_LAST || r->patience) && !val)
		return hm_err_set(e, HM_EUSAGE, "%s needs --val", r->patience ? "--patience" : "--select");
	if (r->select == HM_SELECT_AUROC && classes > 2)
		return hm_err_set(e, HM_EDATA, "--select auroc needs two classes, these are %d", classes);
	if (r->momentum_given && r->optimizer != HM_SGD)
		return hm_err_set(e, HM_EUSAGE, "--momentum is sgd's alone");
	c->optim = (struct hm_optim_config){.kind = (enum hm_optim_kind)r->optimizer,
					    .lr = r->lr,
					    .encoder_lr = r->encoder_lr,
					    .momentum = r->momentum,
					    .weight_decay = r->weight_decay,
					    .clip_norm = r->clip_norm,
					    .schedule = (enum hm_schedule)r->schedule,
					    .warmup = r->warmup};
	c->batch_size = r->batch_size;
	c->micro_batch = r->micro_batch;
	c->epochs = r->epochs;
	c->patience = r->patience;
	c->seed = (uint64_t)r->seed;
	c->shuffle = !r->no_shuffle;
	c->drop_last = r->drop_last;
	c->select = (enum hm_select)r->select;
	c->class_weight = r->class_weight ? weight : NULL;
	if (r->class_weight && class_weights(r, classes, weight, e))
		return HM_EUSAGE;
	return no_decay(r, &c->optim, e);
}

const char *hm_recipe_select(const struct hm_recipe *r)
{
	return selects[r->select];
}

void hm_recipe_json(const struct hm_recipe *r, cJSON *o, struct hm_err *e)
{
	static const char *const optimizer[] = {"sgd", "adam", "adamw"}, *const schedule[] = {"constant",
											      "linear",
											      "cosine"};
	hm_json_add_str(o, "optimizer", optimizer[r->optimizer], e);
	hm_json_add_num(o, "lr", r->lr, e);
	if (r->encoder_lr > 0)
		hm_json_add_num(o, "encoder-lr", r->encoder_lr, e);
	hm_json_add_num(o, "momentum", r->momentum, e);
	hm_json_add_num(o, "weight-decay", r->weight_decay, e);
	hm_json_add_str(o, "no-decay", r->no_decay ? r->no_decay : "", e);
	hm_json_add_num(o, "clip-norm", r->clip_norm, e);
	hm_json_add_str(o, "schedule", schedule[r->schedule], e);
	hm_json_add_num(o, "warmup-steps", (double)r->warmup, e);
	hm_json_add_num(o, "batch-size", (double)r->batch_size, e);
	if (r->micro_batch)
		hm_json_add_num(o, "micro-batch", (double)r->micro_batch, e);
	hm_json_add_num(o, "epochs", (double)r->epochs, e);
	hm_json_add_num(o, "seed", (double)r->seed, e);
	hm_json_add_bool(o, "shuffle", !r->no_shuffle, e);
	if (r->drop_last)
		hm_json_add_bool(o, "drop-last", true, e);
	hm_json_add_str(o, "class-weight", r->class_weight ? r->class_weight : "", e);
	hm_json_add_str(o, "select", hm_recipe_select(r), e);
	hm_json_add_num(o, "patience", (double)r->patience, e);
}
