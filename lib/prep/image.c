/* The table of picture formats, and the messages about files that none of them reads. See image.h. */
#include "prep/image.h"
#include "base/filekind.h"
#include "json/json.h"
#include "prep/jpeg.h"
#include "prep/png.h"
#include "prep/webp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct hm_image_format *const formats[] = {&hm_image_png, &hm_image_jpeg, &hm_image_webp};
#define FORMATS (sizeof formats / sizeof *formats)

#define LARGE ((size_t)1 << 20) /* bytes from which a buffer is not made larger than it must be */

struct hm_image_decoder {
	void *state[FORMATS]; /* made when the first file of the format comes */
};

struct hm_image_decoder *hm_image_decoder_new(struct hm_err *e)
{
	return hm_alloc(1, sizeof(struct hm_image_decoder), e);
}

void hm_image_decoder_clear(struct hm_image_decoder *d)
{
	for (size_t i = 0; i < FORMATS; i++) {
		formats[i]->state_free(d->state[i]);
		d->state[i] = NULL;
	}
}

void hm_image_decoder_free(struct hm_image_decoder *d)
{
	if (d)
		hm_image_decoder_clear(d);
	free(d);
}

int hm_image_check(const struct hm_image_limits *l, uint32_t w, uint32_t h, struct hm_err *e)
{
	uint64_t pixels = l->pixels ? l->pixels : HM_IMAGE_PIXELS;
	uint32_t side = l->side ? l->side : HM_IMAGE_SIDE;
	char most[HM_SIZE_TEXT];
	if (!w || !h)
		return hm_err_set(e, HM_EDATA, "the picture is %ux%u pixels", w, h);
	if (w <= side && h <= side && (uint64_t)w * h <= pixels)
		return 0;
	return hm_err_set(
		e, HM_EDATA,
		"the picture is %ux%u pixels, the limits are %u per side (--max-side) and %s in all "
		"(--max-pixels)",
		w, h, side, hm_size_text(pixels, most));
}

void hm_image_claim(const struct hm_image_options *o, uint32_t w, uint32_t h, size_t bytes)
{
	struct hm_image_claim *c = o->claim;
	size_t need = c ? bytes + c->per_side * (w > h ? w : h) : 0;
	if (need <= HM_IMAGE_SMALL)
		return;
	hm_budget_take(c->budget, need);
	c->held = need;
}

int hm_image_fault(const struct hm_image_options *o, char damage[HM_IMAGE_DAMAGE], struct hm_err *e,
		   const char *fmt, ...)
{
	char text[HM_IMAGE_DAMAGE];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (!o->damaged)
		return hm_err_set(e, HM_EDATA, "%s (hm-imgprep --damaged read reads what there is)", text);
	if (!*damage)
		memcpy(damage, text, sizeof text);
	return 0;
}

uint8_t *hm_image_room(struct hm_buf *b, size_t n, struct hm_err *e)
{
	size_t need = n + HM_IMAGE_SLACK;
	if (b->cap < need || (b->cap > HM_IMAGE_SMALL && b->cap / 2 > n))
		hm_buf_clear(b);
	if (!b->cap && need > LARGE && (b->data = hm_alloc(need, 1, e)))
		b->cap = need;
	b->len = 0;
	if (b->cap < need && (need > LARGE || hm_buf_reserve(b, need, e)))
		return NULL;
	memset(b->data + n, 0, HM_IMAGE_SLACK);
	return b->data;
}

/* "PNG", "PNG and JPEG", "PNG, JPEG and WebP". */
static const char *list_formats(char *out, size_t cap)
{
	int at = 0;
	for (size_t i = 0; i < FORMATS && at >= 0 && (size_t)at < cap; i++)
		at += snprintf(out + at, cap - (size_t)at, "%s%s",
			       !i		 ? ""
			       : i + 1 < FORMATS ? ", "
						 : " and ",
			       formats[i]->name);
	return out;
}

/* Quotes the beginning of a text, which often says what happened: "404: Not Found". */
static int refuse_text(const unsigned char *p, size_t n, const char *name, struct hm_err *e)
{
	size_t len = 0;
	while (len < n && len < 40 && p[len] >= ' ' && p[len] != '"')
		len++;
	len = hm_utf8_check((const char *)p, len);
	return len ? hm_err_set(e, HM_EDATA, "%s (\"%.*s\"), not a picture", name, (int)len, (const char *)p)
		   : hm_err_set(e, HM_EDATA, "%s, not a picture", name);
}

static int refuse_file(const unsigned char *p, size_t n, struct hm_err *e)
{
	const struct hm_filekind *k = hm_filekind_find(p, n);
	char list[64], hex[3 * 8 + 1] = "";
	if (!k) {
		for (size_t i = 0; i < 8 && i < n; i++)
			snprintf(hex + 3 * i, 4, " %02x", p[i]);
		return hm_err_set(e, HM_EDATA, "not a picture of a known kind (its first bytes are%s)", hex);
	}
	switch (k->group) {
	case HM_FILEKIND_PICTURE:
		return hm_err_set(e, HM_EDATA, "%s, and only %s are read (%s converts it)", k->name,
				  list_formats(list, sizeof list), k->command);
	case HM_FILEKIND_POINTER:
		return hm_err_set(e, HM_EDATA, "%s (%s fetches it)", k->name, k->command);
	case HM_FILEKIND_NOTHING:
		return hm_err_set(e, HM_EDATA, "%s", k->name);
	case HM_FILEKIND_TEXT:
		return refuse_text(p, n, k->name, e);
	case HM_FILEKIND_MEDIA:
	case HM_FILEKIND_PACKED:
		if (k->command)
			return hm_err_set(e, HM_EDATA, "%s, not a picture (%s %s)", k->name, k->command,
					  k->group == HM_FILEKIND_MEDIA ? "takes one of it" : "unpacks it");
		/* fall through */
	default:
		return hm_err_set(e, HM_EDATA, "%s, not a picture", k->name);
	}
}

static const struct hm_image_format *find_format(const unsigned char *p, size_t n, size_t *at)
{
	for (*at = 0; *at < FORMATS; ++*at)
		if (formats[*at]->matches(p, n))
			return formats[*at];
	return NULL;
}

bool hm_image_begins(const unsigned char *p, size_t n)
{
	size_t at;
	return find_format(p, n, &at) != NULL;
}

int hm_image_decode(struct hm_image_decoder *d, const unsigned char *p, size_t n,
		    const struct hm_image_options *o, struct hm_image *out, struct hm_err *e)
{
	size_t at;
	const struct hm_image_format *f = find_format(p, n, &at);
	if (!f)
		return refuse_file(p, n, e);
	if (!d->state[at] && !(d->state[at] = f->state_new(e)))
		return HM_EDATA;
	return f->decode(d->state[at], p, n, o, out, e);
}
