/* The ordered pipeline: two counters over an array of slots, each with one job of the worker pool. See
 * ring.h. */
#include "base/ring.h"
#include "base/mem.h"

#include <stdatomic.h>
#include <stdlib.h>

/* What the ring keeps about a slot. */
struct entry {
	struct hm_job job;
	struct hm_ring *ring;
	void *slot;
	size_t bytes;
};

struct hm_ring {
	struct hm_ring_config c;
	struct entry *entry; /* [c.slots] */
	char *storage;	     /* c.slots of c.slot_size */
	uint64_t submitted, released;
	size_t bytes;	      /* of the slots in between */
	bool lent;	      /* hm_ring_next gave the oldest slot to the caller */
	int more;	      /* what `fill` returned last, 1 before */
	struct hm_err failed; /* why it is negative, else all zero */
	atomic_bool cancelled;
};

static void work_on_slot(void *arg, int worker)
{
	struct entry *t = arg;
	if (!atomic_load_explicit(&t->ring->cancelled, memory_order_relaxed))
		t->ring->c.work(t->ring->c.ctx, t->slot, worker);
}

struct hm_ring *hm_ring_new(const struct hm_ring_config *c, struct hm_err *e)
{
	struct hm_ring *r = hm_alloc(1, sizeof *r, e);
	if (!r)
		return NULL;
	r->c = *c;
	r->more = 1;
	/* Nothing happens at the same time, so a second slot would only take memory. */
	if (c->work && (!c->workers || hm_workers_count(c->workers) == 1))
		r->c.slots = 1;
	r->entry = hm_alloc((size_t)r->c.slots, sizeof *r->entry, e);
	r->storage = hm_alloc((size_t)r->c.slots, c->slot_size, e);
	if (!r->entry || !r->storage) {
		free(r->entry);
		free(r->storage);
		free(r);
		return NULL;
	}
	for (int i = 0; i < r->c.slots; i++) {
		struct entry *t = &r->entry[i];
		t->ring = r;
		t->slot = r->storage + (size_t)i * c->slot_size;
		t->job = (struct hm_job){.run = work_on_slot, .arg = t};
	}
	return r;
}

void hm_ring_cancel(struct hm_ring *r)
{
	atomic_store_explicit(&r->cancelled, true, memory_order_relaxed);
}

void hm_ring_free(struct hm_ring *r, void (*clear)(void *slot))
{
	if (!r)
		return;
	hm_ring_cancel(r);
	while (hm_ring_oldest(r))
		hm_ring_release(r);
	for (int i = 0; clear && i < r->c.slots; i++)
		clear(r->entry[i].slot);
	free(r->entry);
	free(r->storage);
	free(r);
}

void *hm_ring_slot(const struct hm_ring *r, int i)
{
	return i < r->c.slots ? r->entry[i].slot : NULL;
}

static struct entry *entry_of(struct hm_ring *r, uint64_t number)
{
	return &r->entry[number % (uint64_t)r->c.slots];
}

void *hm_ring_vacant(struct hm_ring *r)
{
	bool full = r->submitted - r->released == (uint64_t)r->c.slots;
	return full ? NULL : entry_of(r, r->submitted)->slot;
}

void hm_ring_submit(struct hm_ring *r, size_t bytes)
{
	struct entry *t = entry_of(r, r->submitted++);
	t->bytes = bytes;
	r->bytes += bytes;
	if (r->c.work && r->c.workers)
		hm_workers_submit(r->c.workers, &t->job);
	else if (r->c.work)
		work_on_slot(t, 0);
}

size_t hm_ring_bytes(const struct hm_ring *r)
{
	return r->bytes;
}

void *hm_ring_oldest(struct hm_ring *r)
{
	if (r->submitted == r->released)
		return NULL;
	struct entry *t = entry_of(r, r->released);
	if (r->c.work && r->c.workers)
		hm_workers_wait(r->c.workers, &t->job);
	return t->slot;
}

void hm_ring_release(struct hm_ring *r)
{
	r->bytes -= entry_of(r, r->released++)->bytes;
}

/* Fills slots while one is vacant, less than max_bytes is held and `fill` has more. */
static void fill_slots(struct hm_ring *r)
{
	void *slot;
	while (r->more == 1 && (slot = hm_ring_vacant(r))) {
		size_t bytes = 0;
		if (r->c.max_bytes && r->bytes >= r->c.max_bytes)
			return;
		r->more = r->c.fill(r->c.ctx, slot, &bytes, &r->failed);
		if (r->more == 1)
			hm_ring_submit(r, bytes);
		else if (r->more < 0) /* when `fill` gave no reason of its own */
			hm_err_set(&r->failed, r->more, "the next input could not be read");
	}
}

void hm_ring_ahead(struct hm_ring *r)
{
	if (r->lent)
		hm_ring_release(r);
	r->lent = false;
	fill_slots(r);
}

int hm_ring_next(struct hm_ring *r, void **slot, struct hm_err *e)
{
	hm_ring_ahead(r);
	*slot = hm_ring_oldest(r);
	r->lent = *slot;
	if (*slot)
		return 1;
	hm_err_pass(e, &r->failed);
	return r->more;
}
