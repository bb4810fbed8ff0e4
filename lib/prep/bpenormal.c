/* NFC and lower case of a stretch of text: see bpetext.h. ASCII is lowered byte by byte. Of the rest almost
 * all code points become themselves or another; NFC is worked out only for the run of code points around one
 * that needs it. */
#include "json/json.h"
#include "prep/bpetext.h"

#include <string.h>

/* Room for `cap` bytes and the padding, of which those up to w->n are kept. */
static int reserve_work(struct hm_bpe_work *w, size_t cap, struct hm_err *e)
{
	if (!w->s) {
		w->s = w->small;
		w->cap = sizeof w->small - HM_BPE_PADDING;
	}
	if (cap <= w->cap)
		return 0;
	bool moved = w->s == w->small;
	w->large.len = moved ? 0 : w->n;
	if (hm_buf_reserve(&w->large, cap - w->large.len + HM_BPE_PADDING, e))
		return HM_EDATA;
	if (moved && w->n)
		memcpy(w->large.data, w->small, w->n);
	w->s = (char *)w->large.data;
	w->cap = w->large.cap - HM_BPE_PADDING;
	return 0;
}

void hm_bpe_work_clear(struct hm_bpe_work *w)
{
	hm_buf_clear(&w->large);
	hm_buf_clear(&w->points);
	w->s = NULL;
}

int hm_bpe_copy(const char *s, size_t n, bool space, struct hm_bpe_work *w, struct hm_err *e)
{
	w->n = 0;
	if (reserve_work(w, n + 1, e))
		return HM_EDATA;
	if (space && n && *s != ' ')
		w->s[w->n++] = ' ';
	memcpy(w->s + w->n, s, n);
	w->n += n;
	memset(w->s + w->n, 0, HM_BPE_PADDING);
	return 0;
}

/* Appends the lower case of a code point, 4 bytes at most; there is room. */
static void put_lower(const struct hm_codemap *m, uint32_t cp, struct hm_bpe_work *w)
{
	uint32_t entry = hm_codemap_get(m, cp);
	if (entry & HM_BPE_TWO) {
		memcpy(w->s + w->n, "i\xcc\x87", 3);
		w->n += 3;
		return;
	}
	cp = entry >> HM_BPE_SHIFT ? entry >> HM_BPE_SHIFT : cp;
	w->n += (size_t)hm_utf8_put(cp, w->s + w->n);
}

static char lower_ascii(char c)
{
	return (char)(c + ((unsigned char)(c - 'A') < 26 ? 32 : 0));
}

/* Copies what s[0..n) begins with of ASCII, lowered, to out, which has room for n; returns how much. */
static size_t lower_run(const char *s, size_t n, char *out)
{
	size_t at = 0;
	for (; at + 16 <= n; at += 16) {
		uint64_t word[2];
		memcpy(word, s + at, sizeof word);
		if ((word[0] | word[1]) & 0x8080808080808080u)
			break;
		for (int i = 0; i < 16; i++)
			out[at + (size_t)i] = lower_ascii(s[at + (size_t)i]);
	}
	for (; at < n && (unsigned char)s[at] < 0x80; at++)
		out[at] = lower_ascii(s[at]);
	return at;
}

/* Appends s[0..n), a run that nothing around it changes, in NFC and lowered; `rest` bytes follow it. */
static int put_normal(const struct hm_codemap *m, const char *s, size_t n, size_t rest,
		      struct hm_bpe_work *w, struct hm_err *e)
{
	if (hm_bpe_nfc(s, n, &w->points, e))
		return HM_EDATA;
	size_t count = w->points.len / sizeof(uint32_t);
	if (reserve_work(w, w->n + 4 * count + 2 * rest, e))
		return HM_EDATA;
	const uint32_t *p = (const uint32_t *)(const void *)w->points.data;
	for (size_t i = 0; i < count; i++)
		put_lower(m, p[i], w);
	return 0;
}

/* How many bytes of s[0..n) NFC cannot part from what stands before them. */
static size_t length_slow(const struct hm_codemap *m, const char *s, size_t n)
{
	size_t at = 0;
	while (at < n) {
		uint32_t cp = 0;
		int used = hm_utf8_next(s + at, n - at, &cp);
		if (!used || !(hm_codemap_get(m, cp) & HM_BPE_SLOW))
			break;
		at += (size_t)used;
	}
	return at;
}

int hm_bpe_normalize(const struct hm_codemap *m, const char *s, size_t n, struct hm_bpe_work *w,
		     struct hm_err *e)
{
	/* where the last code point began that nothing before it changes, in the text and in what became of
	 * it */
	size_t start = 0, kept = 0;
	w->n = 0;
	if (reserve_work(w, 2 * n, e)) /* two bytes may become three */
		return HM_EDATA;
	for (size_t at = 0; at < n;) {
		size_t ascii = lower_run(s + at, n - at, w->s + w->n);
		at += ascii;
		w->n += ascii;
		if (ascii) {
			start = at - 1;
			kept = w->n - 1;
		}
		uint32_t cp = 0;
		int used = at < n ? hm_utf8_next(s + at, n - at, &cp) : 0;
		if (!used)
			break;
		if (hm_codemap_get(m, cp) & HM_BPE_SLOW) {
			size_t end = at + length_slow(m, s + at, n - at);
			w->n = kept;
			if (put_normal(m, s + start, end - start, n - end, w, e))
				return HM_EDATA;
			at = start = end;
			kept = w->n;
			continue;
		}
		start = at;
		kept = w->n;
		put_lower(m, cp, w);
		at += (size_t)used;
	}
	memset(w->s + w->n, 0, HM_BPE_PADDING);
	return 0;
}
