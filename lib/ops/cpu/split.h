/* This file divides the work of one training operation among d->threads threads. */
#ifndef HM_SPLIT_H
#define HM_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

/* The first of n items that belongs to part t, t = 0 .. parts. Parts are equal and a multiple of `unit`;
 * the last ones may be smaller or empty. */
static inline size_t hm_part(size_t n, int t, int parts, size_t unit)
{
	size_t units = (n + unit - 1) / unit, at = units * (size_t)t / (size_t)parts * unit;
	return at < n ? at : n;
}

/* Are n numbers done before threads would wake? Then the caller does them itself, and not as one part, for a
 * parallel region of one thread costs system calls too. */
static inline bool hm_few(size_t n)
{
	return n <= 32768;
}

#endif
