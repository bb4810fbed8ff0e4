/* Typed look-ups in a tokenizer's JSON files: see tokenfolder.h. */
#include "prep/tokenfolder.h"

#include <stdio.h>

int hm_doc_fault(const struct hm_token_doc *d, struct hm_err *e, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return hm_err_set(e, HM_EDATA, "%s: %s", d->path, text);
}

static const cJSON *find_member(const struct hm_token_doc *d, const cJSON *in, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(in ? in : d->tree, key);
	return cJSON_IsNull(v) ? NULL : v;
}

bool hm_doc_has(const struct hm_token_doc *d, const cJSON *in, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(in ? in : d->tree, key);
}

int hm_doc_bool(const struct hm_token_doc *d, const cJSON *in, const char *key, bool *out, struct hm_err *e)
{
	const cJSON *v = find_member(d, in, key);
	if (!v)
		return 0;
	if (!cJSON_IsBool(v))
		return hm_doc_fault(d, e, "\"%s\" is neither true nor false", key);
	*out = cJSON_IsTrue(v);
	return 1;
}

int hm_doc_number(const struct hm_token_doc *d, const cJSON *in, const char *key, double *out,
		  struct hm_err *e)
{
	const cJSON *v = find_member(d, in, key);
	if (!v)
		return 0;
	if (!cJSON_IsNumber(v))
		return hm_doc_fault(d, e, "\"%s\" is not a number", key);
	*out = v->valuedouble;
	return 1;
}

int hm_doc_string(const struct hm_token_doc *d, const cJSON *in, const char *key, const char **out,
		  struct hm_err *e)
{
	const cJSON *v = find_member(d, in, key);
	if (!v)
		return 0;
	if (!cJSON_IsString(v))
		return hm_doc_fault(d, e, "\"%s\" is not a string", key);
	*out = v->valuestring;
	return 1;
}
