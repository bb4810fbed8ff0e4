/* Chooses the column that a side's values come from, by one rule for training and scoring. A trained encoder
 * needs its raw column. A frozen one takes the feature column if that encoder made it, else the raw column.
 * One that is frozen in train mode needs the raw column. Without an encoder only the feature column is left.
 */
#ifndef HM_SOURCES_H
#define HM_SOURCES_H

#include "feed/sidefeature.h"
#include "nn/fusion.h"

struct hm_source_ask {
	enum hm_side side;
	const struct hm_fusion_kind *kind; /* decides which feature column: pooled vectors or grids */
	const struct hm_feature_names *columns; /* the columns instead of the usual one; NULL: that one */
	enum hm_use use; /* what is wanted: FEATURE (frozen, in eval mode), FROZEN (in train mode), TRAINED */
	const char *encoder; /* digest of the given encoder; NULL: none is given */
	const char *output;  /* what that encoder's feature is ("pooler"); NULL: not said */
	bool unknown;	     /* accept a feature column that does not name its encoder */
	const char *option;  /* the option that gives an encoder, for messages: "--image SPEC" */
};

/* *use := FEATURE (the feature column), COMPUTED (the encoder computes the feature from the raw column), or
 * the wanted FROZEN or TRAINED (the raw column), by the columns of a schema. in: the input's name, for
 * messages. 0; HM_EDATA, whose sentence names the missing column and the tool that makes it; HM_EUSAGE if
 * what is wanted rules out the only column. */
int hm_source_choose(enum hm_use *use, const struct hm_source_ask *a, const struct hm_schema *s,
		     const char *in, struct hm_err *e);

/* Cuts a caption to the room that a fusion has: to[0..most) := the first most-1 of ids[0..n), then the last.
 * most >= 2, n > most. */
void hm_source_cut(int32_t *to, const int32_t *ids, size_t n, size_t most);

#endif
