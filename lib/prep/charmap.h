/* What BERT's normaliser and pre-tokeniser do with a code point, in one look-up: unicode_table.h's lists
 * expanded into blocks of 256 entries, which are shared where nothing happens. */
#ifndef HM_CHARMAP_H
#define HM_CHARMAP_H

#include "base/mem.h"
#include "prep/unicode_table.h"

#define HM_CODE_POINTS 0x110000u

/* The switches of BERT's normaliser, in the order in which it takes its steps. */
struct hm_char_rules {
	bool clean; /* control characters are removed */
	bool cjk;   /* CJK ideographs are words of their own */
	bool strip; /* NFD, then without the marks of class Mn */
	bool lower; /* lower case */
};

struct hm_charmap {
	uint16_t index[HM_CODE_POINTS >> 8]; /* block of cp >> 8 */
	struct hm_buf block;		     /* of 256 uint32_t; block 0 is all zero */
};
/* Caller clears, also on failure. */
int hm_charmap_init(struct hm_charmap *m, struct hm_char_rules rules, struct hm_err *e);
void hm_charmap_clear(struct hm_charmap *m);

/* The entry of cp < HM_CODE_POINTS: its low byte is an enum hm_char; the rest is the code point that it
 * becomes, or for HM_CHAR_MULTI the index into hm_char_multi. 0: plain, becomes itself. */
static inline uint32_t hm_charmap_get(const struct hm_charmap *m, uint32_t cp)
{
	return ((const uint32_t *)m->block.data)[(uint32_t)m->index[cp >> 8] << 8 | (cp & 255)];
}

/* The combining class by which NFD reorders what is not dropped; 0 for all others. */
int hm_char_order_of(uint32_t cp);

/* White space as Unicode's property White_Space has it. */
bool hm_char_is_white(uint32_t cp);

#endif
