/* One input of a join: see byid.h. */
#include "rec/byid.h"

#include <stdio.h>
#include <string.h>

int hm_byid_open(struct hm_byid *b, const char *path, bool needed, struct hm_workers *w, struct hm_err *e)
{
	b->waiting.limit = HM_BYID_MEMORY;
	int rc = hm_reader_open(&b->reader, path, w, e);
	if (rc)
		return rc;
	const struct hm_schema *s = hm_reader_schema(b->reader);
	b->id = hm_schema_find(s, "id");
	if (b->id >= 0 && s->field[b->id].dtype != HM_UTF8)
		return hm_err_set(e, HM_EDATA, "%s: column \"id\" is not text", hm_reader_name(b->reader));
	if (b->id < 0 && needed)
		return hm_err_set(e, HM_EDATA, "%s: no column \"id\" to join by", hm_reader_name(b->reader));
	return 0;
}

void hm_byid_close(struct hm_byid *b)
{
	hm_reader_close(b->reader);
	hm_strmap_clear(&b->early);
	hm_strmap_clear(&b->seen);
	hm_blobs_clear(&b->waiting);
	hm_buf_clear(&b->found);
}

/* The record read last has the id of the earlier record `row`. */
static int refuse_twice(const struct hm_byid *b, const struct hm_val *id, uint64_t row, struct hm_err *e)
{
	char why[64];
	snprintf(why, sizeof why, "record %llu has the same id", (unsigned long long)row);
	return hm_record_error(hm_reader_name(b->reader), b->seen.n, id, why, e);
}

int hm_byid_next(struct hm_byid *b, struct hm_rec *rec, struct hm_err *e)
{
	uint64_t row = b->seen.n;
	int rc = hm_reader_next(b->reader, rec, e);
	if (rc <= 0 || b->id < 0)
		return rc;
	const struct hm_val *id = &rec->val[b->id];
	rc = hm_strmap_add(&b->seen, id->data, id->count, &row, e);
	return rc ? rc : refuse_twice(b, id, row, e);
}

/* ---- records that wait ----
 * Such a record is one byte string: the count of each value, then the values, each from a multiple of 8. */

static size_t padded_size(const struct hm_field *f, const struct hm_val *v)
{
	return (v->count * hm_dtype_size(f->dtype) + 7) & ~(size_t)7;
}

static int keep_record(struct hm_byid *b, const struct hm_rec *rec, struct hm_err *e)
{
	static const unsigned char zero[8];
	uint64_t count[HM_MAX_FIELDS];
	struct iovec part[1 + 2 * HM_MAX_FIELDS] = {{count, (size_t)rec->schema->n * sizeof *count}};
	int n = 1;
	for (int i = 0; i < rec->schema->n; i++) {
		const struct hm_field *f = &rec->schema->field[i];
		const struct hm_val *v = &rec->val[i];
		size_t bytes = v->count * hm_dtype_size(f->dtype);
		count[i] = v->count;
		part[n++] = (struct iovec){(void *)(uintptr_t)v->data, bytes};
		part[n++] = (struct iovec){(void *)(uintptr_t)zero, padded_size(f, v) - bytes};
	}
	return hm_blobs_add(&b->waiting, part, n, e);
}

/* Borrowed until the next call. */
static int waiting_record(struct hm_byid *b, size_t at, struct hm_rec *rec, struct hm_err *e)
{
	const unsigned char *p = hm_blobs_at(&b->waiting, at);
	size_t size = hm_blobs_size(&b->waiting, at);
	rec->schema = hm_reader_schema(b->reader);
	if (!p) {
		b->found.len = 0;
		if (hm_buf_add(&b->found, NULL, size, e) ||
		    hm_blobs_read(&b->waiting, at, 0, b->found.data, size, e))
			return HM_EDATA;
		p = b->found.data;
	}
	const uint64_t *count = (const uint64_t *)(const void *)p;
	p += (size_t)rec->schema->n * sizeof *count;
	for (int i = 0; i < rec->schema->n; i++) {
		rec->val[i] = (struct hm_val){p, count[i]};
		p += padded_size(&rec->schema->field[i], &rec->val[i]);
	}
	return 0;
}

int hm_byid_find(struct hm_byid *b, const struct hm_val *id, struct hm_rec *rec, struct hm_err *e)
{
	uint64_t at;
	if (b->waiting.n && b->taken == b->waiting.n) { /* no record waits any more */
		hm_strmap_clear(&b->early);
		hm_blobs_reset(&b->waiting);
		b->taken = 0;
	}
	if (hm_strmap_find(&b->early, id->data, id->count, &at)) {
		b->taken++;
		return waiting_record(b, at, rec, e) ? HM_EDATA : 1;
	}
	for (int rc; (rc = hm_byid_next(b, rec, e));) {
		if (rc < 0)
			return rc;
		const struct hm_val *other = &rec->val[b->id];
		if (other->count == id->count && !memcmp(other->data, id->data, id->count))
			return 1;
		at = b->waiting.n;
		if (hm_strmap_add(&b->early, other->data, other->count, &at, e) < 0 || keep_record(b, rec, e))
			return HM_EDATA;
	}
	return 0;
}

/* ---- ids that one input has and the other lacks ---- */

enum { NAMED = 3 }; /* ids named in a message, however many there are */

/* A list of ids for a message. */
struct names {
	struct hm_buf text;
	size_t n;
};

static void name_id(struct names *names, const struct hm_val *id)
{
	if (names->n++ < NAMED)
		hm_buf_printf(&names->text, NULL, "%s%.*s", names->text.len ? ", " : "",
			      (int)(id->count > 64 ? 64 : id->count), (const char *)id->data);
}

/* Makes the sentence of it; frees the names. */
static int refuse_names(const struct hm_byid *has, const struct hm_byid *lacks, struct names *names,
			struct hm_err *e)
{
	int rc = hm_err_set(e, HM_EDATA, "%zu %s in %s but not in %s: %.*s%s", names->n,
			    names->n == 1 ? "id is" : "ids are", hm_reader_name(has->reader),
			    hm_reader_name(lacks->reader), (int)names->text.len, (char *)names->text.data,
			    names->n > NAMED ? ", ..." : "");
	hm_buf_clear(&names->text);
	return rc;
}

int hm_byid_refuse(const struct hm_byid *b, struct hm_byid *first, const struct hm_val *id, struct hm_err *e)
{
	struct names names = {0};
	struct hm_rec rec;
	uint64_t at;
	int rc = 1;
	while (rc == 1) {
		if (!hm_strmap_find(&b->seen, id->data, id->count, &at))
			name_id(&names, id);
		rc = hm_byid_next(first, &rec, e);
		id = &rec.val[first->id];
	}
	if (!rc)
		return refuse_names(first, b, &names, e);
	hm_buf_clear(&names.text);
	return rc;
}

int hm_byid_check_end(struct hm_byid *b, const struct hm_byid *first, struct hm_err *e)
{
	struct names names = {0};
	struct hm_rec rec;
	uint64_t at;
	int rc = 0;
	for (size_t i = 0; i < b->waiting.n && !rc; i++) {
		rc = waiting_record(b, i, &rec, e);
		if (!rc && !hm_strmap_find(&first->seen, rec.val[b->id].data, rec.val[b->id].count, &at))
			name_id(&names, &rec.val[b->id]);
	}
	for (int more = 1; !rc && more; rc = more < 0 ? more : 0)
		if ((more = hm_byid_next(b, &rec, e)) == 1)
			name_id(&names, &rec.val[b->id]);
	if (!rc && names.n)
		return refuse_names(b, first, &names, e);
	hm_buf_clear(&names.text);
	return rc;
}
