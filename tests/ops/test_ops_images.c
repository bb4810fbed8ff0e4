/* Every device against ref, inference on images: op x shape x precision from tables. Images can only be made
 * and read by operations, so a case is a short chain: pixels -> normalise -> convolution -> what is tested ->
 * grid. */
#include "../support/optrio.h"
#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

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
	float *table = spread_floats(3 * 256, 1, 100), *f = spread_floats((size_t)c * 27, .2, which),
	      *b = spread_floats(c, .5, which + 1);
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
			float *f = spread_floats(c->cout * fan, 1 / sqrt((double)fan), 10),
			      *b = spread_floats(c->cout, 1, 11), *out[3];
			struct trio all;
			char what[64];
			for (int bias = 0; bias < 2 && open_trio(&all, bf16); bias++) {
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
				compare_outputs(&all, out, (size_t)t->i * ho * wo * c->cout, what);
				for (int j = 0; j < 2; j++)
					all.d[j]->op->weight_free(all.d[j], wt[j]);
				close_trio(&all);
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
		float *x = spread_floats(n, 1, 90),
		      *f = spread_floats((size_t)conv.cin * 9 * conv.cout, 1 / sqrt(conv.cin * 9.), 91);
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
	float *x = spread_floats((size_t)I * H * W * CIN, 1, 92),
	      *f = spread_floats((size_t)CIN * 9 * COUT, .1, 93);
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
			if (!open_trio(&all, bf16))
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
			compare_outputs(&all, most, (size_t)i * ho * wo * c, "max_pool");
			compare_outputs(&all, mean, (size_t)i * c, "avg_pool");
			close_trio(&all);
		}
}

/* normalise alone is exact: a table look-up, seen through the grid. */
static void normalisation(void **state)
{
	(void)state;
	uint8_t px[2 * 3 * 4 * 5];
	float *table = spread_floats(3 * 256, 1, 50);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(convolution),	  cmocka_unit_test(convolution_is_exact_enough),
		cmocka_unit_test(an_image_alone), cmocka_unit_test(pooling),
		cmocka_unit_test(normalisation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
