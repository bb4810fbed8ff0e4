/* hm-cat: streams of one schema end to end, or the shards of one dealt out again; or a part of them: a shard,
 * the first records, some columns, or what a damaged file still holds. */
#include "base/strmap.h"
#include "cli/cli.h"
#include "feed/columns.h"
#include "json/build.h"
#include "rec/deal.h"
#include "rec/recover.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

struct options {
	struct hm_shard shard;
	int64_t head;
	char *columns;
	bool has_head, recover, deal;
};

static const struct hm_opt table[] = {
	{.group = "How to join"},
	{"deal", 0, HM_FLAG(deal), NULL, "the inputs are all shards of one stream: make that stream again"},
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
				    -1,
				    .sandbox = HM_CLI_PARSE};

/* The first input's schema and what is taken of it. */
struct run {
	struct hm_cli cli;
	struct options o;
	struct hm_schema in, out;
	int from[HM_MAX_FIELDS]; /* out's column i is in's from[i] */
	int id;
	int failed; /* the column `error` that --columns leaves out; -1: there is none */
	struct hm_strmap ids;
	struct hm_writer *w;
	struct hm_deal *deal; /* with --deal */
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
	cJSON *p = hm_json_object(e), *pg;
	hm_shard_add(&r->o.shard, p, e);
	if (r->o.has_head)
		hm_json_add_num(p, "head", (double)r->o.head, e);
	if (r->o.columns)
		hm_json_add_str(p, "columns", r->o.columns, e);
	if (r->o.recover)
		hm_json_add_bool(p, "recover", true, e);
	if (r->deal && p && !p->child) { /* the whole stream, as it was */
		cJSON_Delete(p);
		pg = hm_json_copy(chain, e);
	} else {
		pg = hm_pg_append(chain, tool.name, p, e);
	}
	int rc = pg ? hm_schema_copy(&r->in, s, e) : HM_EDATA;
	if (!rc && !(rc = choose_columns(r, e)))
		rc = hm_writer_open(&r->w, r->cli.out, &r->out, meta, pg, &r->cli.writer, r->cli.workers, e);
	cJSON_Delete(pg);
	r->failed = hm_schema_find(&r->out, "error") < 0 ? hm_schema_find(&r->in, "error") : -1;
	r->id = hm_column_at(&r->in, HM_COLUMN_ID);
	if (r->id >= 0 && r->in.field[r->id].dtype != HM_UTF8)
		r->id = -1; /* a column of that name which holds no ids */
	return rc;
}

/* The file of the record that was the k-th seen, and its number there. */
static const char *find_record(const struct run *r, uint64_t k, uint64_t *number)
{
	int at = r->at;
	if (r->deal)
		return hm_deal_place(r->deal, k, number);
	while (r->first[at] > k)
		at--;
	*number = k - r->first[at];
	return strcmp(r->cli.operands[at], "-") ? r->cli.operands[at] : "standard input";
}

/* The record that is read has the id of the `earlier`-th; both are named by their own files. */
static int refuse_id(const struct run *r, const struct hm_rec *rec, uint64_t earlier, struct hm_err *e)
{
	char why[512];
	uint64_t there, here;
	const char *other = find_record(r, earlier, &there), *name = find_record(r, r->seen, &here);
	snprintf(why, sizeof why, "record %" PRIu64 " of %.300s has the same id", there,
		 other == name ? "this file" : other);
	return hm_record_error(name, here, &rec->val[r->id], why, e);
}

/* Without the column, zeros that stand for its features would count as an answer. */
static int refuse_failed(const struct run *r, const struct hm_rec *rec, struct hm_err *e)
{
	uint64_t number;
	const char *name = find_record(r, r->seen - 1, &number);
	return hm_record_error(name, number, r->id >= 0 ? &rec->val[r->id] : NULL,
			       "a tool failed on it, which its column \"error\" says: add error to --columns",
			       e);
}

static int take_record(struct run *r, const struct hm_rec *rec, struct hm_err *e)
{
	uint64_t where = r->seen;
	if (r->id >= 0) {
		const struct hm_val *id = &rec->val[r->id];
		int fresh = hm_strmap_add(&r->ids, id->data, id->count, &where, e);
		if (fresh < 0)
			return fresh;
		if (!fresh)
			return refuse_id(r, rec, where, e);
	}
	if (!hm_shard_has(&r->o.shard, r->seen++) || (r->o.has_head && r->written >= (uint64_t)r->o.head))
		return 0;
	if (r->failed >= 0 && rec->val[r->failed].count)
		return refuse_failed(r, rec, e);
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
		rc = r->w ? hm_schema_compare(&r->in, hm_reader_name(in), hm_reader_schema(in), e)
			  : open_output(r, hm_reader_schema(in), hm_reader_meta(in), hm_reader_pg(in), e);
	while (!rc && (rc = hm_reader_next(in, &rec, e)) == 1) {
		rc = take_record(r, &rec, e);
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
		rc = r->w ? hm_schema_compare(&r->in, path, hm_recover_schema(in), e)
			  : open_output(r, hm_recover_schema(in), hm_recover_meta(in), hm_recover_pg(in), e);
	while (!rc && (rc = hm_recover_next(in, &rec, e)) == 1)
		rc = take_record(r, &rec, e);
	for (size_t i = 0; !rc && i < hm_recover_losses(in); i++, r->losses++)
		hm_cli_warn(&r->cli, "%s", hm_recover_loss(in, i));
	if (!rc)
		r->skipped += hm_recover_skipped(in);
	hm_recover_close(in);
	return rc;
}

/* The number of files that may be open at once is raised for the call, as far as the user may. */
static void allow_files(int n)
{
	struct rlimit limit;
	rlim_t need = 2 * (rlim_t)n + 64; /* an operand of <(...) is a descriptor already */
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= need)
		return;
	limit.rlim_cur = need < limit.rlim_max ? need : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit); /* where it fails, a file that cannot be opened is named */
}

static int deal_all(struct run *r, struct hm_err *e)
{
	struct hm_rec rec;
	allow_files(r->cli.n_operands);
	int rc = hm_deal_open(&r->deal, r->cli.n_operands, r->cli.operands, r->cli.workers, e);
	if (!rc)
		rc = open_output(r, hm_deal_schema(r->deal), hm_deal_meta(r->deal), hm_deal_pg(r->deal), e);
	while (!rc && (rc = hm_deal_next(r->deal, &rec, e)) == 1) {
		rc = take_record(r, &rec, e);
		hm_cli_progress(&r->cli, r->seen, hm_deal_expect(r->deal), "records");
	}
	if (!rc)
		r->skipped = hm_deal_skipped(r->deal);
	return rc;
}

static int cat_all(struct run *r, struct hm_err *e)
{
	int rc = 0;
	r->first = hm_alloc((size_t)r->cli.n_operands, sizeof *r->first, e);
	if (!r->first)
		return HM_EDATA;
	for (r->at = 0; !rc && r->at < r->cli.n_operands; r->at++) {
		const char *path = r->cli.operands[r->at];
		r->first[r->at] = r->seen;
		rc = r->o.recover ? recover_one(r, path, e) : cat_one(r, path, e);
	}
	return rc;
}

int main(int argc, char **argv)
{
	struct run r = {0};
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	if (r.o.deal && r.o.recover)
		hm_cli_usage(&r.cli, "--deal contradicts --recover: what is lost would have had its turn");
	int rc = r.o.deal ? deal_all(&r, &e) : cat_all(&r, &e);
	if (!rc) {
		rc = hm_writer_finish(r.w, hm_shard_count(&r.o.shard, r.skipped), &e);
		r.w = NULL;
	}
	if (!rc && r.losses)
		rc = hm_err_set(&e, HM_EDATA,
				"the input is damaged: %" PRIu64
				" records were recovered, %zu %s named above",
				r.written, r.losses, r.losses == 1 ? "loss is" : "losses are");
	hm_writer_abort(r.w);
	hm_deal_close(r.deal);
	hm_strmap_clear(&r.ids);
	free(r.first);
	hm_schema_clear(&r.in);
	hm_schema_clear(&r.out);
	return hm_cli_end(&r.cli, rc, &e);
}
