/* The five numbers of a preprocessor_config.json: size, crop_size, resample and what is done or left out. An
 * int `size` is the shortest edge of a crop, else both sides, unless the processor that the file names takes
 * it otherwise. See preprocess.h. */
#include "prep/preprocessparts.h"

#include <string.h>

/* What a size may say, one of the three: a number, {"shortest_edge"}, {"height","width"} that are equal. */
struct extent {
	int number, edge, side;
};

/* The processors of transformers that do what their file says and no more, and what they take for granted:
 * that they crop, and that an int `size` is both sides, not the shortest edge. */
static const struct processor {
	const char *name; /* followed by ImageProcessor or FeatureExtractor */
	bool crops, squares;
} processors[] = {{"CLIP", true, false},	{"ChineseCLIP", true, false}, {"Bit", true, false},
		  {"MobileNetV1", true, false}, {"MobileNetV2", true, false}, {"DeiT", true, true},
		  {"ViT", false, true},		{"Beit", false, true},	      {"Blip", false, true},
		  {"Segformer", false, true},	{"Siglip", false, false}};

/* *out := the processor that the file names; NULL where it names none. */
static int find_processor(const struct hm_preprocess *p, const struct processor **out, const char **key,
			  struct hm_err *e)
{
	const cJSON *type = hm_preprocess_member(p->body, *key = "image_processor_type");
	type = type ? type : hm_preprocess_member(p->body, *key = "feature_extractor_type");
	*out = NULL;
	if (!type)
		return 0;
	for (size_t i = 0; cJSON_IsString(type) && i < sizeof processors / sizeof *processors; i++) {
		size_t n = strlen(processors[i].name);
		const char *rest = type->valuestring + n;
		if (!strncmp(type->valuestring, processors[i].name, n) &&
		    (!strncmp(rest, "ImageProcessor", 14) || !strncmp(rest, "FeatureExtractor", 16))) {
			*out = &processors[i];
			return 0;
		}
	}
	return hm_preprocess_fault(
		p, e,
		"\"%s\" is \"%.64s\", which has rules of its own that hm-imgprep does not know "
		"(--size, --fit, --short and --filter say what it is to do)",
		*key, cJSON_IsString(type) ? type->valuestring : "(no text)");
}

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

/* The short side becomes size, then crop_size is cut out; both sides that become what is cut out are
 * squashed. */
static int read_crop(const struct hm_preprocess *p, const struct processor *by, struct hm_square *out,
		     struct hm_err *e)
{
	struct extent size, crop;
	if (read_extent(p, "size", HM_SQUARE_SHORT_MOST, &size, e) ||
	    read_extent(p, "crop_size", HM_SQUARE_SIZE_MOST, &crop, e))
		return HM_EDATA;
	if (size.number && by && by->squares)
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

static int read_squash(const struct hm_preprocess *p, const struct processor *by, struct hm_square *out,
		       struct hm_err *e)
{
	struct extent size;
	if (read_extent(p, "size", HM_SQUARE_SIZE_MOST, &size, e))
		return HM_EDATA;
	if (size.edge || (size.number && by && !by->squares))
		return hm_preprocess_fault(p, e,
					   "\"size\" is a shortest edge without a true \"do_center_crop\", "
					   "which makes no square");
	out->size = size.side + size.number;
	return 0;
}

int hm_preprocess_square_hf(const struct hm_preprocess *p, struct hm_square *out, struct hm_err *e)
{
	bool resize = true, crop = false;
	int resample = 0, said;
	const struct processor *by;
	const char *key;
	if (find_processor(p, &by, &key, e) || refuse_steps(p, e) ||
	    hm_preprocess_bool(p, "do_resize", &resize, e) < 0)
		return HM_EDATA;
	if (!resize)
		return hm_preprocess_fault(p, e, "\"do_resize\" is false: pictures keep their sizes");
	if ((said = hm_preprocess_bool(p, "do_center_crop", &crop, e)) < 0)
		return HM_EDATA;
	if (!said && hm_preprocess_member(p->body, "crop_size") &&
	    !cJSON_HasObjectItem(p->body, "do_center_crop"))
		return hm_preprocess_fault(p, e, "there is a \"crop_size\" and no \"do_center_crop\"");
	if (!said && by && by->crops)
		return hm_preprocess_fault(
			p, e,
			"there is no \"do_center_crop\", and what \"%s\" names crops unless "
			"that is false",
			key);
	const cJSON *v = hm_preprocess_member(p->body, "resample");
	if (!v)
		return hm_preprocess_fault(p, e, "there is no \"resample\"");
	if (cJSON_IsNumber(v) && v->valuedouble >= 2 && v->valuedouble <= 3)
		resample = (int)v->valuedouble;
	if (!resample || resample != v->valuedouble)
		return hm_preprocess_fault(p, e, "\"resample\" is neither 2 (bilinear) nor 3 (bicubic)");
	out->filter = resample == 3 ? HM_FILTER_BICUBIC : HM_FILTER_BILINEAR;
	out->offset = HM_OFFSET_FLOOR;
	return crop ? read_crop(p, by, out, e) : read_squash(p, by, out, e);
}
