/* Schedules against transformers' published values, and epoch orders. */
#include "train/order.h"
#include "train/schedule.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void schedules(void **state)
{
	/* get_cosine_schedule_with_warmup, 10 steps, 3 of warm-up */
	static const double cosine[10] = {0, 1 / 3., 2 / 3., 1, .950, .812, .611, .389, .188, .0495};
	(void)state;
	for (int k = 0; k < 10; k++)
		assert_true(fabs(hm_schedule_factor(HM_COSINE, k, 10, 3) - cosine[k]) < 1e-3);
	for (int k = 0; k < 10; k++)
		assert_true(fabs(hm_schedule_factor(HM_LINEAR, k, 10, 0) - (10 - k) / 10.) < 1e-15);
	assert_true(hm_schedule_factor(HM_CONSTANT, 0, 10, 4) == 0);
	assert_true(hm_schedule_factor(HM_CONSTANT, 2, 10, 4) == 0.5);
	assert_true(hm_schedule_factor(HM_CONSTANT, 9, 10, 4) == 1);
	assert_true(hm_schedule_factor(HM_LINEAR, 4, 10, 20) == 0.2); /* warm-up longer than the run */
	assert_true(hm_schedule_factor(HM_LINEAR, 10, 10, 0) == 0 &&
		    hm_schedule_factor(HM_COSINE, 12, 10, 0) == 0);
}

static void orders(void **state)
{
	enum { N = 500 };
	uint32_t a[N], b[N], count[N] = {0};
	(void)state;
	hm_order_epoch(a, N, 42, 1, true);
	hm_order_epoch(b, N, 42, 1, true);
	assert_memory_equal(a, b, sizeof a);
	for (int i = 0; i < N; i++)
		count[a[i]]++;
	for (int i = 0; i < N; i++)
		assert_int_equal(count[i], 1);
	hm_order_epoch(b, N, 42, 2, true);
	assert_memory_not_equal(a, b, sizeof a);
	hm_order_epoch(b, N, 43, 1, true);
	assert_memory_not_equal(a, b, sizeof a);
	hm_order_epoch(b, N, 42, 1, false);
	for (uint32_t i = 0; i < N; i++)
		assert_int_equal(b[i], i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(schedules), cmocka_unit_test(orders)};
	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
