/* Files of ids. See idfile.h. */
#include "feed/idfile.h"
#include "base/strmap.h"
#include "feed/columns.h"
#include "json/json.h"
#include "prep/csv.h"
#include "prep/jsonl.h"
#include "prep/lines.h"
#include "rec/npyread.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct hm_idfile {
	const char *name; /* borrowed */
	struct hm_schema schema;
	int id;
	uint64_t n;	       /* records given */
	struct hm_strmap seen; /* id -> its record's number */
	bool label;
	/* the kind that it is */
	struct hm_reader *records;
	struct hm_lines *lines;
	bool json, first; /* the first line is read and not yet given */
	const char *line;
	size_t len;
	uint64_t blank; /* number of the first blank line that nothing followed yet, 0: none */
	struct hm_jsonl_rec fields;
	struct hm_npyarray array;
	struct hm_buf text; /* an id of the array */
};

static int refuse_line(const struct hm_idfile *f, struct hm_err *e, const char *why)
{
	return hm_err_set(e, HM_EDATA, "%s: line %" PRIu64 ": %s", f->name, f->lines->line, why);
}

/* The next line that is not blank, without the line's end: 1, 0, HM_EDATA. */
static int next_line(struct hm_idfile *f, struct hm_err *e)
{
	int rc;
	while ((rc = hm_lines_next(f->lines, &f->line, &f->len, e)) == 1 && hm_line_blank(f->line, f->len))
		f->blank = f->blank ? f->blank : f->lines->line;
	while (rc == 1 && f->len && f->line[f->len - 1] == '\r')
		f->len--;
	return rc;
}

/* The first line says whether they are text or JSON. */
static int open_lines(struct hm_idfile *f, const char *path, struct hm_err *e)
{
	f->lines = hm_alloc(1, sizeof *f->lines, e);
	if (!f->lines || hm_lines_open(f->lines, path, e))
		return HM_EDATA;
	int rc = next_line(f, e);
	if (rc < 0)
		return rc;
	f->first = rc == 1;
	f->json = f->first && f->line[strspn(f->line, " \t")] == '{';
	return 0;
}

static int open_array(struct hm_idfile *f, const char *path, struct hm_err *e)
{
	if (!strcmp(path, "-"))
		return hm_err_set(e, HM_EDATA,
				  "standard input: a .npy file cannot be read from a pipe: name it");
	if (hm_npyarray_open(&f->array, path, e))
		return HM_EDATA;
	const struct hm_npyarray *a = &f->array;
	bool number = a->kind == HM_NPY_NUMBERS;
	if (a->ndim != 1)
		return hm_err_set(e, HM_EDATA, "%s: it has %d dimensions; ids are one for each record, [n]",
				  path, a->ndim);
	if (number && (a->dtype == HM_BOOL || a->dtype == HM_F16 || a->dtype == HM_F32 || a->dtype == HM_F64))
		return hm_err_set(e, HM_EDATA, "%s: its elements are %s; ids are integers or texts", path,
				  hm_dtype_name(a->dtype));
	return hm_buf_reserve(&f->text, a->size + 64, e);
}

static int open_records(struct hm_idfile *f, const char *path, struct hm_workers *w, struct hm_err *e)
{
	if (hm_reader_open(&f->records, path, w, e) ||
	    hm_schema_copy(&f->schema, hm_reader_schema(f->records), e))
		return HM_EDATA;
	return hm_column_need(&f->schema, HM_COLUMN_ID, &f->id, e) ? hm_err_prefix(e, "%s", f->name) : 0;
}

static int make_columns(struct hm_idfile *f, struct hm_err *e)
{
	hm_schema_add(&f->schema, hm_column_name(HM_COLUMN_ID), HM_UTF8, 0, NULL, NULL, e);
	if (f->json && f->label)
		hm_schema_add(&f->schema, hm_column_name(HM_COLUMN_LABEL), HM_I32, 0, NULL, NULL, e);
	return e->code;
}

static int open_kind(struct hm_idfile *f, const char *path, struct hm_workers *w, struct hm_err *e)
{
	enum hm_csv_form form;
	const struct hm_filekind *other;
	int hold;
	if (hm_csv_recognise(path, &form, &other, &hold, e))
		return HM_EDATA;
	int rc = form == HM_CSV_RECORDS ? open_records(f, path, w, e)
		 : form == HM_CSV_OTHER && other && !strcmp(other->name, "a NumPy array")
			 ? open_array(f, path, e)
			 : open_lines(f, path, e);
	if (hold >= 0)
		close(hold);
	return rc || f->records ? rc : make_columns(f, e);
}

int hm_idfile_open(struct hm_idfile **out, const char *path, bool label, struct hm_workers *w,
		   struct hm_err *e)
{
	struct hm_idfile *f = hm_alloc(1, sizeof *f, e);
	*out = NULL;
	if (!f)
		return HM_EDATA;
	f->name = hm_lines_name(path);
	f->label = label;
	int rc = open_kind(f, path, w, e);
	if (rc)
		hm_idfile_close(f);
	else
		*out = f;
	return rc;
}

void hm_idfile_close(struct hm_idfile *f)
{
	if (!f)
		return;
	hm_reader_close(f->records);
	if (f->lines)
		hm_lines_close(f->lines);
	free(f->lines);
	hm_jsonl_clear(&f->fields);
	hm_npyarray_close(&f->array);
	hm_buf_clear(&f->text);
	hm_strmap_clear(&f->seen);
	hm_schema_clear(&f->schema);
	free(f);
}

const struct hm_schema *hm_idfile_schema(const struct hm_idfile *f)
{
	return &f->schema;
}

int hm_idfile_id(const struct hm_idfile *f)
{
	return f->id;
}

const cJSON *hm_idfile_meta(const struct hm_idfile *f)
{
	return f->records ? hm_reader_meta(f->records) : NULL;
}

const cJSON *hm_idfile_pg(const struct hm_idfile *f)
{
	return f->records ? hm_reader_pg(f->records) : NULL;
}

const char *hm_idfile_name(const struct hm_idfile *f)
{
	return f->name;
}

uint64_t hm_idfile_skipped(const struct hm_idfile *f)
{
	return f->records ? hm_reader_end(f->records)->skipped : 0;
}

/* ---- one record ---- */

static int take_object(struct hm_idfile *f, struct hm_rec *rec, struct hm_err *e)
{
	const struct hm_form form = {.id = hm_column_name(HM_COLUMN_ID),
				     .label = f->label ? hm_column_name(HM_COLUMN_LABEL) : NULL,
				     .img_prefix = ""};
	struct hm_err why = {0};
	hm_jsonl_clear(&f->fields);
	if (hm_jsonl_parse(&form, f->line, f->len, &f->fields, &why)) {
		e->machine |= why.machine;
		return hm_err_set(e, HM_EDATA,
				  "%s: line %" PRIu64
				  ": %s; hm-jsonl2rec has the options, and its records are "
				  "taken as --ids too",
				  f->name, f->lines->line, why.text);
	}
	rec->val[0] = (struct hm_val){f->fields.v.id, strlen(f->fields.v.id)};
	if (f->label)
		rec->val[1] = (struct hm_val){&f->fields.v.label, 1};
	return 1;
}

static int next_of_lines(struct hm_idfile *f, struct hm_rec *rec, struct hm_err *e)
{
	int rc = f->first ? 1 : next_line(f, e);
	f->first = false;
	if (rc <= 0)
		return rc;
	if (f->json)
		return take_object(f, rec, e);
	if (f->blank)
		return hm_err_set(e, HM_EDATA, "%s: line %" PRIu64 " is empty, and more ids follow", f->name,
				  f->blank);
	if (f->len > HM_LINE_MOST)
		return refuse_line(f, e, "longer than the 16 MiB allowed");
	if (hm_utf8_check(f->line, f->len) < f->len || memchr(f->line, 0, f->len))
		return refuse_line(f, e, "it is not UTF-8 text");
	rec->val[0] = (struct hm_val){f->line, f->len};
	return 1;
}

/* Element k as decimal digits, or its characters. */
static int read_element(struct hm_idfile *f, size_t k, struct hm_err *e)
{
	const struct hm_npyarray *a = &f->array;
	unsigned char raw[8];
	uint64_t u = 0;
	f->text.len = 0;
	if (a->kind == HM_NPY_NUMBERS) {
		bool negative =
			a->dtype == HM_I8 || a->dtype == HM_I16 || a->dtype == HM_I32 || a->dtype == HM_I64;
		hm_npyarray_rows(a, k, 1, raw);
		memcpy(&u, raw, a->size);
		if (!negative || !(u >> (8 * a->size - 1)))
			return hm_buf_printf(&f->text, e, "%" PRIu64, u);
		return hm_buf_printf(&f->text, e, "%" PRId64,
				     (int64_t)(u | ~(UINT64_MAX >> (64 - 8 * a->size))));
	}
	if (a->kind == HM_NPY_BYTES) {
		hm_npyarray_rows(a, k, 1, f->text.data);
		for (f->text.len = a->size; f->text.len && !f->text.data[f->text.len - 1];)
			f->text.len--;
		return 0;
	}
	struct hm_buf wide = {0};
	int rc = hm_buf_reserve(&wide, a->size + 4, e);
	if (!rc)
		hm_npyarray_rows(a, k, 1, wide.data);
	size_t n = a->size / 4;
	const uint32_t *cp = (const uint32_t *)(const void *)wide.data;
	while (!rc && n && !cp[n - 1])
		n--;
	for (size_t i = 0; !rc && i < n; i++) {
		char utf8[4];
		bool valid = cp[i] < 0xd800 || (cp[i] > 0xdfff && cp[i] <= 0x10ffff);
		rc = valid ? hm_buf_add(&f->text, utf8, (size_t)hm_utf8_put(cp[i], utf8), e)
			   : hm_err_set(e, HM_EDATA, "%s: element %zu is no text", f->name, k);
	}
	hm_buf_clear(&wide);
	return rc;
}

static int next_of_array(struct hm_idfile *f, struct hm_rec *rec, struct hm_err *e)
{
	if (f->n == (uint64_t)f->array.dim[0])
		return 0;
	if (read_element(f, (size_t)f->n, e))
		return HM_EDATA;
	const char *text = (const char *)f->text.data;
	if (hm_utf8_check(text, f->text.len) < f->text.len || memchr(text, 0, f->text.len))
		return hm_err_set(e, HM_EDATA, "%s: element %" PRIu64 " is not UTF-8 text", f->name, f->n);
	rec->val[0] = (struct hm_val){text, f->text.len};
	return 1;
}

/* Enters an id, which must be new. */
static int enter_id(struct hm_idfile *f, const struct hm_val *id, struct hm_err *e)
{
	uint64_t at = f->n;
	char why[64];
	int rc = hm_strmap_add(&f->seen, id->data, id->count, &at, e);
	if (rc)
		return rc;
	snprintf(why, sizeof why, "record %" PRIu64 " has the same id", at);
	return hm_record_error(f->name, f->n, id, why, e);
}

int hm_idfile_next(struct hm_idfile *f, struct hm_rec *rec, struct hm_err *e)
{
	rec->schema = &f->schema;
	int rc = f->records ? hm_reader_next(f->records, rec, e)
		 : f->lines ? next_of_lines(f, rec, e)
			    : next_of_array(f, rec, e);
	if (rc == 1)
		rc = enter_id(f, &rec->val[f->id], e);
	f->n += rc == 1;
	return rc;
}
