/* Values of an encoder's configuration: see configvalue.h. */
#include "model/configvalue.h"
#include "json/json.h"
#include "nn/acts.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

int hm_configvalue_positive(const cJSON *o, const char *key, int *out, struct hm_err *e)
{
	int64_t v;
	if (!key || !cJSON_GetObjectItemCaseSensitive(o, key))
		return 0;
	if (hm_json_get_int(o, key, &v, e))
		return HM_EDATA;
	if (v < 1 || v > INT_MAX)
		return hm_err_set(e, HM_EDATA, "\"%s\" is out of range", key);
	*out = (int)v;
	return 0;
}

int hm_configvalue_eps(const cJSON *o, const char *key, double *out, struct hm_err *e)
{
	const cJSON *v = key ? cJSON_GetObjectItemCaseSensitive(o, key) : NULL;
	if (v && (!cJSON_IsNumber(v) || !(v->valuedouble > 0 && v->valuedouble < 1)))
		return hm_err_set(e, HM_EDATA, "\"%s\" is not a number between 0 and 1", key);
	if (v)
		*out = v->valuedouble;
	return 0;
}

int hm_configvalue_act(const cJSON *o, const char *key, enum hm_act *out, struct hm_err *e)
{
	const cJSON *v = key ? cJSON_GetObjectItemCaseSensitive(o, key) : NULL;
	if (!v || cJSON_IsNull(v))
		return 0;
	*out = hm_act_of_word(cJSON_GetStringValue(v));
	if (*out)
		return 0;
	return hm_err_set(e, HM_EDATA, "\"%s\" is %.64s, only gelu and quick_gelu can be computed", key,
			  cJSON_IsString(v) ? v->valuestring : "no text");
}

int hm_configvalue_demand(const cJSON *o, const char *key, const char *want, struct hm_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	char number[32] = "";
	if (cJSON_IsNumber(v))
		snprintf(number, sizeof number, "%.17g", v->valuedouble);
	const char *has = *number	      ? number
			  : cJSON_IsString(v) ? v->valuestring
			  : cJSON_IsFalse(v)  ? "false"
			  : cJSON_IsTrue(v)   ? "true"
					      : "neither text, number nor boolean";
	if (!v || cJSON_IsNull(v) || !strcmp(has, want))
		return 0;
	return hm_err_set(e, HM_EDATA, "\"%s\" is %.64s, only %s can be computed", key, has, want);
}

bool hm_configvalue_has_word(const char *const *list, const char *word)
{
	while (*list && strcmp(*list, word))
		list++;
	return *list;
}
