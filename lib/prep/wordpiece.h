/* BERT's tokenizer: a caption to WordPiece ids, equal to transformers.BertTokenizer on every code point. The
 * steps are those of that tokenizer: special tokens, cleaning, CJK, (uncased) NFD without marks and lower
 * case, white space and punctuation, greedy longest match. */
#ifndef HM_WORDPIECE_H
#define HM_WORDPIECE_H

#include "prep/vocab.h"

#define HM_WORDPIECE_MAX_LENGTH 65536

struct hm_wordpiece_options {
	bool cased;	     /* no lower case, accents stay */
	bool plain_specials; /* "[CLS]" in a text is five characters and not a token */
	int max_length;	     /* ids a text, [CLS] and [SEP] included; 2 .. HM_WORDPIECE_MAX_LENGTH */
};

struct hm_wordpiece;
/* NULL with `e` set: one of [PAD] [UNK] [CLS] [SEP] [MASK] is missing. The vocabulary is copied. Caller
 * frees. */
struct hm_wordpiece *hm_wordpiece_new(const struct hm_vocab *v, const struct hm_wordpiece_options *o,
				      struct hm_err *e);
void hm_wordpiece_free(struct hm_wordpiece *w); /* NULL is fine */

/* [CLS], the ids of text[0..len), [SEP] into ids, which has room for hm_wordpiece_room(w, len). Returns how
 * many, or HM_EDATA when the text is not UTF-8. Needs no other memory; several threads may share w. */
int hm_wordpiece_encode(const struct hm_wordpiece *w, const char *text, size_t len, int32_t *ids,
			struct hm_err *e);
/* No text of len bytes has more ids than this. */
size_t hm_wordpiece_room(const struct hm_wordpiece *w, size_t len);

#endif
