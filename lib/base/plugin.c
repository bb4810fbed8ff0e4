/* Finding and loading plug-ins. See plugin.h. */
#include "base/plugin.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool hm_plugin_find(const struct hm_plugin *p, char *out, size_t cap)
{
	static const char *const beside[] = {"", "../lib/hm/"};
	const char *said = getenv(p->env);
	char self[3072];
	if (said)
		return *said && snprintf(out, cap, "%s", said) < (int)cap;
	ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
	if (n <= 0)
		return false;
	self[n] = 0;
	*strrchr(self, '/') = 0;
	for (int j = 0; j < 2; j++)
		if (snprintf(out, cap, "%s/%s%s", self, beside[j], p->file) < (int)cap && !access(out, R_OK))
			return true;
	return false;
}

const void *hm_plugin_load(const struct hm_plugin *p, struct hm_err *e)
{
	char path[4096];
	if (!hm_plugin_find(p, path, sizeof path))
		return hm_err_set(e, HM_EDEVICE, "%s is not built in: there is no %s", p->noun, p->file),
		       NULL;
	void *lib = dlopen(path, RTLD_NOW | (p->global ? RTLD_GLOBAL : RTLD_LOCAL));
	const void *table = lib ? dlsym(lib, p->symbol) : NULL;
	if (!table)
		hm_err_set(e, HM_EDEVICE, "%s cannot be loaded: %s", p->noun, dlerror());
	return table;
}

int hm_plugin_refuse(const struct hm_plugin *p, const char *version, struct hm_err *e)
{
	char path[4096] = "";
	hm_plugin_find(p, path, sizeof path);
	return hm_err_set(e, HM_EDEVICE,
			  "%s cannot be used: %s was built from other sources (version %s) than this program "
			  "(" HM_VERSION ")",
			  p->noun, path, version);
}
