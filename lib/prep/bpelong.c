/* Long words: a list of symbols that shrinks, and a heap of the pairs that may be merged next. See bpe.h. */
#include "prep/bpe.h"

#include <stdlib.h>

#define NONE UINT32_MAX

struct symbol {
	int32_t id; /* -1: it was merged into the one before it */
	uint32_t before, after;
};

/* Pairs by rank, then by place: rank << 32 | number of the left symbol. What was merged since is passed over
 * when its turn comes. */
struct heap {
	uint64_t *item;
	size_t n;
};

static void push_item(struct heap *h, uint64_t item)
{
	size_t at = h->n++;
	for (; at && h->item[(at - 1) / 2] > item; at = (at - 1) / 2)
		h->item[at] = h->item[(at - 1) / 2];
	h->item[at] = item;
}

static uint64_t pop_item(struct heap *h)
{
	uint64_t top = h->item[0], last = h->item[--h->n];
	size_t at = 0, child;
	while ((child = 2 * at + 1) < h->n) {
		child += child + 1 < h->n && h->item[child + 1] < h->item[child];
		if (h->item[child] >= last)
			break;
		h->item[at] = h->item[child];
		at = child;
	}
	h->item[at] = last;
	return top;
}

static void push_pair(const struct hm_bpe *b, const struct symbol *s, struct heap *h, uint32_t left)
{
	int32_t to;
	if (left == NONE || s[left].after == NONE)
		return;
	uint32_t rank = hm_bpe_rank(b, s[left].id, s[s[left].after].id, &to);
	if (rank != UINT32_MAX)
		push_item(h, (uint64_t)rank << 32 | left);
}

static void merge_all(const struct hm_bpe *b, struct symbol *s, struct heap *h)
{
	while (h->n) {
		uint64_t item = pop_item(h);
		uint32_t left = (uint32_t)item, right = s[left].after;
		int32_t to;
		if (s[left].id < 0 || right == NONE ||
		    hm_bpe_rank(b, s[left].id, s[right].id, &to) != item >> 32)
			continue;
		s[left].id = to;
		s[right].id = -1;
		s[left].after = s[right].after;
		if (s[left].after != NONE)
			s[s[left].after].before = left;
		push_pair(b, s, h, s[left].before);
		push_pair(b, s, h, left);
	}
}

int hm_bpe_word_long(const struct hm_bpe *b, const char *s, size_t n, struct hm_bpe_ids *out,
		     struct hm_err *e)
{
	if (n > HM_BPE_WORD_MOST)
		return hm_err_set(e, HM_EDATA, "a word of %zu bytes; the limit is %zu", n, HM_BPE_WORD_MOST);
	/* each merge takes one item away and adds two at most */
	struct heap h = {hm_alloc(2 * n, sizeof *h.item, e), 0};
	struct symbol *symbol = hm_alloc(n, sizeof *symbol, e);
	int rc = h.item && symbol ? 0 : HM_EDATA;
	for (uint32_t i = 0; !rc && i < n; i++) {
		symbol[i].id = b->symbol[i + 1 == n][(unsigned char)s[i]];
		symbol[i].before = i ? i - 1 : NONE;
		symbol[i].after = i + 1 < n ? i + 1 : NONE;
	}
	for (uint32_t i = 0; !rc && i < n; i++)
		push_pair(b, symbol, &h, i);
	if (!rc) {
		merge_all(b, symbol, &h);
		for (uint32_t i = 0; i != NONE && !out->cut; i = symbol[i].after)
			hm_bpe_put(out, symbol[i].id);
	}
	free(symbol);
	free(h.item);
	return rc;
}
