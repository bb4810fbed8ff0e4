/* Lists of feature columns. See featurenames.h. */
#include "model/featurenames.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool has_name(const struct hm_feature_names *f, const char *name)
{
	for (int i = 0; i < f->n; i++)
		if (!strcmp(f->name[i], name))
			return true;
	return false;
}

int hm_feature_names_parse(struct hm_feature_names *f, const char *list, const char *option, struct hm_err *e)
{
	f->n = 0;
	for (const char *at = list, *end;; at = end + 1) {
		char name[HM_FEATURE_NAME];
		end = strchr(at, ',');
		size_t len = end ? (size_t)(end - at) : strlen(at);
		if (!len || len >= sizeof name)
			return hm_err_set(e, HM_EUSAGE,
					  "%s takes names of 1 to %d bytes separated by commas, not '%.200s'",
					  option, HM_FEATURE_NAME - 1, list);
		memcpy(name, at, len);
		name[len] = 0;
		if (has_name(f, name))
			return hm_err_set(e, HM_EUSAGE, "%s names '%s' twice", option, name);
		if (f->n == HM_FEATURES_MOST)
			return hm_err_set(e, HM_EUSAGE, "%s takes %d columns at most", option,
					  HM_FEATURES_MOST);
		memcpy(f->name[f->n++], name, len + 1);
		if (!end)
			return 0;
	}
}

char *hm_feature_names_text(const struct hm_feature_names *f, char *out, size_t cap)
{
	size_t used = 0;
	*out = 0;
	for (int i = 0; i < f->n && used < cap; i++)
		used += (size_t)snprintf(out + used, cap - used, "%s%s", i ? "," : "", f->name[i]);
	return out;
}
