/* A WordPiece vocabulary: vocab.txt, one token a line, the line's number (from 0) its id. */
#ifndef HM_VOCAB_H
#define HM_VOCAB_H

#include "base/strmap.h"

#define HM_VOCAB_CAP ((size_t)8 << 20) /* bytes of the file */

struct hm_vocab {
	uint32_t n;
	char digest[33]; /* XXH3-128 of each token and a \n, in order of ids: the same for LF and CRLF files
			  */
	struct hm_buf text;  /* what `digest` is of */
	uint32_t *start;     /* n + 1: token i is text[start[i] .. start[i + 1] - 1) */
	struct hm_strmap id; /* token -> id */
};
/* `path` is the file or a folder that holds vocab.txt. HM_EDATA, with a sentence naming file and line, for a
 * byte order mark, bytes that are not UTF-8, an empty line, a doubled token. Lines may end in CRLF. Caller
 * clears, also on failure. */
int hm_vocab_read(struct hm_vocab *v, const char *path, struct hm_err *e);
void hm_vocab_clear(struct hm_vocab *v);
/* The token's id, or -1. */
int32_t hm_vocab_find(const struct hm_vocab *v, const char *token, size_t len);

#endif
