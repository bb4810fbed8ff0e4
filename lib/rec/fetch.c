/* Random access by the index: see fetch.h. HEAD, INDX and END are read when the file is opened and must tile
 * it without a gap, so that every offset used later was checked; a block is read with pread, held against its
 * entry and unpacked by block.c, and stays in a cache for a while. */
#include "rec/fetch.h"
#include "base/fd.h"
#include "rec/blockcache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FRAME_BHDR = 8 + HM_BHDR_SIZE, FRAME_END = 8 + HM_END_SIZE };

struct hm_fetch {
	char *name;
	struct hm_source in; /* HEAD is read through it, all else by position */
	struct hm_head head;
	struct hm_end end;
	struct hm_block_info *info; /* [end.blocks] */
	struct hm_blockcache cache;
	struct hm_buf packed; /* lent to a block while it is unpacked, as is the zstd context */
	ZSTD_DCtx *zstd;
};

static int read_at(const struct hm_fetch *f, uint64_t at, unsigned char *p, size_t n, struct hm_err *e)
{
	ssize_t got = hm_fd_read_at(f->in.fd, p, n, at);
	if (got < 0)
		return hm_err_machine(e, "cannot read at byte %llu: %s", (unsigned long long)at,
				      strerror(errno));
	if ((size_t)got < n)
		return hm_err_set(e, HM_EDATA, "the file ends at byte %llu: it was cut while it was in use",
				  (unsigned long long)(at + (uint64_t)got));
	return 0;
}

/* ---- opening ---- */

/* END, where the file ends; where it begins goes to *at. */
static int read_end(struct hm_fetch *f, uint64_t *at, uint64_t *index_offset, struct hm_err *e)
{
	unsigned char frame[FRAME_END], digest[16];
	uint32_t status;
	if (!hm_source_last(&f->in, frame, at) || *at < f->in.offset || hm_get32(frame) != HM_SKIP_MAGIC ||
	    hm_get32(frame + 4) != HM_END_SIZE || memcmp(frame + 8, "HMRE", 4))
		return hm_err_set(e, HM_EDATA,
				  "the file does not end with an end mark: it was cut, its producer died, or "
				  "bytes follow");
	if (hm_frame_parse_end(frame + 8, &status, &f->end, index_offset, digest, e))
		return HM_EDATA;
	if (status)
		return hm_err_set(e, HM_EDATA, "its producer gave up (end mark with status %u)", status);
	return 0;
}

/* The blocks of a checked index stand end to end from HEAD to the index, their records from 0. */
static int check_blocks(struct hm_fetch *f, const unsigned char *indx, uint64_t index_offset,
			struct hm_err *e)
{
	uint64_t at = f->in.offset, first = 0, raw = 0;
	for (size_t i = 0; i < f->end.blocks; i++) {
		struct hm_block_info *b = &f->info[i];
		if (!hm_frame_indx_entry(indx, i, b) || b->offset != at || b->first != first ||
		    !hm_frame_possible(b))
			return hm_err_set(e, HM_EDATA, "the index's entry of block %zu cannot be true", i);
		at += FRAME_BHDR + (uint64_t)b->packed;
		first += b->count;
		raw += b->raw;
	}
	if (at != index_offset || first != f->end.records || raw != f->end.raw_bytes)
		return hm_err_set(e, HM_EDATA, "the index and the end mark contradict each other");
	return 0;
}

static int read_index(struct hm_fetch *f, uint64_t end_at, uint64_t index_offset, size_t cache,
		      struct hm_err *e)
{
	struct hm_buf b = {0};
	uint64_t n = f->end.blocks, content = end_at - index_offset - 8;
	if (!index_offset)
		return hm_err_set(e, HM_EDATA, "it has no index to fetch records by; hm-cat writes one");
	if (index_offset < f->in.offset || index_offset > end_at - 8 ||
	    n > (index_offset - f->in.offset) / FRAME_BHDR ||
	    content != HM_INDX_FIXED + n * HM_INDX_ENTRY + 8)
		return hm_err_set(e, HM_EDATA,
				  "the index is not where the end mark says, or not of its size");
	int rc = hm_buf_add(&b, NULL, 8 + (size_t)content, e);
	if (!rc)
		rc = read_at(f, index_offset, b.data, b.len, e);
	if (!rc && (hm_get32(b.data) != HM_SKIP_MAGIC || hm_get32(b.data + 4) != content ||
		    memcmp(b.data + 8, "HMRI", 4)))
		rc = hm_err_set(e, HM_EDATA, "there is no index at byte %llu, where the end mark says",
				(unsigned long long)index_offset);
	if (!rc)
		rc = hm_frame_check_indx(b.data + 8, (size_t)content, e);
	if (!rc && (!(f->info = hm_alloc((size_t)n, sizeof *f->info, e)) ||
		    hm_blockcache_init(&f->cache, (size_t)n, cache, e)))
		rc = HM_EDATA;
	if (!rc)
		rc = check_blocks(f, b.data + 8, index_offset, e);
	hm_buf_clear(&b);
	return rc;
}

static int read_ends(struct hm_fetch *f, size_t cache, struct hm_err *e)
{
	uint64_t end_at, index_offset;
	if (!(f->zstd = ZSTD_createDCtx()))
		return hm_err_set(e, HM_EDATA, "out of memory for a zstd context");
	if (hm_head_read(&f->in, &f->head, e) || read_end(f, &end_at, &index_offset, e) ||
	    read_index(f, end_at, index_offset, cache, e))
		return HM_EDATA;
	hm_buf_clear(&f->in.in);
	f->in.at = 0;
	return 0;
}

int hm_fetch_open(struct hm_fetch **out, const char *path, size_t cache, struct hm_err *e)
{
	struct hm_fetch *f = hm_alloc(1, sizeof *f, e);
	struct stat st;
	*out = NULL;
	if (!f)
		return HM_EDATA;
	f->in.fd = -1;
	f->name = hm_strndup(path, strlen(path), e);
	int rc = f->name ? 0 : HM_EDATA;
	if (!rc && !stat(path, &st) && !S_ISREG(st.st_mode)) /* a FIFO would wait for a writer */
		rc = hm_err_set(e, HM_EDATA, "not a regular file: its records cannot be fetched by index");
	if (!rc)
		rc = hm_source_open(&f->in, path, e);
	if (!rc)
		rc = read_ends(f, cache, e);
	if (rc) {
		hm_err_prefix(e, "%s", path);
		hm_fetch_close(f);
		return rc;
	}
	*out = f;
	return 0;
}

void hm_fetch_close(struct hm_fetch *f)
{
	if (!f)
		return;
	hm_blockcache_clear(&f->cache);
	hm_source_close(&f->in);
	hm_head_clear(&f->head);
	hm_buf_clear(&f->packed);
	ZSTD_freeDCtx(f->zstd);
	free(f->info);
	free(f->name);
	free(f);
}

const struct hm_schema *hm_fetch_schema(const struct hm_fetch *f)
{
	return &f->head.schema;
}

const struct hm_end *hm_fetch_end(const struct hm_fetch *f)
{
	return &f->end;
}

/* ---- fetching ---- */

/* The block's own bytes against the entry in the index. */
static int read_block(struct hm_fetch *f, struct hm_block *b, const struct hm_block_info *want,
		      struct hm_err *e)
{
	unsigned char head[FRAME_BHDR], again[FRAME_BHDR];
	struct hm_block_info *i = &b->info;
	b->packed.len = 0;
	if (read_at(f, want->offset, head, sizeof head, e))
		return HM_EDATA;
	if (hm_frame_parse_bhdr(head + 8, i, e))
		return hm_err_prefix(e, "block %llu at byte %llu", (unsigned long long)want->seq,
				     (unsigned long long)want->offset);
	i->offset = want->offset;
	hm_frame_bhdr(again, i);
	if (memcmp(head, again, sizeof head) || i->seq != want->seq || i->first != want->first ||
	    i->count != want->count || i->raw != want->raw || i->packed != want->packed)
		return hm_err_set(e, HM_EDATA, "block %llu at byte %llu is not the one that the index lists",
				  (unsigned long long)want->seq, (unsigned long long)want->offset);
	if (hm_buf_add(&b->packed, NULL, i->packed, e))
		return HM_EDATA;
	return read_at(f, want->offset + FRAME_BHDR, b->packed.data, i->packed, e);
}

/* Puts a block into the cache. Returns it, or NULL. */
static struct hm_block *load_block(struct hm_fetch *f, const struct hm_block_info *want, struct hm_err *e)
{
	struct hm_block *b = hm_blockcache_add(&f->cache, 2 * (size_t)want->raw, e);
	if (!b)
		return NULL;
	b->packed = f->packed;
	b->zstd = f->zstd;
	int rc = read_block(f, b, want, e);
	if (!rc && hm_block_unpack(b, &f->head.schema))
		rc = hm_block_report(b, e);
	f->packed = b->packed;
	b->packed = (struct hm_buf){0};
	b->zstd = NULL;
	if (!rc)
		return hm_blockcache_keep(&f->cache, (size_t)want->seq);
	hm_blockcache_drop(&f->cache);
	return NULL;
}

int hm_fetch_get(struct hm_fetch *f, uint64_t k, struct hm_rec *rec, struct hm_err *e)
{
	size_t low = 0, high = f->end.blocks; /* block low begins at or before k, block high after it */
	if (k >= f->end.records)
		return hm_err_set(e, HM_EDATA, "%s: record %llu was asked for, there are %llu", f->name,
				  (unsigned long long)k, (unsigned long long)f->end.records);
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (f->info[middle].first <= k)
			low = middle;
		else
			high = middle;
	}
	const struct hm_block *b = hm_blockcache_get(&f->cache, low);
	if (!b && !(b = load_block(f, &f->info[low], e)))
		return hm_err_prefix(e, "%s", f->name);
	hm_block_record(b, &f->head.schema, (uint32_t)(k - b->info.first), rec);
	return 0;
}
