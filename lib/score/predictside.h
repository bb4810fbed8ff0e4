/* The parts of predict.c, for it only: choosing each side's column (predictside.c), reading a record's values
 * (predicttake.c). */
#ifndef HM_PREDICTSIDE_H
#define HM_PREDICTSIDE_H

#include "score/predict.h"

/* Fills a->side (and a->notice); HM_EDATA names the column, and what makes it. */
int hm_predict_choose(struct hm_predict *a, const struct hm_schema *s, const char *in,
		      const struct hm_predict_options *o, struct hm_err *e);

/* One record's sides into *to: features that are there as f32, room in the arena for those that are to be
 * computed, and from what. `collect`: of the shuffled sides alone, its own. 0 or HM_EDATA. */
int hm_predict_take(struct hm_predict *a, struct hm_arena *arena, const struct hm_rec *rec, bool collect,
		    struct hm_encode_item *to, struct hm_err *e);

#endif
