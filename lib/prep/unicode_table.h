/* BERT's view of Unicode as compact lists, from the reference itself: its character classes are those of
 * Unicode 8 and its decompositions those of Unicode 9, which no library of the day has. lib/prep/charmap.c
 * expands them. */
#ifndef HM_UNICODE_TABLE_H
#define HM_UNICODE_TABLE_H

#include <stddef.h>
#include <stdint.h>

enum hm_char {
	HM_CHAR_PLAIN,
	HM_CHAR_REMOVED,      /* control characters and the like, before all else */
	HM_CHAR_SPACE,	      /* ends a word */
	HM_CHAR_CJK,	      /* a word of its own */
	HM_CHAR_PUNCT,	      /* a word of its own */
	HM_CHAR_MARK,	      /* uncased: dropped after NFD */
	HM_CHAR_MARK_STARTER, /* the same; but marks on its two sides are not reordered */
	HM_CHAR_MULTI,	      /* uncased: becomes several code points */
	HM_CHAR_HANGUL,	      /* uncased: becomes two or three jamo */
	HM_CHAR_ORDERED,      /* uncased: takes its place among neighbours by combining class */
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
	uint32_t from, to[3]; /* 0 when it is two */
};

/* All in order of code points. Classes before normalisation: */
extern const struct hm_char_range hm_char_raw[];
extern const size_t hm_char_raw_n;
/* Uncased (NFD, Mn dropped, lower case): what is dropped, what is reordered, what becomes another code point
 * or several. Hangul syllables are left to arithmetic (Unicode 3.12). */
extern const struct hm_char_range hm_char_marks[], hm_char_order[];
extern const size_t hm_char_marks_n, hm_char_order_n;
extern const struct hm_char_run hm_char_single[];
extern const size_t hm_char_single_n;
extern const struct hm_char_multi hm_char_multi[];
extern const size_t hm_char_multi_n;

#endif
