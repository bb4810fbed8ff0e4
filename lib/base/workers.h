/* A pool of worker threads. Jobs finish in any order; callers wait for them in the order they want, so what
 * they write does not depend on the number of threads. With one thread, jobs run inside hm_workers_submit. */
#ifndef HM_WORKERS_H
#define HM_WORKERS_H

#include "base/err.h"

#include <pthread.h>
#include <stddef.h>

struct hm_workers;

/* n >= 1 threads (1: none is started). NULL with `e` set when they cannot be started. */
struct hm_workers *hm_workers_new(int n, struct hm_err *e);
/* Waits for all jobs, ends the threads; NULL is fine. */
void hm_workers_free(struct hm_workers *w);
int hm_workers_count(const struct hm_workers *w);

/* One job, in the caller's storage, which must not move between submit and the return of wait. `run` gets
 * `arg` and the number of the worker, 0 .. count-1, for per-thread scratch. */
struct hm_job {
	void (*run)(void *arg, int worker);
	void *arg;
	struct hm_job *next; /* the pool's */
	int state;	     /* the pool's: 0 idle, 1 queued, 2 done */
};
void hm_workers_submit(struct hm_workers *w, struct hm_job *job);
/* Returns once the job is done (at once if it was never submitted); it may then be submitted again. */
void hm_workers_wait(struct hm_workers *w, struct hm_job *job);

/* Runs fn(ctx, i, worker) for i = 0..n-1, indices handed out in order; returns when all are done. */
void hm_workers_each(struct hm_workers *w, size_t n, void (*fn)(void *ctx, size_t i, int worker), void *ctx);

#endif
