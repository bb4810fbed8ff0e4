/* The columns of records with features (features.h): which are read, which are dropped, which are new. */
#ifndef HM_FEATURECOLUMNS_H
#define HM_FEATURECOLUMNS_H

#include "feed/features.h"

/* Numbers of the new columns: one per output of a side, and `error` if it is added. */
static inline int hm_feature_number(int side, int give)
{
	return side * HM_GIVES + give;
}
enum { HM_FEATURE_ERROR = HM_SIDES * HM_GIVES };

struct hm_feature_columns {
	struct hm_schema schema; /* of the output; freed by hm_schema_clear */
	int from[HM_MAX_FIELDS]; /* per output column: the input's column, or -1 - number of a new one */
	size_t width[HM_SIDES][HM_GIVES]; /* floats in a feature; 0: not wanted */
	int raw[HM_SIDES], id, error;	  /* columns of the input; -1: missing or not used */
};
/* Fills *c for records of the schema `s`. 0 or HM_EDATA, as hm_features_open. */
int hm_feature_columns_make(struct hm_feature_columns *c, const struct hm_features_options *o,
			    const struct hm_schema *s, struct hm_err *e);

#endif
