/* Reading a stream: frames come in order, blocks are decompressed and checked by the workers ahead of the
 * caller, and END is held against what was read. See rec.h and formats/hmr.md. */
#include "rec/format.h"
#include "base/xxh3.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A block read ahead. */
struct slot {
	struct hm_job job;
	struct hm_reader *reader;
	struct hm_block block;
	bool busy;
};

struct hm_reader {
	char *name;
	struct hm_source in;
	struct hm_head head;
	struct hm_workers *workers;
	struct slot *slot;
	int slots, next, current; /* a ring; to be filled; being handed out, -1 none */
	uint32_t row;		  /* next record of the current block */
	size_t ahead;		  /* payload bytes of the busy slots */
	struct hm_buf index;	  /* struct hm_block_info[] of the blocks read so far */
	XXH3_state_t *digest;
	uint64_t records, expect; /* read so far; promised by END where it can be seen */
	struct hm_end end;
	bool ended;		 /* END was read and checked */
	struct hm_err ahead_err; /* met while reading ahead, told when its turn comes */
	struct hm_err failed;	 /* told already, and told again */
};

static int cut(const struct hm_reader *r, struct hm_err *e)
{
	return hm_err_set(e, HM_EDATA,
			  "the stream ends without its end mark (after %llu records, byte %llu): it was cut, "
			  "or its producer died",
			  (unsigned long long)r->records,
			  (unsigned long long)(r->in.offset + hm_source_left(&r->in)));
}

/* n bytes that must be there. 0 or HM_EDATA. */
static int must(struct hm_reader *r, size_t n, struct hm_err *e)
{
	int rc = hm_source_need(&r->in, n, e);
	return rc > 0 ? 0 : rc < 0 ? rc : cut(r, e);
}

static size_t blocks_read(const struct hm_reader *r)
{
	return r->index.len / sizeof(struct hm_block_info);
}

/* The next skippable frame's kind and content size; its 8-byte header is consumed, the content is not. */
static int frame_kind(struct hm_reader *r, char kind[4], uint32_t *content, struct hm_err *e)
{
	if (must(r, 12, e))
		return HM_EDATA;
	const unsigned char *p = hm_source_here(&r->in);
	if (hm_get32(p) != HM_SKIP_MAGIC)
		return hm_err_set(e, HM_EDATA, "no frame of ours at byte %llu",
				  (unsigned long long)r->in.offset);
	*content = hm_get32(p + 4);
	memcpy(kind, p + 8, 4);
	hm_source_skip(&r->in, 8);
	return 0;
}

/* ---- blocks ---- */

/* BHDR's content and the zstd frame behind it. */
static int read_block(struct hm_reader *r, struct hm_block *b, uint32_t content, struct hm_err *e)
{
	uint64_t at = r->in.offset - 8;
	if (content != HM_BHDR_SIZE)
		return hm_err_set(e, HM_EDATA, "the block header at byte %llu has the wrong size",
				  (unsigned long long)at);
	if (must(r, HM_BHDR_SIZE, e))
		return HM_EDATA;
	if (hm_frame_parse_bhdr(hm_source_here(&r->in), &b->info, e))
		return hm_err_prefix(e, "block %zu at byte %llu", blocks_read(r), (unsigned long long)at);
	b->info.offset = at;
	hm_source_skip(&r->in, HM_BHDR_SIZE);
	if (b->info.seq != blocks_read(r) || b->info.first != r->records)
		return hm_err_set(e, HM_EDATA,
				  "block %llu at byte %llu is out of order: a block was lost or moved",
				  (unsigned long long)b->info.seq, (unsigned long long)at);
	if (must(r, b->info.packed, e))
		return HM_EDATA;
	b->packed.len = 0;
	if (hm_buf_add(&b->packed, hm_source_here(&r->in), b->info.packed, e) ||
	    hm_buf_add(&r->index, &b->info, sizeof b->info, e))
		return HM_EDATA;
	hm_source_skip(&r->in, b->info.packed);
	r->records += b->info.count;
	return 0;
}

static void unpack_job(void *arg, int worker)
{
	struct slot *s = arg;
	(void)worker;
	hm_block_unpack(&s->block, &s->reader->head.schema);
}

/* Reads one further frame. 1: a block was started; 0: something else comes next, not consumed; HM_EDATA. */
static int read_ahead(struct hm_reader *r, struct hm_err *e)
{
	struct slot *s = &r->slot[r->next];
	char kind[4];
	uint32_t content;
	if (must(r, 12, e))
		return HM_EDATA;
	if (hm_get32(hm_source_here(&r->in)) != HM_SKIP_MAGIC ||
	    memcmp(hm_source_here(&r->in) + 8, "HMRB", 4))
		return 0;
	if (frame_kind(r, kind, &content, e) || read_block(r, &s->block, content, e))
		return HM_EDATA;
	s->job = (struct hm_job){.run = unpack_job, .arg = s};
	s->busy = true;
	r->ahead += s->block.info.raw;
	r->next = (r->next + 1) % r->slots;
	if (r->workers)
		hm_workers_submit(r->workers, &s->job);
	else
		unpack_job(s, 0);
	return 1;
}

static void release(struct hm_reader *r, struct slot *s)
{
	s->busy = false;
	r->ahead -= s->block.info.raw;
	hm_block_release(&s->block);
}

/* ---- INDX and END ---- */

static int read_index(struct hm_reader *r, uint32_t content, struct hm_err *e)
{
	const struct hm_block_info *b = (const struct hm_block_info *)(const void *)r->index.data;
	size_t n = blocks_read(r);
	if (content != HM_INDX_FIXED + n * HM_INDX_ENTRY + 8)
		return hm_err_set(e, HM_EDATA, "the index does not list the %zu blocks that were read", n);
	if (must(r, content, e))
		return HM_EDATA;
	const unsigned char *p = hm_source_here(&r->in);
	if (hm_frame_check_indx(p, content, e))
		return HM_EDATA;
	bool same = true;
	for (size_t i = 0; same && i < n; i++) {
		struct hm_block_info k;
		same = hm_frame_indx_entry(p, i, &k) && k.offset == b[i].offset && k.first == b[i].first &&
		       k.count == b[i].count && k.raw == b[i].raw && k.packed == b[i].packed;
	}
	if (!same)
		return hm_err_set(e, HM_EDATA, "the index contradicts the blocks that were read");
	hm_source_skip(&r->in, content);
	return 0;
}

/* END's numbers against what was read. */
static int check_end(const struct hm_reader *r, uint64_t index_offset, uint64_t index_at,
		     const unsigned char digest[16], struct hm_err *e)
{
	const struct hm_block_info *b = (const struct hm_block_info *)(const void *)r->index.data;
	XXH128_canonical_t mine;
	uint64_t raw = 0;
	for (size_t i = 0; i < blocks_read(r); i++)
		raw += b[i].raw;
	if (r->end.records != r->records || r->end.blocks != blocks_read(r))
		return hm_err_set(e, HM_EDATA,
				  "the end mark counts %llu records in %llu blocks, %llu in %zu were read",
				  (unsigned long long)r->end.records, (unsigned long long)r->end.blocks,
				  (unsigned long long)r->records, blocks_read(r));
	if (r->end.raw_bytes != raw || index_offset != index_at)
		return hm_err_set(e, HM_EDATA, "the end mark contradicts the sizes that were read");
	XXH128_canonicalFromHash(&mine, XXH3_128bits_digest(r->digest));
	if (memcmp(mine.digest, digest, 16))
		return hm_err_set(e, HM_EDATA,
				  "the digest in the end mark differs from that of the records read");
	return 0;
}

static int read_end(struct hm_reader *r, uint32_t content, uint64_t index_at, struct hm_err *e)
{
	uint32_t status;
	uint64_t index_offset;
	unsigned char digest[16];
	if (content != HM_END_SIZE)
		return hm_err_set(e, HM_EDATA, "the end mark has the wrong size");
	if (must(r, HM_END_SIZE, e) ||
	    hm_frame_parse_end(hm_source_here(&r->in), &status, &r->end, &index_offset, digest, e))
		return HM_EDATA;
	hm_source_skip(&r->in, HM_END_SIZE);
	if (status)
		return hm_err_set(e, HM_EDATA,
				  "its producer gave up after %llu records (end mark with status %u)",
				  (unsigned long long)r->records, status);
	if (check_end(r, index_offset, index_at, digest, e))
		return HM_EDATA;
	int rc = hm_source_need(&r->in, 1, e);
	if (rc)
		return rc < 0 ? rc
			      : hm_err_set(e, HM_EDATA, "bytes follow the end mark at byte %llu",
					   (unsigned long long)r->in.offset);
	r->ended = true;
	return 0;
}

static int read_tail(struct hm_reader *r, struct hm_err *e)
{
	char kind[4];
	uint32_t content;
	uint64_t index_at = 0;
	if (frame_kind(r, kind, &content, e))
		return HM_EDATA;
	if (!memcmp(kind, "HMRI", 4)) {
		index_at = r->in.offset - 8;
		if (read_index(r, content, e) || frame_kind(r, kind, &content, e))
			return HM_EDATA;
	}
	if (memcmp(kind, "HMRE", 4))
		return hm_err_set(e, HM_EDATA, "an unknown frame at byte %llu",
				  (unsigned long long)(r->in.offset - 8));
	return read_end(r, content, index_at, e);
}

/* ---- records ---- */

/* The next good block becomes the current one. 1, 0 at the proper end, HM_EDATA. */
static int next_block(struct hm_reader *r, struct hm_err *e)
{
	int rc = 1, after = r->current < 0 ? 0 : (r->current + 1) % r->slots;
	struct slot *s = &r->slot[after];
	if (r->current >= 0)
		release(r, &r->slot[r->current]);
	while (rc == 1 && !r->slot[r->next].busy && !r->ahead_err.code && r->ahead < HM_MAX_AHEAD)
		rc = read_ahead(r, &r->ahead_err);
	r->current = -1;
	if (!s->busy)
		return r->ahead_err.code ? hm_err_set(e, r->ahead_err.code, "%s", r->ahead_err.text)
					 : read_tail(r, e);
	if (r->workers)
		hm_workers_wait(r->workers, &s->job);
	if (s->block.err.code)
		return hm_block_tell(&s->block, e);
	XXH3_128bits_update(r->digest, s->block.payload.data, s->block.info.raw);
	r->current = after;
	r->row = 0;
	return 1;
}

int hm_reader_next(struct hm_reader *r, struct hm_rec *rec, struct hm_err *e)
{
	if (r->ended)
		return 0;
	if (!r->failed.code && (r->current < 0 || r->row == r->slot[r->current].block.info.count)) {
		int rc = next_block(r, &r->failed);
		if (!rc)
			return 0;
		if (rc < 0)
			hm_err_prefix(&r->failed, "%s", r->name);
	}
	if (r->failed.code)
		return hm_err_set(e, r->failed.code, "%s", r->failed.text);
	hm_block_record(&r->slot[r->current].block, &r->head.schema, r->row++, rec);
	return 1;
}

/* ---- opening, closing, asking ---- */

/* What a seekable stream's END promises; 0 when it cannot be had. Checked again when it is really reached. */
static uint64_t promised(const struct hm_source *in)
{
	unsigned char tail[8 + HM_END_SIZE], digest[16];
	struct hm_end end;
	uint32_t status;
	uint64_t at, index_offset;
	struct hm_err ignored = {0};
	if (lseek(in->fd, 0, SEEK_CUR) != 0 || !hm_source_last(in, tail, &at) ||
	    hm_get32(tail) != HM_SKIP_MAGIC || memcmp(tail + 8, "HMRE", 4) ||
	    hm_frame_parse_end(tail + 8, &status, &end, &index_offset, digest, &ignored))
		return 0;
	return end.records;
}

static int start(struct hm_reader *r, const char *path, struct hm_err *e)
{
	r->slots = r->workers ? hm_workers_count(r->workers) + 2 : 1;
	r->current = -1;
	r->digest = XXH3_createState();
	r->slot = hm_alloc((size_t)r->slots, sizeof *r->slot, e);
	if (!r->slot || !r->digest)
		return hm_err_set(e, HM_EDATA, "out of memory for a reader");
	for (int i = 0; i < r->slots; i++) {
		r->slot[i].reader = r;
		if (hm_block_init(&r->slot[i].block, e))
			return HM_EDATA;
	}
	if (hm_source_open(&r->in, path, e))
		return HM_EDATA;
	r->expect = promised(&r->in);
	if (hm_head_read(&r->in, &r->head, e))
		return HM_EDATA;
	XXH3_128bits_reset(r->digest);
	XXH3_128bits_update(r->digest, r->head.text.data, r->head.text.len);
	return 0;
}

int hm_reader_open(struct hm_reader **out, const char *path, struct hm_workers *w, struct hm_err *e)
{
	struct hm_reader *r = hm_alloc(1, sizeof *r, e);
	const char *name = !path || !strcmp(path, "-") ? "standard input" : path;
	*out = NULL;
	if (!r)
		return HM_EDATA;
	r->in.fd = -1;
	r->workers = w;
	r->name = hm_strndup(name, strlen(name), e);
	int rc = r->name ? start(r, path, e) : HM_EDATA;
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
	for (int i = 0; r->slot && i < r->slots; i++) {
		if (r->slot[i].busy && r->workers)
			hm_workers_wait(r->workers, &r->slot[i].job);
		hm_block_clear(&r->slot[i].block);
	}
	hm_source_close(&r->in);
	hm_head_clear(&r->head);
	hm_buf_clear(&r->index);
	XXH3_freeState(r->digest);
	free(r->slot);
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
	return r->expect;
}
