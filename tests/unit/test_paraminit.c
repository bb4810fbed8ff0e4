/* Initial values are those of one stream per parameter, drawn from its beginning to its end, however many
 * threads fill it. */
#include "base/rng.h"
#include "nn/param.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { SEED = 9, FIRST = 4, ROW = 40000 }; /* a row is longer than a piece */

static struct hm_err e;

/* Parameters of every kind, of one element, of several pieces and of odd numbers. */
static void add_params(struct hm_params *s, float *field[8])
{
	hm_params_add(s, &field[0], HM_INIT_NORMAL, HM_DIMS(70001), "a");
	hm_params_add(s, &field[1], HM_INIT_NORMAL_PAD, HM_DIMS(3, ROW), "b");
	hm_params_add(s, &field[2], HM_INIT_UNIFORM, HM_DIMS(3, 33333), "c");
	hm_params_add(s, &field[3], HM_INIT_UNIFORM_BIAS, HM_DIMS(3), "d");
	hm_params_add(s, &field[4], HM_INIT_ONE, HM_DIMS(1), "e");
	hm_params_add(s, &field[5], HM_INIT_KAIMING, HM_DIMS(4, 2, 3, 3), "f");
	hm_params_add(s, &field[6], HM_INIT_UNIT, HM_DIMS(65537, 1), "g");
	hm_params_add(s, &field[7], HM_INIT_RUNNING_VAR, HM_DIMS(70000), "h");
}

/* x[0..n) is the stream of that parameter, one number after the other. */
static void compare_stream(const float *x, size_t n, size_t zeros, int i, double scale, bool uniform)
{
	struct hm_rng r;
	hm_rng_init(&r, SEED, HM_RNG_INIT, (uint32_t)(FIRST + i), 0);
	for (size_t j = 0; j < n; j++) {
		double v = uniform ? 2 * hm_rng_uniform(&r) - 1 : hm_rng_normal(&r);
		float want = j < zeros ? 0 : (float)(scale * v);
		if (memcmp(&want, &x[j], sizeof want))
			fail_msg("parameter %d, element %zu is %.9g, not %.9g", i, j, (double)x[j],
				 (double)want);
	}
}

static void any_number_of_threads_draws_the_same(void **state)
{
	(void)state;
	for (int threads = 0; threads <= 3; threads++) { /* 0: the calling thread */
		struct hm_params s = {0};
		float *field[8];
		struct hm_workers *w = threads ? hm_workers_new(threads, &e) : NULL;
		add_params(&s, field);
		assert_int_equal(hm_params_init_by(&s, SEED, FIRST, w, &e), 0);
		compare_stream(field[0], 70001, 0, 0, .02, false);
		compare_stream(field[1], (size_t)3 * ROW, ROW, 1, .02, false);
		compare_stream(field[2], (size_t)3 * 33333, 0, 2, 1 / sqrt(33333), true);
		compare_stream(field[3], 3, 0, 3, 1 / sqrt(33333), true);
		compare_stream(field[5], 72, 0, 5, sqrt(2. / 36), false);
		compare_stream(field[6], 65537, 0, 6, 1, false);
		assert_true(field[4][0] == 1 && field[7][0] == 1 && field[7][69999] == 1);
		hm_params_clear(&s);
		hm_workers_free(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(any_number_of_threads_draws_the_same)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
