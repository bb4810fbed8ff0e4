/* Several inputs joined by id: the order of the first, the same ids in all. Others that
 * come in another order are read on, and what is met too early waits in memory. One input is handed through,
 * its ids checked to be unique. See rec.h. */
#include "base/strmap.h"
#include "json/build.h"
#include "rec/rec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct input {
	struct hm_reader *reader;
	int id;			 /* its id column, -1 none */
	int to[HM_MAX_FIELDS];	 /* its column i is column to[i] of the union */
	struct hm_strmap early;	 /* id -> number in `waiting` */
	struct hm_batch waiting; /* met too early */
	struct hm_strmap seen;	 /* ids read so far */
	uint64_t taken;		 /* of `waiting` */
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

static const char *id_of(const struct input *in, const struct hm_rec *rec, size_t *len)
{
	*len = rec->val[in->id].count;
	return rec->val[in->id].data;
}

/* ---- opening: the union of schemas, meta and history ---- */

static int union_schema(struct hm_join *j, struct input *in, struct hm_err *e)
{
	const struct hm_schema *s = hm_reader_schema(in->reader);
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
					hm_reader_name(in->reader), f->name, hm_reader_name(j->in[0].reader));
		}
		in->to[i] = k;
	}
	return 0;
}

/* Steps that the chain does not hold yet are appended; keys of meta likewise, the first value wins. */
static int union_history(struct hm_join *j, const struct input *in, struct hm_err *e)
{
	const cJSON *step, *have;
	cJSON_ArrayForEach(step, hm_reader_pg(in->reader))
	{
		bool known = false;
		cJSON_ArrayForEach(have, j->pg) known = known || cJSON_Compare(have, step, 1);
		if (!known)
			hm_json_add_copy(j->pg, NULL, step, e);
	}
	cJSON_ArrayForEach(step, hm_reader_meta(in->reader))
	{
		if (!cJSON_GetObjectItemCaseSensitive(j->meta, step->string))
			hm_json_add_copy(j->meta, step->string, step, e);
	}
	return e->code;
}

static int open_input(struct hm_join *j, int i, const char *path, struct hm_workers *w, struct hm_err *e)
{
	struct input *in = &j->in[i];
	int rc = hm_reader_open(&in->reader, path, w, e);
	if (rc)
		return rc;
	const struct hm_schema *s = hm_reader_schema(in->reader);
	in->id = hm_schema_find(s, "id");
	if (in->id >= 0 && s->field[in->id].dtype != HM_UTF8)
		return hm_err_set(e, HM_EDATA, "%s: column \"id\" is not text", hm_reader_name(in->reader));
	if (in->id < 0 && j->n > 1)
		return hm_err_set(e, HM_EDATA, "%s: no column \"id\" to join by", hm_reader_name(in->reader));
	rc = union_schema(j, in, e);
	return rc ? rc : i ? union_history(j, in, e) : 0;
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
			j->meta = hm_json_copy(hm_reader_meta(j->in[0].reader), e);
			j->pg = hm_json_copy(hm_reader_pg(j->in[0].reader), e);
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
	for (int i = 0; j->in && i < j->n; i++) {
		hm_reader_close(j->in[i].reader);
		hm_strmap_clear(&j->in[i].early);
		hm_strmap_clear(&j->in[i].seen);
		hm_batch_clear(&j->in[i].waiting);
	}
	free(j->in);
	hm_schema_clear(&j->schema);
	cJSON_Delete(j->meta);
	cJSON_Delete(j->pg);
	hm_buf_clear(&j->merged[0]);
	hm_buf_clear(&j->merged[1]);
	free(j);
}

/* ---- reading ---- */

/* The record read last has the id of the earlier record `row`. */
static int refuse_id(const struct input *in, const struct hm_rec *rec, uint64_t row, struct hm_err *e)
{
	char why[64];
	snprintf(why, sizeof why, "record %llu has the same id", (unsigned long long)row);
	return hm_record_error(hm_reader_name(in->reader), in->seen.n, &rec->val[in->id], why, e);
}

/* The next record of one input, its id new. 1, 0, HM_EDATA. */
static int next_of(struct input *in, struct hm_rec *rec, struct hm_err *e)
{
	size_t len;
	uint64_t row = in->seen.n;
	int rc = hm_reader_next(in->reader, rec, e);
	if (rc <= 0 || in->id < 0)
		return rc;
	const char *id = id_of(in, rec, &len);
	rc = hm_strmap_add(&in->seen, id, len, &row, e);
	if (!rc)
		return refuse_id(in, rec, row, e);
	return rc;
}

/* The record of that id in a further input. 1, 0 when it has none, HM_EDATA. */
static int find(struct input *in, const char *id, size_t len, struct hm_rec *rec, struct hm_err *e)
{
	uint64_t at;
	if (in->taken == (uint64_t)in->waiting.n && in->waiting.n) { /* nobody waits any more */
		hm_strmap_clear(&in->early);
		hm_batch_reset(&in->waiting);
		in->taken = 0;
	}
	if (hm_strmap_find(&in->early, id, len, &at)) {
		*rec = in->waiting.rec[at];
		in->taken++;
		return 1;
	}
	for (int rc;;) {
		size_t other;
		if ((rc = next_of(in, rec, e)) <= 0)
			return rc;
		const char *p = id_of(in, rec, &other);
		if (other == len && !memcmp(p, id, len))
			return 1;
		at = (uint64_t)in->waiting.n;
		if (hm_strmap_add(&in->early, p, other, &at, e) < 0 || hm_batch_add(&in->waiting, rec, e))
			return HM_EDATA;
	}
}

/* A column that both have: equal, or label and error by their own rules. */
static int merge(struct hm_join *j, const struct input *in, int k, const struct hm_val *v, struct hm_rec *out,
		 struct hm_err *e)
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
			  hm_reader_name(j->in[0].reader), hm_reader_name(in->reader));
}

enum { NAMED = 3 }; /* ids named in a message, whatever their number */

static void name_id(struct hm_buf *names, int *n, const char *id, size_t len)
{
	if ((*n)++ < NAMED)
		hm_buf_printf(names, NULL, "%s%.*s", names->len ? ", " : "", (int)(len > 64 ? 64 : len), id);
}

/* Ids that stand in one input only; frees the names. */
static int lonely(const struct hm_reader *has, const struct hm_reader *lacks, struct hm_buf *names, int n,
		  struct hm_err *e)
{
	int rc = hm_err_set(e, HM_EDATA, "%d %s in %s but not in %s: %.*s%s", n, n == 1 ? "id is" : "ids are",
			    hm_reader_name(has), hm_reader_name(lacks), (int)names->len, (char *)names->data,
			    n > NAMED ? ", ..." : "");
	hm_buf_clear(names);
	return rc;
}

/* A further input is at its end and lacks an id of the first: so may others that follow. */
static int missing(struct hm_join *j, struct input *in, const char *id, size_t len, struct hm_err *e)
{
	struct hm_buf names = {0};
	struct hm_rec rec;
	uint64_t at;
	int n = 0, rc = 1;
	while (rc == 1) {
		if (!hm_strmap_find(&in->seen, id, len, &at))
			name_id(&names, &n, id, len);
		rc = next_of(&j->in[0], &rec, e);
		if (rc == 1)
			id = id_of(&j->in[0], &rec, &len);
	}
	if (!rc)
		return lonely(j->in[0].reader, in->reader, &names, n, e);
	hm_buf_clear(&names);
	return rc;
}

/* The first is at its end: so must be the others. */
static int check_rest(struct hm_join *j, struct input *in, struct hm_err *e)
{
	struct hm_rec rec;
	struct hm_buf names = {0};
	uint64_t at;
	size_t len;
	int n = 0, rc;
	for (int i = 0; i < in->waiting.n; i++) {
		const char *id = id_of(in, &in->waiting.rec[i], &len);
		if (!hm_strmap_find(&j->in[0].seen, id, len, &at))
			name_id(&names, &n, id, len);
	}
	while ((rc = next_of(in, &rec, e)) == 1) {
		const char *id = id_of(in, &rec, &len);
		name_id(&names, &n, id, len);
	}
	if (!rc && n)
		return lonely(in->reader, j->in[0].reader, &names, n, e);
	hm_buf_clear(&names);
	return rc;
}

int hm_join_next(struct hm_join *j, struct hm_rec *rec, struct hm_err *e)
{
	struct hm_rec own;
	int rc = next_of(&j->in[0], &own, e);
	if (rc <= 0) {
		for (int i = 1; !rc && i < j->n; i++)
			rc = check_rest(j, &j->in[i], e);
		return rc;
	}
	rec->schema = &j->schema;
	memcpy(rec->val, own.val, sizeof own.val);
	size_t len = 0;
	const char *id = j->n > 1 ? id_of(&j->in[0], &own, &len) : NULL;
	int filled = hm_reader_schema(j->in[0].reader)->n;
	for (int i = 1; i < j->n; i++) {
		struct input *in = &j->in[i];
		const struct hm_schema *s = hm_reader_schema(in->reader);
		if ((rc = find(in, id, len, &own, e)) <= 0)
			return rc < 0 ? rc : missing(j, in, id, len, e);
		int before = filled;
		for (int c = 0; c < s->n; c++) {
			int k = in->to[c];
			if (k >= before) {
				rec->val[k] = own.val[c];
				filled = k + 1;
			} else if (merge(j, in, k, &own.val[c], rec, e)) {
				return hm_err_prefix(e, "id %.*s", (int)(len > 64 ? 64 : len), id);
			}
		}
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
	return hm_reader_name(j->in[0].reader);
}

const struct hm_end *hm_join_end(const struct hm_join *j)
{
	return hm_reader_end(j->in[0].reader);
}

uint64_t hm_join_expect(const struct hm_join *j)
{
	return hm_reader_expect(j->in[0].reader);
}
