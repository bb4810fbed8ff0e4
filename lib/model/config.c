/* config.json of an encoder: see config.h. */
#include "model/config.h"
#include "model/configcolours.h"
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

/* o[key], where it is there and not null, must be `want`; "false" is a boolean, "1" a number. */
static int demand_value(const cJSON *o, const char *key, const char *want, struct hm_err *e)
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
	    (side == HM_IMAGE && hm_weights_json(spec, "processor_config.json", &c->processor, e)) ||
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
	cJSON_Delete(c->processor);
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
	     hm_configcolours_read(o, model_keys[side].mean, model_keys[side].std, &hints->colours, e)))
		return hm_err_prefix(e, "hm.model");
	return 0;
}

void hm_config_add_settings(cJSON *o, const struct hm_tower_kind *kind, const struct hm_tower_hints *hints,
			    struct hm_err *e)
{
	if (hints->colours.std[0] > 0 && !cJSON_GetObjectItemCaseSensitive(o, "mean") &&
	    !cJSON_GetObjectItemCaseSensitive(o, "std"))
		hm_configcolours_add(o, "mean", "std", &hints->colours, e);
	if (!kind)
		return;
	if (hints->act && !cJSON_GetObjectItemCaseSensitive(o, "act"))
		hm_json_add_str(o, "act", hm_act_name(hints->act), e);
	if (hints->heads && !cJSON_GetObjectItemCaseSensitive(o, "heads"))
		hm_json_add_num(o, "heads", hints->heads, e);
	if (hints->eps > 0 && !cJSON_GetObjectItemCaseSensitive(o, "eps"))
		hm_json_add_num(o, "eps", hints->eps, e);
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
		hm_configcolours_add(o, model_keys[side].mean, model_keys[side].std, &hints->colours, e);
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
	if (!has_word(fine, v->valuestring))
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
		rc = demand_value(o, (*d)[0], (*d)[1], e);
	if (!rc)
		rc = check_end(o, k->end, e);
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

/* Every member of vision_cfg or text_cfg must be one that tensors tell, too, or that changes nothing here; or
 * nothing, false, 0, empty; or open_clip's usual pool_type. */
static int refuse_open_clip(const cJSON *side, const char *section, struct hm_err *e)
{
	static const char *const fine[] = {"image_size",
					   "layers",
					   "width",
					   "head_width",
					   "patch_size",
					   "mlp_ratio",
					   "ls_init_value",
					   "patch_dropout",
					   "output_tokens",
					   "context_length",
					   "vocab_size",
					   "heads",
					   "text_mask",
					   "hf_tokenizer_name",
					   "tokenizer_kwargs",
					   "embed_cls",
					   "proj_bias",
					   "proj_type",
					   "bos_id",
					   "eos_id",
					   "pad_id",
					   NULL};
	const char *pool = strcmp(section, "vision_cfg") ? "argmax" : "tok";
	const cJSON *v;
	if (!cJSON_IsObject(side))
		return hm_err_set(e, HM_EDATA, "\"%s\" is not an object", section);
	cJSON_ArrayForEach(v, side)
	{
		bool none = cJSON_IsNull(v) || cJSON_IsFalse(v) ||
			    (cJSON_IsNumber(v) && v->valuedouble == 0) ||
			    (cJSON_IsString(v) && !*v->valuestring) ||
			    ((cJSON_IsObject(v) || cJSON_IsArray(v)) && !v->child);
		bool usual =
			!strcmp(v->string, "pool_type") && cJSON_IsString(v) && !strcmp(v->valuestring, pool);
		if (!none && !usual && !has_word(fine, v->string))
			return hm_err_set(e, HM_EDATA, "\"%.64s\" of \"%s\" asks for what cannot be computed",
					  v->string, section);
	}
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
	if (refuse_open_clip(side, k->open_clip, e))
		return HM_EDATA;
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

int hm_config_hints(const struct hm_config *c, const struct hm_tower_kind *kind, const struct hm_weights *w,
		    struct hm_tower_hints *hints, struct hm_err *e)
{
	const struct hm_tower_config *k = &kind->config;
	if (ask_model(w, kind->side, hints, e) ||
	    (kind->side == HM_IMAGE && hm_configcolours_ask(c, &hints->colours, e)))
		return HM_EDATA;
	if (c->open_clip && ask_open_clip(c->open_clip, k, hints, e))
		return hm_err_prefix(e, "open_clip_config.json");
	hints->named = c->tree || hm_weights_meta(w, "hm.model");
	if (c->tree && check_architecture(c->tree, kind, e))
		return hm_err_prefix(e, "config.json");
	if (c->tree && ask_config(c->tree, k, hm_weights_meta(w, "hm.model"), hints, e))
		return hm_err_prefix(e, "config.json");
	if (!hints->act && k->act && w->torchscript) /* OpenAI's archives */
		hints->act = HM_ACT_QUICK_GELU;
	return 0;
}
