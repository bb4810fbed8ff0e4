/* From the five numbers to a plan and to attributes: see square.h. */
#include "prep/square.h"
#include "json/build.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const fit_names[] = {"squash", "crop", "pad"};
static const char *const filter_names[] = {"bilinear", "bicubic"};
static const char *const offset_names[] = {"even", "floor"};

const char *hm_fit_name(enum hm_fit fit)
{
	return fit_names[fit];
}

const char *hm_filter_name(enum hm_filter filter)
{
	return filter_names[filter];
}

const char *hm_offset_name(enum hm_offset offset)
{
	return offset_names[offset];
}

int hm_square_short(int size, enum hm_filter filter)
{
	return filter == HM_FILTER_BILINEAR ? (int)((int64_t)size * 256 / 224) : size;
}

/* Half of n, which is not negative. */
static int halve(int n, enum hm_offset offset)
{
	return n / 2 + (offset == HM_OFFSET_EVEN && n % 2 && n / 2 % 2);
}

static void plan_crop(const struct hm_square *s, int w, int h, struct hm_resize *p)
{
	int64_t shorter = w < h ? w : h, longer = w < h ? h : w;
	int scaled = (int)(s->shorter * longer / shorter);
	p->w = w < h ? s->shorter : scaled;
	p->h = w < h ? scaled : s->shorter;
	p->x = halve(p->w - s->size, s->offset);
	p->y = halve(p->h - s->size, s->offset);
}

/* The side that becomes `side` when the longest becomes `size`, in open_clip's arithmetic. */
static int scale_side(int side, int longest, int size)
{
	double n = nearbyint(side / ((double)longest / size));
	return n < 1 ? 1 : (int)n;
}

static void plan_pad(const struct hm_square *s, int w, int h, struct hm_resize *p)
{
	int longest = w < h ? h : w;
	p->w = p->cw = scale_side(w, longest, s->size);
	p->h = p->ch = scale_side(h, longest, s->size);
	p->left = (s->size - p->w) / 2;
	p->top = (s->size - p->h) / 2;
}

struct hm_resize hm_square_plan(const struct hm_square *s, int w, int h)
{
	struct hm_resize p = {.filter = s->filter,
			      .w = s->size,
			      .h = s->size,
			      .cw = s->size,
			      .ch = s->size,
			      .side = s->size};
	if (s->fit == HM_FIT_CROP)
		plan_crop(s, w, h, &p);
	else if (s->fit == HM_FIT_PAD)
		plan_pad(s, w, h, &p);
	return p;
}

void hm_square_describe(const struct hm_square *s, cJSON *in, struct hm_err *e)
{
	hm_json_add_str(in, "fit", hm_fit_name(s->fit), e);
	if (s->filter != HM_FILTER_BILINEAR)
		hm_json_add_str(in, "filter", hm_filter_name(s->filter), e);
	if (s->fit == HM_FIT_CROP) {
		hm_json_add_num(in, "short", s->shorter, e);
		hm_json_add_str(in, "offset", hm_offset_name(s->offset), e);
	}
}

/* *out := the number of the word that the member has, `absent` if there is no such member. */
static int find_word(const cJSON *said, const char *key, const char *const *word, int n, int absent, int *out,
		     struct hm_err *e)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(said, key);
	*out = absent;
	if (!v && absent >= 0)
		return 0;
	for (*out = 0; cJSON_IsString(v) && *out < n; ++*out)
		if (!strcmp(v->valuestring, word[*out]))
			return 0;
	return hm_err_set(e, HM_EDATA,
			  v ? "\"%s\" is not a word that hm-imgprep knows" : "it does not say \"%s\"", key);
}

int hm_square_of(struct hm_square *s, const cJSON *said, struct hm_err *e)
{
	const cJSON *size = cJSON_GetObjectItemCaseSensitive(said, "size"),
		    *shorter = cJSON_GetObjectItemCaseSensitive(said, "short");
	int h, w, fit, filter, offset;
	*s = (struct hm_square){0};
	if (!cJSON_IsString(size) || sscanf(size->valuestring, "%5dx%5d", &h, &w) != 2)
		return hm_err_set(e, HM_EDATA, "it does not say \"size\"");
	if (h != w || h < 1 || h > HM_SQUARE_SIZE_MOST)
		return hm_err_set(e, HM_EDATA, "pictures of %dx%d are not made by hm-imgprep", h, w);
	if (find_word(said, "fit", fit_names, 3, -1, &fit, e) ||
	    find_word(said, "filter", filter_names, 2, HM_FILTER_BILINEAR, &filter, e) ||
	    find_word(said, "offset", offset_names, 2, HM_OFFSET_EVEN, &offset, e))
		return HM_EDATA;
	*s = (struct hm_square){h, 0, (enum hm_fit)fit, (enum hm_filter)filter, (enum hm_offset)offset};
	if (fit != HM_FIT_CROP)
		return 0;
	s->shorter = cJSON_IsNumber(shorter) ? shorter->valueint : hm_square_short(h, s->filter);
	return s->shorter >= h && s->shorter <= HM_SQUARE_SHORT_MOST
		       ? 0
		       : hm_err_set(e, HM_EDATA, "\"short\" is not from %d to %d", h, HM_SQUARE_SHORT_MOST);
}
