/* BERT's view of Unicode as compact lists, made by asking the reference itself: its character classes are
 * those of Unicode 8 and its decompositions those of Unicode 9, which no current library has.
 * lib/prep/charmap.c expands the lists. */
#ifndef HM_UNICODE_TABLE_H
#define HM_UNICODE_TABLE_H

#include <stddef.h>
#include <stdint.h>

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
	uint8_t value;	      /* enum hm_char; in hm_char_order the combining class */
};
/* first + i·step becomes to + i·to_step, for i < count. */
struct hm_char_run {
	uint32_t first, to;
	uint16_t count;
	uint8_t step, to_step;
};
struct hm_char_multi {
	uint32_t from, to[3]; /* to[2] is 0 when it becomes two */
};

/* All lists are in the order of code points. Classes before normalisation: */
extern const struct hm_char_range hm_char_raw[];
extern const size_t hm_char_raw_n;
/* Stripping accents (NFD, then without Mn): what is dropped, what is reordered, what becomes one other code
 * point. Hangul syllables are left to arithmetic (Unicode 3.12). */
extern const struct hm_char_range hm_char_marks[], hm_char_order[];
extern const size_t hm_char_marks_n, hm_char_order_n;
extern const struct hm_char_run hm_char_single[];
extern const size_t hm_char_single_n;
/* Lower case where it is one code point. */
extern const struct hm_char_run hm_char_lower[];
extern const size_t hm_char_lower_n;
/* What becomes several code points: by stripping accents up to hm_char_multi_lower, from there on by lower
 * case. */
extern const struct hm_char_multi hm_char_multi[];
extern const size_t hm_char_multi_n, hm_char_multi_lower;

#endif
