/* Reading a stream: bytes come in order, blocks are decompressed and checked by the workers ahead of the caller,
 * and nothing is believed before its hash was. See rec.h and formats/hmr.md. */
#include "rec/format.h"
#include "json/json.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

/* A block read ahead. */
struct slot {
	struct hm_job job;
	struct hm_reader *reader;
	struct hm_block_info info;
	struct hm_buf packed, payload, scratch;
	struct hm_column column[HM_MAX_FIELDS];
	ZSTD_DCtx *zstd;
	struct hm_err err;
	bool busy;
};

struct hm_reader {
	int fd;
	char *name;
	struct hm_schema schema;
	cJSON *head;
	struct hm_workers *workers;
	struct hm_buf in; /* read, not yet consumed: in.data[at..in.len) */
	size_t at;
	uint64_t offset; /* of in.data[at] in the stream */
	struct slot *slot;
	int slots, next, current; /* to be filled; being handed out, -1 none */
	uint32_t row;             /* next record of the current block */
	struct hm_buf index;      /* struct hm_block_info[] of the blocks read so far */
	XXH3_state_t *digest;
	uint64_t read_records, given, expect;
	struct hm_end end;
	bool ended; /* END was read and checked */
	struct hm_err err;
};

/* ---- bytes ---- */

/* At least n bytes from `at` on: 1, 0 at the end of the input before that, HM_EDATA. */
static int need(struct hm_reader *r, size_t n, struct hm_err *e)
{
	if (r->in.len - r->at >= n)
		return 1;
	if (r->at) {
		memmove(r->in.data, r->in.data + r->at, r->in.len - r->at);
		r->in.len -= r->at;
		r->at = 0;
	}
	while (r->in.len < n) {
		size_t want = n - r->in.len > 1 << 18 ? n - r->in.len : 1 << 18;
		if (want > 4 << 20)
			want = 4 << 20; /* grow with what really comes, whatever a header claims */
		if (hm_buf_reserve(&r->in, want, e))
			return HM_EDATA;
		ssize_t got = read(r->fd, r->in.data + r->in.len, want);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return hm_err_set(e, HM_EDATA, "cannot read: %s", strerror(errno));
		if (!got)
			return 0;
		r->in.len += (size_t)got;
	}
	return 1;
}

static const unsigned char *here(const struct hm_reader *r)
{
	return r->in.data + r->at;
}

static void consume(struct hm_reader *r, size_t n)
{
	r->at += n;
	r->offset += n;
}

static int cut(struct hm_reader *r, struct hm_err *e)
{
	return hm_err_set(e, HM_EDATA, "the stream ends without its end mark (after record %llu, byte %llu): it was cut, or its producer died",
			  (unsigned long long)r->read_records, (unsigned long long)(r->offset + r->in.len - r->at));
}

/* The next skippable frame's kind and content size; its 8-byte header is consumed, the content is not. */
static int frame_kind(struct hm_reader *r, char kind[4], uint32_t *content, struct hm_err *e)
{
	int rc = need(r, 12, e);
	if (rc <= 0)
		return rc < 0 ? rc : cut(r, e);
	if (hm_get32(here(r)) != HM_SKIP_MAGIC)
		return hm_err_set(e, HM_EDATA, r->offset ? "no frame of ours at byte %llu" : "not an .hmr stream",
				  (unsigned long long)r->offset);
	*content = hm_get32(here(r) + 4);
	memcpy(kind, here(r) + 8, 4);
	consume(r, 8);
	return 1;
}

/* ---- HEAD ---- */

static int read_head(struct hm_reader *r, struct hm_err *e)
{
	char kind[4];
	uint32_t content;
	int rc = need(r, 1, e);
	if (rc <= 0)
		return rc < 0 ? rc : hm_err_set(e, HM_EDATA, "the input is empty, not even a header: its producer failed");
	if (frame_kind(r, kind, &content, e) < 0)
		return HM_EDATA;
	if (memcmp(kind, "HMRH", 4))
		return hm_err_set(e, HM_EDATA, "not an .hmr stream");
	if (content < HM_HEAD_FIXED + 8 || content > HM_HEAD_FIXED + 8 + HM_MAX_HEAD)
		return hm_err_set(e, HM_EDATA, "the header claims %u bytes, more than 1 MiB", content);
	if ((rc = need(r, content, e)) <= 0)
		return rc < 0 ? rc : cut(r, e);
	const unsigned char *p = here(r);
	if (hm_get64(p + content - 8) != XXH3_64bits(p, content - 8))
		return hm_err_set(e, HM_EDATA, "the header is damaged (its hash differs)");
	if (hm_get16(p + 4) != HM_VERSION_MAJOR)
		return hm_err_set(e, HM_EDATA, "format version %u.%u, this program reads %u.x", hm_get16(p + 4),
				  hm_get16(p + 6), HM_VERSION_MAJOR);
	if (hm_get32(p + 8))
		return hm_err_set(e, HM_EDATA, "the header sets flags this version does not know (0x%x)", hm_get32(p + 8));
	if (hm_get32(p + 16) != content - HM_HEAD_FIXED - 8 || hm_get32(p + 20))
		return hm_err_set(e, HM_EDATA, "the header's sizes contradict each other");
	r->head = hm_json_parse((const char *)p + HM_HEAD_FIXED, hm_get32(p + 16), 8, NULL, e);
	if (!r->head)
		return hm_err_prefix(e, "header");
	const cJSON *pg = cJSON_GetObjectItemCaseSensitive(r->head, "pg");
	if (!cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(r->head, "meta")) || !cJSON_IsArray(pg))
		return hm_err_set(e, HM_EDATA, "the header has no meta or no pg");
	if (hm_schema_from_json(cJSON_GetObjectItemCaseSensitive(r->head, "schema"), &r->schema, e))
		return HM_EDATA;
	struct hm_buf text = {0};
	rc = hm_json_write(cJSON_GetObjectItemCaseSensitive(r->head, "schema"), &text, e);
	if (!rc)
		XXH3_128bits_update(r->digest, text.data, text.len);
	hm_buf_clear(&text);
	consume(r, content);
	return rc;
}

/* ---- blocks ---- */

static int unpack(struct slot *s)
{
	struct hm_reader *r = s->reader;
	const struct hm_block_info *b = &s->info;
	if (XXH3_64bits(s->packed.data, b->packed) != b->packed_hash)
		return hm_err_set(&s->err, HM_EDATA, "its compressed bytes are damaged (hash differs)");
	if (hm_frame_check_zstd(s->packed.data, b->packed, b->raw, &s->err))
		return HM_EDATA;
	s->payload.len = s->scratch.len = 0;
	if (hm_buf_reserve(&s->payload, b->raw, &s->err) || hm_buf_reserve(&s->scratch, b->raw, &s->err))
		return HM_EDATA;
	size_t frame = ZSTD_findFrameCompressedSize(s->packed.data, b->packed);
	size_t n = ZSTD_isError(frame) ? frame
				       : ZSTD_decompressDCtx(s->zstd, s->payload.data, b->raw, s->packed.data, b->packed);
	if (ZSTD_isError(n) || n != b->raw || frame != b->packed)
		return hm_err_set(&s->err, HM_EDATA, "it does not decompress to the %u bytes promised", b->raw);
	if (XXH3_64bits(s->payload.data, b->raw) != b->raw_hash)
		return hm_err_set(&s->err, HM_EDATA, "its payload is damaged (hash differs)");
	return hm_layout_unpack(&r->schema, b->count, s->payload.data, b->raw, s->scratch.data, s->column, &s->err);
}

static void unpack_job(void *arg, int worker)
{
	(void)worker;
	unpack(arg);
}

static void start(struct hm_reader *r, struct slot *s)
{
	s->err = (struct hm_err){0};
	s->job = (struct hm_job){.run = unpack_job, .arg = s};
	s->busy = true;
	if (r->workers)
		hm_workers_submit(r->workers, &s->job);
	else
		unpack(s);
}

/* BHDR's content and the zstd frame into the slot. 1 or HM_EDATA. */
static int read_block(struct hm_reader *r, struct slot *s, uint32_t content, struct hm_err *e)
{
	uint64_t at = r->offset - 8;
	int rc;
	if (content != HM_BHDR_SIZE)
		return hm_err_set(e, HM_EDATA, "the block header at byte %llu has the wrong size", (unsigned long long)at);
	if ((rc = need(r, HM_BHDR_SIZE, e)) <= 0)
		return rc < 0 ? rc : cut(r, e);
	if (hm_frame_parse_bhdr(here(r), &s->info, e))
		return hm_err_prefix(e, "block %zu at byte %llu", r->index.len / sizeof s->info, (unsigned long long)at);
	s->info.offset = at;
	consume(r, HM_BHDR_SIZE);
	if (s->info.seq != r->index.len / sizeof s->info || s->info.first != r->read_records)
		return hm_err_set(e, HM_EDATA, "block %llu at byte %llu is out of order: a block was lost or moved",
				  (unsigned long long)s->info.seq, (unsigned long long)at);
	if ((rc = need(r, s->info.packed, e)) <= 0)
		return rc < 0 ? rc : cut(r, e);
	s->packed.len = 0;
	if (hm_buf_add(&s->packed, here(r), s->info.packed, e) || hm_buf_add(&r->index, &s->info, sizeof s->info, e))
		return HM_EDATA;
	consume(r, s->info.packed);
	r->read_records += s->info.count;
	return 1;
}

/* ---- INDX and END ---- */

static int read_index(struct hm_reader *r, uint32_t content, struct hm_err *e)
{
	const struct hm_block_info *b = (const struct hm_block_info *)(const void *)r->index.data;
	size_t n = r->index.len / sizeof *b;
	int rc;
	if (content != HM_INDX_FIXED + n * HM_INDX_ENTRY + 8)
		return hm_err_set(e, HM_EDATA, "the index does not list the %zu blocks that were read", n);
	if ((rc = need(r, content, e)) <= 0)
		return rc < 0 ? rc : cut(r, e);
	const unsigned char *p = here(r);
	if (hm_get64(p + content - 8) != XXH3_64bits(p, content - 8))
		return hm_err_set(e, HM_EDATA, "the index is damaged (its hash differs)");
	bool same = hm_get64(p + 8) == n && !hm_get32(p + 4);
	for (size_t i = 0; same && i < n; i++) {
		const unsigned char *q = p + HM_INDX_FIXED + i * HM_INDX_ENTRY;
		same = hm_get64(q) == b[i].offset && hm_get64(q + 8) == b[i].first && hm_get32(q + 16) == b[i].count &&
		       hm_get32(q + 20) == b[i].raw && hm_get32(q + 24) == b[i].packed && !hm_get32(q + 28);
	}
	if (!same)
		return hm_err_set(e, HM_EDATA, "the index contradicts the blocks that were read");
	consume(r, content);
	return 0;
}

static int read_end(struct hm_reader *r, uint32_t content, uint64_t index_at, struct hm_err *e)
{
	uint32_t status;
	uint64_t index_offset;
	unsigned char digest[16];
	XXH128_canonical_t mine;
	int rc;
	if (content != HM_END_SIZE)
		return hm_err_set(e, HM_EDATA, "the end mark has the wrong size");
	if ((rc = need(r, HM_END_SIZE, e)) <= 0)
		return rc < 0 ? rc : cut(r, e);
	if (hm_frame_parse_end(here(r), &status, &r->end, &index_offset, digest, e))
		return HM_EDATA;
	consume(r, HM_END_SIZE);
	if (status)
		return hm_err_set(e, HM_EDATA, "its producer gave up after %llu records (end mark with status %u)",
				  (unsigned long long)r->read_records, status);
	XXH128_canonicalFromHash(&mine, XXH3_128bits_digest(r->digest));
	uint64_t raw = 0, blocks = r->index.len / sizeof(struct hm_block_info);
	for (uint64_t i = 0; i < blocks; i++)
		raw += ((const struct hm_block_info *)(const void *)r->index.data)[i].raw;
	if (r->end.records != r->read_records || r->end.blocks != blocks || r->end.raw_bytes != raw ||
	    index_offset != index_at)
		return hm_err_set(e, HM_EDATA, "the end mark counts %llu records in %llu blocks, %llu in %llu were read",
				  (unsigned long long)r->end.records, (unsigned long long)r->end.blocks,
				  (unsigned long long)r->read_records, (unsigned long long)blocks);
	if (memcmp(mine.digest, digest, 16))
		return hm_err_set(e, HM_EDATA, "the digest in the end mark differs from that of the records read");
	if ((rc = need(r, 1, e)) != 0)
		return rc < 0 ? rc : hm_err_set(e, HM_EDATA, "bytes follow the end mark at byte %llu",
						(unsigned long long)r->offset);
	for (int i = 0; i < 16; i++) {
		r->end.digest[2 * i] = "0123456789abcdef"[digest[i] >> 4];
		r->end.digest[2 * i + 1] = "0123456789abcdef"[digest[i] & 15];
	}
	r->ended = true;
	return 0;
}

/* ---- the ring ---- */

/* Reads one further frame. 1: a block was started; 0: INDX or END comes next (the frame header is not
 * consumed); HM_EDATA. */
static int read_ahead(struct hm_reader *r, struct hm_err *e)
{
	int rc = need(r, 12, e);
	if (rc <= 0)
		return rc < 0 ? rc : cut(r, e);
	if (memcmp(here(r) + 8, "HMRB", 4) || hm_get32(here(r)) != HM_SKIP_MAGIC)
		return 0;
	struct slot *s = &r->slot[r->next];
	uint32_t content = hm_get32(here(r) + 4);
	consume(r, 8);
	if ((rc = read_block(r, s, content, e)) < 0)
		return rc;
	start(r, s);
	r->next = (r->next + 1) % r->slots;
	return 1;
}

static int read_tail(struct hm_reader *r, struct hm_err *e)
{
	char kind[4];
	uint32_t content;
	uint64_t index_at = 0;
	if (frame_kind(r, kind, &content, e) < 0)
		return HM_EDATA;
	if (!memcmp(kind, "HMRI", 4)) {
		index_at = r->offset - 8;
		if (read_index(r, content, e) || frame_kind(r, kind, &content, e) < 0)
			return HM_EDATA;
	}
	if (memcmp(kind, "HMRE", 4))
		return hm_err_set(e, HM_EDATA, "an unknown frame at byte %llu", (unsigned long long)(r->offset - 8));
	return read_end(r, content, index_at, e);
}

/* The next good block becomes the current one. 1, 0 at the proper end, HM_EDATA. */
static int next_block(struct hm_reader *r, struct hm_err *e)
{
	int rc = 1;
	if (r->current >= 0)
		r->slot[r->current].busy = false;
	/* Keep the ring full; an error further on is met when its turn comes. */
	while (rc == 1 && !r->slot[r->next].busy && !r->err.code)
		rc = read_ahead(r, &r->err);
	int after = r->current < 0 ? 0 : (r->current + 1) % r->slots;
	struct slot *s = &r->slot[after];
	if (!s->busy) {
		r->current = -1;
		if (r->err.code)
			return hm_err_set(e, r->err.code, "%s", r->err.text);
		return read_tail(r, e);
	}
	if (r->workers)
		hm_workers_wait(r->workers, &s->job);
	if (s->err.code)
		return hm_err_set(e, HM_EDATA, "block %llu (records %llu to %llu, byte %llu): %s",
				  (unsigned long long)s->info.seq, (unsigned long long)s->info.first,
				  (unsigned long long)(s->info.first + s->info.count - 1),
				  (unsigned long long)s->info.offset, s->err.text);
	XXH3_128bits_update(r->digest, s->payload.data, s->info.raw);
	r->current = after;
	r->row = 0;
	return 1;
}

static void fill_record(const struct hm_reader *r, const struct slot *s, struct hm_rec *rec)
{
	rec->schema = &r->schema;
	for (int i = 0; i < r->schema.n; i++) {
		const struct hm_field *f = &r->schema.field[i];
		const struct hm_column *c = &s->column[i];
		size_t per_row = hm_field_count(f), size = hm_dtype_size(f->dtype), from = r->row, rows = 1;
		if (c->offsets) {
			from = c->offsets[r->row];
			rows = c->offsets[r->row + 1] - from;
		}
		rec->val[i] = (struct hm_val){c->data + from * per_row * size, rows * per_row};
	}
}

int hm_reader_next(struct hm_reader *r, struct hm_rec *rec, struct hm_err *e)
{
	if (r->ended)
		return 0;
	if (r->current < 0 || r->row == r->slot[r->current].info.count) {
		int rc = next_block(r, e);
		if (rc < 0)
			return hm_err_prefix(e, "%s", r->name);
		if (!rc)
			return 0;
	}
	fill_record(r, &r->slot[r->current], rec);
	r->row++;
	r->given++;
	return 1;
}

/* ---- opening, closing, asking ---- */

/* What a seekable stream's END promises; 0 when it cannot be had. Checked again when it is really reached. */
static uint64_t promised(int fd)
{
	unsigned char tail[8 + HM_END_SIZE], digest[16];
	struct hm_end end;
	uint32_t status;
	uint64_t index_offset;
	struct hm_err ignored = {0};
	struct stat st;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof tail || lseek(fd, 0, SEEK_CUR) != 0 ||
	    pread(fd, tail, sizeof tail, st.st_size - (off_t)sizeof tail) != (ssize_t)sizeof tail)
		return 0;
	if (hm_get32(tail) != HM_SKIP_MAGIC || memcmp(tail + 8, "HMRE", 4) ||
	    hm_frame_parse_end(tail + 8, &status, &end, &index_offset, digest, &ignored))
		return 0;
	return end.records;
}

int hm_reader_open(struct hm_reader **out, const char *path, struct hm_workers *w, struct hm_err *e)
{
	struct hm_reader *r = hm_alloc(1, sizeof *r, e);
	bool std = !path || !strcmp(path, "-");
	*out = NULL;
	if (!r)
		return HM_EDATA;
	r->workers = w;
	r->current = -1;
	r->slots = w ? hm_workers_count(w) + 2 : 1;
	r->slot = hm_alloc((size_t)r->slots, sizeof *r->slot, e);
	r->digest = XXH3_createState();
	r->name = std ? hm_strndup("standard input", 14, e) : hm_strndup(path, strlen(path), e);
	r->fd = std ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
	int rc = 0;
	if (!r->slot || !r->digest || !r->name)
		rc = hm_err_set(e, HM_EDATA, "out of memory for a reader");
	else if (r->fd < 0)
		rc = hm_err_set(e, HM_EDATA, "%s: cannot open: %s", path, strerror(errno));
	for (int i = 0; !rc && i < r->slots; i++) {
		r->slot[i].reader = r;
		r->slot[i].zstd = ZSTD_createDCtx();
		if (!r->slot[i].zstd)
			rc = hm_err_set(e, HM_EDATA, "out of memory for a zstd context");
	}
	if (!rc) {
		XXH3_128bits_reset(r->digest);
		r->expect = promised(r->fd);
		rc = read_head(r, e);
		if (rc)
			hm_err_prefix(e, "%s", r->name);
	}
	if (rc)
		hm_reader_close(r);
	else
		*out = r;
	return rc;
}

void hm_reader_close(struct hm_reader *r)
{
	if (!r)
		return;
	for (int i = 0; r->slot && i < r->slots; i++) {
		struct slot *s = &r->slot[i];
		if (s->busy && r->workers)
			hm_workers_wait(r->workers, &s->job);
		hm_buf_clear(&s->packed);
		hm_buf_clear(&s->payload);
		hm_buf_clear(&s->scratch);
		ZSTD_freeDCtx(s->zstd);
	}
	if (r->fd > STDERR_FILENO)
		close(r->fd);
	free(r->slot);
	free(r->name);
	XXH3_freeState(r->digest);
	cJSON_Delete(r->head);
	hm_schema_clear(&r->schema);
	hm_buf_clear(&r->in);
	hm_buf_clear(&r->index);
	free(r);
}

const struct hm_schema *hm_reader_schema(const struct hm_reader *r)
{
	return &r->schema;
}

const cJSON *hm_reader_meta(const struct hm_reader *r)
{
	return cJSON_GetObjectItemCaseSensitive(r->head, "meta");
}

const cJSON *hm_reader_pg(const struct hm_reader *r)
{
	return cJSON_GetObjectItemCaseSensitive(r->head, "pg");
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
