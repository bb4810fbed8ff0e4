/* One block of a device's memory, cut into pieces by a plan (a sequence of hm_slab_take) that runs twice: the
 * first run counts the bytes, the second places the pieces. If the block grows, the contents are lost.
 *
 *   do { x = hm_slab_take(&s, bytes); y = hm_slab_take(&s, bytes); } while (hm_slab_again(&s)); */
#ifndef HM_SLAB_H
#define HM_SLAB_H

#include "ops/ops.h"

struct hm_slab {
	struct hm_device *d; /* set by the user; all else zero */
	unsigned char *base;
	size_t used, size;
	bool placing;
};

/* The next piece, 64-byte aligned; NULL while counting and after a failure. */
static inline void *hm_slab_take(struct hm_slab *s, size_t bytes)
{
	size_t at = s->used;
	s->used += (bytes + 63) / 64 * 64;
	return s->placing && s->base ? s->base + at : NULL;
}

/* Call after each run of the plan. True after the counting run: the plan must run again, to place the pieces.
 * A failed allocation sticks to the device. */
static inline bool hm_slab_again(struct hm_slab *s)
{
	if (!s->placing && s->used > s->size) {
		s->d->op->free(s->d, s->base);
		s->base = s->d->op->alloc(s->d, s->used);
		s->size = s->base ? s->used : 0;
	}
	s->placing = !s->placing;
	s->used = 0;
	return s->placing;
}

static inline void hm_slab_clear(struct hm_slab *s)
{
	if (s->d)
		s->d->op->free(s->d, s->base);
	*s = (struct hm_slab){.d = s->d};
}

#endif
