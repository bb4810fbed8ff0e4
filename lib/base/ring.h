/* An ordered pipeline. The caller fills slots and takes them back in the same order; in between, worker
 * threads work on them. Slots are filled and taken in the caller's thread, so what comes out, and which
 * error is reported, does not depend on the number of threads.
 *
 * There are two ways to use it. A program that pulls gives a function that fills a slot:
 *
 *   while ((rc = hm_ring_next(r, &slot, e)) == 1) ...write *slot...
 *
 * A program that is pushed fills the vacant slot by itself and takes the oldest one when none is vacant:
 *
 *   s = hm_ring_vacant(r); ...fill s...; hm_ring_submit(r, bytes);
 *   if (!hm_ring_vacant(r)) { s = hm_ring_oldest(r); ...write s...; hm_ring_release(r); } */
#ifndef HM_RING_H
#define HM_RING_H

#include "base/workers.h"

#include <stddef.h>

struct hm_ring_config {
	struct hm_workers *workers; /* may be NULL */
	int slots;		    /* at least 1; without threads to do the work, one slot is made */
	size_t slot_size;	    /* bytes of the caller's struct */
	size_t max_bytes; /* hm_ring_next fills no further slot while this much is held; 0: no limit */
	void *ctx;	  /* passed to the functions below */

	/* Runs in a worker thread, or inside hm_ring_submit without threads. What goes wrong it keeps in the
	 * slot. NULL: `fill` starts the work by its own means, and the caller waits for it when it takes the
	 * slot. */
	void (*work)(void *ctx, void *slot, int worker);
	/* Fills a slot in the caller's thread and sets *bytes to what it holds. 1: filled; 0: there is no
	 * more; negative: failed, with the sentence in `e`. Only hm_ring_next calls it. */
	int (*fill)(void *ctx, void *slot, size_t *bytes, struct hm_err *e);
};

struct hm_ring;
/* Slots are zeroed. NULL with `e` set when memory is out. */
struct hm_ring *hm_ring_new(const struct hm_ring_config *c, struct hm_err *e);
/* From now on no work begins, so the slots still submitted are worth nothing. hm_ring_free does it too. */
void hm_ring_cancel(struct hm_ring *r);
/* Cancels, waits for the work that has begun, calls `clear` (may be NULL) on every slot and frees the ring.
 * NULL is fine. */
void hm_ring_free(struct hm_ring *r, void (*clear)(void *slot));
/* Slot i, for setting it up; NULL from the number of slots on. */
void *hm_ring_slot(const struct hm_ring *r, int i);

/* Pulling. Gives the oldest slot, its work done; it belongs to the caller until the next call. Vacant slots
 * are filled first. 1, 0 after the last slot, or the negative code of `fill`: its error is reported after all
 * slots that were filled before it, and again by each later call. */
int hm_ring_next(struct hm_ring *r, void **slot, struct hm_err *e);
/* Takes back the slot that hm_ring_next gave last and fills what is vacant, as the next call of it would, but
 * waits for no work. For callers that have something else to do before that call. */
void hm_ring_ahead(struct hm_ring *r);

/* Pushing. The slot to fill next, the same one until it is submitted; NULL while all slots are submitted. */
void *hm_ring_vacant(struct hm_ring *r);
/* Passes the vacant slot, which holds `bytes`, to the workers. */
void hm_ring_submit(struct hm_ring *r, size_t bytes);
/* What the submitted slots hold. */
size_t hm_ring_bytes(const struct hm_ring *r);
/* Waits for the oldest submitted slot; NULL when none is submitted. The same one until it is released. */
void *hm_ring_oldest(struct hm_ring *r);
/* Makes that slot vacant again. */
void hm_ring_release(struct hm_ring *r);

#endif
