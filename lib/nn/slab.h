/* One block of a device's memory, handed out in pieces by a plan that is run twice: once to count, once to
 * place. Growing loses what the pieces held.
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

/* After a run of the plan: true when it has to be run once more, to place what was counted. A failure to get
 * the memory sticks to the device. */
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
