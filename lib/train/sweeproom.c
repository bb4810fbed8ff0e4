/* What a sweep's workers have for themselves. See sweeproom.h. */
#include "train/sweeproom.h"
#include "base/memlimit.h"

#include <stdlib.h>

void hm_sweep_rooms_free(struct hm_sweep_room *room, const struct hm_sweep_run *r)
{
	for (int i = 0; room && i < hm_workers_count(r->workers); i++) {
		hm_examples_clear(&room[i].train);
		hm_examples_clear(&room[i].val);
		hm_device_close(room[i].device);
	}
	free(room);
}

int hm_sweep_rooms_new(struct hm_sweep_room **rooms, const struct hm_sweep_run *r, struct hm_err *e)
{
	int rc = 0, n = hm_workers_count(r->workers);
	size_t memory = hm_memory_given();
	if (!(*rooms = hm_alloc((size_t)n, sizeof **rooms, e)))
		return HM_EDATA;
	for (int i = 0; !rc && i < n; i++) {
		struct hm_sweep_room *room = &(*rooms)[i];
		if (!(room->device = hm_device_open(r->device, r->precision, e)))
			return e->code;
		room->device->threads = 1;
		room->memory = memory;
		rc = hm_examples_view(&room->train, &r->setup->train, e);
		if (!rc && r->val)
			rc = hm_examples_view(&room->val, &r->setup->val, e);
	}
	return rc;
}

int hm_sweep_fusion_new(struct hm_fusion **f, const struct hm_sweep_run *r, const struct hm_sweep_item *item,
			const struct hm_sweep_room *room, uint64_t seed, struct hm_err *e)
{
	int rc = hm_fusion_new(f, &item->config, room->device, e);
	if (!rc)
		rc = hm_setup_check_memory(*f, room->device, hm_workers_count(r->workers), room->memory, e);
	if (!rc)
		rc = hm_setup_init_params(r->setup, *f, seed, e);
	return rc ? rc : hm_fusion_place(*f, e);
}
