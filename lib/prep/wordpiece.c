/* WordPiece's encoder: see wordpiece.h. Code points are classed and mapped by charmap.h while a word gathers;
 * a finished word is then cut into pieces by trie.h. */
#include "prep/wordpiece.h"
#include "json/json.h"
#include "prep/tokenmemo.h"

#include <stdlib.h>
#include <string.h>

struct wordpiece {
	struct hm_tokenizer t;
	struct hm_codemap map;
	struct hm_trie trie;
	struct hm_specials specials;
	uint32_t inner; /* the trie's node where the pieces inside a word begin */
	uint32_t word_chars;
	int32_t unk, cls, sep;
	char lower[256]; /* by byte: ASCII that only adds itself to a word, as it stands there; else 0 */
};

int hm_wordpiece_new(struct hm_tokenizer **t, struct hm_trie *words, struct hm_specials *s,
		     const struct hm_wordpiece_rules *r, struct hm_err *e)
{
	struct wordpiece *w = hm_alloc(1, sizeof *w, e);
	*t = NULL;
	if (!w) {
		hm_trie_clear(words);
		hm_specials_clear(s);
		return HM_EDATA;
	}
	w->t = (struct hm_tokenizer){.kind = &hm_wordpiece_kind, .max_length = r->max_length};
	w->trie = *words;
	*words = (struct hm_trie){0};
	w->specials = *s;
	*s = (struct hm_specials){0};
	w->inner = hm_trie_node(&w->trie, r->prefix, strlen(r->prefix));
	w->word_chars = r->word_chars;
	w->unk = w->specials.role[HM_ROLE_UNK].id;
	w->cls = w->specials.role[HM_ROLE_CLS].id;
	w->sep = w->specials.role[HM_ROLE_SEP].id;
	if (hm_charmap_init(&w->map, r->chars, e)) {
		hm_wordpiece_close(&w->t);
		return HM_EDATA;
	}
	for (uint32_t c = 0; c < 128; c++) {
		uint32_t entry = hm_codemap_get(&w->map, c);
		if ((entry & 255) == HM_CHAR_PLAIN && !w->specials.first[c])
			w->lower[c] = (char)(entry ? entry >> 8 : c);
	}
	*t = &w->t;
	return 0;
}

void hm_wordpiece_close(struct hm_tokenizer *t)
{
	struct wordpiece *w = (struct wordpiece *)t;
	hm_codemap_clear(&w->map);
	hm_trie_clear(&w->trie);
	hm_specials_clear(&w->specials);
	free(w);
}

/* ---- a word ---- */

struct word {
	uint32_t len, chars;	    /* bytes in b; code points seen, those past `cap` included */
	uint32_t cap;		    /* code points of the longest word that is looked up */
	uint32_t fence;		    /* marks are not reordered across this offset */
	char *b;		    /* [cap * 4], 16 or more */
	struct hm_token_memo *memo; /* may be NULL */
};

struct ids {
	int32_t *to;
	size_t n, cap;
	bool cut; /* there was one more than fits */
};

static void put_id(struct ids *out, int32_t id)
{
	if (out->n < out->cap)
		out->to[out->n++] = id;
	else
		out->cut = true;
}

/* Greedy longest match; [UNK] alone when any part of the word has none. */
static void cut_word(const struct wordpiece *w, const char *s, uint32_t len, struct ids *out)
{
	size_t from = out->n;
	bool cut = out->cut;
	for (uint32_t at = 0, used; at < len; at += used) {
		int32_t id = hm_trie_longest(&w->trie, at ? w->inner : 0, s + at, len - at, &used);
		if (id < 0) {
			out->n = from;
			out->cut = cut;
			put_id(out, w->unk);
			return;
		}
		put_id(out, id);
	}
}

/* A word whose ids may be known. */
static void match_word(const struct wordpiece *w, const struct word *word, struct ids *out)
{
	uint64_t key[2];
	if (!word->memo || !word->len || word->len > HM_MEMO_LONGEST) {
		cut_word(w, word->b, word->len, out);
		return;
	}
	hm_memo_key(word->b, word->len, key);
	struct hm_memo_word *known = hm_memo_place(word->memo, key);
	if (known->key[0] == key[0] && known->key[1] == key[1]) {
		for (uint32_t i = 0; i < known->n; i++)
			put_id(out, known->id[i]);
		return;
	}
	size_t from = out->n;
	cut_word(w, word->b, word->len, out);
	size_t n = out->n - from;
	if (out->cut || n > HM_MEMO_IDS)
		return;
	*known = (struct hm_memo_word){.key = {key[0], key[1]}, .n = (uint32_t)n};
	memcpy(known->id, out->to + from, n * sizeof *known->id);
}

static void end_word(const struct wordpiece *w, struct word *word, struct ids *out)
{
	if (word->chars > word->cap)
		put_id(out, w->unk);
	else if (word->chars)
		match_word(w, word, out);
	word->len = word->chars = word->fence = 0;
}

static void add_char(struct word *word, uint32_t cp)
{
	if (word->chars++ < word->cap)
		word->len += (uint32_t)hm_utf8_put(cp, word->b + word->len);
}

/* Adds what s[0..len) begins with of plain ASCII; returns how many bytes. */
static size_t add_ascii(const struct wordpiece *w, struct word *word, const char *s, size_t len)
{
	char *to = word->b + word->len, c;
	size_t n = 0, room = word->chars < word->cap ? word->cap - word->chars : 0;
	size_t fits = len < room ? len : room;
	while (n < fits && (c = w->lower[(unsigned char)s[n]]))
		to[n++] = c;
	word->len += (uint32_t)n;
	while (n >= fits && n < len && w->lower[(unsigned char)s[n]])
		n++;
	word->chars += (uint32_t)n;
	return n;
}

/* A mark that NFD sorts by combining class, stably, among the marks before it (Unicode 3.11, D109). */
static void add_ordered(struct word *word, uint32_t cp)
{
	uint32_t at = word->len, before = 0;
	if (word->chars++ >= word->cap)
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
	uint32_t n = (uint32_t)hm_utf8_put(cp, code);
	memmove(word->b + at + n, word->b + at, word->len - at);
	memcpy(word->b + at, code, n);
	word->len += n;
}

static void add_alone(const struct wordpiece *w, struct word *word, uint32_t cp, struct ids *out)
{
	end_word(w, word, out);
	add_char(word, cp);
	end_word(w, word, out);
}

static void add_jamo(struct word *word, uint32_t cp)
{
	uint32_t part[HM_CHAR_PARTS];
	int n = hm_char_decompose(cp, part);
	for (int i = 0; i < n; i++)
		add_char(word, part[i]);
}

static void add_parts(struct word *word, uint32_t cp)
{
	uint32_t part[HM_CHAR_PARTS];
	int n = hm_charmap_parts(cp, part);
	for (int i = 0; i < n; i++) {
		if (hm_char_order_of(part[i]))
			add_ordered(word, part[i]);
		else
			add_char(word, part[i]);
	}
}

static void add_code_point(const struct wordpiece *w, struct word *word, uint32_t cp, struct ids *out)
{
	uint32_t entry = hm_codemap_get(&w->map, cp);
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
		add_parts(word, cp);
		break;
	case HM_CHAR_HANGUL:
		add_jamo(word, cp);
		break;
	default: /* HM_CHAR_REMOVED, HM_CHAR_MARK */
		break;
	}
}

size_t hm_wordpiece_room(const struct hm_tokenizer *t, size_t len)
{
	return len < (size_t)t->max_length - 2 ? len + 2 : (size_t)t->max_length;
}

int hm_wordpiece_encode(const struct hm_tokenizer *t, struct hm_token_memo *memo, const char *text,
			size_t len, int32_t *ids, bool *cut, struct hm_err *e)
{
	const struct wordpiece *w = (const struct wordpiece *)t;
	char letters[HM_WORDPIECE_WORD_CAP * 4];
	struct word word = {.cap = w->word_chars, .b = letters, .memo = memo};
	struct ids out = {.to = ids, .n = 1, .cap = hm_wordpiece_room(t, len) - 1};
	ids[0] = w->cls;
	memset(letters, 0, 16); /* hm_memo_key reads as many */
	for (size_t at = 0; at < len && !out.cut;) {
		uint32_t cp, used;
		at += add_ascii(w, &word, text + at, len - at);
		if (at == len)
			break;
		int32_t id = w->specials.first[(unsigned char)text[at]]
				     ? hm_specials_at(&w->specials, text + at, len - at, &used)
				     : -1;
		if (id >= 0) {
			end_word(w, &word, &out);
			put_id(&out, id);
			at += used;
			continue;
		}
		int n = (cp = (unsigned char)text[at]) < 0x80 ? 1 : hm_utf8_next(text + at, len - at, &cp);
		if (!n)
			return hm_err_set(e, HM_EDATA, "the text is not UTF-8 at byte %zu", at + 1);
		add_code_point(w, &word, cp, &out);
		at += (size_t)n;
	}
	end_word(w, &word, &out);
	out.to[out.n++] = w->sep;
	if (cut)
		*cut = out.cut;
	return (int)out.n;
}
