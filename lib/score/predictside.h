/* Between predict.c and its parts: which column a side of a model is taken from (predictside.c), what a
 * record has there (predicttake.c). Not for users of predict.h. */
#ifndef HM_PREDICTSIDE_H
#define HM_PREDICTSIDE_H

#include "score/predict.h"

/* Fills a->side (and a->notice); HM_EDATA names the column, and what makes it. */
int hm_predict_choose(struct hm_predict *a, const struct hm_schema *s, const char *in,
		      const struct hm_predict_options *o, struct hm_err *e);

/* One record's sides into *to: features that are there as f32, room in a->arena for those that are to be
 * computed, and from what. `collect`: of the shuffled sides alone, its own. 0 or HM_EDATA. */
int hm_predict_take(struct hm_predict *a, const struct hm_rec *rec, bool collect, struct hm_encode_item *to,
		    struct hm_err *e);

#endif
