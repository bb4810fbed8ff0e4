/* open_clip_config.json: see configopenclip.h. */
#include "model/configopenclip.h"
#include "model/configvalue.h"

#include <string.h>

/* Every member of vision_cfg or text_cfg must be one that tensors tell, too, or that changes nothing here; or
 * nothing, false, 0, empty; or open_clip's usual pool_type. */
static int refuse_others(const cJSON *side, const char *section, struct hm_err *e)
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
		if (!none && !usual && !hm_configvalue_has_word(fine, v->string))
			return hm_err_set(e, HM_EDATA, "\"%.64s\" of \"%s\" asks for what cannot be computed",
					  v->string, section);
	}
	return 0;
}

int hm_configopenclip_ask(const cJSON *tree, const struct hm_tower_config *k, struct hm_tower_hints *hints,
			  struct hm_err *e)
{
	const cJSON *model = cJSON_GetObjectItemCaseSensitive(tree, "model_cfg"),
		    *side = k->open_clip ? cJSON_GetObjectItemCaseSensitive(model, k->open_clip) : NULL;
	int width = 768, head_width = 64, heads = k->usual.heads;
	if (!side)
		return 0;
	if (refuse_others(side, k->open_clip, e))
		return HM_EDATA;
	if (!strcmp(k->open_clip, "vision_cfg")) {
		if (hm_configvalue_positive(side, "width", &width, e) ||
		    hm_configvalue_positive(side, "head_width", &head_width, e))
			return HM_EDATA;
		heads = width / head_width;
	} else if (hm_configvalue_positive(side, "heads", &heads, e)) {
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
