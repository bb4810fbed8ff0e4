/* What BERT's normaliser and pre-tokeniser do with a code point, in one look-up. */
#ifndef HM_CHARMAP_H
#define HM_CHARMAP_H

#include "prep/codepoint.h"

/* The switches of BERT's normaliser, in the order in which it takes its steps. */
struct hm_char_rules {
	bool clean; /* control characters are removed */
	bool cjk;   /* CJK ideographs are words of their own */
	bool strip; /* NFD, then without the marks of class Mn */
	bool lower; /* lower case */
};

/* The low byte of each entry := an enum hm_char; the rest is the code point that it becomes, of
 * HM_CHAR_MULTI, HM_CHAR_HANGUL and marks itself. Entry 0: plain, becomes itself. 0 or HM_EDATA. Caller
 * clears, also on failure. */
int hm_charmap_init(struct hm_codemap *m, struct hm_char_rules rules, struct hm_err *e);

/* part[0..returned) := what a code point of class HM_CHAR_MULTI becomes. */
int hm_charmap_parts(uint32_t cp, uint32_t part[HM_CHAR_PARTS]);

#endif
