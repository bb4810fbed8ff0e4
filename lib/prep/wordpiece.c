/* WordPiece: see wordpiece.h. Code points are classed and mapped by charmap.h while a word gathers; a
 * finished word is then cut by trie.h. */
#include "prep/wordpiece.h"
#include "json/json.h"
#include "prep/charmap.h"
#include "prep/trie.h"

#include <stdlib.h>
#include <string.h>

#define WORD_CHARS 100u /* a longer word is [UNK] */

enum { PAD, UNK, CLS, SEP, MASK, SPECIALS };
static const char special_text[SPECIALS][8] = {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"};

struct hm_wordpiece {
	struct hm_wordpiece_options o;
	struct hm_charmap map;
	struct hm_trie trie;
	char lower[128]; /* ASCII that only adds itself to a word, as it stands there; else 0 */
	int32_t special[SPECIALS];
};

struct hm_wordpiece *hm_wordpiece_new(const struct hm_vocab *v, const struct hm_wordpiece_options *o,
				      struct hm_err *e)
{
	struct hm_wordpiece *w = hm_alloc(1, sizeof *w, e);
	if (!w)
		return NULL;
	w->o = *o;
	int rc = 0;
	for (int i = 0; !rc && i < SPECIALS; i++) {
		w->special[i] = hm_vocab_find(v, special_text[i], strlen(special_text[i]));
		if (w->special[i] < 0)
			rc = hm_err_set(e, HM_EDATA, "the token %s is missing", special_text[i]);
	}
	if (!rc)
		rc = hm_charmap_init(&w->map, o->cased, e);
	if (!rc)
		rc = hm_trie_init(&w->trie, v, e);
	for (uint32_t c = 0; !rc && c < 128; c++) {
		uint32_t entry = hm_charmap_get(&w->map, c);
		if ((entry & 255) == HM_CHAR_PLAIN)
			w->lower[c] = (char)(entry ? entry >> 8 : c);
	}
	if (!rc)
		return w;
	hm_wordpiece_free(w);
	return NULL;
}

void hm_wordpiece_free(struct hm_wordpiece *w)
{
	if (!w)
		return;
	hm_charmap_clear(&w->map);
	hm_trie_clear(&w->trie);
	free(w);
}

/* ---- a word ---- */

struct word {
	uint32_t len, chars; /* bytes in b; code points seen, those past WORD_CHARS included */
	uint32_t fence;	     /* marks are not reordered across this offset */
	char b[WORD_CHARS * 4];
};

struct ids {
	int32_t *to;
	size_t n, cap;
};

static void put_id(struct ids *out, int32_t id)
{
	if (out->n < out->cap)
		out->to[out->n++] = id;
}

/* Greedy longest match; [UNK] alone when any part of the word has none. */
static void match(const struct hm_wordpiece *w, const char *s, uint32_t len, struct ids *out)
{
	size_t from = out->n;
	for (uint32_t at = 0, used; at < len; at += used) {
		int32_t id = hm_trie_longest(&w->trie, at > 0, s + at, len - at, &used);
		if (id < 0) {
			out->n = from;
			put_id(out, w->special[UNK]);
			return;
		}
		put_id(out, id);
	}
}

static void end_word(const struct hm_wordpiece *w, struct word *word, struct ids *out)
{
	if (word->chars > WORD_CHARS)
		put_id(out, w->special[UNK]);
	else if (word->chars)
		match(w, word->b, word->len, out);
	word->len = word->chars = word->fence = 0;
}

static uint32_t encode_utf8(uint32_t cp, char out[4])
{
	uint32_t n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	for (uint32_t i = n - 1; i > 0; i--, cp >>= 6)
		out[i] = (char)(0x80 | (cp & 0x3f));
	out[0] = (char)(n == 1 ? cp : (0xf00u >> n & 0xff) | cp);
	return n;
}

static void add_char(struct word *word, uint32_t cp)
{
	if (word->chars++ < WORD_CHARS)
		word->len += encode_utf8(cp, word->b + word->len);
}

/* Adds what s[0..len) begins with of plain ASCII; returns how many bytes. */
static size_t add_ascii(const struct hm_wordpiece *w, struct word *word, const char *s, size_t len)
{
	size_t n = 0;
	for (; n < len; n++) {
		unsigned char c = (unsigned char)s[n];
		if (c >= 0x80 || !w->lower[c])
			break;
		if (word->chars++ < WORD_CHARS)
			word->b[word->len++] = w->lower[c];
	}
	return n;
}

/* A mark that NFD sorts by combining class, stably, among the marks before it (Unicode 3.11, D109). */
static void add_ordered(struct word *word, uint32_t cp)
{
	uint32_t at = word->len, before = 0;
	if (word->chars++ >= WORD_CHARS)
		return;
	while (at > word->fence) {
		uint32_t start = at - 1;
		while ((word->b[start] & 0xc0) == 0x80)
			start--;
		hm_utf8_next(word->b + start, at - start, &before);
		if (hm_char_order_of(before) <= hm_char_order_of(cp))
			break;
		at = start;
	}
	char code[4];
	uint32_t n = encode_utf8(cp, code);
	memmove(word->b + at + n, word->b + at, word->len - at);
	memcpy(word->b + at, code, n);
	word->len += n;
}

static void add_alone(const struct hm_wordpiece *w, struct word *word, uint32_t cp, struct ids *out)
{
	end_word(w, word, out);
	add_char(word, cp);
	end_word(w, word, out);
}

static void add_parts(struct word *word, uint32_t cp, uint32_t entry)
{
	if ((entry & 255) == HM_CHAR_HANGUL) {
		uint32_t s = cp - 0xac00;
		add_char(word, 0x1100 + s / 588);
		add_char(word, 0x1161 + s % 588 / 28);
		if (s % 28)
			add_char(word, 0x11a7 + s % 28);
		return;
	}
	const struct hm_char_multi *m = &hm_char_multi[entry >> 8];
	for (int i = 0; i < 3 && m->to[i]; i++) {
		if (hm_char_order_of(m->to[i]))
			add_ordered(word, m->to[i]);
		else
			add_char(word, m->to[i]);
	}
}

static void take(const struct hm_wordpiece *w, struct word *word, uint32_t cp, struct ids *out)
{
	uint32_t entry = hm_charmap_get(&w->map, cp);
	switch (entry & 255) {
	case HM_CHAR_PLAIN:
		add_char(word, entry ? entry >> 8 : cp);
		break;
	case HM_CHAR_SPACE:
		end_word(w, word, out);
		break;
	case HM_CHAR_CJK:
	case HM_CHAR_PUNCT:
		add_alone(w, word, entry >> 8, out);
		break;
	case HM_CHAR_MARK_STARTER:
		word->fence = word->len;
		break;
	case HM_CHAR_ORDERED:
		add_ordered(word, cp);
		break;
	case HM_CHAR_MULTI:
	case HM_CHAR_HANGUL:
		add_parts(word, cp, entry);
		break;
	default: /* HM_CHAR_REMOVED, HM_CHAR_MARK */
		break;
	}
}

/* Bytes of the special token that s begins with, its number in *which; 0: none. */
static size_t special_at(const char *s, size_t len, int *which)
{
	for (int i = 0; i < SPECIALS; i++) {
		size_t n = strlen(special_text[i]);
		if (len >= n && !memcmp(s, special_text[i], n)) {
			*which = i;
			return n;
		}
	}
	return 0;
}

size_t hm_wordpiece_room(const struct hm_wordpiece *w, size_t len)
{
	return len < (size_t)w->o.max_length - 2 ? len + 2 : (size_t)w->o.max_length;
}

int hm_wordpiece_encode(const struct hm_wordpiece *w, const char *text, size_t len, int32_t *ids,
			struct hm_err *e)
{
	struct word word;
	struct ids out = {ids, 1, hm_wordpiece_room(w, len) - 1};
	ids[0] = w->special[CLS];
	word.len = word.chars = word.fence = 0;
	for (size_t at = 0; at < len && out.n < out.cap;) {
		uint32_t cp;
		at += add_ascii(w, &word, text + at, len - at);
		if (at == len)
			break;
		int which, n = hm_utf8_next(text + at, len - at, &cp);
		if (!n)
			return hm_err_set(e, HM_EDATA, "the text is not UTF-8 at byte %zu", at + 1);
		size_t skip = cp == '[' && !w->o.plain_specials ? special_at(text + at, len - at, &which) : 0;
		if (skip) {
			end_word(w, &word, &out);
			put_id(&out, w->special[which]);
		} else {
			take(w, &word, cp, &out);
		}
		at += skip ? skip : (size_t)n;
	}
	end_word(w, &word, &out);
	out.to[out.n++] = w->special[SEP];
	return (int)out.n;
}
