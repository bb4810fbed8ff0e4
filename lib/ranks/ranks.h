/* The processes that train one model together, numbered from 0: ranks. They exchange bytes through a plug-in
 * (MPI). All calls block, and every rank must make the same calls in the same order. A struct hm_ranks that
 * is NULL or has size 1 stands for a process alone: every call then succeeds and does nothing.
 *
 *   struct hm_ranks r;
 *   hm_ranks_open(&r, "mpi", e);
 *   hm_ranks_gather(&r, all, from, e);
 *   hm_ranks_close(&r, rc);   rc not 0: ends the other ranks as well */
#ifndef HM_RANKS_H
#define HM_RANKS_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { HM_RANKS_MOST = 4096 };

/* How ranks reach each other. The plug-in exports this table. */
struct hm_transport {
	const char *version; /* of its sources: must be the program's */
	size_t bytes;	     /* of this struct, as its sources know it */
	/* Joins the ranks of this call of the launcher. 0, or a negative code with `e`. */
	int (*open)(int *rank, int *size, struct hm_err *e);
	/* Sends `out` bytes to rank `to`, and receives `in` bytes from rank `from`, at the same time; -1
	 * stands for nobody. The sizes are below 2^31. 0, or HM_EDATA naming the rank. */
	int (*exchange)(int to, const void *send, size_t out, int from, void *receive, size_t in,
			struct hm_err *e);
	void (*close)(void);
	/* Ends all ranks at once with this exit status. Does not return. */
	void (*end_all)(int status);
	/* Writes the library's name and version, cut to cap: "Open MPI 4.1.4". */
	void (*describe)(char *out, size_t cap);
};
#define HM_TRANSPORT_SYMBOL "hm_mpi_transport"

struct hm_ranks {
	int rank, size;
	int local, locals; /* rank and size among the ranks of this machine */
	int sharing;	   /* how many of them may run on exactly this rank's processors, itself included */
	const struct hm_transport *by;
	uint64_t sent; /* bytes that this rank has sent so far */
	struct hm_peers *peers;
};

/* Opens the plug-in of `name` ("mpi") and meets the other ranks. 0; HM_EDEVICE: there is no plug-in; or
 * HM_EDATA. */
int hm_ranks_open(struct hm_ranks *r, const char *name, struct hm_err *e);
/* The same over a transport that is there already. After a failure *r is a process alone. */
int hm_ranks_join(struct hm_ranks *r, const struct hm_transport *by, struct hm_err *e);
/* Leaves the other ranks, and waits until all leave. failed: this rank cannot go on, and the others do not
 * know it yet; then all ranks end at once with exit status 1, and the call does not return. */
void hm_ranks_close(struct hm_ranks *r, bool failed);

/* Watches the other ranks of this machine. If the process of one ends before hm_ranks_close, `lost` is called
 * once, in a thread of its own; it must end the process. The launcher watches the other machines. Where the
 * system cannot watch processes, nothing happens. */
void hm_ranks_watch(struct hm_ranks *r, void (*lost)(void *ctx, const struct hm_ranks *r, int rank),
		    void *ctx);

/* Whether this rank writes files and speaks for all. */
static inline bool hm_ranks_lead(const struct hm_ranks *r)
{
	return !r || r->rank == 0;
}
static inline int hm_ranks_size(const struct hm_ranks *r)
{
	return r && r->by ? r->size : 1;
}
static inline int hm_ranks_rank(const struct hm_ranks *r)
{
	return r && r->by ? r->rank : 0;
}
/* As the transport's exchange, and counts what was sent. */
int hm_ranks_exchange(struct hm_ranks *r, int to, const void *send, size_t out, int from, void *receive,
		      size_t in, struct hm_err *e);
/* Bytes [from[k], from[k+1]) of `all` belong to rank k, for each k < size. Every rank has filled its own; now
 * all have everything. 0 or HM_EDATA. */
int hm_ranks_gather(struct hm_ranks *r, void *all, const size_t *from, struct hm_err *e);
/* The same where each rank has `bytes`: all [size*bytes]. */
int hm_ranks_gather_each(struct hm_ranks *r, void *all, size_t bytes, struct hm_err *e);
/* Makes a failure of any rank a failure of all. Every rank passes its own rc (0: it succeeded) and sentence,
 * and gets those of the lowest rank that failed, with "rank 1: " in front unless all failed with the same
 * sentence. Returns the common rc, or HM_EDATA if the ranks cannot be reached. */
int hm_ranks_agree(struct hm_ranks *r, int rc, struct hm_err *e);

#endif
