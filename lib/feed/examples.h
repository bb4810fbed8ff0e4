/* The examples that a fusion is trained and validated on, out of joined records: labels and ids in memory,
 * and for each side a feature or the encoder's raw column, also in memory; past a limit they are fetched by
 * index from the one file they come from, or lie in a temporary one. What a batch holds does not depend on
 * where. An encoder that is frozen in eval mode runs once, while the records are read; from then on its
 * features are there.
 *
 *   hm_examples_read(&x, in, &options, workers, dev, e)
 *   hm_examples_batch(&x, order + at, rows, &b, e) ... */
#ifndef HM_EXAMPLES_H
#define HM_EXAMPLES_H

#include "model/encode.h"
#include "nn/fusion.h"
#include "rec/rec.h"
#include "feed/blobs.h"

/* What a feature column says of its origin ("" where it does not); of computed features, what hm-encode would
 * say. */
struct hm_feature {
	int dim; /* 0: the side is no feature */
	char encoder[33], output[16], precision[8];
};

struct hm_examples_side {
	enum hm_use use;	    /* hm_source_choose's */
	struct hm_encoder *encoder; /* of every side but NONE and FEATURE: computes it, or tells its cells or its
				       limits of ids */
};

struct hm_examples_options {
	const struct hm_fusion_kind *kind;
	struct hm_examples_side side[HM_SIDES];
	size_t memory;	  /* bytes of payload held */
	const char *path; /* of the input where it is one alone: past the limit, a regular file with an index
			     is fetched from (computed sides are not in it); NULL: several */
	bool skip;	  /* leave failed and unlabelled records out; else they are errors */
	bool unknown;	  /* accept feature columns without an encoder's digest */
};

struct hm_examples {
	size_t n;
	int32_t *label;			     /* [n] */
	const char **id;		     /* [n] */
	struct hm_feature feature[HM_SIDES]; /* of sides that are features */
	cJSON *prepared[HM_SIDES];	 /* how the inputs were prepared (prepared.h); NULL: no such side */
	int cells;			 /* P, of a fusion that takes the image's grid, once known; else 0 */
	int h, w;			 /* of the pixels */
	size_t failed, unlabelled;	 /* records left out: `error` set; label -1 */
	size_t cut;			 /* captions cut to what the fusion's text tower has room for */
	char digest[33];		 /* XXH3-128 over labels, ids and payload, as 32 hex digits */
	struct hm_examples_store *store; /* the rest is examples.c's */
};

/* Reads the joined records to their end. Columns: id, label, error when present, and what the sides need:
 * pixels, token_ids, image_feature, image_grid, text_feature (F32, F16, BF16). 0 or HM_EDATA; sentences name
 * input, record and id. `d` and `w` are needed only for COMPUTED sides. Caller clears, also after a failure.
 */
int hm_examples_read(struct hm_examples *x, struct hm_join *in, const struct hm_examples_options *o,
		     struct hm_workers *w, struct hm_device *d, struct hm_err *e);
void hm_examples_clear(struct hm_examples *x);
/* The same examples with batch arrays of its own, for another thread; x must stay. HM_EDATA when they are not
 * all in memory. Caller clears the view. */
int hm_examples_view(struct hm_examples *view, const struct hm_examples *x, struct hm_err *e);

/* Examples at[0..rows) as a batch; its arrays are x's, valid until the next call, which any thread may make.
 * 0 or HM_EDATA: memory, or the file they are fetched from has changed. */
int hm_examples_batch(struct hm_examples *x, const uint32_t *at, size_t rows, struct hm_minibatch *b,
		      struct hm_err *e);

/* Token ids of the examples at[0..rows) together; what it says of a set without ids means nothing. */
int64_t hm_examples_words(const struct hm_examples *x, const uint32_t *at, size_t rows);

/* mean[dim] and deviation[dim] of the features, image before text, in double; every side must be a feature,
 * and the fusion one that takes them joined. The deviation is the biased one; 1 for a column that is constant
 * to F32's rounding, whose scaling would cost the folded head its digits. 0 or HM_EDATA. */
int hm_examples_moments(struct hm_examples *x, double *mean, double *deviation, struct hm_err *e);
/* From now on features are (feature - mean)/deviation; both arrays must stay. */
void hm_examples_standardise(struct hm_examples *x, const double *mean, const double *deviation);

#endif
