/* Between apply.c and applyside.c: which column a side of a model is taken from. Not for users of apply.h. */
#ifndef HM_APPLYSIDE_H
#define HM_APPLYSIDE_H

#include "train/apply.h"

/* Fills a->side (and a->notice); HM_EDATA names the column, and what makes it. */
int hm_apply_choose(struct hm_apply *a, const struct hm_schema *s, const char *in, bool allow_unknown,
		    struct hm_err *e);

#endif
