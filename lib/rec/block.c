/* One block: its hashes, zstd frame, payload and records. Bytes are used only after their hash was checked.
 * See format.h and formats/hmr.md, "Blocks". */
#include "rec/format.h"
#include "base/xxh3.h"

int hm_block_init(struct hm_block *b, struct hm_err *e)
{
	b->zstd = ZSTD_createDCtx();
	return b->zstd ? 0 : hm_err_set(e, HM_EDATA, "out of memory for a zstd context");
}

void hm_block_clear(struct hm_block *b)
{
	hm_buf_clear(&b->packed);
	hm_buf_clear(&b->payload);
	hm_buf_clear(&b->scratch);
	ZSTD_freeDCtx(b->zstd);
	b->zstd = NULL;
}

void hm_block_release(struct hm_block *b)
{
	if (b->payload.cap <= HM_KEEP_BUFFER && b->packed.cap <= HM_KEEP_BUFFER)
		return;
	hm_buf_clear(&b->packed);
	hm_buf_clear(&b->payload);
	hm_buf_clear(&b->scratch);
}

int hm_block_unpack(struct hm_block *b, const struct hm_schema *s)
{
	const struct hm_block_info *i = &b->info;
	b->err = (struct hm_err){0};
	b->payload.len = b->scratch.len = 0;
	if (XXH3_64bits(b->packed.data, i->packed) != i->packed_hash)
		return hm_err_set(&b->err, HM_EDATA, "its compressed bytes are damaged (hash differs)");
	if (hm_frame_check_zstd(b->packed.data, i->packed, i->raw, &b->err))
		return HM_EDATA;
	/* one more, so that the payload of empty records has an address */
	if (hm_buf_reserve(&b->payload, (size_t)i->raw + 1, &b->err) ||
	    hm_buf_reserve(&b->scratch, (size_t)i->raw + 1, &b->err))
		return HM_EDATA;
	size_t frame = ZSTD_findFrameCompressedSize(b->packed.data, i->packed);
	size_t n = ZSTD_isError(frame)
			   ? frame
			   : ZSTD_decompressDCtx(b->zstd, b->payload.data, i->raw, b->packed.data, i->packed);
	if (ZSTD_isError(n) || n != i->raw || frame != i->packed)
		return hm_err_set(&b->err, HM_EDATA, "it does not decompress to the %u bytes promised",
				  i->raw);
	if (XXH3_64bits(b->payload.data, i->raw) != i->raw_hash)
		return hm_err_set(&b->err, HM_EDATA, "its payload is damaged (hash differs)");
	return hm_layout_unpack(s, i->count, b->payload.data, i->raw, b->scratch.data, b->column, &b->err);
}

int hm_block_report(const struct hm_block *b, struct hm_err *e)
{
	const struct hm_block_info *i = &b->info;
	return hm_err_set(e, b->err.code, "block %llu (records %llu to %llu, byte %llu): %s",
			  (unsigned long long)i->seq, (unsigned long long)i->first,
			  (unsigned long long)(i->first + i->count - 1), (unsigned long long)i->offset,
			  b->err.text);
}

void hm_block_record(const struct hm_block *b, const struct hm_schema *s, uint32_t row, struct hm_rec *rec)
{
	rec->schema = s;
	for (int i = 0; i < s->n; i++) {
		const struct hm_column *c = &b->column[i];
		size_t from = row, rows = 1;
		if (c->offsets) {
			from = c->offsets[row];
			rows = c->offsets[row + 1] - from;
		}
		rec->val[i] = (struct hm_val){c->data + from * c->row * c->size, rows * c->row};
	}
}
