/* Reads and writes a whole model for training and scoring: the fusion's own parameters, the encoders, and
 * what they were trained on. Tensor names are those of the reference classes in PyTorch
 * (tests/oracle/modelkit.py):
 *   late   image_encoder.* (torchvision's), text_encoder.* (BertModel's), classifier.*
 *   early  image_encoder.{0,1,4,5,6,7}.*, transformer.*, word_modality_embeddings, image_dim_augmentation.*,
 *          image_positional_embeddings.weight, image_modality_embeddings, classifier.*
 *   align, concat, cross, align-concat   image_encoder.*, text_encoder.*, image_map.*, text_map.*,
 *          pre_output.*, output.* (tests/oracle/headskit.py)
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
	struct hm_modelfile head; /* where metadata does not say `dim`, it comes from an encoder in the file
				     or from the fusion's own tensors */
	struct hm_encoder side[HM_SIDES]; /* kind NULL: not in the file. May be moved out and zeroed; they
					     borrow from head.file */
	int cells;			  /* P, of a fusion that takes the image's grid; else 0 */
	char notice[256];		  /* a sentence for the user; "": none */
};

/* Reads a file of ours or of PyTorch (.safetensors or .pth, no metadata), head-only or complete. options:
 * for its encoders, as for hm_encoder_open. Sentences begin with the path. HM_EDATA: a tensor that is
 * missing, left over, of another shape than the others ask for; metadata that contradict the tensors.
 * HM_EUSAGE: an option asks for an output that the encoder lacks, or that the head was not trained on. Caller
 * closes, also after a failure. */
int hm_fusionfile_open(struct hm_fusionfile *m, const char *path, const struct hm_encoder_options *o,
		       struct hm_err *e);
/* own := the fusion's own parameters in the file. 0, or HM_EDATA naming the tensor of another shape. */
int hm_fusionfile_load(const struct hm_fusionfile *m, struct hm_params *own, struct hm_err *e);
/* Gives side k of a head the encoder of `spec` (encoder.h), as if it were in the file. The head must say
 * which encoder it was trained on, and that must be this one. 0; HM_EUSAGE: the file holds an encoder
 * already, the side is not used, or the head takes several feature columns of it; HM_EDATA. Sentences name
 * spec or path. */
int hm_fusionfile_attach(struct hm_fusionfile *m, enum hm_side k, const char *path, const char *spec,
			 const struct hm_encoder_options *o, struct hm_err *e);
/* hm_weights_unchanged of the file, and of those of attached encoders. */
int hm_fusionfile_unchanged(const struct hm_fusionfile *m, struct hm_err *e);
void hm_fusionfile_close(struct hm_fusionfile *m);

/* The origin of a cached feature, from its column's attributes. NULL or "": unknown. */
struct hm_fusionfile_feature {
	const char *encoder, *output, *precision, *store;
};

/* What goes into the file besides the fusion's own parameters. */
struct hm_fusionfile_parts {
	/* The encoder to write. If it runs in the fusion its live parameters are written, else those it was
	 * opened with. NULL: only the digest in `feature` is written. */
	const struct hm_encoder *encoder[HM_SIDES];
	struct hm_fusionfile_feature feature[HM_SIDES];	  /* for a side that is HM_USE_FEATURE */
	const struct hm_feature_names *columns[HM_SIDES]; /* the columns of that side; NULL: the usual one */
	const cJSON *names; /* what the classes are called, an array of strings; NULL: not said */
	const char *vocab;  /* the tokenizer's files, as struct hm_modelfile has them; NULL: none */
	const cJSON *prepared[HM_SIDES]; /* how each side's inputs were prepared; NULL: unknown */
	int64_t batches;  /* train-mode batches of a running image encoder since it was opened: added to
			     num_batches_tracked */
	const float *own; /* written in place of the fusion's live parameters (standardisation folded in),
			     host memory, in the table's order; NULL: write the live ones */
	const char *selected_on; /* hm.selected_on; NULL: left out */
	const cJSON *pg;	 /* an array; NULL: left out */
	bool unsynced;		 /* by hm_weights_save_unsynced: the caller syncs the folder */
};

/* Writes the file whole or not at all. The same input gives the same bytes. hm.image_digest and
 * hm.text_digest are the digests of the encoders as written; a feature whose encoder is another text is named
 * by it in hm.model. 0 or HM_EDATA. */
int hm_fusionfile_save(const char *path, struct hm_fusion *f, const struct hm_fusionfile_parts *p,
		       struct hm_err *e);
/* Writes an open file anew, with its encoders and those that were attached. What its metadata say may have
 * been changed in m->head (names, vocab, pg). The encoders must have been opened without `forget`. 0 or
 * HM_EDATA. */
int hm_fusionfile_rewrite(const char *path, const struct hm_fusionfile *m, struct hm_err *e);

#endif
