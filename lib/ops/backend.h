/* Between device.c and the devices: how each is opened. Not for users of ops.h. */
#ifndef HM_BACKEND_H
#define HM_BACKEND_H

#include "ops/ops.h"

/* A kind of device. NULL in fork: a second context is a copy of the first's fields; in close: it has none. */
struct hm_backend {
	/* Of the sources it was built from, and of struct hm_ops: a plug-in's have to be the program's. */
	const char *version;
	size_t ops;
	/* Fills op, act, name, host and ctx of a zeroed device whose precision and threads are set; `index`
	 * says which one of its kind. A negative code with `e`, nothing held then. */
	int (*open)(struct hm_device *d, int index, struct hm_err *e);
	/* A second context of `from` into `d`, which has from's fields but ctx. Fails as `open` does. */
	int (*fork)(struct hm_device *d, const struct hm_device *from, struct hm_err *e);
	/* Releases ctx of an opened or forked device. */
	void (*close)(struct hm_device *d);
	/* "oneDNN 2.6.3, OpenMP" of the library that runs, or what else it is made of. */
	void (*describe)(char *out, size_t cap);
	uint64_t (*processor)(void); /* for hm_device_processor; NULL: 0 */
};
extern const struct hm_backend hm_ref_backend, hm_cpu_backend;

/* The CUDA device's plug-in, libhm_cuda.so, which alone needs the CUDA libraries: the file that the
 * environment variable HM_CUDA_PLUGIN names (none, when it is empty), else in the program's folder, else in
 * ../lib/hm. It stays loaded. NULL with HM_EDEVICE in `e` when there is none, or it cannot be used. */
const struct hm_backend *hm_plugin_cuda(struct hm_err *e);
/* Whether there is one, usable or not. */
bool hm_plugin_there(void);
/* What the plug-in exports. */
#define HM_PLUGIN_SYMBOL "hm_cuda_backend"

#endif
