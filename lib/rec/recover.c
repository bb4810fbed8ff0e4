/* Reading after damage: see recover.h. Every byte is tried as the beginning of a frame until a frame's own
 * hash is right. A block whose zstd frame is damaged is itself searched for the next frame, because bytes may
 * be missing in it. */
#include "rec/recover.h"
#include "base/xxh3.h"
#include "rec/losses.h"
#include "rec/recognise.h"

#include <stdlib.h>
#include <string.h>

/* Bytes hashed and decompressed in vain before a hostile file is given up: so many, and for each byte of the
 * file so many, so that the time grows with the file's length and no faster. */
#define MAX_WASTE ((uint64_t)1 << 30)
#define MAX_WASTE_PER_BYTE 16

struct hm_recover {
	struct hm_source in;
	struct hm_head head;
	struct hm_block block;
	uint32_t row, rows; /* of the current block; rows 0: none yet */
	uint64_t next;	    /* number of the record that should come next */
	uint64_t given, wasted;
	uint64_t gap; /* with in_gap: where the bytes began that belong to no frame */
	bool in_gap, gap_told;
	bool ended, done; /* END was met; the input is at its end */
	struct hm_end end;
	unsigned char promised[16]; /* END's digest */
	XXH3_state_t *digest;
	struct hm_losses losses;
};

size_t hm_recover_losses(const struct hm_recover *r)
{
	return hm_losses_count(&r->losses);
}

const char *hm_recover_loss(const struct hm_recover *r, size_t i)
{
	return hm_losses_get(&r->losses, i);
}

/* ---- bytes that belong to no frame ---- */

/* A frame was recognised: lists the unreadable bytes before it as a loss. */
static int close_gap(struct hm_recover *r, struct hm_err *e)
{
	bool tell = r->in_gap && !r->gap_told;
	r->in_gap = r->gap_told = false;
	return tell ? hm_losses_add(&r->losses, e, "bytes %llu to %llu cannot be read",
				    (unsigned long long)r->gap, (unsigned long long)(r->in.offset - 1))
		    : 0;
}

/* Passes over a byte that belongs to no frame, up to the next one that may begin a frame. */
static void pass_over(struct hm_recover *r)
{
	if (!r->in_gap)
		r->gap = r->in.offset;
	r->in_gap = true;
	hm_source_skip(&r->in, 1);
	size_t left = hm_source_left(&r->in);
	const unsigned char *p = hm_source_here(&r->in), *q = memchr(p, HM_SKIP_MAGIC & 255, left);
	hm_source_skip(&r->in, q ? (size_t)(q - p) : left);
}

/* ---- frames ---- */

/* The body of a block whose header is good and consumed. 0 or HM_EDATA; what is wrong with it goes to
 * b->err. */
static int take_body(struct hm_recover *r, struct hm_block *b, struct hm_err *e)
{
	b->err = (struct hm_err){0};
	b->packed.len = b->payload.len = b->scratch.len = 0;
	int rc = hm_source_need(&r->in, b->info.packed, e);
	if (rc < 0)
		return rc;
	if (!rc) {
		hm_err_set(&b->err, HM_EDATA, "the stream ends within it");
		return 0;
	}
	/* reserved here, so that a lack of memory is reported as such and not as damage */
	if (hm_buf_add(&b->packed, hm_source_here(&r->in), b->info.packed, e) ||
	    hm_buf_reserve(&b->payload, (size_t)b->info.raw + 1, e) ||
	    hm_buf_reserve(&b->scratch, (size_t)b->info.raw + 1, e))
		return HM_EDATA;
	hm_block_unpack(b, &r->head.schema);
	return 0;
}

/* 1: its records come next; 0: it is lost or was there before; HM_EDATA. */
static int take_block(struct hm_recover *r, const struct hm_block_info *i, struct hm_err *e)
{
	struct hm_block *b = &r->block;
	unsigned long long first = i->first, last = i->first + i->count - 1, seq = i->seq, at = i->offset;
	b->info = *i;
	if (take_body(r, b, e))
		return HM_EDATA;
	if (b->err.code ||
	    i->first < r->next) { /* searched for the next frame, should bytes be missing in it */
		r->wasted += i->packed + (uint64_t)i->raw;
		r->in_gap = r->gap_told = true;
		return b->err.code
			       ? hm_losses_add(&r->losses, e,
					       "records %llu to %llu (block %llu, byte %llu): %s", first,
					       last, seq, at, b->err.text)
			       : hm_losses_add(&r->losses, e,
					       "block %llu at byte %llu holds records that were read before",
					       seq, at);
	}
	if (i->first > r->next &&
	    hm_losses_add(&r->losses, e, "records %llu to %llu are not in a block that can be read",
			  (unsigned long long)r->next, first - 1))
		return HM_EDATA;
	hm_source_skip(&r->in, i->packed);
	XXH3_128bits_update(r->digest, b->payload.data, i->raw);
	r->next = i->first + i->count;
	r->given += i->count;
	r->row = 0;
	r->rows = i->count;
	return 1;
}

/* Reads one frame, or passes over bytes that belong to none. 1: records follow; 0: call again; HM_EDATA. */
static int read_piece(struct hm_recover *r, struct hm_err *e)
{
	struct hm_frame f;
	if (hm_frame_recognise(&r->in, &f, e))
		return HM_EDATA;
	if (f.kind == HM_FRAME_NONE) {
		r->wasted += f.wasted;
		pass_over(r);
		return 0;
	}
	if (close_gap(r, e))
		return HM_EDATA;
	hm_source_skip(&r->in, f.size);
	if (f.kind == HM_FRAME_BLOCK)
		return take_block(r, &f.info, e);
	if (f.kind == HM_FRAME_END) {
		r->ended = true;
		r->end = f.end;
		memcpy(r->promised, f.digest, sizeof r->promised);
		if (f.status)
			return hm_losses_add(&r->losses, e, "the producer gave up (end mark with status %u)",
					     f.status);
	}
	return 0;
}

/* The input is at its end: what END promised against what was given. */
static int check_promise(struct hm_recover *r, struct hm_err *e)
{
	XXH128_canonical_t mine;
	hm_source_skip(&r->in, hm_source_left(&r->in));
	r->done = true;
	if (close_gap(r, e))
		return HM_EDATA;
	if (!r->ended)
		return hm_losses_add(
			&r->losses, e,
			"the stream ends without its end mark: what came after the first %llu records is "
			"lost",
			(unsigned long long)r->next);
	if (r->end.records > r->next)
		return hm_losses_add(&r->losses, e,
				     "records %llu to %llu are not in a block that can be read",
				     (unsigned long long)r->next, (unsigned long long)r->end.records - 1);
	XXH128_canonicalFromHash(&mine, XXH3_128bits_digest(r->digest));
	if (!hm_recover_losses(r) && memcmp(mine.digest, r->promised, 16))
		return hm_losses_add(&r->losses, e,
				     "the digest in the end mark differs from that of the records read");
	return 0;
}

int hm_recover_next(struct hm_recover *r, struct hm_rec *rec, struct hm_err *e)
{
	int rc = r->row < r->rows;
	while (!rc && !r->done) {
		int more = hm_source_need(&r->in, 12, e);
		if (more < 0)
			return more;
		if (!more && hm_source_left(&r->in))
			r->gap = r->in_gap ? r->gap : r->in.offset, r->in_gap = true;
		if (r->wasted > MAX_WASTE + MAX_WASTE_PER_BYTE * r->in.offset) {
			r->done = true;
			rc = hm_losses_add(&r->losses, e, "too much damage: given up at byte %llu",
					   (unsigned long long)r->in.offset);
		} else {
			rc = more ? read_piece(r, e) : check_promise(r, e);
		}
	}
	if (rc > 0)
		hm_block_record(&r->block, &r->head.schema, r->row++, rec);
	return rc;
}

/* ---- opening, closing, asking ---- */

int hm_recover_open(struct hm_recover **out, const char *path, struct hm_err *e)
{
	struct hm_recover *r = hm_alloc(1, sizeof *r, e);
	const char *name = !path || !strcmp(path, "-") ? "standard input" : path;
	*out = NULL;
	if (!r)
		return HM_EDATA;
	r->in.fd = -1;
	r->digest = XXH3_createState();
	int rc = r->digest ? hm_block_init(&r->block, e)
			   : hm_err_set(e, HM_EDATA, "out of memory for a digest");
	if (!rc)
		rc = hm_source_open(&r->in, path, e);
	if (!rc)
		rc = hm_head_read(&r->in, &r->head, e);
	if (rc) {
		hm_err_prefix(e, "%s", name);
		hm_recover_close(r);
		return rc;
	}
	XXH3_128bits_reset(r->digest);
	XXH3_128bits_update(r->digest, r->head.text.data, r->head.text.len);
	*out = r;
	return 0;
}

void hm_recover_close(struct hm_recover *r)
{
	if (!r)
		return;
	hm_source_close(&r->in);
	hm_head_clear(&r->head);
	hm_block_clear(&r->block);
	XXH3_freeState(r->digest);
	hm_losses_clear(&r->losses);
	free(r);
}

const struct hm_schema *hm_recover_schema(const struct hm_recover *r)
{
	return &r->head.schema;
}

const cJSON *hm_recover_meta(const struct hm_recover *r)
{
	return cJSON_GetObjectItemCaseSensitive(r->head.json, "meta");
}

const cJSON *hm_recover_pg(const struct hm_recover *r)
{
	return cJSON_GetObjectItemCaseSensitive(r->head.json, "pg");
}

uint64_t hm_recover_records(const struct hm_recover *r)
{
	return r->given;
}

uint64_t hm_recover_skipped(const struct hm_recover *r)
{
	return r->ended ? r->end.skipped : 0;
}
