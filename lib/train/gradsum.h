/* The gradients of a batch from those of its parts, added along the tree of parts.h, also over several ranks:
 * at the end each rank has the gradients of its slices (optim.h) in the tables, the rest there is partial.
 *
 * A rank adds its own parts first, which takes one more copy of the gradients for each doubling of their
 * number. Then every rank sends each other rank what it has of that rank's slices: with a power of two of
 * ranks one partial sum, else up to a few (hm_gradsum_extra). */
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
	int levels, spare;	/* copies of the gradients: of left halves, of nodes that are not the last */
	float **level;		/* [levels], device memory, [count] each */
	float **node;		/* [spare], as the device's results are sent: host memory */
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
/* Calls `leaf` for each part of this rank, in order: it sets the tables' gradients, which are zero then, to
 * those of this part. 0, or a negative code of `leaf`, of the device or of the transport. */
int hm_gradsum_run(struct hm_gradsum *g, int64_t parts,
		   int (*leaf)(void *ctx, int64_t part, struct hm_err *e), void *ctx, struct hm_err *e);

#endif
