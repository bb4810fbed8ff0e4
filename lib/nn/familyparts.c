/* What families share. See familyparts.h. */
#include "nn/familyparts.h"

#include <stdio.h>
#include <string.h>

const char *hm_tower_no_preset(int i)
{
	(void)i;
	return NULL;
}

int hm_tower_check_layers(const struct hm_tower_kind *k, const struct hm_tower_hints *hints, int layers,
			  struct hm_err *e)
{
	if (!hints->layers || hints->layers == layers)
		return 0;
	return hm_err_set(e, HM_EDATA, "config.json has \"%s\" %d, the tensors are of %d layer%s",
			  k->config.layers, hints->layers, layers, layers > 1 ? "s" : "");
}

int hm_output_choose(int *out, const char *wanted, const char *const *names, const char *family,
		     struct hm_err *e)
{
	char list[128] = "";
	size_t n = 0;
	*out = 0;
	while (wanted && names[*out] && strcmp(names[*out], wanted))
		++*out;
	if (names[*out])
		return 0;
	for (int i = 0; names[i] && n < sizeof list; i++)
		n += (size_t)snprintf(list + n, sizeof list - n, "%s%s", i ? ", " : "", names[i]);
	return hm_err_set(e, HM_EUSAGE, "a %s has no output \"%.32s\": %s", family, wanted, list);
}
