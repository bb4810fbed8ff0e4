/* The five numbers of a preprocessor_config.json: size, crop_size, resample and what is done or left out. An
 * int `size` is the shortest edge of a crop, else both sides; with DeiT's, BEiT's and ViT's processors it is
 * both sides in a crop, too. See preprocess.h. */
#include "prep/preprocessparts.h"

#include <string.h>

/* What a size may say, one of the three: a number, {"shortest_edge"}, {"height","width"} that are equal. */
struct extent {
	int number, edge, side;
};

/* Every "do_" that is true must be one that hm does, or that does not move pixels. */
static int refuse_steps(const struct hm_preprocess *p, struct hm_err *e)
{
	static const char *const fine[] = {"do_resize",	   "do_center_crop", "do_rescale",
					   "do_normalize", "do_convert_rgb", NULL};
	const cJSON *v;
	cJSON_ArrayForEach(v, p->body)
	{
		const char *const *k = fine;
		while (*k && strcmp(*k, v->string))
			k++;
		if (!strncmp(v->string, "do_", 3) && !*k && !cJSON_IsFalse(v) && !cJSON_IsNull(v))
			return hm_preprocess_fault(
				p, e, "\"%.64s\" asks for a step that hm-imgprep does not have", v->string);
	}
	if (hm_preprocess_member(p->body, "crop_pct"))
		return hm_preprocess_fault(p, e,
					   "\"crop_pct\" asks for a crop that hm-imgprep does not read from "
					   "there (--fit crop, --size, --short and --filter say it)");
	return 0;
}

static int read_sides(const struct hm_preprocess *p, const cJSON *v, const char *key, int most,
		      struct extent *out, struct hm_err *e)
{
	static const char *const name[3] = {"shortest_edge", "height", "width"};
	int got[3] = {0};
	const cJSON *m;
	cJSON_ArrayForEach(m, v)
	{
		int i = 0;
		while (i < 3 && strcmp(m->string, name[i]))
			i++;
		if (cJSON_IsNull(m))
			continue;
		if (i == 3)
			return hm_preprocess_fault(p, e, "\"%s\" has \"%.64s\", which makes no square", key,
						   m->string);
		if (hm_preprocess_int(p, m, name[i], most, &got[i], e))
			return HM_EDATA;
	}
	if (got[0] ? got[1] || got[2] : !got[1] || !got[2])
		return hm_preprocess_fault(
			p, e, "\"%s\" is neither {\"shortest_edge\"} nor {\"height\",\"width\"}", key);
	if (got[1] != got[2])
		return hm_preprocess_fault(p, e, "\"%s\" is %d high and %d wide, which is no square", key,
					   got[1], got[2]);
	out->edge = got[0];
	out->side = got[1];
	return 0;
}

static int read_extent(const struct hm_preprocess *p, const char *key, int most, struct extent *out,
		       struct hm_err *e)
{
	const cJSON *v = hm_preprocess_member(p->body, key);
	*out = (struct extent){0};
	if (!v)
		return hm_preprocess_fault(p, e, "there is no \"%s\"", key);
	return cJSON_IsObject(v) ? read_sides(p, v, key, most, out, e)
				 : hm_preprocess_int(p, v, key, most, &out->number, e);
}

/* Whether an int `size` of this processor is both sides, and not the shortest edge, although it crops. */
static bool squares_size(const struct hm_preprocess *p)
{
	static const char *const square[] = {"DeiT", "Beit", "ViTImage", "ViTFeature", NULL};
	const cJSON *type = cJSON_GetObjectItemCaseSensitive(p->body, "image_processor_type");
	if (!type)
		type = cJSON_GetObjectItemCaseSensitive(p->body, "feature_extractor_type");
	const char *const *k = square;
	while (cJSON_IsString(type) && *k && strncmp(type->valuestring, *k, strlen(*k)))
		k++;
	return cJSON_IsString(type) && *k;
}

/* The short side becomes size, then crop_size is cut out; both sides that become what is cut out are
 * squashed. */
static int read_crop(const struct hm_preprocess *p, struct hm_square *out, struct hm_err *e)
{
	struct extent size, crop;
	if (read_extent(p, "size", HM_SQUARE_SHORT_MOST, &size, e) ||
	    read_extent(p, "crop_size", HM_SQUARE_SIZE_MOST, &crop, e))
		return HM_EDATA;
	if (size.number && squares_size(p))
		size = (struct extent){.side = size.number};
	if (crop.edge)
		return hm_preprocess_fault(p, e,
					   "\"crop_size\" has a \"shortest_edge\", and no height and width");
	out->size = crop.side + crop.number; /* one of them is 0 */
	if (size.side && size.side != out->size)
		return hm_preprocess_fault(p, e,
					   "\"size\" makes pictures %d high and wide before %d are cut out, "
					   "which hm-imgprep cannot do",
					   size.side, out->size);
	out->fit = size.side ? HM_FIT_SQUASH : HM_FIT_CROP;
	out->shorter = size.edge + size.number;
	if (!size.side && out->shorter < out->size)
		return hm_preprocess_fault(p, e, "\"crop_size\" is %d, more than the %d of \"size\"",
					   out->size, out->shorter);
	return 0;
}

static int read_squash(const struct hm_preprocess *p, struct hm_square *out, struct hm_err *e)
{
	struct extent size;
	if (read_extent(p, "size", HM_SQUARE_SIZE_MOST, &size, e))
		return HM_EDATA;
	if (size.edge)
		return hm_preprocess_fault(
			p, e,
			"\"size\" has a \"shortest_edge\" without a true \"do_center_crop\", "
			"which makes no square");
	out->size = size.side + size.number;
	return 0;
}

int hm_preprocess_square_hf(const struct hm_preprocess *p, struct hm_square *out, struct hm_err *e)
{
	bool resize = true, crop = false;
	int resample = 0, said;
	if (refuse_steps(p, e) || hm_preprocess_bool(p, "do_resize", &resize, e) < 0)
		return HM_EDATA;
	if (!resize)
		return hm_preprocess_fault(p, e, "\"do_resize\" is false: pictures keep their sizes");
	if ((said = hm_preprocess_bool(p, "do_center_crop", &crop, e)) < 0)
		return HM_EDATA;
	if (!said && hm_preprocess_member(p->body, "crop_size") &&
	    !cJSON_HasObjectItem(p->body, "do_center_crop"))
		return hm_preprocess_fault(p, e, "there is a \"crop_size\" and no \"do_center_crop\"");
	const cJSON *v = hm_preprocess_member(p->body, "resample");
	if (!v)
		return hm_preprocess_fault(p, e, "there is no \"resample\"");
	if (cJSON_IsNumber(v) && v->valuedouble >= 2 && v->valuedouble <= 3)
		resample = (int)v->valuedouble;
	if (!resample || resample != v->valuedouble)
		return hm_preprocess_fault(p, e, "\"resample\" is neither 2 (bilinear) nor 3 (bicubic)");
	out->filter = resample == 3 ? HM_FILTER_BICUBIC : HM_FILTER_BILINEAR;
	out->offset = HM_OFFSET_FLOOR;
	return crop ? read_crop(p, out, e) : read_squash(p, out, e);
}
