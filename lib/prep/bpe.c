/* The merge list as a hash of pairs, words that are one token whole, and the merging of short words: see
 * bpe.h. */
#include "prep/bpe.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SHORT 48 /* bytes of a word that is merged in place */
#define WHOLE 15 /* bytes of the longest word that is looked up whole */
#define END "</w>"

struct hm_bpe_slot {
	uint64_t key;  /* left << 32 | right */
	uint32_t rank; /* UINT32_MAX: free */
	int32_t to;
};
/* The bytes of a word with zeros behind them, and its length in the last byte: no word has 0 bytes. */
struct hm_bpe_whole {
	uint64_t low, high; /* high 0: free */
	int32_t id;
};

/* Both halves of a product with secret factors: nobody can make keys that meet. */
static uint64_t mix_words(uint64_t a, uint64_t b)
{
	unsigned __int128 p = (unsigned __int128)a * b;
	return (uint64_t)p ^ (uint64_t)(p >> 64);
}

static struct hm_bpe_slot *find_pair(const struct hm_bpe *b, uint64_t key)
{
	uint64_t i = mix_words(key ^ b->seed[0], b->seed[1]);
	for (;; i++) {
		struct hm_bpe_slot *s = &b->pair[i & b->pair_mask];
		if (s->key == key || s->rank == UINT32_MAX)
			return s;
	}
}

uint32_t hm_bpe_rank(const struct hm_bpe *b, int32_t left, int32_t right, int32_t *to)
{
	uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
	const struct hm_bpe_slot *s = find_pair(b, key);
	*to = s->to;
	return s->rank;
}

void hm_bpe_put(struct hm_bpe_ids *out, int32_t id)
{
	if (out->n < out->cap)
		out->to[out->n++] = id;
	else
		out->cut = true;
}

/* ---- words ---- */

static struct hm_bpe_whole *find_whole(const struct hm_bpe *b, uint64_t low, uint64_t high)
{
	uint64_t i = mix_words(low ^ b->seed[0], high ^ b->seed[1]);
	for (;; i++) {
		struct hm_bpe_whole *w = &b->whole[i & b->whole_mask];
		if ((w->low == low && w->high == high) || !w->high)
			return w;
	}
}

/* The key of s[0..n), n from 1 to WHOLE, of which HM_BPE_PADDING bytes can be read. */
static void load_key(const char *s, size_t n, uint64_t *low, uint64_t *high)
{
	uint64_t part[2];
	memcpy(part, s, sizeof part);
	uint64_t first = n < 8 ? ((uint64_t)1 << 8 * n) - 1 : UINT64_MAX;
	uint64_t second = n > 8 ? ((uint64_t)1 << 8 * (n - 8)) - 1 : 0;
	*low = part[0] & first;
	*high = (part[1] & second) | (uint64_t)n << 56;
}

/* Merges id[0..n) in place, n up to SHORT; returns how many are left. */
static size_t merge_short(const struct hm_bpe *b, int32_t *id, size_t n)
{
	uint32_t rank[SHORT];
	int32_t to[SHORT];
	for (size_t i = 0; i + 1 < n; i++)
		rank[i] = hm_bpe_rank(b, id[i], id[i + 1], &to[i]);
	while (n > 1) {
		size_t best = 0;
		for (size_t i = 1; i + 1 < n; i++)
			best = rank[i] < rank[best] ? i : best;
		if (rank[best] == UINT32_MAX)
			break;
		id[best] = to[best];
		n--;
		for (size_t i = best + 1; i < n; i++)
			id[i] = id[i + 1];
		for (size_t i = best + 1; i + 1 < n; i++) {
			rank[i] = rank[i + 1];
			to[i] = to[i + 1];
		}
		if (best)
			rank[best - 1] = hm_bpe_rank(b, id[best - 1], id[best], &to[best - 1]);
		if (best + 1 < n)
			rank[best] = hm_bpe_rank(b, id[best], id[best + 1], &to[best]);
	}
	return n;
}

static size_t encode_short(const struct hm_bpe *b, const char *s, size_t n, int32_t id[SHORT])
{
	for (size_t i = 0; i + 1 < n; i++)
		id[i] = b->symbol[0][(unsigned char)s[i]];
	id[n - 1] = b->symbol[1][(unsigned char)s[n - 1]];
	return merge_short(b, id, n);
}

int hm_bpe_word(const struct hm_bpe *b, const char *s, size_t n, struct hm_bpe_ids *out, struct hm_err *e)
{
	int32_t id[SHORT];
	if (n <= WHOLE) {
		uint64_t low, high;
		load_key(s, n, &low, &high);
		const struct hm_bpe_whole *w = find_whole(b, low, high);
		if (w->high) {
			hm_bpe_put(out, w->id);
			return 0;
		}
	}
	if (n > SHORT)
		return hm_bpe_word_long(b, s, n, out, e);
	n = encode_short(b, s, n, id);
	for (size_t i = 0; i < n; i++)
		hm_bpe_put(out, id[i]);
	return 0;
}

/* ---- making it ---- */

size_t hm_bpe_symbol(unsigned char byte, char out[2])
{
	uint32_t cp = byte;
	if (byte <= 0x20)
		cp = 0x100 + byte;
	else if (byte >= 0x7f && byte <= 0xa0)
		cp = 0x121 + byte - 0x7fu;
	else if (byte == 0xad)
		cp = 0x143;
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	out[0] = (char)(0xc0 | cp >> 6);
	out[1] = (char)(0x80 | (cp & 0x3f));
	return 2;
}

static int find_symbols(struct hm_bpe *b, const struct hm_vocab *v, bool suffix, struct hm_err *e)
{
	for (int byte = 0; byte < 256; byte++) {
		char text[2 + sizeof END];
		size_t n = hm_bpe_symbol((unsigned char)byte, text);
		memcpy(text + n, END, sizeof END);
		b->symbol[0][byte] = hm_vocab_find(v, text, n);
		b->symbol[1][byte] = suffix ? hm_vocab_find(v, text, n + 4) : b->symbol[0][byte];
		if (b->symbol[0][byte] < 0 || b->symbol[1][byte] < 0)
			return hm_err_set(e, HM_EDATA,
					  "the vocabulary lacks \"%.*s\", the symbol of the byte %d",
					  (int)(b->symbol[0][byte] < 0 ? n : n + 4), text, byte);
	}
	return 0;
}

static int fill_pairs(struct hm_bpe *b, const struct hm_bpe_merge *merge, size_t n, struct hm_err *e)
{
	size_t slots = 1024;
	while (slots < 3 * n)
		slots *= 2;
	b->pair = hm_alloc(slots, sizeof *b->pair, e);
	if (!b->pair)
		return HM_EDATA;
	b->pair_mask = slots - 1;
	memset(b->pair, 0xff, slots * sizeof *b->pair);
	for (size_t i = 0; i < n; i++) {
		uint64_t key = (uint64_t)merge[i].a << 32 | merge[i].b;
		struct hm_bpe_slot *s = find_pair(b, key);
		if (s->rank != UINT32_MAX)
			return hm_err_set(e, HM_EDATA, "the merges %u and %zu are of the same pair",
					  s->rank + 1, i + 1);
		*s = (struct hm_bpe_slot){key, (uint32_t)i, (int32_t)merge[i].to};
	}
	return 0;
}

/* The bytes that a token's symbols stand for, in `out`; 0 when there are more than WHOLE or it is no word. */
static size_t bytes_of_token(const char *s, size_t n, bool suffix, char out[WHOLE + 1])
{
	static const unsigned char others[] = {0x7f, 0xa0, 0xad};
	size_t to = 0;
	if (suffix && (n < 5 || memcmp(s + n - 4, END, 4) != 0))
		return 0;
	n -= suffix ? 4 : 0;
	for (size_t at = 0; at < n;) {
		unsigned char c = (unsigned char)s[at++];
		uint32_t cp = c;
		if (c >= 0x80)
			cp = at < n && (c & 0xe0) == 0xc0 ? (c & 0x1fu) << 6 | (s[at++] & 0x3f) : 0x144;
		if (cp >= 0x100)
			cp = cp <= 0x120   ? cp - 0x100
			     : cp <= 0x142 ? cp - 0x121 + others[0]
			     : cp == 0x143 ? others[2]
					   : 0x100;
		if (cp > 255 || to == WHOLE)
			return 0;
		out[to++] = (char)cp;
	}
	return to;
}

/* Looked up whole is what merging makes one token of: not every token is. */
static int fill_whole(struct hm_bpe *b, const struct hm_vocab *v, bool suffix, struct hm_err *e)
{
	size_t slots = 1024;
	while (slots < 2 * (size_t)v->n)
		slots *= 2;
	b->whole = hm_alloc(slots, sizeof *b->whole, e);
	if (!b->whole)
		return HM_EDATA;
	b->whole_mask = slots - 1;
	for (uint32_t i = 0; i < v->n; i++) {
		char bytes[WHOLE + 1] = {0};
		int32_t id[SHORT];
		size_t n;
		const char *s = hm_vocab_token(v, i, &n);
		n = bytes_of_token(s, n, suffix, bytes);
		if (!n || encode_short(b, bytes, n, id) != 1 || id[0] != (int32_t)i)
			continue;
		uint64_t low, high;
		load_key(bytes, n, &low, &high);
		*find_whole(b, low, high) = (struct hm_bpe_whole){low, high, id[0]};
	}
	return 0;
}

int hm_bpe_init(struct hm_bpe *b, const struct hm_vocab *v, const struct hm_bpe_merge *merge, size_t n,
		bool suffix, struct hm_err *e)
{
	*b = (struct hm_bpe){0};
	if (getrandom(b->seed, sizeof b->seed, 0) != sizeof b->seed)
		return hm_err_machine(e, "cannot get a random number: %s", strerror(errno));
	b->seed[1] |= 1;
	int rc = find_symbols(b, v, suffix, e);
	if (!rc)
		rc = fill_pairs(b, merge, n, e);
	return rc ? rc : fill_whole(b, v, suffix, e);
}

void hm_bpe_clear(struct hm_bpe *b)
{
	free(b->pair);
	free(b->whole);
	*b = (struct hm_bpe){0};
}
