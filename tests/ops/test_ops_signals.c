/* A product is not disturbed by signals that arrive while it is made. oneDNN's kernels keep an address of the
 * heap in the stack pointer, so a handler on the thread's own stack would write into the heap
 * (lib/base/signals.h). */
#include "../support/opoutputs.h"
#include "base/signals.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <cmocka.h>

enum { M = 60, N = 128, K = 128, PRODUCTS = 4000 };

static volatile sig_atomic_t arrived;

static void count_signals(int number)
{
	(void)number;
	arrived = arrived + 1;
}

static void tick_every(int microseconds)
{
	struct timeval t = {.tv_usec = microseconds};
	setitimer(ITIMER_REAL, &(struct itimerval){t, t}, NULL);
}

static void test_products_while_signals_arrive(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_device *d = hm_device_open("cpu", HM_PREC_F32, &e);
	assert_non_null(d);
	assert_int_equal(hm_device_use_threads(d, 2, &e), 0);
	float *dy = random_floats(5, (size_t)M * N, 1), *x = random_floats(5, (size_t)M * K, 2);
	float *w = random_floats(5, (size_t)N * K, 3), *dx = calloc((size_t)M * K, sizeof *dx);
	float *dw = calloc((size_t)N * K, sizeof *dw), *want = calloc((size_t)M * K, sizeof *want);
	d->op->dense_backward(d, want, dw, NULL, dy, x, w, M, N, K);
	hm_signal_handle(SIGALRM, &(struct sigaction){.sa_handler = count_signals, .sa_flags = SA_RESTART});
	tick_every(50);
	for (int i = 0; i < PRODUCTS; i++) {
		memset(dx, 0, (size_t)M * K * sizeof *dx);
		d->op->dense_backward(d, dx, dw, NULL, dy, x, w, M, N, K);
		assert_memory_equal(dx, want, (size_t)M * K * sizeof *dx);
	}
	tick_every(0);
	assert_true(arrived > 0);
	print_message("%d signals arrived\n", (int)arrived);
	free(dy);
	free(x);
	free(w);
	free(dx);
	free(dw);
	free(want);
	hm_device_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_products_while_signals_arrive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
