/* Tokens by id, in one buffer, from vocab.txt or from JSON: see vocab.h. */
#include "prep/vocab.h"
#include "base/hex.h"
#include "json/json.h"
#include "prep/codepoint.h"

#include <stdlib.h>
#include <string.h>

static uint32_t *starts(const struct hm_vocab *v)
{
	return (uint32_t *)(void *)v->start.data;
}

const char *hm_vocab_token(const struct hm_vocab *v, uint32_t id, size_t *len)
{
	*len = starts(v)[id + 1] - starts(v)[id] - 1;
	return (const char *)v->text.data + starts(v)[id];
}

/* How much of a token fits into a message. */
static int shown_length(size_t n)
{
	return n > 100 ? 100 : (int)n;
}

static int start_empty(struct hm_vocab *v, struct hm_err *e)
{
	*v = (struct hm_vocab){0};
	return hm_buf_add(&v->start, NULL, sizeof(uint32_t), e);
}

/* s[0..n) as token v->n. The caller has put it into v->id unless it is empty. */
static int append_token(struct hm_vocab *v, const char *s, size_t n, struct hm_err *e)
{
	if (v->n >= HM_VOCAB_TOKENS)
		return hm_err_set(e, HM_EDATA, "more than %u tokens", HM_VOCAB_TOKENS);
	if (n >= HM_VOCAB_BYTES - v->text.len)
		return hm_err_set(e, HM_EDATA, "more than %zu bytes of tokens", HM_VOCAB_BYTES);
	uint32_t end = (uint32_t)(v->text.len + n + 1);
	if (hm_buf_add(&v->text, n ? s : "", n, e) || hm_buf_add(&v->text, "\n", 1, e) ||
	    hm_buf_add(&v->start, &end, sizeof end, e))
		return HM_EDATA;
	v->n++;
	return 0;
}

static void drop_empty_end(struct hm_vocab *v)
{
	v->end = v->n;
	while (v->n && starts(v)[v->n] == starts(v)[v->n - 1] + 1) {
		v->n--;
		v->text.len--;
		v->start.len -= sizeof(uint32_t);
	}
}

/* Length of s[0..n) without white space at its end. */
static size_t trimmed_length(const char *s, size_t n)
{
	while (n) {
		size_t at = n - 1;
		uint32_t cp;
		while (at && ((unsigned char)s[at] & 0xc0) == 0x80)
			at--;
		if (hm_utf8_next(s + at, n - at, &cp) != (int)(n - at) || !hm_char_is_white(cp))
			break;
		n = at;
	}
	return n;
}

static int check_token(const char *s, size_t n, struct hm_err *e)
{
	if (hm_utf8_check(s, n) < n)
		return hm_err_set(e, HM_EDATA, "the line is not UTF-8");
	if (memchr(s, '\n', n) || memchr(s, '\r', n) || memchr(s, 0, n))
		return hm_err_set(e, HM_EDATA, "the token holds a line end or a NUL");
	return 0;
}

/* A line of vocab.txt as token v->n. */
static int add_line(struct hm_vocab *v, const char *s, size_t n, struct hm_err *e)
{
	uint64_t id = v->n;
	n = trimmed_length(s, n);
	int rc = check_token(s, n, e);
	if (rc || !n)
		return rc ? rc : append_token(v, s, 0, e);
	rc = hm_strmap_add(&v->id, s, n, &id, e);
	if (rc == 0)
		return hm_err_set(e, HM_EDATA, "the token \"%.*s\" stands on line %llu already",
				  shown_length(n), s, (unsigned long long)id + 1);
	return rc < 0 ? rc : append_token(v, s, n, e);
}

int hm_vocab_parse(struct hm_vocab *v, const char *s, size_t len, struct hm_err *e)
{
	int rc = start_empty(v, e);
	if (!rc && len >= 3 && !memcmp(s, "\xef\xbb\xbf", 3))
		return hm_err_set(e, HM_EDATA, "line 1: the file begins with a byte order mark");
	for (size_t at = 0; !rc && at < len;) {
		const char *stop = memchr(s + at, '\n', len - at);
		size_t n = stop ? (size_t)(stop - s) - at : len - at;
		rc = add_line(v, s + at, n, e);
		if (rc)
			hm_err_prefix(e, "line %u", v->n + 1);
		at += n + 1;
	}
	if (!rc)
		drop_empty_end(v);
	return rc;
}

/* The member's id, or HM_EDATA. */
static int64_t take_id(const cJSON *m, struct hm_err *e)
{
	size_t n = strlen(m->string);
	double id = cJSON_IsNumber(m) ? m->valuedouble : -1;
	if (!(id >= 0 && id < HM_VOCAB_TOKENS) || id != (double)(int64_t)id)
		return hm_err_set(e, HM_EDATA, "the id of the token \"%.*s\" is not an integer from 0 to %u",
				  shown_length(n), m->string, HM_VOCAB_TOKENS - 1);
	if (check_token(m->string, n, e))
		return hm_err_prefix(e, "the token \"%.*s\"", shown_length(n), m->string);
	return (int64_t)id;
}

/* One more than the largest id, or HM_EDATA. */
static int64_t count_ids(const cJSON *tokens, struct hm_err *e)
{
	int64_t end = 0;
	for (const cJSON *m = tokens->child; m; m = m->next) {
		int64_t id = take_id(m, e);
		if (id < 0)
			return id;
		end = id < end ? end : id + 1;
	}
	return end;
}

/* Puts the members at their ids into by_id, and into v->id. */
static int sort_members(const cJSON *tokens, const cJSON **by_id, struct hm_vocab *v, struct hm_err *e)
{
	for (const cJSON *m = tokens->child; m; m = m->next) {
		uint64_t id = (uint64_t)m->valuedouble;
		if (by_id[id])
			return hm_err_set(e, HM_EDATA,
					  "the tokens \"%.100s\" and \"%.100s\" have the same id %u",
					  by_id[id]->string, m->string, (unsigned)id);
		by_id[id] = m;
		if (*m->string && hm_strmap_add(&v->id, m->string, strlen(m->string), &id, e) < 0)
			return HM_EDATA;
	}
	return 0;
}

int hm_vocab_from_json(struct hm_vocab *v, const cJSON *tokens, struct hm_err *e)
{
	int rc = start_empty(v, e);
	if (!rc && !cJSON_IsObject(tokens))
		rc = hm_err_set(e, HM_EDATA, "the vocabulary is not an object of tokens and ids");
	int64_t end = rc ? rc : count_ids(tokens, e);
	const cJSON **by_id = end < 0 ? NULL : hm_alloc((size_t)end, sizeof *by_id, e);
	if (!by_id)
		return HM_EDATA;
	rc = sort_members(tokens, by_id, v, e);
	for (int64_t i = 0; !rc && i < end; i++) {
		const char *token = by_id[i] ? by_id[i]->string : "";
		rc = append_token(v, token, strlen(token), e);
	}
	free(by_id);
	if (!rc)
		drop_empty_end(v);
	return rc;
}

int hm_vocab_add(struct hm_vocab *v, uint32_t id, const char *s, size_t n, struct hm_err *e)
{
	int32_t old = hm_vocab_find(v, s, n);
	uint64_t value = id;
	size_t held = 0;
	const char *holder = id < v->n ? hm_vocab_token(v, id, &held) : "";
	if (old >= 0 && (uint32_t)old == id)
		return 0;
	if (old >= 0)
		return hm_err_set(e, HM_EDATA,
				  "the token \"%.*s\" has the id %u here and %d in the vocabulary",
				  shown_length(n), s, id, old);
	if (held)
		return hm_err_set(e, HM_EDATA,
				  "the id %u belongs to \"%.*s\" here and to \"%.*s\" in the vocabulary", id,
				  shown_length(n), s, shown_length(held), holder);
	if (id < v->n || (id > v->n && id > v->end))
		return hm_err_set(e, HM_EDATA, "the token \"%.*s\" has the id %u, and the next one is %u",
				  shown_length(n), s, id, v->n);
	if (!n || check_token(s, n, e))
		return hm_err_set(e, HM_EDATA, "the token with the id %u is empty", id);
	if (hm_strmap_add(&v->id, s, n, &value, e) < 0)
		return HM_EDATA;
	int rc = 0;
	while (!rc && v->n < id)
		rc = append_token(v, "", 0, e);
	return rc ? rc : append_token(v, s, n, e);
}

void hm_vocab_clear(struct hm_vocab *v)
{
	hm_buf_clear(&v->text);
	hm_buf_clear(&v->start);
	hm_strmap_clear(&v->id);
	*v = (struct hm_vocab){0};
}

int32_t hm_vocab_find(const struct hm_vocab *v, const char *token, size_t len)
{
	uint64_t id;
	return hm_strmap_find(&v->id, token, len, &id) ? (int32_t)id : -1;
}

void hm_vocab_digest(const struct hm_vocab *v, char out[33])
{
	hm_hex_digest(v->text.data, v->text.len, out);
}

int64_t hm_vocab_differ(const struct hm_vocab *a, const struct hm_vocab *b)
{
	uint32_t common = a->n < b->n ? a->n : b->n;
	for (uint32_t i = 0; i < common; i++) {
		size_t m, n;
		const char *s = hm_vocab_token(a, i, &m), *t = hm_vocab_token(b, i, &n);
		if (m != n || memcmp(s, t, n))
			return i;
	}
	return a->n == b->n ? -1 : (int64_t)common;
}
