/* Plug-ins: shared libraries of hm's own that a tool opens only when it is asked for what they bring, so that
 * the tools start without the libraries that a plug-in needs. A plug-in exports one table. */
#ifndef HM_PLUGIN_H
#define HM_PLUGIN_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

struct hm_plugin {
	const char *file; /* "libhm_cuda.so": next to the program, or in ../lib/hm */
	const char *env;  /* the environment variable that names another file; if it is empty there is none */
	const char *symbol; /* of the table */
	const char *noun;   /* for messages: "device cuda" */
	bool global;	    /* libraries that it opens itself look for its symbols */
};

/* Writes the path of the plug-in into out [cap]; false if there is no file. */
bool hm_plugin_find(const struct hm_plugin *p, char *out, size_t cap);
/* The table that the plug-in exports; its address is valid to the end of the process. NULL with HM_EDEVICE in
 * `e` if the plug-in is not there or cannot be loaded. */
const void *hm_plugin_load(const struct hm_plugin *p, struct hm_err *e);
/* The sentence for a plug-in that was built from other sources than the program. Returns HM_EDEVICE. */
int hm_plugin_refuse(const struct hm_plugin *p, const char *version, struct hm_err *e);

#endif
