/* A model over records: which columns it needs, whether they are those it was trained on, logits and
 * probabilities of many records at once. A side of the model is a feature column when that was made by the
 * model's own encoder, else computed from the raw column by the encoder in the model's file. The fusion runs
 * as in training's validation (fuserun.h).
 *
 * Shuffled sides (ablate.h) take two readings of the records: hm_predict_collect for all of them,
 * hm_predict_shuffle, then hm_predict_records for all of them in the same order. */
#ifndef HM_PREDICT_H
#define HM_PREDICT_H

#include "model/encode.h"
#include "model/fuserun.h"
#include "model/fusionfile.h"
#include "rec/rec.h"
#include "score/ablate.h"

struct hm_predict_options {
	bool allow_mismatch; /* another preparation than the model's is a warning, no error */
	bool allow_unknown;  /* features that do not say which encoder made them */
	int batch_size;	     /* images, captions, pairs computed at once; 0: what suits */
	enum hm_ablation ablate[HM_SIDES];
	uint64_t seed; /* of HM_ABLATE_SHUFFLE */
};

struct hm_predict_side {
	int column;	/* of the schema: the feature's, or pixels or token_ids; -1: the side is not used */
	bool raw;	/* computed here */
	size_t numbers; /* floats per record: its vector, or grid; 0 where the fusion takes words */
};

struct hm_predict {
	struct hm_fusionfile *model; /* borrowed */
	struct hm_predict_side side[HM_SIDES];
	char warning[HM_SIDES][320]; /* what allow_mismatch let pass; "" nothing */
	char notice[256];	     /* what the user should know, a sentence; "" nothing */
	size_t bytes;		     /* of memory for a record while it is computed */
	uint64_t cut;		     /* captions that were shortened to `room` */
	int room;		     /* words that the fusion has room for, where it takes words; else 0 */
	struct hm_encode *encode;    /* NULL: nothing is raw */
	struct hm_encode_window work;
	struct hm_fusion_net *net;
	struct hm_fuserun *run;
	struct hm_arena arena; /* features of the records being computed */
	enum hm_ablation ablate[HM_SIDES];
	struct hm_donors donors[HM_SIDES]; /* of shuffled sides */
};

/* Looks the columns up in a schema, of the input called `in`, and makes the networks ready on `d` (whose
 * memory the model's parameters may move to). HM_EDATA when a side has neither its feature nor its raw
 * column, or one of another size, or a feature made by another encoder than the model's; when it does not say
 * by which and that is not allowed; when a side is to be ablated that the model does not have. Zeroed sides
 * need no column, but for words. Caller frees with hm_predict_clear, also after a failure.
 */
int hm_predict_init(struct hm_predict *a, struct hm_fusionfile *model, const struct hm_schema *s,
		    const char *in, const struct hm_predict_options *o, struct hm_device *d,
		    struct hm_workers *w, struct hm_err *e);
bool hm_predict_shuffles(const struct hm_predict *a);
/* Takes the shuffled sides of the n records, those of failed[i] left out. 0 or HM_EDATA; *at as below. */
int hm_predict_collect(struct hm_predict *a, const struct hm_rec *rec, int n, const bool *failed, int *at,
		       struct hm_err *e);
/* After the last of them. */
int hm_predict_shuffle(struct hm_predict *a, uint64_t seed, struct hm_err *e);
/* logits [n,C] and prob [n,C] = softmax(logits) of the n records, of that schema; those of failed[i] are not
 * looked at and get zeros. The same for any number of workers. HM_EDATA; *at is then the record that cannot
 * be computed, or -1. */
int hm_predict_records(struct hm_predict *a, const struct hm_rec *rec, int n, const bool *failed,
		       float *logits, float *prob, int *at, struct hm_err *e);
void hm_predict_clear(struct hm_predict *a);

#endif
