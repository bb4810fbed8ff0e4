/* Sets up a training run from the user's options: reads encoders, a first model and the two sets, and makes
 * the fusion on its device. */
#ifndef HM_SETUP_H
#define HM_SETUP_H

#include "model/fusionfile.h"
#include "feed/examples.h"
#include "feed/sources.h"
#include "train/recipe.h"
#include "train/standardise.h"

struct hm_setup_options {
	int n_train, n_val;
	char *const *train, *const *val;
	const char *spec[HM_SIDES]; /* of each side's encoder; NULL: not given */
	const char *init;	    /* a model file; NULL: not given */
	struct hm_encoder_options encoder;
	const struct hm_recipe *recipe; /* for the fusion and its layers; -1: init's, else the first */
	struct hm_feature_names columns[HM_SIDES]; /* of features; n 0: init's, else the usual one */
	bool sweep;				   /* s->fusion gets no values, no set is standardised */
	bool only[HM_SIDES];			   /* use this side only */
	bool freeze[HM_SIDES], frozen_train;
	bool some_layers[HM_SIDES]; /* only the last `layers` of the encoder, and what is above, are trained
				     */
	int layers[HM_SIDES];
	int classes;	    /* 0: from the labels */
	const cJSON *names; /* what the classes are called, an array of strings; NULL: what the data says */
	uint64_t seed;
	size_t memory;	    /* bytes of payload to hold, of both sets together */
	bool skip, unknown; /* as in examples.h */
	enum hm_standardize standardize;
	const char *vocab; /* for the model file: the tokenizer's files (prep/tokenpack.h); NULL: those of
			      --init. May be set after hm_setup_open */
	bool mismatch;	   /* inputs prepared otherwise than the model's are a warning, not an error */
	void (*notice)(void *ctx, bool warning, const char *text); /* a sentence for the user */
	void *ctx;
};

struct hm_setup {
	const struct hm_setup_options *o;
	struct hm_fusionfile init;
	struct hm_encoder encoder[HM_SIDES]; /* kind NULL: none */
	bool there[HM_SIDES];		     /* the sides that are used */
	enum hm_use use[HM_SIDES];	     /* where the training set's sides come from */
	struct hm_feature_names columns[HM_SIDES];
	struct hm_examples train, val;
	struct hm_fusion *fusion;
	struct hm_device *device;
	const struct hm_fusion_kind *kind;
	int classes;
	cJSON *pg;		     /* the history of the training data */
	cJSON *names;		     /* what the classes are called; NULL: nobody says */
	struct hm_standard standard; /* of the training set's features, if any fusion is standardised */
	struct hm_fusion *judge;     /* if standardised: the fusion for raw features, see hm_trainer_config */
};

/* Reads everything, computes the features of encoders frozen in eval mode, makes the fusion, gives it its
 * first parameters and places them on `d`. 0, HM_EDATA or HM_EUSAGE. Caller clears, also after a failure. */
int hm_setup_open(struct hm_setup *s, const struct hm_setup_options *o, struct hm_device *d,
		  struct hm_workers *w, struct hm_err *e);
void hm_setup_clear(struct hm_setup *s);

/* *c := the configuration of a recipe's fusion on these sets. 0; HM_EUSAGE: not with this --init, --fusion
 * or these options; HM_EDATA: it needs a side that the sets do not have. */
int hm_setup_configure(const struct hm_setup *s, const struct hm_recipe *r, struct hm_fusion_config *c,
		       struct hm_err *e);
/* Checks that `copies` trainings of the fusion at once fit into `there` bytes of memory. 0 or HM_EDATA. */
int hm_setup_check_memory(struct hm_fusion *f, const struct hm_device *d, int copies, size_t there,
			  struct hm_err *e);

/* Gives a fusion of this configuration its first parameters: those of --init, else random ones that depend on
 * the random seed only. Call before placing it. 0 or HM_EDATA. */
int hm_setup_init_params(struct hm_setup *s, struct hm_fusion *f, uint64_t seed, struct hm_err *e);

/* Adds to a checkpoint's identity what must stay the same besides the options: data, encoders, the use of
 * each side, device. Failures stick to `e`. */
void hm_setup_identify(const struct hm_setup *s, cJSON *identity, struct hm_err *e);

/* Writes the model file: the fusion's present parameters with standardisation folded in, and its encoders.
 * batches: train-mode batches of a running image encoder. Of a sweep the caller syncs the folder. 0 or
 * HM_EDATA. */
int hm_setup_save(struct hm_setup *s, struct hm_fusion *f, const char *path, const char *selected_on,
		  int64_t batches, const cJSON *pg, struct hm_err *e);

#endif
