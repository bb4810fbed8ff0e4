/* A block being made: see pack.h and formats/hmr.md, "Blocks". */
#include "rec/pack.h"
#include "base/xxh3.h"
#include "json/json.h"

#include <string.h>

int hm_pack_init(struct hm_pack *p, int level, struct hm_err *e)
{
	p->zstd = ZSTD_createCCtx();
	if (!p->zstd)
		return hm_err_set(e, HM_EDATA, "out of memory for a zstd context");
	ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_checksumFlag, 1);
	ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_contentSizeFlag, 1);
	if (level > 19)
		ZSTD_CCtx_setParameter(p->zstd, ZSTD_c_windowLog, HM_MAX_WINDOW_LOG);
	return 0;
}

static void free_storage(struct hm_pack *p)
{
	for (int i = 0; i < HM_MAX_FIELDS; i++) {
		hm_buf_clear(&p->column[i]);
		hm_buf_clear(&p->offsets[i]);
	}
	hm_buf_clear(&p->payload);
	hm_buf_clear(&p->packed);
}

void hm_pack_clear(struct hm_pack *p)
{
	free_storage(p);
	ZSTD_freeCCtx(p->zstd);
	p->zstd = NULL;
}

bool hm_pack_record_size(const struct hm_schema *s, const struct hm_val *val, size_t *size)
{
	size_t total = 0, part;
	for (int i = 0; i < s->n; i++) {
		if (!hm_size_mul(val[i].count, hm_dtype_size(s->field[i].dtype), &part) ||
		    !hm_size_add(total, part + 4 * hm_field_ragged(&s->field[i]), &total))
			return false;
	}
	*size = total;
	return total <= HM_MAX_RECORD - HM_RECORD_SLACK;
}

static int add_value(struct hm_pack *p, int i, const struct hm_field *f, const struct hm_val *v,
		     struct hm_err *e)
{
	size_t per_row = hm_field_count(f);
	if (hm_field_ragged(f)) {
		uint32_t at = 0;
		if (v->count % per_row)
			return hm_err_set(e, HM_EDATA,
					  "column \"%s\": %zu elements are not a whole number of rows of %zu",
					  f->name, v->count, per_row);
		if (f->dtype == HM_UTF8 && hm_utf8_check(v->data, v->count) < v->count)
			return hm_err_set(e, HM_EDATA, "column \"%s\": text is not UTF-8", f->name);
		if (!p->info.count && hm_buf_add(&p->offsets[i], &at, sizeof at, e))
			return HM_EDATA;
		memcpy(&at, p->offsets[i].data + p->offsets[i].len - sizeof at, sizeof at);
		at += (uint32_t)(v->count / per_row);
		if (hm_buf_add(&p->offsets[i], &at, sizeof at, e))
			return HM_EDATA;
	} else if (v->count != per_row) {
		return hm_err_set(e, HM_EDATA, "column \"%s\": %zu elements, its shape has %zu", f->name,
				  v->count, per_row);
	}
	return v->count ? hm_buf_add(&p->column[i], v->data, v->count * hm_dtype_size(f->dtype), e) : 0;
}

int hm_pack_add(struct hm_pack *p, const struct hm_schema *s, const struct hm_val *val, size_t size,
		struct hm_err *e)
{
	for (int i = 0; i < s->n; i++)
		if (add_value(p, i, &s->field[i], &val[i], e))
			return HM_EDATA;
	p->size += size;
	p->info.count++;
	return 0;
}

static int lay_out(struct hm_pack *p, const struct hm_schema *s)
{
	struct hm_column column[HM_MAX_FIELDS];
	uint64_t rows[HM_MAX_FIELDS] = {0};
	size_t size;
	for (int i = 0; i < s->n; i++) {
		column[i] = (struct hm_column){p->column[i].data, NULL};
		if (hm_field_ragged(&s->field[i])) {
			column[i].offsets = (const uint32_t *)(const void *)p->offsets[i].data;
			rows[i] = column[i].offsets[p->info.count];
		}
	}
	if (!hm_layout_size(s, p->info.count, rows, &size) || size > HM_MAX_BLOCK)
		return hm_err_set(&p->err, HM_EDATA, "a block would be larger than 64 MiB");
	/* one more, so that the payload of empty records has an address */
	if (hm_buf_reserve(&p->payload, size + 1, &p->err))
		return HM_EDATA;
	p->payload.len = size;
	hm_layout_pack(s, p->info.count, column, p->payload.data);
	return 0;
}

/* The payload as one zstd frame. */
static int compress_payload(struct hm_pack *p)
{
	size_t size = p->payload.len;
	if (hm_buf_reserve(&p->packed, ZSTD_compressBound(size), &p->err))
		return HM_EDATA;
	size_t n = ZSTD_compress2(p->zstd, p->packed.data, p->packed.cap, p->payload.data, size);
	if (ZSTD_isError(n))
		return hm_err_set(&p->err, HM_EDATA, "zstd: %s", ZSTD_getErrorName(n));
	if (n > size - size / 10) /* not worth decoding */
		return hm_frame_store(&p->packed, p->payload.data, size, &p->err);
	p->packed.len = n;
	return 0;
}

void hm_pack_compress(struct hm_pack *p, const struct hm_schema *s)
{
	p->err = (struct hm_err){0};
	p->payload.len = p->packed.len = 0;
	if (lay_out(p, s) || compress_payload(p))
		return;
	p->info.raw = (uint32_t)p->payload.len;
	p->info.packed = (uint32_t)p->packed.len;
	p->info.raw_hash = XXH3_64bits(p->payload.data, p->payload.len);
	p->info.packed_hash = XXH3_64bits(p->packed.data, p->packed.len);
}

void hm_pack_reset(struct hm_pack *p, size_t keep)
{
	if (p->size > keep)
		free_storage(p);
	for (int i = 0; i < HM_MAX_FIELDS; i++)
		p->column[i].len = p->offsets[i].len = 0;
	p->info.count = 0;
	p->size = 0;
}
