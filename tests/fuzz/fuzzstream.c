/* Makes streams. See fuzzstream.h; apart from it, for rec/format.h is not for those who look at columns. */
#include "fuzzstream.h"
#include "base/xxh3.h"
#include "rec/format.h"
#include "rec/pack.h"
#include "rec/tail.h"

enum { STREAM_RECORDS = 32, STREAM_BYTES = 1 << 16 };

/* n bytes of the values, zeros behind their end. */
static void take_bytes(const uint8_t **p, size_t *left, void *to, size_t n)
{
	size_t part = n < *left ? n : *left;
	memset(to, 0, n);
	if (part)
		memcpy(to, *p, part);
	*p += part;
	*left -= part;
}

/* Adds a record to the pack, its texts cut where they are no UTF-8; false where it is too large. */
static bool pack_record(struct hm_pack *pack, const struct hm_schema *s, const uint8_t **p, size_t *left)
{
	static uint8_t room[STREAM_BYTES] __attribute__((aligned(64)));
	struct hm_val val[HM_MAX_FIELDS];
	struct hm_err e = {0};
	size_t at = 0, size;
	for (int i = 0; i < s->n; i++) {
		size_t count = hm_field_count(&s->field[i]), bytes;
		if (hm_field_ragged(&s->field[i])) {
			uint8_t rows;
			take_bytes(p, left, &rows, 1);
			count *= rows;
		}
		if (count > STREAM_BYTES ||
		    (bytes = count * hm_dtype_size(s->field[i].dtype)) > STREAM_BYTES - at)
			return false;
		take_bytes(p, left, room + at, bytes);
		if (s->field[i].dtype == HM_UTF8)
			count = hm_utf8_check((const char *)room + at, count);
		val[i] = (struct hm_val){room + at, count};
		at = (at + bytes + 7) & ~(size_t)7;
		if (at > STREAM_BYTES - 8)
			return false;
	}
	must(hm_pack_record_size(pack, val, &size) && !hm_pack_add(pack, val, size, &e));
	return true;
}

static void add_block(struct hm_buf *out, struct hm_tail *tail, struct hm_pack *pack)
{
	struct hm_err e = {0};
	unsigned char frame[8 + HM_BHDR_SIZE];
	hm_pack_compress(pack);
	must(!pack->err.code);
	pack->info.offset = out->len;
	hm_frame_bhdr(frame, &pack->info);
	must(!hm_buf_add(out, frame, sizeof frame, &e) &&
	     !hm_buf_add(out, pack->packed.data, pack->packed.len, &e));
	must(!hm_tail_add(tail, &pack->info, &e));
	hm_tail_digest(tail, pack->payload.data, pack->payload.len);
}

int build_stream(struct hm_buf *out, const uint8_t *data, size_t size)
{
	struct hm_err e = {0}, why = {0};
	struct hm_buf text = {0}, names = {0};
	struct hm_schema schema = {0};
	struct hm_pack pack = {0};
	struct hm_tail tail;
	int records = 0;
	struct fuzz_part head = next_part(&data, &size, 1);
	cJSON *o = hm_json_parse((const char *)head.p, head.n, 8, NULL, &why);
	const cJSON *array = cJSON_GetObjectItemCaseSensitive(o, "schema");
	must(!hm_buf_reserve(&text, 1, &e));
	must(!(o ? hm_json_write(o, &text, &e) : hm_buf_add(&text, head.p, head.n, &e)));
	must(!hm_frame_head(out, (const char *)text.data, text.len, &e));
	bool sound = o && !hm_schema_from_json(array, &schema, &why);
	if (sound) {
		must(!hm_tail_init(&tail, &e) && !hm_pack_init(&pack, &schema, 1, &e) &&
		     !hm_json_write(array, &names, &e));
		hm_tail_digest(&tail, names.data, names.len);
		while (size && records < STREAM_RECORDS && pack_record(&pack, &schema, &data, &size))
			records++;
		if (records)
			add_block(out, &tail, &pack);
		must(!hm_tail_write(&tail, out->len, 0, out, &e));
		hm_tail_clear(&tail);
		hm_pack_clear(&pack);
	}
	hm_schema_clear(&schema);
	hm_buf_clear(&text);
	hm_buf_clear(&names);
	cJSON_Delete(o);
	return sound ? records : -1;
}
