/* Several inputs joined by id, in the order of the first; all must have the same ids. A record that an input
 * gives before the first input asks for it waits in memory. A single input is passed through; its ids must be
 * unique. See rec.h. */
#include "json/build.h"
#include "json/json.h"
#include "rec/byid.h"

#include <stdlib.h>
#include <string.h>

struct input {
	struct hm_byid by;
	int to[HM_MAX_FIELDS]; /* its column i is column to[i] of the union */
};

struct hm_join {
	int n;
	struct input *in;
	struct hm_schema schema;
	cJSON *meta, *pg;
	struct hm_buf merged[2]; /* storage for label and error when they differ */
	int label, error;	 /* columns of the union, -1 none */
	struct hm_rec rec;
};

/* ---- opening: the union of schemas, meta and history ---- */

static int union_schema(struct hm_join *j, struct input *in, struct hm_err *e)
{
	const struct hm_schema *s = hm_reader_schema(in->by.reader);
	for (int i = 0; i < s->n; i++) {
		const struct hm_field *f = &s->field[i];
		int k = hm_schema_find(&j->schema, f->name);
		if (k < 0) {
			cJSON *attr = f->attr ? hm_json_copy(f->attr, e) : NULL;
			if (f->attr && !attr)
				return HM_EDATA;
			k = hm_schema_add(&j->schema, f->name, f->dtype, f->ndim, f->dim, attr, e);
			if (k < 0)
				return k;
		} else {
			struct hm_schema a = {.n = 1, .field = {*f}},
					 b = {.n = 1, .field = {j->schema.field[k]}};
			if (!hm_schema_equal(&a, &b))
				return hm_err_set(
					e, HM_EDATA,
					"%s: column \"%s\" has another type, shape or origin than in %s",
					hm_reader_name(in->by.reader), f->name,
					hm_reader_name(j->in[0].by.reader));
		}
		in->to[i] = k;
	}
	return 0;
}

/* Adds what an array's element or an object's member is known by: its canonical text, or its key. As
 * hm_strmap_add. */
static int note_item(struct hm_strmap *known, const cJSON *item, struct hm_err *e)
{
	struct hm_buf text = {0};
	uint64_t ignored = 0;
	if (item->string)
		return hm_strmap_add(known, item->string, strlen(item->string), &ignored, e);
	int rc = hm_json_write(item, &text, e);
	if (!rc)
		rc = hm_strmap_add(known, text.data, text.len, &ignored, e);
	hm_buf_clear(&text);
	return rc;
}

/* Appends to `all` the steps of a history, or the members of meta, that it does not have yet; of a key that
 * is there, the first value stays. In linear time, for a file can have tens of thousands. */
static int union_items(cJSON *all, const cJSON *more, struct hm_err *e)
{
	struct hm_strmap known = {0};
	const cJSON *item;
	int rc = 0;
	cJSON_ArrayForEach(item, all)
	{
		if (rc >= 0)
			rc = note_item(&known, item, e);
	}
	cJSON_ArrayForEach(item, more)
	{
		if (rc >= 0 && (rc = note_item(&known, item, e)) == 1)
			hm_json_add_copy(all, item->string, item, e);
	}
	hm_strmap_clear(&known);
	return e->code;
}

static int union_history(struct hm_join *j, const struct input *in, struct hm_err *e)
{
	int rc = union_items(j->pg, hm_reader_pg(in->by.reader), e);
	return rc ? rc : union_items(j->meta, hm_reader_meta(in->by.reader), e);
}

static int open_input(struct hm_join *j, int i, const char *path, struct hm_workers *w, struct hm_err *e)
{
	struct input *in = &j->in[i];
	int rc = hm_byid_open(&in->by, path, j->n > 1, w, e);
	if (!rc)
		rc = union_schema(j, in, e);
	return rc || !i ? rc : union_history(j, in, e);
}

int hm_join_open(struct hm_join **out, int n, char *const *paths, struct hm_workers *w, struct hm_err *e)
{
	struct hm_join *j = hm_alloc(1, sizeof *j, e);
	int rc = j ? 0 : HM_EDATA, standard = 0;
	*out = NULL;
	if (!rc) {
		j->n = n;
		j->in = hm_alloc((size_t)n, sizeof *j->in, e);
		rc = j->in ? 0 : HM_EDATA;
	}
	for (int i = 0; !rc && i < n; i++)
		if (!strcmp(paths[i], "-") && standard++)
			rc = hm_err_set(e, HM_EUSAGE, "standard input is named twice");
	for (int i = 0; !rc && i < n; i++) {
		rc = open_input(j, i, paths[i], w, e);
		if (!rc && !i) {
			j->meta = hm_json_copy(hm_reader_meta(j->in[0].by.reader), e);
			j->pg = hm_json_copy(hm_reader_pg(j->in[0].by.reader), e);
			rc = e->code;
		}
	}
	if (rc) {
		hm_join_close(j);
		return rc;
	}
	j->label = hm_schema_find(&j->schema, "label");
	j->error = hm_schema_find(&j->schema, "error");
	*out = j;
	return 0;
}

void hm_join_close(struct hm_join *j)
{
	if (!j)
		return;
	for (int i = 0; j->in && i < j->n; i++)
		hm_byid_close(&j->in[i].by);
	free(j->in);
	hm_schema_clear(&j->schema);
	cJSON_Delete(j->meta);
	cJSON_Delete(j->pg);
	hm_buf_clear(&j->merged[0]);
	hm_buf_clear(&j->merged[1]);
	free(j);
}

/* ---- reading ---- */

/* A column that both have: equal, or label and error by their own rules. */
static int merge_value(struct hm_join *j, const struct input *in, int k, const struct hm_val *v,
		       struct hm_rec *out, struct hm_err *e)
{
	const struct hm_field *f = &j->schema.field[k];
	struct hm_val *have = &out->val[k];
	size_t bytes = v->count * hm_dtype_size(f->dtype);
	if (have->count == v->count && (!bytes || !memcmp(have->data, v->data, bytes)))
		return 0;
	if (k == j->error && f->dtype == HM_UTF8 && have->count)
		return 0;
	int32_t mine = 0, other = 0;
	if (k == j->label && f->dtype == HM_I32 && v->count == 1) {
		memcpy(&mine, have->data, sizeof mine);
		memcpy(&other, v->data, sizeof other);
		if (other == -1)
			return 0;
	}
	if ((k == j->error && f->dtype == HM_UTF8) || (k == j->label && mine == -1)) {
		struct hm_buf *b = &j->merged[k == j->error];
		b->len = 0;
		if (hm_buf_add(b, v->data, bytes, e))
			return HM_EDATA;
		*have = (struct hm_val){b->data, v->count};
		return 0;
	}
	return hm_err_set(e, HM_EDATA, "column \"%s\" differs between %s and %s", f->name,
			  hm_reader_name(j->in[0].by.reader), hm_reader_name(in->by.reader));
}

/* Adds the columns of a further input's record to `rec`, of which `filled` are there. Returns how many are
 * there then, or HM_EDATA. */
static int add_columns(struct hm_join *j, const struct input *in, const struct hm_rec *own, int filled,
		       struct hm_rec *rec, struct hm_err *e)
{
	int before = filled;
	for (int c = 0; c < own->schema->n; c++) {
		int k = in->to[c];
		if (k >= before) {
			rec->val[k] = own->val[c];
			filled = k + 1;
		} else if (merge_value(j, in, k, &own->val[c], rec, e)) {
			return HM_EDATA;
		}
	}
	return filled;
}

/* The first input is at its end: so must be the others. */
static int check_ends(struct hm_join *j, struct hm_err *e)
{
	int rc = 0;
	for (int i = 1; !rc && i < j->n; i++)
		rc = hm_byid_check_end(&j->in[i].by, &j->in[0].by, e);
	return rc;
}

int hm_join_next(struct hm_join *j, struct hm_rec *rec, struct hm_err *e)
{
	struct hm_byid *first = &j->in[0].by;
	struct hm_rec own;
	int rc = hm_byid_next(first, &own, e);
	if (rc <= 0)
		return rc ? rc : check_ends(j, e);
	rec->schema = &j->schema;
	memcpy(rec->val, own.val, (size_t)own.schema->n * sizeof *own.val);
	struct hm_val id = j->n > 1 ? own.val[first->id] : (struct hm_val){0};
	int filled = own.schema->n;
	for (int i = 1; i < j->n; i++) {
		struct input *in = &j->in[i];
		rc = hm_byid_find(&in->by, &id, &own, e);
		if (rc <= 0)
			return rc ? rc : hm_byid_refuse(&in->by, first, &id, e);
		filled = add_columns(j, in, &own, filled, rec, e);
		if (filled < 0)
			return hm_err_prefix(e, "id %.*s", (int)(id.count > 64 ? 64 : id.count),
					     (const char *)id.data);
	}
	return 1;
}

/* ---- asking ---- */

const struct hm_schema *hm_join_schema(const struct hm_join *j)
{
	return &j->schema;
}

const cJSON *hm_join_meta(const struct hm_join *j)
{
	return j->meta;
}

const cJSON *hm_join_pg(const struct hm_join *j)
{
	return j->pg;
}

const char *hm_join_name(const struct hm_join *j)
{
	return hm_reader_name(j->in[0].by.reader);
}

const struct hm_end *hm_join_end(const struct hm_join *j)
{
	return hm_reader_end(j->in[0].by.reader);
}

uint64_t hm_join_skipped(const struct hm_join *j)
{
	uint64_t most = 0;
	for (int i = 0; i < j->n; i++) {
		uint64_t skipped = hm_reader_end(j->in[i].by.reader)->skipped;
		most = skipped > most ? skipped : most;
	}
	return most;
}

uint64_t hm_join_expect(const struct hm_join *j)
{
	return hm_reader_expect(j->in[0].by.reader);
}
