/* Where a side's values come from, by one rule for training and scoring: an encoder that is trained needs its
 * raw column; one that is frozen takes the feature column when it is that encoder's, else the raw column; one
 * that is frozen in train mode always needs the raw column; without an encoder only the feature column is
 * left. */
#ifndef HM_SOURCES_H
#define HM_SOURCES_H

#include "train/examples.h"

enum hm_use { HM_USE_FROZEN, HM_USE_FROZEN_TRAIN, HM_USE_TRAINED };

struct hm_source_ask {
	enum hm_encoder_kind side;
	enum hm_fusion_kind kind; /* early: the image's feature column is image_grid */
	enum hm_use use;
	const char *encoder; /* digest of the encoder at hand; NULL: there is none */
	bool unknown;	     /* a feature column that does not name its encoder will do */
	const char *option;  /* what would give an encoder: "--image SPEC" */
};

/* "image_feature", "image_grid" or "text_feature". */
const char *hm_source_feature_column(const struct hm_source_ask *a);
/* *out by the columns of a schema; `in` names the input in sentences, which name column and tool. HM_EDATA;
 * HM_EUSAGE when the use forbids the only column there is. */
int hm_source_choose(enum hm_source *out, const struct hm_source_ask *a, const struct hm_schema *s,
		     const char *in, struct hm_err *e);

#endif
