/* The vocabulary and the merges of a BPE tokenizer from its files: vocab.json and merges.txt, tokenizer.json,
 * or OpenAI's list of merges, out of which CLIP's vocabulary follows. */
#ifndef HM_BPEVOCAB_H
#define HM_BPEVOCAB_H

#include "prep/bpe.h"
#include "prep/tokenfolder.h"

#define HM_BPE_CLIP_MERGES 48894u /* of OpenAI's list these count, the rest does not */

struct hm_bpe_vocab {
	struct hm_vocab vocab;
	struct hm_buf merges; /* of struct hm_bpe_merge, by rank */
};
/* Each: HM_EDATA with a sentence that names the line or the token. Caller clears, also on failure. */

/* tokenizer.json's "merges": ["a b", ...] or [["a", "b"], ...]. */
int hm_bpe_vocab_json(struct hm_bpe_vocab *b, const cJSON *vocab, const cJSON *merges, struct hm_err *e);
/* merges.txt: a line "#version: ..." or none, then a pair per line. */
int hm_bpe_vocab_lines(struct hm_bpe_vocab *b, const cJSON *vocab, const char *s, size_t len,
		       struct hm_err *e);
/* OpenAI's list: the first line says what it is, then at least HM_BPE_CLIP_MERGES pairs. */
int hm_bpe_vocab_clip(struct hm_bpe_vocab *b, const char *s, size_t len, struct hm_err *e);
void hm_bpe_vocab_clear(struct hm_bpe_vocab *b);

/* XXH3-128 of the merges, each as its two tokens with a space between and a line feed behind. */
int hm_bpe_vocab_digest(const struct hm_bpe_vocab *b, char out[33], struct hm_err *e);

#endif
