/* An encoder from a SPEC: joins a tower's parameters (lib/nn) with the files that hold them (lib/weights). */
#ifndef HM_ENCODER_H
#define HM_ENCODER_H

#include "nn/tower.h"
#include "weights/weights.h"

struct hm_encoder_options {
	int64_t heads;		      /* attention heads; overrides what files say; 0: not given */
	int64_t side_heads[HM_SIDES]; /* the same for one side's encoder, before `heads` */
	int64_t vocab;		      /* rows of an init: encoder's word table; 0: the preset's own */
	enum hm_act act;	      /* overrides what files say; HM_ACT_NONE: not given */
	struct hm_colours colours;    /* the same, of an image encoder */
	const char *output[HM_SIDES]; /* which of a side's vectors is the pooled one, as in struct
					 hm_tower_hints; NULL: its own */
	const char *key; /* the part of the file to take, as in struct hm_weights_options; NULL: all of it */
	bool key_elsewhere; /* the key may be meant for another file: a file without such a part is taken
			     * whole
			     */
	bool forget;	    /* close the file once it is read: the encoder will not be saved */
	bool borrow; /* parameters stay in the file where they can (hm_params_borrow), which stays open: for
			inference alone. Ask hm_weights_unchanged afterwards */
	const char *digest; /* the encoder's, if it is known already; NULL: it is computed */
	struct hm_workers
		*workers; /* draw the parameters of an init: encoder; NULL: the calling thread does */
	bool defer;	  /* leave the parameters in the file until hm_encoder_load; the digest is known */
};

struct hm_encoder {
	const struct hm_tower_kind *kind; /* NULL: the encoder is empty */
	struct hm_tower *tower;		  /* NULL once released */
	struct hm_tower_shape shape;	  /* width 0: the encoder is empty */
	struct hm_tower_hints hints;	  /* what the tensors do not tell */
	char digest[33];  /* hm_weights_digest of its parameters in the file: the encoder's identity */
	char notice[256]; /* a sentence for the user, as in base/err.h; "": none */
	/* The parameters and the counters of training batches as the file has them, in bytewise order of
	 * names, for saving them unchanged. NULL and 0 for init:. Their data belongs to the open file. */
	const struct hm_tensor *tensor, *counter;
	size_t n_tensor, n_counter;
	struct hm_arena names;	 /* of tensor and counter */
	bool deferred, borrows;	 /* the options defer, until it is loaded, and borrow */
	bool keyed;		 /* the option `key` named a part of its file */
	struct hm_weights *file; /* closed with the encoder; NULL: somebody else owns it */
};

/* Fills *x from a SPEC: a weight file or Hugging Face folder as in weights.h; a model file of hm, whose
 * encoder is taken; or "init:NAME[:SEED]" with a preset of that side (tower.h), SEED 0 .. 2^64-1.
 *
 * The family follows from config.json's model_type and the tensors' names, the architecture from names and
 * shapes. What these do not tell (attention heads, activation, eps, colours) comes from the option, else from
 * hm.model in the file, else from config.json or open_clip_config.json in the folder or in the file's folder,
 * colours also from preprocessor_config.json there; else it is the family's own. Heads that nothing tells are
 * guessed with a notice; an activation is HM_EUSAGE, which names --act.
 *
 * 0. HM_EDATA: a tensor is missing, has a wrong shape or is left over (the sentence names it), or config.json
 * demands what is not computed. HM_EUSAGE: init: names no preset. Caller frees with hm_encoder_clear, also
 * after a failure, when *x is empty. */
int hm_encoder_open(struct hm_encoder *x, enum hm_side side, const char *spec,
		    const struct hm_encoder_options *o, struct hm_err *e);
/* The options for the encoder spec[side]. spec: those of all sides, NULL where not given. If the other SPEC
 * is a file too, the key may be meant for that one. */
struct hm_encoder_options hm_encoder_options_of(const struct hm_encoder_options *o,
						const char *const spec[HM_SIDES], enum hm_side side);
/* Call once all encoders are open. 0, or HM_EUSAGE if the key is given and no file has a part of that name.
 */
int hm_encoder_check_key(const struct hm_encoder x[HM_SIDES], const char *key, struct hm_err *e);
/* As hm_encoder_open, for the encoder below `prefix` in an open model file, which must outlive x. family: as
 * in hm_names_family. path: where to look for config.json. Sentences do not begin with the path. */
int hm_encoder_take(struct hm_encoder *x, enum hm_side side, struct hm_weights *w, const char *prefix,
		    const char *family, const char *path, const struct hm_encoder_options *o,
		    struct hm_err *e);
void hm_encoder_clear(struct hm_encoder *x);
/* Reads the parameters if they were deferred and are still missing. 0, or HM_EDATA: also if their file was
 * written into since it was opened, for the digest would be of other values. */
int hm_encoder_load(struct hm_encoder *x, struct hm_err *e);
/* Frees the parameters only; for use once a network is prepared from them. Borrowed ones stay until
 * hm_encoder_clear. */
void hm_encoder_release(struct hm_encoder *x);

/* Checks that a text encoder can encode ids[0..n): n in 1 .. positions, each id in [0,vocab), none of them
 * the padding token that RoBERTa does not count, and one of them the end token where the family needs one. 0
 * or HM_EDATA. This is the only check of token ids: code below asserts it. */
int hm_encoder_check_ids(const struct hm_encoder *x, const int32_t *ids, size_t n, struct hm_err *e);

#endif
