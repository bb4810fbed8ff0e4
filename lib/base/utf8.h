/* UTF-8: reading and writing a character, validation, and the one rule of what is masked where a text of
 * unknown origin (an id, a caption, a word of a class, a file name) is shown to people. */
#ifndef HM_UTF8_H
#define HM_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The length, 1 to 4, of the UTF-8 sequence with which s[0..len) begins; 0 when it is not valid (an overlong
 * form, a surrogate). *cp, when not NULL: the code point. */
int hm_utf8_next(const char *s, size_t len, uint32_t *cp);
/* out := the UTF-8 of a code point. Returns its length, 1 to 4. */
static inline int hm_utf8_put(uint32_t cp, char out[4])
{
	int n = cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
	for (int i = n - 1; i > 0; i--, cp >>= 6)
		out[i] = (char)(0x80 | (cp & 0x3f));
	out[0] = (char)(n == 1 ? cp : (0xf00u >> n & 0xff) | cp);
	return n;
}
/* Offset of the first byte that is not valid UTF-8, or len. */
size_t hm_utf8_check(const char *s, size_t len);
/* Whether a character acts on a terminal or on the text around it instead of being shown: U+0000 to U+001F,
 * U+007F to U+009F, line separators (U+2028, U+2029), and what turns the direction of writing. */
bool hm_utf8_is_control(uint32_t cp);
/* Copies s[0..len) to out[0..cap), with a NUL at the end, for one line of a message or of a table. Each
 * character of hm_utf8_is_control becomes one '?', and so does each byte that is not valid UTF-8. What does
 * not fit is cut off, between characters. Returns the length without the NUL. */
size_t hm_utf8_mask(const char *s, size_t len, char *out, size_t cap);

#endif
