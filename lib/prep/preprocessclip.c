/* The five numbers of an open_clip_config.json. Its preprocess_cfg may leave everything out: bicubic,
 * shortest, and the size that the image tower has. See preprocess.h. */
#include "prep/preprocessparts.h"

#include <string.h>

/* *out := v, the value of `key`: a number, or [h,w] that are equal. */
static int read_side(const struct hm_preprocess *p, const cJSON *v, const char *key, int *out,
		     struct hm_err *e)
{
	int w;
	if (!cJSON_IsArray(v))
		return hm_preprocess_int(p, v, key, HM_SQUARE_SIZE_MOST, out, e);
	if (cJSON_GetArraySize(v) != 2)
		return hm_preprocess_fault(p, e, "\"%s\" is neither a number nor two", key);
	if (hm_preprocess_int(p, cJSON_GetArrayItem(v, 0), key, HM_SQUARE_SIZE_MOST, out, e) ||
	    hm_preprocess_int(p, cJSON_GetArrayItem(v, 1), key, HM_SQUARE_SIZE_MOST, &w, e))
		return HM_EDATA;
	if (*out != w)
		return hm_preprocess_fault(p, e, "\"%s\" is %d high and %d wide, which is no square", key,
					   *out, w);
	return 0;
}

static int read_size(const struct hm_preprocess *p, int *out, struct hm_err *e)
{
	const cJSON *model = hm_preprocess_member(p->tree, "model_cfg");
	const cJSON *tower = hm_preprocess_member(hm_preprocess_member(model, "vision_cfg"), "image_size");
	const cJSON *size = hm_preprocess_member(p->body, "size");
	int has = 0;
	if (!tower && !size)
		return hm_preprocess_fault(
			p, e, "there is neither a \"size\" nor an \"image_size\" in \"vision_cfg\"");
	if ((tower && read_side(p, tower, "image_size", &has, e)) ||
	    (size && read_side(p, size, "size", out, e)))
		return HM_EDATA;
	if (tower && size && has != *out)
		return hm_preprocess_fault(p, e, "\"size\" is %d and \"image_size\" %d", *out, has);
	*out = size ? *out : has;
	return 0;
}

/* Which of the words body[key] is; `standard` where it is not there. HM_EDATA for another one. */
static int read_word(const struct hm_preprocess *p, const char *key, const char *const *words, int standard,
		     struct hm_err *e)
{
	const cJSON *v = hm_preprocess_member(p->body, key);
	int i = 0;
	if (!v)
		return standard;
	while (cJSON_IsString(v) && words[i] && strcmp(words[i], v->valuestring))
		i++;
	if (!cJSON_IsString(v) || !words[i])
		return hm_preprocess_fault(p, e, "\"%s\" is \"%.64s\", which hm-imgprep does not know", key,
					   cJSON_IsString(v) ? v->valuestring : "(no text)");
	return i;
}

/* Black, as hm-imgprep pads: 0, or as many as there are channels. */
static bool is_black(const cJSON *v)
{
	if (!cJSON_IsArray(v))
		return !v || (cJSON_IsNumber(v) && v->valuedouble == 0);
	const cJSON *m;
	cJSON_ArrayForEach(m, v)
	{
		if (!cJSON_IsNumber(m) || m->valuedouble != 0)
			return false;
	}
	return true;
}

int hm_preprocess_square_clip(const struct hm_preprocess *p, struct hm_square *out, struct hm_err *e)
{
	static const char *const filters[] = {"bilinear", "bicubic", NULL};
	static const char *const modes[] = {"squash", "shortest", "longest", NULL}; /* as in enum hm_fit */
	static const char *const colours[] = {"RGB", NULL};
	int filter = read_word(p, "interpolation", filters, HM_FILTER_BICUBIC, e);
	int mode = filter < 0 ? filter : read_word(p, "resize_mode", modes, HM_FIT_CROP, e);
	if (mode < 0 || read_word(p, "mode", colours, 0, e) < 0 || read_size(p, &out->size, e))
		return HM_EDATA;
	out->filter = (enum hm_filter)filter;
	out->fit = (enum hm_fit)mode;
	out->offset = HM_OFFSET_EVEN;
	out->shorter = out->fit == HM_FIT_CROP ? out->size : 0;
	if (out->fit == HM_FIT_PAD && !is_black(hm_preprocess_member(p->body, "fill_color")))
		return hm_preprocess_fault(p, e, "\"fill_color\" is not 0, and hm-imgprep pads with black");
	return 0;
}
