/* From the five numbers to a plan and to attributes: see square.h. */
#include "prep/square.h"
#include "json/build.h"

#include <math.h>

const char *hm_fit_name(enum hm_fit fit)
{
	static const char *const name[] = {"squash", "crop", "pad"};
	return name[fit];
}

const char *hm_filter_name(enum hm_filter filter)
{
	static const char *const name[] = {"bilinear", "bicubic"};
	return name[filter];
}

const char *hm_offset_name(enum hm_offset offset)
{
	static const char *const name[] = {"even", "floor"};
	return name[offset];
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
