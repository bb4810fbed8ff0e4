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

/* What to do about a record that cannot be encoded: stop with an error; leave it out; pass it on with `error`
 * set.
 */
enum hm_features_error { HM_FEATURES_FAIL, HM_FEATURES_SKIP, HM_FEATURES_KEEP };

struct hm_features_options {
	struct hm_encoder
		*encoder[HM_SIDES];    /* NULL: side not encoded; released once the networks are prepared */
	bool want[HM_SIDES][HM_GIVES]; /* which outputs */
	const char *column[HM_SIDES];  /* the name of the pooled output's column; NULL: the usual one */
	bool keep;		       /* keep the raw columns */
	bool replace;		       /* drop the input's columns that have a new column's name */
	enum hm_features_error on_error;
	enum hm_precision precision;
	enum hm_dtype store;	    /* of the features written: F32, F16 or BF16 */
	int batch_size;		    /* images, captions computed at once; 0: the device's usual number */
	struct hm_featcache *cache; /* may be NULL */
	struct hm_sidefile *skim;   /* side file of `in`; may be NULL, and must be without a cache, without an
				     * image encoder, and with `keep` */
};

struct hm_features;
/* Finds the raw columns of the given encoders and makes the new schema. Borrows its arguments except the
 * options, which it copies. 0, or HM_EDATA, and *f is NULL: a column is missing, is not what its tool makes,
 * or exists already. Caller frees *f. */
int hm_features_open(struct hm_features **f, const struct hm_features_options *o, struct hm_join *in,
		     struct hm_device *d, struct hm_workers *w, struct hm_err *e);
void hm_features_free(struct hm_features *f); /* NULL is fine */
const struct hm_schema *hm_features_schema(const struct hm_features *f);
/* Adds what determines the features to a step of the history. Failures stick to `e`. */
void hm_features_history(const struct hm_features *f, cJSON *options, struct hm_err *e);

/* Reads `in` to its end and writes all records. progress(ctx, records written) may be NULL. 0 or HM_EDATA; a
 * sentence about a record begins with the input, the record's number and id. */
int hm_features_run(struct hm_features *f, struct hm_writer *to, void (*progress)(void *ctx, uint64_t done),
		    void *ctx, struct hm_err *e);
/* The counts of a finished run. */
struct hm_features_counts {
	uint64_t skipped;      /* records left out here */
	uint64_t before;       /* records that earlier tools left out, by the end mark of `in` */
	uint64_t hits, misses; /* inputs found in the cache, and not */
};
struct hm_features_counts hm_features_counts(const struct hm_features *f);

#endif
