/* This file has the arguments of the kernels on images: imageops.cu, conv.cu and batchnorm.cu. Images lie as
 * [i,h,w,c]. A unit is what one thread computes at a time: `wide` ? 8 : 1 neighbouring channels of a
 * position, unless its line says otherwise. There are fewer than 2^31 units. */
#ifndef HM_IMAGEARGS_H
#define HM_IMAGEARGS_H

#include "ops/cuda/args.h"
#include "ops/cuda/divide.h"

/* ---- imageops.cu */

/* A unit is `wide` ? 4 : 1 pixels; `units` per image, n in all. */
struct normalise_args {
	void *y;	    /* act [i,hw,3] */
	const uint8_t *px;  /* [i,3,hw] */
	const float *table; /* [3*256] */
	size_t n, hw;
	struct hm_divisor units;
	uint32_t wide;
};
HM_KERNELS(normalise);

/* A unit is a pixel of y; n in all. row: 3*side^2; square: side^2; cells: patches of an image; across: of a
 * row of patches. */
struct patches_args {
	void *y;
	const uint8_t *px;  /* [i,3,h,w] */
	const float *table; /* [3*256] */
	size_t n, h, w;
	struct hm_divisor row, square, side, cells, across;
};
HM_KERNELS(patches);

struct max_pool_args {
	void *y;
	const void *x;
	size_t n;		     /* units of y */
	struct hm_divisor c, wo, ho; /* c: units per position */
	int32_t h, w;
	uint32_t wide;
};
HM_KERNELS(max_pool);

/* A block computes 32 units of one image. */
struct avg_pool_args {
	float *y;
	const void *x;
	size_t hw;
	struct hm_divisor groups; /* blocks per image */
	uint32_t c, wide;
	float share; /* 1/hw */
};
HM_KERNELS(avg_pool);

/* A unit is two by two pixels, from an even row and column. */
struct max_pool_backward_args {
	void *dx;
	const void *dy, *dy2, *x;
	size_t n;
	struct hm_divisor c, columns, rows; /* units per position; pairs of columns, of rows */
	int32_t h, w, ho, wo;
	uint32_t wide;
};
HM_KERNELS(max_pool_backward);

struct avg_pool_backward_args {
	void *dx;
	const float *dy;
	size_t n;		 /* units of dx */
	struct hm_divisor c, hw; /* c: units per position */
	uint32_t wide;
	float share; /* 1/hw */
};
HM_KERNELS(avg_pool_backward);

/* ---- conv.cu. Columns are a matrix with one row per output position of some images: the kernel*kernel
 * taps of cin channels that the position reads, and zeros up to `width`, a multiple of 8. */

/* A unit is eight elements of a row. wide: they are eight channels of one tap. */
struct conv_columns_args {
	void *columns; /* act [i*ho*wo, width] */
	const void *x; /* act [i,h,w,cin] */
	size_t n;
	struct hm_divisor units, c, kernel, wo, ho; /* units per row; c: units per tap, or channels */
	int32_t h, w, stride, pad;
	uint32_t wide;
};
HM_KERNELS(conv_columns);

/* The same for filters: w [cout,cin,kernel,kernel] as rows like those of columns. turned: the filters of
 * the convolution that computes the gradient of x from that of y when the stride is 1: from cout channels
 * to cin, taps in reverse order. */
struct conv_filters_args {
	void *y; /* act [cout, width]; turned: [cin, width] */
	const float *w;
	size_t n;		    /* elements of y */
	struct hm_divisor width, c; /* c: channels per tap */
	uint32_t row_step, c_step,
		taps; /* distances in w from row to row and from channel to channel; kernel*kernel */
	uint32_t turned;
};
HM_KERNELS(conv_filters);

/* The reverse: w += columns. */
struct conv_gradient_args {
	float *dw;	      /* [cout,cin,kernel,kernel] */
	const float *columns; /* [cout, width] */
	size_t n;	      /* elements of dw */
	struct hm_divisor c_taps, taps;
	uint32_t c, width;
};
HM_KERNEL_ONE(conv_gradient);

/* The gradient of images from dcolumns: each position adds up the taps that read it. */
struct conv_image_args {
	void *dx;			   /* act [i,h,w,cin] */
	const float *columns;		   /* [i*ho*wo, width] */
	size_t n;			   /* units of dx */
	struct hm_divisor c, w, h, stride; /* c: units per position */
	int32_t ho, wo, kernel, pad, width;
	uint32_t wide;
};
HM_KERNELS(conv_image);

/* ---- batchnorm.cu: one struct for the kernels of a pass over x [m,c]. Sums over rows are computed in
 * `chunks` pieces of `rows`: in f32 per thread about its own first value, in double beyond. In a block
 * `lanes` threads are side by side, with a unit each, as many times as they fit; the block's second number
 * selects the channels. */
enum {
	HM_BN_THREADS = 256, /* threads per block */
	HM_BN_TEAM = 32	     /* threads that add the pieces of one channel */
};
struct batch_norm_args {
	void *y, *dx, *dres;		       /* act [m,c] */
	const void *x, *res, *dy, *dy2, *seen; /* act [m,c]; seen: the forward pass's y */
	const float *gamma, *beta;	       /* [c] */
	float *mean, *var, *save;	       /* [c], [c], [2,c] */
	float *dgamma, *dbeta;		       /* [c] or NULL */
	double *part;			       /* [chunks,2,c]: sums of x and x^2, or of g and g*(x - mean) */
	float *coef;			       /* [3,c]: scale, shift, slope */
	double eps, momentum;
	uint32_t m, rows, chunks; /* chunks 0: there are no sums */
	uint32_t run;		  /* rows per block in kernels that compute no sums */
	uint32_t c, lanes, wide;
	uint32_t batch, relu; /* the batch's statistics; max(0, .) */
	uint32_t unused;
};
HM_KERNELS(batch_norm_sums);	  /* computes part from x */
HM_KERNEL_ONE(batch_norm_totals); /* computes save, mean, var, coef from part */
HM_KERNELS(batch_norm_apply);	  /* y */
HM_KERNELS(batch_norm_dots);	  /* computes part from g, and dres */
HM_KERNEL_ONE(batch_norm_slopes); /* computes dgamma, dbeta, coef */
HM_KERNELS(batch_norm_backward);  /* dx */

#endif
