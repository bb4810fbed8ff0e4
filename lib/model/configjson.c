/* config.json: see configjson.h. */
#include "model/configjson.h"
#include "model/configvalue.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* Whether a family of that side reads this model_type. */
static bool family_exists(const char *model_type, enum hm_side side)
{
	const struct hm_tower_kind *const *k = hm_tower_kinds();
	while (*k && ((*k)->side != side || !hm_configvalue_has_word((*k)->config.model_types, model_type)))
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
	char list[512] = "";
	size_t n = 0;
	if (family_exists(model_type, other))
		return hm_err_set(e, HM_EDATA, "%s is \"%.64s\", which is of the %s side (--%s)", key,
				  model_type, hm_side_name(other), hm_side_name(other));
	for (const struct hm_tower_kind *const *k = hm_tower_kinds(); *k && n < sizeof list; k++)
		if ((*k)->side == side)
			n += (size_t)snprintf(list + n, sizeof list - n, "%s\"%s\" (%s)", n ? ", " : "",
					      (*k)->config.model_types[0], (*k)->tensors);
	return hm_err_set(e, HM_EDATA, "%s is \"%.64s\"; %s encoders that can be read: %s", key, model_type,
			  side == HM_IMAGE ? "image" : "text", list);
}

int hm_configjson_family(const cJSON *tree, enum hm_side side, const char **model_type, struct hm_err *e)
{
	char from_class[64];
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(tree, "model_type");
	const char *key = "the family in \"architectures\"", *family = class_family(tree, from_class);
	*model_type = NULL;
	if (type && !cJSON_IsNull(type)) {
		key = "\"model_type\"";
		family = *model_type = cJSON_IsString(type) ? type->valuestring : "no text";
	} else if (!*family) {
		return 0;
	}
	return family_exists(family, side) ? 0 : refuse_family(key, family, side, e);
}

/* CLIP's vector is that of the token with the highest id where the end token is 2 or the highest id. */
static int check_end(const cJSON *o, const char *key, struct hm_err *e)
{
	const cJSON *v = key ? cJSON_GetObjectItemCaseSensitive(o, key) : NULL,
		    *vocab = cJSON_GetObjectItemCaseSensitive(o, "vocab_size");
	double last = (cJSON_IsNumber(vocab) ? vocab->valuedouble : 49408) - 1;
	if (!cJSON_IsNumber(v) || v->valuedouble == 2 || v->valuedouble == last)
		return 0;
	return hm_err_set(e, HM_EDATA,
			  "\"%s\" is %.17g, only 2 and the last of \"vocab_size\", %.17g, can be computed",
			  key, v->valuedouble, last);
}

/* timm's config.json names the network, which tensors need not tell. One of another family lies there for
 * another file. */
static int check_architecture(const cJSON *tree, const struct hm_tower_kind *kind, struct hm_err *e)
{
	const char *const *fine = kind->config.architectures;
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(tree, "architecture"),
		    *args = cJSON_GetObjectItemCaseSensitive(tree, "model_args");
	if (!cJSON_IsString(v) || !fine || !strstr(v->valuestring, kind->name))
		return 0;
	if (!hm_configvalue_has_word(fine, v->valuestring))
		return hm_err_set(e, HM_EDATA,
				  "\"architecture\" is %.64s, of which it is not known that it computes what "
				  "its tensors are named for",
				  v->valuestring);
	return args && args->child
		       ? hm_err_set(e, HM_EDATA, "\"model_args\" asks for what cannot be computed")
		       : 0;
}

/* One object of config.json: what it demands, and the hints that are still missing. */
static int ask_object(const cJSON *o, const struct hm_tower_config *k, bool in_model,
		      struct hm_tower_hints *hints, struct hm_err *e)
{
	int rc = 0;
	for (const char *const(*d)[2] = k->demand; !rc && d && (*d)[0]; d++)
		rc = hm_configvalue_demand(o, (*d)[0], (*d)[1], e);
	if (!rc)
		rc = check_end(o, k->end, e);
	if (!rc && !hints->heads)
		rc = hm_configvalue_positive(o, k->heads, &hints->heads, e);
	if (!rc && !in_model && !hints->layers)
		rc = hm_configvalue_positive(o, k->layers, &hints->layers, e);
	if (!rc && hints->eps == 0)
		rc = hm_configvalue_eps(o, k->eps, &hints->eps, e);
	if (!rc && !hints->act)
		rc = hm_configvalue_act(o, k->act, &hints->act, e);
	return rc;
}

/* The side's own object; where there is one of the same name with _dict, that takes its place, as in
 * transformers: what it lacks is the family's usual value. */
static int ask_config(const cJSON *tree, const struct hm_tower_config *k, bool in_model,
		      struct hm_tower_hints *hints, struct hm_err *e)
{
	char dict[64];
	const cJSON *part[2] = {NULL, NULL};
	if (k->section) {
		snprintf(dict, sizeof dict, "%s_dict", k->section);
		part[0] = cJSON_GetObjectItemCaseSensitive(tree, dict);
		part[1] = cJSON_GetObjectItemCaseSensitive(tree, k->section);
	}
	const cJSON *own = cJSON_IsObject(part[0]) ? part[0] : part[1];
	if (cJSON_IsObject(own) && ask_object(own, k, in_model, hints, e))
		return HM_EDATA;
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(tree, "model_type");
	bool shared = k->section && cJSON_IsString(type) && !strcmp(type->valuestring, k->model_types[0]);
	if (!shared && !cJSON_IsObject(own) && ask_object(tree, k, in_model, hints, e))
		return HM_EDATA;
	hints->heads = hints->heads ? hints->heads : k->usual.heads;
	hints->eps = hints->eps > 0 ? hints->eps : k->usual.eps;
	hints->act = hints->act ? hints->act : k->usual.act;
	return 0;
}

int hm_configjson_ask(const cJSON *tree, const struct hm_tower_kind *kind, bool in_model,
		      struct hm_tower_hints *hints, struct hm_err *e)
{
	if (check_architecture(tree, kind, e))
		return HM_EDATA;
	return ask_config(tree, &kind->config, in_model, hints, e);
}
