/* What each worker of a sweep has for itself: a device with one thread, and views of the two sets. */
#ifndef HM_SWEEPROOM_H
#define HM_SWEEPROOM_H

#include "train/sweep.h"

struct hm_sweep_room {
	struct hm_device *device;
	size_t memory;		       /* hm_memory_given */
	struct hm_examples train, val; /* val is empty without a validation set */
};

/* *room := an array with one per worker. 0 or a negative code; caller frees, also after a failure. */
int hm_sweep_rooms_new(struct hm_sweep_room **room, const struct hm_sweep_run *r, struct hm_err *e);
void hm_sweep_rooms_free(struct hm_sweep_room *room, const struct hm_sweep_run *r);

/* *f := the item's fusion, placed on the room's device, with the first parameters of that random seed. 0 or a
 * negative code. Caller frees, also after a failure. */
int hm_sweep_fusion_new(struct hm_fusion **f, const struct hm_sweep_run *r, const struct hm_sweep_item *item,
			const struct hm_sweep_room *room, uint64_t seed, struct hm_err *e);

#endif
