/* Between apply.c and its parts: which column a side of a model is taken from (applyside.c), what a record
 * has there (applytake.c). Not for users of apply.h. */
#ifndef HM_APPLYSIDE_H
#define HM_APPLYSIDE_H

#include "train/apply.h"

/* Fills a->side (and a->notice); HM_EDATA names the column, and what makes it. */
int hm_apply_choose(struct hm_apply *a, const struct hm_schema *s, const char *in, bool allow_unknown,
		    struct hm_err *e);

/* One record's sides into *to: features that are there as f32, room in a->arena for those that are to be
 * computed, and from what. `collect`: of the shuffled sides alone, its own. 0 or HM_EDATA. */
int hm_apply_take(struct hm_apply *a, const struct hm_rec *rec, bool collect, struct hm_encode_item *to,
		  struct hm_err *e);

#endif
