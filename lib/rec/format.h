/* The bytes of the container, for lib/rec alone: frames and their fixed layouts, the filter, and how records
 * become a payload. formats/hmr.md is the specification. */
#ifndef HM_FORMAT_H
#define HM_FORMAT_H

#include "rec/rec.h"

#include <zstd.h>

#define HM_SKIP_MAGIC 0x184D2A5Bu
#define HM_ZSTD_MAGIC 0xFD2FB528u
#define HM_VERSION_MAJOR 1
#define HM_VERSION_MINOR 0
#define HM_MAX_HEAD ((size_t)1 << 20) /* bytes of HEAD's JSON */
#define HM_MAX_BLOCK HM_MAX_RECORD    /* payload bytes of a block, padding included */
#define HM_MAX_BLOCK_RECORDS 65536u
#define HM_RECORD_SLACK ((size_t)64 << 10) /* of HM_MAX_RECORD, left for padding and offsets */
#define HM_MAX_AHEAD ((size_t)64 << 20)	   /* payload bytes read ahead before the reader waits */
#define HM_KEEP_BUFFER ((size_t)4 << 20)   /* larger buffers of a block are given back after use */
#define HM_MAX_WINDOW_LOG 26

enum { HM_HEAD_FIXED = 24, HM_BHDR_SIZE = 64, HM_INDX_FIXED = 16, HM_INDX_ENTRY = 32, HM_END_SIZE = 72 };

/* One block, as BHDR and the index describe it. */
struct hm_block_info {
	uint64_t seq, first, offset; /* number, first record, where its BHDR frame starts */
	uint32_t count, raw, packed; /* records, payload bytes, zstd frame bytes */
	uint64_t raw_hash, packed_hash;
};

static inline uint16_t hm_get16(const unsigned char *p)
{
	return (uint16_t)(p[0] | p[1] << 8);
}
static inline uint32_t hm_get32(const unsigned char *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}
static inline uint64_t hm_get64(const unsigned char *p)
{
	return hm_get32(p) | (uint64_t)hm_get32(p + 4) << 32;
}
void hm_put16(unsigned char *p, uint16_t v);
void hm_put32(unsigned char *p, uint32_t v);
void hm_put64(unsigned char *p, uint64_t v);

/* frame.c: each writes a whole skippable frame, its 8-byte header included. */
int hm_frame_head(struct hm_buf *out, const char *json, size_t len, struct hm_err *e);
void hm_frame_bhdr(unsigned char out[8 + HM_BHDR_SIZE], const struct hm_block_info *b);
int hm_frame_indx(struct hm_buf *out, const struct hm_block_info *b, size_t n, struct hm_err *e);
/* digest: XXH3-128 in canonical order */
void hm_frame_end(unsigned char out[8 + HM_END_SIZE], uint32_t status, const struct hm_end *end,
		  uint64_t index_offset, const unsigned char digest[16]);
/* Parse the content of a frame, HM_BHDR_SIZE (HM_END_SIZE, `content`) bytes. The own hash is checked
 * first. */
int hm_frame_parse_bhdr(const unsigned char *p, struct hm_block_info *b, struct hm_err *e);
int hm_frame_parse_end(const unsigned char *p, uint32_t *status, struct hm_end *end, uint64_t *index_offset,
		       unsigned char digest[16], struct hm_err *e);
int hm_frame_check_indx(const unsigned char *p, size_t content, struct hm_err *e);
/* Entry i of a checked index; it has no hashes. False when its reserved field is set. */
bool hm_frame_indx_entry(const unsigned char *p, size_t i, struct hm_block_info *b);
/* Whether a block can have this count and these sizes. */
bool hm_frame_possible(const struct hm_block_info *b);
/* Checks that a zstd frame has what the format asks for: a checksum, the content size `raw`, a small
 * window. */
int hm_frame_check_zstd(const unsigned char *p, size_t packed, size_t raw, struct hm_err *e);
/* Appends the payload as one zstd frame of raw blocks, for payloads that zstd cannot shrink. */
int hm_frame_store(struct hm_buf *out, const unsigned char *p, size_t n, struct hm_err *e);
size_t hm_frame_store_size(size_t n);

/* schema.c: HEAD's schema array and the struct. */
int hm_schema_from_json(const cJSON *array, struct hm_schema *s, struct hm_err *e);

/* layout.c: n rows of columns <-> payload. A ragged column's offsets count its rows (dim -1). */
struct hm_column {
	const unsigned char *data; /* elements of all records, end to end */
	const uint32_t *offsets;   /* [n+1] for ragged columns, else NULL */
	size_t row, size;	   /* elements of a row; bytes of an element */
};
/* A column of that kind, without data. */
struct hm_column hm_layout_column(const struct hm_field *f);
/* Payload size for n records; rows[i]: rows of all records of ragged column i. False when it passes a
 * size_t. */
bool hm_layout_size(const struct hm_schema *s, size_t n, const uint64_t *rows, size_t *size);
/* Writes the payload of hm_layout_size bytes, filtered and padded. */
void hm_layout_pack(const struct hm_schema *s, size_t n, const struct hm_column *c, unsigned char *out);
/* The reverse. Checks padding, offsets and text. `scratch` (`size` bytes, 64-byte aligned) receives the
 * columns that are unfiltered; c points into it or into `in`. */
int hm_layout_unpack(const struct hm_schema *s, size_t n, const unsigned char *in, size_t size,
		     unsigned char *scratch, struct hm_column *c, struct hm_err *e);

/* source.c: a stream's bytes in order. `offset` is the position in the stream of the first byte not yet
 * consumed. */
struct hm_source {
	int fd;
	uint64_t offset;
	struct hm_buf in;
	size_t at;
};
/* `path` "-" or NULL is standard input. */
int hm_source_open(struct hm_source *s, const char *path, struct hm_err *e);
void hm_source_close(struct hm_source *s);
/* Reads until n bytes are visible. 1, 0 when the input ends before that, HM_EDATA. */
int hm_source_need(struct hm_source *s, size_t n, struct hm_err *e);
/* The same before END was read, when the end of the input is an error. `records`: how many were read so far,
 * for the sentence. 0 or HM_EDATA. */
int hm_source_must(struct hm_source *s, size_t n, uint64_t records, struct hm_err *e);
/* *out := the next n bytes, consumed; most are read into it without a copy. Before END was read, as above. */
int hm_source_take(struct hm_source *s, struct hm_buf *out, size_t n, uint64_t records, struct hm_err *e);
const unsigned char *hm_source_here(const struct hm_source *s);
size_t hm_source_left(const struct hm_source *s);   /* bytes visible */
void hm_source_skip(struct hm_source *s, size_t n); /* consumes n visible bytes */
/* Reads the last bytes of a regular file, where END must be, and their offset. Consumes nothing. False when
 * the input is not a regular file or too short. */
bool hm_source_last(const struct hm_source *s, unsigned char frame[8 + HM_END_SIZE], uint64_t *at);

/* head.c: HEAD, read and checked. */
struct hm_head {
	cJSON *json; /* {"meta", "pg", "schema"} */
	struct hm_schema schema;
	struct hm_buf text; /* the schema's canonical JSON, with which the digest begins */
};
int hm_head_read(struct hm_source *in, struct hm_head *h, struct hm_err *e);
void hm_head_clear(struct hm_head *h);
/* notrecords.c: what an input is that begins with p[0..n), n >= 1, and with no HEAD. Returns HM_EDATA. */
int hm_head_refuse(const unsigned char *p, size_t n, struct hm_err *e);

/* block.c: one block, from its bytes to its records. */
struct hm_block {
	struct hm_block_info info;
	struct hm_buf packed, payload, scratch;
	struct hm_column column[HM_MAX_FIELDS];
	ZSTD_DCtx *zstd;
	struct hm_err err;
};
int hm_block_init(struct hm_block *b, struct hm_err *e);
void hm_block_clear(struct hm_block *b);
/* Makes payload and columns of info and packed, and checks every hash and layout rule. What is wrong is put
 * into b->err. */
int hm_block_unpack(struct hm_block *b, const struct hm_schema *s);
/* Stores b->err in `e` with the block's number and place before it. Returns the code. */
int hm_block_report(const struct hm_block *b, struct hm_err *e);
/* Record `row` of an unpacked block. */
void hm_block_record(const struct hm_block *b, const struct hm_schema *s, uint32_t row, struct hm_rec *rec);
/* Frees the buffers when they are large. */
void hm_block_release(struct hm_block *b);

/* shuffle.c: byte planes: out[k*n + i] = in[i*size + k], and back. */
void hm_shuffle(const unsigned char *in, unsigned char *out, size_t n, size_t size);
void hm_unshuffle(const unsigned char *in, unsigned char *out, size_t n, size_t size);

#endif
