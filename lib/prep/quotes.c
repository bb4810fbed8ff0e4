/* Nine code points by their bytes: see quotes.h. */
#include "prep/quotes.h"

#include <string.h>

bool hm_quotes_any(const char *s, size_t n)
{
	return n && (memchr(s, 0xe2, n) || memchr(s, 0xca, n));
}

/* The straight quote for what s[0..n) begins with and its bytes in *used; 0 when it is no quote. */
static char quote_at(const char *s, size_t n, size_t *used)
{
	const unsigned char *p = (const unsigned char *)s;
	*used = 2;
	if (n >= 2 && p[0] == 0xca && p[1] == 0xbc)
		return '\'';
	*used = 3;
	if (n < 3 || p[0] != 0xe2 || p[1] != 0x80 || p[2] < 0x98 || p[2] > 0x9f)
		return 0;
	return p[2] < 0x9c ? '\'' : '"';
}

int hm_quotes_straighten(const char *s, size_t n, struct hm_buf *out, struct hm_err *e)
{
	if (hm_buf_reserve(out, n, e))
		return HM_EDATA;
	char *to = (char *)out->data + out->len;
	for (size_t at = 0, used; at < n; at += used) {
		char quote = quote_at(s + at, n - at, &used);
		if (!quote)
			used = 1;
		*to++ = quote ? quote : s[at];
	}
	out->len = (size_t)(to - (char *)out->data);
	return 0;
}
