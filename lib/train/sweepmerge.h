/* Joins the parts of a sweep (sweeppart.h) into what one run of the whole sweep writes, byte for byte. */
#ifndef HM_SWEEPMERGE_H
#define HM_SWEEPMERGE_H

#include "train/sweep.h"

struct hm_sweep_merged {
	uint64_t parts; /* how many there were */
	bool before;	/* the folder was merged already; of the items only `trained` is known */
};

/* Joins all parts in `folder` into leaderboard.csv, removes models that are not kept, then the parts. Before
 * the first change it checks that each part is there, whole, and of this sweep and of the same call as the
 * others, and that the models to keep are those the parts were written for. Fills the items, and order [s->n]
 * as hm_sweep_rank does; order is not set if the folder was merged before. What a merge that was interrupted
 * left is merged or removed by the next one.
 * 0, or HM_EDATA with a sentence that names the file. */
int hm_sweep_merge(struct hm_sweep *s, const char *folder, size_t *order, struct hm_sweep_merged *m,
		   struct hm_err *e);

#endif
