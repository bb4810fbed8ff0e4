/* Where a side's values come from, by one rule for training and scoring: an encoder that is trained needs its
 * raw column; one that is frozen takes the feature column when it is that encoder's, else the raw column; one
 * that is frozen in train mode always needs the raw column; without an encoder only the feature column is
 * left. */
#ifndef HM_SOURCES_H
#define HM_SOURCES_H

#include "nn/fusion.h"
#include "rec/rec.h"

struct hm_source_ask {
	enum hm_side side;
	const struct hm_fusion_kind *kind; /* says which feature column: of pooled vectors or of grids */
	enum hm_use use; /* what is wanted: FEATURE (frozen, in eval mode), FROZEN (in train mode), TRAINED */
	const char *encoder; /* digest of the encoder at hand; NULL: there is none */
	const char *output;  /* what that encoder's feature is ("pooler"); NULL: not said */
	bool unknown;	     /* a feature column that does not name its encoder will do */
	const char *option;  /* what would give an encoder, for messages: "--image SPEC" */
};

/* *use by the columns of a schema: FEATURE (the feature column), COMPUTED (the feature, by the encoder, from
 * the raw column), or the wanted FROZEN or TRAINED (the raw column). `in` names the input in sentences, which
 * name column and tool. HM_EDATA; HM_EUSAGE when what is wanted forbids the only column there is. */
int hm_source_choose(enum hm_use *use, const struct hm_source_ask *a, const struct hm_schema *s,
		     const char *in, struct hm_err *e);

/* The ids of a caption that is longer than a fusion has room for: to[0..most) := the first most-1 of
 * ids[0..n) and the last. most >= 2, n > most. */
void hm_source_cut(int32_t *to, const int32_t *ids, size_t n, size_t most);

#endif
