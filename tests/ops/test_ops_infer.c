/* Every device against ref, inference operations: op x shape x precision from tables. Images can only be made
 * and read by operations, so a case is a short chain: pixels -> normalise -> convolution -> what is tested ->
 * grid. */
#include "base/rng.h"
#include "ops/ops.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The devices compared in one case: [0] is ref, [1] cpu, [2] a fork of cpu that must give cpu's bytes. */
struct trio {
	struct hm_device *d[3];
	bool bf16;
};

static const double f32_bound = 1e-5, bf16_bound = 2e-2;

/* False when this processor has no bf16: then opening must say so. */
static bool trio_open(struct trio *t, bool bf16)
{
	struct hm_err e = {0};
	enum hm_precision p = bf16 ? HM_PREC_BF16 : HM_PREC_F32;
	*t = (struct trio){.bf16 = bf16};
	t->d[1] = hm_device_open("cpu", p, &e);
	if (!t->d[1]) {
		assert_true(bf16);
		assert_int_equal(e.code, HM_EDEVICE);
		return false;
	}
	t->d[0] = hm_device_open("ref", p, &e);
	t->d[2] = hm_device_fork(t->d[1], &e);
	assert_non_null(t->d[0]);
	assert_non_null(t->d[2]);
	return true;
}

static void trio_close(struct trio *t)
{
	hm_device_close(t->d[2]);
	hm_device_close(t->d[1]);
	hm_device_close(t->d[0]);
}

static float *randoms(size_t n, double spread, uint32_t which)
{
	struct hm_rng r;
	float *x = malloc((n ? n : 1) * sizeof *x);
	hm_rng_init(&r, 1, HM_RNG_SYNTH, which, 0);
	for (size_t j = 0; j < n; j++)
		x[j] = (float)(spread * hm_rng_normal(&r));
	return x;
}

/* x [n] as activations of d, in its memory, with room for `room` of them. */
static void *acts(struct hm_device *d, const float *x, size_t n, size_t room)
{
	void *y = d->op->alloc(d, room * hm_dtype_size(d->act));
	for (size_t j = 0; j < n; j++)
		if (d->act == HM_BF16)
			((uint16_t *)y)[j] = hm_f32_to_bf16(x[j]);
		else
			((float *)y)[j] = x[j];
	return y;
}

static float *floats(const struct hm_device *d, const void *x, size_t n)
{
	float *y = malloc((n ? n : 1) * sizeof *y);
	assert_int_equal(hm_to_f32(d->act, x, n, y, NULL), 0);
	return y;
}

/* out[0] is ref's, [1] cpu's, [2] the fork's. Frees them. */
static void compare(const struct trio *t, float *out[3], size_t n, const char *what)
{
	double worst = 0, most = 0, bound = t->bf16 ? bf16_bound : f32_bound;
	for (size_t j = 0; j < n; j++) {
		most = fmax(most, fabs(out[0][j]));
		worst = fmax(worst, isfinite(out[1][j]) ? fabs((double)out[1][j] - out[0][j]) : INFINITY);
	}
	for (int k = 0; k < 3; k++) {
		struct hm_err e = {0};
		if (hm_device_error(t->d[k], &e))
			fail_msg("%s: %s", what, e.text);
	}
	if (!(worst <= bound * most))
		fail_msg("%s%s: off by %g of the largest, %g", what, t->bf16 ? " bf16" : "", worst / most,
			 most);
	assert_memory_equal(out[1], out[2], n * sizeof(float));
	for (int k = 0; k < 3; k++)
		free(out[k]);
}

/* ---- images */

static const struct image_case {
	struct hm_conv c; /* cin, cout, kernel, stride, pad, relu, residual */
	int i, h, w;
} image_case[] = {
	{{3, 16, 7, 2, 3, true, false}, 2, 32, 32},
	{{3, 5, 7, 2, 3, true, false}, 1, 33, 20},
	{{16, 16, 3, 1, 1, true, false}, 2, 14, 14},
	{{16, 16, 3, 1, 1, true, true}, 3, 9, 13},
	{{64, 64, 3, 1, 1, true, true}, 1, 28, 28},
	{{16, 32, 3, 2, 1, true, false}, 2, 15, 16},
	{{16, 32, 1, 2, 0, false, false}, 2, 15, 16},
	{{32, 64, 1, 1, 0, true, false}, 1, 7, 7},
	{{32, 64, 1, 1, 0, true, true}, 2, 7, 7},
	{{5, 7, 3, 1, 1, false, false}, 2, 11, 6},
	{{24, 17, 3, 1, 1, true, true}, 1, 10, 10},
	{{17, 24, 3, 2, 1, true, false}, 2, 5, 5},
	{{128, 128, 3, 1, 1, true, false}, 4, 4, 4},
	{{16, 16, 3, 1, 1, false, true}, 1, 1, 1},
	/* Winograd's: one tile, tiles that are cut at each side, more tiles than are computed at once */
	{{16, 32, 3, 1, 1, false, true}, 1, 1, 1},
	{{32, 96, 3, 1, 1, true, true}, 3, 1, 7},
	{{48, 32, 3, 1, 1, true, false}, 2, 5, 2},
	{{64, 64, 3, 1, 1, false, false}, 5, 17, 19},
	{{512, 64, 3, 1, 1, true, true}, 9, 7, 7},
	{{80, 160, 3, 1, 1, true, true}, 2, 12, 13},
};

/* pixels -> normalise -> 3x3 convolution to c channels: images [i,h,w,c] of d. Caller frees with d's free. */
static void *some_image(struct hm_device *d, int i, int h, int w, int c, uint32_t which)
{
	const struct hm_ops *op = d->op;
	size_t n = (size_t)i * 3 * h * w;
	uint8_t *px = malloc(n);
	float *table = randoms(3 * 256, 1, 100), *f = randoms((size_t)c * 27, .2, which),
	      *b = randoms(c, .5, which + 1);
	struct hm_rng r;
	hm_rng_init(&r, 2, HM_RNG_SYNTH, which, 0);
	for (size_t j = 0; j < n; j++)
		px[j] = (uint8_t)hm_rng_below(&r, 256);
	void *x = op->alloc(d, op->image_bytes(d, i, h, w, 3)),
	     *y = op->alloc(d, op->image_bytes(d, i, h, w, c));
	struct hm_weight *wt = op->conv_pack(d, &(struct hm_conv){3, c, 3, 1, 1, false, false}, f, b);
	op->normalise(d, x, px, table, i, h, w);
	op->conv(d, y, x, wt, i, h, w);
	op->weight_free(d, wt);
	op->free(d, x);
	free(px);
	free(table);
	free(f);
	free(b);
	return y;
}

static float *grid_of(struct hm_device *d, const void *x, int i, int h, int w, int c)
{
	float *g = malloc((size_t)i * h * w * c * sizeof *g);
	d->op->grid(d, g, x, i, h, w, c);
	return g;
}

static void convolution(void **state)
{
	(void)state;
	for (size_t k = 0; k < sizeof image_case / sizeof *image_case; k++)
		for (int bf16 = 0; bf16 < 2; bf16++) {
			const struct image_case *t = &image_case[k];
			const struct hm_conv *c = &t->c;
			int ho = hm_conv_out(t->h, c->kernel, c->stride, c->pad);
			int wo = hm_conv_out(t->w, c->kernel, c->stride, c->pad);
			size_t fan = (size_t)c->cin * c->kernel * c->kernel;
			float *f = randoms(c->cout * fan, 1 / sqrt((double)fan), 10),
			      *b = randoms(c->cout, 1, 11), *out[3];
			struct trio all;
			char what[64];
			for (int bias = 0; bias < 2 && trio_open(&all, bf16); bias++) {
				struct hm_weight *wt[2];
				for (int j = 0; j < 2; j++)
					wt[j] = all.d[j]->op->conv_pack(all.d[j], c, f, bias ? b : NULL);
				for (int j = 0; j < 3; j++) {
					struct hm_device *d = all.d[j];
					void *x = some_image(d, t->i, t->h, t->w, c->cin, 20);
					void *y = some_image(d, t->i, ho, wo, c->cout,
							     30); /* the residual, or rubbish */
					d->op->conv(d, y, x, wt[j > 0], t->i, t->h, t->w);
					out[j] = grid_of(d, y, t->i, ho, wo, c->cout);
					d->op->free(d, x);
					d->op->free(d, y);
				}
				snprintf(what, sizeof what, "conv %zu, bias %d", k, bias);
				compare(&all, out, (size_t)t->i * ho * wo * c->cout, what);
				for (int j = 0; j < 2; j++)
					all.d[j]->op->weight_free(all.d[j], wt[j]);
				trio_close(&all);
			}
			free(f);
			free(b);
		}
}

/* The largest error of the device's convolution of x [h,w,cin] with f, as a share of the largest output. */
static double conv_error(struct hm_device *d, const struct hm_conv *c, const float *x, const float *f, int h,
			 int w)
{
	const struct hm_ops *op = d->op;
	void *in = op->alloc(d, op->image_bytes(d, 1, h, w, c->cin)),
	     *out = op->alloc(d, op->image_bytes(d, 1, h, w, c->cout));
	struct hm_weight *wt = op->conv_pack(d, c, f, NULL);
	op->image_put(d, in, x, 1, h, w, c->cin);
	op->conv(d, out, in, wt, 1, h, w);
	float *y = grid_of(d, out, 1, h, w, c->cout);
	double worst = 0, most = 0;
	for (int at = 0; at < h * w; at++)
		for (int k = 0; k < c->cout; k++) {
			double sum = 0;
			for (int r = -1; r <= 1; r++)
				for (int s = -1; s <= 1; s++) {
					int iy = at / w + r, ix = at % w + s;
					if (iy < 0 || ix < 0 || iy >= h || ix >= w)
						continue;
					for (int j = 0; j < c->cin; j++)
						sum += (double)x[(iy * w + ix) * c->cin + j] *
						       f[(k * c->cin + j) * 9 + (r + 1) * 3 + s + 1];
				}
			most = fmax(most, fabs(sum));
			worst = fmax(worst, fabs(sum - (double)y[at * c->cout + k]));
		}
	free(y);
	op->weight_free(d, wt);
	op->free(d, in);
	op->free(d, out);
	return worst / most;
}

/* f32 against float64. Winograd's transforms multiply an error of a direct convolution, 2^-24 times the root
 * of the number of terms, by ten or so: of 512*9 terms, and of the largest output, that is 4e-6 at most. It
 * is in proportion to the activations, whatever their size. */
static void convolution_is_exact_enough(void **state)
{
	(void)state;
	static const struct {
		int cin, cout;
		double scale, mean, bound;
	} c[] = {{64, 64, 1, 0, 3e-6},	    {512, 32, 1, 0, 5e-6},    {512, 32, 1e12, 0, 5e-6},
		 {512, 32, 1e-12, 0, 5e-6}, {256, 32, 1e3, .8, 4e-6}, {128, 128, 1, 4, 3e-6}};
	enum { H = 14, W = 9 };
	for (size_t k = 0; k < sizeof c / sizeof *c; k++) {
		const struct hm_conv conv = {c[k].cin, c[k].cout, 3, 1, 1, false, false};
		struct hm_device *d = hm_device_open("cpu", HM_PREC_F32, NULL);
		size_t n = (size_t)H * W * c[k].cin;
		float *x = randoms(n, 1, 90),
		      *f = randoms((size_t)conv.cin * 9 * conv.cout, 1 / sqrt(conv.cin * 9.), 91);
		for (size_t j = 0; j < n; j++)
			x[j] = (float)(c[k].scale * fmax(x[j] + c[k].mean, 0));
		double error = conv_error(d, &conv, x, f, H, W);
		if (!(error <= c[k].bound))
			fail_msg("%d channels to %d, case %zu: off by %g of the largest", conv.cin, conv.cout,
				 k, error);
		free(x);
		free(f);
		hm_device_close(d);
	}
}

/* Winograd's tiles are computed some at a time, over images: an image gets the same bytes alone, and what is
 * not finite in one image is in no other. */
static void an_image_alone(void **state)
{
	(void)state;
	enum { I = 7, H = 7, W = 11, CIN = 32, COUT = 64, N = H * W * COUT };
	const struct hm_conv c = {CIN, COUT, 3, 1, 1, true, false};
	float *x = randoms((size_t)I * H * W * CIN, 1, 92), *f = randoms((size_t)CIN * 9 * COUT, .1, 93);
	for (int bf16 = 0; bf16 < 2; bf16++) {
		struct hm_device *d = hm_device_open("cpu", bf16 ? HM_PREC_BF16 : HM_PREC_F32, NULL);
		if (!d)
			continue; /* bf16, which not every processor has */
		const struct hm_ops *op = d->op;
		void *in = op->alloc(d, op->image_bytes(d, I, H, W, CIN)),
		     *out = op->alloc(d, op->image_bytes(d, I, H, W, COUT));
		struct hm_weight *wt = op->conv_pack(d, &c, f, NULL);
		x[3 * H * W * CIN + 5] = NAN;
		op->image_put(d, in, x, I, H, W, CIN);
		op->conv(d, out, in, wt, I, H, W);
		float *all = grid_of(d, out, I, H, W, COUT);
		assert_true(isfinite(all[4 * N - 1]));
		for (size_t i = 0; i < I; i++) {
			if (i == 3)
				continue;
			op->image_put(d, in, x + i * H * W * CIN, 1, H, W, CIN);
			op->conv(d, out, in, wt, 1, H, W);
			float *one = grid_of(d, out, 1, H, W, COUT);
			assert_memory_equal(one, all + i * N, N * sizeof *one);
			free(one);
		}
		free(all);
		op->weight_free(d, wt);
		op->free(d, in);
		op->free(d, out);
		hm_device_close(d);
	}
	free(x);
	free(f);
}

static void pooling(void **state)
{
	(void)state;
	static const int shape[][4] = {
		{2, 16, 16, 16}, {1, 7, 9, 5}, {3, 1, 1, 33}, {2, 2, 3, 64}, {1, 13, 14, 17}};
	for (size_t k = 0; k < sizeof shape / sizeof *shape; k++)
		for (int bf16 = 0; bf16 < 2; bf16++) {
			int i = shape[k][0], h = shape[k][1], w = shape[k][2], c = shape[k][3];
			int ho = hm_conv_out(h, 3, 2, 1), wo = hm_conv_out(w, 3, 2, 1);
			float *most[3], *mean[3];
			struct trio all;
			if (!trio_open(&all, bf16))
				continue;
			for (int j = 0; j < 3; j++) {
				struct hm_device *d = all.d[j];
				void *x = some_image(d, i, h, w, c, 40),
				     *y = d->op->alloc(d, d->op->image_bytes(d, i, ho, wo, c));
				d->op->max_pool(d, y, x, i, h, w, c);
				most[j] = grid_of(d, y, i, ho, wo, c);
				mean[j] = malloc((size_t)i * c * sizeof(float));
				d->op->avg_pool(d, mean[j], x, i, h, w, c);
				d->op->free(d, x);
				d->op->free(d, y);
			}
			compare(&all, most, (size_t)i * ho * wo * c, "max_pool");
			compare(&all, mean, (size_t)i * c, "avg_pool");
			trio_close(&all);
		}
}

/* normalise alone is exact: a table look-up, seen through the grid. */
static void normalisation(void **state)
{
	(void)state;
	uint8_t px[2 * 3 * 4 * 5];
	float *table = randoms(3 * 256, 1, 50);
	for (size_t j = 0; j < sizeof px; j++)
		px[j] = (uint8_t)(j * 37);
	for (int which = 0; which < 2; which++) {
		struct hm_device *d = hm_device_open(which ? "cpu" : "ref", HM_PREC_F32, NULL);
		void *x = d->op->alloc(d, d->op->image_bytes(d, 2, 4, 5, 3));
		d->op->normalise(d, x, px, table, 2, 4, 5);
		if (which == 0) /* [i,h,w,c] there: compare with the definition */
			for (size_t j = 0; j < sizeof px; j++) {
				size_t image = j / 60, c = j / 20 % 3, at = j % 20;
				assert_true(((float *)x)[(image * 20 + at) * 3 + c] ==
					    table[c * 256 + px[j]]);
			}
		d->op->free(d, x);
		hm_device_close(d);
	}
	free(table);
}

/* ---- text */

static void matmul(void **state)
{
	(void)state;
	static const struct {
		int m, n, k;
		enum hm_act act;
		bool f32;
	} shape[] = {{1, 1, 1, HM_ACT_NONE, false},    {16, 64, 64, HM_ACT_GELU, false},
		     {17, 30, 24, HM_ACT_TANH, true},  {300, 96, 32, HM_ACT_GELU, false},
		     {5, 768, 768, HM_ACT_TANH, true}, {70, 33, 100, HM_ACT_RELU, false},
		     {7, 72, 24, HM_ACT_NONE, false},  {3, 10, 1000, HM_ACT_NONE, true}};
	for (size_t t = 0; t < sizeof shape / sizeof *shape; t++)
		for (int mode = 0; mode < 8; mode++) {
			int m = shape[t].m, n = shape[t].n, k = shape[t].k;
			struct hm_linear l = {n, k, shape[t].act, shape[t].f32, mode & 4};
			float *x = randoms((size_t)m * k, 1, 60),
			      *w = randoms((size_t)n * k, 2 / sqrt(k), 61);
			float *b = randoms(n, 1, 62), *out[3];
			struct hm_weight *wt[2];
			struct trio all;
			char what[64];
			if (trio_open(&all, mode & 1)) {
				for (int j = 0; j < 3; j++) {
					struct hm_device *d = all.d[j];
					size_t rows = (size_t)d->op->rows_round(d, m);
					void *in = acts(d, x, (size_t)m * k, rows * k),
					     *y = d->op->alloc(d, rows * n * sizeof(float));
					if (j < 2)
						wt[j] = d->op->linear_pack(d, &l, w, mode & 2 ? b : NULL);
					d->op->matmul(d, y, in, wt[j > 0], m);
					if (l.f32)
						memcpy(out[j] = malloc((size_t)m * n * sizeof(float)), y,
						       (size_t)m * n * sizeof(float));
					else
						out[j] = floats(d, y, (size_t)m * n);
					d->op->free(d, in);
					d->op->free(d, y);
				}
				snprintf(what, sizeof what, "matmul %dx%dx%d", m, n, k);
				compare(&all, out, (size_t)m * n, what);
				for (int j = 0; j < 2; j++)
					all.d[j]->op->weight_free(all.d[j], wt[j]);
				trio_close(&all);
			}
			free(x);
			free(w);
			free(b);
		}
}

static void layer_norm_and_embedding(void **state)
{
	(void)state;
	static const int width[] = {1, 2, 15, 16, 17, 24, 384, 768};
	enum { M = 5, WORDS = 9 };
	static const int32_t id[M] = {0, 8, 3, 3, 1}, pos[M] = {0, 1, 2, 0, 8};
	for (size_t t = 0; t < sizeof width / sizeof *width; t++)
		for (int mode = 0; mode < 4; mode++) {
			size_t k = (size_t)width[t], n = M * k;
			float *x = randoms(n, 3, 70), *res = randoms(n, 1, 71), *g = randoms(k, 1, 72),
			      *b = randoms(k, 1, 73);
			float *word = randoms(WORDS * k, 1, 74), *position = randoms(WORDS * k, 1, 75),
			      *norm[3], *emb[3], *in[3];
			struct trio all;
			double eps =
				k < 3 ? 1e-2
				      : 1e-12; /* a variance of nothing amplifies rounding without bound */
			if (trio_open(&all, mode & 1)) {
				for (int j = 0; j < 3; j++) {
					struct hm_device *d = all.d[j];
					void *a = acts(d, x, n, n), *r = acts(d, res, n, n),
					     *y = d->op->alloc(d, n * 4);
					d->op->layer_norm(d, y, a, mode & 2 ? r : NULL, g, b, eps, M, (int)k);
					norm[j] = floats(d, y, n);
					d->op->layer_norm(d, r, a, r, g, b, eps, M, (int)k); /* in place */
					in[j] = floats(d, r, n);
					d->op->embed(d, y, id, pos, word, position, b, g, b, eps, M, (int)k);
					emb[j] = floats(d, y, n);
					d->op->free(d, a);
					d->op->free(d, r);
					d->op->free(d, y);
				}
				compare(&all, norm, n, "layer_norm");
				compare(&all, in, n, "layer_norm in place");
				compare(&all, emb, n, "embed");
				trio_close(&all);
			}
			free(x);
			free(res);
			free(g);
			free(b);
			free(word);
			free(position);
		}
}

static void attention(void **state)
{
	(void)state;
	static const struct {
		int heads, dim, s;
		int32_t len[6];
	} shape[] = {{1, 1, 1, {1}},	  {2, 64, 4, {14, 1, 16, 17}}, {3, 8, 3, {2, 31, 5}},
		     {12, 32, 2, {4, 3}}, {1, 20, 1, {130}},	       {4, 16, 6, {1, 1, 33, 2, 64, 7}}};
	for (size_t t = 0; t < sizeof shape / sizeof *shape; t++)
		for (int bf16 = 0; bf16 < 2; bf16++) {
			size_t width = (size_t)shape[t].heads * shape[t].dim, m = 0;
			for (int j = 0; j < shape[t].s; j++)
				m += (size_t)shape[t].len[j];
			float *x = randoms(m * 3 * width, 2, 80), *out[3], *one[3];
			int32_t row[2] = {(int32_t)m - 1, 0};
			struct trio all;
			if (trio_open(&all, bf16)) {
				for (int j = 0; j < 3; j++) {
					struct hm_device *d = all.d[j];
					void *qkv = acts(d, x, m * 3 * width, m * 3 * width),
					     *y = d->op->alloc(d, m * width * 4);
					void *z = d->op->alloc(d, 2 * width * 4);
					d->op->attention(d, y, qkv, shape[t].len, shape[t].s, shape[t].heads,
							 shape[t].dim, false);
					d->op->gather(d, z, y, row, 2, (int)width);
					out[j] = floats(d, y, m * width);
					one[j] = floats(d, z, 2 * width);
					assert_memory_equal(one[j], out[j] + (m - 1) * width,
							    width * sizeof(float));
					d->op->free(d, qkv);
					d->op->free(d, y);
					d->op->free(d, z);
				}
				compare(&all, out, m * width, "attention");
				compare(&all, one, 2 * width, "gather");
				trio_close(&all);
			}
			free(x);
		}
}

/* Scores far apart: the softmax is one key, and nothing overflows. */
static void attention_without_overflow(void **state)
{
	(void)state;
	float qkv[3][3] = {{1000, 1000, 1}, {1000, -1000, 2}, {-1000, 500, 3}}, y[3];
	for (int which = 0; which < 2; which++) {
		struct hm_device *d = hm_device_open(which ? "cpu" : "ref", HM_PREC_F32, NULL);
		d->op->attention(d, y, qkv, &(int32_t){3}, 1, 1, 1, false);
		assert_true(y[0] == 1 && y[1] == 1 && y[2] == 2);
		hm_device_close(d);
	}
}

/* ---- devices */

static void devices_by_name(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum hm_precision p;
		int code;
	} bad[] = {{"gpu", HM_PREC_F32, HM_EUSAGE},   {"", HM_PREC_F32, HM_EUSAGE},
		   {"cuda:", HM_PREC_F32, HM_EUSAGE}, {"cuda:x", HM_PREC_F32, HM_EUSAGE},
		   {"cuda", HM_PREC_F32, HM_EDEVICE}, {"cuda:1", HM_PREC_BF16, HM_EDEVICE},
		   {"ref", HM_PREC_TF32, HM_EDEVICE}, {"cpu", HM_PREC_TF32, HM_EDEVICE}};
	char text[128];
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct hm_err e = {0};
		assert_null(hm_device_open(bad[i].name, bad[i].p, &e));
		assert_int_equal(e.code, bad[i].code);
	}
	struct hm_device *d = hm_device_open("auto", HM_PREC_F32, NULL);
	assert_string_equal(d->name, "cpu");
	hm_device_close(d);
	assert_non_null(strstr(hm_device_backends(text, sizeof text), "ref, cpu ("));
}

/* Which of the two it is depends on the processor, and never that it is one. */
static void automatic_precision(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_device *d = hm_device_open("cpu", HM_PREC_AUTO, &e);
	assert_true(d && (d->precision == HM_PREC_F32 || d->precision == HM_PREC_BF16));
	assert_int_equal(d->act, d->precision == HM_PREC_BF16 ? HM_BF16 : HM_F32);
	hm_device_close(d);
	d = hm_device_open("ref", HM_PREC_AUTO, &e);
	assert_int_equal(d->precision, HM_PREC_F32);
	hm_device_close(d);
	assert_null(hm_device_open("gpu", HM_PREC_AUTO, &e));
	assert_int_equal(e.code, HM_EUSAGE);
	d = hm_device_open("cpu", HM_PREC_F32, NULL);
	assert_true(hm_device_bf16_gain(d) == 0);
	hm_device_close(d);
	d = hm_device_open("cpu", HM_PREC_BF16, NULL);
	double gain = d ? hm_device_bf16_gain(d) : 1;
	assert_true(gain > 0 && gain < 1000);
	hm_device_close(d);
}

static void failures_stick(void **state)
{
	(void)state;
	static const char *const name[] = {"ref", "cpu"};
	for (int i = 0; i < 2; i++) {
		struct hm_err e = {0};
		struct hm_device *d = hm_device_open(name[i], HM_PREC_F32, NULL);
		float w = 1, x[16] = {1}, y[16] = {0};
		struct hm_weight *wt =
			d->op->linear_pack(d, &(struct hm_linear){1, 1, HM_ACT_NONE, true}, &w, NULL);
		assert_int_equal(hm_device_error(d, &e), 0);
		assert_null(d->op->alloc(d, SIZE_MAX / 2 + 1));
		assert_int_equal(hm_device_error(d, &e), HM_EDATA);
		d->op->matmul(d, y, x, wt, 1);
		assert_true(y[0] == 0); /* nothing is computed any more */
		d->op->weight_free(d, wt);
		hm_device_close(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(convolution),
		cmocka_unit_test(convolution_is_exact_enough),
		cmocka_unit_test(an_image_alone),
		cmocka_unit_test(pooling),
		cmocka_unit_test(normalisation),
		cmocka_unit_test(matmul),
		cmocka_unit_test(layer_norm_and_embedding),
		cmocka_unit_test(attention),
		cmocka_unit_test(attention_without_overflow),
		cmocka_unit_test(devices_by_name),
		cmocka_unit_test(automatic_precision),
		cmocka_unit_test(failures_stick),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
