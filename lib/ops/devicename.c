/* This file parses the names of devices. It is apart from device.c so that the option parser does not pull
 * in the devices. */
#include "ops/ops.h"

#include <stdlib.h>
#include <string.h>

bool hm_device_parse(const char *name, enum hm_device_name *which, int *index)
{
	static const char *const word[] = {"auto", "cpu", "ref", "cuda"};
	*index = 0;
	for (int i = 0; i < (int)(sizeof word / sizeof *word); i++) {
		*which = (enum hm_device_name)i;
		if (!strcmp(name, word[i]))
			return true;
	}
	size_t digits = strncmp(name, "cuda:", 5) ? 0 : strspn(name + 5, "0123456789");
	if (!digits || digits > 4 || name[5 + digits])
		return false;
	*which = HM_NAME_CUDA;
	*index = (int)strtol(name + 5, NULL, 10);
	return true;
}
