/* This file is shared by Winograd's convolution, winograd.c, and its loops for two widths of vectors,
 * winogradwide.c and winogradhalf.c. */
#ifndef HM_WINOGRADPARTS_H
#define HM_WINOGRADPARTS_H

#include "ops/cpu/weight.h"
#include "ops/cpu/winograd.h"
#include "base/simd.h"

/* A convolution of some images. */
struct hm_winograd_call {
	struct hm_conv c;
	const float *u, *b; /* as in struct hm_winograd */
	void *y;
	const void *x;
	int h, w;
	size_t block; /* channels that lie together */
	bool bf16;    /* images are */
};

/* Loops that are compiled for one width of vectors. */
struct hm_winograd_loops {
	size_t lanes;	/* floats of a vector: cin must be a multiple */
	size_t columns; /* of the product's block of registers: cout must be a multiple */
	/* The floats of memory that so many tiles need, at most. */
	size_t (*room)(const struct hm_conv *c, size_t tiles);
	/* Computes the outputs of tiles first .. last, counted over all images. */
	void (*run)(const struct hm_winograd_call *k, size_t first, size_t last, float *room);
};
extern const struct hm_winograd_loops hm_winograd_wide, hm_winograd_half; /* AVX-512, AVX2 with FMA */

struct hm_winograd {
	struct hm_weight head;
	struct hm_conv c;
	const struct hm_winograd_loops *loops;
	float *u; /* [36, cout/columns, cin, columns]: the filter, transformed */
	float *b; /* [cout] */
};

/* A tile's outputs and inputs per side, and its places. */
enum { OUT = 4, IN = 6, PLACES = IN * IN };
/* Tiles of an image. */
static inline size_t hm_winograd_tiles(int h, int w)
{
	return (size_t)((w + OUT - 1) / OUT) * (size_t)((h + OUT - 1) / OUT);
}

/* The transforms are Cook's and Toom's for the points 0, +-A, +-B and infinity. */
#define A .625f
#define B 1.5f

#endif
