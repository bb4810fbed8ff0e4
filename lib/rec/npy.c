/* Writes .npy files record by record: the header's bytes are left free and filled in at the end. See
 * npy.h. */
#include "rec/npy.h"
#include "base/fd.h"
#include "base/file.h"
#include "json/json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MOST ((size_t)4 << 30) /* bytes of an array of texts */
#define HEADER 192 /* bytes, a multiple of 64: magic, length, a dictionary padded with spaces */

struct hm_npy {
	struct hm_field field; /* its attributes are not used */
	struct hm_out *data, *offsets;
	struct hm_buf wide, ends; /* BF16 as f32; I64 offsets */
	struct hm_buf text;	  /* of a text column all texts, a length in front of each (size_t) */
	size_t longest;		  /* code points */
	uint64_t records, rows;
};

static const char *type_text(enum hm_dtype t)
{
	static const char *const name[HM_DTYPES] = {
		[HM_BOOL] = "|b1", [HM_U8] = "|u1",  [HM_I8] = "|i1",  [HM_I16] = "<i2", [HM_U16] = "<u2",
		[HM_I32] = "<i4",  [HM_U32] = "<u4", [HM_I64] = "<i8", [HM_U64] = "<u8", [HM_F16] = "<f2",
		[HM_BF16] = "<f4", [HM_F32] = "<f4", [HM_F64] = "<f8"};
	return name[t];
}

/* The file, with the header's bytes left free. */
static struct hm_out *open_one(const char *path, struct hm_err *e)
{
	static const char room[HEADER];
	struct hm_out *o = hm_out_open(path, e);
	if (o && hm_out_is_stream(o))
		hm_err_set(e, HM_EDATA,
			   "%s: a .npy file cannot be written into a pipe, for its header is written last",
			   path);
	else if (o && !hm_out_write(o, room, sizeof room, e))
		return o;
	hm_out_abort(o);
	return NULL;
}

int hm_npy_open(struct hm_npy **n, const char *path, const struct hm_field *f, struct hm_err *e)
{
	*n = NULL;
	struct hm_npy *y = hm_alloc(1, sizeof *y, e);
	if (!y)
		return HM_EDATA;
	y->field = *f;
	y->field.attr = NULL;
	int64_t zero = 0;
	if (!(y->data = open_one(path, e)) || hm_buf_add(&y->ends, &zero, sizeof zero, e))
		goto fail;
	if (hm_field_ragged(f) && f->dtype != HM_UTF8) {
		struct hm_buf name = {0};
		if (!hm_buf_printf(&name, e, "%s.offsets.npy", path))
			y->offsets = open_one((char *)name.data, e);
		hm_buf_clear(&name);
		if (!y->offsets)
			goto fail;
	}
	*n = y;
	return 0;
fail:
	hm_npy_abort(y);
	return HM_EDATA;
}

/* All texts have the width of the longest, so they wait for it. */
static int keep_text(struct hm_npy *n, const struct hm_val *v, struct hm_err *e)
{
	const char *s = v->data;
	size_t points = 0;
	n->records++;
	for (size_t i = 0; i < v->count; i++)
		points += (s[i] & 0xc0) != 0x80;
	n->longest = points > n->longest ? points : n->longest;
	if (v->count && !s[v->count - 1])
		return hm_err_set(e, HM_EDATA,
				  "column \"%s\": a text ends with U+0000, which NumPy's texts cannot",
				  n->field.name);
	return hm_buf_add(&n->text, &v->count, sizeof v->count, e) || hm_buf_add(&n->text, s, v->count, e)
		       ? HM_EDATA
		       : 0;
}

/* The texts as UTF-32, filled up with zeros. */
static int write_texts(struct hm_npy *n, struct hm_err *e)
{
	const unsigned char *p = n->text.data;
	size_t width = n->longest ? n->longest * 4 : 4, size;
	if (width > TEXT_MOST || n->records > TEXT_MOST / width)
		return hm_err_set(e, HM_EDATA,
				  "column \"%s\" has a text of %zu characters: the array, in which all texts "
				  "have the width of the longest, would be larger than 4 GiB",
				  n->field.name, n->longest);
	for (uint64_t i = 0; i < n->records; i++, p += size) {
		memcpy(&size, p, sizeof size);
		p += sizeof size;
		n->wide.len = 0;
		for (size_t at = 0; at < size;) {
			uint32_t cp = 0;
			at += (size_t)hm_utf8_next((const char *)p + at, size - at, &cp); /* it is valid */
			if (hm_buf_add(&n->wide, &cp, sizeof cp, e))
				return HM_EDATA;
		}
		if (hm_buf_add(&n->wide, NULL, width - n->wide.len, e) ||
		    hm_out_write(n->data, n->wide.data, width, e))
			return HM_EDATA;
	}
	return 0;
}

int hm_npy_put(struct hm_npy *n, const struct hm_val *v, struct hm_err *e)
{
	if (n->field.dtype == HM_UTF8)
		return keep_text(n, v, e);
	const void *p = v->data;
	size_t bytes = v->count * hm_dtype_size(n->field.dtype), row = hm_field_count(&n->field);
	if (n->field.dtype == HM_BF16) {
		bytes = v->count * sizeof(float);
		n->wide.len = 0;
		if (hm_buf_reserve(&n->wide, bytes, e) ||
		    hm_to_f32(HM_BF16, v->data, v->count, (float *)(void *)n->wide.data, e))
			return HM_EDATA;
		p = n->wide.data;
	}
	n->records++;
	n->rows += hm_field_ragged(&n->field) && row ? v->count / row : 1;
	int64_t end = (int64_t)n->rows;
	if (n->offsets && hm_buf_add(&n->ends, &end, sizeof end, e))
		return HM_EDATA;
	return hm_out_write(n->data, p, bytes, e);
}

/* Fills in the header: shape [first, dim[0..ndim)). */
static int write_header(struct hm_out *o, const char *type, uint64_t first, int ndim, const int64_t *dim,
			struct hm_err *e)
{
	char h[HEADER + 1], shape[HM_MAX_DIMS * 24] = "";
	size_t at = 0;
	for (int d = 0; d < ndim; d++)
		at += (size_t)snprintf(shape + at, sizeof shape - at, " %" PRId64 ",", dim[d]);
	memset(h, ' ', sizeof h);
	memcpy(h, "\x93NUMPY\x01\x00", 8);
	h[8] = (char)(HEADER - 10);
	h[9] = 0;
	int n = snprintf(h + 10, HEADER - 10,
			 "{'descr': '%s', 'fortran_order': False, 'shape': (%" PRIu64 ",%s), }", type, first,
			 shape);
	if (n < 0 || n >= HEADER - 11)
		return hm_err_set(e, HM_EDATA, "the shape is too long for a .npy header");
	h[10 + n] = ' ';
	h[HEADER - 1] = '\n';
	if (hm_fd_write_at(hm_out_fd(o), h, HEADER, 0))
		return hm_err_set(e, HM_EDATA, "cannot write the .npy header");
	return 0;
}

int hm_npy_finish(struct hm_npy *n, struct hm_err *e)
{
	bool text = n->field.dtype == HM_UTF8, ragged = hm_field_ragged(&n->field) && !text;
	char type[32];
	int skip = ragged ? 1 : 0, rc = text ? write_texts(n, e) : 0;
	snprintf(type, sizeof type, "<U%zu", n->longest ? n->longest : 1);
	if (!rc)
		rc = write_header(n->data, text ? type : type_text(n->field.dtype),
				  ragged ? n->rows : n->records, n->field.ndim - skip, n->field.dim + skip,
				  e);
	if (!rc && n->offsets) {
		rc = hm_out_write(n->offsets, n->ends.data, n->ends.len, e);
		rc = rc ? rc : write_header(n->offsets, "<i8", n->records + 1, 0, NULL, e);
		if (!rc) {
			rc = hm_out_commit(n->offsets, e);
			n->offsets = NULL;
		}
	}
	if (!rc) {
		rc = hm_out_commit(n->data, e);
		n->data = NULL;
	}
	hm_npy_abort(n);
	return rc;
}

void hm_npy_abort(struct hm_npy *n)
{
	if (!n)
		return;
	hm_out_abort(n->data);
	hm_out_abort(n->offsets);
	hm_buf_clear(&n->wide);
	hm_buf_clear(&n->ends);
	hm_buf_clear(&n->text);
	free(n);
}
