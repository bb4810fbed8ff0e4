/* Records that are nearly the same in two splits, by their features, for the audit of a data set. */
#ifndef HM_NEARAUDIT_H
#define HM_NEARAUDIT_H

#include "score/nearsearch.h"

/* A zeroed struct is empty; freed by hm_nearaudit_clear. */
struct hm_nearaudit {
	struct hm_nearcolumns columns;	/* of the split that was begun last */
	const struct hm_schema *schema; /* of the first split, borrowed, with its columns */
	struct hm_nearcolumns first;
	struct hm_nearrows rows; /* of all splits, one after the other */
	struct hm_buf item,
		begin; /* size_t[]: of each row its item in the audit; of each split its first row */
};
/* Begins the next split, whose records have the columns `names` with features of the same kind as the splits
 * before. 0 or HM_EDATA; the sentence does not name the file. */
int hm_nearaudit_split(struct hm_nearaudit *n, const char *names, const struct hm_schema *s,
		       struct hm_err *e);
/* Adds a record of that split, the item-th of the audit. 0 or HM_EDATA. */
int hm_nearaudit_add(struct hm_nearaudit *n, const struct hm_rec *rec, size_t item, struct hm_err *e);
/* Appends the pairs of items in two splits whose similarity is above `least` to `pairs` (size_t[][2]), the
 * most similar first. 0, or HM_EDATA: more than HM_NEAR_PAIRS. */
int hm_nearaudit_run(struct hm_nearaudit *n, double least, struct hm_workers *w, struct hm_buf *pairs,
		     struct hm_err *e);
void hm_nearaudit_clear(struct hm_nearaudit *n);

#endif
