/* An OpenMP runtime for the regions of hm's loops and of oneDNN. See team.h; the entry points and what they
 * mean are described in "The libgomp ABI" of GCC's manual of libgomp. */
#include "ops/cpu/team.h"

#if HM_TEAM

#include "base/mem.h"
#include "base/signals.h"

#include <assert.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* How a thread waits: it looks SPINS times, then gives way to others YIELDS times, about as long as it takes
 * to fall asleep and to wake up, then it sleeps. If others ran for LONG meanwhile, the processor is not free,
 * and it sleeps at once. If they ran for a SLICE, they do not give way themselves: then it sleeps in the next
 * CROWDED waits, too, since the scheduler owes something to who slept and nothing to who gave way. */
enum { SPINS = 100, YIELDS = 300, LONG_NS = 100 * 1000, SLICE_NS = 1000 * 1000, CROWDED = 64 };

/* A number that grows, and threads that wait until it does. */
struct gate {
	atomic_uint value, asleep;
};

struct team {
	struct gate begun, ended, met;	/* regions; slots that arrived at a barrier */
	_Atomic uint32_t ticket;	/* slots of the region << 16 | next one to be taken */
	atomic_int unfinished, arrived; /* slots of the region; slots at the barrier */
	void (*body)(void *);
	void *arg;
	atomic_bool over;
	int threads, room; /* in `thread` */
	pthread_t *thread;
};

/* What this thread is in a region. */
static _Thread_local struct place {
	struct team *team; /* the region's, NULL outside of one */
	int slot, slots;
} here = {.slots = 1};
static _Thread_local struct team *own;
static _Thread_local int wanted = 1; /* by omp_set_num_threads */

static _Thread_local int crowded; /* waits without giving way, since others ran for LONG */

static int64_t nanoseconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void look_again_soon(void)
{
#if defined(__x86_64__)
	__builtin_ia32_pause();
#endif
}

static void open_gate(struct gate *g)
{
	atomic_fetch_add(&g->value, 1);
	if (atomic_load(&g->asleep))
		syscall(SYS_futex, &g->value, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

/* Returns once the gate's value is no longer `old`. */
static void wait_at(struct gate *g, unsigned old)
{
	for (int i = 0; i < SPINS; i++) {
		if (atomic_load(&g->value) != old)
			return;
		look_again_soon();
	}
	int64_t before = nanoseconds(), after;
	crowded -= crowded > 0;
	for (int i = 0; i < YIELDS && !crowded; i++, before = after) {
		if (atomic_load(&g->value) != old)
			return;
		sched_yield();
		after = nanoseconds();
		if (after - before > SLICE_NS)
			crowded = CROWDED;
		if (after - before > LONG_NS)
			break;
	}
	atomic_fetch_add(&g->asleep, 1);
	while (atomic_load(&g->value) == old)
		syscall(SYS_futex, &g->value, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
	atomic_fetch_sub(&g->asleep, 1);
}

/* Runs slots of the team's region until none is left to take. A slot that is taken after another one has
 * ended in the same thread cannot be one that the other had to wait for. A thread that was held up between
 * reading the ticket and taking it may find the same ticket in a later region: then its slot is one of that
 * region, whose body it reads afterwards. */
static void take_slots(struct team *t)
{
	uint32_t ticket = atomic_load(&t->ticket);
	for (;;) {
		int slots = (int)(ticket >> 16), slot = (int)(ticket & 0xffff);
		if (slot >= slots)
			return;
		if (!atomic_compare_exchange_weak(&t->ticket, &ticket, ticket + 1))
			continue;
		here = (struct place){t, slot, slots};
		t->body(t->arg);
		here = (struct place){.slots = 1};
		if (atomic_fetch_sub(&t->unfinished, 1) == 1)
			open_gate(&t->ended);
		ticket = atomic_load(&t->ticket);
	}
}

static void *follow_regions(void *arg)
{
	struct team *t = arg;
	for (unsigned seen = 0; !atomic_load(&t->over);) {
		wait_at(&t->begun, seen);
		seen = atomic_load(&t->begun.value);
		take_slots(t);
	}
	return NULL;
}

/* ---- the team of a thread */

static pthread_key_t key;
static int no_key; /* an errno value */

static void end_team(void *arg)
{
	struct team *t = arg;
	atomic_store(&t->over, true);
	open_gate(&t->begun);
	for (int i = 0; i < t->threads; i++)
		pthread_join(t->thread[i], NULL);
	free(t->thread);
	free(t);
}

static void make_key(void)
{
	no_key = pthread_key_create(&key, end_team);
}

static int make_own(struct hm_err *e)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_once(&once, make_key);
	struct team *t = hm_alloc(1, sizeof *t, e);
	if (!t)
		return HM_EDATA;
	if (no_key || pthread_setspecific(key, t)) {
		free(t);
		return hm_err_machine(e, "no memory for the threads of a region");
	}
	own = t;
	return 0;
}

int hm_team_reserve(int n, struct hm_err *e)
{
	int rc = own || n < 2 ? 0 : make_own(e);
	if (rc || n < 2 || n - 1 <= own->threads)
		return rc;
	pthread_t *thread = hm_alloc((size_t)n - 1, sizeof *thread, e);
	if (!thread)
		return HM_EDATA;
	for (int i = 0; i < own->threads; i++)
		thread[i] = own->thread[i];
	free(own->thread);
	own->thread = thread;
	for (; own->threads < n - 1; own->threads++)
		if (hm_thread_start(&thread[own->threads], follow_regions, own))
			return hm_err_machine(
				e, "thread %d of %d could not be started: no memory, or too many threads",
				own->threads + 2, n);
	return 0;
}

/* ---- the entry points */

void GOMP_parallel(void (*body)(void *), void *arg, unsigned threads, unsigned flags);
void GOMP_barrier(void);
int omp_get_max_threads(void);
int omp_get_num_threads(void);
int omp_get_thread_num(void);
int omp_in_parallel(void);
void omp_set_num_threads(int n);

/* A region within a region is one of one thread. */
static void run_alone(void (*body)(void *), void *arg)
{
	struct place outer = here;
	here.slot = 0;
	here.slots = 1;
	body(arg);
	here = outer;
}

void GOMP_parallel(void (*body)(void *), void *arg, unsigned threads, unsigned flags)
{
	(void)flags; /* how threads are bound to processors */
	int n = threads ? (int)threads : wanted;
	if (here.team || n < 2) {
		run_alone(body, arg);
		return;
	}
	int rc = hm_team_reserve(n, NULL);
	assert(!rc && n <= 0xffff); /* who begins regions reserves their threads */
	struct team *t = own;
	unsigned ended = atomic_load(&t->ended.value);
	t->body = body;
	t->arg = arg;
	atomic_store(&t->unfinished, n);
	atomic_store(&t->ticket, (uint32_t)n << 16);
	open_gate(&t->begun);
	take_slots(t);
	wait_at(&t->ended, ended);
}

void GOMP_barrier(void)
{
	struct team *t = here.team;
	if (here.slots < 2)
		return;
	unsigned met = atomic_load(&t->met.value);
	if (atomic_fetch_add(&t->arrived, 1) + 1 < here.slots) {
		wait_at(&t->met, met);
		return;
	}
	atomic_store(&t->arrived, 0);
	open_gate(&t->met);
}

int omp_get_max_threads(void)
{
	return wanted;
}

int omp_get_num_threads(void)
{
	return here.slots;
}

int omp_get_thread_num(void)
{
	return here.slot;
}

int omp_in_parallel(void)
{
	return here.team != NULL;
}

void omp_set_num_threads(int n)
{
	wanted = n > 1 ? n : 1;
}

#else

int hm_team_reserve(int n, struct hm_err *e)
{
	(void)n;
	(void)e;
	return 0;
}

#endif
