/* hm-tokenize: adds token_ids, the ids of the captions' tokens, as the tokenizer of a published folder gives
 * them. */
#include "base/ring.h"
#include "cli/cli.h"
#include "feed/columns.h"
#include "json/build.h"
#include "prep/tokenizer.h"
#include "prep/tokenmemo.h"

#include <stdlib.h>
#include <string.h>

struct options {
	char *vocab;
	int64_t max_length; /* 0: as the folder says */
	bool cased, uncased, plain_specials, straight, kept, replace;
};

static const struct hm_opt table[] = {
	{.group = "Tokens"},
	{"vocab", 0, HM_STR(vocab), "FILE|DIR",
	 "a published folder or a file of it: BERT's, CLIP's, RoBERTa's or GPT-2's", .required = true,
	 .file = HM_FILE_IN},
	{"cased", 0, HM_FLAG(cased), NULL, "WordPiece: keep case and accents"},
	{"uncased", 0, HM_FLAG(uncased), NULL,
	 "WordPiece: lower the text, take accents off (default, unless DIR says otherwise)"},
	{"max-length", 0, HM_INT(max_length), "N",
	 "at most so many ids per caption (default: as DIR says, else 77 for CLIP, 512 for others)", .min = 2,
	 .max = HM_TOKENIZER_MAX_LENGTH},
	{"no-special-in-text", 0, HM_FLAG(plain_specials), NULL,
	 "[CLS] and the like are ordinary text in captions"},
	{"straight-quotes", 0, HM_FLAG(straight), NULL,
	 "make typographic quotes ' and \" first (default for bpe_simple_vocab_16e6.txt.gz)"},
	{"no-straight-quotes", 0, HM_FLAG(kept), NULL, "leave them as they are (default otherwise)"},
	{"replace", 0, HM_FLAG(replace), NULL, "replace the column token_ids if it exists already"},
	{0}};

static const struct hm_tool tool = {.name = "hm-tokenize",
				    .summary = "add token ids to records",
				    .operands = "[FILE ...]",
				    .table = table,
				    .common = HM_CLI_OUT | HM_CLI_JOBS | HM_CLI_REC,
				    .max_operands = -1,
				    .sandbox = HM_CLI_PARSE,
				    .joins = true};

#define CHUNK 256 /* records that one thread takes at a time */
#define CHUNK_BYTES ((size_t)1 << 20)
#define AHEAD_BYTES ((size_t)32 << 20) /* of records that wait */

/* A few records on their way: read, tokenized by a worker, written in their turn. */
struct chunk {
	struct hm_batch batch;
	int count[CHUNK];  /* ids of each record */
	uint64_t cut;	   /* records that had more */
	struct hm_buf ids; /* i32, of one record after the other */
	struct hm_err e;
};

struct run {
	struct hm_cli cli;
	struct options o;
	struct hm_join *in;
	struct hm_schema schema; /* of the output; token_ids stands last */
	struct hm_tokenizer *tokenizer;
	struct hm_writer *out;
	struct hm_ring *ring;	    /* of struct chunk */
	struct hm_token_memo *memo; /* [workers] */
	int id, text, error, old;   /* columns of the input, -1: none */
	bool ended;		    /* the input */
	uint64_t done, cut;
};

static int find_columns(struct run *r, struct hm_err *e)
{
	const struct hm_schema *s = hm_join_schema(r->in);
	const int64_t ragged = -1;
	r->id = hm_column_at(s, HM_COLUMN_ID);
	r->old = hm_column_at(s, HM_COLUMN_TOKEN_IDS);
	if (hm_column_need(s, HM_COLUMN_TEXT, &r->text, e) ||
	    hm_column_find(s, HM_COLUMN_ERROR, &r->error, e))
		return hm_err_prefix(e, "%s", hm_join_name(r->in));
	if (r->old >= 0 && !r->o.replace)
		return hm_err_set(e, HM_EDATA,
				  "%s: column \"token_ids\" exists already (--replace to replace it)",
				  hm_join_name(r->in));
	if (hm_schema_copy(&r->schema, s, e))
		return HM_EDATA;
	if (r->old >= 0)
		hm_schema_remove(&r->schema, r->old);
	cJSON *attr = hm_json_copy(r->tokenizer->attr, e);
	int at = attr ? hm_schema_add(&r->schema, hm_column_name(HM_COLUMN_TOKEN_IDS), HM_I32, 1, &ragged,
				      attr, e)
		      : HM_EDATA;
	return at < 0 ? at : 0;
}

/* Passes on what the tokenizer has to say about its folder. */
static void tell_user(struct hm_cli *cli, const struct hm_tokenizer *t)
{
	const char *s = (const char *)t->warnings.data, *end = s + t->warnings.len;
	for (; s < end; s += strlen(s) + 1)
		hm_cli_warn(cli, "%s", s);
	s = (const char *)t->notices.data;
	for (end = s + t->notices.len; s < end; s += strlen(s) + 1)
		hm_cli_notice(cli, "%s", s);
}

/* The tokenizer's options for the history. */
static cJSON *list_options(const struct run *r, struct hm_err *e)
{
	const char *in_text = "special_in_text";
	cJSON *p = hm_json_copy(r->tokenizer->attr, e);
	bool plain = cJSON_GetObjectItemCaseSensitive(p, in_text);
	if (plain)
		cJSON_DeleteItemFromObjectCaseSensitive(p, in_text);
	cJSON_DeleteItemFromObjectCaseSensitive(p, "max_length"); /* it stands there as the option's name */
	hm_json_add_num(p, "max-length", r->tokenizer->max_length, e);
	hm_json_add_bool(p, "no-special-in-text", plain, e);
	return hm_json_whole(p, e);
}

static int open_all(struct run *r, struct hm_err *e)
{
	const struct hm_tokenizer_options to = {.casing = r->o.cased	 ? HM_CASED
							  : r->o.uncased ? HM_UNCASED
									 : HM_CASING_OF_FOLDER,
						.plain_specials = r->o.plain_specials,
						.max_length = (int)r->o.max_length,
						.quotes = r->o.straight ? HM_QUOTES_STRAIGHT
							  : r->o.kept	? HM_QUOTES_KEPT
									: HM_QUOTES_OF_FOLDER};
	r->tokenizer = hm_tokenizer_open(r->o.vocab, &to, e);
	int rc = r->tokenizer ? 0 : e->code;
	if (!rc)
		tell_user(&r->cli, r->tokenizer);
	if (!rc)
		rc = hm_join_open(&r->in, r->cli.n_operands, r->cli.operands, r->cli.workers, e);
	if (!rc)
		rc = find_columns(r, e);
	if (!rc) {
		cJSON *p = list_options(r, e);
		cJSON *pg = p ? hm_pg_append(hm_join_pg(r->in), tool.name, p, e) : NULL;
		rc = pg ? hm_writer_open(&r->out, r->cli.out, &r->schema, hm_join_meta(r->in), pg,
					 &r->cli.writer, r->cli.workers, e)
			: HM_EDATA;
		cJSON_Delete(pg);
	}
	return rc;
}

/* Takes the next records into a chunk. */
static int read_chunk(void *run, void *chunk, size_t *bytes, struct hm_err *e)
{
	struct run *r = run;
	struct chunk *c = chunk;
	struct hm_rec rec;
	hm_batch_reset(&c->batch);
	while (!r->ended && c->batch.n < CHUNK && c->batch.bytes < CHUNK_BYTES) {
		int more = hm_join_next(r->in, &rec, e);
		if (more < 0 || (more && hm_batch_add(&c->batch, &rec, e)))
			return e->code;
		r->ended = !more;
	}
	*bytes = c->batch.bytes;
	return c->batch.n > 0;
}

static void tokenize_chunk(void *run, void *chunk, int worker)
{
	const struct run *r = run;
	struct chunk *c = chunk;
	c->ids.len = 0;
	c->cut = 0;
	for (int k = 0; k < c->batch.n && !c->e.code; k++) {
		const struct hm_val *val = c->batch.rec[k].val, *text = &val[r->text];
		c->count[k] = 0;
		if (r->error >= 0 && val[r->error].count)
			continue;
		size_t room = hm_tokenizer_room(r->tokenizer, text->count) * sizeof(int32_t);
		if (hm_buf_reserve(&c->ids, room, &c->e))
			return;
		int32_t *ids = (int32_t *)(void *)(c->ids.data + c->ids.len);
		bool cut = false;
		c->count[k] = hm_tokenizer_encode_many(r->tokenizer, &r->memo[worker], text->data,
						       text->count, ids, &cut, &c->e);
		c->cut += c->count[k] > 0 && cut;
		if (c->count[k] > 0)
			c->ids.len += (size_t)c->count[k] * sizeof(int32_t);
	}
}

static void clear_chunk(void *chunk)
{
	struct chunk *c = chunk;
	hm_batch_clear(&c->batch);
	hm_buf_clear(&c->ids);
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

static int write_chunk(struct run *r, const struct chunk *c, struct hm_err *e)
{
	const int32_t *ids = (const int32_t *)(const void *)c->ids.data;
	int rc = c->e.code ? hm_err_set(e, c->e.code, "%s: %s", hm_join_name(r->in), c->e.text) : 0;
	for (int k = 0; k < c->batch.n && !rc; ids += c->count[k++])
		rc = write_record(r, &c->batch.rec[k], (struct hm_val){ids, (size_t)c->count[k]}, e);
	r->done += (uint64_t)c->batch.n;
	r->cut += c->cut;
	hm_cli_progress(&r->cli, r->done, hm_join_expect(r->in), "records");
	return rc;
}

static int tokenize_all(struct run *r, struct hm_err *e)
{
	const struct hm_ring_config c = {.workers = r->cli.workers,
					 .slots = 8 * hm_workers_count(r->cli.workers),
					 .slot_size = sizeof(struct chunk),
					 .max_bytes = AHEAD_BYTES,
					 .ctx = r,
					 .work = tokenize_chunk,
					 .fill = read_chunk};
	void *chunk;
	int rc = 0, more = 1;
	r->ring = hm_ring_new(&c, e);
	r->memo = r->ring ? hm_alloc((size_t)hm_workers_count(r->cli.workers), sizeof *r->memo, e) : NULL;
	if (!r->memo)
		return HM_EDATA;
	while (!rc && (more = hm_ring_next(r->ring, &chunk, e)) == 1)
		rc = write_chunk(r, chunk, e);
	return rc ? rc : more;
}

int main(int argc, char **argv)
{
	struct run r = {0};
	struct hm_err e = {0};
	hm_cli_begin(&r.cli, &tool, &r.o, argc, argv);
	if (r.o.cased && r.o.uncased)
		hm_cli_usage(&r.cli, "--cased and --uncased contradict each other");
	if (r.o.straight && r.o.kept)
		hm_cli_usage(&r.cli, "--straight-quotes and --no-straight-quotes contradict each other");
	int rc = open_all(&r, &e);
	if (!rc)
		rc = tokenize_all(&r, &e);
	if (!rc) {
		rc = hm_writer_finish(r.out, hm_join_skipped(r.in), &e);
		r.out = NULL;
	}
	if (!rc && r.cut)
		hm_cli_notice(&r.cli, "%llu of %llu captions had more than %d ids and were cut",
			      (unsigned long long)r.cut, (unsigned long long)r.done, r.tokenizer->max_length);
	hm_writer_abort(r.out);
	hm_ring_free(r.ring, clear_chunk);
	free(r.memo);
	hm_schema_clear(&r.schema);
	hm_tokenizer_close(r.tokenizer);
	hm_join_close(r.in);
	return hm_cli_end(&r.cli, rc, &e);
}
