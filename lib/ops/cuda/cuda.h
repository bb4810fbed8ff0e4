/* This file is the CUDA device's inside, for the files of this folder: launches, matrix products, scratch
 * memory. The host side is plain C. Kernels are in .cu files and are declared to the host by HM_KERNELS
 * lines in *args.h.
 *
 * Adding an operation: declare its arguments as a struct and its kernels in the family's *args.h; write the
 * kernel in the family's .cu; add a function to this folder's table that fills the struct and calls
 * HM_LAUNCH. In an argument struct pointers come first, then sizes, then ints and floats, so that it has no
 * padding: launches are compared byte by byte to find steps that repeat.
 *
 * All work of a context is in one stream, in order. Only hm_cuda_sync waits, and what calls it: download,
 * scratch memory that has to grow, free. */
#ifndef HM_CUDA_H
#define HM_CUDA_H

#include "ops/cuda/args.h"
#include "ops/cuda/slots.h"

/* The kernel for the device's activations. */
#define HM_BY_ACT(d, name) ((d)->act == HM_BF16 ? name##_bf16 : name##_f32)

struct hm_grid {
	unsigned x, y;	  /* blocks; 0 launches nothing */
	unsigned threads; /* threads per block: a multiple of 32, at most 256 */
	unsigned shared;  /* bytes of dynamic shared memory */
};

/* Launches kernel(args). `name` (static) is for messages. After an error nothing is launched. */
void hm_cuda_launch(struct hm_device *d, const char *name, hm_kernel *kernel, struct hm_grid g,
		    const void *args, size_t bytes);
#define HM_LAUNCH(d, kernel, grid, args) hm_cuda_launch(d, __func__, kernel, grid, &(args), sizeof(args))

/* The grid for a loop over n elements (hm_first, hm_stride): enough blocks to fill any GPU, no more. */
struct hm_grid hm_cuda_loop(struct hm_device *d, size_t n);
/* One block of `threads` for each of n rows (columns, images, ...); n < 2^31. */
struct hm_grid hm_cuda_each(size_t n, unsigned threads);

/* Uninitialised device memory for this operation, valid until the next call on this context. NULL sticks an
 * error. A later operation may get the same memory; the stream keeps the order. */
void *hm_cuda_scratch(struct hm_device *d, size_t bytes);

/* Copies `bytes` (at most 64) of p to the device and returns their address, valid for launches until the
 * next wait. For numbers that change from step to step (a step's number, a learning rate): as arguments
 * they would make every launch look new. Call it after hm_cuda_scratch, which may wait. */
const void *hm_cuda_vary(struct hm_device *d, const void *p, size_t bytes);

/* y [m,n] = relu?(a . b + bias + (add ? y : 0)), row-major, a [m,k], b [k,n]; sums are f32. */
struct hm_gemm {
	int m, n, k;
	bool ta, tb;	       /* a is stored as [k,m]; b as [n,k] */
	int lda, ldb, ldy;     /* elements from one stored row to the next; 0: dense */
	enum hm_dtype in, out; /* types of a and b, and of y: HM_F32 or HM_BF16; f32 inputs give f32 */
	bool add;	       /* y is added to */
	bool relu;
};
/* bias [n] of y's type, or NULL. sums f32 [m] or NULL += sums of a over k, which is a bias's gradient; only
 * with `ta`, f32 output and no bias. */
void hm_cuda_gemm(struct hm_device *d, const struct hm_gemm *g, void *y, const void *a, const void *b,
		  const void *bias, float *sums);

/* Waits for all work; a failure on the device sticks. */
void hm_cuda_sync(struct hm_device *d);

#endif
