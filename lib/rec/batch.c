/* Deep copies of records: see rec.h. */
#include "rec/rec.h"

#include <stdlib.h>
#include <string.h>

/* Values of a record begin at multiples of 16, as malloc would have it. */
static size_t padded_size(size_t n)
{
	return (n + 15) & ~(size_t)15;
}

int hm_batch_add(struct hm_batch *b, const struct hm_rec *rec, struct hm_err *e)
{
	if (b->n == b->cap) {
		int cap = b->cap ? 2 * b->cap : 64;
		struct hm_rec *more = hm_alloc((size_t)cap, sizeof *more, e);
		if (!more)
			return HM_EDATA;
		if (b->n)
			memcpy(more, b->rec, (size_t)b->n * sizeof *more);
		free(b->rec);
		b->rec = more;
		b->cap = cap;
	}
	struct hm_rec *to = &b->rec[b->n];
	to->schema = rec->schema;
	size_t bytes[HM_MAX_FIELDS], room = 0;
	for (int i = 0; i < rec->schema->n; i++) {
		bytes[i] = rec->val[i].count * hm_dtype_size(rec->schema->field[i].dtype);
		room += padded_size(bytes[i]);
	}
	unsigned char *p = hm_arena_get(&b->arena, room, e);
	if (!p)
		return HM_EDATA;
	for (int i = 0; i < rec->schema->n; i++) {
		if (bytes[i])
			memcpy(p, rec->val[i].data, bytes[i]);
		to->val[i] = (struct hm_val){p, rec->val[i].count};
		p += padded_size(bytes[i]);
		b->bytes += bytes[i];
	}
	b->n++;
	return 0;
}

void hm_batch_reset(struct hm_batch *b)
{
	b->n = 0;
	b->bytes = 0;
	hm_arena_reset(&b->arena);
}

void hm_batch_clear(struct hm_batch *b)
{
	free(b->rec);
	hm_arena_clear(&b->arena);
	*b = (struct hm_batch){0};
}
