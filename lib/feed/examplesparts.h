/* How examples are kept, for the files that fill them (examplesread.c) and hand them out (examples.c). */
#ifndef HM_EXAMPLESPARTS_H
#define HM_EXAMPLESPARTS_H

#include "rec/fetch.h"
#include "feed/examples.h"

/* Where an example stands in the input, and the hash of its payload there, against a file that changes. */
struct hm_examples_place {
	uint64_t record, hash;
};

/* An example's payload is one blob: the image's part, then the text's; or it stands in the input. */
struct hm_examples_store {
	struct hm_blobs blobs;
	struct hm_fetch *fetch; /* the input, past the limit; NULL: blobs */
	struct hm_buf places;	/* struct hm_examples_place[n], where the input can be fetched from */
	int column[HM_SIDES];	/* of the input, -1: none */
	size_t bytes[HM_SIDES]; /* of an example's parts; of token ids 0: lens says */
	bool raw[HM_SIDES];	/* the part is the raw column */
	struct hm_buf labels, ids, lens; /* i32, const char *, i32 */
	bool joined;			 /* both parts are features, handed out as one matrix */
	bool view;			 /* only the batch's arrays are its own */
	struct hm_arena names;
	struct hm_buf part[HM_SIDES], len, label; /* a batch's arrays; joined features are all in part[0] */
	const double *mean, *deviation;		  /* applied to each batch, or NULL */
};

/* Of the record's values that the sides take. */
uint64_t hm_examples_hash(const struct hm_examples_store *s, const struct hm_rec *rec);

#endif
