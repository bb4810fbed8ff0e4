/* Unicode as the reference tokenizers have it, as compact lists, made by asking them about every code point:
 * no current library has these versions. Lower case, decompositions (of Unicode 9) and combining classes are
 * the same to BERT and to CLIP and stand in unicode_table.c; what is a letter, a number, a mark or
 * punctuation is not (BERT's classes are those of Unicode 8) and stands in charclass_table.c.
 * lib/prep/codepoint.c searches the lists, charmap.c and bpechars.c expand them. */
#ifndef HM_UNICODE_TABLE_H
#define HM_UNICODE_TABLE_H

#include <stddef.h>
#include <stdint.h>

/* What BERT does with a code point. */
enum hm_char {
	HM_CHAR_PLAIN,
	HM_CHAR_REMOVED,      /* control characters and the like: cleaning removes them before all else */
	HM_CHAR_SPACE,	      /* ends a word */
	HM_CHAR_CJK,	      /* a word of its own */
	HM_CHAR_PUNCT,	      /* a word of its own */
	HM_CHAR_MARK,	      /* stripping accents drops it after NFD */
	HM_CHAR_MARK_STARTER, /* the same; but marks on its two sides are not reordered */
	HM_CHAR_MULTI,	      /* becomes several code points */
	HM_CHAR_HANGUL,	      /* NFD makes two or three jamo of it */
	HM_CHAR_ORDERED,      /* NFD sorts it by combining class among its neighbours */
};

struct hm_char_range {
	uint32_t first, last; /* both included */
	uint8_t value;	      /* an enum hm_char or a combining class; 0 in lists that need none */
};
/* first + i·step becomes to + i·to_step, for i < count. */
struct hm_char_run {
	uint32_t first, to;
	uint16_t count;
	uint8_t step, to_step;
};
/* One step of a canonical decomposition. What a further step makes of `first` is another entry. */
struct hm_char_pair {
	uint32_t from, first, second;
};

/* All lists are in the order of code points. Canonical combining classes, where they are not 0: */
extern const struct hm_char_range hm_char_orders[];
extern const size_t hm_char_orders_n;
/* Lower case where it is one code point: all but U+0130, which becomes i and U+0307. */
extern const struct hm_char_run hm_char_lower[];
extern const size_t hm_char_lower_n;
/* Decompositions into one code point and into two. Hangul syllables are left to arithmetic (Unicode 3.12). */
extern const struct hm_char_run hm_char_single[];
extern const size_t hm_char_single_n;
extern const struct hm_char_pair hm_char_pairs[];
extern const size_t hm_char_pairs_n;
/* The pairs that are composed again, as indices, in the order of (first, second). */
extern const uint16_t hm_char_composing[];
extern const size_t hm_char_composing_n;

/* BERT's classes before normalisation, and the marks (Mn) that stripping accents drops after NFD. */
extern const struct hm_char_range hm_bert_classes[], hm_bert_marks[];
extern const size_t hm_bert_classes_n, hm_bert_marks_n;
/* Letters and numbers to CLIP, RoBERTa and GPT-2. */
extern const struct hm_char_range hm_bpe_letters[], hm_bpe_numbers[];
extern const size_t hm_bpe_letters_n, hm_bpe_numbers_n;

#endif
