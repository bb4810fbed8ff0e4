/* Reading a stream: frames come in order, blocks are decompressed and checked by the workers ahead of the
 * caller, and END is held against what was read. See rec.h and formats/hmr.md. */
#include "base/ring.h"
#include "rec/tail.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct hm_reader {
	char *name;
	struct hm_source in;
	struct hm_head head;
	struct hm_ring *ring;	/* of struct hm_block, read ahead */
	struct hm_tail tail;	/* what was read so far */
	struct hm_block *block; /* being handed out; NULL before the first one */
	uint32_t row;		/* its next record */
	struct hm_end promise;	/* END, where it can be seen from the start */
	bool promises;
	struct hm_end end;
	bool ended;	      /* END was read and checked */
	struct hm_err failed; /* reported already, and reported again */
};

/* ---- blocks ---- */

/* BHDR's content and the zstd frame behind it. */
static int read_block(struct hm_reader *r, struct hm_block *b, uint32_t content, struct hm_err *e)
{
	struct hm_source *in = &r->in;
	uint64_t at = in->offset - 8;
	size_t seq = hm_tail_count(&r->tail);
	if (content != HM_BHDR_SIZE)
		return hm_err_set(e, HM_EDATA, "the block header at byte %llu has the wrong size",
				  (unsigned long long)at);
	if (hm_source_must(in, HM_BHDR_SIZE, r->tail.records, e))
		return HM_EDATA;
	if (hm_frame_parse_bhdr(hm_source_here(in), &b->info, e))
		return hm_err_prefix(e, "block %zu at byte %llu", seq, (unsigned long long)at);
	b->info.offset = at;
	hm_source_skip(in, HM_BHDR_SIZE);
	if (b->info.seq != seq || b->info.first != r->tail.records)
		return hm_err_set(e, HM_EDATA,
				  "block %llu at byte %llu is out of order: a block was lost or moved",
				  (unsigned long long)b->info.seq, (unsigned long long)at);
	if (hm_source_take(in, &b->packed, b->info.packed, r->tail.records, e))
		return HM_EDATA;
	return hm_tail_add(&r->tail, &b->info, e);
}

/* Fills a slot of the ring with the next block. 1; 0: something else comes next, not consumed; HM_EDATA. */
static int fill_block(void *reader, void *block, size_t *bytes, struct hm_err *e)
{
	struct hm_reader *r = reader;
	struct hm_block *b = block;
	if (hm_source_must(&r->in, 12, r->tail.records, e))
		return HM_EDATA;
	const unsigned char *p = hm_source_here(&r->in);
	if (hm_get32(p) != HM_SKIP_MAGIC || memcmp(p + 8, "HMRB", 4))
		return 0;
	uint32_t content = hm_get32(p + 4);
	hm_source_skip(&r->in, 8);
	if (read_block(r, b, content, e))
		return HM_EDATA;
	*bytes = b->info.raw;
	return 1;
}

static void unpack_block(void *reader, void *block, int worker)
{
	const struct hm_reader *r = reader;
	(void)worker;
	hm_block_unpack(block, &r->head.schema);
}

static void clear_block(void *block)
{
	hm_block_clear(block);
}

/* ---- records ---- */

/* The next good block becomes the current one. 1, 0 at the proper end, HM_EDATA. */
static int next_block(struct hm_reader *r, struct hm_err *e)
{
	void *slot;
	if (r->block)
		hm_block_release(r->block);
	r->block = NULL;
	int rc = hm_ring_next(r->ring, &slot, e);
	if (!rc && !(rc = hm_tail_read(&r->tail, &r->in, &r->end, e)))
		r->ended = true;
	if (rc != 1)
		return rc;
	struct hm_block *b = slot;
	if (b->err.code)
		return hm_block_report(b, e);
	hm_tail_digest(&r->tail, b->payload.data, b->info.raw);
	r->block = b;
	r->row = 0;
	return 1;
}

int hm_reader_next(struct hm_reader *r, struct hm_rec *rec, struct hm_err *e)
{
	if (r->ended)
		return 0;
	if (!r->failed.code && (!r->block || r->row == r->block->info.count)) {
		int rc = next_block(r, &r->failed);
		if (!rc)
			return 0;
		if (rc < 0)
			hm_err_prefix(&r->failed, "%s", r->name);
	}
	if (r->failed.code)
		return hm_err_pass(e, &r->failed);
	hm_block_record(r->block, &r->head.schema, r->row++, rec);
	return 1;
}

void hm_reader_ahead(struct hm_reader *r)
{
	if (r->ended || r->failed.code || (r->block && r->row < r->block->info.count))
		return;
	if (r->block)
		hm_block_release(r->block);
	r->block = NULL;
	hm_ring_ahead(r->ring);
}

/* ---- opening, closing, asking ---- */

/* Reads END of a seekable stream. It is checked again when it is really reached. */
static bool read_promise(const struct hm_source *in, struct hm_end *end)
{
	unsigned char tail[8 + HM_END_SIZE], digest[16];
	uint32_t status;
	uint64_t at, index_offset;
	struct hm_err ignored = {0};
	return lseek(in->fd, 0, SEEK_CUR) == 0 && hm_source_last(in, tail, &at) &&
	       hm_get32(tail) == HM_SKIP_MAGIC && !memcmp(tail + 8, "HMRE", 4) &&
	       !hm_frame_parse_end(tail + 8, &status, end, &index_offset, digest, &ignored);
}

/* Several inputs keep all workers busy with one block each. */
static int make_ring(struct hm_reader *r, int inputs, struct hm_workers *w, struct hm_err *e)
{
	int ahead = w ? hm_workers_count(w) + 2 : 1;
	const struct hm_ring_config c = {.workers = w,
					 .slots = (ahead - 1) / inputs + 1,
					 .slot_size = sizeof(struct hm_block),
					 .max_bytes = HM_MAX_AHEAD / (size_t)inputs,
					 .ctx = r,
					 .work = unpack_block,
					 .fill = fill_block};
	struct hm_block *b;
	r->ring = hm_ring_new(&c, e);
	if (!r->ring)
		return HM_EDATA;
	for (int i = 0; (b = hm_ring_slot(r->ring, i)); i++)
		if (hm_block_init(b, e))
			return HM_EDATA;
	return 0;
}

static int open_stream(struct hm_reader *r, const char *path, int inputs, struct hm_workers *w,
		       struct hm_err *e)
{
	if (make_ring(r, inputs, w, e) || hm_tail_init(&r->tail, e) || hm_source_open(&r->in, path, e))
		return HM_EDATA;
	r->promises = read_promise(&r->in, &r->promise);
	if (hm_head_read(&r->in, &r->head, e))
		return HM_EDATA;
	hm_tail_digest(&r->tail, r->head.text.data, r->head.text.len);
	return 0;
}

int hm_reader_open(struct hm_reader **out, const char *path, struct hm_workers *w, struct hm_err *e)
{
	return hm_reader_open_one(out, path, 1, w, e);
}

int hm_reader_open_one(struct hm_reader **out, const char *path, int inputs, struct hm_workers *w,
		       struct hm_err *e)
{
	struct hm_reader *r = hm_alloc(1, sizeof *r, e);
	const char *name = !path || !strcmp(path, "-") ? "standard input" : path;
	*out = NULL;
	if (!r)
		return HM_EDATA;
	r->in.fd = -1;
	r->name = hm_strndup(name, strlen(name), e);
	int rc = r->name ? open_stream(r, path, inputs, w, e) : HM_EDATA;
	if (rc) {
		hm_err_prefix(e, "%s", name);
		hm_reader_close(r);
	} else {
		*out = r;
	}
	return rc;
}

void hm_reader_close(struct hm_reader *r)
{
	if (!r)
		return;
	hm_ring_free(r->ring, clear_block);
	hm_tail_clear(&r->tail);
	hm_source_close(&r->in);
	hm_head_clear(&r->head);
	free(r->name);
	free(r);
}

const struct hm_schema *hm_reader_schema(const struct hm_reader *r)
{
	return &r->head.schema;
}

const cJSON *hm_reader_meta(const struct hm_reader *r)
{
	return cJSON_GetObjectItemCaseSensitive(r->head.json, "meta");
}

const cJSON *hm_reader_pg(const struct hm_reader *r)
{
	return cJSON_GetObjectItemCaseSensitive(r->head.json, "pg");
}

const char *hm_reader_name(const struct hm_reader *r)
{
	return r->name;
}

const struct hm_end *hm_reader_end(const struct hm_reader *r)
{
	return &r->end;
}

uint64_t hm_reader_expect(const struct hm_reader *r)
{
	return r->promises ? r->promise.records : 0;
}

const struct hm_end *hm_reader_promise(const struct hm_reader *r)
{
	return r->promises ? &r->promise : NULL;
}
