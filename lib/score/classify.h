/* Answers pairs of a picture and a caption as they come: decodes and tokenizes on the workers, encodes, and
 * runs the fusion. The arithmetic is that of hm-imgprep, hm-tokenize and hm-score on the same pairs. Two
 * batches may be on their way, so that one is decoded while the other is encoded. */
#ifndef HM_CLASSIFY_H
#define HM_CLASSIFY_H

#include "prep/imageload.h"
#include "score/predict.h"
#include "score/rawmodel.h"

enum { HM_CLASSIFY_BATCHES = 2 };

struct hm_classify_pair {
	const struct hm_imageroot *root; /* the folder of img */
	const char *img, *text; /* NUL-terminated; one that the model does not use is not looked at */
	const float *prob;	/* [C], until the batch is begun anew, if failure.code is 0 */
	struct hm_err failure;	/* why there is no answer; only what is wrong with the pair. A pair that comes
				   with one is left out */
};

struct hm_classify;
/* limits: of pictures. single: each batch has one pair. Takes what it needs of m, which must stay. NULL with
 * `e`. */
struct hm_classify *hm_classify_new(struct hm_rawmodel *m, const struct hm_image_limits *limits, bool single,
				    struct hm_device *d, struct hm_workers *w, struct hm_err *e);
/* Prepares pair[0..n) and starts to answer them, as batch `which`; they must stay until it ends. HM_EDATA:
 * the machine failed. Memory does not grow from call to call beyond what the largest batch needed. */
int hm_classify_begin(struct hm_classify *x, int which, struct hm_classify_pair *pair, int n,
		      struct hm_err *e);
/* Waits for the batch and fills its pairs in. 0 or HM_EDATA. */
int hm_classify_end(struct hm_classify *x, int which, struct hm_err *e);
void hm_classify_free(struct hm_classify *x); /* NULL is fine */

#endif
