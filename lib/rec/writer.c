/* Writing a stream: records are gathered by column, full blocks packed, compressed and hashed by the workers,
 * and written in order. Block boundaries depend on the records and the block size alone. See rec.h. */
#include "base/file.h"
#include "base/ring.h"
#include "json/build.h"
#include "rec/pack.h"
#include "rec/tail.h"

#include <stdlib.h>
#include <unistd.h>

struct hm_writer {
	struct hm_schema schema;
	struct hm_out *out;
	size_t block_size;
	size_t most;		  /* bytes of records with the workers, and one block more */
	struct hm_ring *ring;	  /* of struct hm_pack: filled by the caller, compressed by the workers */
	uint64_t offset;	  /* bytes written */
	uint64_t records, blocks; /* accepted; passed to the workers */
	struct hm_tail tail;	  /* what was written so far */
	struct hm_err err;	  /* the first failure; later calls repeat it */
};

static int write_bytes(struct hm_writer *w, const void *p, size_t n, struct hm_err *e)
{
	int rc = hm_out_write(w->out, p, n, e);
	if (!rc)
		w->offset += n;
	return rc;
}

static int write_head(struct hm_writer *w, const cJSON *meta, const cJSON *pg, struct hm_err *e)
{
	struct hm_buf json = {0}, schema = {0}, frame = {0};
	cJSON *head = hm_json_object(e), *columns = hm_schema_to_json(&w->schema, e);
	hm_json_add_tree(head, "schema", columns, e);
	hm_json_add_tree(head, "meta", meta ? hm_json_copy(meta, e) : hm_json_object(e), e);
	hm_json_add_tree(head, "pg", pg ? hm_json_copy(pg, e) : hm_json_array(e), e);
	head = hm_json_whole(head, e);
	int rc = head ? hm_json_write(columns, &schema, e) : e->code;
	if (!rc)
		rc = hm_json_write(head, &json, e);
	if (!rc)
		rc = hm_frame_head(&frame, (char *)json.data, json.len, e);
	if (!rc)
		rc = write_bytes(w, frame.data, frame.len, e);
	if (!rc)
		hm_tail_digest(&w->tail, schema.data, schema.len);
	cJSON_Delete(head);
	hm_buf_clear(&json);
	hm_buf_clear(&schema);
	hm_buf_clear(&frame);
	return rc;
}

static void compress_block(void *writer, void *pack, int worker)
{
	(void)writer;
	(void)worker;
	hm_pack_compress(pack);
}

static void clear_block(void *pack)
{
	hm_pack_clear(pack);
}

/* One block per worker, and one being filled. */
static int make_ring(struct hm_writer *w, int level, struct hm_workers *workers, struct hm_err *e)
{
	const struct hm_ring_config c = {.workers = workers,
					 .slots = workers ? hm_workers_count(workers) + 1 : 1,
					 .slot_size = sizeof(struct hm_pack),
					 .ctx = w,
					 .work = compress_block};
	struct hm_pack *p;
	w->ring = hm_ring_new(&c, e);
	if (!w->ring)
		return HM_EDATA;
	for (int i = 0; (p = hm_ring_slot(w->ring, i)); i++)
		if (hm_pack_init(p, &w->schema, level, e))
			return HM_EDATA;
	return 0;
}

static void writer_free(struct hm_writer *w)
{
	hm_ring_free(w->ring, clear_block);
	hm_tail_clear(&w->tail);
	hm_schema_clear(&w->schema);
	hm_out_abort(w->out);
	free(w);
}

int hm_writer_open(struct hm_writer **out, const char *path, const struct hm_schema *schema,
		   const cJSON *meta, const cJSON *pg, const struct hm_writer_options *o,
		   struct hm_workers *workers, struct hm_err *e)
{
	struct hm_writer *w = hm_alloc(1, sizeof *w, e);
	*out = NULL;
	if (!w)
		return HM_EDATA;
	w->block_size = o && o->block_size ? o->block_size : 1 << 20;
	if (w->block_size > HM_MAX_RECORD - HM_RECORD_SLACK)
		w->block_size = HM_MAX_RECORD - HM_RECORD_SLACK;
	w->most = w->block_size * (workers ? (size_t)hm_workers_count(workers) : 1);
	if (w->most < HM_MAX_AHEAD)
		w->most = HM_MAX_AHEAD;
	int rc = hm_tail_init(&w->tail, e);
	if (!schema->n)
		rc = hm_err_set(e, HM_EDATA, "a stream needs at least one column");
	if (!rc)
		rc = hm_schema_copy(&w->schema, schema, e);
	if (!rc)
		rc = make_ring(w, o && o->level ? o->level : 1, workers, e);
	if (!rc && !(w->out = hm_out_open(path ? path : "-", e)))
		rc = HM_EDATA;
	if (!rc && isatty(hm_out_fd(w->out)))
		rc = hm_err_set(e, HM_EUSAGE, "records are not written to a terminal: use -o FILE or a pipe");
	if (!rc)
		rc = write_head(w, meta, o && o->no_pg ? NULL : pg, e);
	if (rc)
		writer_free(w);
	else
		*out = w;
	return rc;
}

/* Waits for the oldest block and writes it. */
static int write_oldest(struct hm_writer *w, struct hm_err *e)
{
	struct hm_pack *p = hm_ring_oldest(w->ring);
	unsigned char head[8 + HM_BHDR_SIZE];
	if (p->err.code)
		return hm_err_pass(e, &p->err);
	p->info.offset = w->offset;
	hm_frame_bhdr(head, &p->info);
	int rc = hm_tail_add(&w->tail, &p->info, e);
	if (!rc)
		rc = write_bytes(w, head, sizeof head, e);
	if (!rc)
		rc = write_bytes(w, p->packed.data, p->packed.len, e);
	hm_tail_digest(&w->tail, p->payload.data, p->payload.len);
	hm_pack_reset(p, w->block_size);
	hm_ring_release(w->ring);
	return rc;
}

/* The block being filled goes to the workers; room is made for the next one. */
static int flush_block(struct hm_writer *w, struct hm_err *e)
{
	struct hm_pack *p = hm_ring_vacant(w->ring);
	p->info.seq = w->blocks++;
	p->info.first = w->records - p->info.count;
	hm_ring_submit(w->ring, p->size);
	int rc = 0;
	while (!rc && (!hm_ring_vacant(w->ring) || hm_ring_bytes(w->ring) > w->most))
		rc = write_oldest(w, e);
	return rc;
}

int hm_writer_put(struct hm_writer *w, const struct hm_val *val, struct hm_err *e)
{
	size_t size = 0;
	const struct hm_pack *p = hm_ring_vacant(w->ring);
	if (w->err.code)
		return hm_err_pass(e, &w->err);
	int rc = !hm_pack_record_size(p, val, &size)
			 ? hm_err_set(&w->err, HM_EDATA, "the record is larger than 64 MiB less 64 KiB")
			 : 0;
	if (!rc && p->info.count && (p->size + size > w->block_size || p->info.count == HM_MAX_BLOCK_RECORDS))
		rc = flush_block(w, &w->err);
	if (!rc)
		rc = hm_pack_add(hm_ring_vacant(w->ring), val, size, &w->err);
	if (rc)
		return hm_err_pass(e, &w->err);
	w->records++;
	return 0;
}

static int write_tail(struct hm_writer *w, uint64_t skipped, struct hm_err *e)
{
	struct hm_buf tail = {0};
	int rc = hm_tail_write(&w->tail, w->offset, skipped, &tail, e);
	if (!rc)
		rc = write_bytes(w, tail.data, tail.len, e);
	hm_buf_clear(&tail);
	return rc;
}

int hm_writer_finish(struct hm_writer *w, uint64_t skipped, struct hm_err *e)
{
	const struct hm_pack *last = hm_ring_vacant(w->ring);
	int rc = hm_err_pass(e, &w->err);
	if (!rc && last->info.count)
		rc = flush_block(w, e);
	while (!rc && hm_ring_oldest(w->ring))
		rc = write_oldest(w, e);
	if (!rc)
		rc = write_tail(w, skipped, e);
	if (rc) {
		hm_writer_abort(w);
		return rc;
	}
	rc = hm_out_commit(w->out, e);
	w->out = NULL;
	writer_free(w);
	return rc;
}

void hm_writer_abort(struct hm_writer *w)
{
	if (!w)
		return;
	if (hm_out_is_stream(w->out)) {
		const struct hm_end end = {.records = w->tail.records,
					   .blocks = hm_tail_count(&w->tail),
					   .raw_bytes = w->tail.raw_bytes};
		unsigned char frame[8 + HM_END_SIZE], none[16] = {0};
		struct hm_err ignored = {0};
		hm_frame_end(frame, 1, &end, 0, none);
		/* where it cannot be written, END is missing */
		hm_out_write(w->out, frame, sizeof frame, &ignored);
	}
	writer_free(w);
}
