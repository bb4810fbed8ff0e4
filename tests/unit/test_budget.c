/* The budget over threads: never more than the total together, more only alone, in the order of asking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/budget.h"

#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

enum { THREADS = 8, TURNS = 2000, TOTAL = 100 };

static struct hm_budget budget;
static atomic_size_t held, holders, most, crowds;

/* Needs of 1 to 150: some do not fit at all, and are alone then. */
static void *take_turns(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	for (int i = 0; i < TURNS; i++) {
		size_t n = 1 + (seed = seed * 1103515245u + 12345u) / 65536 % 150;
		hm_budget_take(&budget, n);
		size_t now = atomic_fetch_add(&held, n) + n, others = atomic_fetch_add(&holders, 1);
		size_t before = atomic_load(&most);
		while (now > before && !atomic_compare_exchange_weak(&most, &before, now))
			;
		if (now > TOTAL && others)
			atomic_fetch_add(&crowds, 1);
		sched_yield();
		atomic_fetch_sub(&holders, 1);
		atomic_fetch_sub(&held, n);
		hm_budget_give(&budget, n);
	}
	return NULL;
}

static void no_more_than_the_total_together(void **state)
{
	pthread_t t[THREADS];
	(void)state;
	hm_budget_init(&budget, TOTAL);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&t[i], NULL, take_turns, (void *)(uintptr_t)(i + 1)), 0);
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
	assert_int_equal(atomic_load(&crowds), 0);
	assert_in_range(atomic_load(&most), TOTAL / 2, 150);
	assert_int_equal(budget.held, 0);
	hm_budget_clear(&budget);
}

static atomic_int order[2], next;

static void *ask_budget(void *arg)
{
	size_t n = (size_t)(uintptr_t)arg;
	hm_budget_take(&budget, n);
	atomic_store(&order[n == 1], atomic_fetch_add(&next, 1));
	hm_budget_give(&budget, n);
	return NULL;
}

static void wait_until_asked(uint64_t n)
{
	for (uint64_t asked = 0; asked < n; sched_yield()) {
		pthread_mutex_lock(&budget.lock);
		asked = budget.asked;
		pthread_mutex_unlock(&budget.lock);
	}
}

/* A small need that would fit does not pass a large one that waits, which would else wait for ever. */
static void a_large_need_is_not_passed(void **state)
{
	pthread_t large, small;
	(void)state;
	hm_budget_init(&budget, TOTAL);
	hm_budget_take(&budget, 50);
	assert_int_equal(pthread_create(&large, NULL, ask_budget, (void *)(uintptr_t)90), 0);
	wait_until_asked(2);
	assert_int_equal(pthread_create(&small, NULL, ask_budget, (void *)(uintptr_t)1), 0);
	wait_until_asked(3);
	for (int i = 0; i < 1000; i++)
		sched_yield();
	assert_int_equal(atomic_load(&next), 0);
	hm_budget_give(&budget, 50);
	pthread_join(large, NULL);
	pthread_join(small, NULL);
	assert_int_equal(atomic_load(&next), 2);
	hm_budget_clear(&budget);
}

static void *take_and_keep(void *arg)
{
	(void)arg;
	hm_budget_take(&budget, 10);
	atomic_fetch_add(&holders, 1);
	return NULL;
}

/* Whoever is served wakes the next one, who need not wait for anything to be given. */
static void all_that_fit_are_served(void **state)
{
	pthread_t t[THREADS];
	(void)state;
	alarm(60);
	for (int turn = 0; turn < 20; turn++) {
		hm_budget_init(&budget, TOTAL);
		hm_budget_take(&budget, TOTAL);
		atomic_store(&holders, 0);
		for (int i = 0; i < THREADS; i++)
			assert_int_equal(pthread_create(&t[i], NULL, take_and_keep, NULL), 0);
		wait_until_asked(THREADS + 1);
		hm_budget_give(&budget, TOTAL);
		for (int i = 0; i < THREADS; i++)
			pthread_join(t[i], NULL);
		assert_int_equal(atomic_load(&holders), THREADS);
		hm_budget_clear(&budget);
	}
	alarm(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(no_more_than_the_total_together),
					   cmocka_unit_test(a_large_need_is_not_passed),
					   cmocka_unit_test(all_that_fit_are_served)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
