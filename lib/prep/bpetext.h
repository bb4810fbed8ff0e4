/* The text side of BPE tokenizers: CLIP's, whose text is normalised, lowered and cut into words, and that of
 * RoBERTa and GPT-2, whose words keep their case and the space before them. The steps are the reference's:
 * special tokens in the raw text; then for each stretch between them NFC, lower case, words, merges. */
#ifndef HM_BPETEXT_H
#define HM_BPETEXT_H

#include "prep/bpe.h"
#include "prep/bpechars.h"
#include "prep/specials.h"
#include "prep/tokenizer.h"

struct hm_bpe_tokenizer {
	struct hm_tokenizer t;
	struct hm_bpe bpe;
	struct hm_codemap chars;
	struct hm_specials specials;
	int32_t first, last; /* the ids at both ends, -1: none */
	bool clip;	     /* CLIP's steps, or else RoBERTa's */
	bool prefix_space;   /* RoBERTa: each stretch begins with a space */
	int only;	     /* the byte that all special tokens begin with, -1: there are several */
};

extern const struct hm_tokenizer_kind hm_clip_bpe_kind, hm_byte_bpe_kind;

/* The slots of both kinds; bpefile.c has the others. */
size_t hm_bpe_room(const struct hm_tokenizer *t, size_t len);
int hm_bpe_encode(const struct hm_tokenizer *t, struct hm_token_memo *memo, const char *text, size_t len,
		  int32_t *ids, bool *cut, struct hm_err *e);

/* A stretch of text on its way: what is normalised, with HM_BPE_PADDING readable bytes behind it. */
struct hm_bpe_work {
	char *s; /* `small`, or the bytes of `large` */
	size_t n, cap;
	struct hm_buf large, points;
	char small[1024];
};
void hm_bpe_work_clear(struct hm_bpe_work *w);
/* For bpetext.c, in bpenormal.c: s[0..n), valid UTF-8, becomes w->s[0..w->n): in NFC and lowered, or as it
 * is, with a space in front where one is asked for and there is none. */
int hm_bpe_normalize(const struct hm_codemap *m, const char *s, size_t n, struct hm_bpe_work *w,
		     struct hm_err *e);
int hm_bpe_copy(const char *s, size_t n, bool space, struct hm_bpe_work *w, struct hm_err *e);

#endif
