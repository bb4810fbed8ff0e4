/* Stretches between special tokens, words without a regular expression, and their ids: see bpetext.h. */
#include "prep/bpetext.h"
#include "json/json.h"

#include <string.h>

/* The kind of the code point at s[at], its bytes in *used. The text is valid UTF-8. */
static uint32_t kind_at(const struct hm_codemap *m, const char *s, size_t n, size_t at, size_t *used)
{
	uint32_t cp = (unsigned char)s[at];
	*used = 1;
	if (cp >= 0x80) {
		int bytes = hm_utf8_next(s + at, n - at, &cp);
		*used = bytes ? (size_t)bytes : 1;
	}
	return hm_codemap_get(m, cp) & HM_BPE_KIND;
}

/* Where the run of `kind` ends that goes on at s[at]. */
static size_t end_of_run(const struct hm_codemap *m, const char *s, size_t n, size_t at, uint32_t kind)
{
	size_t used;
	while (at < n && kind_at(m, s, n, at, &used) == kind)
		at += used;
	return at;
}

/* The length of 's 't 're 've 'm 'll 'd at s[at], or 0. */
static size_t contraction_at(const char *s, size_t n, size_t at)
{
	if (s[at] != '\'' || n - at < 2)
		return 0;
	char a = s[at + 1], b = n - at > 2 ? s[at + 2] : 0;
	if (a == 's' || a == 't' || a == 'm' || a == 'd')
		return 2;
	return (a == 'r' && b == 'e') || (a == 'v' && b == 'e') || (a == 'l' && b == 'l') ? 3 : 0;
}

/* CLIP's special words that stand in lowered text: "<|", the word and "|>" are three words. */
static size_t special_word_at(const char *s, size_t n, size_t at)
{
	static const char start[] = "<|startoftext|>", end[] = "<|endoftext|>";
	if (n - at >= sizeof start - 1 && !memcmp(s + at, start, sizeof start - 1))
		return sizeof start - 1;
	return n - at >= sizeof end - 1 && !memcmp(s + at, end, sizeof end - 1) ? sizeof end - 1 : 0;
}

static int put_clip_words(const struct hm_bpe_tokenizer *b, const char *s, size_t n, struct hm_bpe_ids *out,
			  struct hm_err *e)
{
	int rc = 0;
	for (size_t at = 0, end, used; !rc && at < n && !out->cut; at = end) {
		uint32_t kind = kind_at(&b->chars, s, n, at, &used);
		size_t special = s[at] == '<' ? special_word_at(s, n, at) : 0;
		end = at + used;
		if (kind == HM_BPE_SPACE)
			continue;
		if (special) {
			rc = hm_bpe_word(&b->bpe, s + at, 2, out, e);
			if (!rc)
				rc = hm_bpe_word(&b->bpe, s + at + 2, special - 4, out, e);
			at += special - 2;
			end = at + 2;
		} else if (kind != HM_BPE_NUMBER) {
			size_t short_one = contraction_at(s, n, at);
			end = short_one ? at + short_one : end_of_run(&b->chars, s, n, end, kind);
		}
		if (!rc)
			rc = hm_bpe_word(&b->bpe, s + at, end - at, out, e);
	}
	return rc;
}

/* The end of the word at s[at]: a contraction, a run of one kind with a space before it, or white space, of
 * which the last code point is left to what follows. */
static size_t end_of_word(const struct hm_codemap *m, const char *s, size_t n, size_t at)
{
	size_t used, last = at, end = at, short_one = contraction_at(s, n, at);
	if (short_one)
		return at + short_one;
	size_t begin = s[at] == ' ' && at + 1 < n ? at + 1 : at;
	uint32_t kind = kind_at(m, s, n, begin, &used);
	if (kind != HM_BPE_SPACE)
		return end_of_run(m, s, n, begin + used, kind);
	while (end < n && kind_at(m, s, n, end, &used) == HM_BPE_SPACE) {
		last = end;
		end += used;
	}
	return end == n || last == at ? end : last;
}

static int put_byte_words(const struct hm_bpe_tokenizer *b, const char *s, size_t n, struct hm_bpe_ids *out,
			  struct hm_err *e)
{
	int rc = 0;
	for (size_t at = 0; !rc && at < n && !out->cut;) {
		size_t end = end_of_word(&b->chars, s, n, at);
		rc = hm_bpe_word(&b->bpe, s + at, end - at, out, e);
		at = end;
	}
	return rc;
}

static int put_stretch(const struct hm_bpe_tokenizer *b, const char *s, size_t n, struct hm_bpe_work *w,
		       struct hm_bpe_ids *out, struct hm_err *e)
{
	if (!n)
		return 0;
	int rc = b->clip ? hm_bpe_normalize(&b->chars, s, n, w, e) : hm_bpe_copy(s, n, b->prefix_space, w, e);
	if (rc)
		return rc;
	return b->clip ? put_clip_words(b, w->s, w->n, out, e) : put_byte_words(b, w->s, w->n, out, e);
}

/* ---- special tokens ---- */

/* The next special token of s[at..n), its place in *from and its bytes in *used; -1: there is none. */
static int32_t find_special(const struct hm_bpe_tokenizer *b, const char *s, size_t n, size_t at,
			    size_t *from, uint32_t *used)
{
	for (; at < n; at++) {
		if (b->only >= 0) {
			const char *p = memchr(s + at, b->only, n - at);
			if (!p)
				break;
			at = (size_t)(p - s);
		}
		int32_t id = b->specials.first[(unsigned char)s[at]]
				     ? hm_specials_at(&b->specials, s + at, n - at, used)
				     : -1;
		if (id >= 0) {
			*from = at;
			return id;
		}
	}
	return -1;
}

/* s[from..to) without white space at its end, and where the white space from `at` on ends. */
static size_t strip_end(const struct hm_codemap *m, const char *s, size_t from, size_t to)
{
	while (to > from) {
		size_t at = to - 1, used;
		while (at > from && ((unsigned char)s[at] & 0xc0) == 0x80)
			at--;
		if (kind_at(m, s, to, at, &used) != HM_BPE_SPACE)
			break;
		to = at;
	}
	return to;
}

static int put_text(const struct hm_bpe_tokenizer *b, const char *s, size_t n, struct hm_bpe_work *w,
		    struct hm_bpe_ids *out, struct hm_err *e)
{
	int rc = 0;
	for (size_t at = 0; !rc && !out->cut;) {
		uint32_t used = 0;
		size_t from = n;
		int32_t id = find_special(b, s, n, at, &from, &used);
		const struct hm_special *t = id >= 0 ? hm_specials_get(&b->specials, id) : NULL;
		size_t end = t && t->lstrip ? strip_end(&b->chars, s, at, from) : from;
		rc = put_stretch(b, s + at, end - at, w, out, e);
		if (id < 0)
			break;
		if (!rc)
			hm_bpe_put(out, id);
		at = from + used;
		if (t && t->rstrip)
			at = end_of_run(&b->chars, s, n, at, HM_BPE_SPACE);
	}
	return rc;
}

size_t hm_bpe_room(const struct hm_tokenizer *t, size_t len)
{
	/* a byte may become several: NFC makes up to three of one, lower case three of two */
	size_t most = (size_t)t->max_length;
	return len < most / 5 ? 5 * len + 2 < most ? 5 * len + 2 : most : most;
}

int hm_bpe_encode(const struct hm_tokenizer *t, struct hm_token_memo *memo, const char *text, size_t len,
		  int32_t *ids, bool *cut, struct hm_err *e)
{
	const struct hm_bpe_tokenizer *b = (const struct hm_bpe_tokenizer *)(const void *)t;
	struct hm_bpe_work w;
	(void)memo; /* short words are one look-up as it is */
	w.s = NULL;
	w.n = w.cap = 0;
	w.large = w.points = (struct hm_buf){0};
	size_t valid = hm_utf8_check(text, len), ends = (b->first >= 0) + (b->last >= 0);
	struct hm_bpe_ids out = {.to = ids, .cap = hm_bpe_room(t, len) - (b->last >= 0)};
	if (valid < len)
		return hm_err_set(e, HM_EDATA, "the text is not UTF-8 at byte %zu", valid + 1);
	if (ends && b->first >= 0)
		ids[out.n++] = b->first;
	int rc = put_text(b, text, len, &w, &out, e);
	hm_bpe_work_clear(&w);
	if (rc)
		return rc;
	if (b->last >= 0)
		ids[out.n++] = b->last;
	if (cut)
		*cut = out.cut;
	return (int)out.n;
}
