/* Our model file: a .safetensors whose tensor names are PyTorch's, with provenance in __metadata__ (hm.model,
 * hm.pg, hm.selected_on, hm.image_digest, hm.text_digest, hm.digest). This file knows the head and what the
 * head was trained on; the encoders in a complete file are encoder.h's. */
#ifndef HM_MODELFILE_H
#define HM_MODELFILE_H

#include "nn/fusion.h"
#include "weights/weights.h"

/* What the names of the image tower's tensors begin with in a model file; the text's is the fusion's. */
#define HM_IMAGE_PREFIX "image_encoder."

/* All zero is an empty one. Texts are "" where the file does not say. */
struct hm_modelfile {
	const struct hm_fusion_kind *fusion; /* read: from the tensors' names */
	int64_t classes, inputs;	     /* of the classifier: C, I */
	int64_t dim[HM_SIDES];		     /* numbers of each side; 0: not used; both -1: not said */
	char digest[HM_SIDES]
		   [33]; /* the encoders', weights.h's digest; recomputed where the file holds one */
	char output[HM_SIDES][16];   /* what columns of features it was trained on say: "pooled" … */
	cJSON *prepared[HM_SIDES];   /* hm.model's "image" and "text": how the inputs were prepared; NULL: not
					said */
	char precision[HM_SIDES][8]; /* "f32", "bf16" */
	int64_t heads;		     /* of the text tower; 0: not said */
	double eps;		     /* of its LayerNorms; 0: not said */
	float *weight;		     /* classifier.weight [C, I] */
	float *bias;		     /* classifier.bias [C] */
	char *selected_on;	     /* hm.selected_on, free text such as "auroc, epoch 3"; NULL: not said */
	cJSON *pg;		     /* an array, oldest step first; NULL: not said */
	struct hm_weights *file;     /* read: every tensor of the file; NULL for one made in memory */
};

/* Reads a head-only or complete file, .safetensors or .pth, with or without metadata. What contradicts
 * itself, has names that are none of the model's, or holds NaN or infinity in the head is refused. 0 or
 * HM_EDATA, sentences begin with the path; m is empty then. Caller frees with hm_modelfile_clear. */
int hm_modelfile_read(struct hm_modelfile *m, const char *path, struct hm_err *e);

/* Writes classifier.* and the metadata, and `more` tensors of a complete file (n_more 0: head only). m->file
 * is not looked at. Same input, same bytes; the file appears whole or not at all. */
int hm_modelfile_write(const char *path, const struct hm_modelfile *m, const struct hm_tensor *more,
		       size_t n_more, struct hm_err *e);

/* Frees everything m points to (weight, bias, selected_on with free(), pg, prepared, file) and empties it. */
void hm_modelfile_clear(struct hm_modelfile *m);

#endif
