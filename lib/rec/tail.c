/* The tail of a stream: see tail.h and formats/hmr.md, "INDX" and "END". */
#include "rec/tail.h"
#include "base/xxh3.h"

#include <string.h>

int hm_tail_init(struct hm_tail *t, struct hm_err *e)
{
	*t = (struct hm_tail){.digest = XXH3_createState()};
	if (!t->digest)
		return hm_err_set(e, HM_EDATA, "out of memory for a digest");
	XXH3_128bits_reset(t->digest);
	return 0;
}

void hm_tail_clear(struct hm_tail *t)
{
	hm_buf_clear(&t->blocks);
	XXH3_freeState(t->digest);
	t->digest = NULL;
}

static const struct hm_block_info *block_infos(const struct hm_tail *t)
{
	return (const struct hm_block_info *)(const void *)t->blocks.data;
}

size_t hm_tail_count(const struct hm_tail *t)
{
	return t->blocks.len / sizeof(struct hm_block_info);
}

int hm_tail_add(struct hm_tail *t, const struct hm_block_info *b, struct hm_err *e)
{
	t->records += b->count;
	t->raw_bytes += b->raw;
	return hm_buf_add(&t->blocks, b, sizeof *b, e);
}

void hm_tail_digest(struct hm_tail *t, const void *p, size_t n)
{
	XXH3_128bits_update(t->digest, p, n);
}

static void finish_digest(const struct hm_tail *t, unsigned char out[16])
{
	XXH128_canonical_t canonical;
	XXH128_canonicalFromHash(&canonical, XXH3_128bits_digest(t->digest));
	memcpy(out, canonical.digest, 16);
}

int hm_tail_write(const struct hm_tail *t, uint64_t at, uint64_t skipped, struct hm_buf *out,
		  struct hm_err *e)
{
	unsigned char frame[8 + HM_END_SIZE], digest[16];
	const struct hm_end end = {.records = t->records,
				   .skipped = skipped,
				   .blocks = hm_tail_count(t),
				   .raw_bytes = t->raw_bytes};
	finish_digest(t, digest);
	hm_frame_end(frame, 0, &end, at, digest);
	int rc = hm_frame_indx(out, block_infos(t), hm_tail_count(t), e);
	return rc ? rc : hm_buf_add(out, frame, sizeof frame, e);
}

/* ---- reading ---- */

/* The next skippable frame's kind and content size; its 8-byte header is consumed, the content is not. */
static int read_frame(const struct hm_tail *t, struct hm_source *in, char kind[4], uint32_t *content,
		      struct hm_err *e)
{
	if (hm_source_must(in, 12, t->records, e))
		return HM_EDATA;
	const unsigned char *p = hm_source_here(in);
	if (hm_get32(p) != HM_SKIP_MAGIC)
		return hm_err_set(e, HM_EDATA, "no .hmr frame at byte %llu", (unsigned long long)in->offset);
	*content = hm_get32(p + 4);
	memcpy(kind, p + 8, 4);
	hm_source_skip(in, 8);
	return 0;
}

static int read_index(const struct hm_tail *t, struct hm_source *in, uint32_t content, struct hm_err *e)
{
	const struct hm_block_info *b = block_infos(t);
	size_t n = hm_tail_count(t);
	if (content != HM_INDX_FIXED + n * HM_INDX_ENTRY + 8)
		return hm_err_set(e, HM_EDATA, "the index does not list the %zu blocks that were read", n);
	if (hm_source_must(in, content, t->records, e))
		return HM_EDATA;
	const unsigned char *p = hm_source_here(in);
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
	hm_source_skip(in, content);
	return 0;
}

/* END's numbers against what was read. */
static int check_end(const struct hm_tail *t, const struct hm_end *end, uint64_t index_offset,
		     uint64_t index_at, const unsigned char digest[16], struct hm_err *e)
{
	unsigned char mine[16];
	if (end->records != t->records || end->blocks != hm_tail_count(t))
		return hm_err_set(e, HM_EDATA,
				  "the end mark counts %llu records in %llu blocks, %llu in %zu were read",
				  (unsigned long long)end->records, (unsigned long long)end->blocks,
				  (unsigned long long)t->records, hm_tail_count(t));
	if (end->raw_bytes != t->raw_bytes || index_offset != index_at)
		return hm_err_set(e, HM_EDATA, "the end mark contradicts the sizes that were read");
	finish_digest(t, mine);
	if (memcmp(mine, digest, 16))
		return hm_err_set(e, HM_EDATA,
				  "the digest in the end mark differs from that of the records read");
	return 0;
}

static int read_end(const struct hm_tail *t, struct hm_source *in, uint32_t content, uint64_t index_at,
		    struct hm_end *end, struct hm_err *e)
{
	uint32_t status;
	uint64_t index_offset;
	unsigned char digest[16];
	if (content != HM_END_SIZE)
		return hm_err_set(e, HM_EDATA, "the end mark has the wrong size");
	if (hm_source_must(in, HM_END_SIZE, t->records, e) ||
	    hm_frame_parse_end(hm_source_here(in), &status, end, &index_offset, digest, e))
		return HM_EDATA;
	hm_source_skip(in, HM_END_SIZE);
	if (status)
		return hm_err_set(e, HM_EDATA,
				  "its producer gave up after %llu records (end mark with status %u)",
				  (unsigned long long)t->records, status);
	if (check_end(t, end, index_offset, index_at, digest, e))
		return HM_EDATA;
	int rc = hm_source_need(in, 1, e);
	if (rc)
		return rc < 0 ? rc
			      : hm_err_set(e, HM_EDATA, "bytes follow the end mark at byte %llu",
					   (unsigned long long)in->offset);
	return 0;
}

int hm_tail_read(const struct hm_tail *t, struct hm_source *in, struct hm_end *end, struct hm_err *e)
{
	char kind[4];
	uint32_t content;
	uint64_t index_at = 0;
	if (read_frame(t, in, kind, &content, e))
		return HM_EDATA;
	if (!memcmp(kind, "HMRI", 4)) {
		index_at = in->offset - 8;
		if (read_index(t, in, content, e) || read_frame(t, in, kind, &content, e))
			return HM_EDATA;
	}
	if (memcmp(kind, "HMRE", 4))
		return hm_err_set(e, HM_EDATA, "an unknown frame at byte %llu",
				  (unsigned long long)(in->offset - 8));
	return read_end(t, in, content, index_at, end, e);
}
