/* The columns of records with features (features.h): which are read, which go, which are new. */
#ifndef HM_FEATURECOLUMNS_H
#define HM_FEATURECOLUMNS_H

#include "train/features.h"

/* New columns: image_feature, image_grid, text_feature; and `error`, where it is made. */
enum { HM_POOLED, HM_GRID, HM_TEXT, HM_FEATURES, HM_ERROR = HM_FEATURES };

struct hm_feature_columns {
	struct hm_schema schema;    /* of the output; freed by hm_schema_clear */
	int from[HM_MAX_FIELDS];    /* its columns: the input's, or -1 - one of the new ones */
	size_t width[HM_FEATURES];  /* numbers in a feature; 0: not asked for */
	int id, pixels, ids, error; /* columns of the input, -1: none or not used */
};
/* For records of the schema `s`. 0 or HM_EDATA, as hm_features_open. */
int hm_feature_columns_make(struct hm_feature_columns *c, const struct hm_features_options *o,
			    const struct hm_schema *s, struct hm_err *e);

#endif
