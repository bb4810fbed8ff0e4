/* Digests as text: see hex.h. */
#include "base/hex.h"
#include "base/xxh3.h"

#include <string.h>

void hm_hex_text(const unsigned char digest[16], char out[HM_HEX])
{
	for (int i = 0; i < 16; i++) {
		out[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	out[32] = 0;
}

void hm_hex_digest(const void *p, size_t n, char out[HM_HEX])
{
	XXH128_canonical_t c;
	XXH128_canonicalFromHash(&c, XXH3_128bits(p, n));
	hm_hex_text(c.digest, out);
}

bool hm_hex_is_digest(const char *text)
{
	return strlen(text) == HM_HEX - 1 && strspn(text, "0123456789abcdef") == HM_HEX - 1;
}
