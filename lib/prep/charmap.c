/* Expands the lists of unicode_table.h: see charmap.h. */
#include "prep/charmap.h"

#include <string.h>

#define BLOCK (256 * sizeof(uint32_t))

static int set_entry(struct hm_charmap *m, uint32_t cp, uint32_t to, uint32_t kind, struct hm_err *e)
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
			if (set_entry(m, cp, cp, kind >= 0 ? (uint32_t)kind : r[i].value, e))
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

bool hm_char_is_white(uint32_t cp)
{
	static const struct hm_char_range white[] = {
		{0x9, 0xd, 1},	     {0x20, 0x20, 1},	  {0x85, 0x85, 1},     {0xa0, 0xa0, 1},
		{0x1680, 0x1680, 1}, {0x2000, 0x200a, 1}, {0x2028, 0x2029, 1}, {0x202f, 0x202f, 1},
		{0x205f, 0x205f, 1}, {0x3000, 0x3000, 1}};
	return value_in(white, sizeof white / sizeof *white, cp);
}

/* The class before normalisation, without what a step that is not taken would do. */
static uint32_t class_under(struct hm_char_rules rules, uint32_t kind, uint32_t cp)
{
	if (kind == HM_CHAR_REMOVED && !rules.clean)
		return hm_char_is_white(cp) ? HM_CHAR_SPACE : HM_CHAR_PLAIN;
	return kind == HM_CHAR_CJK && !rules.cjk ? HM_CHAR_PLAIN : kind;
}

static int set_classes(struct hm_charmap *m, struct hm_char_rules rules, struct hm_err *e)
{
	for (size_t i = 0; i < hm_char_raw_n; i++) {
		const struct hm_char_range *r = &hm_char_raw[i];
		for (uint32_t cp = r->first; cp <= r->last; cp++)
			if (set_entry(m, cp, cp, class_under(rules, r->value, cp), e))
				return HM_EDATA;
	}
	return 0;
}

/* cp becomes `to`. Words are split at CJK before that, at punctuation after it. */
static int set_single(struct hm_charmap *m, uint32_t cp, uint32_t to, struct hm_err *e)
{
	int after = value_in(hm_char_raw, hm_char_raw_n, to);
	uint32_t kind = (hm_charmap_get(m, cp) & 255) == HM_CHAR_CJK ? HM_CHAR_CJK
			: after == HM_CHAR_PUNCT		     ? HM_CHAR_PUNCT
								     : HM_CHAR_PLAIN;
	return set_entry(m, cp, to, kind, e);
}

static int set_lower(struct hm_charmap *m, struct hm_err *e)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < hm_char_lower_n; i++) {
		const struct hm_char_run *r = &hm_char_lower[i];
		for (uint32_t k = 0; !rc && k < r->count; k++)
			rc = set_single(m, r->first + k * r->step, r->to + k * r->to_step, e);
	}
	for (size_t i = hm_char_multi_lower; !rc && i < hm_char_multi_n; i++)
		rc = set_entry(m, hm_char_multi[i].from, (uint32_t)i, HM_CHAR_MULTI, e);
	return rc;
}

/* Comes after set_lower: what a code point is decomposed into is lowered by its own entry. */
static int set_stripped(struct hm_charmap *m, struct hm_err *e)
{
	static const struct hm_char_range hangul = {0xac00, 0xd7a3, HM_CHAR_HANGUL};
	int rc = set_ranges(m, hm_char_marks, hm_char_marks_n, -1, e);
	if (!rc)
		rc = set_ranges(m, hm_char_order, hm_char_order_n, HM_CHAR_ORDERED, e);
	if (!rc)
		rc = set_ranges(m, &hangul, 1, -1, e);
	for (size_t i = 0; !rc && i < hm_char_single_n; i++) {
		const struct hm_char_run *r = &hm_char_single[i];
		for (uint32_t k = 0; !rc && k < r->count; k++) {
			uint32_t to = r->to + k * r->to_step, entry = hm_charmap_get(m, to);
			bool lowered = entry && (entry & 255) == HM_CHAR_PLAIN;
			rc = set_single(m, r->first + k * r->step, lowered ? entry >> 8 : to, e);
		}
	}
	for (size_t i = 0; !rc && i < hm_char_multi_lower; i++)
		rc = set_entry(m, hm_char_multi[i].from, (uint32_t)i, HM_CHAR_MULTI, e);
	return rc;
}

int hm_charmap_init(struct hm_charmap *m, struct hm_char_rules rules, struct hm_err *e)
{
	*m = (struct hm_charmap){0};
	int rc = hm_buf_add(&m->block, NULL, BLOCK, e);
	if (!rc)
		rc = set_classes(m, rules, e);
	if (!rc && rules.lower)
		rc = set_lower(m, e);
	if (!rc && rules.strip)
		rc = set_stripped(m, e);
	return rc;
}

void hm_charmap_clear(struct hm_charmap *m)
{
	hm_buf_clear(&m->block);
	memset(m->index, 0, sizeof m->index);
}
