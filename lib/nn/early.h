/* Early fusion (the seed's MultimodalTransformer): the P positions of an image's grid are projected to BERT's
 * width and get a position and a modality embedding; words get theirs; both go, image first, through one
 * BERT, which adds its own positions on top; the classifier reads the first row, an image position. Names are
 * those of the seed's class. */
#ifndef HM_EARLY_H
#define HM_EARLY_H

#include "nn/berttrain.h"

struct hm_early {
	int classes, inputs, hidden, grid; /* classes, C of a grid position, H, P */
	struct hm_params params;
	float *word_modality;		    /* [H] */
	float *project_w, *project_b;	    /* [H,C], [H] */
	float *image_position;		    /* [P,H] */
	float *image_modality;		    /* [H] */
	float *classifier_w, *classifier_b; /* [classes,H], [classes] */
};

/* The table alone; storage comes with hm_params_load or _init of m->params. m must stay where it is. Caller
 * clears. */
void hm_early_init(struct hm_early *m, int classes, int inputs, int hidden, int grid);
void hm_early_clear(struct hm_early *m);

/* Activations of one network on the tape's device; borrows m and the tape. NULL with `e`. */
struct hm_early_tape;
struct hm_early_tape *hm_early_tape_new(struct hm_early *m, struct hm_bert *bert, struct hm_device *d,
					bool backward, struct hm_err *e);
void hm_early_tape_free(struct hm_early_tape *t);

/* Memory for batches up to n captions of so many words in all: none of them then asks the device for any. */
void hm_early_reserve(struct hm_early_tape *t, int n, int64_t words);

/* image f32 [n,P,C], device memory; ids i32: n captions end to end, len i32 [n], host memory -> logits f32
 * [n,classes], device memory. drop as hm_bert_forward's. Failures stick to the device. */
void hm_early_forward(struct hm_early_tape *t, const float *image, const int32_t *ids, const int32_t *len,
		      int n, const struct hm_dropout *drop, float *logits);
/* dlogits f32 [n,classes], of the last forward pass; adds to the gradients of m's and BERT's parameters. */
void hm_early_backward(struct hm_early_tape *t, const float *dlogits);

#endif
