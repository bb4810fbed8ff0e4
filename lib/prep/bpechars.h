/* What CLIP's tokenizer does with a code point, in one look-up, and the normal form NFC. */
#ifndef HM_BPECHARS_H
#define HM_BPECHARS_H

#include "prep/codepoint.h"

/* Bits of an entry. Above them, from HM_BPE_SHIFT on, stands the lower case; 0: the code point itself. */
enum {
	HM_BPE_KIND = 3, /* the four kinds: */
	HM_BPE_OTHER = 0,
	HM_BPE_LETTER = 1,
	HM_BPE_NUMBER = 2,
	HM_BPE_SPACE = 3,
	/* NFC may change it, move it, or join it to what stands before it. Text without such a code point is
	 * in NFC. */
	HM_BPE_SLOW = 4,
	HM_BPE_TWO = 8, /* U+0130: its lower case is i and U+0307 */
	HM_BPE_SHIFT = 8,
};

/* 0 or HM_EDATA. Caller clears, also on failure. */
int hm_bpe_chars_init(struct hm_codemap *m, struct hm_err *e);

/* The code points of s[0..n), valid UTF-8, in NFC, into `points` (of uint32_t, emptied first). */
int hm_bpe_nfc(const char *s, size_t n, struct hm_buf *points, struct hm_err *e);

#endif
