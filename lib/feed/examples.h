/* The examples on which a fusion is trained and validated, from joined records. Labels and ids are kept in
 * memory, and for each side a feature or the encoder's raw column. Past a limit of memory, those values are
 * fetched by index from the input if it is one file, else they go to a temporary file; batches are the same
 * in each case. An encoder that is frozen in eval mode runs once, while the records are read, and its
 * features are kept.
 *
 *   hm_examples_read(&x, in, &options, workers, dev, e)
 *   hm_examples_batch(&x, order + at, rows, &b, e) ... */
#ifndef HM_EXAMPLES_H
#define HM_EXAMPLES_H

#include "model/encode.h"
#include "nn/fusion.h"
#include "rec/rec.h"
#include "base/blobs.h"
#include "feed/sidefeature.h"

struct hm_examples_side {
	enum hm_use use;	    /* from hm_source_choose */
	struct hm_encoder *encoder; /* of every side but NONE and FEATURE: computes it, or tells its cells or
				       its limits of ids */
	const struct hm_feature_names *columns; /* of FEATURE; NULL: the usual one */
};

struct hm_examples_options {
	const struct hm_fusion_kind *kind;
	struct hm_examples_side side[HM_SIDES];
	size_t memory; /* bytes of payload to hold in memory */
	const char
		*path; /* the input, if it is a single one: past the limit, values are fetched from it if it
			  is a regular file with an index and no side is computed; NULL: several inputs */
	bool skip;     /* leave out failed and unlabelled records; else they are errors */
	bool unknown;  /* accept feature columns without an encoder's digest */
};

struct hm_examples {
	size_t n;
	int32_t *label;			     /* [n] */
	const char **id;		     /* [n] */
	struct hm_feature feature[HM_SIDES]; /* of sides that are features */
	cJSON *prepared[HM_SIDES];	 /* how the inputs were prepared (prepared.h); NULL: side not used */
	cJSON *names;			 /* the words of the classes, an array of strings; NULL: not said */
	int cells;			 /* P, for a fusion that takes the image's grid, once known; else 0 */
	int h, w;			 /* of the pixels */
	size_t failed, unlabelled;	 /* records left out: `error` set; label -1 */
	size_t cut;			 /* captions cut to the room in the fusion's text tower */
	char digest[33];		 /* XXH3-128 over labels, ids and payload, as 32 hex digits */
	struct hm_examples_store *store; /* private */
};

/* Reads the joined records to their end: the columns id, label, error if present, and those of the sides
 * (pixels, token_ids, image_feature, image_grid, text_feature; features in F32, F16 or BF16). d and w are
 * needed for COMPUTED sides only. 0, or HM_EDATA with a sentence that names input, record and id. Caller
 * clears, also after a failure. */
int hm_examples_read(struct hm_examples *x, struct hm_join *in, const struct hm_examples_options *o,
		     struct hm_workers *w, struct hm_device *d, struct hm_err *e);
void hm_examples_clear(struct hm_examples *x);
/* *view := the same examples with batch arrays of its own, for another thread. x must stay. 0, or HM_EDATA if
 * not all examples are in memory. Caller clears the view. */
int hm_examples_view(struct hm_examples *view, const struct hm_examples *x, struct hm_err *e);

/* *b := examples at[0..rows) as a batch. Its arrays belong to x and are valid until the next call, which any
 * thread may make. The examples of the last call are lent again as they are. 0, or HM_EDATA: out of memory,
 * or the file that values are fetched from has changed. */
int hm_examples_batch(struct hm_examples *x, const uint32_t *at, size_t rows, struct hm_minibatch *b,
		      struct hm_err *e);

/* The number of token ids in examples at[0..rows) together. Call it only for a set that has token ids. */
int64_t hm_examples_words(const struct hm_examples *x, const uint32_t *at, size_t rows);

/* mean [I] and deviation [I] := those of the features, image before text, computed in double, the same for
 * any number of workers; w may be NULL. Every side must be a feature. The deviation is the biased one. It is
 * 1 for a number that is constant up to F32 rounding, because scaling it would cost the folded head
 * precision. 0 or HM_EDATA. */
int hm_examples_moments(struct hm_examples *x, struct hm_workers *w, double *mean, double *deviation,
			struct hm_err *e);
/* From now on features are (feature - mean)/deviation; both arrays must stay. */
void hm_examples_standardise(struct hm_examples *x, struct hm_workers *w, const double *mean,
			     const double *deviation);
/* The same for the batches of this view alone, or with NULL no longer; x's own features stay as they are. */
void hm_examples_view_standardised(struct hm_examples *view, const double *mean, const double *deviation);
/* From now on batches are made for that fusion: features side by side or as one matrix. */
void hm_examples_serve(struct hm_examples *x, const struct hm_fusion_kind *kind);

#endif
