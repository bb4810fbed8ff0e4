/* The strict scan before cJSON: a recursive-descent check of RFC 8259 with a depth cap. See json.h. */
#include "json/json.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct scan {
	const char *s;
	size_t len, at;
	int depth, cap;	 /* levels of nesting: now, allowed */
	const char *why; /* what is wrong, once a fault is found; `at` is its place */
	int want;	 /* the member of the top-level object to find, or -1 */
	size_t start, end;
	size_t keys, key, key_at; /* keys seen; the number of the one to find, from 1, and its place */
};

static bool fault(struct scan *c, const char *why)
{
	if (!c->why)
		c->why = why;
	return false;
}

static int peek(const struct scan *c)
{
	return c->at < c->len ? (unsigned char)c->s[c->at] : -1;
}

static void blanks(struct scan *c)
{
	while (c->at < c->len && strchr(" \t\r\n", c->s[c->at]) && c->s[c->at])
		c->at++;
}

static int hex4(const struct scan *c, size_t at)
{
	int v = 0;
	for (size_t i = at; i < at + 4; i++) {
		int ch = i < c->len ? (unsigned char)c->s[i] : 0;
		int d = ch >= '0' && ch <= '9'		       ? ch - '0'
			: (ch | 32) >= 'a' && (ch | 32) <= 'f' ? (ch | 32) - 'a' + 10
							       : -1;
		if (d < 0)
			return -1;
		v = v << 4 | d;
	}
	return v;
}

/* After a backslash. */
static bool escape(struct scan *c)
{
	int ch = peek(c);
	if (ch != 'u') {
		if (ch <= 0 || !strchr("\"\\/bfnrt", ch))
			return fault(c, "an unknown escape in a string");
		c->at++;
		return true;
	}
	int u = hex4(c, c->at + 1);
	if (u < 0)
		return fault(c, "\\u without four hexadecimal digits");
	if (u == 0)
		return fault(c, "U+0000 in a string");
	if (u >= 0xdc00 && u < 0xe000)
		return fault(c, "a lone surrogate in a string");
	if (u >= 0xd800 && u < 0xdc00) {
		int low = c->at + 6 < c->len && c->s[c->at + 5] == '\\' && c->s[c->at + 6] == 'u'
				  ? hex4(c, c->at + 7)
				  : -1;
		if (low < 0xdc00 || low >= 0xe000)
			return fault(c, "a lone surrogate in a string");
		c->at += 6;
	}
	c->at += 5;
	return true;
}

static bool string(struct scan *c)
{
	for (c->at++; peek(c) != '"';) {
		int ch = peek(c), n;
		while (ch >= 0x20 && ch < 0x80 && ch != '"' && ch != '\\') { /* plain ASCII needs no more */
			c->at++;
			ch = peek(c);
		}
		if (ch == '"')
			break;
		if (ch < 0)
			return fault(c, "a string that does not end");
		if (ch < 0x20)
			return fault(c, ch ? "a raw control byte in a string" : "a NUL byte");
		if (ch == '\\') {
			c->at++;
			if (!escape(c))
				return false;
			continue;
		}
		n = hm_utf8_next(c->s + c->at, c->len - c->at, NULL);
		if (!n)
			return fault(c, "bytes that are not UTF-8");
		c->at += (size_t)n;
	}
	c->at++;
	return true;
}

static bool digits(struct scan *c)
{
	size_t from = c->at;
	while (peek(c) >= '0' && peek(c) <= '9')
		c->at++;
	return c->at > from || fault(c, "a number without digits");
}

static bool number(struct scan *c)
{
	size_t from = c->at;
	if (peek(c) == '-')
		c->at++;
	bool zero = peek(c) == '0';
	size_t first = c->at;
	if (!digits(c))
		return false;
	if (zero && c->at > first + 1) {
		c->at = first;
		return fault(c, "a number with a leading zero");
	}
	if (peek(c) == '.') {
		c->at++;
		if (!digits(c))
			return false;
	}
	if (peek(c) == 'e' || peek(c) == 'E') {
		c->at++;
		if (peek(c) == '+' || peek(c) == '-')
			c->at++;
		if (!digits(c))
			return false;
	}
	char text[64];
	if (c->at - from >= sizeof text) { /* cJSON reads 63 characters of a number */
		c->at = from;
		return fault(c, "a number of more than 63 characters");
	}
	memcpy(text, c->s + from, c->at - from);
	text[c->at - from] = 0;
	if (!isfinite(strtod(text, NULL))) {
		c->at = from;
		return fault(c, "a number too large for a double");
	}
	return true;
}

static bool value(struct scan *c);

static bool container(struct scan *c, char close)
{
	bool object = close == '}', top = c->depth == 0;
	int index = 0;
	c->at++;
	blanks(c);
	if (peek(c) == close) {
		c->at++;
		return true;
	}
	for (;; index++) {
		blanks(c);
		if (object) {
			if (peek(c) != '"')
				return fault(c, "no key where one must stand");
			if (++c->keys == c->key)
				c->key_at = c->at;
			if (!string(c))
				return false;
			blanks(c);
			if (peek(c) != ':')
				return fault(c, "no colon after a key");
			c->at++;
			blanks(c);
		}
		size_t start = c->at;
		c->depth++;
		if (!value(c))
			return false;
		c->depth--;
		if (top && object && index == c->want)
			c->start = start, c->end = c->at;
		blanks(c);
		if (peek(c) != ',')
			break;
		c->at++;
	}
	if (peek(c) != close)
		return fault(c, "no comma or closing bracket after a value");
	c->at++;
	return true;
}

static bool word(struct scan *c, const char *w)
{
	size_t n = strlen(w);
	if (c->len - c->at < n || memcmp(c->s + c->at, w, n))
		return fault(c, "no JSON value");
	c->at += n;
	return true;
}

#define DEPTH_CAP 64 /* of the recursion, whatever the caller allows */

static bool value(struct scan *c)
{
	switch (peek(c)) {
	case '{':
	case '[':
		if (c->depth >= c->cap)
			return fault(c, "a level of nesting too deep");
		return container(c, peek(c) == '{' ? '}' : ']');
	case '"':
		return string(c);
	case 't':
		return word(c, "true");
	case 'f':
		return word(c, "false");
	case 'n':
		return word(c, "null");
	case 0:
		return fault(c, "a NUL byte");
	case -1:
		return fault(c, "an end where a value must stand");
	default:
		if (peek(c) == '-' || (peek(c) >= '0' && peek(c) <= '9'))
			return number(c);
		return fault(c, "no JSON value");
	}
}

static int by_name(const void *a, const void *b)
{
	return strcmp((*(cJSON *const *)a)->string, (*(cJSON *const *)b)->string);
}

/* The second member of a doubled key in any object below v (decoded, so "a" and "\u0061" are one), or NULL;
 * also without memory, `e` then being set. */
static const cJSON *doubled_key(const cJSON *v, struct hm_err *e)
{
	size_t n = 0, i = 0;
	for (const cJSON *k = v->child; k; k = k->next, n++) {
		const cJSON *found = k->child ? doubled_key(k, e) : NULL;
		if (found)
			return found;
	}
	if (!cJSON_IsObject(v) || n < 2)
		return NULL;
	const char *name = NULL;
	const cJSON **list = hm_alloc(n, sizeof *list, e);
	if (!list)
		return NULL;
	for (const cJSON *k = v->child; k; k = k->next)
		list[i++] = k;
	qsort(list, n, sizeof *list, by_name);
	for (i = 1; i < n && !name; i++)
		if (!strcmp(list[i - 1]->string, list[i]->string))
			name = list[i]->string;
	free(list);
	bool met = false;
	for (const cJSON *k = v->child; name && k; k = k->next) {
		bool same = !strcmp(k->string, name);
		if (same && met)
			return k;
		met = met || same;
	}
	return NULL;
}

/* Counts the keys up to and with node k, in the order of the text; true once it is reached. */
static bool count_keys(const cJSON *v, const cJSON *k, size_t *n)
{
	for (const cJSON *m = v->child; m; m = m->next) {
		*n += cJSON_IsObject(v);
		if (m == k || count_keys(m, k, n))
			return true;
	}
	return false;
}

cJSON *hm_json_parse(const char *s, size_t len, int depth, size_t *column, struct hm_err *e)
{
	struct scan c = {.s = s, .len = len, .cap = depth < DEPTH_CAP ? depth : DEPTH_CAP, .want = -1};
	size_t none;
	column = column ? column : &none;
	blanks(&c);
	if (value(&c)) {
		blanks(&c);
		if (c.at < len)
			fault(&c, peek(&c) ? "bytes after the value" : "a NUL byte");
	}
	*column = c.at + 1;
	if (c.why) {
		hm_err_set(e, HM_EDATA, "invalid JSON: %s at column %zu", c.why, *column);
		return NULL;
	}
	*column = 1;
	cJSON *v = cJSON_ParseWithLength(s, len);
	if (!v) { /* the scan is stricter than cJSON, so only memory can be the reason */
		hm_err_machine(e, "out of memory while reading JSON");
		return NULL;
	}
	struct hm_err memory = {0};
	const cJSON *twice = doubled_key(v, &memory);
	if (memory.code) {
		hm_err_machine(e, "%s", memory.text);
	} else if (twice) {
		struct scan again = {.s = s, .len = len, .cap = DEPTH_CAP, .want = -1};
		count_keys(v, twice, &again.key);
		blanks(&again);
		value(&again);
		*column = again.key_at + 1;
		hm_err_set(e, HM_EDATA,
			   "invalid JSON: the key \"%.64s\" stands twice in one object, again at column %zu",
			   twice->string, *column);
	} else {
		return v;
	}
	cJSON_Delete(v);
	return NULL;
}

bool hm_json_member(const char *s, size_t len, int index, size_t *start, size_t *end)
{
	struct scan c = {.s = s, .len = len, .cap = DEPTH_CAP, .want = index};
	blanks(&c);
	if (peek(&c) != '{' || !value(&c) || !c.end)
		return false;
	*start = c.start;
	*end = c.end;
	return true;
}
