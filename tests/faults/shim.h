/* What the preloaded shim of the fault loops and their runner share: one page per worker. The runner fills in
 * the order, the shim the count. */
#ifndef FAULTS_SHIM_H
#define FAULTS_SHIM_H

#include <stdatomic.h>
#include <stddef.h>

#define SHIM_ENV "HM_FAULT_SHIM" /* "PAGE-FILE ORDER-FD REPLY-FD" */

enum shim_kind { SHIM_ALLOC, SHIM_CALL };

struct shim_page {
	/* The order: which k-th place, and where the tool runs. k 0: count only. */
	int kind, ever;
	long k;
	char folder[512], in[512], out[512], err[512];
	/* Of SHIM_ALLOC: how many allocations there were, how many failed, and the first of these. */
	atomic_long count, failed;
	size_t size;
	unsigned long caller; /* address in its object */
	char what[16], object[64];
};

/* failalloc.c: from now on allocations are counted. */
void shim_start_counting(struct shim_page *page);
/* syscalls.c: from now on the calls that the loops fail stop for the tracer. */
void shim_filter_calls(void);

#endif
