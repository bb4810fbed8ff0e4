/* A map from byte strings to numbers: ids to positions, words to lines. It grows; entries cannot be removed.
 * A zeroed struct is an empty map. The strings are copied. */
#ifndef HM_STRMAP_H
#define HM_STRMAP_H

#include "base/mem.h"

#define HM_STRMAP_MOST ((size_t)1 << 32) /* slots; at most half of them are used */

struct hm_strmap {
	struct hm_strmap_slot *slot; /* open addressing, cap a power of two */
	size_t n, cap;
	struct hm_buf entries; /* keys and values, in the order in which they came */
	uint64_t seed;	       /* of the hash: random, so that nobody can make keys that meet */
	struct hm_arena text;  /* pieces in which keys stand end to end */
	char *room;	       /* what is left of the last piece */
	size_t left;
};
/* Adds key[0..len) -> value. 1 when it is new; 0 when the key was there, *value then holds its value,
 * unchanged; HM_EDATA without memory. */
int hm_strmap_add(struct hm_strmap *m, const void *key, size_t len, uint64_t *value, struct hm_err *e);
/* True and *value when the key is there. */
bool hm_strmap_find(const struct hm_strmap *m, const void *key, size_t len, uint64_t *value);
/* The hash of a key in this map, which has at least one; for tests. */
uint64_t hm_strmap_hash(const struct hm_strmap *m, const void *key, size_t len);
void hm_strmap_clear(struct hm_strmap *m);

#endif
