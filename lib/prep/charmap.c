/* Expands the lists of unicode_table.h: see charmap.h. */
#include "prep/charmap.h"

#include <string.h>

#define BLOCK (256 * sizeof(uint32_t))

static int set(struct hm_charmap *m, uint32_t cp, uint32_t to, uint32_t kind, struct hm_err *e)
{
	uint16_t *at = &m->index[cp >> 8];
	if (!*at) {
		*at = (uint16_t)(m->block.len / BLOCK);
		if (hm_buf_add(&m->block, NULL, BLOCK, e))
			return HM_EDATA;
	}
	((uint32_t *)m->block.data)[(uint32_t)*at << 8 | (cp & 255)] = to << 8 | kind;
	return 0;
}

static int set_ranges(struct hm_charmap *m, const struct hm_char_range *r, size_t n, int kind,
		      struct hm_err *e)
{
	for (size_t i = 0; i < n; i++)
		for (uint32_t cp = r[i].first; cp <= r[i].last; cp++)
			if (set(m, cp, cp, kind >= 0 ? (uint32_t)kind : r[i].value, e))
				return HM_EDATA;
	return 0;
}

static int value_in(const struct hm_char_range *r, size_t n, uint32_t cp)
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

int hm_char_order_of(uint32_t cp)
{
	return value_in(hm_char_order, hm_char_order_n, cp);
}

/* A single code point in another's place. Words are split at punctuation after this, at CJK before it. */
static int set_single(struct hm_charmap *m, uint32_t cp, uint32_t to, struct hm_err *e)
{
	int before = value_in(hm_char_raw, hm_char_raw_n, cp),
	    after = value_in(hm_char_raw, hm_char_raw_n, to);
	uint32_t kind = before == HM_CHAR_CJK	 ? HM_CHAR_CJK
			: after == HM_CHAR_PUNCT ? HM_CHAR_PUNCT
						 : HM_CHAR_PLAIN;
	return set(m, cp, to, kind, e);
}

static int set_uncased(struct hm_charmap *m, struct hm_err *e)
{
	static const struct hm_char_range hangul = {0xac00, 0xd7a3, HM_CHAR_HANGUL};
	int rc = set_ranges(m, hm_char_marks, hm_char_marks_n, -1, e);
	if (!rc)
		rc = set_ranges(m, hm_char_order, hm_char_order_n, HM_CHAR_ORDERED, e);
	if (!rc)
		rc = set_ranges(m, &hangul, 1, -1, e);
	for (size_t i = 0; !rc && i < hm_char_single_n; i++) {
		const struct hm_char_run *r = &hm_char_single[i];
		for (uint32_t k = 0; !rc && k < r->count; k++)
			rc = set_single(m, r->first + k * r->step, r->to + k * r->to_step, e);
	}
	for (size_t i = 0; !rc && i < hm_char_multi_n; i++)
		rc = set(m, hm_char_multi[i].from, (uint32_t)i, HM_CHAR_MULTI, e);
	return rc;
}

int hm_charmap_init(struct hm_charmap *m, bool cased, struct hm_err *e)
{
	*m = (struct hm_charmap){0};
	int rc = hm_buf_add(&m->block, NULL, BLOCK, e);
	if (!rc)
		rc = set_ranges(m, hm_char_raw, hm_char_raw_n, -1, e);
	if (!rc && !cased)
		rc = set_uncased(m, e);
	return rc;
}

void hm_charmap_clear(struct hm_charmap *m)
{
	hm_buf_clear(&m->block);
	memset(m->index, 0, sizeof m->index);
}
