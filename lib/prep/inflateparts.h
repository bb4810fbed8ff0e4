/* Codes and their tables; only inflate.c and inflatetable.c include this. */
#ifndef HM_INFLATEPARTS_H
#define HM_INFLATEPARTS_H

#include "prep/inflate.h"

/* Symbols (RFC 1951, 3.2.5): below 256 literals, then the end of the block, then lengths. */
enum { HM_LITERALS = 256, HM_BLOCK_END = 256, HM_LENGTHS = 286, HM_DISTANCES = 30 };

#define HM_CODE_LONGEST 15
#define HM_LIT_BITS 12 /* of the stream, which index the table of literals and lengths */
#define HM_DIST_BITS 9
#define HM_LENGTH_BITS 7
#define HM_MASK(n) (((uint64_t)1 << (n)) - 1)

/* An entry of a table. Bits 0 to 5: how many bits of the stream it takes. Bits 6 and 7: how many literals it
 * is, which stand in the bytes above. Without any it is a length or distance. Then its bits are those of the
 * code and the extra ones behind it; the entry says how long the code is, and what is added to the number in
 * the extra bits. */
#define HM_ENTRY_TAKES(e) ((e)&63)
#define HM_ENTRY_COUNT(e) ((e) >> 6 & 3)
#define HM_ENTRY_CODE(e) ((e) >> 8 & 15)
#define HM_ENTRY_BASE(e) ((e) >> 16)
#define HM_ENTRY_END 0x1000u  /* marks: the end of the block, */
#define HM_ENTRY_LONG 0x2000u /* a code that is longer than the index, */
#define HM_ENTRY_NONE 0x4000u /* a symbol that does not exist */

/* A code: number of symbols of each length; the symbols in the order of their codes; those codes, the first
 * bit of the stream lowest. */
struct hm_code {
	uint16_t count[HM_CODE_LONGEST + 1], symbol[288], bits[288];
};

/* Two literals: the bits of their codes, and their entry. */
struct hm_literals {
	uint32_t bits, entry;
};

struct hm_inflate {
	struct hm_code lit, dist;
	uint32_t lit_table[1 << HM_LIT_BITS], dist_table[1 << HM_DIST_BITS];
	struct hm_literals two[1 << HM_LIT_BITS]; /* no more of them are as short as the index */
	uint8_t lengths[HM_LENGTHS + HM_DISTANCES + 20];
};

/* *c := the code whose symbols 0..n-1 have these lengths. False unless it is complete. */
bool hm_code_order(struct hm_code *c, const uint8_t *length, unsigned n);
/* The entry of a symbol whose code was taken already. */
uint32_t hm_code_length(unsigned symbol);
uint32_t hm_code_distance(unsigned symbol);
/* Both tables, of both codes. */
void hm_code_tables(struct hm_inflate *z);
/* dist_table := that of the code in `lit`, of at most HM_LENGTH_BITS bits; HM_ENTRY_BASE is the symbol. */
void hm_code_table_lengths(struct hm_inflate *z);

#endif
