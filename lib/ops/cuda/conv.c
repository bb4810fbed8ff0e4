/* This file computes convolutions as products of matrices. Images are laid out as columns, a few images at
 * a time. That costs memory and traffic, but makes a fast product of every kernel size and stride; a kernel
 * of 1 with stride 1 needs no layout. With columns [positions, width] and filters [cout, width]:
 *
 *   y = columns . filters^T    dfilters = dy^T . columns
 *
 * With stride 1, dx is the convolution of dy with the filters turned round. With larger strides that would
 * multiply by many zeros: dcolumns = dy . filters is computed instead and added up in f32 by the positions
 * of dx. */
#include "ops/cuda/imageops.h"
#include "ops/cuda/weight.h"

/* The largest size of a product's columns, unless one image needs more. It is a guess: large enough that
 * launches and the product's edges do not matter, small enough not to use much of the memory. If the
 * columns should stay in the second-level cache (50 MB on an H100), half of it may be faster. */
#ifndef HM_CUDA_COLUMNS
#define HM_CUDA_COLUMNS ((size_t)96 << 20)
#endif

enum { SLICE = 256 }; /* alignment of arrays in scratch memory */

/* One convolution of images [h,w,cin], and how many images one product takes. */
struct shape {
	const struct hm_conv *c;
	int i, h, w, ho, wo;
	int taps, inputs, width; /* kernel^2; times cin; padded to a multiple of 8 */
	bool direct;		 /* the images are the columns already, without padding */
	int chunk;		 /* images */
	size_t x, y;		 /* bytes per image of x, of y */
	size_t columns, filters; /* bytes of a chunk's columns, at most; of the packed filters */
};

static int padded_width(int n)
{
	return (n + 7) / 8 * 8;
}

static size_t round_slice(size_t bytes)
{
	return (bytes + SLICE - 1) / SLICE * SLICE;
}

/* How many of i images, with `bytes` of columns each, one product takes at most: a smaller i never needs
 * more memory. */
static size_t most_of(int i, size_t bytes)
{
	size_t most = HM_CUDA_COLUMNS / bytes;
	most = most ? most : 1;
	return (size_t)i < most ? (size_t)i : most;
}

/* Images per product, about the same in all products. */
static int chunk_of(int i, size_t bytes)
{
	size_t most = most_of(i, bytes), parts = ((size_t)i + most - 1) / most;
	return (int)(((size_t)i + parts - 1) / parts);
}

/* False: the convolution is too large, and an error sticks. */
static bool shape_init(struct shape *s, struct hm_device *d, const struct hm_conv *c, int i, int h, int w)
{
	size_t size = hm_dtype_size(d->act), one;
	*s = (struct shape){.c = c, .i = i, .h = h, .w = w, .chunk = i};
	s->ho = hm_conv_out(h, c->kernel, c->stride, c->pad);
	s->wo = hm_conv_out(w, c->kernel, c->stride, c->pad);
	s->taps = c->kernel * c->kernel;
	s->inputs = s->taps * c->cin;
	s->width = padded_width(s->inputs);
	s->direct = c->kernel == 1 && c->stride == 1 && !c->pad && (d->act == HM_F32 || c->cin % 8 == 0);
	s->x = (size_t)h * w * c->cin * size;
	s->y = (size_t)s->ho * s->wo * c->cout * size;
	s->filters = round_slice((size_t)c->cout * s->width * size);
	one = (size_t)s->ho * s->wo * s->width * size;
	if (!s->direct)
		s->chunk = chunk_of(i, one);
	s->columns = s->direct ? 0 : round_slice(most_of(i, one) * one);
	return hm_cuda_counts(d, s->chunk * (size_t)s->ho * s->wo * (size_t)(s->direct ? 1 : s->width / 8));
}

/* filters act [cout, width] = w f32 [cout,cin,kernel,kernel], device memory; turned: [cin, width]. */
static void pack_filters(struct hm_device *d, void *filters, const float *w, const struct hm_conv *c,
			 bool turned)
{
	int taps = c->kernel * c->kernel, rows = turned ? c->cin : c->cout,
	    channels = turned ? c->cout : c->cin, width = padded_width(taps * channels);
	const struct conv_filters_args a = {
		.y = filters,
		.w = w,
		.n = (size_t)rows * width,
		.width = hm_divisor(width),
		.c = hm_divisor(channels),
		.row_step = (uint32_t)(turned ? taps : c->cin * taps),
		.c_step = (uint32_t)(turned ? c->cin * taps : taps),
		.taps = (uint32_t)taps,
		.turned = turned,
	};
	if (hm_cuda_counts(d, a.n))
		HM_LAUNCH(d, HM_BY_ACT(d, conv_filters), hm_cuda_loop(d, a.n), a);
}

/* The columns of `images` images from `first` on: laid out in `to`, or the images themselves. */
static const void *lay_out(struct hm_device *d, const struct shape *s, void *columns, const void *x,
			   int first, int images)
{
	const char *from = (const char *)x + first * s->x;
	const struct hm_conv *c = s->c;
	bool wide = hm_cuda_wide(c->cin, from, NULL, NULL);
	const struct conv_columns_args a = {
		.columns = columns,
		.x = from,
		.n = (size_t)images * s->ho * s->wo * (size_t)(s->width / 8),
		.units = hm_divisor(s->width / 8),
		.c = hm_divisor(wide ? c->cin / 8 : c->cin),
		.kernel = hm_divisor(c->kernel),
		.wo = hm_divisor(s->wo),
		.ho = hm_divisor(s->ho),
		.h = s->h,
		.w = s->w,
		.stride = c->stride,
		.pad = c->pad,
		.wide = wide,
	};
	if (s->direct)
		return from;
	HM_LAUNCH(d, HM_BY_ACT(d, conv_columns), hm_cuda_loop(d, a.n), a);
	return columns;
}

/* dx of the same images = the sum of their dcolumns. */
static void gather_columns(struct hm_device *d, const struct shape *s, void *dx, const float *columns,
			   int first, int images)
{
	char *to = (char *)dx + first * s->x;
	const struct hm_conv *c = s->c;
	bool wide = hm_cuda_wide(c->cin, to, NULL, NULL);
	int units = wide ? c->cin / 8 : c->cin;
	const struct conv_image_args a = {
		.dx = to,
		.columns = columns,
		.n = (size_t)images * s->h * s->w * (size_t)units,
		.c = hm_divisor(units),
		.w = hm_divisor(s->w),
		.h = hm_divisor(s->h),
		.stride = hm_divisor(c->stride),
		.ho = s->ho,
		.wo = s->wo,
		.kernel = c->kernel,
		.pad = c->pad,
		.width = s->width,
		.wide = wide,
	};
	if (hm_cuda_counts(d, a.n))
		HM_LAUNCH(d, HM_BY_ACT(d, conv_image), hm_cuda_loop(d, a.n), a);
}

/* y = columns . filters^T with bias, residual and relu, chunk by chunk. */
static void convolve_chunks(struct hm_device *d, const struct shape *s, void *y, const void *x, void *columns,
			    const void *filters, const void *bias, bool add, bool relu)
{
	for (int first = 0; first < s->i; first += s->chunk) {
		int images = s->i - first < s->chunk ? s->i - first : s->chunk;
		const void *a = lay_out(d, s, columns, x, first, images);
		const struct hm_gemm g = {.m = images * s->ho * s->wo,
					  .n = s->c->cout,
					  .k = s->direct ? s->inputs : s->width,
					  .tb = true,
					  .ldb = s->width,
					  .in = d->act,
					  .out = d->act,
					  .add = add,
					  .relu = relu};
		hm_cuda_gemm(d, &g, (char *)y + first * s->y, a, filters, bias, NULL);
	}
}

struct hm_weight *hm_cuda_conv_pack(struct hm_device *d, const struct hm_conv *c, const float *w,
				    const float *b)
{
	size_t inputs = (size_t)c->cin * c->kernel * c->kernel, size = hm_dtype_size(d->act);
	struct hm_weight *wt = hm_alloc(1, sizeof *wt, &d->err);
	float *raw;
	if (!wt)
		return NULL;
	wt->conv = *c;
	wt->k = padded_width((int)inputs);
	if (!(wt->w = hm_cuda_alloc(d, (size_t)c->cout * wt->k * size)) ||
	    (b && !(wt->b = hm_cuda_alloc(d, c->cout * size))) ||
	    !(raw = hm_cuda_scratch(d, c->cout * inputs * sizeof *raw)))
		goto done;
	if (b) {
		hm_cuda_upload(d, raw, b, c->cout * sizeof *raw);
		hm_cuda_narrow(d, wt->b, raw, c->cout);
	}
	hm_cuda_upload(d, raw, w, c->cout * inputs * sizeof *raw);
	pack_filters(d, wt->w, raw, c, false);
done:
	if (!d->err.code)
		return wt;
	hm_cuda_weight_free(d, wt);
	return NULL;
}

void hm_cuda_conv(struct hm_device *d, void *y, const void *x, const struct hm_weight *wt, int i, int h,
		  int w)
{
	struct shape s;
	void *columns = NULL;
	if (d->err.code || !shape_init(&s, d, &wt->conv, i, h, w) ||
	    (!s.direct && !(columns = hm_cuda_scratch(d, s.columns))))
		return;
	convolve_chunks(d, &s, y, x, columns, wt->w, wt->b, wt->conv.residual, wt->conv.relu);
}

void hm_cuda_conv_forward(struct hm_device *d, void *y, const void *x, const float *w,
			  const struct hm_conv *c, int i, int h, int wd)
{
	struct shape s;
	char *filters;
	if (!shape_init(&s, d, c, i, h, wd) || !(filters = hm_cuda_scratch(d, s.filters + s.columns)))
		return;
	pack_filters(d, filters, w, c, false);
	convolve_chunks(d, &s, y, x, filters + s.filters, filters, NULL, false, false);
}

/* Adds a chunk's product to dw: directly where filters are stored as they are given, otherwise into `sum`
 * f32 [cout, width], to which later chunks are added. */
static void multiply_dw(struct hm_device *d, const struct shape *s, float *dw, float *sum, const void *dy,
			const void *columns, int first, int images)
{
	bool same = s->taps == 1;
	const struct hm_gemm g = {.m = s->c->cout,
				  .n = same ? s->inputs : s->width,
				  .k = images * s->ho * s->wo,
				  .ta = true,
				  .ldb = s->direct ? 0 : s->width,
				  .in = d->act,
				  .out = HM_F32,
				  .add = same || first};
	hm_cuda_gemm(d, &g, same ? dw : sum, (const char *)dy + first * s->y, columns, NULL, NULL);
}

static void backward_dw(struct hm_device *d, const struct shape *s, float *dw, const void *dy, const void *x)
{
	size_t weights = (size_t)s->c->cout * s->inputs;
	char *columns = hm_cuda_scratch(d, s->columns + (size_t)s->c->cout * s->width * sizeof(float));
	if (!columns)
		return;
	float *sum = (float *)(void *)(columns + s->columns);
	for (int first = 0; first < s->i; first += s->chunk) {
		int images = s->i - first < s->chunk ? s->i - first : s->chunk;
		multiply_dw(d, s, dw, sum, dy, lay_out(d, s, columns, x, first, images), first, images);
	}
	const struct conv_gradient_args a = {.dw = dw,
					     .columns = sum,
					     .n = weights,
					     .c_taps = hm_divisor(s->inputs),
					     .taps = hm_divisor(s->taps),
					     .c = (uint32_t)s->c->cin,
					     .width = (uint32_t)s->width};
	if (s->taps > 1 && hm_cuda_counts(d, weights))
		HM_LAUNCH(d, conv_gradient, hm_cuda_loop(d, weights), a);
}

/* With stride 1. */
static void backward_dx_turned(struct hm_device *d, const struct shape *s, void *dx, const void *dy,
			       const float *w)
{
	const struct hm_conv *c = s->c,
			     turned = {c->cout, c->cin, c->kernel, 1, c->kernel - 1 - c->pad, false, false};
	struct shape t;
	char *filters;
	if (!shape_init(&t, d, &turned, s->i, s->ho, s->wo) ||
	    !(filters = hm_cuda_scratch(d, t.filters + t.columns)))
		return;
	pack_filters(d, filters, w, c, true);
	convolve_chunks(d, &t, dx, dy, filters + t.filters, filters, NULL, false, false);
}

static void backward_dx_gathered(struct hm_device *d, const struct shape *s, void *dx, const void *dy,
				 const float *w)
{
	size_t image = (size_t)s->ho * s->wo * s->width * sizeof(float);
	int chunk = chunk_of(s->i, image);
	char *filters = hm_cuda_scratch(d, s->filters + most_of(s->i, image) * image);
	if (!filters)
		return;
	float *columns = (float *)(void *)(filters + s->filters);
	pack_filters(d, filters, w, s->c, false);
	for (int first = 0; first < s->i; first += chunk) {
		int images = s->i - first < chunk ? s->i - first : chunk;
		const struct hm_gemm g = {.m = images * s->ho * s->wo,
					  .n = s->width,
					  .k = s->c->cout,
					  .in = d->act,
					  .out = HM_F32};
		hm_cuda_gemm(d, &g, columns, (const char *)dy + first * s->y, filters, NULL, NULL);
		gather_columns(d, s, dx, columns, first, images);
	}
}

void hm_cuda_conv_backward(struct hm_device *d, void *dx, float *dw, const void *dy, const void *x,
			   const float *w, const struct hm_conv *c, int i, int h, int wd)
{
	struct shape s;
	if (!shape_init(&s, d, c, i, h, wd))
		return;
	if (dw)
		backward_dw(d, &s, dw, dy, x);
	if (dx && c->stride == 1 && c->pad < c->kernel)
		backward_dx_turned(d, &s, dx, dy, w);
	else if (dx)
		backward_dx_gathered(d, &s, dx, dy, w);
}
