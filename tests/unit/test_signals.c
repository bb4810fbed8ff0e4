/* Handlers of signals run on a stack of their own, in the thread that sets them and in those that
 * hm_thread_start starts; such threads get no signal that is sent to the process. */
#include "base/signals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static volatile sig_atomic_t handled, elsewhere;

static void note_stack(int number)
{
	stack_t now;
	(void)number;
	handled = handled + 1;
	elsewhere = elsewhere + (!sigaltstack(NULL, &now) && now.ss_flags & SS_ONSTACK);
}

static const struct sigaction note = {.sa_handler = note_stack, .sa_flags = SA_RESTART};

static void test_a_handler_has_its_own_stack(void **state)
{
	(void)state;
	handled = elsewhere = 0;
	assert_true(hm_signal_has_default(SIGUSR1));
	hm_signal_handle(SIGUSR1, &note);
	assert_false(hm_signal_has_default(SIGUSR1));
	raise(SIGUSR1);
	assert_int_equal(handled, 1);
	assert_int_equal(elsewhere, 1);
}

static void *raise_bus_error(void *arg)
{
	raise(SIGBUS);
	return arg;
}

static void test_so_it_has_in_a_thread(void **state)
{
	(void)state;
	pthread_t t;
	void *result;
	handled = elsewhere = 0;
	hm_signal_handle(SIGBUS, &note);
	assert_int_equal(hm_thread_start(&t, raise_bus_error, &t), 0);
	pthread_join(t, &result);
	assert_ptr_equal(result, &t);
	assert_int_equal(handled, 1);
	assert_int_equal(elsewhere, 1);
}

static void *copy_mask(void *arg)
{
	pthread_sigmask(SIG_BLOCK, NULL, arg);
	return NULL;
}

static void test_a_thread_gets_no_signal_of_the_process(void **state)
{
	(void)state;
	static const int away[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGVTALRM},
			 kept[] = {SIGBUS, SIGSEGV, SIGFPE};
	sigset_t mask, before, after;
	pthread_t t;
	pthread_sigmask(SIG_BLOCK, NULL, &before);
	assert_int_equal(hm_thread_start(&t, copy_mask, &mask), 0);
	pthread_join(t, NULL);
	pthread_sigmask(SIG_BLOCK, NULL, &after);
	for (size_t i = 0; i < sizeof away / sizeof *away; i++)
		assert_true(sigismember(&mask, away[i]));
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
		assert_false(sigismember(&mask, kept[i]));
	for (int number = 1; number < 32; number++)
		assert_int_equal(sigismember(&after, number), sigismember(&before, number));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_handler_has_its_own_stack),
		cmocka_unit_test(test_so_it_has_in_a_thread),
		cmocka_unit_test(test_a_thread_gets_no_signal_of_the_process),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
