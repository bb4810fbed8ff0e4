/* hm-cat: streams of one schema end to end; or a part of one: a shard, the first records, some columns, or
 * what a damaged file still holds. */
#include "base/strmap.h"
#include "cli/cli.h"
#include "feed/columns.h"
#include "json/build.h"
#include "rec/recover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct options {
	struct hm_shard shard;
	int64_t head;
	char *columns;
	bool has_head, recover;
};

static const struct hm_opt table[] = {
	{.group = "What to take"},
	{"shard", 0, HM_SHARD(shard), "I/N", "only records I, I+N, I+2N, ..., counted from 0"},
	{"head", 0, HM_INT(head), "N", "only the first N records", .max = INT64_MAX,
	 .given = HM_GIVEN(has_head)},
	{"columns", 0, HM_STR(columns), "A,B", "only these columns, in this order"},
	{"recover", 0, HM_FLAG(recover), NULL,
	 "write every good block of a damaged stream, name what is lost, exit 1"},
	{0}};

static const struct hm_tool tool = {"hm-cat",
				    "join record streams end to end, cut, pick, recover",
				    "[FILE ...]",
				    table,
				    HM_CLI_OUT | HM_CLI_JOBS | HM_CLI_REC,
				    0,
				    -1};

/* The first input's schema and what is taken of it. */
struct run {
	struct hm_cli cli;
	struct options o;
	struct hm_schema in, out;
	int from[HM_MAX_FIELDS]; /* out's column i is in's from[i] */
	int id;
	struct hm_strmap ids;
	struct hm_writer *w;
	uint64_t seen, written, skipped;
	int at;		 /* the input being read */
	uint64_t *first; /* [inputs] how many records were seen before each input */
	size_t losses;
};

static int choose_columns(struct run *r, struct hm_err *e)
{
	if (!r->o.columns) {
		for (int i = 0; i < r->in.n; i++)
			r->from[i] = i;
		return hm_schema_copy(&r->out, &r->in, e);
	}
	for (const char *p = r->o.columns; p;) {
		size_t len = strcspn(p, ",");
		char name[HM_MAX_NAME + 1] = "";
		if (len <= HM_MAX_NAME)
			memcpy(name, p, len);
		int i = hm_schema_find(&r->in, name);
		if (i < 0)
			return hm_err_set(e, HM_EDATA, "there is no column '%.*s'",
					  (int)(len < 80 ? len : 80), p);
		const struct hm_field *f = &r->in.field[i];
		cJSON *attr = f->attr ? hm_json_copy(f->attr, e) : NULL;
		int at = f->attr && !attr
				 ? HM_EDATA
				 : hm_schema_add(&r->out, f->name, f->dtype, f->ndim, f->dim, attr, e);
		if (at < 0)
			return at;
		r->from[at] = i;
		p = p[len] ? p + len + 1 : NULL;
	}
	return 0;
}

static int open_output(struct run *r, const struct hm_schema *s, const cJSON *meta, const cJSON *chain,
		       struct hm_err *e)
{
	char shard[48];
	cJSON *p = hm_json_object(e), *pg;
	snprintf(shard, sizeof shard, "%" PRIu64 "/%" PRIu64, r->o.shard.i, r->o.shard.n);
	if (r->o.shard.n)
		hm_json_add_str(p, "shard", shard, e);
	if (r->o.has_head)
		hm_json_add_num(p, "head", (double)r->o.head, e);
	if (r->o.columns)
		hm_json_add_str(p, "columns", r->o.columns, e);
	if (r->o.recover)
		hm_json_add_bool(p, "recover", true, e);
	pg = hm_pg_append(chain, tool.name, p, e);
	int rc = pg ? hm_schema_copy(&r->in, s, e) : HM_EDATA;
	if (!rc && !(rc = choose_columns(r, e)))
		rc = hm_writer_open(&r->w, r->cli.out, &r->out, meta, pg, &r->cli.writer, r->cli.workers, e);
	cJSON_Delete(pg);
	r->id = hm_column_at(&r->in, HM_COLUMN_ID);
	if (r->id >= 0 && r->in.field[r->id].dtype != HM_UTF8)
		r->id = -1; /* a column of that name which holds no ids */
	return rc;
}

/* What keeps the schema of a later input from being joined to the first's. */
static int compare_schema(const struct run *r, const char *name, const struct hm_schema *s, struct hm_err *e)
{
	if (hm_schema_equal(&r->in, s))
		return 0;
	for (int i = 0; i < s->n && i < r->in.n; i++)
		if (strcmp(s->field[i].name, r->in.field[i].name))
			return hm_err_set(
				e, HM_EDATA,
				"%s: column %d is '%s', in the first input it is '%s'; schemas must be equal",
				name, i + 1, s->field[i].name, r->in.field[i].name);
	for (int i = 0; i < s->n && i < r->in.n; i++) {
		struct hm_schema a = {.n = 1, .field = {s->field[i]}},
				 b = {.n = 1, .field = {r->in.field[i]}};
		if (!hm_schema_equal(&a, &b))
			return hm_err_set(e, HM_EDATA,
					  "%s: column '%s' has another type, shape or origin than in the "
					  "first input; schemas must be equal",
					  name, s->field[i].name);
	}
	return hm_err_set(e, HM_EDATA, "%s: %d columns, the first input has %d; schemas must be equal", name,
			  s->n, r->in.n);
}

/* The record has the id of the one that was the `earlier`-th seen; both are named by their own files. */
static int refuse_id(const struct run *r, const struct hm_rec *rec, const char *name, uint64_t earlier,
		     struct hm_err *e)
{
	char why[512];
	int k = r->at;
	while (r->first[k] > earlier)
		k--;
	const char *file = strcmp(r->cli.operands[k], "-") ? r->cli.operands[k] : "standard input";
	snprintf(why, sizeof why, "record %" PRIu64 " of %.300s has the same id", earlier - r->first[k],
		 k == r->at ? "this file" : file);
	return hm_record_error(name, r->seen - r->first[r->at], &rec->val[r->id], why, e);
}

static int take_record(struct run *r, const struct hm_rec *rec, const char *name, struct hm_err *e)
{
	uint64_t where = r->seen;
	if (r->id >= 0) {
		const struct hm_val *id = &rec->val[r->id];
		int fresh = hm_strmap_add(&r->ids, id->data, id->count, &where, e);
		if (fresh < 0)
			return fresh;
		if (!fresh)
			return refuse_id(r, rec, name, where, e);
	}
	if (!hm_shard_has(&r->o.shard, r->seen++) || (r->o.has_head && r->written >= (uint64_t)r->o.head))
		return 0;
	struct hm_val val[HM_MAX_FIELDS];
	for (int i = 0; i < r->out.n; i++)
		val[i] = rec->val[r->from[i]];
	r->written++;
	return hm_writer_put(r->w, val, e);
}

static int cat_one(struct run *r, const char *path, struct hm_err *e)
{
	struct hm_reader *in = NULL;
	struct hm_rec rec;
	int rc = hm_reader_open(&in, path, r->cli.workers, e);
	if (!rc)
		rc = r->w ? compare_schema(r, hm_reader_name(in), hm_reader_schema(in), e)
			  : open_output(r, hm_reader_schema(in), hm_reader_meta(in), hm_reader_pg(in), e);
	while (!rc && (rc = hm_reader_next(in, &rec, e)) == 1) {
		rc = take_record(r, &rec, hm_reader_name(in), e);
		hm_cli_progress(&r->cli, r->seen, hm_reader_expect(in), "records");
	}
	if (!rc)
		r->skipped += hm_reader_end(in)->skipped;
	hm_reader_close(in);
	return rc;
}

static int recover_one(struct run *r, const char *path, struct hm_err *e)
{
	struct hm_recover *in = NULL;
	struct hm_rec rec;
	int rc = hm_recover_open(&in, path, e);
	if (!rc)
		rc = r->w ? compare_schema(r, path, hm_recover_schema(in), e)
			  : open_output(r, hm_recover_schema(in), hm_recover_meta(in), hm_recover_pg(in), e);
	while (!rc && (rc = hm_recover_next(in, &rec, e)) == 1)
		rc = take_record(r, &rec, path, e);
	for (size_t i = 0; !rc && i < hm_recover_losses(in); i++, r->losses++)
		hm_cli_warn(&r->cli, "%s", hm_recover_loss(in, i));
	if (!rc)
		r->skipped += hm_recover_skipped(in);
	hm_recover_close(in);
	return rc;
}

int main(int argc, char **argv)
{
	struct run r = {0};
	struct hm_err e = {0};
	int rc = 0;
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	r.first = hm_alloc((size_t)r.cli.n_operands, sizeof *r.first, &e);
	if (!r.first)
		rc = HM_EDATA;
	for (r.at = 0; !rc && r.at < r.cli.n_operands; r.at++) {
		const char *path = r.cli.operands[r.at];
		r.first[r.at] = r.seen;
		rc = r.o.recover ? recover_one(&r, path, &e) : cat_one(&r, path, &e);
	}
	if (!rc) {
		rc = hm_writer_finish(r.w, r.skipped, &e);
		r.w = NULL;
	}
	if (!rc && r.losses)
		rc = hm_err_set(&e, HM_EDATA,
				"the input is damaged: %" PRIu64
				" records were recovered, %zu %s named above",
				r.written, r.losses, r.losses == 1 ? "loss is" : "losses are");
	hm_writer_abort(r.w);
	hm_strmap_clear(&r.ids);
	free(r.first);
	hm_schema_clear(&r.in);
	hm_schema_clear(&r.out);
	return hm_cli_end(&r.cli, rc, &e);
}
