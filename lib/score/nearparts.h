/* What nearsearch.c (blocks of products) and nearproducts.c (which of them matter) share. Not for others. */
#ifndef HM_NEARPARTS_H
#define HM_NEARPARTS_H

#include "score/nearsearch.h"

/* A product that may be among the k largest of its query. */
struct hm_near_waiting {
	size_t row;
	float product;
};

struct hm_near_lane {
	struct hm_device *d;
	float *x, *y, *host; /* device memory [queries,dim], [queries,ROWS]; the latter in host memory */
	struct hm_buf pairs; /* of hm_nearest_above */
	/* of hm_nearest_find, for each of `queries`: the largest products so far, falling, and what waits to
	 * be computed again */
	float *best;			 /* [queries,k] */
	struct hm_near_waiting *waiting; /* [queries,room of k] */
	size_t *bests, *waitings;
	struct hm_err e;
};

/* What is asked of every query. */
struct hm_near_search {
	const float *query;
	size_t m, first;
	size_t each; /* queries of a part */
	size_t k;    /* 0: all above `least` */
	struct hm_near *out;
	size_t *have; /* [m] found so far, up to k */
	double least;
};

struct hm_nearest {
	const struct hm_nearrows *rows;
	double error;	/* the most by which a product in f32 can be wrong */
	double *length; /* [rows] of each row, which is 1 but for rounding, or 0 */
	size_t blocks;
	struct hm_weight **block; /* [blocks] */
	struct hm_device *device;
	struct hm_workers *workers, *own;
	int lanes, queries; /* queries: the most of a part */
	struct hm_near_lane *lane;
	struct hm_near_search now;
};

/* How many products of a query wait. */
static inline size_t hm_near_room(size_t k)
{
	return 4 * k + 64;
}

/* The length of a row. */
double hm_near_length(const float *row, size_t n);
/* Looks at the products p[0..n) of query q with the rows from `first` on: keeps the pairs above `least`, or
 * what can be one of the k nearest. `part` numbers the query in its part. */
void hm_near_take_above(struct hm_nearest *s, struct hm_near_lane *l, size_t q, const float *p, size_t n,
			size_t first);
void hm_near_take_nearest(struct hm_nearest *s, struct hm_near_lane *l, size_t q, size_t part, const float *p,
			  size_t n, size_t first);
/* Computes the similarities of what waits and is still above the floor. */
void hm_near_settle(struct hm_nearest *s, struct hm_near_lane *l, size_t q, size_t part);

#endif
