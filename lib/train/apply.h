/* A model applied to records: which columns it needs, whether they are those it was trained on, logits and
 * probabilities of many records at once. A side of the model is a cached feature when the column was made by
 * the model's own encoder, else computed from the raw column by the encoder in the model's file. Late fusion:
 * logits = W concat(image_feature, text_feature) + b.
 *
 * Shuffled sides (ablate.h) take two readings of the records: hm_apply_collect for all of them,
 * hm_apply_shuffle, then hm_apply_records for all of them in the same order. */
#ifndef HM_APPLY_H
#define HM_APPLY_H

#include "model/earlyrun.h"
#include "model/encode.h"
#include "model/fusionfile.h"
#include "rec/rec.h"
#include "train/ablate.h"

#define HM_APPLY_SIDES 2 /* image, text: the order of the concatenation */

struct hm_apply_options {
	bool allow_unknown; /* features that do not say which encoder made them */
	int batch_size;	    /* images, captions, pairs computed at once; 0: what suits */
	enum hm_ablation ablate[HM_APPLY_SIDES];
	uint64_t seed; /* of HM_ABLATE_SHUFFLE */
};

struct hm_apply_side {
	int column;	/* of the schema: the feature's, or pixels or token_ids; -1: the side is not used */
	bool raw;	/* computed here */
	size_t numbers; /* floats a record: its feature, or grid; 0 for the words of early fusion */
};

struct hm_apply {
	struct hm_fusionfile *model; /* borrowed */
	struct hm_apply_side side[HM_APPLY_SIDES];
	char notice[256];	  /* what the user should be told, a sentence; "" nothing */
	size_t bytes;		  /* of memory for a record while it is computed */
	uint64_t cut;		  /* captions that early fusion had to shorten */
	int room;		  /* early: words that the model takes */
	struct hm_encode *encode; /* NULL: nothing is raw */
	struct hm_encode_window work;
	struct hm_early early;
	struct hm_earlyrun *run;
	struct hm_arena arena; /* features of the records being computed */
	enum hm_ablation ablate[HM_APPLY_SIDES];
	struct hm_donors donors[HM_APPLY_SIDES]; /* of shuffled sides */
};

/* Looks the columns up in a schema, of the input called `in`, and makes the networks ready on `d` (whose
 * memory the model's parameters may move to). HM_EDATA when a side has neither its feature nor its raw
 * column, or one of another size, or a feature made by another encoder than the model's; when it does not say
 * by which and that is not allowed; when a side is to be ablated that the model does not have. Zeroed sides
 * need no column, but for the words of early fusion. Caller frees with hm_apply_clear, also after a failure.
 */
int hm_apply_init(struct hm_apply *a, struct hm_fusionfile *model, const struct hm_schema *s, const char *in,
		  const struct hm_apply_options *o, struct hm_device *d, struct hm_workers *w,
		  struct hm_err *e);
bool hm_apply_shuffles(const struct hm_apply *a);
/* Takes the shuffled sides of the n records, those of failed[i] left out. 0 or HM_EDATA; *at as below. */
int hm_apply_collect(struct hm_apply *a, const struct hm_rec *rec, int n, const bool *failed, int *at,
		     struct hm_err *e);
/* After the last of them. */
int hm_apply_shuffle(struct hm_apply *a, uint64_t seed, struct hm_err *e);
/* logits [n,C] and prob [n,C] = softmax(logits) of the n records, of that schema; those of failed[i] are not
 * looked at and get zeros. The same for any number of workers. HM_EDATA; *at is then the record that cannot
 * be computed, or -1. */
int hm_apply_records(struct hm_apply *a, const struct hm_rec *rec, int n, const bool *failed, float *logits,
		     float *prob, int *at, struct hm_err *e);
void hm_apply_clear(struct hm_apply *a);

#endif
