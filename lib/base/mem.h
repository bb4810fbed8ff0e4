/* Memory: checked arithmetic, zeroed aligned allocation, a growing byte buffer. */
#ifndef HM_MEM_H
#define HM_MEM_H

#include "base/err.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* *out = a*b (a+b); false when the result does not fit, *out then unset. */
static inline bool hm_size_mul(size_t a, size_t b, size_t *out)
{
	return !__builtin_mul_overflow(a, b, out);
}
static inline bool hm_size_add(size_t a, size_t b, size_t *out)
{
	return !__builtin_add_overflow(a, b, out);
}

/* A size as the options take it: 67108864 is "64M", 3072 is "3K", 1000 is "1000". Returns out. */
#define HM_SIZE_TEXT 24
const char *hm_size_text(uint64_t n, char out[HM_SIZE_TEXT]);

/* n·size zeroed bytes, 64-byte aligned, never NULL on success (also for 0 bytes). Caller frees with free().
 * NULL on overflow or exhaustion, with the sentence in `e`. */
void *hm_alloc(size_t n, size_t size, struct hm_err *e);

/* A NUL-terminated copy of s[0..len). Caller frees with free(); NULL as hm_alloc. */
char *hm_strndup(const char *s, size_t len, struct hm_err *e);

/* A growing byte buffer; a zeroed struct is empty. `data` moves whenever it grows. */
struct hm_buf {
	unsigned char *data; /* 64-byte aligned */
	size_t len, cap;
};
/* Makes room for `more` bytes after len. 0 or HM_EDATA. */
int hm_buf_reserve(struct hm_buf *b, size_t more, struct hm_err *e);
/* Appends n bytes (p NULL: n zero bytes). 0 or HM_EDATA. */
int hm_buf_add(struct hm_buf *b, const void *p, size_t n, struct hm_err *e);
/* Appends formatted text; a NUL follows it and is not counted. 0 or HM_EDATA. */
int hm_buf_printf(struct hm_buf *b, struct hm_err *e, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int hm_buf_vprintf(struct hm_buf *b, struct hm_err *e, const char *fmt, va_list ap);
/* Appends s as a field of CSV (RFC 4180): in quotes always, or only where it must be. 0 or HM_EDATA. */
int hm_buf_quote(struct hm_buf *b, const char *s, struct hm_err *e);
int hm_buf_field(struct hm_buf *b, const char *s, struct hm_err *e);
/* Appends s as a field of CSV in quotes, for people who open it in a spreadsheet: it is masked as by
 * hm_utf8_mask, and an apostrophe stands in front of what would be a formula. Not for reading back: another
 * text. 0 or HM_EDATA. */
int hm_buf_cell(struct hm_buf *b, const char *s, struct hm_err *e);
/* How a text becomes a field of CSV: hm_buf_quote, hm_buf_field or hm_buf_cell. */
typedef int hm_field_writer(struct hm_buf *b, const char *s, struct hm_err *e);
/* Frees the storage; the buffer is empty again and may be used on. */
void hm_buf_clear(struct hm_buf *b);

/* An arena: many small allocations that are freed together; a zeroed struct is empty. Addresses stay valid
 * until reset or clear. */
struct hm_arena {
	struct hm_arena_chunk *head;
};
/* n bytes, 64-byte aligned, uninitialised; NULL as hm_alloc. */
void *hm_arena_get(struct hm_arena *a, size_t n, struct hm_err *e);
/* A NUL-terminated copy of s[0..len); NULL as hm_alloc. */
char *hm_arena_copy(struct hm_arena *a, const char *s, size_t len, struct hm_err *e);
/* Frees all allocations but keeps one chunk of storage for later ones. */
void hm_arena_reset(struct hm_arena *a);
void hm_arena_clear(struct hm_arena *a);

#endif
