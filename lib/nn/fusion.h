/* A fusion in training and evaluation, with what stands on its two sides: a feature that was computed before,
 * or a tower that runs here. Which fusions there are is fusionkind.h's; this file runs any of them.
 *
 *   hm_fusion_new(&f, &config, dev, e)
 *   hm_params_load/_init(hm_fusion_params(f), ...)     and the towers' before
 *   hm_fusion_place(f, e)
 *   loss = hm_fusion_step(f, &batch, &drop, weight, e)   gradients are in the tables, for the optimizer
 *   hm_fusion_logits(f, &batch, logits, e)               evaluation */
#ifndef HM_FUSION_H
#define HM_FUSION_H

#include "nn/fusionkind.h"

/* How a side takes part. The first four are what a fusion sees; COMPUTED is FEATURE by the time it does. */
enum hm_use {
	HM_USE_NONE,	 /* not at all */
	HM_USE_FEATURE,	 /* a feature column */
	HM_USE_FROZEN,	 /* a tower that runs at every step in train mode, and is not trained */
	HM_USE_TRAINED,	 /* a tower that is trained */
	HM_USE_COMPUTED, /* a frozen tower that computes the feature once, while the records are read */
};

struct hm_fusion_side {
	enum hm_use use;	/* NONE to TRAINED; of HM_WORDS only TRAINED */
	int dim;		/* D; 0 for NONE */
	struct hm_tower *tower; /* of FROZEN and TRAINED; borrowed */
};

struct hm_fusion_config {
	const struct hm_fusion_kind *kind;
	int classes;
	struct hm_fusion_side side[HM_SIDES];
	int cells; /* P, of a fusion that takes the image's grid; else 0 */
};

/* Examples, all in host memory; what the sides do not need is NULL. */
struct hm_minibatch {
	int n;
	const uint8_t *pixels; /* [n,3,h,w] */
	int h, w;
	const int32_t *ids, *len;	/* token ids end to end; len [n] */
	const float *feature[HM_SIDES]; /* [n,D], of HM_GRID [n,P,D] */
	const float *joined;		/* [n,D+D] in place of both features: hm_fusion_joins */
	const int32_t *label;		/* [n] in [0,classes); evaluation does not look at it */
};

struct hm_fusion;
int hm_fusion_new(struct hm_fusion **f, const struct hm_fusion_config *c, struct hm_device *d,
		  struct hm_err *e);
void hm_fusion_free(struct hm_fusion *f);
const struct hm_fusion_config *hm_fusion_config_of(const struct hm_fusion *f);
/* Whether a tower runs at every step. */
bool hm_fusion_runs_tower(const struct hm_fusion_config *c);
/* Whether batches bring both features as one matrix: no tower runs, and the kind takes it so. */
static inline bool hm_fusion_joins(const struct hm_fusion_config *c)
{
	return c->kind->joined && !hm_fusion_runs_tower(c);
}

/* The fusion's own parameters, under their names in the model file. */
struct hm_params *hm_fusion_params(struct hm_fusion *f);
/* All tables of the model: own, then the text's and the image's as far as their towers run here. */
struct hm_fusion_table {
	struct hm_params *params;
	const char *side; /* "", "text", "image" */
	bool trained;
};
int hm_fusion_tables(struct hm_fusion *f, struct hm_fusion_table out[1 + HM_SIDES]);
/* Every table to the device, with gradients where it is trained. */
int hm_fusion_place(struct hm_fusion *f, struct hm_err *e);

/* Memory for every batch up to this one with up to `words` token ids in all, evaluated or trained on, and for
 * the staging buffers. Later batches allocate nothing. The arrays of `b` are uploaded once to size the
 * buffers; their contents do not matter. */
int hm_fusion_reserve(struct hm_fusion *f, const struct hm_minibatch *b, int64_t words, struct hm_err *e);

/* One forward and backward pass in train mode: *loss = the batch's mean cross-entropy, weighted by
 * class_weight [classes] (host memory) or NULL; gradients are added to the tables. drop: p, seed, step.
 * HM_EDATA; a loss that is not finite is no failure here. */
int hm_fusion_step(struct hm_fusion *f, const struct hm_minibatch *b, const struct hm_dropout *drop,
		   const float *class_weight, float *loss, struct hm_err *e);
/* The same without waiting: the host is free until it reads the loss, f32 [1] in the device's memory. The
 * batch's arrays may be reused when begin returns. Failures stick to the device. */
void hm_fusion_begin(struct hm_fusion *f, const struct hm_minibatch *b, const struct hm_dropout *drop,
		     const float *class_weight);
const float *hm_fusion_loss(const struct hm_fusion *f);
/* After begin: uploads the large arrays of the batch that the next begin will be given, while this one is
 * computed. */
void hm_fusion_ahead(struct hm_fusion *f, const struct hm_minibatch *b);
/* logits f32 [n,classes], host memory, in eval mode: running statistics, no dropout. */
int hm_fusion_logits(struct hm_fusion *f, const struct hm_minibatch *b, float *logits, struct hm_err *e);
/* Their softmax, in the same way. */
int hm_fusion_probabilities(struct hm_fusion *f, const struct hm_minibatch *b, float *prob, struct hm_err *e);

#endif
