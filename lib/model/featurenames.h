/* The names of the feature columns that a side of a fusion takes, one after the other: "NAME[,NAME...]". */
#ifndef HM_FEATURENAMES_H
#define HM_FEATURENAMES_H

#include "base/err.h"

#include <stddef.h>

/* Room for what the attributes `encoder` and `output` of a feature column say: a digest and a word of
 * hm-encode, or any text of features that were made elsewhere. */
enum { HM_ENCODER_TEXT = 257, HM_OUTPUT_TEXT = 65 };

enum { HM_FEATURES_MOST = 8, HM_FEATURE_NAME = 65 }; /* columns; room for a name and its end */

/* n 0: the side's usual column. */
struct hm_feature_names {
	int n;
	char name[HM_FEATURES_MOST][HM_FEATURE_NAME];
};

/* *f := the names in `list`, separated by commas. 0; HM_EUSAGE with a sentence about `option`: a name that is
 * empty, too long or there twice, or more than HM_FEATURES_MOST. */
int hm_feature_names_parse(struct hm_feature_names *f, const char *list, const char *option,
			   struct hm_err *e);
/* "A,B", cut to cap. Returns out. */
char *hm_feature_names_text(const struct hm_feature_names *f, char *out, size_t cap);

#endif
