/* How the work of one training operation is shared among d->threads threads. */
#ifndef HM_SPLIT_H
#define HM_SPLIT_H

#include <stddef.h>

/* Where part t of n things begins, t = 0 .. parts: equal parts in multiples of `unit`, the last ones smaller
 * or empty. */
static inline size_t hm_part(size_t n, int t, int parts, size_t unit)
{
	size_t units = (n + unit - 1) / unit, at = units * (size_t)t / (size_t)parts * unit;
	return at < n ? at : n;
}

#endif
