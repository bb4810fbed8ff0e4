/* A record as one line of JSON. See print.h. */
#include "rec/print.h"
#include "base/hex.h"
#include "json/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int print_number(enum hm_dtype t, const void *p, size_t i, struct hm_buf *out, struct hm_err *e)
{
	char text[HM_JSON_NUMBER];
	switch (t) {
	case HM_BOOL:
		return hm_buf_printf(out, e, "%s", ((const uint8_t *)p)[i] ? "true" : "false");
	case HM_U8:
		return hm_buf_printf(out, e, "%u", ((const uint8_t *)p)[i]);
	case HM_I8:
		return hm_buf_printf(out, e, "%d", ((const int8_t *)p)[i]);
	case HM_I16:
		return hm_buf_printf(out, e, "%d", ((const int16_t *)p)[i]);
	case HM_U16:
		return hm_buf_printf(out, e, "%u", ((const uint16_t *)p)[i]);
	case HM_I32:
		return hm_buf_printf(out, e, "%" PRId32, ((const int32_t *)p)[i]);
	case HM_U32:
		return hm_buf_printf(out, e, "%" PRIu32, ((const uint32_t *)p)[i]);
	case HM_I64:
		return hm_buf_printf(out, e, "%" PRId64, ((const int64_t *)p)[i]);
	case HM_U64:
		return hm_buf_printf(out, e, "%" PRIu64, ((const uint64_t *)p)[i]);
	case HM_F16:
		hm_json_f32(hm_f16_to_f32(((const uint16_t *)p)[i]), text);
		break;
	case HM_BF16:
		hm_json_f32(hm_bf16_to_f32(((const uint16_t *)p)[i]), text);
		break;
	case HM_F32:
		hm_json_f32(((const float *)p)[i], text);
		break;
	case HM_F64:
		hm_json_f64(((const double *)p)[i], text);
		break;
	default:
		return hm_err_set(e, HM_EDATA, "a %s cannot be printed as a number", hm_dtype_name(t));
	}
	return hm_buf_add(out, text, strlen(text), e);
}

static int flush_piece(const struct hm_buf *out, const struct hm_print_flush *flush, struct hm_err *e)
{
	return flush && out->len >= HM_PRINT_PIECE ? flush->run(flush->ctx, e) : 0;
}

/* Nested arrays of dim[0..ndim), row-major; *at counts the elements printed. */
static int print_nested(enum hm_dtype t, const void *p, int ndim, const int64_t *dim, size_t *at,
			struct hm_buf *out, const struct hm_print_flush *flush, struct hm_err *e)
{
	if (!ndim)
		return print_number(t, p, (*at)++, out, e);
	int rc = hm_buf_add(out, "[", 1, e);
	for (int64_t i = 0; i < dim[0] && !rc; i++)
		if ((i && (rc = hm_buf_add(out, ",", 1, e))) ||
		    (rc = print_nested(t, p, ndim - 1, dim + 1, at, out, flush, e)) ||
		    (rc = flush_piece(out, flush, e)))
			break;
	return rc ? rc : hm_buf_add(out, "]", 1, e);
}

/* A shape without elements may have any number of rows; all other shapes are limited by the record's
 * bytes. */
static bool lists_fit(int ndim, const int64_t *dim)
{
	size_t n = 1;
	for (int d = 0; d < ndim && dim[d]; d++)
		if (!hm_size_mul(n, (size_t)dim[d], &n) || n > HM_MAX_RECORD)
			return false;
	return true;
}

static int print_tensor(const struct hm_field *f, const struct hm_val *v, bool full, struct hm_buf *out,
			const struct hm_print_flush *flush, struct hm_err *e)
{
	int64_t dim[HM_MAX_DIMS];
	size_t at = 0, row = hm_field_count(f);
	char digest[33];
	memcpy(dim, f->dim, sizeof dim);
	if (hm_field_ragged(f))
		dim[0] = row ? (int64_t)(v->count / row) : 0;
	if (full && !lists_fit(f->ndim, dim))
		return hm_err_set(e, HM_EDATA, "column \"%s\" has no element and too many rows to print",
				  f->name);
	if (full)
		return print_nested(f->dtype, v->data, f->ndim, dim, &at, out, flush, e);
	hm_hex_digest(v->data, v->count * hm_dtype_size(f->dtype), digest);
	int rc = hm_buf_printf(out, e, "{\"dtype\":\"%s\",\"shape\":[", hm_dtype_name(f->dtype));
	for (int d = 0; d < f->ndim && !rc; d++)
		rc = hm_buf_printf(out, e, "%s%" PRId64, d ? "," : "", dim[d]);
	return rc ? rc : hm_buf_printf(out, e, "],\"xxh3\":\"%s\"}", digest);
}

/* A text as a JSON string, piece by piece: each is written as a string, then its inner quotes go. */
static int print_text(const char *s, size_t n, struct hm_buf *out, const struct hm_print_flush *flush,
		      struct hm_err *e)
{
	for (size_t at = 0, len; at < n || !at; at += len) {
		len = n - at < HM_PRINT_PIECE ? n - at : HM_PRINT_PIECE;
		while (at + len < n && len > 1 && (s[at + len] & 0xc0) == 0x80) /* not within a character */
			len--;
		size_t from = out->len;
		if (hm_json_write_str(out, s + at, len, e))
			return HM_EDATA;
		if (at)
			memmove(out->data + from, out->data + from + 1, --out->len - from);
		if (!n)
			break;
		out->len -= at + len < n;
		if (flush_piece(out, flush, e))
			return HM_EDATA;
	}
	return 0;
}

int hm_rec_print(const struct hm_rec *rec, bool full, struct hm_buf *out, const struct hm_print_flush *flush,
		 struct hm_err *e)
{
	int rc = hm_buf_add(out, "{", 1, e);
	for (int i = 0; i < rec->schema->n && !rc; i++) {
		const struct hm_field *f = &rec->schema->field[i];
		const struct hm_val *v = &rec->val[i];
		if ((i && (rc = hm_buf_add(out, ",", 1, e))) ||
		    (rc = hm_json_write_str(out, f->name, strlen(f->name), e)) ||
		    (rc = hm_buf_add(out, ":", 1, e)))
			break;
		if (f->dtype == HM_UTF8)
			rc = print_text(v->data, v->count, out, flush, e);
		else if (!f->ndim)
			rc = print_number(f->dtype, v->data, 0, out, e);
		else
			rc = print_tensor(f, v, full, out, flush, e);
	}
	return rc ? rc : hm_buf_add(out, "}", 1, e);
}
