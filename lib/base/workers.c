/* The worker pool: one queue, one lock. See workers.h. */
#include "base/workers.h"
#include "base/mem.h"
#include "base/signals.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { IDLE, QUEUED, DONE };

struct worker {
	struct hm_workers *pool;
	pthread_t thread;
	int number;
};

struct hm_workers {
	int count, started, stop;
	pthread_mutex_t lock;
	pthread_cond_t work, done;
	struct hm_job *head, *tail;
	struct worker *worker;
};

static void *worker_main(void *arg)
{
	struct worker *me = arg;
	struct hm_workers *w = me->pool;
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->head && !w->stop)
			pthread_cond_wait(&w->work, &w->lock);
		struct hm_job *job = w->head;
		if (!job)
			break;
		w->head = job->next;
		if (!w->head)
			w->tail = NULL;
		pthread_mutex_unlock(&w->lock);
		job->run(job->arg, me->number);
		pthread_mutex_lock(&w->lock);
		job->state = DONE;
		pthread_cond_broadcast(&w->done);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

struct hm_workers *hm_workers_new(int n, struct hm_err *e)
{
	struct hm_workers *w = hm_alloc(1, sizeof *w, e);
	if (!w)
		return NULL;
	w->count = n;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	pthread_cond_init(&w->done, NULL);
	w->worker = hm_alloc((size_t)n, sizeof *w->worker, e);
	for (int i = 0; w->worker && n > 1 && i < n; i++) {
		w->worker[i] = (struct worker){.pool = w, .number = i};
		if (hm_thread_start(&w->worker[i].thread, worker_main, &w->worker[i])) {
			hm_err_machine(e,
				       "thread %d of %d could not be started: no memory, or too many threads",
				       i + 1, n);
			hm_workers_free(w);
			return NULL;
		}
		w->started++;
	}
	if (w->worker)
		return w;
	hm_workers_free(w);
	return NULL;
}

void hm_workers_free(struct hm_workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = 1;
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->lock);
	for (int i = 0; i < w->started; i++)
		pthread_join(w->worker[i].thread, NULL);
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->done);
	pthread_mutex_destroy(&w->lock);
	free(w->worker);
	free(w);
}

int hm_workers_count(const struct hm_workers *w)
{
	return w->count;
}

void hm_workers_submit(struct hm_workers *w, struct hm_job *job)
{
	if (!w->started) {
		job->run(job->arg, 0);
		job->state = DONE;
		return;
	}
	pthread_mutex_lock(&w->lock);
	job->state = QUEUED;
	job->next = NULL;
	if (w->tail)
		w->tail->next = job;
	else
		w->head = job;
	w->tail = job;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
}

void hm_workers_wait(struct hm_workers *w, struct hm_job *job)
{
	pthread_mutex_lock(&w->lock);
	while (job->state == QUEUED)
		pthread_cond_wait(&w->done, &w->lock);
	job->state = IDLE;
	pthread_mutex_unlock(&w->lock);
}

struct each {
	atomic_size_t next;
	size_t n;
	void (*fn)(void *ctx, size_t i, int worker);
	void *ctx;
};

static void each_run(void *arg, int worker)
{
	struct each *e = arg;
	for (size_t i; (i = atomic_fetch_add(&e->next, 1)) < e->n;)
		e->fn(e->ctx, i, worker);
}

void hm_workers_each(struct hm_workers *w, size_t n, void (*fn)(void *ctx, size_t i, int worker), void *ctx)
{
	struct each e = {.n = n, .fn = fn, .ctx = ctx};
	struct hm_job job[64] = {{0}};
	int jobs = w->count > 64 ? 64 : w->count;
	for (int i = 0; i < jobs; i++) {
		job[i] = (struct hm_job){.run = each_run, .arg = &e};
		hm_workers_submit(w, &job[i]);
	}
	for (int i = 0; i < jobs; i++)
		hm_workers_wait(w, &job[i]);
}
