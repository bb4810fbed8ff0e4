/* Changes that a hostile author would make: numbers and lengths off by one, huge or of something else,
 * members that are doubled, of another type, missing or nested, spans that overlap or repeat. They know
 * digits, JSON and binary fields, not formats, and so serve all harnesses. */
#ifndef TEST_HOSTILE_H
#define TEST_HOSTILE_H

#include "base/rng.h"

#include <stddef.h>

/* Changes p[0..n), n >= 1, of which cap bytes may be used, once. Returns the new length. Equal states of r,
 * the same change. */
size_t hostile_change(struct hm_rng *r, unsigned char *p, size_t n, size_t cap);

#endif
