/* What files say of the normalisation of pictures: see configcolours.h. */
#include "model/configcolours.h"
#include "json/build.h"
#include "json/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

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

int hm_configcolours_read(const cJSON *o, const char *mean, const char *std, struct hm_colours *out,
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

void hm_configcolours_add(cJSON *o, const char *mean_key, const char *std_key, const struct hm_colours *c,
			  struct hm_err *e)
{
	cJSON *mean = hm_json_add_array(o, mean_key, e), *std = hm_json_add_array(o, std_key, e);
	for (int j = 0; j < 3; j++) {
		hm_json_add_num(mean, NULL, shortest_decimal(c->mean[j]), e);
		hm_json_add_num(std, NULL, shortest_decimal(c->std[j]), e);
	}
}

/* ---- folders ---- */

/* How a processor of Hugging Face turns bytes into what is normalised: u8 * factor, where factor * 255 is 1
 * unless it says otherwise. *scale := factor * 255. */
static int read_scale(const cJSON *o, double *scale, struct hm_err *e)
{
	const cJSON *rescale = cJSON_GetObjectItemCaseSensitive(o, "do_rescale"),
		    *factor = cJSON_GetObjectItemCaseSensitive(o, "rescale_factor"),
		    *offset = cJSON_GetObjectItemCaseSensitive(o, "rescale_offset");
	*scale = 1;
	if (cJSON_IsTrue(offset))
		return hm_err_set(e, HM_EDATA, "\"rescale_offset\" is true, which cannot be computed");
	if (cJSON_IsFalse(rescale)) {
		*scale = 255;
		return 0;
	}
	if (!factor || cJSON_IsNull(factor))
		return 0;
	if (!cJSON_IsNumber(factor) || !(factor->valuedouble >= 1. / 65536 && factor->valuedouble <= 1))
		return hm_err_set(e, HM_EDATA, "\"rescale_factor\" is not a number from 1/65536 to 1");
	*scale = factor->valuedouble * 255;
	if (fabs(*scale - 1) < 1e-5)
		*scale = 1;
	return 0;
}

/* The three numbers of o[key], or one for all, divided by `scale`, must be in [low,high]; *there says whether
 * the key is. */
static int get_scaled(const cJSON *o, const char *key, double scale, double low, double high, float out[3],
		      bool *there, struct hm_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	*there = v && !cJSON_IsNull(v);
	for (int i = 0; i < 3 && *there; i++) {
		const cJSON *x = cJSON_IsArray(v) ? cJSON_GetArrayItem(v, i) : v;
		double value = cJSON_IsNumber(x) ? x->valuedouble / scale : NAN;
		if (!(value >= low && value <= high) || (cJSON_IsArray(v) && cJSON_GetArraySize(v) != 3))
			return hm_err_set(e, HM_EDATA, "\"%s\" is not three numbers of %g to %g", key,
					  low * scale, high * scale);
		out[i] = (float)value;
	}
	return 0;
}

/* A processor of Hugging Face: what it does to a byte is (u8/255 - mean) / std here, whatever its own factors
 * are. */
static int read_processor(const cJSON *o, struct hm_colours *out, struct hm_err *e)
{
	struct hm_colours c = {{0, 0, 0}, {1, 1, 1}};
	double scale;
	bool mean = true, std = true;
	if (read_scale(o, &scale, e))
		return HM_EDATA;
	bool plain = cJSON_IsFalse(cJSON_GetObjectItemCaseSensitive(o, "do_normalize"));
	for (int i = 0; plain && i < 3; i++)
		c.std[i] = (float)(1 / scale);
	if (plain && scale < 1)
		return hm_err_set(e, HM_EDATA,
				  "\"rescale_factor\" is below 1/255, and \"do_normalize\" is false");
	if (!plain && (get_scaled(o, "image_mean", scale, 0, 1, c.mean, &mean, e) ||
		       get_scaled(o, "image_std", scale, 1e-6, 1, c.std, &std, e)))
		return HM_EDATA;
	if (mean != std)
		return hm_err_set(e, HM_EDATA, "has only one of \"image_mean\" and \"image_std\"");
	if (!mean && (scale < 1 || scale > 1))
		return hm_err_set(e, HM_EDATA,
				  "\"rescale_factor\" or \"do_rescale\" is said and \"image_mean\" is not");
	if (mean)
		*out = c;
	return 0;
}

int hm_configcolours_ask(const struct hm_config *c, struct hm_colours *out, struct hm_err *e)
{
	const cJSON *nested = cJSON_GetObjectItemCaseSensitive(c->processor, "image_processor"),
		    *open_clip = cJSON_GetObjectItemCaseSensitive(c->open_clip, "preprocess_cfg");
	if (out->std[0] > 0)
		return 0;
	if (cJSON_IsObject(nested))
		return read_processor(nested, out, e) ? hm_err_prefix(e, "processor_config.json") : 0;
	if (c->preprocessor && read_processor(c->preprocessor, out, e))
		return hm_err_prefix(e, "preprocessor_config.json");
	if (out->std[0] == 0 && open_clip && hm_configcolours_read(open_clip, "mean", "std", out, e))
		return hm_err_prefix(e, "open_clip_config.json");
	return 0;
}
