/* This file is the interface between device.c and the devices: how a device is opened. Users of ops.h do
 * not need it. */
#ifndef HM_BACKEND_H
#define HM_BACKEND_H

#include "ops/ops.h"

/* A kind of device. fork NULL: a second context is a copy of the first one's fields. close NULL: there is
 * nothing to release. */
struct hm_backend {
	/* The version of its sources and the size of struct hm_ops: those of a plug-in must equal the
	 * program's. */
	const char *version;
	size_t ops;
	/* Fills op, act, name, host and ctx of a zeroed device whose precision and threads are set; `index`
	 * is the number of the device among its kind. A negative code with `e`: nothing is held then. */
	int (*open)(struct hm_device *d, int index, struct hm_err *e);
	/* Opens a second context in `d`, which already has the fields of `from` except ctx. A negative code
	 * with `e`: nothing is held then. */
	int (*fork)(struct hm_device *d, const struct hm_device *from, struct hm_err *e);
	/* Releases ctx of an opened or forked device. */
	void (*close)(struct hm_device *d);
	/* Writes what the device is made of, cut to cap: "oneDNN 2.6.3, OpenMP". */
	void (*describe)(char *out, size_t cap);
	uint64_t (*processor)(void); /* for hm_device_processor; NULL: 0 */
};
extern const struct hm_backend hm_ref_backend, hm_cpu_backend;

/* Loads the CUDA device's plug-in libhm_cuda.so; only the plug-in needs the CUDA libraries. The environment
 * variable HM_CUDA_PLUGIN names the file; if it is empty there is no plug-in. If it is not set, the file is
 * looked for next to the program, then in ../lib/hm. It stays loaded. NULL with HM_EDEVICE in `e` when it
 * is absent or cannot be used. */
const struct hm_backend *hm_plugin_cuda(struct hm_err *e);
/* Whether the file exists, usable or not. */
bool hm_plugin_there(void);
/* The symbol that the plug-in exports. */
#define HM_PLUGIN_SYMBOL "hm_cuda_backend"

#endif
