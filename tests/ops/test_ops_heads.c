/* The bytes of a head's operations on the cpu device do not depend on the number of threads: a head trained
 * alone is the head of a sweep, which has one thread each. */
#include "../support/opcase.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void same(const struct op_run *a, const struct op_value *x, const struct op_value *y, const char *what)
{
	char name[200];
	if (x->form && memcmp(x->host, y->host, op_count(x) * sizeof(float)))
		fail_msg("%s: %s depends on the number of threads", op_name(a, name, sizeof name), what);
}

static void check_case(struct hm_device *d, const struct op_case *c, int threads)
{
	struct op_run one, many, *r[] = {&one, &many};
	for (int k = 0; k < 2; k++) {
		d->threads = k ? threads : 1;
		op_init(r[k], d, c);
		op_forward(r[k]);
		if (c->op->backward)
			op_backward(r[k], ~0u);
	}
	same(&many, &many.y, &one.y, "y");
	for (int k = 0; k < OP_INPUTS; k++)
		same(&many, &many.grad[k], &one.grad[k], "a gradient");
	for (int k = 0; k < OP_STATES; k++)
		same(&many, &many.state[k], &one.state[k], "a state");
	op_clear(&one);
	op_clear(&many);
}

static void no_byte_depends_on_threads(void **state)
{
	const struct op_case wide[] = {{op_find("linear"), OP_SECOND, {64, 1030, 520}},
				       {op_find("linear"), OP_SECOND, {130, 40, 2050}},
				       {op_find("linear"), 0, {1, 300, 129}},
				       {0}};
	const struct op_case *const tables[] = {op_head_cases, op_fusion_cases, wide};
	struct hm_device *d = hm_device_open("cpu", HM_PREC_F32, NULL);
	(void)state;
	for (int t = 0; t < 3; t++)
		for (const struct op_case *c = tables[t]; c->op; c++)
			for (int threads = 2; threads <= 5; threads++)
				check_case(d, c, threads);
	hm_device_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(no_byte_depends_on_threads)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
