/* Unicode as CLIP's tokenizer and RoBERTa's have it, as compact lists, made by asking the reference itself:
 * its normal form NFC is that of Unicode 9, its letters and numbers those of another version, and BERT's
 * (unicode_table.h) of a third. White space is hm_char_is_white. lib/prep/bpechars.c expands the lists. */
#ifndef HM_BPECHARS_TABLE_H
#define HM_BPECHARS_TABLE_H

#include "prep/unicode_table.h"

/* One step of a canonical decomposition. What a further step makes of `first` is another entry. */
struct hm_bpe_pair {
	uint32_t from, first, second;
};

/* All lists are in the order of code points. The ranges of letters and numbers have no value. */
extern const struct hm_char_range hm_bpe_letters[], hm_bpe_numbers[];
extern const size_t hm_bpe_letters_n, hm_bpe_numbers_n;
/* Canonical combining classes, where they are not 0. */
extern const struct hm_char_range hm_bpe_orders[];
extern const size_t hm_bpe_orders_n;
/* Lower case; U+0130, which becomes i and U+0307, is left out. */
extern const struct hm_char_run hm_bpe_lower[];
extern const size_t hm_bpe_lower_n;
/* Decompositions into one code point and into two. Hangul syllables are left to arithmetic (Unicode 3.12). */
extern const struct hm_char_run hm_bpe_single[];
extern const size_t hm_bpe_single_n;
extern const struct hm_bpe_pair hm_bpe_pairs[];
extern const size_t hm_bpe_pairs_n;
/* The pairs that are composed again, as indices, in the order of (first, second). */
extern const uint16_t hm_bpe_composing[];
extern const size_t hm_bpe_composing_n;

#endif
