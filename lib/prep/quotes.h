/* Typographic quotes made straight, as ftfy does before OpenAI's tokenizer and open_clip's. */
#ifndef HM_QUOTES_H
#define HM_QUOTES_H

#include "base/mem.h"

/* True when s[0..n) may hold one of the nine code points. */
bool hm_quotes_any(const char *s, size_t n);
/* Appends s[0..n) to `out`, of it U+02BC and U+2018 to U+201B as ', U+201C to U+201F as ". */
int hm_quotes_straighten(const char *s, size_t n, struct hm_buf *out, struct hm_err *e);

#endif
