/* Byte pair encoding: the bytes of a word become symbols, and neighbours are merged, of all pairs in the list
 * always the one of lowest rank, the leftmost first, until no pair of neighbours is in the list. Equal to the
 * reference's merge loop. A word that is one token whole is found in one look-up, a short one is merged in
 * place, a long one with a heap: the time grows with n·log n. */
#ifndef HM_BPE_H
#define HM_BPE_H

#include "prep/vocab.h"

#define HM_BPE_WORD_MOST ((size_t)4 << 20) /* bytes of a word; some 30 bytes of memory for each */
#define HM_BPE_PADDING 16		   /* readable bytes behind a word */

/* The ids a and b side by side become the id `to`. The list's order is the rank. */
struct hm_bpe_merge {
	uint32_t a, b, to;
};

struct hm_bpe {
	struct hm_bpe_slot *pair; /* of merges, open addressing */
	struct hm_bpe_whole *whole;
	uint64_t pair_mask, whole_mask;
	uint64_t seed[2];	/* of both hashes, random */
	int32_t symbol[2][256]; /* of a byte: inside a word, at its end */
};

/* Ids on their way out. */
struct hm_bpe_ids {
	int32_t *to;
	size_t n, cap;
	bool cut; /* there was one more than fits */
};

/* The vocabulary has a symbol for each byte, with `suffix` another one that ends in "</w>", and every id of a
 * merge. HM_EDATA with a sentence that names what is missing or stands there twice. Caller clears, also on
 * failure. */
int hm_bpe_init(struct hm_bpe *b, const struct hm_vocab *v, const struct hm_bpe_merge *merge, size_t n,
		bool suffix, struct hm_err *e);
void hm_bpe_clear(struct hm_bpe *b);
/* Adds the ids of the word s[0..n), behind which HM_BPE_PADDING bytes can be read. HM_EDATA without memory
 * and for a word beyond HM_BPE_WORD_MOST. Several threads may share b. */
int hm_bpe_word(const struct hm_bpe *b, const char *s, size_t n, struct hm_bpe_ids *out, struct hm_err *e);

/* The text of a byte's symbol, 1 or 2 bytes; returns its length. The symbols are U+0021 to U+007E, U+00A1 to
 * U+00AC and U+00AE to U+00FF for the bytes of these numbers, U+0100 and on for the others. */
size_t hm_bpe_symbol(unsigned char byte, char out[2]);

/* For bpelong.c: the rank of the pair, its new id in *to; UINT32_MAX when it is not in the list. */
uint32_t hm_bpe_rank(const struct hm_bpe *b, int32_t left, int32_t right, int32_t *to);
int hm_bpe_word_long(const struct hm_bpe *b, const char *s, size_t n, struct hm_bpe_ids *out,
		     struct hm_err *e);
void hm_bpe_put(struct hm_bpe_ids *out, int32_t id);

#endif
