/* An encoder out of a SPEC: the network's parameters (lib/nn) joined with the files they come from
 * (lib/weights). */
#ifndef HM_ENCODER_H
#define HM_ENCODER_H

#include "nn/bert.h"
#include "nn/resnet.h"
#include "weights/weights.h"

struct hm_encoder_options {
	int64_t heads;	 /* of BERT, before what any file says; 0: not given */
	int64_t vocab;	 /* rows of the word table of init:bert-*; 0: 30522 */
	const char *key; /* the part of the file to take, as in struct hm_weights_options; NULL: all of it */
	bool forget;	 /* the file is closed once it was read: the encoder will not be saved */
	bool defer; /* the parameters of a file are read by hm_encoder_load, if ever: the digest needs none */
};

struct hm_encoder {
	enum hm_encoder_kind kind;
	struct hm_resnet *resnet; /* the one of the kind, the other NULL; both NULL once released */
	struct hm_bert *bert;
	int width; /* numbers in a feature: pooled or of a grid position (image), pooler output (text) */
	int vocab, positions; /* of a text encoder: rows of its tables */
	int heads;	      /* of a text encoder, and its LayerNorm's eps: what the tensors do not tell */
	double eps;
	char digest[33];  /* hm_weights_digest of hm_weights_encoder: the encoder's identity */
	char *vocab_file; /* path of vocab.txt when SPEC is a folder that has one, else NULL */
	char notice[256]; /* what the user should be told, a sentence as in base/err.h; "" nothing */
	/* As the file has them, for saving it unchanged, in bytewise order of names: its tensors, and an
	 * image encoder's num_batches_tracked. NULL and 0 of an init:. Borrowed from the open file. */
	const struct hm_tensor *tensor, *tracked;
	size_t n_tensor, n_tracked;
	bool deferred;
	struct hm_weights *file; /* closed with the encoder; NULL when another owns it */
};

/* SPEC: a weight file or Hugging Face folder as in weights.h, one of our model files (its encoder is taken),
 * or "init:NAME[:SEED]" with NAME resnet18, resnet50, resnet-tiny (image), bert-base, bert-tiny (text), SEED
 * 0 .. 2^64-1. The architecture follows from names and shapes; a BERT's heads from the option, hm.model of
 * the file, config.json in the folder or beside the file, else hidden/64 with a notice; its eps from
 * hm.model, config.json, else 1e-12. Tensors missing, of a wrong shape or left over are errors naming one of
 * them. HM_EUSAGE for an init: that is none of these. Fills *x; caller frees with hm_encoder_clear (also
 * after a failure: *x is empty then). */
int hm_encoder_open(struct hm_encoder *x, enum hm_encoder_kind kind, const char *spec,
		    const struct hm_encoder_options *o, struct hm_err *e);
/* The same for the encoder in an open file, which must outlive x; `path` is where config.json is looked for.
 * Sentences do not begin with the path. */
int hm_encoder_take(struct hm_encoder *x, enum hm_encoder_kind kind, struct hm_weights *w, const char *path,
		    const struct hm_encoder_options *o, struct hm_err *e);
void hm_encoder_clear(struct hm_encoder *x);
/* The parameters, where they were deferred and are not there yet. 0 or HM_EDATA. */
int hm_encoder_load(struct hm_encoder *x, struct hm_err *e);
/* Frees the parameters alone, once a network is prepared from them. */
void hm_encoder_release(struct hm_encoder *x);

/* Whether a BERT can encode ids[0..n): 1 .. positions of them, each a row of its word table; else HM_EDATA.
 */
int hm_encoder_check_ids(const struct hm_encoder *x, const int32_t *ids, size_t n, struct hm_err *e);

#endif
