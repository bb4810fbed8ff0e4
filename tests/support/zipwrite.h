/* A zip of stored entries in memory, for tests: with right CRCs, or none; with zip64's fields, or without. */
#ifndef HM_TESTS_ZIPWRITE_H
#define HM_TESTS_ZIPWRITE_H

#include "base/mem.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

struct zip_file {
	const char *name;
	const void *data;
	size_t n;
};

static inline void zip_number(struct hm_buf *b, uint64_t u, int bytes)
{
	for (; bytes--; u >>= 8) {
		unsigned char c = (unsigned char)u;
		if (hm_buf_add(b, &c, 1, NULL))
			abort();
	}
}

static inline void zip_bytes(struct hm_buf *b, const void *p, size_t n)
{
	if (hm_buf_add(b, p, n, NULL))
		abort();
}

/* Version, flags, method, time, date, crc, sizes: what a local header and a directory entry have in common.
 */
static inline void zip_common(struct hm_buf *b, const struct zip_file *f, bool crc, bool wide)
{
	zip_number(b, 20, 2);
	zip_number(b, 0, 8);
	zip_number(b, crc ? libdeflate_crc32(0, f->data, f->n) : 0, 4);
	zip_number(b, wide ? UINT32_MAX : f->n, 4);
	zip_number(b, wide ? UINT32_MAX : f->n, 4);
	zip_number(b, strlen(f->name), 2);
}

/* Appends the zip of the n files to an empty b. */
static inline void zip_write(struct hm_buf *b, const struct zip_file *f, size_t n, bool crc, bool wide)
{
	size_t *at = calloc(n + 1, sizeof *at);
	if (!at)
		abort();
	for (size_t i = 0; i < n; i++) {
		at[i] = b->len;
		zip_bytes(b, "PK\3\4", 4);
		zip_common(b, &f[i], crc, false);
		zip_number(b, 0, 2);
		zip_bytes(b, f[i].name, strlen(f[i].name));
		zip_bytes(b, f[i].data, f[i].n);
	}
	size_t begin = b->len;
	for (size_t i = 0; i < n; i++) {
		zip_bytes(b, "PK\1\2\24\0", 6);
		zip_common(b, &f[i], crc, wide);
		zip_number(b, wide ? 28 : 0, 2);
		zip_number(b, 0, 10);
		zip_number(b, wide ? UINT32_MAX : at[i], 4);
		zip_bytes(b, f[i].name, strlen(f[i].name));
		if (!wide)
			continue;
		zip_number(b, 1, 2);
		zip_number(b, 24, 2);
		zip_number(b, f[i].n, 8);
		zip_number(b, f[i].n, 8);
		zip_number(b, at[i], 8);
	}
	size_t end = b->len;
	if (wide) {
		zip_bytes(b, "PK\6\6", 4);
		zip_number(b, 44, 8);
		zip_number(b, 45, 2);
		zip_number(b, 45, 2);
		zip_number(b, 0, 8);
		zip_number(b, n, 8);
		zip_number(b, n, 8);
		zip_number(b, end - begin, 8);
		zip_number(b, begin, 8);
		zip_bytes(b, "PK\6\7", 4);
		zip_number(b, 0, 4);
		zip_number(b, end, 8);
		zip_number(b, 1, 4);
	}
	zip_bytes(b, "PK\5\6", 4);
	zip_number(b, 0, 4);
	zip_number(b, wide ? UINT16_MAX : n, 2);
	zip_number(b, wide ? UINT16_MAX : n, 2);
	zip_number(b, wide ? UINT32_MAX : end - begin, 4);
	zip_number(b, wide ? UINT32_MAX : begin, 4);
	zip_number(b, 0, 2);
	free(at);
}

#endif
