/* What to do with a code point of a caption, in one look-up: unicode_table.h's lists expanded into 256-entry
 * blocks that are shared where nothing happens. */
#ifndef HM_CHARMAP_H
#define HM_CHARMAP_H

#include "base/mem.h"
#include "prep/unicode_table.h"

#define HM_CODE_POINTS 0x110000u

struct hm_charmap {
	uint16_t index[HM_CODE_POINTS >> 8]; /* block of cp >> 8 */
	struct hm_buf block;		     /* of 256 uint32_t; block 0 is all zero */
};
/* With `cased` code points are only classed; without it they are also decomposed, stripped of marks and
 * lowered. Caller clears, also on failure. */
int hm_charmap_init(struct hm_charmap *m, bool cased, struct hm_err *e);
void hm_charmap_clear(struct hm_charmap *m);

/* The entry of cp < HM_CODE_POINTS: its low byte is an enum hm_char, the rest the code point that it becomes,
 * for HM_CHAR_MULTI the index into hm_char_multi. 0: plain, becomes itself. */
static inline uint32_t hm_charmap_get(const struct hm_charmap *m, uint32_t cp)
{
	return ((const uint32_t *)m->block.data)[(uint32_t)m->index[cp >> 8] << 8 | (cp & 255)];
}

/* The combining class by which NFD reorders what is not dropped; 0 for all others. */
int hm_char_order_of(uint32_t cp);

#endif
