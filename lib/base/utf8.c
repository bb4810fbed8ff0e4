/* UTF-8: validation (RFC 3629), and masking of what must not reach a terminal. See utf8.h. */
#include "base/utf8.h"

#include <string.h>

int hm_utf8_next(const char *s, size_t len, uint32_t *cp)
{
	const unsigned char *p = (const unsigned char *)s;
	if (!len)
		return 0;
	uint32_t c = p[0];
	int n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
	if (!n || (size_t)n > len)
		return 0;
	if (n > 1)
		c &= 0x7fu >> n;
	for (int i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if ((n == 3 && (c < 0x800 || (c >= 0xd800 && c < 0xe000))) ||
	    (n == 4 && (c < 0x10000 || c > 0x10ffff)))
		return 0;
	if (cp)
		*cp = c;
	return n;
}

static uint64_t high_bits(const char *s)
{
	uint64_t eight;
	memcpy(&eight, s, sizeof eight);
	return eight & 0x8080808080808080u;
}

/* From i over ASCII, many bytes at a time. Returns len, or where a code point begins near the next other
 * byte.
 */
static size_t skip_ascii(const char *s, size_t len, size_t i)
{
	unsigned char rest = 0;
	while (len - i >= 32 &&
	       !(high_bits(s + i) | high_bits(s + i + 8) | high_bits(s + i + 16) | high_bits(s + i + 24)))
		i += 32;
	while (len - i >= 8 && !high_bits(s + i))
		i += 8;
	if (len - i >= 8)
		return i;
	if (len >= 8)
		return high_bits(s + len - 8) ? i : len;
	for (size_t k = i; k < len; k++)
		rest |= (unsigned char)s[k];
	return rest < 0x80 ? len : i;
}

size_t hm_utf8_check(const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		i = skip_ascii(s, len, i);
		if (i == len)
			break;
		int n = hm_utf8_next(s + i, len - i, NULL);
		if (!n)
			return i;
		i += (size_t)n;
	}
	return len;
}

bool hm_utf8_is_control(uint32_t cp)
{
	return cp < 0x20 || (cp >= 0x7f && cp < 0xa0) || cp == 0x61c || cp == 0x200e || cp == 0x200f ||
	       (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069);
}

size_t hm_utf8_mask(const char *s, size_t len, char *out, size_t cap)
{
	size_t to = 0;
	for (size_t i = 0; i < len;) {
		uint32_t cp = 0;
		int n = hm_utf8_next(s + i, len - i, &cp);
		bool masked = !n || hm_utf8_is_control(cp);
		size_t wide = masked ? 1 : (size_t)n;
		if (to + wide >= cap)
			break;
		if (masked)
			out[to] = '?';
		else
			memcpy(out + to, s + i, wide);
		to += wide;
		i += n ? (size_t)n : 1;
	}
	out[to] = 0;
	return to;
}
