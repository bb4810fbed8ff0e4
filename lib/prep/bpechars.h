/* What CLIP's tokenizer does with a code point, in one look-up: bpechars_table.h's lists expanded into blocks
 * of 256 entries, which are shared where nothing happens; and the normal form NFC of Unicode 9. */
#ifndef HM_BPECHARS_H
#define HM_BPECHARS_H

#include "base/mem.h"
#include "prep/bpechars_table.h"

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

struct hm_bpe_chars {
	uint16_t index[0x110000 >> 8]; /* block of cp >> 8 */
	struct hm_buf block;	       /* of 256 uint32_t; block 0 is all zero */
};
/* Caller clears, also on failure. */
int hm_bpe_chars_init(struct hm_bpe_chars *m, struct hm_err *e);
void hm_bpe_chars_clear(struct hm_bpe_chars *m);

static inline uint32_t hm_bpe_char(const struct hm_bpe_chars *m, uint32_t cp)
{
	return ((const uint32_t *)(const void *)m->block.data)[(uint32_t)m->index[cp >> 8] << 8 | (cp & 255)];
}

/* The code points of s[0..n), valid UTF-8, in NFC, into `points` (of uint32_t, emptied first). */
int hm_bpe_nfc(const char *s, size_t n, struct hm_buf *points, struct hm_err *e);

#endif
