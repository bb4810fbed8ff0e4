/* This file has a context of the CUDA device: its stream, the work that waits to be launched, and the
 * memory that it keeps. It is for the files that make the device (memory, launch, product, table);
 * operations need only cuda.h. */
#ifndef HM_CUDA_CONTEXT_H
#define HM_CUDA_CONTEXT_H

#include "ops/cuda/cuda.h"

#include <cublasLt.h>
#include <cuda_runtime_api.h>

enum { HM_LISTS = 8 };

/* The work between two waits, as bytes: struct entry and its arguments, one after the other. */
struct hm_cuda_list {
	unsigned char *data;
	size_t len, cap;
	cudaGraphExec_t graph; /* the same as a CUDA graph; NULL: not made yet */
	bool plain;	       /* CUDA could not make a graph of it */
	uint64_t used;	       /* when it was last asked for */
};

struct hm_cuda {
	int index; /* number of the GPU */
	int units; /* its multiprocessors */
	cudaStream_t stream;
	/* launch.c: the work being asked for; earlier work; the index of the earlier list that the present
	 * one has followed so far, or -1: then launches are not held back. */
	struct hm_cuda_list now, list[HM_LISTS];
	int following;
	uint64_t runs;
	const char *first, *last; /* first and last operation since the last successful wait */
	bool careful;		  /* waits after each launch, so that a failure can name its operation */
	/* memory.c: pinned memory that uploads pass through, filled from the start again after each wait;
	 * and numbers that change from step to step, in lines of HM_CUDA_LINE bytes, with the device's copy
	 * `vary` and the host's `varied`. */
	unsigned char *stage, *vary, *varied;
	size_t stage_size, stage_used, vary_used;
	/* memory.c: prefetch has its own stream, pinned memory, and an event behind its last copy that
	 * `stream` waits for. */
	cudaStream_t beside;
	cudaEvent_t sent;
	unsigned char *ahead;
	size_t ahead_size, ahead_used;
	bool waited; /* since the last prefetch */
	void *scratch;
	size_t scratch_size;
	/* product.c */
	cublasLtHandle_t blas;
	bool blas_shared; /* a fork uses its parent's */
	void *workspace;
	float *sums; /* [HM_CUDA_SUMS] */
	struct hm_cuda_plan *plan;
	size_t plans;
};
enum {
	HM_CUDA_STAGE = 1 << 20,
	HM_CUDA_STAGE_MOST = 32 << 20,
	HM_CUDA_LINE = 64,
	HM_CUDA_VARY = 1 << 14,
	HM_CUDA_SUMS = 1 << 18
};

static inline struct hm_cuda *hm_cuda_of(const struct hm_device *d)
{
	return d->ctx;
}

/* Sticks "device cuda: <operation>: <CUDA's message>" unless rc is success. Returns whether it is. */
bool hm_cuda_ok(struct hm_device *d, const char *operation, cudaError_t rc);

/* ---- launch.c */

/* Copies pinned host memory, which must not change until the next wait, to the device. */
void hm_cuda_put(struct hm_device *d, void *dst, const void *pinned, size_t bytes);
struct hm_cuda_product {
	void *y;
	const void *a, *b, *bias;
	const struct hm_cuda_plan *plan;
};
void hm_cuda_multiply(struct hm_device *d, const struct hm_cuda_product *p);
/* Starts all work that was asked for. */
void hm_cuda_submit(struct hm_device *d);
/* Forgets earlier work, because its launches refer to memory that is gone. */
void hm_cuda_forget(struct hm_cuda *c);

/* ---- memory.c */

/* Makes room for n bytes of staging memory; false sticks an error. May wait. */
bool hm_cuda_stage_room(struct hm_device *d, size_t n);
/* Copies n bytes of p into pinned memory, valid until the next wait. NULL sticks an error. May wait. */
void *hm_cuda_stage(struct hm_device *d, const void *p, size_t n);

/* ---- product.c */

int hm_cuda_product_open(struct hm_device *d, struct hm_cuda *parent, struct hm_err *e);
void hm_cuda_product_close(struct hm_cuda *c);
/* Starts one product in the stream. */
cublasStatus_t hm_cuda_product_run(struct hm_cuda *c, const struct hm_cuda_product *p);

#endif
