/* Records as columns in a block's payload: see format.h and formats/hmr.md, "Payload". */
#include "rec/format.h"
#include "json/json.h"

#include <string.h>

#define ALIGN 64u

static size_t padded_size(size_t n)
{
	return (n + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

/* Bytes of one row: of a whole record for fixed columns, of one step of dim -1 for ragged ones. */
static size_t row_bytes(const struct hm_field *f)
{
	return hm_field_count(f) * hm_dtype_size(f->dtype);
}

struct hm_column hm_layout_column(const struct hm_field *f)
{
	return (struct hm_column){.row = hm_field_count(f), .size = hm_dtype_size(f->dtype)};
}

bool hm_layout_size(const struct hm_schema *s, size_t n, const uint64_t *rows, size_t *size)
{
	size_t total = 0, part;
	for (int i = 0; i < s->n; i++) {
		const struct hm_field *f = &s->field[i];
		bool ragged = hm_field_ragged(f);
		if (ragged && !hm_size_add(total, padded_size((n + 1) * sizeof(uint32_t)), &total))
			return false;
		if (!hm_size_mul(ragged ? rows[i] : n, row_bytes(f), &part) || part > SIZE_MAX / 2 ||
		    !hm_size_add(total, padded_size(part), &total))
			return false;
	}
	*size = total;
	return true;
}

/* Writes `n` elements of `size` bytes to out, filtered and padded to a multiple of 64. Returns the end. */
static unsigned char *put_part(unsigned char *out, const void *p, size_t n, size_t size)
{
	if (n)
		hm_shuffle(p, out, n, size);
	memset(out + n * size, 0, padded_size(n * size) - n * size);
	return out + padded_size(n * size);
}

void hm_layout_pack(const struct hm_schema *s, size_t n, const struct hm_column *c, unsigned char *out)
{
	for (int i = 0; i < s->n; i++) {
		size_t rows = n;
		if (c[i].offsets) {
			out = put_part(out, c[i].offsets, n + 1, sizeof(uint32_t));
			rows = c[i].offsets[n];
		}
		out = put_part(out, c[i].data, rows * c[i].row, c[i].size);
	}
}

/* Where unpacking stands. */
struct cursor {
	const unsigned char *in;
	size_t at, size;
	unsigned char *scratch;
};

/* n elements of `size` bytes, unfiltered; NULL when they or their padding are not there. */
static const unsigned char *take_part(struct cursor *c, size_t n, size_t size)
{
	size_t bytes;
	if (!hm_size_mul(n, size, &bytes) || bytes > c->size - c->at || padded_size(bytes) > c->size - c->at)
		return NULL;
	for (size_t i = bytes; i < padded_size(bytes); i++)
		if (c->in[c->at + i])
			return NULL;
	const unsigned char *from = c->in + c->at;
	if (size > 1) {
		hm_unshuffle(from, c->scratch + c->at, n, size);
		from = c->scratch + c->at;
	}
	c->at += padded_size(bytes);
	return from;
}

/* Each record's text is UTF-8 when all of it is and none begins inside a code point. */
static bool all_utf8(const struct hm_column *c, size_t n)
{
	size_t len = c->offsets[n];
	if (hm_utf8_check((const char *)c->data, len) < len)
		return false;
	for (size_t i = 0; i < n; i++)
		if (c->offsets[i] < len && (c->data[c->offsets[i]] & 0xc0) == 0x80)
			return false;
	return true;
}

int hm_layout_unpack(const struct hm_schema *s, size_t n, const unsigned char *in, size_t size,
		     unsigned char *scratch, struct hm_column *c, struct hm_err *e)
{
	struct cursor cur = {in, 0, size, scratch};
	for (int i = 0; i < s->n; i++) {
		const struct hm_field *f = &s->field[i];
		size_t rows = n, elements;
		c[i] = hm_layout_column(f);
		if (hm_field_ragged(f)) {
			c[i].offsets =
				(const uint32_t *)(const void *)take_part(&cur, n + 1, sizeof(uint32_t));
			if (!c[i].offsets || c[i].offsets[0])
				return hm_err_set(e, HM_EDATA, "column \"%s\": bad offsets", f->name);
			for (size_t k = 0; k < n; k++)
				if (c[i].offsets[k] > c[i].offsets[k + 1])
					return hm_err_set(e, HM_EDATA, "column \"%s\": bad offsets", f->name);
			rows = c[i].offsets[n];
		}
		if (!hm_size_mul(rows, c[i].row, &elements))
			return hm_err_set(e, HM_EDATA, "column \"%s\": impossible size", f->name);
		c[i].data = take_part(&cur, elements, c[i].size);
		if (!c[i].data)
			return hm_err_set(e, HM_EDATA,
					  "column \"%s\": data or padding is not as the format says",
					  f->name);
		if (f->dtype == HM_UTF8 && !all_utf8(&c[i], n))
			return hm_err_set(e, HM_EDATA, "column \"%s\": text is not UTF-8", f->name);
	}
	if (cur.at != size)
		return hm_err_set(e, HM_EDATA, "the block holds %zu bytes more than its records",
				  size - cur.at);
	return 0;
}
