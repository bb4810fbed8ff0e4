/* The frames of a stream, byte by byte: see format.h and formats/hmr.md. */
#include "base/hex.h"
#include "base/xxh3.h"
#include "rec/format.h"

#include <string.h>

void hm_put16(unsigned char *p, uint16_t v)
{
	p[0] = (unsigned char)v;
	p[1] = (unsigned char)(v >> 8);
}

void hm_put32(unsigned char *p, uint32_t v)
{
	hm_put16(p, (uint16_t)v);
	hm_put16(p + 2, (uint16_t)(v >> 16));
}

void hm_put64(unsigned char *p, uint64_t v)
{
	hm_put32(p, (uint32_t)v);
	hm_put32(p + 4, (uint32_t)(v >> 32));
}

/* The skippable frame's header and the kind. */
static void begin_frame(unsigned char *p, uint32_t content, const char *kind)
{
	hm_put32(p, HM_SKIP_MAGIC);
	hm_put32(p + 4, content);
	memcpy(p + 8, kind, 4);
}

/* The own hash: the last 8 bytes of a content of n bytes. */
static void write_own_hash(unsigned char *content, size_t n)
{
	hm_put64(content + n - 8, XXH3_64bits(content, n - 8));
}

int hm_frame_head(struct hm_buf *out, const char *json, size_t len, struct hm_err *e)
{
	size_t content = HM_HEAD_FIXED + len + 8;
	if (len > HM_MAX_HEAD)
		return hm_err_set(e, HM_EDATA, "the header would hold %zu bytes of JSON, more than 1 MiB",
				  len);
	if (hm_buf_add(out, NULL, 8 + content, e))
		return HM_EDATA;
	unsigned char *p = out->data + out->len - content - 8;
	begin_frame(p, (uint32_t)content, "HMRH");
	hm_put16(p + 12, HM_VERSION_MAJOR);
	hm_put16(p + 14, HM_VERSION_MINOR);
	hm_put32(p + 24, (uint32_t)len);
	memcpy(p + 8 + HM_HEAD_FIXED, json, len);
	write_own_hash(p + 8, content);
	return 0;
}

void hm_frame_bhdr(unsigned char out[8 + HM_BHDR_SIZE], const struct hm_block_info *b)
{
	memset(out, 0, 8 + HM_BHDR_SIZE);
	begin_frame(out, HM_BHDR_SIZE, "HMRB");
	unsigned char *p = out + 8;
	hm_put64(p + 8, b->seq);
	hm_put64(p + 16, b->first);
	hm_put32(p + 24, b->count);
	hm_put32(p + 28, b->raw);
	hm_put32(p + 32, b->packed);
	hm_put64(p + 40, b->raw_hash);
	hm_put64(p + 48, b->packed_hash);
	write_own_hash(p, HM_BHDR_SIZE);
}

int hm_frame_indx(struct hm_buf *out, const struct hm_block_info *b, size_t n, struct hm_err *e)
{
	size_t content = HM_INDX_FIXED + n * HM_INDX_ENTRY + 8;
	if (content > UINT32_MAX)
		return hm_err_set(e, HM_EDATA, "the stream has %zu blocks, too many for an index", n);
	if (hm_buf_add(out, NULL, 8 + content, e))
		return HM_EDATA;
	unsigned char *p = out->data + out->len - content - 8;
	begin_frame(p, (uint32_t)content, "HMRI");
	hm_put64(p + 16, n);
	for (size_t i = 0; i < n; i++) {
		unsigned char *q = p + 8 + HM_INDX_FIXED + i * HM_INDX_ENTRY;
		hm_put64(q, b[i].offset);
		hm_put64(q + 8, b[i].first);
		hm_put32(q + 16, b[i].count);
		hm_put32(q + 20, b[i].raw);
		hm_put32(q + 24, b[i].packed);
	}
	write_own_hash(p + 8, content);
	return 0;
}

void hm_frame_end(unsigned char out[8 + HM_END_SIZE], uint32_t status, const struct hm_end *end,
		  uint64_t index_offset, const unsigned char digest[16])
{
	memset(out, 0, 8 + HM_END_SIZE);
	begin_frame(out, HM_END_SIZE, "HMRE");
	unsigned char *p = out + 8;
	hm_put32(p + 4, status);
	hm_put64(p + 8, end->records);
	hm_put64(p + 16, end->skipped);
	hm_put64(p + 24, end->blocks);
	hm_put64(p + 32, end->raw_bytes);
	hm_put64(p + 40, index_offset);
	memcpy(p + 48, digest, 16);
	write_own_hash(p, HM_END_SIZE);
}

static bool has_own_hash(const unsigned char *p, size_t n)
{
	return hm_get64(p + n - 8) == XXH3_64bits(p, n - 8);
}

bool hm_frame_possible(const struct hm_block_info *b)
{
	return b->count && b->count <= HM_MAX_BLOCK_RECORDS && b->raw <= HM_MAX_BLOCK &&
	       b->packed <= hm_frame_store_size(b->raw) + b->raw / 128 + 1024;
}

int hm_frame_parse_bhdr(const unsigned char *p, struct hm_block_info *b, struct hm_err *e)
{
	if (!has_own_hash(p, HM_BHDR_SIZE))
		return hm_err_set(e, HM_EDATA, "the block header is damaged (its hash differs)");
	*b = (struct hm_block_info){
		.seq = hm_get64(p + 8),
		.first = hm_get64(p + 16),
		.count = hm_get32(p + 24),
		.raw = hm_get32(p + 28),
		.packed = hm_get32(p + 32),
		.raw_hash = hm_get64(p + 40),
		.packed_hash = hm_get64(p + 48),
	};
	if (hm_get32(p + 4) || hm_get32(p + 36))
		return hm_err_set(e, HM_EDATA, "the block header has flags this version does not know");
	if (!hm_frame_possible(b))
		return hm_err_set(e, HM_EDATA,
				  "the block header claims impossible sizes (%u records, %u bytes in %u)",
				  b->count, b->raw, b->packed);
	return 0;
}

int hm_frame_check_indx(const unsigned char *p, size_t content, struct hm_err *e)
{
	if (content < HM_INDX_FIXED + 8 || !has_own_hash(p, content))
		return hm_err_set(e, HM_EDATA, "the index is damaged (its hash differs)");
	if (hm_get32(p + 4) || (content - HM_INDX_FIXED - 8) % HM_INDX_ENTRY ||
	    hm_get64(p + 8) != (content - HM_INDX_FIXED - 8) / HM_INDX_ENTRY)
		return hm_err_set(e, HM_EDATA, "the index contradicts itself");
	return 0;
}

bool hm_frame_indx_entry(const unsigned char *p, size_t i, struct hm_block_info *b)
{
	const unsigned char *q = p + HM_INDX_FIXED + i * HM_INDX_ENTRY;
	*b = (struct hm_block_info){
		.seq = i,
		.offset = hm_get64(q),
		.first = hm_get64(q + 8),
		.count = hm_get32(q + 16),
		.raw = hm_get32(q + 20),
		.packed = hm_get32(q + 24),
	};
	return !hm_get32(q + 28);
}

int hm_frame_parse_end(const unsigned char *p, uint32_t *status, struct hm_end *end, uint64_t *index_offset,
		       unsigned char digest[16], struct hm_err *e)
{
	if (!has_own_hash(p, HM_END_SIZE))
		return hm_err_set(e, HM_EDATA, "the end mark is damaged (its hash differs)");
	*status = hm_get32(p + 4);
	*end = (struct hm_end){.records = hm_get64(p + 8),
			       .skipped = hm_get64(p + 16),
			       .blocks = hm_get64(p + 24),
			       .raw_bytes = hm_get64(p + 32)};
	*index_offset = hm_get64(p + 40);
	memcpy(digest, p + 48, 16);
	hm_hex_text(digest, end->digest);
	return 0;
}

/* zstd's frame header, RFC 8878 section 3.1.1.1. */
int hm_frame_check_zstd(const unsigned char *p, size_t packed, size_t raw, struct hm_err *e)
{
	static const int fcs_bytes[] = {1, 2, 4, 8}; /* the first only with a single segment */
	if (packed < 6 || hm_get32(p) != HM_ZSTD_MAGIC)
		return hm_err_set(e, HM_EDATA, "no zstd frame follows the block header");
	int single = p[4] >> 5 & 1, fcs = p[4] >> 6;
	size_t at = 5;
	if ((p[4] & 0x1b) || !(p[4] & 4))
		return hm_err_set(e, HM_EDATA, "the zstd frame has a dictionary or no checksum");
	if (!single && p[at++] > (HM_MAX_WINDOW_LOG - 10) << 3)
		return hm_err_set(e, HM_EDATA, "the zstd frame's window is larger than 2^%d",
				  HM_MAX_WINDOW_LOG);
	if (!single && !fcs)
		return hm_err_set(e, HM_EDATA, "the zstd frame does not state its content size");
	if (packed < at + (size_t)fcs_bytes[fcs])
		return hm_err_set(e, HM_EDATA, "the zstd frame is cut short");
	uint64_t size = fcs == 0   ? p[at]
			: fcs == 1 ? hm_get16(p + at) + 256u
			: fcs == 2 ? hm_get32(p + at)
				   : hm_get64(p + at);
	if (size != raw)
		return hm_err_set(e, HM_EDATA, "the zstd frame holds %llu bytes, the block header says %zu",
				  (unsigned long long)size, raw);
	return 0;
}

enum { STORE_HEAD = 4 + 1 + 8, STORE_BLOCK = 128 << 10 };

size_t hm_frame_store_size(size_t n)
{
	return STORE_HEAD + n + 3 * (n / STORE_BLOCK + 1) + 4;
}

int hm_frame_store(struct hm_buf *out, const unsigned char *p, size_t n, struct hm_err *e)
{
	if (hm_buf_reserve(out, hm_frame_store_size(n), e))
		return HM_EDATA;
	unsigned char *q = out->data + out->len;
	hm_put32(q, HM_ZSTD_MAGIC);
	q[4] = 3 << 6 | 1 << 5 | 1 << 2; /* 8-byte content size, single segment, checksum */
	hm_put64(q + 5, n);
	q += STORE_HEAD;
	for (size_t at = 0; at < n || !at;) {
		size_t part = n - at < STORE_BLOCK ? n - at : STORE_BLOCK;
		uint32_t head = (uint32_t)part << 3 | (at + part == n); /* type 0: raw */
		hm_put16(q, (uint16_t)head);
		q[2] = (unsigned char)(head >> 16);
		memcpy(q + 3, p + at, part);
		q += 3 + part;
		at += part;
		if (!part)
			break;
	}
	hm_put32(q, (uint32_t)XXH64(p, n, 0));
	out->len = (size_t)(q + 4 - out->data);
	return 0;
}
