/* The CUDA device from inside, for the files of this folder: launches, matrix products, scratch memory. The
 * host side is plain C; kernels stand in .cu files and are named here by HM_KERNELS lines of *args.h.
 *
 * Adding an operation: its arguments as a struct and its kernels' names in the family's *args.h; the kernel
 * in the family's .cu; a function of this folder's table that fills the struct and calls HM_LAUNCH. Pointers
 * come first in an argument struct, then sizes, then ints and floats, so that it has no holes: launches are
 * compared byte by byte to find steps that repeat.
 *
 * All of a context's work is in one stream, in order. Nothing here waits but hm_cuda_sync and what calls it:
 * download, a scratch that has to grow, free. */
#ifndef HM_CUDA_H
#define HM_CUDA_H

#include "ops/cuda/args.h"
#include "ops/cuda/slots.h"

/* The kernel for the device's activations. */
#define HM_BY_ACT(d, name) ((d)->act == HM_BF16 ? name##_bf16 : name##_f32)

struct hm_grid {
	unsigned x, y;	  /* blocks; 0 launches nothing */
	unsigned threads; /* of a block: a multiple of 32, at most 256 */
	unsigned shared;  /* bytes of dynamic shared memory */
};

/* Launches kernel(args). `name` (static) is for messages. A stuck error launches nothing. */
void hm_cuda_launch(struct hm_device *d, const char *name, hm_kernel *kernel, struct hm_grid g,
		    const void *args, size_t bytes);
#define HM_LAUNCH(d, kernel, grid, args) hm_cuda_launch(d, __func__, kernel, grid, &(args), sizeof(args))

/* The grid of a loop over n elements (hm_first, hm_stride): enough blocks to fill any GPU, no more. */
struct hm_grid hm_cuda_loop(struct hm_device *d, size_t n);
/* One block of `threads` for each of n rows (columns, images, ...); n < 2^31. */
struct hm_grid hm_cuda_each(size_t n, unsigned threads);

/* `bytes` of device memory that this operation alone uses: valid until the next call of it on this context,
 * uninitialised. NULL sticks an error. A later operation may get the same memory; the stream keeps the order.
 */
void *hm_cuda_scratch(struct hm_device *d, size_t bytes);

/* Numbers that change from step to step (a step's number, a learning rate) would make every launch look new:
 * kernels get them by address. `bytes` (at most 64) of p, which later launches find at the returned device
 * address until the next wait. Called after hm_cuda_scratch, which may wait. */
const void *hm_cuda_vary(struct hm_device *d, const void *p, size_t bytes);

/* y [m,n] = act?(a . b + bias + beta*y), by rows, where a is [m,k] and b [k,n]. Accumulated in f32. */
struct hm_gemm {
	int m, n, k;
	bool ta, tb;	       /* a is stored as [k,m]; b as [n,k] */
	int lda, ldb, ldy;     /* elements from one stored row to the next; 0: dense */
	enum hm_dtype in, out; /* of a and b, of y: HM_F32 or HM_BF16; in f32 gives out f32 */
	bool add;	       /* beta is 1, else 0 */
	bool relu;
};
/* bias [n] of y's type, or NULL. sums f32 [m] or NULL, with `ta` and out f32 and no bias: += sums of a over
 * k, a bias's gradient. */
void hm_cuda_gemm(struct hm_device *d, const struct hm_gemm *g, void *y, const void *a, const void *b,
		  const void *bias, float *sums);

/* Waits for all that was launched; a failure on the device sticks. */
void hm_cuda_sync(struct hm_device *d);

#endif
