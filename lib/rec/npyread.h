/* An array of a .npy file (NumPy enhancement proposal 1, versions 1.0 to 3.0), mapped and given by rows. The
 * header is parsed strictly and nothing of it is run; pickled objects are refused.
 *
 *   struct hm_npyarray a;  hm_npyarray_open(&a, path, e)
 *   hm_npyarray_rows(&a, first, n, out);  hm_npyarray_close(&a)
 */
#ifndef HM_NPYREAD_H
#define HM_NPYREAD_H

#include "base/file.h"
#include "base/tensor.h"

enum { HM_NPY_DIMS = HM_MAX_DIMS + 1 }; /* the records, and the dimensions of a column */

enum hm_npy_kind {
	HM_NPY_NUMBERS, /* of `dtype` */
	HM_NPY_BYTES,	/* texts of `size` bytes each, NULs behind them do not count (NumPy's S) */
	HM_NPY_UCS4,	/* texts of size/4 code points each, the same (NumPy's U) */
};

struct hm_npyarray {
	enum hm_npy_kind kind;
	enum hm_dtype dtype;
	size_t size; /* bytes of an element */
	int ndim;
	int64_t dim[HM_NPY_DIMS];  /* dim[0] rows; 0 dimensions: one element */
	size_t row;		   /* elements of a row: the product of the other dimensions */
	bool fortran;		   /* the first index runs fastest */
	bool swapped;		   /* big-endian */
	const unsigned char *data; /* at any address */
	struct hm_map map;	   /* of hm_npyarray_open */
};

/* Whether a file that begins with p[0..n) is a .npy file. */
bool hm_npyarray_recognise(const unsigned char *p, size_t n);
/* *a := the array in p[0..n), the whole of a file, which must outlive it. HM_EDATA: not a .npy file (the
 * sentence says what it is), objects, a type that is no number and no text, a size that is not the file's. */
int hm_npyarray_parse(struct hm_npyarray *a, const unsigned char *p, size_t n, struct hm_err *e);
/* The same for a regular file; the sentence begins with its path. Caller closes, also after a failure. */
int hm_npyarray_open(struct hm_npyarray *a, const char *path, struct hm_err *e);
void hm_npyarray_close(struct hm_npyarray *a);
/* *a := a tensor of one dimension or more, which must outlive it. */
void hm_npyarray_of_tensor(struct hm_npyarray *a, const struct hm_tensor *t);
/* out := the elements of rows first .. first+n-1, which exist, in row-major order and little-endian. Of an
 * array in Fortran order many rows at once cost little more than one. */
void hm_npyarray_rows(const struct hm_npyarray *a, size_t first, size_t n, void *out);

#endif
