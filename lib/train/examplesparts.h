/* How examples are kept, for the files that fill them (examplesread.c) and hand them out (examples.c). */
#ifndef HM_EXAMPLESPARTS_H
#define HM_EXAMPLESPARTS_H

#include "train/examples.h"

/* An example's payload is one blob: the image's part, then the text's. */
struct hm_examples_store {
	struct hm_blobs blobs;
	size_t image_bytes, text_bytes;	 /* of an example's parts; text_bytes 0 with token ids */
	struct hm_buf labels, ids, lens; /* i32, const char *, i32 */
	bool raw_image, raw_text, early;
	struct hm_arena names;
	struct hm_buf pixels, image, tokens, len, text, features, label; /* a batch's arrays */
	const double *mean, *deviation;					 /* applied to each batch, or NULL */
};

#endif
