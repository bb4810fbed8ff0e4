/* This file helps tests of networks on every device: numbers in a device's memory. */
#ifndef TEST_DEVICES_H
#define TEST_DEVICES_H

#include "opcase.h"

/* Room for n floats in the device's memory. Caller frees with the free slot. */
static inline float *device_floats(struct hm_device *d, size_t n)
{
	return d->op->alloc(d, n * sizeof(float));
}

/* host [n] = x in device memory; returns host. */
static inline float *device_read(struct hm_device *d, float *host, const float *x, size_t n)
{
	d->op->download(d, host, x, n * sizeof *host);
	return host;
}

#endif
