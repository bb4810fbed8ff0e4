/* Compares identities. See identity.h. */
#include "train/identity.h"
#include "json/json.h"

#include <stdio.h>
#include <string.h>

static void value_text(const cJSON *v, char out[96])
{
	char number[HM_JSON_NUMBER];
	if (cJSON_IsString(v))
		snprintf(out, 96, "%.90s", *v->valuestring ? v->valuestring : "nothing");
	else if (cJSON_IsNumber(v))
		snprintf(out, 96, "%s", hm_json_f64(v->valuedouble, number));
	else
		snprintf(out, 96, "%s", !v ? "absent" : cJSON_IsTrue(v) ? "yes" : "no");
}

/* Whether type and value are equal, to the last digit (cJSON_Compare accepts numbers that are nearly equal).
 */
static bool values_equal(const cJSON *a, const cJSON *b)
{
	if (!a || !b || (a->type & 0xff) != (b->type & 0xff))
		return false;
	return cJSON_IsString(a)   ? !strcmp(a->valuestring, b->valuestring)
	       : cJSON_IsNumber(a) ? a->valuedouble == b->valuedouble
				   : true;
}

bool hm_identity_differs(const cJSON *was, const cJSON *is, const char *grows,
			 struct hm_identity_difference *d)
{
	const cJSON *v;
	for (int pass = 0; pass < 2; pass++)
		cJSON_ArrayForEach(v, (pass ? was : is))
		{
			const cJSON *a = cJSON_GetObjectItemCaseSensitive(was, v->string);
			const cJSON *b = cJSON_GetObjectItemCaseSensitive(is, v->string);
			bool grown = grows && !strcmp(v->string, grows) && cJSON_IsNumber(a) &&
				     cJSON_IsNumber(b) && b->valuedouble > a->valuedouble;
			if (values_equal(a, b) || grown)
				continue;
			d->key = v->string;
			value_text(a, d->was);
			value_text(b, d->is);
			return true;
		}
	return false;
}
