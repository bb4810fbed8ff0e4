/* Tokens by their bytes, for the longest one that a text begins with. The edges of all nodes stand in one
 * hash table, so that a step costs one look-up. */
#ifndef HM_TRIE_H
#define HM_TRIE_H

#include "base/mem.h"

#define HM_TRIE_NONE UINT32_MAX /* no such node */

struct hm_trie {
	struct hm_trie_edge *edge; /* open addressing */
	uint32_t mask, shift;	   /* slots - 1; 32 - log2(slots) */
	uint32_t nodes;		   /* without the root, which is node 0 */
};
/* An empty one, for tokens of `bytes` bytes in all, below 1 << 24. HM_EDATA without memory. Caller clears,
 * also on failure. */
int hm_trie_init(struct hm_trie *t, size_t bytes, struct hm_err *e);
void hm_trie_clear(struct hm_trie *t);
/* Adds s[0..n) as token id >= 0; an empty one is left out. HM_EDATA without memory. */
int hm_trie_add(struct hm_trie *t, const char *s, size_t n, int32_t id, struct hm_err *e);
/* The node that s[0..n) leads to from the root, or HM_TRIE_NONE. */
uint32_t hm_trie_node(const struct hm_trie *t, const char *s, size_t n);
/* The id of the longest token that s[0..len) begins with, its bytes in *used; -1 when there is none. Only
 * tokens below `node` count, without the bytes that lead there; from HM_TRIE_NONE none. */
int32_t hm_trie_longest(const struct hm_trie *t, uint32_t node, const char *s, size_t len, uint32_t *used);

#endif
