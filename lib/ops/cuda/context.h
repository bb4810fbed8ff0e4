/* One context of the CUDA device: its stream, what is waiting to be launched, and the memory that it keeps.
 * For the files that make the device (memory, launch, product, table); operations do with cuda.h. */
#ifndef HM_CUDA_CONTEXT_H
#define HM_CUDA_CONTEXT_H

#include "ops/cuda/cuda.h"

#include <cublasLt.h>
#include <cuda_runtime_api.h>

enum { HM_LISTS = 8 };

/* A run of work between two waits, as bytes: struct entry and its arguments, one after the other. */
struct hm_cuda_list {
	unsigned char *data;
	size_t len, cap;
	cudaGraphExec_t graph; /* the same, instantiated; NULL: not yet */
	bool plain;	       /* CUDA has refused to make a graph of it */
	uint64_t used;	       /* when it came last */
};

struct hm_cuda {
	int index; /* of the GPU */
	int units; /* its multiprocessors */
	cudaStream_t stream;
	/* launch.c: the run that is being asked for; earlier ones; the one it has followed so far, or -1:
	 * then nothing is held back. */
	struct hm_cuda_list now, list[HM_LISTS];
	int following;
	uint64_t runs;
	const char *first, *last; /* operations since the last good wait */
	bool careful;		  /* waits after each launch, so that a failure has its operation's name */
	/* memory.c: pinned memory that uploads pass through, filled from its start again after each wait;
	 * numbers that change from step to step, in lines, of which `vary` is the device's copy and `varied`
	 * the host's. */
	unsigned char *stage, *vary, *varied;
	size_t stage_size, stage_used, vary_used;
	/* memory.c: prefetch's own stream, pinned memory, and the event behind its last copy, which `stream`
	 * waits for. */
	cudaStream_t beside;
	cudaEvent_t sent;
	unsigned char *ahead;
	size_t ahead_size, ahead_used;
	bool waited; /* since the last prefetch */
	void *scratch;
	size_t scratch_size;
	/* product.c */
	cublasLtHandle_t blas;
	bool blas_shared; /* a fork's is its parent's */
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

/* Sticks "device cuda: <operation>: <what CUDA says>" unless rc is success; whether it is. */
bool hm_cuda_ok(struct hm_device *d, const char *operation, cudaError_t rc);

/* ---- launch.c: work that is asked for */

/* Device memory := bytes of pinned host memory, which stay as they are until the next wait. */
void hm_cuda_put(struct hm_device *d, void *dst, const void *pinned, size_t bytes);
struct hm_cuda_product {
	void *y;
	const void *a, *b, *bias;
	const struct hm_cuda_plan *plan;
};
void hm_cuda_multiply(struct hm_device *d, const struct hm_cuda_product *p);
/* All that was asked for is started. */
void hm_cuda_submit(struct hm_device *d);
/* Earlier runs are forgotten: what their launches point to is no more. */
void hm_cuda_forget(struct hm_cuda *c);

/* ---- memory.c */

/* At least n bytes of it; false sticks an error. May wait. */
bool hm_cuda_stage_room(struct hm_device *d, size_t n);
/* n bytes of p in pinned memory until the next wait, NULL sticks an error. May wait. */
void *hm_cuda_stage(struct hm_device *d, const void *p, size_t n);

/* ---- product.c */

int hm_cuda_product_open(struct hm_device *d, struct hm_cuda *parent, struct hm_err *e);
void hm_cuda_product_close(struct hm_cuda *c);
/* Starts one in the stream. */
cublasStatus_t hm_cuda_product_run(struct hm_cuda *c, const struct hm_cuda_product *p);

#endif
