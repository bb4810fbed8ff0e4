/* The tokens as a trie of bytes: see trie.h. */
#include "prep/trie.h"

#include <stdlib.h>

/* From a node by a byte to another; node 0 is the root, and nobody's child. */
struct hm_trie_edge {
	uint32_t key;  /* parent << 8 | byte */
	uint32_t node; /* 0: a free slot */
	int32_t id;    /* of the token that ends in `node`, or -1 */
};

static struct hm_trie_edge *slot(const struct hm_trie *t, uint32_t node, unsigned char byte)
{
	uint32_t key = node << 8 | byte;
	for (uint32_t i = key * 0x9e3779b1u >> t->shift;; i = (i + 1) & t->mask) {
		struct hm_trie_edge *s = &t->edge[i];
		if (s->key == key || !s->node)
			return s;
	}
}

static void add_token(struct hm_trie *t, const unsigned char *s, size_t n, int32_t id)
{
	uint32_t node = 0;
	for (size_t i = 0; i < n; i++) {
		struct hm_trie_edge *next = slot(t, node, s[i]);
		if (!next->node)
			*next = (struct hm_trie_edge){node << 8 | s[i], ++t->nodes, -1};
		if (i + 1 == n)
			next->id = id;
		node = next->node;
	}
}

int hm_trie_init(struct hm_trie *t, const struct hm_vocab *v, struct hm_err *e)
{
	uint32_t bits = 8;
	while ((size_t)1 << bits < 2 * v->text.len)
		bits++;
	*t = (struct hm_trie){.mask = (1u << bits) - 1, .shift = 32 - bits};
	t->edge = hm_alloc((size_t)1 << bits, sizeof *t->edge, e);
	if (!t->edge)
		return HM_EDATA;
	for (uint32_t i = 0; i < v->n; i++)
		add_token(t, v->text.data + v->start[i], v->start[i + 1] - v->start[i] - 1, (int32_t)i);
	const struct hm_trie_edge *hash = slot(t, 0, '#');
	if (hash->node)
		t->rest = slot(t, hash->node, '#')->node;
	return 0;
}

void hm_trie_clear(struct hm_trie *t)
{
	free(t->edge);
	*t = (struct hm_trie){0};
}

int32_t hm_trie_longest(const struct hm_trie *t, bool later, const char *s, uint32_t len, uint32_t *used)
{
	uint32_t node = later ? t->rest : 0;
	int32_t id = -1;
	if (later && !node)
		return -1;
	for (uint32_t i = 0; i < len; i++) {
		const struct hm_trie_edge *next = slot(t, node, (unsigned char)s[i]);
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
