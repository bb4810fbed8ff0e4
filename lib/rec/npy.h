/* One column of a stream as NumPy's .npy files (NumPy enhancement proposal 1, version 1.0): [n,...] for a
 * fixed column; for a ragged one its rows end to end, and FILE.offsets.npy, I64 [n+1], where each record's
 * begin. F16 stays, BF16 widens to f32. Text columns have no place there. */
#ifndef HM_NPY_H
#define HM_NPY_H

#include "rec/rec.h"

struct hm_npy;
/* Opens `path` (and path.offsets.npy) for column `f`, which is copied. Pipes are refused: the count stands in
 * front. */
int hm_npy_open(struct hm_npy **n, const char *path, const struct hm_field *f, struct hm_err *e);
/* The next record's value. */
int hm_npy_put(struct hm_npy *n, const struct hm_val *v, struct hm_err *e);
/* Writes the headers, makes the files real; frees n, also on failure. */
int hm_npy_finish(struct hm_npy *n, struct hm_err *e);
void hm_npy_abort(struct hm_npy *n); /* NULL is fine */

#endif
