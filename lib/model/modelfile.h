/* hm's model file: a .safetensors with PyTorch's tensor names and with provenance in __metadata__ (hm.model,
 * hm.vocab, hm.pg, hm.selected_on, hm.image_digest, hm.text_digest, hm.digest). These functions handle the
 * head and what it was trained on; encoder.h handles the encoders in a complete file. */
#ifndef HM_MODELFILE_H
#define HM_MODELFILE_H

#include "model/featurenames.h"
#include "nn/fusion.h"
#include "weights/weights.h"

/* The prefix of the image tower's tensors in a model file. The text tower's prefix depends on the fusion. */
#define HM_IMAGE_PREFIX "image_encoder."

/* An empty one is all zero. A text is "" if the file does not give it. */
struct hm_modelfile {
	const struct hm_fusion_kind *fusion; /* after reading: from the tensors' names and shapes */
	int64_t classes, inputs;	     /* of the last layer: C, I */
	struct hm_hidden head;		     /* of a fusion that has one */
	bool described;			     /* read: the file has hm.model */
	int64_t dim[HM_SIDES];		     /* numbers per side; 0: not used; both -1: unknown */
	/* Which encoders: weights.h's digest, recomputed where the file holds the encoder; or, of features
	 * that were made elsewhere, the text that their column gives. */
	char encoder[HM_SIDES][HM_ENCODER_TEXT];
	char output[HM_SIDES][HM_OUTPUT_TEXT]; /* which of their outputs it was trained on: "pooled" … */
	cJSON *prepared[HM_SIDES];   /* hm.model's "image" and "text": how the inputs were prepared; NULL:
					unknown */
	char precision[HM_SIDES][8]; /* "f32", "bf16" */
	char store[HM_SIDES][8]; /* "f16", "bf16": to what the features of its training were rounded; "": they
				    were not */
	struct hm_tower_hints hints[HM_SIDES]; /* what the towers' tensors do not tell */
	char family[HM_SIDES][16];	       /* the towers', where their tensors' names do not tell it */
	struct hm_feature_names columns[HM_SIDES]; /* the feature columns it was trained on; n 0: not said */
	float *weight;	   /* the last layer's weight [C, I]; of a file with one output [1, I] rows (0, w) */
	float *bias;	   /* its bias [C] */
	cJSON *names;	   /* what the classes are called, an array of C strings; NULL: not said */
	const char *vocab; /* hm.vocab, the tokenizer's files as JSON (prep/tokenpack.h); NULL: not in the
			      file. Read: borrowed from `file` */
	char *selected_on; /* hm.selected_on, free text such as "auroc, epoch 3"; NULL: not said */
	cJSON *pg;	   /* an array, oldest step first; NULL: not said */
	bool unsynced;	   /* written: by hm_weights_save_unsynced */
	struct hm_weights *file; /* read: every tensor of the file; NULL for one made in memory */
};

/* Reads a head-only or complete file, .safetensors or .pth, with or without metadata. Refuses a file that
 * contradicts itself, has tensors that are not part of a model, or holds NaN or infinity in the head. 0, or
 * HM_EDATA with a sentence that begins with the path; m is then empty. Caller frees with hm_modelfile_clear.
 */
int hm_modelfile_read(struct hm_modelfile *m, const char *path, struct hm_err *e);

/* Writes the last layer, the metadata, and the n_more further tensors of a complete file (0: head only).
 * Ignores m->file. The same input gives the same bytes. The file appears whole or not at all. 0 or HM_EDATA.
 */
int hm_modelfile_write(const char *path, const struct hm_modelfile *m, const struct hm_tensor *more,
		       size_t n_more, struct hm_err *e);

/* Frees everything m points to (weight, bias, selected_on with free(), pg, names, prepared, file) and empties
 * it. */
void hm_modelfile_clear(struct hm_modelfile *m);

#endif
