/* Strict JSON on top of cJSON. A scan refuses what RFC 8259 forbids but cJSON accepts (duplicate keys,
 * leading zeros, 1e999, raw control bytes, bad UTF-8, lone surrogates, U+0000, trailing bytes); then cJSON
 * builds the tree. Writing is canonical: sorted keys, no spaces, shortest numbers. */
#ifndef HM_JSON_H
#define HM_JSON_H

#include "base/mem.h"
#include "base/utf8.h"

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
/* For JSON that people look at: rewrites b[from..len), a JSON text, so that no character acts on a terminal.
 * Those of hm_utf8_is_control within strings become \uXXXX; every value stays the same. A byte that is not
 * UTF-8, as a file name may have it, becomes U+FFFD. 0 or HM_EDATA (memory). */
int hm_json_tame(struct hm_buf *b, size_t from, struct hm_err *e);
/* The shortest decimal that reads back as the same f64 (f32); "NaN", "Infinity", "-Infinity" with their
 * quotes. */
#define HM_JSON_NUMBER 40
char *hm_json_f64(double v, char out[HM_JSON_NUMBER]);
char *hm_json_f32(float v, char out[HM_JSON_NUMBER]);

#endif
