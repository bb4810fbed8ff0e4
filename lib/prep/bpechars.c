/* CLIP's view of each code point, out of the lists of unicode_table.h: see bpechars.h. NFC is bpenfc.c's. */
#include "prep/bpechars.h"

static int add_bits(struct hm_codemap *m, uint32_t cp, uint32_t bits, struct hm_err *e)
{
	return hm_codemap_set(m, cp, hm_codemap_get(m, cp) | bits, e);
}

static int add_ranges(struct hm_codemap *m, const struct hm_char_range *r, size_t n, uint32_t bits,
		      struct hm_err *e)
{
	int rc = 0;
	for (size_t i = 0; i < n; i++)
		for (uint32_t cp = r[i].first; !rc && cp <= r[i].last; cp++)
			rc = add_bits(m, cp, bits, e);
	return rc;
}

static int add_kinds(struct hm_codemap *m, struct hm_err *e)
{
	int rc = add_ranges(m, hm_bpe_letters, hm_bpe_letters_n, HM_BPE_LETTER, e);
	if (!rc)
		rc = add_ranges(m, hm_bpe_numbers, hm_bpe_numbers_n, HM_BPE_NUMBER, e);
	for (uint32_t cp = 0; !rc && cp <= 0x3000; cp++) /* the last one is U+3000 */
		if (hm_char_is_white(cp))
			rc = add_bits(m, cp, HM_BPE_SPACE, e);
	return rc;
}

static int add_lower(struct hm_codemap *m, struct hm_err *e)
{
	int rc = add_bits(m, 0x130, HM_BPE_TWO, e);
	for (size_t i = 0; !rc && i < hm_char_lower_n; i++) {
		const struct hm_char_run *r = &hm_char_lower[i];
		for (uint32_t k = 0; !rc && k < r->count; k++)
			rc = add_bits(m, r->first + k * r->step, (r->to + k * r->to_step) << HM_BPE_SHIFT, e);
	}
	return rc;
}

/* Marks that are moved, what decomposes for good, and what is joined to the code point before it. */
static int add_slow(struct hm_codemap *m, struct hm_err *e)
{
	static const struct hm_char_range jamo[] = {{0x1161, 0x1175, 0},
						    {0x11a8, 0x11c2, 0}}; /* vowels, ends */
	int rc = add_ranges(m, hm_char_orders, hm_char_orders_n, HM_BPE_SLOW, e);
	if (!rc)
		rc = add_ranges(m, jamo, sizeof jamo / sizeof *jamo, HM_BPE_SLOW, e);
	for (size_t i = 0; !rc && i < hm_char_single_n; i++) {
		const struct hm_char_run *r = &hm_char_single[i];
		for (uint32_t k = 0; !rc && k < r->count; k++)
			rc = add_bits(m, r->first + k * r->step, HM_BPE_SLOW, e);
	}
	struct hm_buf composing = {0};
	if (!rc)
		rc = hm_buf_add(&composing, NULL, hm_char_pairs_n, e);
	for (size_t i = 0; !rc && i < hm_char_composing_n; i++) {
		composing.data[hm_char_composing[i]] = 1;
		rc = add_bits(m, hm_char_pairs[hm_char_composing[i]].second, HM_BPE_SLOW, e);
	}
	for (size_t i = 0; !rc && i < hm_char_pairs_n; i++)
		if (!composing.data[i])
			rc = add_bits(m, hm_char_pairs[i].from, HM_BPE_SLOW, e);
	hm_buf_clear(&composing);
	return rc;
}

int hm_bpe_chars_init(struct hm_codemap *m, struct hm_err *e)
{
	int rc = hm_codemap_init(m, e);
	if (!rc)
		rc = add_kinds(m, e);
	if (!rc)
		rc = add_lower(m, e);
	return rc ? rc : add_slow(m, e);
}
