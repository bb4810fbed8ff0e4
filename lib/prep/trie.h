/* A vocabulary's tokens by their bytes, for the longest one that a text begins with. The edges of all nodes
 * stand in one hash table, so that a step costs one look-up. */
#ifndef HM_TRIE_H
#define HM_TRIE_H

#include "prep/vocab.h"

struct hm_trie {
	struct hm_trie_edge *edge; /* open addressing */
	uint32_t mask, shift;	   /* slots - 1; 32 - log2(slots) */
	uint32_t nodes;		   /* besides the root */
	uint32_t rest; /* the node of "##", where later pieces of a word start; 0: no such token */
};
/* All tokens of v, which need not live on. HM_EDATA without memory. Caller clears, also on failure. */
int hm_trie_init(struct hm_trie *t, const struct hm_vocab *v, struct hm_err *e);
void hm_trie_clear(struct hm_trie *t);
/* The id of the longest token that s[0..len) begins with, its bytes in *used; -1 when there is none. With
 * `later` only tokens that begin with "##", these two not being in s. */
int32_t hm_trie_longest(const struct hm_trie *t, bool later, const char *s, uint32_t len, uint32_t *used);

#endif
