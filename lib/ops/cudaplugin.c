/* This file opens the CUDA device's plug-in and checks its version. See backend.h. */
#include "base/plugin.h"
#include "ops/backend.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static const struct hm_plugin plugin = {
	.file = "libhm_cuda.so", .env = "HM_CUDA_PLUGIN", .symbol = HM_PLUGIN_SYMBOL, .noun = "device cuda"};

bool hm_plugin_there(void)
{
	char path[4096];
	return hm_plugin_find(&plugin, path, sizeof path);
}

const struct hm_backend *hm_plugin_cuda(struct hm_err *e)
{
	/* Look for the driver first: loading the plug-in brings in half a gigabyte of libraries. A plug-in
	 * that the environment names may work without a driver. */
	if (hm_plugin_there() && !getenv(plugin.env) && !dlopen("libcuda.so.1", RTLD_LAZY | RTLD_LOCAL))
		return hm_err_set(e, HM_EDEVICE, "device cuda is absent: no NVIDIA driver"), NULL;
	const struct hm_backend *b = hm_plugin_load(&plugin, e);
	if (!b || (!strcmp(b->version, HM_VERSION) && b->ops == sizeof(struct hm_ops)))
		return b;
	hm_plugin_refuse(&plugin, b->version, e);
	return NULL;
}
