/* Between device.c and the devices: how each is opened. Not for users of ops.h. */
#ifndef HM_BACKEND_H
#define HM_BACKEND_H

#include "ops/ops.h"

/* Each fills op, act, name and ctx of a zeroed device, or returns a negative code with `e`. */
int hm_ref_open(struct hm_device *d, enum hm_precision precision, struct hm_err *e);
int hm_cpu_open(struct hm_device *d, enum hm_precision precision, struct hm_err *e);
/* A second context of `from` into the zeroed `d`. */
int hm_cpu_fork(struct hm_device *d, const struct hm_device *from, struct hm_err *e);
/* Releases ctx of an opened or forked device. */
void hm_cpu_close(struct hm_device *d);

/* "oneDNN 2.6.3, OpenMP" of the library that runs, or what else the cpu device is made of. */
void hm_cpu_describe(char *out, size_t cap);
/* For hm_device_processor. */
uint64_t hm_cpu_processor(void);

#endif
