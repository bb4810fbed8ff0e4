/* This file is shared by Winograd's convolution, winograd.c, and its loops for two widths of vectors,
 * winogradwide.c and winogradhalf.c. */
#ifndef HM_WINOGRADPARTS_H
#define HM_WINOGRADPARTS_H

#include "ops/cpu/winograd.h"

/* Loops that are compiled for one width of vectors. */
struct hm_winograd_loops {
	size_t lanes;	/* floats of a vector: cin must be a multiple */
	size_t columns; /* of the product's block of registers: cout must be a multiple */
	void (*run)(struct hm_device *d, void *y, const void *x, const struct hm_winograd *p, int i, int h,
		    int w);
};
extern const struct hm_winograd_loops hm_winograd_wide, hm_winograd_half; /* AVX-512, AVX2 with FMA */

struct hm_winograd {
	struct hm_conv c;
	const struct hm_winograd_loops *loops;
	float *u; /* [36, cout/columns, cin, columns]: the filter, transformed */
	float *b; /* [cout] */
};

/* A tile's outputs and inputs per side, and its places. */
enum { OUT = 4, IN = 6, PLACES = IN * IN };
/* The transforms are Cook's and Toom's for the points 0, +-A, +-B and infinity. */
#define A .625f
#define B 1.5f

#endif
