/* The store behind hm_examples, for examplesread.c, which fills it, and examples.c, which makes batches from
 * it. */
#ifndef HM_EXAMPLESPARTS_H
#define HM_EXAMPLESPARTS_H

#include "rec/fetch.h"
#include "feed/examples.h"

/* The place of an example in the input, and the hash of its payload, which detects a file that changes. */
struct hm_examples_place {
	uint64_t record, hash;
};

/* An example's payload is one blob, the image's part, then the text's; or it is fetched from the input. */
struct hm_examples_store {
	struct hm_blobs blobs;
	struct hm_fetch *fetch;		  /* the input, past the limit; NULL: all payload is in blobs */
	struct hm_buf places;		  /* struct hm_examples_place[n], if the input can be fetched from */
	struct hm_taken column[HM_SIDES]; /* of the input; n 0: none */
	size_t bytes[HM_SIDES];		  /* of an example's part; 0 for token ids, see lens */
	bool raw[HM_SIDES];		  /* the part is the raw column */
	struct hm_buf labels, ids, lens;  /* i32, const char *, i32 */
	bool joined;			  /* both parts are features and batches hold them together */
	bool host;			  /* batches need not hold them end to end */
	bool view;			  /* it owns only the batch's arrays */
	struct hm_arena names;
	struct hm_buf part[HM_SIDES], len, label, row; /* a batch's arrays; joined features are row's, or in
							  part[0] */
	struct hm_buf at;		/* u32: the examples that these arrays hold; empty: none */
	struct hm_minibatch lent;	/* that batch */
	const double *mean, *deviation; /* applied to each batch; NULL: none */
};

/* The hash of the values that the sides take from a record. */
uint64_t hm_examples_hash(const struct hm_examples_store *s, const struct hm_rec *rec);

/* x [n] := (x - mean) / deviation. */
void hm_examples_scale(float *x, const double *mean, const double *deviation, size_t n);

#endif
