/* Everything a training run is made of, from what the user said: encoders and a first model out of files, the
 * two sets, the fusion on its device. */
#ifndef HM_SETUP_H
#define HM_SETUP_H

#include "model/fusionfile.h"
#include "feed/examples.h"
#include "feed/sources.h"

/* Whether features are standardised: where both sides are vectors that no tower makes at every step, unless
 * the user says otherwise. */
enum hm_standardize { HM_STANDARDIZE_AUTO, HM_STANDARDIZE_YES, HM_STANDARDIZE_NO };

struct hm_setup_options {
	int n_train, n_val;
	char *const *train, *const *val;
	const char *spec[HM_SIDES]; /* of each side's encoder; NULL: not given */
	const char *init;	    /* a model file; NULL: not given */
	struct hm_encoder_options encoder;
	const struct hm_fusion_kind *fusion; /* NULL: init's, else the first */
	bool only[HM_SIDES];		     /* leave the other side out */
	bool freeze[HM_SIDES], frozen_train;
	int classes; /* 0: from the labels */
	uint64_t seed;
	size_t memory;	    /* of the training set's payload and the validation set's, together */
	bool skip, unknown; /* as in examples.h */
	enum hm_standardize standardize;
	bool mismatch; /* another preparation than the model's is a warning, no error */
	void (*notice)(void *ctx, bool warning, const char *text); /* a sentence for the user */
	void *ctx;
};

struct hm_setup {
	const struct hm_setup_options *o;
	struct hm_fusionfile init;
	struct hm_encoder encoder[HM_SIDES]; /* kind NULL: none */
	bool there[HM_SIDES];		     /* the sides that take part */
	struct hm_examples train, val;
	struct hm_fusion *fusion;
	struct hm_device *device;
	const struct hm_fusion_kind *kind;
	int classes;
	cJSON *pg;		  /* of the training data */
	double *mean, *deviation; /* [I] of the training set's features, which are standardised; else NULL */
	struct hm_fusion *judge;  /* with mean: for raw features, see hm_trainer_config */
};

/* Reads all, computes the features of encoders frozen in eval mode, makes the fusion, gives it its first
 * parameters and places them on `d`. 0, HM_EDATA or HM_EUSAGE. Caller clears, also after a failure. */
int hm_setup_open(struct hm_setup *s, const struct hm_setup_options *o, struct hm_device *d,
		  struct hm_workers *w, struct hm_err *e);
void hm_setup_clear(struct hm_setup *s);

/* Gives a fusion of this setup, its own or another of the same configuration, its first parameters: --init's,
 * else random ones, a function of the seed. Before it is placed. 0 or HM_EDATA. */
int hm_setup_first(struct hm_setup *s, struct hm_fusion *f, uint64_t seed, struct hm_err *e);

/* judge's own parameters := f's, for raw features: the refold of hm_trainer_config; ctx is the setup. */
int hm_setup_refold(void *setup, struct hm_fusion *f, struct hm_fusion *judge, struct hm_err *e);

/* Adds to a checkpoint's identity what a run fixes beside its options: data, encoders, what stands on each
 * side, device. Failures stick to `e`. */
void hm_setup_identify(const struct hm_setup *s, cJSON *identity, struct hm_err *e);

/* Writes the model file: such a fusion as it is, the encoders that belong to it, standardisation folded in.
 * batches: train-mode batches of a running image encoder. */
int hm_setup_save(struct hm_setup *s, struct hm_fusion *f, const char *path, const char *selected_on,
		  int64_t batches, const cJSON *pg, struct hm_err *e);

#endif
