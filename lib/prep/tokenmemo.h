/* Words that one thread met before and their ids: few words make most of a text. What is found in it is what
 * would be computed, so ids do not depend on it. */
#ifndef HM_TOKENMEMO_H
#define HM_TOKENMEMO_H

#include <stdint.h>
#include <string.h>

enum {
	HM_MEMO_BITS = 13,
	HM_MEMO_LONGEST = 15, /* bytes of a word that is kept */
	HM_MEMO_IDS = 3
};

/* A word. Each has one place, where the next one with the same place takes over. */
struct hm_memo_word {
	uint64_t key[2]; /* its bytes, zeros, and in the last byte its length; 0: no word */
	int32_t id[HM_MEMO_IDS];
	uint32_t n;
};

/* All zero: no words. */
struct hm_token_memo {
	struct hm_memo_word word[1 << HM_MEMO_BITS];
};

/* The key of s[0..len), len 1 to HM_MEMO_LONGEST. 16 bytes of s may be read. */
static inline void hm_memo_key(const char *s, uint32_t len, uint64_t key[2])
{
	memcpy(key, s, 2 * sizeof *key);
	if (len < 8) {
		key[0] &= (UINT64_C(1) << 8 * len) - 1;
		key[1] = 0;
	} else {
		key[1] &= (UINT64_C(1) << 8 * (len - 8)) - 1;
	}
	key[1] |= (uint64_t)len << 56;
}

/* The place of the word with that key; another one, or none, may be there. */
static inline struct hm_memo_word *hm_memo_place(struct hm_token_memo *m, const uint64_t key[2])
{
	uint64_t hash = (key[0] ^ key[1] >> 29) * UINT64_C(0x9e3779b97f4a7c15);
	hash = (hash ^ hash >> 32 ^ key[1]) * UINT64_C(0xd6e8feb86659fd93);
	return &m->word[hash >> (64 - HM_MEMO_BITS)];
}

#endif
