/* Columns out of arrays. See arraycolumn.h. */
#include "feed/arraycolumn.h"
#include "feed/columns.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

enum { WINDOW = 1 << 20, WINDOW_ROWS = 512 }; /* bytes and rows that are taken out of the array at once */
enum { MAPPED = 32 << 20 }; /* bytes of a mapped array that stay in memory once they were read */

/* A column of a name that tools know must be as they make it. */
static int check_known(const struct hm_schema *s, const char *name, struct hm_err *e)
{
	int at, rc = 0;
	for (int k = HM_COLUMN_ID; !rc && k <= HM_COLUMN_NEIGHBOURS; k++)
		if (!strcmp(name, hm_column_name((enum hm_column)k)))
			rc = hm_column_find(s, (enum hm_column)k, &at, e);
	return rc;
}

static bool is_float(enum hm_dtype t)
{
	return t == HM_F16 || t == HM_BF16 || t == HM_F32 || t == HM_F64;
}

static int choose_dtype(struct hm_arraycolumn *c, struct hm_err *e)
{
	const struct hm_npyarray *a = &c->from;
	if (a->kind != HM_NPY_NUMBERS)
		return hm_err_set(e, HM_EDATA, "it holds texts; a column is made of numbers");
	if (!a->ndim)
		return hm_err_set(e, HM_EDATA, "it is one number; a column is made of an array [n,...]");
	for (int d = 1; d < a->ndim; d++)
		if (a->dim[d] > INT32_MAX)
			return hm_err_set(e, HM_EDATA, "its dimension %d has the size %" PRId64, d,
					  a->dim[d]);
	c->label = !strcmp(c->name, hm_column_name(HM_COLUMN_LABEL));
	c->dtype = a->dtype == HM_F64 ? HM_F32 : a->dtype;
	if (c->label && is_float(a->dtype))
		return hm_err_set(e, HM_EDATA,
				  "its elements are %s, and labels are integers: save y.astype('i4')",
				  hm_dtype_name(a->dtype));
	if (c->label && a->ndim > 1)
		return hm_err_set(e, HM_EDATA,
				  "it has %d dimensions, and labels are one number each: save y.ravel()",
				  a->ndim);
	if (c->label)
		c->dtype = HM_I32;
	return 0;
}

int hm_arraycolumn_open(struct hm_arraycolumn *c, const char *name, const char *file, cJSON *attr,
			struct hm_schema *s, struct hm_err *e)
{
	size_t len = strlen(name);
	c->file = file;
	memcpy(c->name, name, len < sizeof c->name ? len : 0); /* the schema refuses a longer one */
	if (choose_dtype(c, e)) {
		cJSON_Delete(attr);
		return hm_err_prefix(e, "%s: column \"%.64s\"", file, name);
	}
	c->rows = (size_t)c->from.dim[0];
	int at = hm_schema_add(s, name, c->dtype, c->from.ndim - 1, c->from.dim + 1, attr, e);
	if (at < 0 || check_known(s, name, e))
		return hm_err_prefix(e, "%s", file);
	return 0;
}

void hm_arraycolumn_close(struct hm_arraycolumn *c)
{
	hm_npyarray_close(&c->from);
	hm_buf_clear(&c->raw);
	hm_buf_clear(&c->value);
}

/* Takes row k, and some behind it, out of the array. */
static int fill_window(struct hm_arraycolumn *c, size_t k, struct hm_err *e)
{
	size_t bytes = c->from.row * c->from.size, n = bytes ? WINDOW / bytes : WINDOW_ROWS;
	n = n < 1 ? 1 : n > WINDOW_ROWS ? WINDOW_ROWS : n;
	n = n > c->rows - k ? c->rows - k : n;
	c->raw.len = c->value.len = 0;
	if (hm_buf_reserve(&c->raw, n * bytes + 1, e) ||
	    hm_buf_reserve(&c->value, c->from.row * hm_dtype_size(c->dtype) + 1, e))
		return HM_EDATA;
	hm_npyarray_rows(&c->from, k, n, c->raw.data);
	c->first = k;
	c->held = n;
	c->mapped += n * bytes;
	if (c->mapped > MAPPED) {
		hm_map_release(&c->from.map);
		c->mapped = 0;
	}
	return 0;
}

/* An integer of any type, which may stand at any address. */
static bool fits_label(enum hm_dtype t, const void *p, int32_t *out)
{
	uint64_t u = 0;
	size_t size = hm_dtype_size(t);
	bool negative = t == HM_I8 || t == HM_I16 || t == HM_I32 || t == HM_I64;
	memcpy(&u, p, size);
	if (negative && u >> (8 * size - 1))
		u |= ~(UINT64_MAX >> (64 - 8 * size));
	if (negative && u == UINT64_MAX) {
		*out = -1;
		return true;
	}
	*out = t == HM_BOOL ? u != 0 : (int32_t)u;
	return u <= INT32_MAX;
}

static int convert_label(const struct hm_arraycolumn *c, const void *raw, int32_t *to, struct hm_err *e)
{
	if (fits_label(c->from.dtype, raw, to))
		return 0;
	*to = -1;
	return hm_err_set(e, HM_EDATA,
			  "column \"%s\": a label is from 0 to 2147483647, or -1 where it is not known",
			  c->name);
}

/* The first element that is not finite, or n. */
static size_t find_infinite(const float *x, size_t n)
{
	size_t i = 0;
	while (i < n && isfinite(x[i]))
		i++;
	return i;
}

static int check_floats(struct hm_arraycolumn *c, const unsigned char *raw, struct hm_err *e)
{
	float part[256];
	size_t row = c->from.row, size = c->from.size;
	for (size_t at = 0; at < row; at += 256) {
		size_t n = row - at < 256 ? row - at : 256;
		if (hm_to_f32(c->from.dtype, raw + at * size, n, part, e))
			return HM_EDATA;
		size_t bad = find_infinite(part, n);
		if (bad < n) {
			double wide = part[bad];
			if (c->from.dtype == HM_F64)
				memcpy(&wide, raw + (at + bad) * size, sizeof wide);
			memset(c->value.data, 0, row * hm_dtype_size(c->dtype));
			return hm_err_set(e, HM_EDATA, "column \"%s\": number %zu is %s: %g", c->name,
					  at + bad, isfinite(wide) ? "beyond the range of F32" : "not finite",
					  wide);
		}
		if (c->from.dtype == HM_F64)
			memcpy(c->value.data + at * sizeof *part, part, n * sizeof *part);
	}
	if (c->from.dtype != HM_F64)
		memcpy(c->value.data, raw, row * size);
	return 0;
}

int hm_arraycolumn_row(struct hm_arraycolumn *c, size_t k, struct hm_val *v, struct hm_err *e)
{
	if ((k < c->first || k >= c->first + c->held) && fill_window(c, k, e))
		return HM_EDATA;
	const unsigned char *raw = c->raw.data + (k - c->first) * c->from.row * c->from.size;
	*v = (struct hm_val){c->value.data, c->from.row};
	if (c->label)
		return convert_label(c, raw, (int32_t *)(void *)c->value.data, e);
	if (is_float(c->from.dtype))
		return check_floats(c, raw, e);
	v->data = raw;
	return 0;
}
