/* Reading a zip's directory: see zipdir.h. */
#include "weights/zipdir.h"

#include <libdeflate.h>
#include <stdlib.h>
#include <string.h>

enum {
	END = 22,	/* bytes of the end record, without its comment */
	END64 = 56,	/* of zip64's end record, without extensions */
	LOCATOR64 = 20, /* of zip64's locator, which stands directly before the end record */
	CENTRAL = 46,	/* of a directory entry, without name, extra field and comment */
	LOCAL = 30,	/* of a local header, without name and extra field */
	EXTRA64 = 1	/* the tag of zip64's extra field */
};
#define ENTRIES_CAP ((uint64_t)1 << 18)

static uint64_t number(const unsigned char *p, int bytes)
{
	uint64_t u = 0;
	while (bytes--)
		u = u << 8 | p[bytes];
	return u;
}

static bool has_signature(const unsigned char *p, const char *two)
{
	return p[0] == 'P' && p[1] == 'K' && p[2] == (unsigned char)two[0] && p[3] == (unsigned char)two[1];
}

/* Where the directory is and how many entries it has. */
struct place {
	uint64_t offset, size, entries;
};

/* From zip64's end record, which the locator before the end record at `end` points to. */
static int find_directory64(const struct hm_zip *z, size_t end, struct place *d, struct hm_err *e)
{
	const unsigned char *l = z->p + end - LOCATOR64;
	if (end < LOCATOR64 || !has_signature(l, "\6\7"))
		return hm_err_set(e, HM_EDATA, "a damaged zip: its zip64 locator is missing");
	uint64_t at = number(l + 8, 8);
	if (end < END64 || at > end - END64 || !has_signature(z->p + at, "\6\6"))
		return hm_err_set(e, HM_EDATA, "a damaged zip: its zip64 end record is missing");
	*d = (struct place){number(z->p + at + 48, 8), number(z->p + at + 40, 8), number(z->p + at + 32, 8)};
	return 0;
}

static int find_directory(const struct hm_zip *z, struct place *d, struct hm_err *e)
{
	size_t end, comment = 0;
	for (;; comment++) { /* the end record's comment reaches to the end of the file */
		if (comment > UINT16_MAX || z->n < END + comment)
			return hm_err_set(e, HM_EDATA,
					  "the file is cut: a zip whose directory, at its end, is missing; "
					  "fetch it again (%zu bytes are there)",
					  z->n);
		end = z->n - END - comment;
		if (has_signature(z->p + end, "\5\6") && number(z->p + end + 20, 2) == comment)
			break;
	}
	const unsigned char *p = z->p + end;
	*d = (struct place){number(p + 16, 4), number(p + 12, 4), number(p + 10, 2)};
	if ((d->offset == UINT32_MAX || d->size == UINT32_MAX || d->entries == UINT16_MAX) &&
	    find_directory64(z, end, d, e))
		return HM_EDATA;
	if (d->offset > end || d->size > end - d->offset)
		return hm_err_set(e, HM_EDATA, "a damaged zip: its directory lies outside the file");
	if (d->entries > d->size / CENTRAL)
		return hm_err_set(e, HM_EDATA, "a damaged zip: its directory is too small for its entries");
	if (d->entries > ENTRIES_CAP)
		return hm_err_set(e, HM_EDATA, "a zip of %llu entries, more than %llu",
				  (unsigned long long)d->entries, (unsigned long long)ENTRIES_CAP);
	return 0;
}

/* Puts zip64's sizes and offset into x, where the 32-bit fields say that they are in the extra field x[0..n).
 */
static bool read_extra64(const unsigned char *p, size_t n, uint64_t *size, uint64_t *packed, uint64_t *offset)
{
	uint64_t *want[] = {size, packed, offset};
	while (n >= 4) {
		size_t tag = (size_t)number(p, 2), len = (size_t)number(p + 2, 2);
		if (len > n - 4)
			return false;
		const unsigned char *q = p + 4;
		for (int i = 0; tag == EXTRA64 && i < 3; i++)
			if (*want[i] == UINT32_MAX) {
				if (len < (size_t)(q - p) - 4 + 8)
					return false;
				*want[i] = number(q, 8);
				q += 8;
			}
		p += 4 + len;
		n -= 4 + len;
	}
	return true;
}

/* The directory entry at p, of at most n bytes, into *x and the bytes it takes into *used. */
static bool read_entry(const unsigned char *p, size_t n, struct hm_zip_entry *x, size_t *used)
{
	if (n < CENTRAL || !has_signature(p, "\1\2"))
		return false;
	size_t name = (size_t)number(p + 28, 2), extra = (size_t)number(p + 30, 2),
	       comment = (size_t)number(p + 32, 2);
	*used = CENTRAL + name + extra + comment;
	if (*used > n)
		return false;
	uint64_t packed = number(p + 20, 4), size = number(p + 24, 4), offset = number(p + 42, 4);
	bool encrypted = p[8] & 1, stored = !number(p + 10, 2);
	if (!read_extra64(p + CENTRAL + name, extra, &size, &packed, &offset))
		return false;
	*x = (struct hm_zip_entry){(const char *)p + CENTRAL,
				   name,
				   offset,
				   size,
				   (uint32_t)number(p + 16, 4),
				   stored && !encrypted && size == packed};
	return true;
}

static int compare_names(const char *a, size_t n, const char *b, size_t k)
{
	int c = memcmp(a, b, n < k ? n : k);
	return c ? c : (n > k) - (n < k);
}

static int by_name(const void *a, const void *b)
{
	const struct hm_zip_entry *x = a, *y = b;
	return compare_names(x->name, x->name_len, y->name, y->name_len);
}

int hm_zip_open(struct hm_zip *z, const unsigned char *p, size_t n, struct hm_err *e)
{
	struct place d = {0};
	*z = (struct hm_zip){.p = p, .n = n};
	if (find_directory(z, &d, e))
		return HM_EDATA;
	size_t at = (size_t)d.offset, end = at + (size_t)d.size, used;
	z->entry = hm_alloc((size_t)d.entries, sizeof *z->entry, e);
	if (!z->entry)
		return HM_EDATA;
	for (; z->entries < d.entries; z->entries++, at += used)
		if (!read_entry(p + at, end - at, &z->entry[z->entries], &used))
			return hm_err_set(e, HM_EDATA, "a damaged zip: entry %zu of its directory is broken",
					  z->entries);
	qsort(z->entry, z->entries, sizeof *z->entry, by_name);
	for (size_t i = 1; i < z->entries; i++)
		if (!by_name(&z->entry[i - 1], &z->entry[i]))
			return hm_err_set(e, HM_EDATA, "a damaged zip: entry \"%.*s\" is there twice",
					  (int)(z->entry[i].name_len < 200 ? z->entry[i].name_len : 200),
					  z->entry[i].name);
	return 0;
}

const struct hm_zip_entry *hm_zip_find(const struct hm_zip *z, const char *name, size_t len)
{
	struct hm_zip_entry key = {.name = name, .name_len = len};
	return z->entries ? bsearch(&key, z->entry, z->entries, sizeof key, by_name) : NULL;
}

int hm_zip_data(const struct hm_zip *z, const struct hm_zip_entry *x, const unsigned char **data,
		struct hm_err *e)
{
	int shown = x->name_len < 200 ? (int)x->name_len : 200;
	if (!x->stored)
		return hm_err_set(e, HM_EDATA,
				  "entry \"%.*s\" is compressed or encrypted; torch.save stores: unpack the "
				  "zip and pack it with zip -0",
				  shown, x->name);
	if (z->n < LOCAL || x->offset > z->n - LOCAL || !has_signature(z->p + x->offset, "\3\4"))
		return hm_err_set(e, HM_EDATA, "entry \"%.*s\" lies outside the file", shown, x->name);
	const unsigned char *p = z->p + x->offset;
	size_t left = z->n - (size_t)x->offset - LOCAL, name = (size_t)number(p + 26, 2),
	       extra = (size_t)number(p + 28, 2);
	if (left < name + extra || x->size > left - name - extra)
		return hm_err_set(e, HM_EDATA, "entry \"%.*s\" lies outside the file", shown, x->name);
	if (compare_names((const char *)p + LOCAL, name, x->name, x->name_len))
		return hm_err_set(e, HM_EDATA, "entry \"%.*s\" has another name at its data", shown, x->name);
	*data = p + LOCAL + name + extra;
	return 0;
}

bool hm_zip_sound(const unsigned char *data, size_t size, uint32_t crc)
{
	return !crc || libdeflate_crc32(0, data, size) == crc;
}

void hm_zip_close(struct hm_zip *z)
{
	free(z->entry);
	*z = (struct hm_zip){0};
}
