/* Unpacked blocks by number, up to a number of bytes: the one that was not used for the longest time is
 * dropped first.
 *
 *   b = hm_blockcache_get(c, i);
 *   if (!b && (b = hm_blockcache_add(c, bytes, e))) ...unpack into b..., then hm_blockcache_keep or _drop */
#ifndef HM_BLOCKCACHE_H
#define HM_BLOCKCACHE_H

#include "rec/format.h"

struct hm_blockcache {
	struct held **at; /* [blocks]; NULL: not held */
	struct held *newest, *oldest, *added;
	size_t bytes, limit;
};
/* For blocks 0 .. n-1, of which `limit` bytes are held; one block always is. 0 or HM_EDATA. */
int hm_blockcache_init(struct hm_blockcache *c, size_t n, size_t limit, struct hm_err *e);
void hm_blockcache_clear(struct hm_blockcache *c);
/* Block i, or NULL. It counts as used now. Valid until the next hm_blockcache_add. */
struct hm_block *hm_blockcache_get(struct hm_blockcache *c, size_t i);
/* Makes room for `bytes` and gives a new block, all zero, to fill. NULL without memory. */
struct hm_block *hm_blockcache_add(struct hm_blockcache *c, size_t bytes, struct hm_err *e);
/* The block just added is filled and becomes block i. Returns it. */
struct hm_block *hm_blockcache_keep(struct hm_blockcache *c, size_t i);
/* The block just added could not be filled. */
void hm_blockcache_drop(struct hm_blockcache *c);

#endif
