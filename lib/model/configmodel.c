/* An encoder's settings in hm.model: see configmodel.h. */
#include "model/configmodel.h"
#include "json/build.h"
#include "json/json.h"
#include "model/configcolours.h"
#include "model/configvalue.h"
#include "nn/acts.h"

#include <string.h>

/* The keys in hm.model of what a side's tensors do not tell. */
static const struct {
	const char *heads, *eps, *act, *mean, *std;
} model_keys[HM_SIDES] = {{"image_heads", "image_eps", "image_act", "image_mean", "image_std"},
			  {"heads", "eps", "act", "", ""}};

int hm_configmodel_read(const cJSON *o, enum hm_side side, struct hm_tower_hints *hints, struct hm_err *e)
{
	if (hm_configvalue_positive(o, model_keys[side].heads, &hints->heads, e) ||
	    hm_configvalue_eps(o, model_keys[side].eps, &hints->eps, e) ||
	    hm_configvalue_act(o, model_keys[side].act, &hints->act, e) ||
	    (side == HM_IMAGE &&
	     hm_configcolours_read(o, model_keys[side].mean, model_keys[side].std, &hints->colours, e)))
		return hm_err_prefix(e, "hm.model");
	return 0;
}

void hm_configmodel_add_settings(cJSON *o, const struct hm_tower_kind *kind,
				 const struct hm_tower_hints *hints, struct hm_err *e)
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

void hm_configmodel_write(cJSON *o, enum hm_side side, const struct hm_tower_hints *hints, struct hm_err *e)
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

int hm_configmodel_ask(const struct hm_weights *w, enum hm_side side, struct hm_tower_hints *hints,
		       struct hm_err *e)
{
	const char *text = hm_weights_meta(w, "hm.model");
	if (!text)
		return 0;
	cJSON *o = hm_json_parse(text, strlen(text), 16, NULL, e);
	int rc = o ? hm_configmodel_read(o, side, hints, e) : hm_err_prefix(e, "hm.model");
	cJSON_Delete(o);
	return rc;
}

bool hm_configmodel_has_all(const struct hm_weights *w)
{
	struct hm_tower_hints hints = {0};
	struct hm_err unread = {0};
	return !hm_configmodel_ask(w, HM_TEXT, &hints, &unread) && hints.heads && hints.eps > 0;
}
