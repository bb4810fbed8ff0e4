/* Records as text for people and other programs: one JSON object per record, keys in the schema's order. */
#ifndef HM_PRINT_H
#define HM_PRINT_H

#include "rec/rec.h"

/* Appends the record: texts as strings, scalars as numbers, tensors as {"dtype","shape","xxh3"} (XXH3-128
 * of the bytes) or, with `full`, as nested row-major arrays; floats in their shortest form that reads back,
 * NaN as "NaN". No newline. 0 or HM_EDATA (memory; `full` and an empty tensor of more than HM_MAX_RECORD
 * rows). */
int hm_rec_print(const struct hm_rec *rec, bool full, struct hm_buf *out, struct hm_err *e);

#endif
