/* Huffman codes of deflate, and the tables that decode them: see inflateparts.h. */
#include "prep/inflateparts.h"

#include <string.h>

/* Codes count upward from the first; here their first bit is the lowest, so the carry runs downward. */
static unsigned next_code(unsigned code, unsigned length)
{
	unsigned zeros = ~code & (unsigned)HM_MASK(length);
	if (!zeros)
		return 0; /* it was the last one */
	unsigned bit = 1u << (31 - __builtin_clz(zeros));
	return (code & (bit - 1)) | bit;
}

bool hm_code_order(struct hm_code *c, const uint8_t *length, unsigned n)
{
	uint16_t at[HM_CODE_LONGEST + 2] = {0};
	unsigned room = 1, code = 0;
	memset(c->count, 0, sizeof c->count);
	for (unsigned i = 0; i < n; i++)
		c->count[length[i]]++;
	for (unsigned l = 1; l <= HM_CODE_LONGEST; l++) {
		room <<= 1;
		if (c->count[l] > room)
			return false;
		room -= c->count[l];
		at[l + 1] = (uint16_t)(at[l] + c->count[l]);
	}
	if (room)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (length[i])
			c->symbol[at[length[i]]++] = (uint16_t)i;
	for (unsigned l = 1, i = 0; l <= HM_CODE_LONGEST; l++)
		for (unsigned k = 0; k < c->count[l]; k++, code = next_code(code, l))
			c->bits[i++] = (uint16_t)code;
	return true;
}

uint32_t hm_code_length(unsigned symbol)
{
	static const uint16_t base[] = {3,  4,	5,  6,	7,  8,	9,  10, 11,  13,  15,  17,  19,	 23, 27,
					31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
	static const uint8_t extra[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
					2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
	if (symbol < HM_LITERALS)
		return 1u << 6 | symbol << 8;
	if (symbol == HM_BLOCK_END)
		return HM_ENTRY_END;
	symbol -= HM_BLOCK_END + 1;
	return symbol < 29 ? (uint32_t)base[symbol] << 16 | extra[symbol] : HM_ENTRY_NONE;
}

uint32_t hm_code_distance(unsigned symbol)
{
	if (symbol >= HM_DISTANCES)
		return HM_ENTRY_NONE;
	if (symbol < 4)
		return (symbol + 1) << 16;
	unsigned extra = symbol / 2 - 1;
	return (((2 + symbol % 2) << extra) + 1) << 16 | extra;
}

/* A table is filled by the length of what its entries take: 1 bit, 2 bits, ... The entries of l bits index
 * 2^l places; before the next length these are copied behind themselves. What is longer overwrites the
 * shorter beginning of itself. */
struct filling {
	const struct hm_code *c;
	uint32_t *table;
	struct hm_literals *two;
	unsigned first[HM_CODE_LONGEST + 2], plain[HM_CODE_LONGEST + 1]; /* per length; literals of it */
	unsigned first_two[HM_LIT_BITS + 2];
};

static void add_symbols(struct filling *f, unsigned l, uint32_t (*entry)(unsigned))
{
	for (unsigned i = f->first[l]; i < f->first[l + 1]; i++) {
		uint32_t e = entry(f->c->symbol[i]);
		f->table[f->c->bits[i]] = e + l + (HM_ENTRY_COUNT(e) ? 0 : l << 8);
		f->plain[l] += f->c->symbol[i] < HM_LITERALS;
	}
}

static void add_twos(struct filling *f, unsigned l)
{
	struct hm_literals *w = f->two + f->first_two[l];
	for (unsigned la = 1; la < l; la++)
		for (unsigned a = f->first[la], lb = l - la; a < f->first[la] + f->plain[la]; a++) {
			uint32_t bits = f->c->bits[a], e = l | 2 << 6 | (uint32_t)f->c->symbol[a] << 8;
			for (unsigned b = f->first[lb]; b < f->first[lb] + f->plain[lb]; b++, w++) {
				w->bits = bits | (uint32_t)f->c->bits[b] << la;
				w->entry = e | (uint32_t)f->c->symbol[b] << 16;
				f->table[w->bits] = w->entry;
			}
		}
	f->first_two[l + 1] = (unsigned)(w - f->two);
}

static void add_threes(struct filling *f, unsigned l)
{
	for (unsigned la = 2; la < l; la++)
		for (unsigned a = f->first_two[la], lb = l - la; a < f->first_two[la + 1]; a++) {
			uint32_t e = l | 3 << 6 | (f->two[a].entry & 0xffff00);
			for (unsigned b = f->first[lb]; b < f->first[lb] + f->plain[lb]; b++)
				f->table[f->two[a].bits | (uint32_t)f->c->bits[b] << la] =
					e | (uint32_t)f->c->symbol[b] << 24;
		}
}

static void fill_table(struct filling *f, unsigned bits, uint32_t (*entry)(unsigned))
{
	for (unsigned l = 1; l <= HM_CODE_LONGEST; l++)
		f->first[l + 1] = f->first[l] + f->c->count[l];
	f->table[0] = HM_ENTRY_LONG;
	for (unsigned l = 1; l <= bits; l++) {
		memcpy(f->table + (1u << (l - 1)), f->table, sizeof *f->table << (l - 1));
		add_symbols(f, l, entry);
		if (f->two) {
			add_twos(f, l);
			add_threes(f, l);
		}
	}
}

void hm_code_tables(struct hm_inflate *z)
{
	fill_table(&(struct filling){.c = &z->lit, .table = z->lit_table, .two = z->two}, HM_LIT_BITS,
		   hm_code_length);
	fill_table(&(struct filling){.c = &z->dist, .table = z->dist_table}, HM_DIST_BITS, hm_code_distance);
}

static uint32_t code_itself(unsigned symbol)
{
	return symbol << 16;
}

void hm_code_table_lengths(struct hm_inflate *z)
{
	fill_table(&(struct filling){.c = &z->lit, .table = z->dist_table}, HM_LENGTH_BITS, code_itself);
}
