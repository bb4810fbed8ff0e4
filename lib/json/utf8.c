/* UTF-8 validation (RFC 3629): see json.h. */
#include "json/json.h"

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

size_t hm_utf8_check(const char *s, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint64_t eight; /* ASCII goes eight bytes at a time */
		while (len - i >= sizeof eight &&
		       !(memcpy(&eight, s + i, sizeof eight), eight & 0x8080808080808080u))
			i += sizeof eight;
		if (i == len)
			break;
		int n = hm_utf8_next(s + i, len - i, NULL);
		if (!n)
			return i;
		i += (size_t)n;
	}
	return len;
}
