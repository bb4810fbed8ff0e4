/* BERT's view of each code point, out of the lists of unicode_table.h: see charmap.h. */
#include "prep/charmap.h"

#define DOTTED_I 0x130u /* the only one whose lower case is two code points */

static int set_entry(struct hm_codemap *m, uint32_t cp, uint32_t to, uint32_t kind, struct hm_err *e)
{
	return hm_codemap_set(m, cp, to << 8 | kind, e);
}

/* The class before normalisation, without what a step that is not taken would do. */
static uint32_t class_under(struct hm_char_rules rules, uint32_t kind, uint32_t cp)
{
	if (kind == HM_CHAR_REMOVED && !rules.clean)
		return hm_char_is_white(cp) ? HM_CHAR_SPACE : HM_CHAR_PLAIN;
	return kind == HM_CHAR_CJK && !rules.cjk ? HM_CHAR_PLAIN : kind;
}

static int set_classes(struct hm_codemap *m, struct hm_char_rules rules, struct hm_err *e)
{
	for (size_t i = 0; i < hm_bert_classes_n; i++) {
		const struct hm_char_range *r = &hm_bert_classes[i];
		for (uint32_t cp = r->first; cp <= r->last; cp++)
			if (set_entry(m, cp, cp, class_under(rules, r->value, cp), e))
				return HM_EDATA;
	}
	return 0;
}

/* cp becomes `to`. Words are split at CJK before that, at punctuation after it. */
static int set_single(struct hm_codemap *m, uint32_t cp, uint32_t to, struct hm_err *e)
{
	int after = hm_char_value(hm_bert_classes, hm_bert_classes_n, to);
	uint32_t kind = (hm_codemap_get(m, cp) & 255) == HM_CHAR_CJK ? HM_CHAR_CJK
			: after == HM_CHAR_PUNCT		     ? HM_CHAR_PUNCT
								     : HM_CHAR_PLAIN;
	return set_entry(m, cp, to, kind, e);
}

static int set_lower(struct hm_codemap *m, struct hm_err *e)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < hm_char_lower_n; i++) {
		const struct hm_char_run *r = &hm_char_lower[i];
		for (uint32_t k = 0; !rc && k < r->count; k++)
			rc = set_single(m, r->first + k * r->step, r->to + k * r->to_step, e);
	}
	return rc ? rc : set_entry(m, DOTTED_I, DOTTED_I, HM_CHAR_MULTI, e);
}

static bool is_mark(uint32_t cp)
{
	return hm_char_value(hm_bert_marks, hm_bert_marks_n, cp);
}

/* The decomposition without marks. */
static int strip_accents(uint32_t cp, uint32_t part[HM_CHAR_PARTS])
{
	int n = hm_char_decompose(cp, part), kept = 0;
	for (int i = 0; i < n; i++)
		if (!is_mark(part[i]))
			part[kept++] = part[i];
	return kept;
}

int hm_charmap_parts(uint32_t cp, uint32_t part[HM_CHAR_PARTS])
{
	if (cp != DOTTED_I)
		return strip_accents(cp, part);
	part[0] = 'i';
	part[1] = 0x307;
	return 2;
}

/* What is no mark and has a decomposition. White space keeps its class. */
static int set_decomposed(struct hm_codemap *m, uint32_t cp, struct hm_err *e)
{
	uint32_t part[HM_CHAR_PARTS];
	int n = strip_accents(cp, part);
	if (!n || hm_char_value(hm_bert_classes, hm_bert_classes_n, cp) == HM_CHAR_SPACE)
		return 0;
	if (n > 1)
		return set_entry(m, cp, cp, HM_CHAR_MULTI, e);
	uint32_t entry = hm_codemap_get(m, *part);
	bool lowered = entry && (entry & 255) == HM_CHAR_PLAIN;
	return set_single(m, cp, lowered ? entry >> 8 : *part, e);
}

/* Marks are dropped, those with a combining class without a trace; what else has one is reordered. */
static int set_marks(struct hm_codemap *m, struct hm_err *e)
{
	uint32_t part[HM_CHAR_PARTS];
	int rc = 0;
	for (size_t i = 0; i < hm_char_orders_n; i++)
		for (uint32_t cp = hm_char_orders[i].first; !rc && cp <= hm_char_orders[i].last; cp++)
			rc = set_entry(m, cp, cp, HM_CHAR_ORDERED, e);
	for (size_t i = 0; i < hm_bert_marks_n; i++)
		for (uint32_t cp = hm_bert_marks[i].first; !rc && cp <= hm_bert_marks[i].last; cp++) {
			hm_char_decompose(cp, part);
			rc = set_entry(m, cp, cp,
				       hm_char_order_of(*part) ? HM_CHAR_MARK : HM_CHAR_MARK_STARTER, e);
		}
	return rc;
}

/* Comes after set_lower: what a code point is decomposed into is lowered by its own entry. */
static int set_stripped(struct hm_codemap *m, struct hm_err *e)
{
	int rc = set_marks(m, e);
	for (uint32_t cp = 0xac00; !rc && cp <= 0xd7a3; cp++)
		rc = set_entry(m, cp, cp, HM_CHAR_HANGUL, e);
	for (size_t i = 0; i < hm_char_single_n; i++) {
		const struct hm_char_run *r = &hm_char_single[i];
		for (uint32_t k = 0; !rc && k < r->count; k++)
			rc = set_decomposed(m, r->first + k * r->step, e);
	}
	for (size_t i = 0; !rc && i < hm_char_pairs_n; i++)
		rc = set_decomposed(m, hm_char_pairs[i].from, e);
	return rc;
}

int hm_charmap_init(struct hm_codemap *m, struct hm_char_rules rules, struct hm_err *e)
{
	int rc = hm_codemap_init(m, e);
	if (!rc)
		rc = set_classes(m, rules, e);
	if (!rc && rules.lower)
		rc = set_lower(m, e);
	return rc || !rules.strip ? rc : set_stripped(m, e);
}
