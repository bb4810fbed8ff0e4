/* A side's feature in records: one column, or several whose numbers stand one after the other, and where
 * they come from. `names` says which; NULL or n 0: the side's usual column (columns.h). */
#ifndef HM_SIDEFEATURE_H
#define HM_SIDEFEATURE_H

#include "feed/columns.h"
#include "model/featurenames.h"

/* Columns of a schema. */
struct hm_taken {
	int n, at[HM_FEATURES_MOST];
};

/* The origin of a feature, as its column's attributes say it ("": not said). For a feature that was computed
 * here, what hm-encode would say. `encoder` is the digest of the encoder, or of features that were made
 * elsewhere any text. Of several columns `encoder` is a digest of all their encoders and outputs
 * in order, `output` is "", and `precision` is there if it is the same for all. */
struct hm_feature {
	int dim; /* 0: the side is not a feature */
	char encoder[HM_ENCODER_TEXT], output[HM_OUTPUT_TEXT], precision[8];
	char store[8]; /* "f16", "bf16": to what its numbers were rounded; "": they are f32, or of several
			  columns' types */
};

/* The columns' names for a message: "image_feature", "a,b". Cut to cap. Returns out. */
char *hm_sidefeature_text(enum hm_side side, enum hm_give give, const struct hm_feature_names *names,
			  char *out, size_t cap);
/* Whether the schema has all of the columns. If so, *origin := what their attributes say; dim is 0 then. */
bool hm_sidefeature_there(struct hm_feature *origin, const struct hm_schema *s, enum hm_side side,
			  enum hm_give give, const struct hm_feature_names *names);
/* *to := the columns, *f := the feature with its dim, *cells := those of a grid, else 0. 0, or HM_EDATA: a
 * column that is missing, of another type, or of an origin that is longer than anything that is compared. */
int hm_sidefeature_find(struct hm_taken *to, struct hm_feature *f, int *cells, const struct hm_schema *s,
			enum hm_side side, enum hm_give give, const struct hm_feature_names *names,
			struct hm_err *e);
/* How their inputs were prepared (prepared.h); of several columns an object with a member for each. Caller
 * frees; NULL with `e`. */
cJSON *hm_sidefeature_prepared(const struct hm_schema *s, const struct hm_taken *t, struct hm_err *e);
/* The numbers of a record as they lie in it, if they are one column of f32; else NULL. */
const float *hm_sidefeature_floats(const struct hm_taken *t, const struct hm_rec *rec);
/* The numbers of a record, and `to` := them as f32. 0 or HM_EDATA. */
size_t hm_sidefeature_count(const struct hm_taken *t, const struct hm_rec *rec);
int hm_sidefeature_widen(const struct hm_taken *t, const struct hm_rec *rec, float *to, struct hm_err *e);

#endif
