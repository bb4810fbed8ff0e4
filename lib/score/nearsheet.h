/* The contact sheet of hm-nearest: each picture next to the nearest one. */
#ifndef HM_NEARSHEET_H
#define HM_NEARSHEET_H

#include "score/nearsearch.h"

#define HM_NEARSHEET_MOST 198 /* records that are drawn, the first of the input; three a line */

/* The records that are going to be drawn. A zeroed struct is empty; freed by hm_nearsheet_clear. */
struct hm_nearsheet {
	struct hm_batch record;			/* of the input */
	struct hm_near near[HM_NEARSHEET_MOST]; /* the nearest row of each */
	double vote[HM_NEARSHEET_MOST];
};
/* Whether records have what is drawn: pixels. HM_EDATA names the tool that makes them. */
int hm_nearsheet_check(const struct hm_schema *s, const char *file, struct hm_err *e);
/* Keeps a copy of the record while there is room. 0 or HM_EDATA. */
int hm_nearsheet_add(struct hm_nearsheet *s, const struct hm_rec *rec, const struct hm_near *near,
		     double vote, struct hm_err *e);
/* Reads the training inputs again for the pixels of the nearest and draws all into the PNG file `path`.
 * `rows` are theirs. 0 or HM_EDATA. */
int hm_nearsheet_write(struct hm_nearsheet *s, const char *path, const struct hm_nearrows *rows, int n,
		       char *const *inputs, struct hm_workers *w, struct hm_err *e);
void hm_nearsheet_clear(struct hm_nearsheet *s);

#endif
