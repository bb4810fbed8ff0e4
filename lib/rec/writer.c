/* Writing a stream: records are gathered by column, full blocks packed, compressed and hashed by the workers,
 * and written in order. Block boundaries depend on the records and the block size alone. See rec.h. */
#include "rec/format.h"
#include "base/file.h"
#include "base/xxh3.h"
#include "json/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

/* A block on its way: filled by the caller, packed by a worker, written by the caller. */
struct slot {
	struct hm_job job;
	struct hm_writer *writer;
	struct hm_buf column[HM_MAX_FIELDS];  /* elements */
	struct hm_buf offsets[HM_MAX_FIELDS]; /* u32, ragged columns */
	struct hm_block_info info;
	struct hm_buf payload, packed;
	ZSTD_CCtx *zstd;
	struct hm_err err;
	bool busy;
};

struct hm_writer {
	struct hm_schema schema;
	struct hm_out *out;
	struct hm_workers *workers;
	size_t block_size;
	int level;
	struct slot *slot;	 /* a ring */
	int slots, fill, oldest; /* being filled; first busy one */
	uint64_t offset;	 /* bytes written */
	uint64_t records;	 /* accepted */
	size_t raw;		 /* of the records in the slot being filled */
	struct hm_end end;
	XXH3_state_t *digest;
	struct hm_buf index; /* struct hm_block_info[] */
	struct hm_err err;   /* the first failure; later calls repeat it */
};

static int emit(struct hm_writer *w, const void *p, size_t n, struct hm_err *e)
{
	int rc = hm_out_write(w->out, p, n, e);
	if (!rc)
		w->offset += n;
	return rc;
}

static int write_head(struct hm_writer *w, const cJSON *meta, const cJSON *pg, struct hm_err *e)
{
	struct hm_buf json = {0}, schema = {0}, frame = {0};
	cJSON *head = cJSON_CreateObject();
	cJSON *part[] = {hm_schema_to_json(&w->schema, e),
			 meta ? cJSON_Duplicate(meta, 1) : cJSON_CreateObject(),
			 pg ? cJSON_Duplicate(pg, 1) : cJSON_CreateArray()};
	static const char *const name[] = {"schema", "meta", "pg"};
	int rc = 0;
	for (int i = 0; i < 3; i++) {
		if (cJSON_AddItemToObject(head, name[i], part[i]))
			continue;
		cJSON_Delete(part[i]);
		rc = hm_err_set(e, HM_EDATA, "out of memory while writing the header");
	}
	if (!rc)
		rc = hm_json_write(part[0], &schema, e);
	if (!rc)
		rc = hm_json_write(head, &json, e);
	if (!rc)
		rc = hm_frame_head(&frame, (char *)json.data, json.len, e);
	if (!rc)
		rc = emit(w, frame.data, frame.len, e);
	if (!rc)
		XXH3_128bits_update(w->digest, schema.data, schema.len);
	cJSON_Delete(head);
	hm_buf_clear(&json);
	hm_buf_clear(&schema);
	hm_buf_clear(&frame);
	return rc;
}

static void writer_free(struct hm_writer *w)
{
	for (int i = 0; w->slot && i < w->slots; i++) {
		struct slot *s = &w->slot[i];
		if (s->busy)
			hm_workers_wait(w->workers, &s->job);
		for (int c = 0; c < w->schema.n; c++) {
			hm_buf_clear(&s->column[c]);
			hm_buf_clear(&s->offsets[c]);
		}
		hm_buf_clear(&s->payload);
		hm_buf_clear(&s->packed);
		ZSTD_freeCCtx(s->zstd);
	}
	free(w->slot);
	hm_buf_clear(&w->index);
	XXH3_freeState(w->digest);
	hm_schema_clear(&w->schema);
	hm_out_abort(w->out);
	free(w);
}

/* One block per worker in flight, and one being filled. */
static int make_slots(struct hm_writer *w, struct hm_err *e)
{
	w->slots = w->workers ? hm_workers_count(w->workers) + 1 : 1;
	w->slot = hm_alloc((size_t)w->slots, sizeof *w->slot, e);
	for (int i = 0; w->slot && i < w->slots; i++) {
		struct slot *s = &w->slot[i];
		s->writer = w;
		s->zstd = ZSTD_createCCtx();
		if (!s->zstd)
			return hm_err_set(e, HM_EDATA, "out of memory for a zstd context");
		ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_compressionLevel, w->level);
		ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_checksumFlag, 1);
		ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_contentSizeFlag, 1);
		if (w->level > 19)
			ZSTD_CCtx_setParameter(s->zstd, ZSTD_c_windowLog, HM_MAX_WINDOW_LOG);
	}
	return w->slot ? 0 : HM_EDATA;
}

int hm_writer_open(struct hm_writer **out, const char *path, const struct hm_schema *schema,
		   const cJSON *meta, const cJSON *pg, const struct hm_writer_options *o,
		   struct hm_workers *workers, struct hm_err *e)
{
	struct hm_writer *w = hm_alloc(1, sizeof *w, e);
	*out = NULL;
	if (!w)
		return HM_EDATA;
	w->workers = workers;
	w->level = o && o->level ? o->level : 1;
	w->block_size = o && o->block_size ? o->block_size : 1 << 20;
	if (w->block_size > HM_MAX_RECORD - HM_RECORD_SLACK)
		w->block_size = HM_MAX_RECORD - HM_RECORD_SLACK;
	w->digest = XXH3_createState();
	int rc = !w->digest ? hm_err_set(e, HM_EDATA, "out of memory for a digest") : 0;
	if (!schema->n)
		rc = hm_err_set(e, HM_EDATA, "a stream needs at least one column");
	if (!rc)
		rc = hm_schema_copy(&w->schema, schema, e);
	if (!rc)
		rc = make_slots(w, e);
	if (!rc) {
		XXH3_128bits_reset(w->digest);
		w->out = hm_out_open(path ? path : "-", e);
		rc = w->out ? 0 : HM_EDATA;
	}
	if (!rc && isatty(hm_out_fd(w->out)))
		rc = hm_err_set(e, HM_EUSAGE, "records are not written to a terminal: use -o FILE or a pipe");
	if (!rc)
		rc = write_head(w, meta, o && o->no_pg ? NULL : pg, e);
	if (rc)
		writer_free(w);
	else
		*out = w;
	return rc;
}

static int pack(struct slot *s)
{
	struct hm_writer *w = s->writer;
	struct hm_column column[HM_MAX_FIELDS];
	uint64_t rows[HM_MAX_FIELDS] = {0};
	size_t size;
	for (int i = 0; i < w->schema.n; i++) {
		column[i] = (struct hm_column){s->column[i].data, NULL};
		if (hm_field_ragged(&w->schema.field[i])) {
			column[i].offsets = (const uint32_t *)(const void *)s->offsets[i].data;
			rows[i] = column[i].offsets[s->info.count];
		}
	}
	if (!hm_layout_size(&w->schema, s->info.count, rows, &size) || size > HM_MAX_BLOCK)
		return hm_err_set(&s->err, HM_EDATA, "a block would pass 64 MiB");
	s->payload.len = s->packed.len = 0;
	/* one more, so that the payload of empty records has an address */
	if (hm_buf_reserve(&s->payload, size + 1, &s->err) ||
	    hm_buf_reserve(&s->packed, ZSTD_compressBound(size), &s->err))
		return HM_EDATA;
	s->payload.len = size;
	hm_layout_pack(&w->schema, s->info.count, column, s->payload.data);
	size_t n = ZSTD_compress2(s->zstd, s->packed.data, s->packed.cap, s->payload.data, size);
	if (ZSTD_isError(n))
		return hm_err_set(&s->err, HM_EDATA, "zstd: %s", ZSTD_getErrorName(n));
	s->packed.len = n;
	if (n > size - size / 10) { /* not worth decoding */
		s->packed.len = 0;
		if (hm_frame_store(&s->packed, s->payload.data, size, &s->err))
			return HM_EDATA;
	}
	s->info.raw = (uint32_t)size;
	s->info.packed = (uint32_t)s->packed.len;
	s->info.raw_hash = XXH3_64bits(s->payload.data, size);
	s->info.packed_hash = XXH3_64bits(s->packed.data, s->packed.len);
	return 0;
}

static void pack_job(void *arg, int worker)
{
	(void)worker;
	pack(arg);
}

/* Waits for the oldest block and writes it. */
static int write_oldest(struct hm_writer *w, struct hm_err *e)
{
	struct slot *s = &w->slot[w->oldest];
	unsigned char head[8 + HM_BHDR_SIZE];
	if (w->workers)
		hm_workers_wait(w->workers, &s->job);
	s->busy = false;
	w->oldest = (w->oldest + 1) % w->slots;
	if (s->err.code)
		return hm_err_set(e, HM_EDATA, "%s", s->err.text);
	s->info.offset = w->offset;
	hm_frame_bhdr(head, &s->info);
	int rc = hm_buf_add(&w->index, &s->info, sizeof s->info, e);
	if (!rc)
		rc = emit(w, head, sizeof head, e);
	if (!rc)
		rc = emit(w, s->packed.data, s->packed.len, e);
	XXH3_128bits_update(w->digest, s->payload.data, s->payload.len);
	w->end.records += s->info.count;
	w->end.raw_bytes += s->info.raw;
	for (int i = 0; i < w->schema.n; i++)
		s->column[i].len = s->offsets[i].len = 0;
	s->info.count = 0;
	return rc;
}

/* The slot being filled goes to the workers; the next one becomes free. */
static int flush_block(struct hm_writer *w, struct hm_err *e)
{
	struct slot *s = &w->slot[w->fill];
	int rc = 0;
	s->info.seq = w->end.blocks++;
	s->info.first = w->records - s->info.count;
	s->job = (struct hm_job){.run = pack_job, .arg = s};
	s->busy = true;
	w->raw = 0;
	if (w->workers)
		hm_workers_submit(w->workers, &s->job);
	else
		pack(s);
	w->fill = (w->fill + 1) % w->slots;
	if (w->slot[w->fill].busy)
		rc = write_oldest(w, e);
	return rc;
}

static int put_value(struct slot *s, int i, const struct hm_field *f, const struct hm_val *v,
		     struct hm_err *e)
{
	size_t per_row = hm_field_count(f);
	if (hm_field_ragged(f)) {
		uint32_t at = 0;
		if (v->count % per_row)
			return hm_err_set(e, HM_EDATA, "column \"%s\": %zu elements are no whole rows of %zu",
					  f->name, v->count, per_row);
		if (f->dtype == HM_UTF8 && hm_utf8_check(v->data, v->count) < v->count)
			return hm_err_set(e, HM_EDATA, "column \"%s\": text is not UTF-8", f->name);
		if (!s->info.count && hm_buf_add(&s->offsets[i], &at, sizeof at, e))
			return HM_EDATA;
		memcpy(&at, s->offsets[i].data + s->offsets[i].len - sizeof at, sizeof at);
		at += (uint32_t)(v->count / per_row);
		if (hm_buf_add(&s->offsets[i], &at, sizeof at, e))
			return HM_EDATA;
	} else if (v->count != per_row) {
		return hm_err_set(e, HM_EDATA, "column \"%s\": %zu elements, its shape has %zu", f->name,
				  v->count, per_row);
	}
	return v->count ? hm_buf_add(&s->column[i], v->data, v->count * hm_dtype_size(f->dtype), e) : 0;
}

/* Raw bytes of a record: its elements, and 4 for each ragged column. */
static bool record_size(const struct hm_schema *s, const struct hm_val *val, size_t *size)
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

int hm_writer_put(struct hm_writer *w, const struct hm_val *val, struct hm_err *e)
{
	size_t size = 0;
	struct slot *s = &w->slot[w->fill];
	if (w->err.code)
		return hm_err_set(e, HM_EDATA, "%s", w->err.text);
	int rc = !record_size(&w->schema, val, &size)
			 ? hm_err_set(&w->err, HM_EDATA, "the record is larger than 64 MiB less 64 KiB")
			 : 0;
	if (!rc && s->info.count &&
	    (w->raw + size > w->block_size || s->info.count == HM_MAX_BLOCK_RECORDS)) {
		rc = flush_block(w, &w->err);
		s = &w->slot[w->fill];
	}
	for (int i = 0; !rc && i < w->schema.n; i++)
		rc = put_value(s, i, &w->schema.field[i], &val[i], &w->err);
	if (rc)
		return hm_err_set(e, HM_EDATA, "%s", w->err.text);
	w->raw += size;
	w->records++;
	s->info.count++;
	return 0;
}

static int write_tail(struct hm_writer *w, struct hm_err *e)
{
	struct hm_buf indx = {0};
	unsigned char end[8 + HM_END_SIZE];
	XXH128_canonical_t digest;
	uint64_t at = w->offset;
	int rc = hm_frame_indx(&indx, (const struct hm_block_info *)(const void *)w->index.data,
			       w->index.len / sizeof(struct hm_block_info), e);
	if (!rc)
		rc = emit(w, indx.data, indx.len, e);
	XXH128_canonicalFromHash(&digest, XXH3_128bits_digest(w->digest));
	hm_frame_end(end, 0, &w->end, at, digest.digest);
	if (!rc)
		rc = emit(w, end, sizeof end, e);
	hm_buf_clear(&indx);
	return rc;
}

int hm_writer_finish(struct hm_writer *w, uint64_t skipped, struct hm_err *e)
{
	int rc = w->err.code ? hm_err_set(e, HM_EDATA, "%s", w->err.text) : 0;
	if (!rc && w->slot[w->fill].info.count)
		rc = flush_block(w, e);
	while (!rc && w->slot[w->oldest].busy)
		rc = write_oldest(w, e);
	w->end.skipped = skipped;
	if (!rc)
		rc = write_tail(w, e);
	if (rc) {
		hm_writer_abort(w);
		return rc;
	}
	rc = hm_out_commit(w->out, e);
	w->out = NULL;
	writer_free(w);
	return rc;
}

void hm_writer_abort(struct hm_writer *w)
{
	if (!w)
		return;
	if (hm_out_is_stream(w->out)) {
		unsigned char end[8 + HM_END_SIZE], none[16] = {0};
		struct hm_err ignored = {0};
		hm_frame_end(end, 1, &w->end, 0, none);
		hm_out_write(w->out, end, sizeof end,
			     &ignored); /* where it cannot be written, END is missing */
	}
	writer_free(w);
}
