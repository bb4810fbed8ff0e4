/* Records as text for people and other programs: one JSON object per record, keys in the schema's order. */
#ifndef HM_PRINT_H
#define HM_PRINT_H

#include "rec/rec.h"

/* Takes what `out` holds so far and empties it. */
#define HM_PRINT_PIECE ((size_t)64 << 10)
struct hm_print_flush {
	int (*run)(void *ctx, struct hm_err *e);
	void *ctx;
};
/* Appends the record: texts as strings, scalars as numbers, tensors as {"dtype","shape","xxh3"} (XXH3-128
 * of the bytes) or, with `full`, as nested row-major arrays; floats in their shortest form that reads back,
 * NaN as "NaN". No newline. 0 or HM_EDATA (memory; `full` and an empty tensor of more than HM_MAX_RECORD
 * rows). `flush` (NULL: none) is called within a record whenever `out` has HM_PRINT_PIECE bytes: the text of
 * a record can be several times as large as its values. */
int hm_rec_print(const struct hm_rec *rec, bool full, struct hm_buf *out, const struct hm_print_flush *flush,
		 struct hm_err *e);

#endif
