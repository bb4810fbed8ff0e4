/* The trie's edges in a hash table: see trie.h. */
#include "prep/trie.h"

#include <stdlib.h>

/* From a node by a byte to another. Node 0 is the root, to which no edge leads. */
struct hm_trie_edge {
	uint32_t key;  /* parent << 8 | byte */
	uint32_t node; /* 0: a free slot */
	int32_t id;    /* of the token that ends in `node`, or -1 */
};

static struct hm_trie_edge *find_slot(const struct hm_trie *t, uint32_t node, unsigned char byte)
{
	uint32_t key = node << 8 | byte;
	for (uint32_t i = key * 0x9e3779b1u >> t->shift;; i = (i + 1) & t->mask) {
		struct hm_trie_edge *s = &t->edge[i];
		if (s->key == key || !s->node)
			return s;
	}
}

static int make_table(struct hm_trie *t, uint32_t bits, struct hm_err *e)
{
	t->mask = (1u << bits) - 1;
	t->shift = 32 - bits;
	t->edge = hm_alloc((size_t)1 << bits, sizeof *t->edge, e);
	return t->edge ? 0 : HM_EDATA;
}

/* Tokens share their beginnings, so there are far fewer nodes than bytes. */
int hm_trie_init(struct hm_trie *t, size_t bytes, struct hm_err *e)
{
	uint32_t bits = 8;
	while ((size_t)1 << bits < bytes / 2)
		bits++;
	*t = (struct hm_trie){0};
	return make_table(t, bits, e);
}

void hm_trie_clear(struct hm_trie *t)
{
	free(t->edge);
	*t = (struct hm_trie){0};
}

static int grow_table(struct hm_trie *t, struct hm_err *e)
{
	struct hm_trie bigger = *t;
	if (make_table(&bigger, 33 - t->shift, e))
		return HM_EDATA;
	for (uint32_t i = 0; i <= t->mask; i++)
		if (t->edge[i].node)
			*find_slot(&bigger, t->edge[i].key >> 8, (unsigned char)t->edge[i].key) = t->edge[i];
	free(t->edge);
	*t = bigger;
	return 0;
}

int hm_trie_add(struct hm_trie *t, const char *s, size_t n, int32_t id, struct hm_err *e)
{
	uint32_t node = 0;
	while (2 * (t->nodes + n) > t->mask)
		if (grow_table(t, e))
			return HM_EDATA;
	for (size_t i = 0; i < n; i++) {
		unsigned char byte = (unsigned char)s[i];
		struct hm_trie_edge *next = find_slot(t, node, byte);
		if (!next->node)
			*next = (struct hm_trie_edge){node << 8 | byte, ++t->nodes, -1};
		if (i + 1 == n)
			next->id = id;
		node = next->node;
	}
	return 0;
}

uint32_t hm_trie_node(const struct hm_trie *t, const char *s, size_t n)
{
	uint32_t node = 0;
	for (size_t i = 0; i < n; i++) {
		node = find_slot(t, node, (unsigned char)s[i])->node;
		if (!node)
			return HM_TRIE_NONE;
	}
	return node;
}

int32_t hm_trie_longest(const struct hm_trie *t, uint32_t node, const char *s, size_t len, uint32_t *used)
{
	int32_t id = -1;
	if (node == HM_TRIE_NONE)
		return -1;
	for (uint32_t i = 0; i < len; i++) {
		const struct hm_trie_edge *next = find_slot(t, node, (unsigned char)s[i]);
		if (!next->node)
			break;
		node = next->node;
		if (next->id >= 0) {
			id = next->id;
			*used = i + 1;
		}
	}
	return id;
}
