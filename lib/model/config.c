/* The configuration of an encoder: see config.h. */
#include "model/config.h"
#include "model/configcolours.h"
#include "model/configjson.h"
#include "model/configmodel.h"
#include "model/configopenclip.h"

int hm_config_open(struct hm_config *c, enum hm_side side, const char *spec, struct hm_err *e)
{
	*c = (struct hm_config){0};
	if (hm_weights_json(spec, "config.json", &c->tree, e) ||
	    (side == HM_IMAGE && hm_weights_json(spec, "preprocessor_config.json", &c->preprocessor, e)) ||
	    (side == HM_IMAGE && hm_weights_json(spec, "processor_config.json", &c->processor, e)) ||
	    (!c->tree && hm_weights_json(spec, "open_clip_config.json", &c->open_clip, e)))
		return HM_EDATA;
	return c->tree && hm_configjson_family(c->tree, side, &c->model_type, e)
		       ? hm_err_prefix(e, "config.json")
		       : 0;
}

void hm_config_close(struct hm_config *c)
{
	cJSON_Delete(c->tree);
	cJSON_Delete(c->open_clip);
	cJSON_Delete(c->preprocessor);
	cJSON_Delete(c->processor);
	*c = (struct hm_config){0};
}

int hm_config_hints(const struct hm_config *c, const struct hm_tower_kind *kind, const struct hm_weights *w,
		    struct hm_tower_hints *hints, struct hm_err *e)
{
	if (hm_configmodel_ask(w, kind->side, hints, e) ||
	    (kind->side == HM_IMAGE && hm_configcolours_ask(c, &hints->colours, e)))
		return HM_EDATA;
	if (c->open_clip && hm_configopenclip_ask(c->open_clip, &kind->config, hints, e))
		return hm_err_prefix(e, "open_clip_config.json");
	hints->named = c->tree || hm_weights_meta(w, "hm.model");
	if (c->tree && hm_configjson_ask(c->tree, kind, hm_weights_meta(w, "hm.model"), hints, e))
		return hm_err_prefix(e, "config.json");
	if (!hints->act && kind->config.act && w->torchscript) /* OpenAI's archives */
		hints->act = HM_ACT_QUICK_GELU;
	return 0;
}
