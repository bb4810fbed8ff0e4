/* Adds the gradients of a batch's parts along the tree of parts.h, on one rank or several. At the end the
 * tables hold the gradients of this rank's slices (optim.h); outside the slices they hold partial sums.
 *
 * A rank first adds the gradients of its own parts. That takes one more copy of all gradients for each
 * doubling of their number. Then it sends every other rank its partial sums of that rank's slices: one sum if
 * the number of ranks is a power of two, else a few (`extra` counts their bytes). */
#ifndef HM_GRADSUM_H
#define HM_GRADSUM_H

#include "ranks/ranks.h"
#include "train/optim.h"
#include "train/parts.h"

struct hm_gradsum {
	struct hm_device *d; /* all three borrowed */
	struct hm_ranks *ranks;
	struct hm_optim *optim; /* its tables */
	size_t count;		/* elements of all tables */
	int levels, spare;	/* numbers of the two kinds of copies below */
	float **level;		/* [levels] sums of left halves: device memory, [count] each */
	float **node;		/* [spare] this rank's nodes except the last: host memory, [count] each */
	float *host;	/* [count]: the last node where the device's memory is not the host's; else NULL */
	float *chunk;	/* host memory: what is received, and sums of it */
	size_t chunks;	/* how many chunks of HM_GRADSUM_CHUNK elements it has */
	uint64_t extra; /* bytes that were sent beyond one partial sum per rank */
};
enum { HM_GRADSUM_CHUNK = 65536 };

/* Reserves memory for batches of each of these numbers of parts; no batch allocates. 0 or HM_EDATA. Caller
 * clears, also after a failure. */
int hm_gradsum_init(struct hm_gradsum *g, struct hm_optim *o, struct hm_device *d, struct hm_ranks *ranks,
		    const int64_t *parts, int n, struct hm_err *e);
void hm_gradsum_clear(struct hm_gradsum *g);
/* Calls `leaf` for each part of this rank, in order, with zero gradients in the tables; `leaf` adds those of
 * the part. Then adds up as said above. 0, or a negative code of `leaf`, the device or the transport. */
int hm_gradsum_run(struct hm_gradsum *g, int64_t parts,
		   int (*leaf)(void *ctx, int64_t part, struct hm_err *e), void *ctx, struct hm_err *e);

#endif
