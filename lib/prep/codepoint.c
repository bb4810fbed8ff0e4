/* Maps over code points, and the lists of unicode_table.h searched: see codepoint.h. */
#include "prep/codepoint.h"

#include <string.h>

#define BLOCK (256 * sizeof(uint32_t))

enum { /* Hangul, Unicode 3.12 */
       S_BASE = 0xac00,
       L_BASE = 0x1100,
       V_BASE = 0x1161,
       T_BASE = 0x11a7,
       L_COUNT = 19,
       V_COUNT = 21,
       T_COUNT = 28,
       S_COUNT = L_COUNT * V_COUNT * T_COUNT
};

int hm_codemap_init(struct hm_codemap *m, struct hm_err *e)
{
	*m = (struct hm_codemap){0};
	return hm_buf_add(&m->block, NULL, BLOCK, e);
}

void hm_codemap_clear(struct hm_codemap *m)
{
	hm_buf_clear(&m->block);
	memset(m->index, 0, sizeof m->index);
}

int hm_codemap_set(struct hm_codemap *m, uint32_t cp, uint32_t entry, struct hm_err *e)
{
	uint16_t *at = &m->index[cp >> 8];
	if (!*at) {
		*at = (uint16_t)(m->block.len / BLOCK);
		if (hm_buf_add(&m->block, NULL, BLOCK, e))
			return HM_EDATA;
	}
	((uint32_t *)(void *)m->block.data)[(uint32_t)*at << 8 | (cp & 255)] = entry;
	return 0;
}

int hm_char_value(const struct hm_char_range *r, size_t n, uint32_t cp)
{
	size_t low = 0, high = n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (cp > r[mid].last)
			low = mid + 1;
		else
			high = mid;
	}
	return low < n && cp >= r[low].first ? r[low].value : 0;
}

bool hm_char_is_white(uint32_t cp)
{
	static const struct hm_char_range white[] = {
		{0x9, 0xd, 1},	     {0x20, 0x20, 1},	  {0x85, 0x85, 1},     {0xa0, 0xa0, 1},
		{0x1680, 0x1680, 1}, {0x2000, 0x200a, 1}, {0x2028, 0x2029, 1}, {0x202f, 0x202f, 1},
		{0x205f, 0x205f, 1}, {0x3000, 0x3000, 1}};
	return hm_char_value(white, sizeof white / sizeof *white, cp);
}

int hm_char_order_of(uint32_t cp)
{
	return hm_char_value(hm_char_orders, hm_char_orders_n, cp);
}

static uint32_t single_of(uint32_t cp)
{
	size_t low = 0, high = hm_char_single_n;
	while (low < high) { /* the first run that begins behind cp */
		size_t mid = (low + high) / 2;
		if (hm_char_single[mid].first <= cp)
			low = mid + 1;
		else
			high = mid;
	}
	const struct hm_char_run *r = &hm_char_single[low ? low - 1 : 0];
	uint32_t step = r->step ? r->step : 1, k = (cp - r->first) / step;
	if (low && k < r->count && (cp - r->first) % step == 0)
		return r->to + k * r->to_step;
	return cp;
}

static const struct hm_char_pair *pair_of(uint32_t cp)
{
	size_t low = 0, high = hm_char_pairs_n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (hm_char_pairs[mid].from < cp)
			low = mid + 1;
		else
			high = mid;
	}
	return low < hm_char_pairs_n && hm_char_pairs[low].from == cp ? &hm_char_pairs[low] : NULL;
}

static int decompose_hangul(uint32_t s, uint32_t part[HM_CHAR_PARTS])
{
	part[0] = L_BASE + s / (V_COUNT * T_COUNT);
	part[1] = V_BASE + s % (V_COUNT * T_COUNT) / T_COUNT;
	part[2] = T_BASE + s % T_COUNT;
	return s % T_COUNT ? 3 : 2;
}

/* Steps go down by their first code point, and their second ones follow. */
int hm_char_decompose(uint32_t cp, uint32_t part[HM_CHAR_PARTS])
{
	uint32_t tail[HM_CHAR_PARTS], s = cp - S_BASE;
	int at = HM_CHAR_PARTS;
	const struct hm_char_pair *p;
	if (s < S_COUNT)
		return decompose_hangul(s, part);
	for (cp = single_of(cp); at > 1 && (p = pair_of(cp)); cp = single_of(p->first))
		tail[--at] = single_of(p->second);
	tail[--at] = cp;
	memcpy(part, tail + at, (size_t)(HM_CHAR_PARTS - at) * sizeof *part);
	return HM_CHAR_PARTS - at;
}

uint32_t hm_char_compose(uint32_t a, uint32_t b)
{
	uint32_t l = a - L_BASE, v = b - V_BASE, s = a - S_BASE, t = b - T_BASE;
	if (l < L_COUNT && v < V_COUNT)
		return S_BASE + (l * V_COUNT + v) * T_COUNT;
	if (s < S_COUNT && s % T_COUNT == 0 && t && t < T_COUNT)
		return a + t;
	size_t low = 0, high = hm_char_composing_n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct hm_char_pair *p = &hm_char_pairs[hm_char_composing[mid]];
		if (p->first < a || (p->first == a && p->second < b))
			low = mid + 1;
		else
			high = mid;
	}
	if (low == hm_char_composing_n)
		return 0;
	const struct hm_char_pair *p = &hm_char_pairs[hm_char_composing[low]];
	return p->first == a && p->second == b ? p->from : 0;
}
