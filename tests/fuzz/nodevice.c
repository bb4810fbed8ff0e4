/* What lib/nn asks of devices, for harnesses that run no network: tests/fuzz/run links no device. */
#include "ops/ops.h"

int hm_device_error(const struct hm_device *d, struct hm_err *e)
{
	(void)d;
	return hm_err_set(e, HM_EDATA, "no device is linked");
}

float *hm_device_floats(struct hm_device *d, const float *x, size_t n)
{
	(void)d, (void)x, (void)n;
	return NULL;
}
