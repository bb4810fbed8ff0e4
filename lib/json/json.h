/* Strict JSON on top of cJSON. A scan refuses what RFC 8259 forbids but cJSON accepts (duplicate keys,
 * leading zeros, 1e999, raw control bytes, bad UTF-8, lone surrogates, U+0000, trailing bytes); then cJSON
 * builds the tree. Writing is canonical: sorted keys, no spaces, shortest numbers. */
#ifndef HM_JSON_H
#define HM_JSON_H

#include "base/mem.h"

#include <cjson/cJSON.h>

/* Parses s[0..len), which need not end in NUL, with at most `depth` levels of nesting. On failure returns
 * NULL with `e` set; the sentence ends with the byte's column, from 1, which also goes to *column (may be
 * NULL). Caller frees with cJSON_Delete. */
cJSON *hm_json_parse(const char *s, size_t len, int depth, size_t *column, struct hm_err *e);

/* Finds the value of the `index`-th member of a top-level object in a text that hm_json_parse accepted: it is
 * s[*start..*end). For raw digits, and for columns in messages. False when the object has no such member. */
bool hm_json_member(const char *s, size_t len, int index, size_t *start, size_t *end);

/* Look up a member of an object by key and type. 0, or HM_EDATA with a sentence that names the key; a missing
 * key is an error. hm_json_get_int takes integers up to 2^53 in magnitude. A string is borrowed from the
 * tree. */
int hm_json_get_str(const cJSON *o, const char *key, const char **out, struct hm_err *e);
int hm_json_get_int(const cJSON *o, const char *key, int64_t *out, struct hm_err *e);

/* Appends the canonical text of the tree. */
int hm_json_write(const cJSON *v, struct hm_buf *out, struct hm_err *e);
/* Whether two trees have the same canonical text; NULL is the same as NULL alone. Without memory false, with
 * `e` set. */
bool hm_json_same(const cJSON *a, const cJSON *b, struct hm_err *e);
/* Appends s[0..n), valid UTF-8, as a quoted JSON string. */
int hm_json_write_str(struct hm_buf *out, const char *s, size_t n, struct hm_err *e);
/* The shortest decimal that reads back as the same f64 (f32); "NaN", "Infinity", "-Infinity" with their
 * quotes. */
#define HM_JSON_NUMBER 40
char *hm_json_f64(double v, char out[HM_JSON_NUMBER]);
char *hm_json_f32(float v, char out[HM_JSON_NUMBER]);

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
/* Copies s[0..len) to out[0..cap), with a NUL at the end, for one line of a message or of a table. Each
 * control character (U+0000 to U+001F, U+007F to U+009F), line separator and bidirectional control becomes
 * one '?', and so does each byte that is not valid UTF-8. What does not fit is cut off, between characters.
 * Returns the length without the NUL. */
size_t hm_utf8_mask(const char *s, size_t len, char *out, size_t cap);

#endif
