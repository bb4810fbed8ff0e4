/* Records: a stream of named, typed columns (the .hmr container, formats/hmr.md). A reader gives one record
 * at a time, a writer takes one at a time; they handle blocks, compression, digests, HEAD and END.
 *
 *   struct hm_reader *r;  hm_reader_open(&r, path, workers, e)
 *   while ((rc = hm_reader_next(r, &rec, e)) == 1) ...          rc 0: proper end, < 0: error
 *
 * A value is a pointer and a count of elements; a fixed tensor's count is the product of its shape. */
#ifndef HM_REC_H
#define HM_REC_H

#include "base/tensor.h"
#include "base/workers.h"

#include <cjson/cJSON.h>

#define HM_MAX_FIELDS 64
#define HM_MAX_NAME 64			 /* bytes of a column's name */
#define HM_MAX_RECORD ((size_t)64 << 20) /* raw bytes of a record, and of a block */

/* One column. ndim 0: a scalar (text for HM_UTF8); dim[0] == -1: ragged in that dimension. */
struct hm_field {
	char name[HM_MAX_NAME + 1];
	enum hm_dtype dtype;
	int ndim;
	int64_t dim[HM_MAX_DIMS];
	cJSON *attr; /* further keys of the schema entry (encoder, output, …), or NULL; owned by the schema */
};

struct hm_schema {
	int n;
	struct hm_field field[HM_MAX_FIELDS];
};

/* Index of the column of that name, or -1. */
int hm_schema_find(const struct hm_schema *s, const char *name);
/* Appends a column. Takes over `attr` (may be NULL), also on failure. Returns its index, or HM_EDATA: the
 * name is empty, too long or there already, there are 64 columns already, or the shape is impossible. */
int hm_schema_add(struct hm_schema *s, const char *name, enum hm_dtype t, int ndim, const int64_t *dim,
		  cJSON *attr, struct hm_err *e);
/* Removes column i; later ones move up. */
void hm_schema_remove(struct hm_schema *s, int i);
int hm_schema_copy(struct hm_schema *to, const struct hm_schema *from, struct hm_err *e);
void hm_schema_clear(struct hm_schema *s);
/* True when names, dtypes, shapes and attributes are equal, in order. */
bool hm_schema_equal(const struct hm_schema *a, const struct hm_schema *b);
/* 0 if they are equal; else HM_EDATA and what keeps `s`, of the file `name`, from being joined to the first
 * input's. */
int hm_schema_compare(const struct hm_schema *first, const char *name, const struct hm_schema *s,
		      struct hm_err *e);
/* The columns as HEAD and `hm-view --schema` write them: [{"name","dtype","shape",attributes...}]. Caller
 * frees with cJSON_Delete; NULL without memory. */
cJSON *hm_schema_to_json(const struct hm_schema *s, struct hm_err *e);
/* Text attribute of column i ("encoder" …), or NULL. Borrowed. */
const char *hm_schema_attr(const struct hm_schema *s, int i, const char *key);
bool hm_field_ragged(const struct hm_field *f);
/* Elements of one record of a fixed column; of one row of a ragged one. */
size_t hm_field_count(const struct hm_field *f);

struct hm_val {
	const void *data; /* elements; of a record that was read, 64-byte aligned only for the first record of
			     a block */
	size_t count;	  /* elements (utf8: bytes) */
};
/* One record; val[i] belongs to schema->field[i]. Borrowed from the function that made it. */
struct hm_rec {
	const struct hm_schema *schema;
	struct hm_val val[HM_MAX_FIELDS];
};

/* Stores what is wrong with a record, in the words that all tools use: "FILE: record N (id X): WHY". N counts
 * from 0 in that file, so `hm-cat --head N+1` ends with the record. The id is cut and masked for a terminal;
 * NULL: the file has no ids. `why` NULL: the sentence that `e` holds already. Returns the code of `e`,
 * HM_EDATA for a sentence given. */
#define HM_RECORD_ID 81 /* bytes of an id that messages show, and a NUL */
int hm_record_error(const char *file, uint64_t number, const struct hm_val *id, const char *why,
		    struct hm_err *e);

/* ---- reading ---- */
struct hm_reader;
/* `path` "-" or NULL is standard input. `w` (may be NULL) decompresses ahead. Reads and checks HEAD. */
int hm_reader_open(struct hm_reader **r, const char *path, struct hm_workers *w, struct hm_err *e);
/* The same for one of `inputs` streams that are read in turns: they share out what one alone would read
 * ahead, so that a thousand of them hold a block each. */
int hm_reader_open_one(struct hm_reader **r, const char *path, int inputs, struct hm_workers *w,
		       struct hm_err *e);
void hm_reader_close(struct hm_reader *r); /* NULL is fine */
const struct hm_schema *hm_reader_schema(const struct hm_reader *r);
const cJSON *hm_reader_meta(const struct hm_reader *r); /* an object */
const cJSON *hm_reader_pg(const struct hm_reader *r);	/* an array, oldest step first */
/* What to call it in messages: the path, or "standard input". */
const char *hm_reader_name(const struct hm_reader *r);
/* The next record, borrowed until the next call. 1, 0 at the proper end (END is read and checked, nothing
 * follows it), or HM_EDATA. */
int hm_reader_next(struct hm_reader *r, struct hm_rec *rec, struct hm_err *e);
/* After the proper end: counts and the digest (32 hex digits) of END. */
struct hm_end {
	uint64_t records, skipped, blocks, raw_bytes;
	char digest[33];
};
const struct hm_end *hm_reader_end(const struct hm_reader *r);
/* The caller has done with the record read last. If it was the last of its block, the next block is read and
 * given to the workers now; a call of hm_reader_next later waits for it. */
void hm_reader_ahead(struct hm_reader *r);
/* What END says before it is reached, when the input is a regular file, else NULL. It is not checked against
 * the records yet. */
const struct hm_end *hm_reader_promise(const struct hm_reader *r);
/* The number of records that END promises when the input is a regular file, else 0. For progress only. */
uint64_t hm_reader_expect(const struct hm_reader *r);

/* ---- writing ---- */
struct hm_writer_options {
	int level;	   /* zstd level, 0: the default, 1 */
	size_t block_size; /* raw bytes per block, 0: the default, 1 MiB */
	bool no_pg;
};
struct hm_writer;
/* Opens `path` ("-" or NULL: standard output, refused when a terminal) and writes HEAD. schema, meta and pg
 * are copied; meta and pg may be NULL. With no_pg the chain is left out. */
int hm_writer_open(struct hm_writer **w, const char *path, const struct hm_schema *schema, const cJSON *meta,
		   const cJSON *pg, const struct hm_writer_options *o, struct hm_workers *workers,
		   struct hm_err *e);
/* Copies the record; its values are in the order of the writer's schema. HM_EDATA when a value does not fit
 * its column (count, invalid UTF-8) or the record is larger than 64 MiB. */
int hm_writer_put(struct hm_writer *w, const struct hm_val *val, struct hm_err *e);
/* Writes INDX and END and commits the file. Frees w, also on failure. `skipped`: the number of records that
 * were left out. */
int hm_writer_finish(struct hm_writer *w, uint64_t skipped, struct hm_err *e);
/* Stops writing. A file is left as it was; a pipe gets an END that makes every reader fail. NULL is fine. */
void hm_writer_abort(struct hm_writer *w);

/* ---- several inputs, joined by id ---- */
struct hm_join;
/* Opens n >= 1 paths. One is read as it is; several are joined by their column `id`, in the order of the
 * first. The schema is the union of theirs. */
int hm_join_open(struct hm_join **j, int n, char *const *paths, struct hm_workers *w, struct hm_err *e);
void hm_join_close(struct hm_join *j);
const struct hm_schema *hm_join_schema(const struct hm_join *j);
const cJSON *hm_join_meta(const struct hm_join *j);
const cJSON *hm_join_pg(const struct hm_join *j);
const char *hm_join_name(const struct hm_join *j);
int hm_join_next(struct hm_join *j, struct hm_rec *rec, struct hm_err *e); /* as hm_reader_next */
const struct hm_end *hm_join_end(const struct hm_join *j);		   /* of the first input */
/* After the end: how many records were left out before, by the input that says the most. All inputs hold the
 * same ids, so it is no less than what each of them lacks. */
uint64_t hm_join_skipped(const struct hm_join *j);
uint64_t hm_join_expect(const struct hm_join *j);

/* ---- batches ---- */
/* Deep copies of records, for tools that work on many at once. A zeroed struct is empty. */
struct hm_batch {
	struct hm_rec *rec;
	int n, cap;
	size_t bytes; /* of the copied values */
	struct hm_arena arena;
};
int hm_batch_add(struct hm_batch *b, const struct hm_rec *rec, struct hm_err *e);
void hm_batch_reset(struct hm_batch *b); /* empty again, storage kept */
void hm_batch_clear(struct hm_batch *b);

/* Appends {"tool":…, "version":…, "options":{…}} to a copy of `chain` (an array or NULL); `options` (an
 * object or NULL) is taken over. Caller frees with cJSON_Delete. NULL without memory, when a value in it is
 * not UTF-8, and when `e` holds an error already: `options` may come unchecked from the calls of json/build.h
 * with the same `e`. */
cJSON *hm_pg_append(const cJSON *chain, const char *tool, cJSON *options, struct hm_err *e);

#endif
