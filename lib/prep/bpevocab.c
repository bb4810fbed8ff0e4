/* Pairs of tokens from lines and JSON: see bpevocab.h. */
#include "prep/bpevocab.h"
#include "base/hex.h"

#include <string.h>

#define SHOWN 60 /* bytes of a token in a message */

static int shown(size_t n)
{
	return n < SHOWN ? (int)n : SHOWN;
}

static int find_token(const struct hm_bpe_vocab *b, const char *s, size_t n, uint32_t *id, struct hm_err *e)
{
	int32_t at = hm_vocab_find(&b->vocab, s, n);
	if (at < 0)
		return hm_err_set(e, HM_EDATA, "\"%.*s\" is not in the vocabulary", shown(n), s);
	*id = (uint32_t)at;
	return 0;
}

/* The pair of left[0..m) and right[0..n). With `grow` what they make is a new token at the vocabulary's end.
 */
static int add_merge(struct hm_bpe_vocab *b, const char *left, size_t m, const char *right, size_t n,
		     bool grow, struct hm_err *e)
{
	struct hm_bpe_merge merge;
	struct hm_buf large = {0};
	char small[256], *both = small;
	if (find_token(b, left, m, &merge.a, e) || find_token(b, right, n, &merge.b, e))
		return HM_EDATA;
	if (m + n > sizeof small) {
		if (hm_buf_reserve(&large, m + n, e))
			return HM_EDATA;
		both = (char *)large.data;
	}
	memcpy(both, left, m);
	memcpy(both + m, right, n);
	int rc = grow ? hm_vocab_add(&b->vocab, b->vocab.n, both, m + n, e) : 0;
	if (!rc)
		rc = find_token(b, both, m + n, &merge.to, e);
	if (!rc)
		rc = hm_buf_add(&b->merges, &merge, sizeof merge, e);
	hm_buf_clear(&large);
	return rc;
}

/* "a b": one space, and something on both sides of it. */
static int add_pair(struct hm_bpe_vocab *b, const char *s, size_t n, bool grow, struct hm_err *e)
{
	const char *space = n ? memchr(s, ' ', n) : NULL;
	size_t left = space ? (size_t)(space - s) : 0;
	if (!left || left + 1 == n || memchr(space + 1, ' ', n - left - 1))
		return hm_err_set(e, HM_EDATA, "\"%.*s\" is not two tokens with a space between", shown(n),
				  s);
	return add_merge(b, s, left, space + 1, n - left - 1, grow, e);
}

/* The pairs of the lines of s[0..len), at most `most`. `line` is the number of the first one. */
static int add_lines(struct hm_bpe_vocab *b, const char *s, size_t len, size_t line, size_t most, bool grow,
		     struct hm_err *e)
{
	int rc = 0;
	while (len && (s[len - 1] == '\n' || s[len - 1] == '\r'))
		len--;
	for (size_t at = 0; !rc && at < len && most--; line++) {
		const char *stop = memchr(s + at, '\n', len - at);
		size_t n = stop ? (size_t)(stop - s) - at : len - at;
		size_t bare = n && s[at + n - 1] == '\r' ? n - 1 : n;
		rc = add_pair(b, s + at, bare, grow, e);
		if (rc)
			hm_err_prefix(e, "line %zu", line);
		at += n + 1;
	}
	return rc;
}

static size_t length_of_line(const char *s, size_t len)
{
	const char *stop = len ? memchr(s, '\n', len) : NULL;
	return stop ? (size_t)(stop - s) + 1 : len;
}

int hm_bpe_vocab_lines(struct hm_bpe_vocab *b, const cJSON *vocab, const char *s, size_t len,
		       struct hm_err *e)
{
	static const char version[] = "#version";
	bool head = len >= sizeof version - 1 && !memcmp(s, version, sizeof version - 1);
	size_t skip = head ? length_of_line(s, len) : 0;
	*b = (struct hm_bpe_vocab){0};
	int rc = hm_vocab_from_json(&b->vocab, vocab, e);
	return rc ? rc : add_lines(b, s + skip, len - skip, 1 + head, SIZE_MAX, false, e);
}

/* One element of tokenizer.json's "merges". */
static int add_element(struct hm_bpe_vocab *b, const cJSON *m, struct hm_err *e)
{
	const cJSON *left = cJSON_IsArray(m) ? m->child : NULL, *right = left ? left->next : NULL;
	if (cJSON_IsString(m))
		return add_pair(b, m->valuestring, strlen(m->valuestring), false, e);
	if (!cJSON_IsString(left) || !cJSON_IsString(right) || right->next)
		return hm_err_set(e, HM_EDATA, "this is not a pair of tokens");
	return add_merge(b, left->valuestring, strlen(left->valuestring), right->valuestring,
			 strlen(right->valuestring), false, e);
}

int hm_bpe_vocab_json(struct hm_bpe_vocab *b, const cJSON *vocab, const cJSON *merges, struct hm_err *e)
{
	size_t at = 1;
	*b = (struct hm_bpe_vocab){0};
	int rc = hm_vocab_from_json(&b->vocab, vocab, e);
	if (!rc && !cJSON_IsArray(merges))
		rc = hm_err_set(e, HM_EDATA, "the merges are not a list");
	for (const cJSON *m = rc ? NULL : merges->child; !rc && m; m = m->next, at++) {
		rc = add_element(b, m, e);
		if (rc)
			hm_err_prefix(e, "merge %zu", at);
	}
	return rc;
}

/* The symbols of all bytes in the order of their code points, as `end` says with "</w>" or without. */
static int add_symbols(struct hm_bpe_vocab *b, const char *end, struct hm_err *e)
{
	int rc = 0;
	for (int late = 0; late < 2; late++)
		for (int byte = 0; !rc && byte < 256; byte++) {
			char text[8];
			size_t n = hm_bpe_symbol((unsigned char)byte, text);
			bool moved = n == 2 && (unsigned char)text[0] > 0xc3; /* U+0100 and on */
			memcpy(text + n, end, strlen(end));
			if (moved == late)
				rc = hm_vocab_add(&b->vocab, b->vocab.n, text, n + strlen(end), e);
		}
	return rc;
}

int hm_bpe_vocab_clip(struct hm_bpe_vocab *b, const char *s, size_t len, struct hm_err *e)
{
	static const char first[] = "<|startoftext|>", last[] = "<|endoftext|>";
	size_t skip = length_of_line(s, len);
	*b = (struct hm_bpe_vocab){0};
	int rc = hm_vocab_parse(&b->vocab, "", 0, e);
	if (!rc)
		rc = add_symbols(b, "", e);
	if (!rc)
		rc = add_symbols(b, "</w>", e);
	if (!rc)
		rc = add_lines(b, s + skip, len - skip, 2, HM_BPE_CLIP_MERGES, true, e);
	size_t n = b->merges.len / sizeof(struct hm_bpe_merge);
	if (!rc && n < HM_BPE_CLIP_MERGES)
		rc = hm_err_set(e, HM_EDATA, "%zu merges; CLIP's vocabulary needs %u", n, HM_BPE_CLIP_MERGES);
	if (!rc)
		rc = hm_vocab_add(&b->vocab, b->vocab.n, first, sizeof first - 1, e);
	return rc ? rc : hm_vocab_add(&b->vocab, b->vocab.n, last, sizeof last - 1, e);
}

void hm_bpe_vocab_clear(struct hm_bpe_vocab *b)
{
	hm_vocab_clear(&b->vocab);
	hm_buf_clear(&b->merges);
}

int hm_bpe_vocab_digest(const struct hm_bpe_vocab *b, char out[33], struct hm_err *e)
{
	const struct hm_bpe_merge *m = (const struct hm_bpe_merge *)(const void *)b->merges.data;
	struct hm_buf text = {0};
	int rc = 0;
	for (size_t i = 0; !rc && i < b->merges.len / sizeof *m; i++) {
		size_t p, q;
		const char *left = hm_vocab_token(&b->vocab, m[i].a, &p);
		const char *right = hm_vocab_token(&b->vocab, m[i].b, &q);
		rc = hm_buf_add(&text, left, p, e);
		if (!rc)
			rc = hm_buf_add(&text, " ", 1, e);
		if (!rc)
			rc = hm_buf_add(&text, right, q + 1, e); /* with its line feed */
	}
	if (!rc)
		hm_hex_digest(text.data, text.len, out);
	hm_buf_clear(&text);
	return rc;
}
