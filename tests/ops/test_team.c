/* The OpenMP runtime of lib/ops/cpu/team.c: each slot of a region runs once and knows its number; barriers
 * hold; a region does not wait for a thread that does not run; threads that cannot be started are an error.
 * With TEAM=0 libgomp runs the regions. */
#include "ops/cpu/team.h"

#include <dirent.h>
#include <omp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { MOST = 7, REGIONS = 300 };

static void test_each_slot_runs_once(void **state)
{
	(void)state;
	for (int r = 0; r < REGIONS; r++) {
		int n = 1 + r % MOST;
		atomic_int runs[MOST + 1] = {0}, wrong = 0;
#pragma omp parallel num_threads(n)
		{
			int slot = omp_get_thread_num();
			if (slot < 0 || slot >= n || omp_get_num_threads() != n ||
			    omp_in_parallel() != (n > 1))
				wrong++;
			else
				runs[slot]++;
		}
		assert_int_equal(wrong, 0);
		for (int i = 0; i < n; i++)
			assert_int_equal(runs[i], 1);
		assert_false(omp_in_parallel());
		assert_int_equal(omp_get_num_threads(), 1);
	}
}

static void test_a_region_within_a_region_has_one_thread(void **state)
{
	(void)state;
	atomic_int inner = 0, wrong = 0;
#pragma omp parallel num_threads(3)
	{
		int slot = omp_get_thread_num();
#pragma omp parallel num_threads(2)
		{
			inner++;
			wrong +=
				omp_get_thread_num() != 0 || omp_get_num_threads() != 1 || !omp_in_parallel();
		}
		wrong += omp_get_thread_num() != slot || omp_get_num_threads() != 3;
	}
	assert_int_equal(inner, 3);
	assert_int_equal(wrong, 0);
}

static void test_the_number_of_threads_is_the_calling_threads(void **state)
{
	(void)state;
	int seen = 0;
	omp_set_num_threads(4);
	assert_int_equal(omp_get_max_threads(), 4);
#pragma omp parallel
	{
		if (omp_get_thread_num() == 0)
			seen = omp_get_num_threads();
	}
	omp_set_num_threads(1);
	assert_int_equal(seen, 4);
}

/* In each round every slot writes its number, and after the barrier reads its neighbour's. */
static void test_a_barrier_holds(void **state)
{
	(void)state;
	for (int n = 2; n <= 4; n++) {
		int written[4] = {0};
		atomic_int wrong = 0;
#pragma omp parallel num_threads(n)
		for (int round = 1; round <= 50; round++) {
			int slot = omp_get_thread_num();
			written[slot] = round * 10 + slot;
#pragma omp barrier
			wrong += written[(slot + 1) % n] != round * 10 + (slot + 1) % n;
#pragma omp barrier
		}
		assert_int_equal(wrong, 0);
	}
}

/* Each slot is another thread's, for all meet; then one of them takes its time. */
static void test_a_region_ends_with_its_last_slot(void **state)
{
	(void)state;
	for (int late = 0; late < 3; late++) {
		atomic_int ended = 0;
#pragma omp parallel num_threads(3)
		{
#pragma omp barrier
			if (omp_get_thread_num() == late)
				usleep(20000);
			ended++;
		}
		assert_int_equal(ended, 3);
	}
}

/* libgomp, with TEAM=0, promises none of what follows. */
static void skip_without_team(void)
{
	if (!HM_TEAM)
		skip();
}

static int hold[2]; /* a pipe on which the thread below waits */
static atomic_bool held;

static void wait_for_a_byte(int signal)
{
	(void)signal;
	char byte;
	held = true;
	if (read(hold[0], &byte, 1) != 1)
		held = false;
}

/* A team of two, whose other thread is stopped: how many slots of 20 regions did this one run? */
static void *run_beside_a_stopped_thread(void *arg)
{
	int *by_me = arg;
	pthread_t in[2] = {0}, self = pthread_self();
#pragma omp parallel num_threads(2)
	{
		in[omp_get_thread_num()] = pthread_self();
#pragma omp barrier
	}
	pthread_kill(in[pthread_equal(in[0], self) ? 1 : 0], SIGRTMIN);
	while (!held)
		usleep(100);
	for (int r = 0; r < 20; r++) {
		int here = 0;
#pragma omp parallel num_threads(2) reduction(+ : here)
		here += pthread_equal(pthread_self(), self) != 0;
		*by_me += here;
	}
	if (write(hold[1], "x", 1) != 1)
		*by_me = 0;
	return NULL;
}

static void test_a_region_does_not_wait_for_a_thread_that_does_not_run(void **state)
{
	(void)state;
	skip_without_team();
	int by_me = 0;
	pthread_t t;
	struct sigaction act = {.sa_handler = wait_for_a_byte};
	assert_int_equal(pipe(hold), 0);
	assert_int_equal(sigaction(SIGRTMIN, &act, NULL), 0);
	alarm(60); /* ends the test if a region waits */
	assert_int_equal(pthread_create(&t, NULL, run_beside_a_stopped_thread, &by_me), 0);
	pthread_join(t, NULL);
	alarm(0);
	assert_int_equal(by_me, 40);
	close(hold[0]);
	close(hold[1]);
}

static void *reserve_for_a_thread(void *arg)
{
	struct hm_err *e = arg;
	pthread_attr_t before, huge;
	pthread_getattr_default_np(&before);
	pthread_attr_init(&huge);
	pthread_attr_setstacksize(&huge, (size_t)1 << 50); /* no address space holds such a stack */
	pthread_setattr_default_np(&huge);
	int rc = hm_team_reserve(3, e);
	pthread_setattr_default_np(&before);
	pthread_attr_destroy(&huge);
	return (void *)(intptr_t)(rc == HM_EDATA && e->machine);
}

static void test_threads_that_cannot_be_started_are_the_machines_fault(void **state)
{
	(void)state;
	skip_without_team();
	struct hm_err e = {0};
	pthread_t t;
	void *right;
	assert_int_equal(pthread_create(&t, NULL, reserve_for_a_thread, &e), 0);
	pthread_join(t, &right);
	assert_non_null(right);
	assert_string_equal(e.text, "thread 2 of 3 could not be started: no memory, or too many threads");
}

/* Each thread that begins regions has its own team, and takes it along when it ends. */
static void *begin_regions(void *arg)
{
	atomic_int *runs = arg;
	for (int r = 0; r < 50; r++)
#pragma omp parallel num_threads(3)
		(*runs)++;
	return NULL;
}

static int count_threads(void)
{
	int n = 0;
	DIR *d = opendir("/proc/self/task");
	assert_non_null(d);
	for (struct dirent *f; (f = readdir(d));)
		n += f->d_name[0] != '.';
	closedir(d);
	return n;
}

static void test_a_team_ends_with_its_thread(void **state)
{
	(void)state;
	skip_without_team();
	atomic_int runs = 0;
	pthread_t t;
	int before = count_threads(), tries = 1000;
	assert_int_equal(pthread_create(&t, NULL, begin_regions, &runs), 0);
	pthread_join(t, NULL);
	while (count_threads() > before && tries--) /* a thread that was joined may be listed for a moment */
		usleep(1000);
	assert_int_equal(count_threads(), before);
}

static void test_several_threads_begin_regions(void **state)
{
	(void)state;
	atomic_int runs = 0;
	pthread_t t[4];
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&t[i], NULL, begin_regions, &runs), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(runs, 4 * 50 * 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_slot_runs_once),
		cmocka_unit_test(test_a_region_ends_with_its_last_slot),
		cmocka_unit_test(test_a_team_ends_with_its_thread),
		cmocka_unit_test(test_a_region_within_a_region_has_one_thread),
		cmocka_unit_test(test_the_number_of_threads_is_the_calling_threads),
		cmocka_unit_test(test_a_barrier_holds),
		cmocka_unit_test(test_a_region_does_not_wait_for_a_thread_that_does_not_run),
		cmocka_unit_test(test_threads_that_cannot_be_started_are_the_machines_fault),
		cmocka_unit_test(test_several_threads_begin_regions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
