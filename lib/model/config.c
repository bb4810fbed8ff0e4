/* config.json of an encoder: see config.h. */
#include "model/config.h"
#include "json/json.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* o[key], when it is there, an integer in 1 .. INT_MAX. */
static int get_positive(const cJSON *o, const char *key, int *out, struct hm_err *e)
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

static int get_eps(const cJSON *o, const char *key, double *out, struct hm_err *e)
{
	const cJSON *v = key ? cJSON_GetObjectItemCaseSensitive(o, key) : NULL;
	if (v && (!cJSON_IsNumber(v) || !(v->valuedouble > 0 && v->valuedouble < 1)))
		return hm_err_set(e, HM_EDATA, "\"%s\" is not a number between 0 and 1", key);
	if (v)
		*out = v->valuedouble;
	return 0;
}

/* o[key], where it is there and not null, must be `want`; "false" is a boolean. */
static int demand_value(const cJSON *o, const char *key, const char *want, struct hm_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	const char *has = cJSON_IsString(v)  ? v->valuestring
			  : cJSON_IsFalse(v) ? "false"
			  : cJSON_IsTrue(v)  ? "true"
					     : "neither text nor boolean";
	if (!v || cJSON_IsNull(v) || !strcmp(has, want))
		return 0;
	return hm_err_set(e, HM_EDATA, "\"%s\" is %.64s, only %s can be computed", key, has, want);
}

/* Whether a family of that side reads this model_type. */
static bool family_exists(const char *model_type, enum hm_side side)
{
	const struct hm_tower_kind *const *k = hm_tower_kinds();
	while (*k && ((*k)->side != side || strcmp((*k)->config.model_type, model_type)))
		k++;
	return *k;
}

/* The model_type that the class name in `architectures` stands for, "roberta" of "RobertaForMaskedLM"; ""
 * where it follows no such pattern. */
static const char *class_family(const cJSON *tree, char out[64])
{
	static const char *const ends[] = {"For", "Model", "LMHead", "PreTrained", NULL};
	const cJSON *class = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(tree, "architectures"), 0);
	const char *name = cJSON_IsString(class) ? class->valuestring : "", *end = NULL;
	size_t n = 0;
	for (const char *const *k = ends; *k; k++) {
		const char *at = strstr(name, *k);
		end = at && (!end || at < end) ? at : end;
	}
	for (; end && name + n < end && n < 63; n++)
		out[n] = (char)tolower((unsigned char)name[n]);
	out[n] = 0;
	return out;
}

static int refuse_family(const char *key, const char *model_type, enum hm_side side, struct hm_err *e)
{
	enum hm_side other = side == HM_IMAGE ? HM_TEXT : HM_IMAGE;
	char list[256] = "";
	size_t n = 0;
	if (family_exists(model_type, other))
		return hm_err_set(e, HM_EDATA, "%s is \"%.64s\", which is of the %s side (--%s)", key,
				  model_type, hm_side_name(other), hm_side_name(other));
	for (const struct hm_tower_kind *const *k = hm_tower_kinds(); *k && n < sizeof list; k++)
		if ((*k)->side == side)
			n += (size_t)snprintf(list + n, sizeof list - n, "%s\"%s\" (%s)", n ? ", " : "",
					      (*k)->config.model_type, (*k)->tensors);
	return hm_err_set(e, HM_EDATA, "%s is \"%.64s\"; %s encoders that can be read: %s", key, model_type,
			  side == HM_IMAGE ? "image" : "text", list);
}

int hm_config_open(struct hm_config *c, enum hm_side side, const char *spec, struct hm_err *e)
{
	char from_class[64];
	*c = (struct hm_config){0};
	if (hm_weights_config(spec, &c->tree, e))
		return HM_EDATA;
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(c->tree, "model_type");
	const char *key = "the family in \"architectures\"", *family = class_family(c->tree, from_class);
	if (type && !cJSON_IsNull(type)) {
		key = "\"model_type\"";
		family = c->model_type = cJSON_IsString(type) ? type->valuestring : "no text";
	} else if (!*family) {
		return 0;
	}
	if (family_exists(family, side))
		return 0;
	refuse_family(key, family, side, e);
	return hm_err_prefix(e, "config.json");
}

void hm_config_close(struct hm_config *c)
{
	cJSON_Delete(c->tree);
	*c = (struct hm_config){0};
}

/* Fills *hints from hm.model, which hm's own files have. */
static int ask_model(const struct hm_weights *w, struct hm_tower_hints *hints, struct hm_err *e)
{
	const char *text = hm_weights_meta(w, "hm.model");
	if (!text)
		return 0;
	cJSON *o = hm_json_parse(text, strlen(text), 16, NULL, e);
	int rc = o ? get_positive(o, "heads", &hints->heads, e) : HM_EDATA;
	if (!rc)
		rc = get_eps(o, "eps", &hints->eps, e);
	cJSON_Delete(o);
	return rc ? hm_err_prefix(e, "hm.model") : 0;
}

bool hm_config_in_model(const struct hm_weights *w)
{
	struct hm_tower_hints hints = {0};
	struct hm_err unread = {0};
	return !ask_model(w, &hints, &unread) && hints.heads && hints.eps > 0;
}

int hm_config_hints(const struct hm_config *c, const struct hm_tower_kind *kind, const struct hm_weights *w,
		    struct hm_tower_hints *hints, struct hm_err *e)
{
	const struct hm_tower_config *k = &kind->config;
	int rc = ask_model(w, hints, e);
	if (rc || !c->tree)
		return rc;
	for (const char *const(*d)[2] = k->demand; !rc && d && (*d)[0]; d++)
		rc = demand_value(c->tree, (*d)[0], (*d)[1], e);
	if (!rc && !hints->heads)
		rc = get_positive(c->tree, k->heads, &hints->heads, e);
	if (!rc && !hm_weights_meta(w, "hm.model"))
		rc = get_positive(c->tree, k->layers, &hints->layers, e);
	if (!rc && hints->eps == 0)
		rc = get_eps(c->tree, k->eps, &hints->eps, e);
	return rc ? hm_err_prefix(e, "config.json") : 0;
}
