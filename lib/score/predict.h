/* Runs a model over records: finds the columns it needs, checks that they are like those it was trained on,
 * and computes logits and probabilities of many records at once. A side's values come from a feature column
 * if the model's own encoder made it, else the encoder in the model file computes them from the raw column.
 * The fusion runs in its inference (fuserun.h says how that agrees with validation).
 *
 * Shuffled sides (ablate.h) take two readings of the records: hm_predict_collect for all of them,
 * hm_predict_shuffle, then hm_predict_records for all of them in the same order. */
#ifndef HM_PREDICT_H
#define HM_PREDICT_H

#include "model/encode.h"
#include "model/fuserun.h"
#include "model/fusionfile.h"
#include "feed/sidefeature.h"
#include "rec/rec.h"
#include "score/ablate.h"

struct hm_predict_options {
	bool allow_mismatch; /* inputs prepared otherwise than the model's are a warning, not an error */
	bool allow_unknown;  /* accept features that do not name their encoder */
	int batch_size;	     /* images, captions, pairs computed at once; 0: the usual number */
	enum hm_ablation ablate[HM_SIDES];
	uint64_t seed;					  /* of HM_ABLATE_SHUFFLE */
	const struct hm_feature_names *columns[HM_SIDES]; /* feature columns; NULL: those that the model
							     names, else the usual one */
	bool live; /* as in struct hm_encode_config; and a head is computed in the calling thread, so that it
		      does not wait behind the next batch's encoders */
	bool no_normalize; /* of a file without metadata: its head does not normalise */
};

struct hm_predict_side {
	struct hm_taken column; /* of the feature, or of pixels or token_ids; n 0: the side is not used */
	bool raw;		/* the encoder in the model file computes it */
	size_t numbers;		/* floats per record: its vector, or grid; 0 where the fusion takes words */
};

/* Records on their way: a part of them, taken and being encoded. */
struct hm_predict_batch {
	struct hm_arena arena; /* their features */
	struct hm_encode_window work;
	struct hm_encode_item *item; /* [sound] */
	int *row;		     /* [sound] which record it is */
	int n, sound;		     /* records, and those that have not failed */
	bool begun;
};

struct hm_predict {
	struct hm_fusionfile *model; /* borrowed */
	struct hm_predict_side side[HM_SIDES];
	char warning[HM_SIDES][320]; /* what allow_mismatch let pass; "": nothing */
	char notice[256];	     /* a sentence for the user; "": none */
	size_t bytes;		     /* of memory for a record while it is computed */
	uint64_t cut;		     /* captions that were shortened to `room` */
	int room;		     /* words that the fusion has room for, where it takes words; else 0 */
	struct hm_encode *encode;    /* NULL: no side is raw */
	struct hm_fusion_net *net;
	struct hm_fuserun *run;
	struct hm_workers *here;       /* of a live head, which the calling thread computes; else NULL */
	struct hm_predict_batch batch; /* of hm_predict_records */
	enum hm_ablation ablate[HM_SIDES];
	struct hm_donors donors[HM_SIDES]; /* of shuffled sides */
};

/* A sentence for the user if side k's encoder, where it runs on `d`, computes in another precision than the
 * features had that the head was trained on; "" if not, or if the model does not say it. Returns out. */
#define HM_PREDICT_PRECISION 160
char *hm_predict_precision(const struct hm_modelfile *head, int k, const struct hm_device *d,
			   char out[HM_PREDICT_PRECISION]);
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
/* Adds the shuffled sides of the n records to the donors, except where failed[i]. 0 or HM_EDATA; *at as
 * below. */
int hm_predict_collect(struct hm_predict *a, const struct hm_rec *rec, int n, const bool *failed, int *at,
		       struct hm_err *e);
/* Call after the last record is collected: decides which record gets whose values. 0 or HM_EDATA. */
int hm_predict_shuffle(struct hm_predict *a, uint64_t seed, struct hm_err *e);
/* logits [n,C] and prob [n,C] := the logits and their softmax of the n records; zeros where failed[i]. The
 * bytes are the same for any number of workers. 0, or HM_EDATA: *at is then the record that cannot be
 * computed, or -1. */
int hm_predict_records(struct hm_predict *a, const struct hm_rec *rec, int n, const bool *failed,
		       float *logits, float *prob, int *at, struct hm_err *e);
/* The same in two halves, so that a batch is taken while another is encoded. Begin starts the encoders; `at`
 * as above. End waits for them and computes the fusion; failed records have zeros. Records and `failed` must
 * stay from begin to end. */
int hm_predict_begin(struct hm_predict *a, struct hm_predict_batch *b, const struct hm_rec *rec, int n,
		     const bool *failed, int *at, struct hm_err *e);
int hm_predict_end(struct hm_predict *a, struct hm_predict_batch *b, const bool *failed, float *logits,
		   float *prob, int *at, struct hm_err *e);
/* Waits for what is begun, and frees. All zero is fine. */
void hm_predict_batch_clear(struct hm_predict *a, struct hm_predict_batch *b);
void hm_predict_clear(struct hm_predict *a);

#endif
