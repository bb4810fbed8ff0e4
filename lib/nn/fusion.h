/* The two fusions of the seed as networks in training: late (FusionModel: classifier(concat(image_feature,
 * text_feature))) and early (MultimodalTransformer: image grid and words through one BERT). A side is a
 * cached feature, or an encoder that runs here.
 *
 *   hm_fusion_new(&f, &config, dev, e)
 *   hm_params_load/_init(hm_fusion_params(f), ...)     and the encoders' before
 *   hm_fusion_place(f, e)
 *   loss = hm_fusion_step(f, &batch, &pass, weight, e)   gradients are in the tables, for the optimizer
 *   hm_fusion_logits(f, &batch, logits, e)               evaluation
 *
 * Adding a fusion: its parameter table and its forward and backward pass in a file like early.c, a case in
 * each function of fusion.c, its names in lib/model. */
#ifndef HM_FUSION_H
#define HM_FUSION_H

#include "nn/berttrain.h"
#include "nn/resnettrain.h"

enum hm_fusion_kind { HM_FUSION_LATE, HM_FUSION_EARLY };

/* What stands on one side: nothing, cached features, an encoder that runs in train mode but is not trained,
 * an encoder that is trained. */
enum hm_side { HM_SIDE_NONE, HM_SIDE_FEATURE, HM_SIDE_FROZEN, HM_SIDE_TRAINED };

struct hm_fusion_config {
	enum hm_fusion_kind kind;
	int classes;
	enum hm_side image, text; /* early: image FEATURE (the grid) or FROZEN, text TRAINED */
	int image_dim, text_dim;  /* C and H; 0 for HM_SIDE_NONE */
	int grid;		  /* early: positions P of an image */
	struct hm_resnet *resnet; /* of an image side that runs here; borrowed, as is bert */
	struct hm_bert *bert;	  /* of a text side that runs here */
};

/* Examples, all in host memory; what the sides do not need is NULL. */
struct hm_minibatch {
	int n;
	const uint8_t *pixels; /* [n,3,h,w] */
	int h, w;
	const float *image;	  /* cached: [n,C], or [n,P,C] in early fusion */
	const int32_t *ids, *len; /* token ids end to end; len [n] */
	const float *text;	  /* cached: [n,H] */
	const float *features;	  /* late, when no encoder runs here: [n,C+H], in place of image and text */
	const int32_t *label;	  /* [n] in [0,classes); evaluation does not look at it */
};

struct hm_fusion;
int hm_fusion_new(struct hm_fusion **f, const struct hm_fusion_config *c, struct hm_device *d,
		  struct hm_err *e);
void hm_fusion_free(struct hm_fusion *f);
const struct hm_fusion_config *hm_fusion_config_of(const struct hm_fusion *f);

/* The fusion's own parameters, under their names in the model file: classifier.*, and in early fusion
 * image_dim_augmentation.*, image_positional_embeddings.weight, both modality embeddings. */
struct hm_params *hm_fusion_params(struct hm_fusion *f);
/* All tables of the model, trained ones first: own, text, image as far as they run here. */
struct hm_fusion_table {
	struct hm_params *params;
	const char *side; /* "", "text", "image" */
	bool trained;
};
int hm_fusion_tables(struct hm_fusion *f, struct hm_fusion_table out[3]);
/* Every table to the device, with gradients where it is trained. */
int hm_fusion_place(struct hm_fusion *f, struct hm_err *e);

/* Memory for batches up to this one, evaluated or trained on, with up to so many token ids in all, and what
 * it takes to send them: none of them then asks the device for any. Its arrays are sent, to no effect. */
int hm_fusion_reserve(struct hm_fusion *f, const struct hm_minibatch *b, int64_t words, struct hm_err *e);

/* One forward and backward pass in train mode: *loss = the batch's mean cross-entropy, weighted by
 * class_weight [classes] (host memory) or NULL; gradients are added to the tables. drop: p, seed, step.
 * HM_EDATA; a loss that is not finite is no failure here. */
int hm_fusion_step(struct hm_fusion *f, const struct hm_minibatch *b, const struct hm_dropout *drop,
		   const float *class_weight, float *loss, struct hm_err *e);
/* The same, asked for and not waited for: the host has time until it reads the loss, f32 [1] in the device's
 * memory. The batch's arrays are free again when begin returns. Failures stick to the device. */
void hm_fusion_begin(struct hm_fusion *f, const struct hm_minibatch *b, const struct hm_dropout *drop,
		     const float *class_weight);
const float *hm_fusion_loss(const struct hm_fusion *f);
/* Between begin and that: the large arrays of the batch that the next begin will be given are sent while this
 * one is computed. */
void hm_fusion_ahead(struct hm_fusion *f, const struct hm_minibatch *b);
/* logits f32 [n,classes], host memory, in eval mode: running statistics, no dropout. */
int hm_fusion_logits(struct hm_fusion *f, const struct hm_minibatch *b, float *logits, struct hm_err *e);
/* Their softmax, likewise. */
int hm_fusion_probabilities(struct hm_fusion *f, const struct hm_minibatch *b, float *prob, struct hm_err *e);

#endif
