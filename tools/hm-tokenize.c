/* hm-tokenize: adds token_ids, the WordPiece ids of the captions, as BERT's own tokenizer gives them. */
#include "cli/cli.h"
#include "prep/wordpiece.h"

#include <stdlib.h>

static struct {
	char *vocab;
	int64_t max_length;
	bool cased, plain_specials, replace;
} o = {.max_length = 512};

static const struct hm_opt table[] = {
	{"vocab", 0, HM_OPT_STR, &o.vocab, "FILE|DIR", "vocab.txt, or the folder that holds it",
	 .required = true},
	{"max-length", 0, HM_OPT_INT, &o.max_length, "N", "at most so many ids, [CLS] and [SEP] included",
	 .min = 2, .max = HM_WORDPIECE_MAX_LENGTH},
	{"cased", 0, HM_OPT_FLAG, &o.cased, NULL, "keep case and accents"},
	{"no-special-in-text", 0, HM_OPT_FLAG, &o.plain_specials, NULL,
	 "[CLS] and the like are plain text in captions"},
	{"replace", 0, HM_OPT_FLAG, &o.replace, NULL, "replace token_ids if it is there"},
	{0}};

static const struct hm_tool tool = {.name = "hm-tokenize",
				    .summary = "add WordPiece token ids to records",
				    .operands = "[FILE ...]",
				    .table = table,
				    .common = HM_CLI_OUT | HM_CLI_JOBS | HM_CLI_REC,
				    .max_operands = -1};

#define BATCH 4096
#define BATCH_BYTES ((size_t)16 << 20)
#define CHUNK 64 /* records that one thread takes at a time */

/* The ids of CHUNK records, one after the other. */
struct chunk {
	struct hm_buf ids;
	int count[CHUNK];
	struct hm_err e;
};

struct run {
	struct hm_cli cli;
	struct hm_join *in;
	struct hm_schema schema; /* of the output; token_ids stands last */
	struct hm_wordpiece *w;
	struct hm_writer *out;
	struct hm_batch batch;
	struct chunk chunk[BATCH / CHUNK];
	int id, text, error, old; /* columns of the input, -1: none */
	uint64_t done;
};

static int find_columns(struct run *r, const char *digest, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(r->in);
	const int64_t ragged = -1;
	r->id = hm_schema_find(s, "id");
	r->text = hm_schema_find(s, "text");
	r->error = hm_schema_find(s, "error");
	r->old = hm_schema_find(s, "token_ids");
	if (r->text < 0 || s->field[r->text].dtype != HM_UTF8)
		return hm_err_set(e, HM_EDATA, "%s: no column \"text\" of captions (hm-jsonl2rec makes it)",
				  hm_join_name(r->in));
	if (r->old >= 0 && !o.replace)
		return hm_err_set(e, HM_EDATA,
				  "%s: column \"token_ids\" exists already (--replace to replace it)",
				  hm_join_name(r->in));
	if (hm_schema_copy(&r->schema, s, e))
		return HM_EDATA;
	if (r->old >= 0)
		hm_schema_remove(&r->schema, r->old);
	cJSON *attr = cJSON_CreateObject();
	cJSON_AddStringToObject(attr, "vocab", digest);
	cJSON_AddBoolToObject(attr, "cased", o.cased);
	int at = hm_schema_add(&r->schema, "token_ids", HM_I32, 1, &ragged, attr, e);
	return at < 0 ? at : 0;
}

static int open_all(struct run *r, struct hm_err *e)
{
	struct hm_vocab v = {0};
	cJSON *pg = NULL, *p = cJSON_CreateObject();
	const struct hm_wordpiece_options wo = {o.cased, o.plain_specials, (int)o.max_length};
	int rc = hm_vocab_read(&v, o.vocab, e);
	if (!rc && !(r->w = hm_wordpiece_new(&v, &wo, e)))
		rc = hm_err_prefix(e, "%s", o.vocab);
	if (!rc)
		rc = hm_join_open(&r->in, r->cli.n_operands, r->cli.operands, r->cli.workers, e);
	if (!rc)
		rc = find_columns(r, v.digest, e);
	if (!rc) {
		cJSON_AddStringToObject(p, "vocab", v.digest);
		cJSON_AddNumberToObject(p, "max-length", (double)o.max_length);
		cJSON_AddBoolToObject(p, "cased", o.cased);
		cJSON_AddBoolToObject(p, "no-special-in-text", o.plain_specials);
		pg = hm_pg_append(hm_join_pg(r->in), tool.name, p, e);
		p = NULL;
		rc = pg ? hm_writer_open(&r->out, r->cli.out, &r->schema, hm_join_meta(r->in), pg,
					 &r->cli.writer, r->cli.workers, e)
			: HM_EDATA;
	}
	cJSON_Delete(p);
	cJSON_Delete(pg);
	hm_vocab_clear(&v);
	return rc;
}

static void tokenize_chunk(void *ctx, size_t i, int worker)
{
	struct run *r = ctx;
	struct chunk *c = &r->chunk[i];
	int first = (int)i * CHUNK, n = r->batch.n - first < CHUNK ? r->batch.n - first : CHUNK;
	(void)worker;
	c->ids.len = 0;
	for (int k = 0; k < n && !c->e.code; k++) {
		const struct hm_rec *rec = &r->batch.rec[first + k];
		const struct hm_val *text = &rec->val[r->text];
		c->count[k] = 0;
		if (r->error >= 0 && rec->val[r->error].count)
			continue;
		if (hm_buf_reserve(&c->ids, hm_wordpiece_room(r->w, text->count) * sizeof(int32_t), &c->e))
			return;
		c->count[k] = hm_wordpiece_encode(r->w, text->data, text->count,
						  (int32_t *)(c->ids.data + c->ids.len), &c->e);
		if (c->count[k] > 0)
			c->ids.len += (size_t)c->count[k] * sizeof(int32_t);
	}
}

static int write_record(struct run *r, const struct hm_rec *rec, struct hm_val ids, struct hm_err *e)
{
	struct hm_val val[HM_MAX_FIELDS];
	int n = 0;
	for (int i = 0; i < rec->schema->n; i++)
		if (i != r->old)
			val[n++] = rec->val[i];
	val[n] = ids;
	return hm_writer_put(r->out, val, e);
}

static int flush(struct run *r, struct hm_err *e)
{
	int rc = 0;
	hm_workers_each(r->cli.workers, (size_t)(r->batch.n + CHUNK - 1) / CHUNK, tokenize_chunk, r);
	for (int i = 0, at = 0; !rc && i < r->batch.n; i++) {
		struct chunk *c = &r->chunk[i / CHUNK];
		at = i % CHUNK ? at : 0;
		if (c->e.code)
			return hm_err_set(e, c->e.code, "%s: %s", hm_join_name(r->in), c->e.text);
		rc = write_record(r, &r->batch.rec[i],
				  (struct hm_val){(int32_t *)c->ids.data + at, (size_t)c->count[i % CHUNK]},
				  e);
		at += c->count[i % CHUNK];
	}
	r->done += (uint64_t)r->batch.n;
	hm_batch_reset(&r->batch);
	hm_cli_progress(&r->cli, r->done, hm_join_expect(r->in), "records");
	return rc;
}

int main(int argc, char **argv)
{
	struct run r = {0};
	struct hm_err e = {0};
	struct hm_rec rec;
	int more = 0;
	hm_cli_begin(&r.cli, &tool, argc, argv);
	int rc = open_all(&r, &e);
	while (!rc && (more = hm_join_next(r.in, &rec, &e)) == 1) {
		rc = hm_batch_add(&r.batch, &rec, &e);
		if (!rc && (r.batch.n == BATCH || r.batch.bytes >= BATCH_BYTES))
			rc = flush(&r, &e);
	}
	rc = rc ? rc : more;
	if (!rc)
		rc = flush(&r, &e);
	if (!rc) {
		rc = hm_writer_finish(r.out, hm_join_end(r.in)->skipped, &e);
		r.out = NULL;
	}
	hm_writer_abort(r.out);
	for (int i = 0; i < BATCH / CHUNK; i++)
		hm_buf_clear(&r.chunk[i].ids);
	hm_batch_clear(&r.batch);
	hm_schema_clear(&r.schema);
	hm_wordpiece_free(r.w);
	hm_join_close(r.in);
	return hm_cli_end(&r.cli, rc, &e);
}
