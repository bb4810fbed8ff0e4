/* BERT's tokenizer: a text to WordPiece ids, equal to the reference on every code point. Its steps are those
 * of the reference: special tokens, cleaning, CJK, accents, lower case, words at white space and punctuation,
 * the greedy longest match. */
#ifndef HM_WORDPIECE_H
#define HM_WORDPIECE_H

#include "prep/charmap.h"
#include "prep/specials.h"
#include "prep/tokenizer.h"

#define HM_WORDPIECE_WORD 100 /* code points of a word; a longer one is [UNK] */
#define HM_WORDPIECE_WORD_CAP 2000

extern const struct hm_tokenizer_kind hm_wordpiece_kind;

struct hm_wordpiece_rules {
	struct hm_char_rules chars;
	const char *prefix;  /* of the pieces inside a word: "##"; borrowed during the call */
	uint32_t word_chars; /* 1 to HM_WORDPIECE_WORD_CAP */
	int max_length;
};
/* The encoder. `words` holds the tokens that words are cut into; it and the specials, with their ids found,
 * are taken over, also on failure. Open with hm_tokenizer_open; this is for the family's own files. */
int hm_wordpiece_new(struct hm_tokenizer **t, struct hm_trie *words, struct hm_specials *s,
		     const struct hm_wordpiece_rules *r, struct hm_err *e);
/* The slots of hm_wordpiece_kind, wordpiecefile.c has `claims` and `open`. */
size_t hm_wordpiece_room(const struct hm_tokenizer *t, size_t len);
int hm_wordpiece_encode(const struct hm_tokenizer *t, struct hm_token_memo *memo, const char *text,
			size_t len, int32_t *ids, bool *cut, struct hm_err *e);
void hm_wordpiece_close(struct hm_tokenizer *t);

#endif
