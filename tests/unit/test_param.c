/* hm_params_load: which values of a tensor a network takes. Names and shapes are test_resnet.c's. */
#include "nn/param.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { N = 8192 + 37 }; /* more than a piece of the loading loop, and no multiple of a vector */

static const struct hm_tensor *find_tensor(void *ctx, const char *name)
{
	(void)name;
	return ctx;
}

/* hm_params_borrow takes and refuses the same; what it takes stays where it is if it can be read there. */
static void borrow_param(enum hm_init init, const struct hm_tensor *t, const float *want, const char *says)
{
	struct hm_params s = {0};
	struct hm_err e = {0};
	float *field;
	bool in_place = t->dtype == HM_F32 && (uintptr_t)t->data % sizeof(float) == 0;
	hm_params_add(&s, &field, init, HM_DIMS(N), "bn.x");
	int rc = hm_params_borrow(&s, find_tensor, (void *)(uintptr_t)t, &e);
	assert_string_equal(e.text, says);
	if (want) {
		float read[N];
		hm_params_read(&s, read);
		assert_int_equal(rc, 0);
		assert_memory_equal(read, want, sizeof read);
		assert_memory_equal(field, want, N * sizeof *want);
		assert_true(((const void *)field == t->data) == in_place);
	}
	hm_params_clear(&s);
}

/* hm_params_load of a table with one parameter from t; the sentence goes to e. */
static int load_param(enum hm_init init, const struct hm_tensor *t, float out[N], struct hm_err *e)
{
	struct hm_params s = {0};
	float *field;
	hm_params_add(&s, &field, init, HM_DIMS(N), "bn.x");
	int rc = hm_params_load(&s, find_tensor, (void *)(uintptr_t)t, e);
	if (!rc)
		memcpy(out, field, N * sizeof *out);
	hm_params_clear(&s);
	borrow_param(init, t, rc ? NULL : out, rc ? e->text : "");
	return rc;
}

static void refused(enum hm_init init, const struct hm_tensor *t, const char *says)
{
	struct hm_err e = {0};
	float out[N];
	assert_int_equal(load_param(init, t, out, &e), HM_EDATA);
	assert_string_equal(e.text, says);
}

#define NOT_FINITE "tensor bn.x holds NaN or infinity"
#define NEGATIVE "tensor bn.x is a running variance and holds a negative number"

static void test_floats(void **state)
{
	(void)state;
	static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
	float x[N], out[N];
	struct hm_tensor t = {.name = "t", .dtype = HM_F32, .ndim = 1, .dim = {N}, .data = x};
	for (int at = 0; at < N; at += at < 40 || at > 8180 ? 1 : 611) {
		for (int i = 0; i < N; i++)
			x[i] = (float)(i + 1);
		struct hm_err e = {0};
		x[at] = -3e38f;
		assert_int_equal(load_param(HM_INIT_RUNNING_MEAN, &t, out, &e), 0);
		assert_memory_equal(out, x, sizeof x);
		refused(HM_INIT_RUNNING_VAR, &t, NEGATIVE);
		x[at] = at % 2 ? -0.f : 1e-45f; /* neither is below zero */
		assert_int_equal(load_param(HM_INIT_RUNNING_VAR, &t, out, &e), 0);
		assert_memory_equal(out, x, sizeof x);
		for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
			x[at] = bad[b];
			refused(HM_INIT_KAIMING, &t, NOT_FINITE);
			refused(HM_INIT_RUNNING_VAR, &t, NOT_FINITE);
		}
	}
}

static void test_other_dtypes(void **state)
{
	(void)state;
	uint16_t half[N] = {0};
	double wide[N] = {0};
	float out[N];
	struct hm_err e = {0};
	struct hm_tensor t = {.name = "t", .dtype = HM_F16, .ndim = 1, .dim = {N}, .data = half};
	half[8192] = 0xfbff; /* -65504 */
	assert_int_equal(load_param(HM_INIT_ZERO, &t, out, &e), 0);
	refused(HM_INIT_RUNNING_VAR, &t, NEGATIVE);
	half[8192] = 0x7c00; /* infinity */
	refused(HM_INIT_ZERO, &t, NOT_FINITE);
	t.dtype = HM_BF16;
	assert_int_equal(load_param(HM_INIT_ZERO, &t, out, &e), 0);
	half[8192] = 0xff81; /* a NaN */
	refused(HM_INIT_ZERO, &t, NOT_FINITE);
	t.dtype = HM_F64;
	t.data = wide;
	wide[8200] = 3e38;
	assert_int_equal(load_param(HM_INIT_ZERO, &t, out, &e), 0);
	wide[8200] = 1e300; /* infinity as f32 */
	refused(HM_INIT_ZERO, &t, NOT_FINITE);
	wide[8200] = (double)NAN;
	refused(HM_INIT_ZERO, &t, NOT_FINITE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_floats),
					   cmocka_unit_test(test_other_dtypes)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
