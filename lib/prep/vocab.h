/* A vocabulary: tokens and their ids, from vocab.txt (one token per line, the line's number from 0 is its id)
 * or from tokenizer.json's {"token": id}. An id without a token is an empty token, which no text contains. */
#ifndef HM_VOCAB_H
#define HM_VOCAB_H

#include "base/strmap.h"

#include <cjson/cJSON.h>

#define HM_VOCAB_BYTES ((size_t)8 << 20) /* of all tokens with a byte for each */
#define HM_VOCAB_TOKENS (1u << 20)

struct hm_vocab {
	uint32_t n;	     /* the last token is never an empty one */
	uint32_t end;	     /* n with the empty tokens at the end that were left out */
	struct hm_buf text;  /* each token and a \n, in the order of ids */
	struct hm_buf start; /* n + 1 uint32_t: where token i begins in text */
	struct hm_strmap id; /* token -> id; empty tokens are not in it */
};
/* The text of a vocab.txt. Lines may end in CRLF; white space at the end of a line does not count, as in the
 * reference; empty lines are empty tokens, and do not count at the end of the file. HM_EDATA, with a sentence
 * that names the line, for a byte order mark, bytes that are not UTF-8, a token that stands there twice.
 * Caller clears, also on failure. */
int hm_vocab_parse(struct hm_vocab *v, const char *s, size_t len, struct hm_err *e);
/* The object {"token": id, ...} in any order. HM_EDATA for an id that is not an integer below HM_VOCAB_TOKENS
 * or belongs to two tokens, for a token with a line end in it. Caller clears, also on failure. */
int hm_vocab_from_json(struct hm_vocab *v, const cJSON *tokens, struct hm_err *e);
/* Puts s[0..n) at the vocabulary's end, as the token id: n, or up to `end`. Nothing to do when the token is
 * there with this id; HM_EDATA when it has another one, the id another token, or an id is left out. */
int hm_vocab_add(struct hm_vocab *v, uint32_t id, const char *s, size_t n, struct hm_err *e);
void hm_vocab_clear(struct hm_vocab *v);

/* The token's id, or -1. */
int32_t hm_vocab_find(const struct hm_vocab *v, const char *token, size_t len);
/* Token id < v->n and its length. Borrowed, not NUL-terminated. */
const char *hm_vocab_token(const struct hm_vocab *v, uint32_t id, size_t *len);
/* XXH3-128 of text: the same for all files with the same tokens in the same order. */
void hm_vocab_digest(const struct hm_vocab *v, char out[33]);
/* The first id whose token is another in b than in a, or -1 when they are equal. */
int64_t hm_vocab_differ(const struct hm_vocab *a, const struct hm_vocab *b);

#endif
