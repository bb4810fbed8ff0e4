/* Records in, records with features of frozen encoders out: which columns come and go, windows of records
 * that are read, encoded and written while others are computed.
 *
 *   hm_features_open(&f, &options, in, device, workers, e)
 *   hm_writer_open(&w, ..., hm_features_schema(f), ...);  hm_features_run(f, w, progress, ctx, e)
 */
#ifndef HM_FEATURES_H
#define HM_FEATURES_H

#include "model/encode.h"
#include "feed/sidefile.h"

#include <cjson/cJSON.h>

/* What is done about a record that cannot be encoded: an error, it is left out, it travels on with its
 * `error`. */
enum hm_features_error { HM_FEATURES_FAIL, HM_FEATURES_SKIP, HM_FEATURES_KEEP };

struct hm_features_options {
	struct hm_encoder *encoder[HM_SIDES]; /* NULL: not of that side; released once they are prepared */
	bool want[HM_SIDES][HM_GIVES];	      /* which outputs */
	bool keep;			      /* the raw columns stay */
	bool replace;			      /* columns of the new ones' names go */
	enum hm_features_error on_error;
	enum hm_precision precision;
	enum hm_dtype store;	    /* F32, F16 or BF16: of the features written */
	int batch_size;		    /* images, captions computed at once; 0: what suits the device */
	struct hm_featcache *cache; /* may be NULL */
	struct hm_sidefile *skim;   /* of `in`; may be NULL, is without a cache or an image encoder, and where
				     * the   raw columns stay */
};

struct hm_features;
/* Finds the raw columns of the encoders that there are and makes the new schema.
 * Borrows all but the options. HM_EDATA: a column is missing, is not what its tool makes, or is there
 * already. Caller frees, also what it borrowed, with nothing set on failure. */
int hm_features_open(struct hm_features **f, const struct hm_features_options *o, struct hm_join *in,
		     struct hm_device *d, struct hm_workers *w, struct hm_err *e);
void hm_features_free(struct hm_features *f); /* NULL is fine */
const struct hm_schema *hm_features_schema(const struct hm_features *f);
/* Adds what the features follow from to a step of the history. Failures stick to `e`. */
void hm_features_history(const struct hm_features *f, cJSON *options, struct hm_err *e);

/* Reads `in` to its end, writes all records. progress(ctx, records written) may be NULL. 0 or HM_EDATA,
 * sentences about a record begin with the input, its number and id. */
int hm_features_run(struct hm_features *f, struct hm_writer *to, void (*progress)(void *ctx, uint64_t done),
		    void *ctx, struct hm_err *e);
/* After it: records left out here and, as its end mark says, by the makers of `in`; inputs found in the cache
 * and not. */
struct hm_features_counts {
	uint64_t skipped, before, hits, misses;
};
struct hm_features_counts hm_features_counts(const struct hm_features *f);

#endif
