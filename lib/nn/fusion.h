/* Runs any fusion of fusionkind.h in training and evaluation. Each side is a feature that was computed
 * before, or a tower that runs here.
 *
 *   hm_fusion_new(&f, &config, dev, e)
 *   hm_params_load/_init(hm_fusion_params(f), ...)     and the towers' before
 *   hm_fusion_place(f, e)
 *   loss = hm_fusion_step(f, &batch, &drop, weight, e)   gradients are in the tables, for the optimizer
 *   hm_fusion_logits(f, &batch, logits, e)               evaluation */
#ifndef HM_FUSION_H
#define HM_FUSION_H

#include "nn/fusionkind.h"

/* How a side takes part. A fusion sees the first four: COMPUTED has become FEATURE by then. */
enum hm_use {
	HM_USE_NONE,	 /* not used */
	HM_USE_FEATURE,	 /* a feature column */
	HM_USE_FROZEN,	 /* a tower that runs in train mode at every step and is not trained */
	HM_USE_TRAINED,	 /* a tower that is trained */
	HM_USE_COMPUTED, /* a frozen tower that computes the feature once, while the records are read */
};

struct hm_fusion_side {
	enum hm_use use;	/* NONE to TRAINED; a side of HM_WORDS must be TRAINED */
	int dim;		/* D; 0 for NONE */
	struct hm_tower *tower; /* for FROZEN and TRAINED; borrowed */
};

struct hm_fusion_config {
	const struct hm_fusion_kind *kind;
	int classes;
	struct hm_fusion_side side[HM_SIDES];
	int cells; /* P, of a fusion that takes the image's grid; else 0 */
	struct hm_hidden head;
};

/* The sizes of a configuration's own parameters. */
static inline struct hm_fusion_shape hm_fusion_shape_of(const struct hm_fusion_config *c)
{
	return (struct hm_fusion_shape){
		c->classes, {c->side[HM_IMAGE].dim, c->side[HM_TEXT].dim}, c->cells, c->head};
}

/* Where a part of a batch stands in the whole batch. All zero: it is the whole batch. The losses and the
 * gradients of the parts add up to those of the whole batch, and dropout draws for each example what it draws
 * in the whole batch. A batch norm in train mode sees the part alone. */
struct hm_part {
	uint64_t examples, words; /* before the part: examples, and token ids of them */
	int32_t longest;	  /* the most token ids in one example of the whole batch */
	double total;		  /* hm_cross_entropy_total of the whole batch */
};

/* A batch of examples in host memory. An array that no side needs is NULL. */
struct hm_minibatch {
	int n;
	struct hm_part part;
	const uint8_t *pixels; /* [n,3,h,w] */
	int h, w;
	const int32_t *ids, *len;	/* token ids end to end; len [n] */
	const float *feature[HM_SIDES]; /* [n,D], of HM_GRID [n,P,D] */
	/* [n]: the D+D numbers of each example, in place of `feature` if hm_fusion_joins; wherever they are
	 * on a host, else end to end */
	const float *const *joined;
	const int32_t *label; /* [n] in [0,classes); evaluation ignores it */
};

struct hm_fusion;
/* *f := a fusion without values yet: load or initialise its tables, then hm_fusion_place. Borrows d and the
 * towers. 0, HM_EDATA, or HM_EUSAGE where a tower is not trained with its output; *f is then NULL. The caller
 * frees. */
int hm_fusion_new(struct hm_fusion **f, const struct hm_fusion_config *c, struct hm_device *d,
		  struct hm_err *e);
void hm_fusion_free(struct hm_fusion *f);
const struct hm_fusion_config *hm_fusion_config_of(const struct hm_fusion *f);
/* Whether a tower runs at each step. */
bool hm_fusion_runs_tower(const struct hm_fusion_config *c);
/* Whether batches hold both features as one matrix: the kind takes that, and no tower runs. */
static inline bool hm_fusion_joins(const struct hm_fusion_config *c)
{
	return c->kind->joined && !hm_fusion_runs_tower(c);
}

/* The fusion's own parameters, under their names in the model file. */
struct hm_params *hm_fusion_params(struct hm_fusion *f);
/* The fusion's layers that take features (fusionkind.h); returns their number, 0 if it takes no vectors. */
int hm_fusion_intakes(const struct hm_fusion *f, struct hm_intake out[HM_SIDES]);
/* Fills `out` with all tables of the model and returns their number: the fusion's own, then those of the text
 * and the image tower if they run here. */
struct hm_fusion_table {
	struct hm_params *params;
	const char *side; /* "", "text", "image" */
	bool trained;
};
int hm_fusion_tables(struct hm_fusion *f, struct hm_fusion_table out[1 + HM_SIDES]);
/* Moves every table to the device, with gradients for those that are trained. 0 or HM_EDATA. */
int hm_fusion_place(struct hm_fusion *f, struct hm_err *e);

/* Reserves memory for training and evaluation on batches up to the size of `b` with up to `words` token ids
 * in all, and for the staging buffers. Later batches allocate nothing. The arrays of `b` are uploaded once to
 * size the buffers; their contents do not matter. 0 or HM_EDATA. */
int hm_fusion_reserve(struct hm_fusion *f, const struct hm_minibatch *b, int64_t words, struct hm_err *e);

/* One forward and backward pass in train mode. *loss := the mean cross-entropy of the batch, weighted by
 * class_weight [classes] (host memory; NULL: not weighted). Adds to the tables' gradients. drop: p, seed,
 * step. 0 or HM_EDATA. A loss that is not finite is not an error here: the caller looks at it. */
int hm_fusion_step(struct hm_fusion *f, const struct hm_minibatch *b, const struct hm_dropout *drop,
		   const float *class_weight, float *loss, struct hm_err *e);
/* The same without waiting for the device. hm_fusion_loss is the loss, f32 [1], device memory: reading it
 * waits. The batch's arrays may be reused when begin returns. Failures stick to the device. */
void hm_fusion_begin(struct hm_fusion *f, const struct hm_minibatch *b, const struct hm_dropout *drop,
		     const float *class_weight);
/* The same for n fusions of one shape with one batch, drop [n] and class_weight [n]. What each computes is
 * that of hm_fusion_begin, to the bit. */
void hm_fusions_begin(struct hm_fusion *const *f, size_t n, const struct hm_minibatch *b,
		      const struct hm_dropout *drop, const float *const *class_weight);
const float *hm_fusion_loss(const struct hm_fusion *f);
/* The loss's numerator and denominator over these examples alone (cross_entropy's sums), f64 [2], device
 * memory. */
const double *hm_fusion_sums(const struct hm_fusion *f);
/* Call after begin, with the batch that the next begin will get: its large arrays are uploaded while the
 * present batch is computed. */
void hm_fusion_ahead(struct hm_fusion *f, const struct hm_minibatch *b);
/* logits f32 [n,classes], host memory := the logits in eval mode: running statistics, no dropout. 0 or
 * HM_EDATA. */
int hm_fusion_logits(struct hm_fusion *f, const struct hm_minibatch *b, float *logits, struct hm_err *e);
/* prob f32 [n,classes], host memory := the softmax of these logits. 0 or HM_EDATA. */
int hm_fusion_probabilities(struct hm_fusion *f, const struct hm_minibatch *b, float *prob, struct hm_err *e);

#endif
