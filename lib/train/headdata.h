/* Cached features of a whole set in memory: what a head is trained and validated on. */
#ifndef HM_HEADDATA_H
#define HM_HEADDATA_H

#include "rec/rec.h"

/* What a feature column says of its origin ("" where it does not). */
struct hm_feature {
	int dim; /* 0: not used */
	char encoder[33], output[16], precision[8];
};

struct hm_headdata {
	size_t n;
	int dim;	 /* image.dim + text.dim */
	float *x;	 /* [n,dim], image feature first */
	int32_t *label;	 /* [n] */
	const char **id; /* [n] */
	struct hm_feature image, text;
	size_t failed, unlabelled; /* records left out: `error` set; label -1 */
	struct hm_buf store, labels, ids;
	struct hm_arena arena;
};

struct hm_headdata_options {
	bool image, text; /* which features; neither: those that are there */
	bool skip;	  /* leave failed and unlabelled records out; else they are errors */
	bool unknown;	  /* accept feature columns without an encoder's digest */
};

/* Reads the joined records to their end: columns image_feature [C], text_feature [H] (F32, F16, BF16), label,
 * and error when present. 0 or HM_EDATA; sentences name input, record and id. Caller clears, also after a
 * failure. */
int hm_headdata_read(struct hm_headdata *d, struct hm_join *in, const struct hm_headdata_options *o,
		     struct hm_err *e);
void hm_headdata_clear(struct hm_headdata *d);

/* mean[dim] and deviation[dim] of the columns of x, in double. n >= 1. The deviation is the biased one; 1 for
 * a column that is constant to F32's rounding, whose scaling would cost the folded head its digits. */
void hm_headdata_moments(const struct hm_headdata *d, double *mean, double *deviation);
/* x := (x - mean)/deviation. */
void hm_headdata_standardise(struct hm_headdata *d, const double *mean, const double *deviation);

#endif
