/* Answers pairs of a picture and a caption as they come: decodes and tokenizes on the workers, encodes, and
 * runs the fusion. The arithmetic is that of hm-imgprep, hm-tokenize and hm-score on the same pairs. */
#ifndef HM_CLASSIFY_H
#define HM_CLASSIFY_H

#include "prep/imageload.h"
#include "score/rawmodel.h"
#include "score/predict.h"

struct hm_classify_pair {
	const struct hm_imageroot *root; /* the folder of img */
	const char *img, *text; /* NUL-terminated; one that the model does not use is not looked at */
	const float *prob;	/* [C], until the next call, if failure.code is 0 */
	struct hm_err failure;	/* why there is no answer; only what is wrong with the pair. A pair that comes
				   with one is left out */
};

struct hm_classify;
/* limits: of pictures. single: each call has one pair. Takes what it needs of c, which must stay. NULL with
 * `e`. */
struct hm_classify *hm_classify_new(struct hm_rawmodel *c, const struct hm_image_limits *limits, bool single,
				    struct hm_device *d, struct hm_workers *w, struct hm_err *e);
/* Answers pair[0..n). HM_EDATA: the machine failed. Memory does not grow from call to call beyond what the
 * largest needed. */
int hm_classify_run(struct hm_classify *x, struct hm_classify_pair *pair, int n, struct hm_err *e);
void hm_classify_free(struct hm_classify *x); /* NULL is fine */

#endif
