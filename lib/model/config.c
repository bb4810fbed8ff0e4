/* config.json of an encoder: see config.h. */
#include "model/config.h"
#include "json/build.h"
#include "json/json.h"
#include "nn/acts.h"

#include <ctype.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
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

static bool has_word(const char *const *list, const char *word)
{
	while (*list && strcmp(*list, word))
		list++;
	return *list;
}

/* Whether a family of that side reads this model_type. */
static bool family_exists(const char *model_type, enum hm_side side)
{
	const struct hm_tower_kind *const *k = hm_tower_kinds();
	while (*k && ((*k)->side != side || !has_word((*k)->config.model_types, model_type)))
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

int hm_config_open(struct hm_config *c, enum hm_side side, const char *spec, struct hm_err *e)
{
	char from_class[64];
	*c = (struct hm_config){0};
	if (hm_weights_json(spec, "config.json", &c->tree, e) ||
	    (side == HM_IMAGE && hm_weights_json(spec, "preprocessor_config.json", &c->preprocessor, e)) ||
	    (!c->tree && hm_weights_json(spec, "open_clip_config.json", &c->open_clip, e)))
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
	cJSON_Delete(c->open_clip);
	cJSON_Delete(c->preprocessor);
	*c = (struct hm_config){0};
}

static int get_act(const cJSON *o, const char *key, enum hm_act *out, struct hm_err *e)
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

/* The three numbers of o[key], each of [low,high], into out; *there says whether the key is. */
static int get_colour(const cJSON *o, const char *key, double low, double high, float out[3], bool *there,
		      struct hm_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key), *x = NULL;
	int n = 0;
	*there = v && !cJSON_IsNull(v);
	if (!*there)
		return 0;
	cJSON_ArrayForEach(x, v)
	{
		if (n == 3 || !cJSON_IsNumber(x) || !(x->valuedouble >= low && x->valuedouble <= high))
			n = 4;
		if (n < 3)
			out[n++] = (float)x->valuedouble;
	}
	return cJSON_IsArray(v) && n == 3
		       ? 0
		       : hm_err_set(e, HM_EDATA, "\"%s\" is not three numbers of %g to %g", key, low, high);
}

/* The colours that o says under these keys, both or neither. */
static int get_colours(const cJSON *o, const char *mean, const char *std, struct hm_colours *out,
		       struct hm_err *e)
{
	struct hm_colours c = {0};
	bool has_mean, has_std;
	if (get_colour(o, mean, 0, 1, c.mean, &has_mean, e) ||
	    get_colour(o, std, 1e-6, 1, c.std, &has_std, e))
		return HM_EDATA;
	if (has_mean != has_std)
		return hm_err_set(e, HM_EDATA, "has only one of \"%s\" and \"%s\"", mean, std);
	if (has_mean)
		*out = c;
	return 0;
}

int hm_config_read_colours(const cJSON *prepared, struct hm_colours *out, struct hm_err *e)
{
	return get_colours(prepared, "mean", "std", out, e);
}

/* The keys in hm.model of what a side's tensors do not tell. */
static const struct {
	const char *heads, *eps, *act, *mean, *std;
} model_keys[HM_SIDES] = {{"image_heads", "image_eps", "image_act", "image_mean", "image_std"},
			  {"heads", "eps", "act", "", ""}};

int hm_config_read_model(const cJSON *o, enum hm_side side, struct hm_tower_hints *hints, struct hm_err *e)
{
	if (get_positive(o, model_keys[side].heads, &hints->heads, e) ||
	    get_eps(o, model_keys[side].eps, &hints->eps, e) ||
	    get_act(o, model_keys[side].act, &hints->act, e) ||
	    (side == HM_IMAGE &&
	     get_colours(o, model_keys[side].mean, model_keys[side].std, &hints->colours, e)))
		return hm_err_prefix(e, "hm.model");
	return 0;
}

/* The shortest decimal that is read as x: 0.1, not 0.100000001490116. */
static double shortest_decimal(float x)
{
	char text[24];
	for (int digits = 6; digits <= 9; digits++) {
		snprintf(text, sizeof text, "%.*g", digits, (double)x);
		float back = strtof(text, NULL);
		if (!(back < x || back > x))
			break;
	}
	return strtod(text, NULL);
}

static void add_colours(cJSON *o, const char *mean_key, const char *std_key, const struct hm_colours *c,
			struct hm_err *e)
{
	cJSON *mean = hm_json_add_array(o, mean_key, e), *std = hm_json_add_array(o, std_key, e);
	for (int j = 0; j < 3; j++) {
		hm_json_add_num(mean, NULL, shortest_decimal(c->mean[j]), e);
		hm_json_add_num(std, NULL, shortest_decimal(c->std[j]), e);
	}
}

void hm_config_add_settings(cJSON *o, const struct hm_tower_kind *kind, const struct hm_tower_hints *hints,
			    struct hm_err *e)
{
	if (hints->colours.std[0] > 0 && !cJSON_GetObjectItemCaseSensitive(o, "mean") &&
	    !cJSON_GetObjectItemCaseSensitive(o, "std"))
		add_colours(o, "mean", "std", &hints->colours, e);
	if (!kind || !kind->config.usual.act)
		return;
	if (hints->act && !cJSON_GetObjectItemCaseSensitive(o, "act"))
		hm_json_add_str(o, "act", hm_act_name(hints->act), e);
	if (hints->heads && !cJSON_GetObjectItemCaseSensitive(o, "heads"))
		hm_json_add_num(o, "heads", hints->heads, e);
}

void hm_config_write_model(cJSON *o, enum hm_side side, const struct hm_tower_hints *hints, struct hm_err *e)
{
	if (hints->heads)
		hm_json_add_num(o, model_keys[side].heads, hints->heads, e);
	if (hints->eps > 0)
		hm_json_add_num(o, model_keys[side].eps, hints->eps, e);
	if (hints->act)
		hm_json_add_str(o, model_keys[side].act, hm_act_name(hints->act), e);
	if (hints->colours.std[0] > 0)
		add_colours(o, model_keys[side].mean, model_keys[side].std, &hints->colours, e);
}

/* Fills *hints from hm.model, which hm's own files have. */
static int ask_model(const struct hm_weights *w, enum hm_side side, struct hm_tower_hints *hints,
		     struct hm_err *e)
{
	const char *text = hm_weights_meta(w, "hm.model");
	if (!text)
		return 0;
	cJSON *o = hm_json_parse(text, strlen(text), 16, NULL, e);
	int rc = o ? hm_config_read_model(o, side, hints, e) : hm_err_prefix(e, "hm.model");
	cJSON_Delete(o);
	return rc;
}

bool hm_config_in_model(const struct hm_weights *w)
{
	struct hm_tower_hints hints = {0};
	struct hm_err unread = {0};
	return !ask_model(w, HM_TEXT, &hints, &unread) && hints.heads && hints.eps > 0;
}

/* ---- config.json ---- */

/* One object of config.json: what it demands, and the hints that are still missing. */
static int ask_object(const cJSON *o, const struct hm_tower_config *k, bool in_model,
		      struct hm_tower_hints *hints, struct hm_err *e)
{
	int rc = 0;
	for (const char *const(*d)[2] = k->demand; !rc && d && (*d)[0]; d++)
		rc = demand_value(o, (*d)[0], (*d)[1], e);
	if (!rc && !hints->heads)
		rc = get_positive(o, k->heads, &hints->heads, e);
	if (!rc && !in_model && !hints->layers)
		rc = get_positive(o, k->layers, &hints->layers, e);
	if (!rc && hints->eps == 0)
		rc = get_eps(o, k->eps, &hints->eps, e);
	if (!rc && !hints->act)
		rc = get_act(o, k->act, &hints->act, e);
	return rc;
}

/* The side's own object and, as transformers reads it, before that the object of the same name with _dict. */
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
	for (int j = 0; j < 2; j++)
		if (cJSON_IsObject(part[j]) && ask_object(part[j], k, in_model, hints, e))
			return HM_EDATA;
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(tree, "model_type");
	bool shared = k->section && cJSON_IsString(type) && !strcmp(type->valuestring, k->model_types[0]);
	if (!shared && !cJSON_IsObject(part[1]) && ask_object(tree, k, in_model, hints, e))
		return HM_EDATA;
	hints->heads = hints->heads ? hints->heads : k->usual.heads;
	hints->eps = hints->eps > 0 ? hints->eps : k->usual.eps;
	hints->act = hints->act ? hints->act : k->usual.act;
	return 0;
}

/* open_clip_config.json, whose missing keys mean what open_clip's classes have. */
static int ask_open_clip(const cJSON *tree, const struct hm_tower_config *k, struct hm_tower_hints *hints,
			 struct hm_err *e)
{
	const cJSON *model = cJSON_GetObjectItemCaseSensitive(tree, "model_cfg"),
		    *side = k->open_clip ? cJSON_GetObjectItemCaseSensitive(model, k->open_clip) : NULL;
	int width = 768, head_width = 64, heads = k->usual.heads;
	if (!side)
		return 0;
	if (!strcmp(k->open_clip, "vision_cfg")) {
		if (get_positive(side, "width", &width, e) ||
		    get_positive(side, "head_width", &head_width, e))
			return HM_EDATA;
		heads = width / head_width;
	} else if (get_positive(side, "heads", &heads, e)) {
		return HM_EDATA;
	}
	if (!hints->heads)
		hints->heads = heads;
	if (!hints->act)
		hints->act = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(model, "quick_gelu"))
				     ? HM_ACT_QUICK_GELU
				     : HM_ACT_GELU;
	return 0;
}

static int ask_colours(const struct hm_config *c, struct hm_colours *out, struct hm_err *e)
{
	const cJSON *open_clip = cJSON_GetObjectItemCaseSensitive(c->open_clip, "preprocess_cfg");
	if (out->std[0] > 0)
		return 0;
	if (c->preprocessor && get_colours(c->preprocessor, "image_mean", "image_std", out, e))
		return hm_err_prefix(e, "preprocessor_config.json");
	if (out->std[0] == 0 && open_clip && get_colours(open_clip, "mean", "std", out, e))
		return hm_err_prefix(e, "open_clip_config.json");
	return 0;
}

int hm_config_hints(const struct hm_config *c, const struct hm_tower_kind *kind, const struct hm_weights *w,
		    struct hm_tower_hints *hints, struct hm_err *e)
{
	const struct hm_tower_config *k = &kind->config;
	if (ask_model(w, kind->side, hints, e) ||
	    (kind->side == HM_IMAGE && ask_colours(c, &hints->colours, e)))
		return HM_EDATA;
	if (c->open_clip && ask_open_clip(c->open_clip, k, hints, e))
		return hm_err_prefix(e, "open_clip_config.json");
	if (c->tree && ask_config(c->tree, k, hm_weights_meta(w, "hm.model"), hints, e))
		return hm_err_prefix(e, "config.json");
	if (!hints->act && k->act && w->torchscript) /* OpenAI's archives */
		hints->act = HM_ACT_QUICK_GELU;
	return 0;
}
