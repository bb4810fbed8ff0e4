/* Devices are opened by name and precision, and the first failure of an operation stays. */
#include "ops/ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void devices_by_name(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum hm_precision p;
		int code;
	} bad[] = {{"gpu", HM_PREC_F32, HM_EUSAGE},   {"", HM_PREC_F32, HM_EUSAGE},
		   {"cuda:", HM_PREC_F32, HM_EUSAGE}, {"cuda:x", HM_PREC_F32, HM_EUSAGE},
		   {"cuda", HM_PREC_F32, HM_EDEVICE}, {"cuda:1", HM_PREC_BF16, HM_EDEVICE},
		   {"ref", HM_PREC_TF32, HM_EDEVICE}, {"cpu", HM_PREC_TF32, HM_EDEVICE}};
	char text[128];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct hm_err e = {0};
		assert_null(hm_device_open(bad[i].name, bad[i].p, &e));
		assert_int_equal(e.code, bad[i].code);
	}
	struct hm_device *d = hm_device_open("auto", HM_PREC_F32, NULL);
	assert_string_equal(d->name, "cpu");
	hm_device_close(d);
	assert_non_null(strstr(hm_device_backends(text, sizeof text), "ref, cpu ("));
}

/* Which of the two it is depends on the processor, and never that it is one. */
static void automatic_precision(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_device *d = hm_device_open("cpu", HM_PREC_AUTO, &e);
	assert_true(d && (d->precision == HM_PREC_F32 || d->precision == HM_PREC_BF16));
	assert_int_equal(d->act, d->precision == HM_PREC_BF16 ? HM_BF16 : HM_F32);
	hm_device_close(d);
	d = hm_device_open("ref", HM_PREC_AUTO, &e);
	assert_int_equal(d->precision, HM_PREC_F32);
	hm_device_close(d);
	assert_null(hm_device_open("gpu", HM_PREC_AUTO, &e));
	assert_int_equal(e.code, HM_EUSAGE);
	d = hm_device_open("cpu", HM_PREC_F32, NULL);
	assert_true(hm_device_bf16_gain(d) == 0);
	hm_device_close(d);
	d = hm_device_open("cpu", HM_PREC_BF16, NULL);
	double gain = d ? hm_device_bf16_gain(d) : 1;
	assert_true(gain > 0 && gain < 1000);
	hm_device_close(d);
}

static void failures_stick(void **state)
{
	(void)state;
	static const char *const name[] = {"ref", "cpu"};
	for (int i = 0; i < 2; i++) {
		struct hm_err e = {0};
		struct hm_device *d = hm_device_open(name[i], HM_PREC_F32, NULL);
		float w = 1, x[16] = {1}, y[16] = {0};
		struct hm_weight *wt =
			d->op->linear_pack(d, &(struct hm_linear){1, 1, HM_ACT_NONE, true}, &w, NULL);
		assert_int_equal(hm_device_error(d, &e), 0);
		assert_null(d->op->alloc(d, SIZE_MAX / 2 + 1));
		assert_int_equal(hm_device_error(d, &e), HM_EDATA);
		d->op->matmul(d, y, x, wt, 1);
		assert_true(y[0] == 0); /* nothing is computed any more */
		d->op->weight_free(d, wt);
		hm_device_close(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_by_name),
		cmocka_unit_test(automatic_precision),
		cmocka_unit_test(failures_stick),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
