/* A trained head applied to the features of records: which columns it needs, whether they are those it was
 * trained on, and logits and probabilities of one record. Late fusion: logits = W concat(image_feature,
 * text_feature) + b. */
#ifndef HM_APPLY_H
#define HM_APPLY_H

#include "model/modelfile.h"
#include "rec/rec.h"

#define HM_APPLY_FEATURES 2 /* image, text: the order of the concatenation */

struct hm_apply {
	const struct hm_modelfile *model; /* borrowed */
	int column[HM_APPLY_FEATURES];	  /* of the schema, -1: not used */
	int64_t width[HM_APPLY_FEATURES]; /* numbers it gives */
	float *x;			  /* [I] */
	char notice[256];		  /* what the user should be told, a sentence; "" nothing */
};

/* Looks the features up in a schema. HM_EDATA when a column is lacking, has another width, or was made by
 * another encoder than the model's; when it does not say by which and `allow_unknown` is false; and for early
 * fusion. Caller frees with hm_apply_clear, also after a failure. */
int hm_apply_init(struct hm_apply *a, const struct hm_modelfile *model, const struct hm_schema *s,
		  bool allow_unknown, struct hm_err *e);
/* logits[C] and prob[C] = softmax(logits) of a record of that schema; sums in double. HM_EDATA when they are
 * not finite. */
int hm_apply_record(const struct hm_apply *a, const struct hm_rec *rec, float *logits, float *prob,
		    struct hm_err *e);
void hm_apply_clear(struct hm_apply *a);

#endif
