/* Hostile changes of any file. See hostile.h. */
#include "hostile.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct span {
	size_t at, n;
};

/* Puts text[0..len) in the place of a span, where it fits. Returns the new length. */
static size_t put_span(unsigned char *p, size_t n, size_t cap, struct span s, const void *text, size_t len)
{
	unsigned char copy[4096];
	if (len > sizeof copy || n - s.n + len > cap)
		return n;
	memcpy(copy, text, len); /* it may lie within p */
	memmove(p + s.at + len, p + s.at + s.n, n - s.at - s.n);
	memcpy(p + s.at, copy, len);
	return n - s.n + len;
}

/* ---- numbers in text */

static bool find_number(struct hm_rng *r, const unsigned char *p, size_t n, struct span *s)
{
	size_t start = hm_rng_below(r, (uint32_t)n), at = start;
	while (at < n && !isdigit(p[at]))
		at++;
	if (at == n)
		return false;
	while (at && isdigit(p[at - 1]))
		at--;
	*s = (struct span){at, 1};
	while (at + s->n < n && isdigit(p[at + s->n]))
		s->n++;
	return true;
}

static size_t change_number(struct hm_rng *r, unsigned char *p, size_t n, size_t cap)
{
	static const char *const put[] = {"0",
					  "-1",
					  "1",
					  "255",
					  "65536",
					  "2147483647",
					  "2147483648",
					  "4294967295",
					  "4294967296",
					  "9007199254740993",
					  "9223372036854775807",
					  "18446744073709551615",
					  "18446744073709551616",
					  "1e308",
					  "1e999",
					  "0.5",
					  "-0",
					  "00",
					  "nan"};
	struct span s, other;
	char text[40] = "";
	if (!find_number(r, p, n, &s))
		return n;
	uint32_t kind = hm_rng_below(r, 4);
	if (kind == 0 && s.n < 18) { /* off by one */
		long long v = 0;
		for (size_t i = 0; i < s.n; i++)
			v = 10 * v + (p[s.at + i] - '0');
		snprintf(text, sizeof text, "%lld", v + (hm_rng_below(r, 2) ? 1 : -1));
	} else if (kind == 1 && find_number(r, p, n, &other) && other.n < sizeof text) { /* another's */
		memcpy(text, p + other.at, other.n);
	} else {
		snprintf(text, sizeof text, "%s", put[hm_rng_below(r, sizeof put / sizeof *put)]);
	}
	return put_span(p, n, cap, s, text, strlen(text));
}

/* ---- binary fields: lengths, counts, offsets */

static size_t change_field(struct hm_rng *r, unsigned char *p, size_t n)
{
	static const uint64_t huge[] = {0,	    1,	       0x7f,	   0xff,
					0x7fff,	    0xffff,    0x7fffffff, 0x80000000,
					0xffffffff, INT64_MAX, UINT64_MAX, UINT64_C(1) << 32};
	size_t size = (size_t)1 << hm_rng_below(r, 4);
	bool big = hm_rng_below(r, 2);
	if (n < size)
		return n;
	size_t at = hm_rng_below(r, (uint32_t)(n - size + 1));
	if (hm_rng_below(r, 2))
		at &= ~(size_t)3;
	uint64_t v = 0;
	for (size_t i = 0; i < size; i++)
		v |= (uint64_t)p[at + (big ? size - 1 - i : i)] << 8 * i;
	switch (hm_rng_below(r, 5)) {
	case 0:
		v += hm_rng_below(r, 2) ? 1 : -(uint64_t)1;
		break;
	case 1:
		v = hm_rng_below(r, 2) ? n : n - at;
		break;
	case 2:
		v = hm_rng_below(r, 2) ? v << 1 : v >> 1;
		break;
	case 3:
		v = at; /* an offset that leads back here */
		break;
	default:
		v = huge[hm_rng_below(r, sizeof huge / sizeof *huge)];
	}
	for (size_t i = 0; i < size; i++)
		p[at + (big ? size - 1 - i : i)] = (unsigned char)(v >> 8 * i);
	return n;
}

/* ---- JSON: values and members */

static size_t string_end(const unsigned char *p, size_t n, size_t at)
{
	for (at++; at < n && p[at] != '"'; at++)
		at += p[at] == '\\';
	return at < n ? at + 1 : n;
}

/* The value that begins at `at`, which is no space. */
static struct span value_at(const unsigned char *p, size_t n, size_t at)
{
	size_t end = at, depth = 0;
	do {
		if (p[end] == '"') {
			end = string_end(p, n, end);
			continue;
		}
		if (depth == 0 && end > at && strchr(",:]} \t\r\n", p[end]))
			break;
		depth += p[end] == '{' || p[end] == '[';
		depth -= depth && (p[end] == '}' || p[end] == ']');
		end++;
	} while (end < n && (depth || !strchr(",:]} \t\r\n", p[end])));
	return (struct span){at, end - at};
}

/* A value behind a colon, and where its member begins; false: there is none behind a place that is drawn. */
static bool find_member(struct hm_rng *r, const unsigned char *p, size_t n, struct span *member,
			struct span *value)
{
	const unsigned char *colon = NULL;
	size_t start = hm_rng_below(r, (uint32_t)n), key;
	for (const unsigned char *c = p; c < p + n && (c = memchr(c, ':', (size_t)(p + n - c))); c++) {
		colon = c;
		if ((size_t)(c - p) >= start)
			break;
	}
	if (!colon || colon + 1 >= p + n || colon < p + 2 || colon[-1] != '"')
		return false;
	for (key = (size_t)(colon - p) - 2; key && p[key] != '"'; key--)
		;
	*value = value_at(p, n, (size_t)(colon + 1 - p));
	*member = (struct span){key, value->at + value->n - key};
	return p[key] == '"';
}

static size_t change_member(struct hm_rng *r, unsigned char *p, size_t n, size_t cap)
{
	static const char *const types[] = {"null",
					    "true",
					    "[]",
					    "{}",
					    "\"\"",
					    "0",
					    "-1",
					    "1e400",
					    "[[[[[[[[]]]]]]]]",
					    "\"\\u0000\"",
					    "\"\\ud800\"",
					    "[0]",
					    "{\"\":0}",
					    "\"/etc/passwd\"",
					    "\"../x\"",
					    "\"\\u202e\\u0085<b>&|`\""};
	struct span m, v, from, other;
	char text[2100];
	if (!find_member(r, p, n, &m, &v))
		return n;
	switch (hm_rng_below(r, 6)) {
	case 0: { /* another type */
		const char *type = types[hm_rng_below(r, sizeof types / sizeof *types)];
		return put_span(p, n, cap, v, type, strlen(type));
	}
	case 1: /* twice */
		if (m.n + 1 > sizeof text)
			return n;
		text[0] = ',';
		memcpy(text + 1, p + m.at, m.n);
		return put_span(p, n, cap, (struct span){m.at + m.n, 0}, text, m.n + 1);
	case 2: /* not there, with the comma behind it */
		m.n += m.at + m.n < n && p[m.at + m.n] == ',';
		return put_span(p, n, cap, m, "", 0);
	case 3: /* another's value */
		return find_member(r, p, n, &other, &from) ? put_span(p, n, cap, v, p + from.at, from.n) : n;
	case 4: /* within an array */
		if (v.n + 2 > sizeof text)
			return n;
		text[0] = '[';
		memcpy(text + 1, p + v.at, v.n);
		text[v.n + 1] = ']';
		return put_span(p, n, cap, v, text, v.n + 2);
	default: /* a long text */
		memset(text, 'x', sizeof text);
		text[0] = text[sizeof text - 1] = '"';
		return put_span(p, n, cap, v, text, sizeof text);
	}
}

/* ---- spans */

static size_t repeat_span(struct hm_rng *r, unsigned char *p, size_t n, size_t cap)
{
	size_t at = hm_rng_below(r, (uint32_t)n), len = 1 + hm_rng_below(r, 40),
	       times = 1 + hm_rng_below(r, 64);
	len = len < n - at ? len : n - at;
	while (times-- && n + len <= cap)
		n = put_span(p, n, cap, (struct span){at, 0}, p + at, len);
	return n;
}

/* Copies a span over another, which may overlap. */
static size_t cover_span(struct hm_rng *r, unsigned char *p, size_t n)
{
	size_t from = hm_rng_below(r, (uint32_t)n), to = hm_rng_below(r, (uint32_t)n),
	       len = 1 + hm_rng_below(r, 64);
	size_t last = from > to ? from : to;
	memmove(p + to, p + from, len < n - last ? len : n - last);
	return n;
}

size_t hostile_change(struct hm_rng *r, unsigned char *p, size_t n, size_t cap)
{
	switch (hm_rng_below(r, 6)) {
	case 0:
		return change_number(r, p, n, cap);
	case 1:
		return change_field(r, p, n);
	case 2:
	case 3:
		return change_member(r, p, n, cap);
	case 4:
		return repeat_span(r, p, n, cap);
	default:
		return cover_span(r, p, n);
	}
}
