/* What the resize computes: sizes, weights, the order of the passes. The inner loops of the passes are in
 * resizepass.c. See resize.h. */
#include "prep/resizepass.h"

#include <string.h>

#define PRECISION 22 /* fraction bits of a weight */

void hm_resizer_clear(struct hm_resizer *z)
{
	hm_buf_clear(&z->coef);
	hm_buf_clear(&z->between);
	hm_buf_clear(&z->out);
}

static double triangle(double t)
{
	t = t < 0 ? -t : t;
	return t < 1 ? 1 - t : 0;
}

static double cubic(double t)
{
	const double a = -0.5;
	t = t < 0 ? -t : t;
	if (t < 1)
		return ((a + 2) * t - (a + 3)) * t * t + 1;
	return t < 2 ? (((t - 5) * t + 8) * t - 4) * a : 0;
}

/* How far a filter reaches, in samples of the smaller of the two scales. */
static int reach(enum hm_filter f)
{
	return f == HM_FILTER_BICUBIC ? 2 : 1;
}

/* One side of a picture that is scaled from `in` to `out` samples. */
struct side {
	enum hm_filter filter;
	int in, out;
};

/* Which samples make output `at`: the first, and how many. */
static struct hm_span find_span(struct side d, int at)
{
	double scale = (double)d.in / d.out, support = reach(d.filter) * (scale < 1 ? 1 : scale);
	double c = (at + 0.5) * scale;
	int from = (int)(c - support + 0.5), to = (int)(c + support + 0.5);
	from = from < 0 ? 0 : from;
	to = to > d.in ? d.in : to;
	return (struct hm_span){.from = from, .n = to - from};
}

static struct hm_pair split_weights(int32_t a, int32_t b)
{
	return (struct hm_pair){{(int16_t)(a & 0x7fff), (int16_t)(b & 0x7fff)},
				{(int16_t)(a >> 15), (int16_t)(b >> 15)}};
}

/* k[0..n) := weights whose sum is 1, as integers of PRECISION fraction bits. */
static void round_weights(double *k, int n, double sum)
{
	for (int x = 0; x < n; x++) {
		double v = (sum != 0 ? k[x] / sum : k[x]) * (1 << PRECISION);
		k[x] = v < 0 ? v - 0.5 : v + 0.5;
	}
}

/* The weights of outputs first..first+n-1, stored in z->coef. */
static int make_weights(struct hm_resizer *z, struct side d, int first, int n, struct hm_weights *k,
			struct hm_err *e)
{
	double scale = (double)d.in / d.out, sharp = 1 / (scale < 1 ? 1 : scale);
	size_t most =
		2 * (size_t)(reach(d.filter) * (scale < 1 ? 1 : scale) + 1) + 2; /* samples of an output */
	z->coef.len = 0;
	if (hm_buf_reserve(&z->coef,
			   most * sizeof(double) + (size_t)n * (sizeof *k->span + most / 2 * sizeof *k->pair),
			   e))
		return HM_EDATA;
	double *w = (double *)z->coef.data;
	struct hm_span *s = (struct hm_span *)(w + most);
	struct hm_pair *to = (struct hm_pair *)(s + n);
	*k = (struct hm_weights){n, s, to};
	for (int i = 0; i < n; i++) {
		double c = (first + i + 0.5) * scale, sum = 0;
		s[i] = find_span(d, first + i);
		s[i].pair = (int)(to - k->pair);
		for (int x = 0; x < s[i].n; x++) {
			double t = (x + s[i].from - c + 0.5) * sharp;
			sum += w[x] = d.filter == HM_FILTER_BICUBIC ? cubic(t) : triangle(t);
		}
		round_weights(w, s[i].n, sum);
		for (int x = 0; x < s[i].n; x += 2)
			*to++ = split_weights((int32_t)w[x], x + 1 < s[i].n ? (int32_t)w[x + 1] : 0);
	}
	return 0;
}

/* `im` becomes the window's columns of its rows top..top+rows-1, scaled to the plan's width. */
static int scale_across(struct hm_resizer *z, struct hm_image *im, const struct hm_resize *p, int top,
			int rows, struct hm_buf *to, struct hm_err *e)
{
	struct hm_weights k;
	size_t from = (size_t)im->w * 3;
	uint8_t *out = hm_image_room(to, (size_t)p->cw * (size_t)rows * 3, e);
	if (!out || make_weights(z, (struct side){p->filter, im->w, p->w}, p->x, p->cw, &k, e))
		return HM_EDATA;
	hm_pass_across(&k, im->rgb + (size_t)top * from, from, rows, out);
	*im = (struct hm_image){p->cw, rows, out};
	return 0;
}

/* `im`, which holds the rows from `top` on of a picture `whole` rows high, becomes the window's rows scaled
 * to the plan's height. */
static int scale_down(struct hm_resizer *z, struct hm_image *im, int whole, int top,
		      const struct hm_resize *p, struct hm_buf *to, struct hm_err *e)
{
	struct hm_weights k;
	size_t width = (size_t)im->w * 3;
	uint8_t *out = hm_image_room(to, width * (size_t)p->ch, e);
	if (!out || make_weights(z, (struct side){p->filter, whole, p->h}, p->y, p->ch, &k, e))
		return HM_EDATA;
	for (int i = 0; i < p->ch; i++)
		hm_pass_down(&k, i, im->rgb + (size_t)(k.span[i].from - top) * width, width,
			     out + (size_t)i * width);
	*im = (struct hm_image){im->w, p->ch, out};
	return 0;
}

/* A pass that does not change the size has the one weight 2^22 and returns its samples exactly, so a pass can
 * also cut out the window. */
int hm_resize_run(struct hm_resizer *z, const struct hm_image *in, const struct hm_resize *p,
		  struct hm_image *out, struct hm_err *e)
{
	bool across = in->w != p->w || p->cw != p->w, down = in->h != p->h || p->ch != p->h;
	int rc = 0, whole = in->h, top = 0, rows = whole;
	bool down_first = down && whole - p->h > 0 && whole - p->h > 2 * (in->w - p->w);
	*out = *in; /* they may be the same struct */
	if (down_first) {
		rc = scale_down(z, out, whole, 0, p, &z->between, e);
		return rc || !across ? rc : scale_across(z, out, p, 0, p->ch, &z->out, e);
	}
	if (down && across) { /* only the rows that the window needs */
		struct side d = {p->filter, whole, p->h};
		struct hm_span last = find_span(d, p->y + p->ch - 1);
		top = find_span(d, p->y).from;
		rows = last.from + last.n - top;
	}
	if (across)
		rc = scale_across(z, out, p, top, rows, &z->between, e);
	if (!rc && down)
		rc = scale_down(z, out, whole, top, p, &z->out, e);
	return rc;
}
