/* One column of a stream as NumPy's .npy files (NumPy enhancement proposal 1, version 1.0). A fixed column
 * becomes one array [n,...]. A ragged column becomes the array of all its rows and FILE.offsets.npy, I64
 * [n+1], which says where each record's rows begin. BF16 is widened to f32, other types stay. A text
 * column becomes an array of NumPy's texts (U), all as wide as the longest, and is held in memory until the
 * end. npyread.h reads such files. */
#ifndef HM_NPY_H
#define HM_NPY_H

#include "rec/rec.h"

struct hm_npy;
/* Opens `path` (and path.offsets.npy) for column `f`, which is copied. A pipe is refused, because the header
 * is written last. */
int hm_npy_open(struct hm_npy **n, const char *path, const struct hm_field *f, struct hm_err *e);
/* The next record's value. */
int hm_npy_put(struct hm_npy *n, const struct hm_val *v, struct hm_err *e);
/* Writes the headers and commits the files. Frees n, also on failure. */
int hm_npy_finish(struct hm_npy *n, struct hm_err *e);
void hm_npy_abort(struct hm_npy *n); /* NULL is fine */

#endif
