/* A block being made: see pack.h and formats/hmr.md, "Blocks". */
#include "rec/pack.h"
#include "base/xxh3.h"
#include "json/json.h"

#include <string.h>

/* Bytes of a sample, and from one to the next. */
#define SAMPLE ((size_t)8 << 10)
#define SAMPLE_EVERY ((size_t)128 << 10)

int hm_pack_init(struct hm_pack *p, const struct hm_schema *s, int level, struct hm_err *e)
{
	p->schema = s;
	p->quick = level <= 1;
	for (int i = 0; i < s->n; i++) {
		const struct hm_field *f = &s->field[i];
		p->column[i] = (struct hm_pack_column){
			.is = hm_layout_column(f), .ragged = hm_field_ragged(f), .text = f->dtype == HM_UTF8};
	}
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
		hm_buf_clear(&p->column[i].data);
		hm_buf_clear(&p->column[i].offsets);
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

bool hm_pack_record_size(const struct hm_pack *p, const struct hm_val *val, size_t *size)
{
	size_t total = 0, part;
	for (int i = 0; i < p->schema->n; i++) {
		if (!hm_size_mul(val[i].count, p->column[i].is.size, &part) ||
		    !hm_size_add(total, part + 4 * p->column[i].ragged, &total))
			return false;
	}
	*size = total;
	return total <= HM_MAX_RECORD - HM_RECORD_SLACK;
}

/* As hm_buf_add; most values are small and have room. */
static inline int append(struct hm_buf *b, const void *p, size_t n, struct hm_err *e)
{
	if (n > b->cap - b->len)
		return hm_buf_add(b, p, n, e);
	memcpy(b->data + b->len, p, n);
	b->len += n;
	return 0;
}

static int add_value(struct hm_pack_column *c, bool first, const struct hm_field *f, const struct hm_val *v,
		     struct hm_err *e)
{
	if (c->ragged) {
		size_t rows = c->is.row == 1 ? v->count : v->count / c->is.row; /* row >= 1 */
		uint32_t at = 0;
		if (rows * c->is.row != v->count)
			return hm_err_set(e, HM_EDATA,
					  "column \"%s\": %zu elements are not a whole number of rows of %zu",
					  f->name, v->count, c->is.row);
		if (c->text && hm_utf8_check(v->data, v->count) < v->count)
			return hm_err_set(e, HM_EDATA, "column \"%s\": text is not UTF-8", f->name);
		if (first && append(&c->offsets, &at, sizeof at, e))
			return HM_EDATA;
		memcpy(&at, c->offsets.data + c->offsets.len - sizeof at, sizeof at);
		at += (uint32_t)rows;
		if (append(&c->offsets, &at, sizeof at, e))
			return HM_EDATA;
	} else if (v->count != c->is.row) {
		return hm_err_set(e, HM_EDATA, "column \"%s\": %zu elements, its shape has %zu", f->name,
				  v->count, c->is.row);
	}
	return v->count ? append(&c->data, v->data, v->count * c->is.size, e) : 0;
}

int hm_pack_add(struct hm_pack *p, const struct hm_val *val, size_t size, struct hm_err *e)
{
	for (int i = 0; i < p->schema->n; i++)
		if (add_value(&p->column[i], !p->info.count, &p->schema->field[i], &val[i], e))
			return HM_EDATA;
	p->size += size;
	p->info.count++;
	return 0;
}

static int lay_out(struct hm_pack *p)
{
	struct hm_column column[HM_MAX_FIELDS];
	uint64_t rows[HM_MAX_FIELDS] = {0};
	size_t size;
	for (int i = 0; i < p->schema->n; i++) {
		const struct hm_pack_column *c = &p->column[i];
		column[i] = c->is;
		column[i].data = c->data.data;
		if (c->ragged) {
			column[i].offsets = (const uint32_t *)(const void *)c->offsets.data;
			rows[i] = column[i].offsets[p->info.count];
		}
	}
	if (!hm_layout_size(p->schema, p->info.count, rows, &size) || size > HM_MAX_BLOCK)
		return hm_err_set(&p->err, HM_EDATA, "a block would be larger than 64 MiB");
	/* one more, so that the payload of empty records has an address */
	if (hm_buf_reserve(&p->payload, size + 1, &p->err))
		return HM_EDATA;
	p->payload.len = size;
	hm_layout_pack(p->schema, p->info.count, column, p->payload.data);
	return 0;
}

/* Whether zstd saves less than an eighth on samples from all over a large payload. Photographs are like
 * that, and zstd would take most of the time of writing them to find it out. Pieces that repeat each other
 * from afar are taken for random; zstd's quick levels seldom find them either. */
static bool looks_random(struct hm_pack *p)
{
	size_t taken = 0, packed = 0;
	for (size_t at = SAMPLE_EVERY / 2; at + SAMPLE <= p->payload.len; at += SAMPLE_EVERY) {
		size_t n =
			ZSTD_compress2(p->zstd, p->packed.data, p->packed.cap, p->payload.data + at, SAMPLE);
		if (ZSTD_isError(n))
			return false;
		taken += SAMPLE;
		packed += n;
		if (packed < taken - taken / 4)
			return false;
	}
	return taken >= 2 * SAMPLE && packed > taken - taken / 8;
}

/* The payload as one zstd frame. */
static int compress_payload(struct hm_pack *p)
{
	size_t size = p->payload.len;
	if (hm_buf_reserve(&p->packed, ZSTD_compressBound(size), &p->err))
		return HM_EDATA;
	if (p->quick && looks_random(p))
		return hm_frame_store(&p->packed, p->payload.data, size, &p->err);
	size_t n = ZSTD_compress2(p->zstd, p->packed.data, p->packed.cap, p->payload.data, size);
	if (ZSTD_isError(n))
		return hm_err_set(&p->err, HM_EDATA, "zstd: %s", ZSTD_getErrorName(n));
	if (n > size - size / 10) /* not worth decoding */
		return hm_frame_store(&p->packed, p->payload.data, size, &p->err);
	p->packed.len = n;
	return 0;
}

void hm_pack_compress(struct hm_pack *p)
{
	p->err = (struct hm_err){0};
	p->payload.len = p->packed.len = 0;
	if (lay_out(p) || compress_payload(p))
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
		p->column[i].data.len = p->column[i].offsets.len = 0;
	p->info.count = 0;
	p->size = 0;
}
