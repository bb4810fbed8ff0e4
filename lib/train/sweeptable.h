/* The table of a sweep's results, leaderboard.csv. */
#ifndef HM_SWEEPTABLE_H
#define HM_SWEEPTABLE_H

#include "train/sweep.h"

#define HM_SWEEP_TABLE "leaderboard" /* names the table, with .csv, and begins the names of its parts */

/* leaderboard.csv of all items, in this order. val: there are scores of a validation set. 0 or HM_EDATA. */
int hm_sweep_write_table(const struct hm_sweep *s, bool val, const size_t *order, const char *folder,
			 struct hm_err *e);
/* Appends an item's line of the table, without the line's end. 0 or HM_EDATA. */
int hm_sweep_row(const struct hm_sweep *s, const struct hm_sweep_item *t, bool val, struct hm_buf *b,
		 struct hm_err *e);

/* *there := whether the folder has a table. 0 or HM_EDATA. */
int hm_sweep_table_there(const char *folder, bool *there, struct hm_err *e);
/* *same := whether the folder's table has a row for each item and no other, and those rows that items have
 * from parts. If so, fills `trained` and `error` of the items. 0, or HM_EDATA if it cannot be read. */
int hm_sweep_table_compare(struct hm_sweep *s, const char *folder, bool *same, struct hm_err *e);

#endif
