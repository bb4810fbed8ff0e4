/* Code points: a map with an entry for each, and what Unicode says of them that is the same to every
 * tokenizer. Normal forms are those of Unicode 9. */
#ifndef HM_CODEPOINT_H
#define HM_CODEPOINT_H

#include "base/mem.h"
#include "prep/unicode_table.h"

#define HM_CODE_POINTS 0x110000u

/* An entry for each code point in one look-up: blocks of 256 entries, which are shared where all are 0. */
struct hm_codemap {
	uint16_t index[HM_CODE_POINTS >> 8]; /* block of cp >> 8 */
	struct hm_buf block;		     /* of 256 uint32_t; block 0 is all zero */
};
/* All entries 0. 0 or HM_EDATA. Caller clears, also on failure. */
int hm_codemap_init(struct hm_codemap *m, struct hm_err *e);
void hm_codemap_clear(struct hm_codemap *m);

/* The entry of cp < HM_CODE_POINTS. */
static inline uint32_t hm_codemap_get(const struct hm_codemap *m, uint32_t cp)
{
	return ((const uint32_t *)(const void *)m->block.data)[(uint32_t)m->index[cp >> 8] << 8 | (cp & 255)];
}
/* 0 or HM_EDATA. */
int hm_codemap_set(struct hm_codemap *m, uint32_t cp, uint32_t entry, struct hm_err *e);

/* The value of the range that cp is in; 0: it is in none. Ranges stand in order. */
int hm_char_value(const struct hm_char_range *r, size_t n, uint32_t cp);
/* White space as Unicode's property White_Space has it. */
bool hm_char_is_white(uint32_t cp);
/* The canonical combining class. */
int hm_char_order_of(uint32_t cp);

/* part[0..returned) := the whole canonical decomposition of cp; of most code points it is cp alone. */
enum { HM_CHAR_PARTS = 4 };
int hm_char_decompose(uint32_t cp, uint32_t part[HM_CHAR_PARTS]);
/* The code point that a and b are composed to, or 0. */
uint32_t hm_char_compose(uint32_t a, uint32_t b);

#endif
