/* Ranks that are threads of one process, for tests of what ranks compute together: run_ranks(P, fn, ctx)
 * calls fn(ranks, ctx) in P threads. A message waits in a box for its receiver. */
#ifndef TEST_THREADRANKS_H
#define TEST_THREADRANKS_H

#include "ranks/ranks.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { THREAD_RANKS = 16 };

static struct box {
	const void *data;
	size_t bytes;
	bool full;
} thread_box[THREAD_RANKS][THREAD_RANKS]; /* [from][to] */
static pthread_mutex_t thread_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t thread_news = PTHREAD_COND_INITIALIZER;
static int thread_size;
static _Thread_local int thread_rank;

static int thread_open(int *rank, int *size, struct hm_err *e)
{
	(void)e;
	*rank = thread_rank;
	*size = thread_size;
	return 0;
}

/* Blocks until the receiver has the message, and until the sender's is here. */
static int thread_exchange(int to, const void *send, size_t out, int from, void *receive, size_t in,
			   struct hm_err *e)
{
	struct box *mine = to < 0 ? NULL : &thread_box[thread_rank][to],
		   *theirs = from < 0 ? NULL : &thread_box[from][thread_rank];
	int rc = 0;
	pthread_mutex_lock(&thread_lock);
	if (mine)
		*mine = (struct box){send, out, true};
	pthread_cond_broadcast(&thread_news);
	while (theirs && !theirs->full)
		pthread_cond_wait(&thread_news, &thread_lock);
	if (theirs && theirs->bytes != in)
		rc = hm_err_set(e, HM_EDATA, "rank %d sends %zu bytes, %zu are expected", from, theirs->bytes,
				in);
	else if (theirs)
		memcpy(receive, theirs->data, in);
	if (theirs)
		theirs->full = false;
	pthread_cond_broadcast(&thread_news);
	while (mine && mine->full)
		pthread_cond_wait(&thread_news, &thread_lock);
	pthread_mutex_unlock(&thread_lock);
	return rc;
}

static void thread_close(void)
{
}

static void thread_abort(int status)
{
	exit(status);
}

static void thread_describe(char *out, size_t cap)
{
	if (cap)
		*out = 0;
}

static const struct hm_transport thread_transport = {
	HM_VERSION,   sizeof thread_transport, thread_open, thread_exchange, thread_close,
	thread_abort, thread_describe,
};

struct thread_job {
	int rank;
	void (*fn)(struct hm_ranks *r, void *ctx);
	void *ctx;
};

static void *thread_run(void *arg)
{
	const struct thread_job *j = arg;
	struct hm_ranks r;
	struct hm_err e = {0};
	thread_rank = j->rank;
	if (hm_ranks_join(&r, &thread_transport, &e))
		abort();
	j->fn(&r, j->ctx);
	hm_ranks_close(&r, false);
	return NULL;
}

static inline void run_ranks(int size, void (*fn)(struct hm_ranks *r, void *ctx), void *ctx)
{
	pthread_t thread[THREAD_RANKS];
	struct thread_job job[THREAD_RANKS];
	thread_size = size;
	for (int k = 0; k < size; k++) {
		job[k] = (struct thread_job){k, fn, ctx};
		if (pthread_create(&thread[k], NULL, thread_run, &job[k]))
			abort();
	}
	for (int k = 0; k < size; k++)
		pthread_join(thread[k], NULL);
}

#endif
