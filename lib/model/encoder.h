/* An encoder out of a SPEC: a tower's parameters (lib/nn) joined with the files they come from
 * (lib/weights). */
#ifndef HM_ENCODER_H
#define HM_ENCODER_H

#include "nn/tower.h"
#include "weights/weights.h"

struct hm_encoder_options {
	int64_t heads;	    /* attention heads, before what any file says; 0: not given */
	int64_t vocab;	    /* rows of the word table of an init: encoder; 0: the preset's */
	const char *output; /* which of its vectors is the pooled one, as in struct hm_tower_hints; NULL: its
			       own */
	const char *key; /* the part of the file to take, as in struct hm_weights_options; NULL: all of it */
	bool key_elsewhere; /* the key may be meant for another file: one without such a part is taken whole
			     */
	bool forget;	    /* close the file once it was read: the encoder will not be saved */
	bool defer;	    /* hm_encoder_load reads a file's parameters, if ever: the digest needs none */
};

struct hm_encoder {
	const struct hm_tower_kind *kind; /* NULL: the encoder is empty */
	struct hm_tower *tower;		  /* NULL once released */
	struct hm_tower_shape shape;	  /* width 0: the encoder is empty */
	struct hm_tower_hints hints;	  /* what the tensors do not tell */
	char digest[33];  /* hm_weights_digest of its parameters in the file: the encoder's identity */
	char notice[256]; /* what the user should know, a sentence as in base/err.h; "" nothing */
	/* As the file has them, for saving it unchanged, in bytewise order of names: its parameters, and its
	 * counters of training batches. NULL and 0 of an init:. Data is the open file's. */
	const struct hm_tensor *tensor, *counter;
	size_t n_tensor, n_counter;
	struct hm_arena names; /* theirs */
	bool deferred;
	bool keyed;		 /* the option `key` named a part of its file */
	struct hm_weights *file; /* closed with the encoder; NULL when another owns it */
};

/* SPEC: a weight file or Hugging Face folder as in weights.h, one of our model files (its encoder is taken),
 * or "init:NAME[:SEED]" with a preset of that side (tower.h), SEED 0 .. 2^64-1. The family follows from
 * config.json's model_type and the tensors' names, the architecture from names and shapes; attention heads
 * from the option, hm.model of the file, config.json in the folder or, for text, beside the file, else a
 * guess with a notice; the LayerNorms' eps from hm.model, config.json, else the family's own. Tensors
 * missing, of a wrong shape or left over are errors naming one of them; so is a config.json that asks for
 * what is not computed. HM_EUSAGE for an init: that is no preset. Fills *x; caller frees with
 * hm_encoder_clear (also after a failure: *x is empty then). */
int hm_encoder_open(struct hm_encoder *x, enum hm_side side, const char *spec,
		    const struct hm_encoder_options *o, struct hm_err *e);
/* The options for the encoder spec[side] out of several, some NULL: if another SPEC is a file too, the key
 * may be meant for that one. */
struct hm_encoder_options hm_encoder_options_of(const struct hm_encoder_options *o,
						const char *const spec[HM_SIDES], enum hm_side side);
/* Once all are open: HM_EUSAGE when the key is given and names a part of no file. */
int hm_encoder_check_key(const struct hm_encoder x[HM_SIDES], const char *key, struct hm_err *e);
/* hm_encoder_open for the encoder below `prefix` in an open model file, which must outlive x; `path` is where
 * config.json is looked for. Sentences do not begin with the path. */
int hm_encoder_take(struct hm_encoder *x, enum hm_side side, struct hm_weights *w, const char *prefix,
		    const char *path, const struct hm_encoder_options *o, struct hm_err *e);
void hm_encoder_clear(struct hm_encoder *x);
/* The parameters, where they were deferred and are not there yet. 0 or HM_EDATA. */
int hm_encoder_load(struct hm_encoder *x, struct hm_err *e);
/* Frees the parameters alone, once a network is prepared from them. */
void hm_encoder_release(struct hm_encoder *x);

/* Whether a text encoder can encode ids[0..n): 1 .. positions of them, each a row of its word table; else
 * HM_EDATA. The one place where ids are checked. */
int hm_encoder_check_ids(const struct hm_encoder *x, const int32_t *ids, size_t n, struct hm_err *e);

#endif
