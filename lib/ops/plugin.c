/* This file finds the CUDA device's shared library and checks its version. See backend.h. */
#include "ops/backend.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME "libhm_cuda.so"

/* Writes the file's path into out [cap]; false when there is no file. */
static bool find_plugin(char *out, size_t cap)
{
	static const char *const beside[] = {NAME, "../lib/hm/" NAME};
	const char *said = getenv("HM_CUDA_PLUGIN");
	char self[3072];
	if (said)
		return *said && snprintf(out, cap, "%s", said) < (int)cap;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0)
		return false;
	self[n] = 0;
	*strrchr(self, '/') = 0;
	for (int j = 0; j < 2; j++)
		if (snprintf(out, cap, "%s/%s", self, beside[j]) < (int)cap && !access(out, R_OK))
			return true;
	return false;
}

bool hm_plugin_there(void)
{
	char path[4096];
	return find_plugin(path, sizeof path);
}

const struct hm_backend *hm_plugin_cuda(struct hm_err *e)
{
	char path[4096];
	const struct hm_backend *b;
	if (!find_plugin(path, sizeof path))
		return hm_err_set(e, HM_EDEVICE, "device cuda is not built in: there is no " NAME), NULL;
	/* Look for the driver first: loading the plug-in brings in half a gigabyte of libraries. A plug-in
	 * that the environment names may work without a driver. */
	if (!getenv("HM_CUDA_PLUGIN") && !dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL))
		return hm_err_set(e, HM_EDEVICE, "device cuda is absent: no NVIDIA driver"), NULL;
	void *lib = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!lib)
		return hm_err_set(e, HM_EDEVICE, "device cuda cannot be loaded: %s", dlerror()), NULL;
	b = dlsym(lib, HM_PLUGIN_SYMBOL);
	if (b && !strcmp(b->version, HM_VERSION) && b->ops == sizeof(struct hm_ops))
		return b;
	hm_err_set(
		e, HM_EDEVICE,
		"device cuda cannot be used: %s was built from other sources (version %s) than this program "
		"(" HM_VERSION ")",
		path, b ? b->version : "unknown");
	dlclose(lib);
	return NULL;
}
