/* Exact nearest neighbours by cosine among rows of nearrows.h. The device multiplies blocks of rows in f32;
 * that only says which pairs can matter, within the bound of f32's rounding. A pair that can is computed
 * again in double, in one fixed order: its similarity depends on the two rows alone, and the result on no
 * block, no thread and no device.
 *
 *   hm_nearest_open(&s, &rows, device, workers, e)
 *   hm_nearest_find(s, query, m, k, out, e)    query [m,dim], as hm_nearrow_make makes rows
 *   hm_nearest_close(s) */
#ifndef HM_NEARSEARCH_H
#define HM_NEARSEARCH_H

#include "ops/ops.h"
#include "base/workers.h"
#include "score/nearrows.h"

struct hm_near {
	size_t row;	   /* in the rows */
	double similarity; /* -1 to 1 */
};

struct hm_nearest;
/* Packs the rows for the device, which takes their memory a second time. Borrows its arguments; `d` computes
 * in HM_PREC_F32. 0 or HM_EDATA. Caller closes *s. */
int hm_nearest_open(struct hm_nearest **s, const struct hm_nearrows *rows, struct hm_device *d,
		    struct hm_workers *w, struct hm_err *e);
void hm_nearest_close(struct hm_nearest *s); /* NULL is fine */

/* The k rows most similar to each of the m queries, 1 <= k <= rows: out [m,k], from the most similar; of
 * equal ones the earlier row first. 0 or HM_EDATA. */
int hm_nearest_find(struct hm_nearest *s, const float *query, size_t m, size_t k, struct hm_near *out,
		    struct hm_err *e);

/* A query and a row that are nearly the same. */
struct hm_near_pair {
	size_t query, row;
	double similarity;
};
#define HM_NEAR_PAIRS ((size_t)1000000)
/* Appends all pairs whose similarity is above `least` to `out` (struct hm_near_pair[]), in no order; queries
 * are numbered from `first`. HM_EDATA also when `out` would hold more than HM_NEAR_PAIRS. */
int hm_nearest_above(struct hm_nearest *s, const float *query, size_t m, size_t first, double least,
		     struct hm_buf *out, struct hm_err *e);
/* Sorts pairs from the most similar; equal ones by query, then by row. */
void hm_near_sort(struct hm_near_pair *pair, size_t n);

#endif
