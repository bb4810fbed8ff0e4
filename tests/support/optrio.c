/* One inference operation on several devices. See optrio.h. */
#include "optrio.h"
#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define F32_BOUND 1e-5
#define BF16_BOUND 2e-2

bool open_trio(struct trio *t, bool bf16)
{
	struct hm_err e = {0};
	enum hm_precision p = bf16 ? HM_PREC_BF16 : HM_PREC_F32;
	*t = (struct trio){.bf16 = bf16};
	t->d[1] = hm_device_open("cpu", p, &e);
	if (!t->d[1]) {
		assert_true(bf16);
		assert_int_equal(e.code, HM_EDEVICE);
		return false;
	}
	t->d[0] = hm_device_open("ref", p, &e);
	t->d[2] = hm_device_fork(t->d[1], &e);
	assert_non_null(t->d[0]);
	assert_non_null(t->d[2]);
	return true;
}

void close_trio(struct trio *t)
{
	hm_device_close(t->d[2]);
	hm_device_close(t->d[1]);
	hm_device_close(t->d[0]);
}

float *spread_floats(size_t n, double spread, uint32_t which)
{
	struct hm_rng r;
	float *x = malloc((n ? n : 1) * sizeof *x);
	hm_rng_init(&r, 1, HM_RNG_SYNTH, which, 0);
	for (size_t j = 0; j < n; j++)
		x[j] = (float)(spread * hm_rng_normal(&r));
	return x;
}

void *copy_acts(struct hm_device *d, const float *x, size_t n, size_t room)
{
	void *y = d->op->alloc(d, room * hm_dtype_size(d->act));
	for (size_t j = 0; j < n; j++)
		if (d->act == HM_BF16)
			((uint16_t *)y)[j] = hm_f32_to_bf16(x[j]);
		else
			((float *)y)[j] = x[j];
	return y;
}

float *copy_floats(const struct hm_device *d, const void *x, size_t n)
{
	float *y = malloc((n ? n : 1) * sizeof *y);
	assert_int_equal(hm_to_f32(d->act, x, n, y, NULL), 0);
	return y;
}

void compare_outputs(const struct trio *t, float *out[3], size_t n, const char *what)
{
	double worst = 0, most = 0, bound = t->bf16 ? BF16_BOUND : F32_BOUND;
	for (size_t j = 0; j < n; j++) {
		most = fmax(most, fabs(out[0][j]));
		worst = fmax(worst, isfinite(out[1][j]) ? fabs((double)out[1][j] - out[0][j]) : INFINITY);
	}
	for (int k = 0; k < 3; k++) {
		struct hm_err e = {0};
		if (hm_device_error(t->d[k], &e))
			fail_msg("%s: %s", what, e.text);
	}
	if (!(worst <= bound * most))
		fail_msg("%s%s: off by %g of the largest, %g", what, t->bf16 ? " bf16" : "", worst / most,
			 most);
	assert_memory_equal(out[1], out[2], n * sizeof(float));
	for (int k = 0; k < 3; k++)
		free(out[k]);
}
