/* The cpu device: ref's table with the slots replaced that are worth it. */
#include "ops/backend.h"
#include "ops/ref/ref.h"

#include <stdio.h>

int hm_cpu_open(struct hm_device *d, enum hm_precision precision, struct hm_err *e)
{
	if (precision != HM_PREC_F32)
		return hm_err_set(e, HM_EDEVICE, "device cpu has no precision %s", hm_precision_name(precision));
	d->op = &hm_ref_ops;
	d->name = "cpu";
	d->act = HM_F32;
	return 0;
}

int hm_cpu_fork(struct hm_device *d, const struct hm_device *from, struct hm_err *e)
{
	(void)d;
	(void)from;
	(void)e;
	return 0;
}

void hm_cpu_close(struct hm_device *d)
{
	(void)d;
}

void hm_cpu_describe(char *out, size_t cap)
{
	snprintf(out, cap, "plain loops");
}
