/* A whole model between its file and a network in training or scoring: the fusion's own parameters, the
 * encoders, what they were trained on. Tensor names are those of the reference classes in PyTorch
 * (tests/oracle/modelkit.py):
 *   late   image_encoder.* (torchvision's), text_encoder.* (BertModel's), classifier.*
 *   early  image_encoder.{0,1,4,5,6,7}.*, transformer.*, word_modality_embeddings, image_dim_augmentation.*,
 *          image_positional_embeddings.weight, image_modality_embeddings, classifier.*
 *
 *   hm_fusionfile_open(&m, path, &options, e)     m.head, m.image, m.text say what is in it
 *   hm_fusionfile_load(&m, hm_fusion_params(f), e)         the fusion's own parameters, before placing them
 *   hm_fusionfile_close(&m)
 *   hm_fusionfile_save(path, f, &parts, e)                 from the live network, wherever its tables are */
#ifndef HM_FUSIONFILE_H
#define HM_FUSIONFILE_H

#include "model/encoder.h"
#include "model/modelfile.h"

struct hm_fusionfile {
	struct hm_modelfile head; /* its `dim` follows from an encoder in the file where the metadata is
				     silent, or from the fusion's own tensors */
	struct hm_encoder side[HM_SIDES]; /* empty (kind NULL): the file does not hold it. May be moved out
					     and zeroed; what they borrow stays in head.file */
	int cells;			  /* P, of a fusion that takes the image's grid; else 0 */
	char notice[256];		  /* what the user should know, a sentence; "" nothing */
};

/* Reads a file of ours or of PyTorch (.safetensors or .pth, no metadata), head-only or complete. options:
 * heads, as for hm_encoder_open. HM_EDATA, sentences begin with the path: a tensor that is missing, left
 * over, of another shape than the others ask for; metadata that contradict the tensors. Caller closes, also
 * after a failure. */
int hm_fusionfile_open(struct hm_fusionfile *m, const char *path, const struct hm_encoder_options *o,
		       struct hm_err *e);
/* own := the file's parameters of the fusion itself. HM_EDATA naming the tensor of another shape. */
int hm_fusionfile_load(const struct hm_fusionfile *m, struct hm_params *own, struct hm_err *e);
void hm_fusionfile_close(struct hm_fusionfile *m);

/* Where a cached feature came from: its column's attributes. NULL or "": not said. */
struct hm_fusionfile_feature {
	const char *encoder, *output, *precision;
};

/* What belongs into the file with the fusion's own parameters. */
struct hm_fusionfile_parts {
	const struct hm_encoder
		*encoder[HM_SIDES]; /* the encoders that the file gets: where one runs in the fusion
				       its live parameters are written, else it is written as it
				       was opened; NULL: its digest alone, from below */
	struct hm_fusionfile_feature feature[HM_SIDES]; /* of a side that is HM_USE_FEATURE */
	const cJSON *prepared[HM_SIDES]; /* how each side's inputs were prepared; NULL: not said */
	int64_t batches; /* that went through a running image encoder in train mode since it was opened: added
			    to num_batches_tracked */
	const float *own; /* the fusion's own parameters in their table's order, host memory, where others
			     than the live ones belong into the file (standardisation folded in); NULL */
	const char *selected_on; /* hm.selected_on; NULL: not said */
	const cJSON *pg;	 /* an array; NULL: not said */
};

/* Writes it whole or not at all; the same input, the same bytes. hm.image_digest and hm.text_digest are those
 * of the encoders as they are in the file. */
int hm_fusionfile_save(const char *path, struct hm_fusion *f, const struct hm_fusionfile_parts *p,
		       struct hm_err *e);

#endif
