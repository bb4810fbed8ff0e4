/* This file is shared by the ways to compute with a packed weight, and by weight.c, which chooses among them.
 */
#ifndef HM_WEIGHT_H
#define HM_WEIGHT_H

#include "ops/ops.h"

/* A way to compute. `conv` is NULL for linear layers, `matmul` for convolutions. All as in ops.h. */
struct hm_weight_kind {
	void (*conv)(struct hm_device *d, void *y, const void *x, const struct hm_weight *wt, int i, int h,
		     int w);
	void (*matmul)(struct hm_device *d, void *y, const void *x, const struct hm_weight *wt, int m);
	void (*free)(struct hm_weight *wt); /* not NULL */
};

/* The first member of each kind's own struct. */
struct hm_weight {
	const struct hm_weight_kind *kind;
};

#endif
