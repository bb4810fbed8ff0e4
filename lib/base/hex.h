/* Digests as text: 32 hexadecimal digits, as XXH3-128 is printed by xxhsum. */
#ifndef HM_HEX_H
#define HM_HEX_H

#include <stdbool.h>
#include <stddef.h>

#define HM_HEX 33 /* the digits and a NUL */

/* 16 bytes of a digest as text. */
void hm_hex_text(const unsigned char digest[16], char out[HM_HEX]);
/* The XXH3-128 of p[0..n) as text. */
void hm_hex_digest(const void *p, size_t n, char out[HM_HEX]);
/* Whether the text is a digest: 32 lower-case hexadecimal digits and no more. */
bool hm_hex_is_digest(const char *text);

#endif
