/* What is special to the cpu device's training on images: it agrees with ref in its own layout at sizes that
 * fill no block, keeps the padding of blocks zero, takes shapes and weights that change from call to call,
 * and its batch norm and pooling do not depend on the number of threads. */
#include "../support/opoutputs.h"
#include "ops/cpu/cpu.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static float *randoms(size_t n, uint32_t which)
{
	return random_floats(9, n, which);
}

/* Images [i,h,w,c] and where their elements are. */
struct images {
	struct hm_device *d;
	int i, h, w, c;
	void *at;
};

/* Element number of (image a, position p, channel c). */
static size_t place_of(const struct images *m, size_t a, size_t p, size_t c)
{
	size_t hw = (size_t)m->h * m->w;
	if (!strcmp(m->d->name, "ref"))
		return (a * hw + p) * m->c + c;
	struct hm_view v = hm_cpu_view(m->d, m->i, m->c);
	if (m->c == 3 && v.run > 3)
		return (a * 3 + c) * hw + p;
	return ((a * (v.outer / m->i) + c / v.run) * hw + p) * v.run + c % v.run;
}

static void set_element(struct images *m, size_t at, float v)
{
	if (m->d->act == HM_BF16)
		((uint16_t *)m->at)[at] = hm_f32_to_bf16(v);
	else
		((float *)m->at)[at] = v;
}

static float element_of(const struct images *m, size_t at)
{
	return m->d->act == HM_BF16 ? hm_bf16_to_f32(((uint16_t *)m->at)[at]) : ((float *)m->at)[at];
}

/* Random images about `mean`; rounded to bf16, so that equal values occur. */
static struct images images(struct hm_device *d, int i, int h, int w, int c, uint32_t which, float mean)
{
	struct images m = {d, i, h, w, c, d->op->alloc(d, d->op->image_bytes(d, i, h, w, c))};
	float *x = randoms((size_t)i * h * w * c, which);
	for (size_t a = 0, j = 0; a < (size_t)i; a++)
		for (size_t p = 0; p < (size_t)h * w; p++)
			for (size_t ch = 0; ch < (size_t)c; ch++, j++)
				set_element(&m, place_of(&m, a, p, ch),
					    hm_bf16_to_f32(hm_f32_to_bf16(x[j])) + mean);
	free(x);
	return m;
}

static void drop(struct images *m)
{
	m->d->op->free(m->d, m->at);
}

/* Takes an image as [i,h,w,c], and sees that nothing but zeros lies between. */
static void take_images(struct outputs *o, const struct images *m)
{
	size_t hw = (size_t)m->h * m->w, n = m->i * hw * m->c,
	       all = m->d->op->image_bytes(m->d, m->i, m->h, m->w, m->c) / hm_dtype_size(m->d->act), j = 0,
	       held = 0, found = 0;
	float *x = malloc(n * sizeof *x);
	for (size_t a = 0; a < (size_t)m->i; a++)
		for (size_t p = 0; p < hw; p++)
			for (size_t c = 0; c < (size_t)m->c; c++, j++) {
				x[j] = element_of(m, place_of(m, a, p, c));
				held += x[j] != 0;
			}
	for (j = 0; m->c != 3 && j < all; j++)
		found += element_of(m, j) != 0;
	assert_true(m->c == 3 || found == held);
	take_output(o, x, n, HM_F32);
	free(x);
}

static const struct conv_case {
	int i, h, w;
	struct hm_conv c;
} conv_case[] = {
	{2, 13, 11, {3, 20, 7, 2, 3}},	{2, 7, 9, {20, 33, 3, 1, 1}},  {3, 8, 8, {20, 20, 3, 2, 1}},
	{1, 6, 5, {33, 7, 1, 2, 0}},	{2, 7, 9, {16, 64, 1, 1, 0}},  {5, 7, 9, {20, 33, 3, 1, 1}},
	{2, 12, 12, {64, 64, 3, 1, 1}}, {2, 16, 16, {3, 16, 7, 2, 3}}, {5, 7, 9, {16, 48, 3, 1, 1}},
};

static void conv(struct hm_device *d, struct outputs *o, const struct conv_case *t, uint32_t seed)
{
	const struct hm_conv *c = &t->c;
	int ho = hm_conv_out(t->h, c->kernel, c->stride, c->pad),
	    wo = hm_conv_out(t->w, c->kernel, c->stride, c->pad);
	size_t n = (size_t)c->cout * c->cin * c->kernel * c->kernel;
	struct images x = images(d, t->i, t->h, t->w, c->cin, seed, 0),
		      dx = images(d, t->i, t->h, t->w, c->cin, seed + 1, 0),
		      y = images(d, t->i, ho, wo, c->cout, seed + 2, 0);
	float *w = randoms(n, seed + 3), *dw = randoms(n, seed + 4);
	d->op->conv_backward(d, NULL, NULL, y.at, x.at, w, c, t->i, t->h, t->w);
	d->op->conv_backward(d, c->cin == 3 ? NULL : dx.at, dw, y.at, x.at, w, c, t->i, t->h, t->w);
	take_images(o, &dx);
	take_output(o, dw, n, HM_F32);
	for (size_t j = 0; j < n; j++)
		w[j] += dw[j] / 64; /* a step: the same memory, other weights */
	d->op->conv_forward(d, y.at, x.at, w, c, t->i, t->h, t->w);
	take_images(o, &y);
	d->op->conv_backward(d, NULL, dw, y.at, x.at, w, c, t->i, t->h, t->w);
	take_output(o, dw, n, HM_F32);
	free(w);
	free(dw);
	drop(&x);
	drop(&dx);
	drop(&y);
}

static void convs(struct hm_device *d, struct outputs *o)
{
	for (int round = 0; round < 2; round++)
		for (size_t j = 0; j < sizeof conv_case / sizeof *conv_case; j++)
			conv(d, o, &conv_case[j], 100 * (uint32_t)j + 10 * (uint32_t)round);
}

/* Batch norm both ways in one mode, with everything or with as little as may be. */
static void norm(struct hm_device *d, struct outputs *o, enum hm_bn_mode mode, bool full, int i, int h, int w,
		 int c)
{
	struct hm_bn b = {mode, 1e-5, .1, full};
	struct images x = images(d, i, h, w, c, 1, 3), res = images(d, i, h, w, c, 2, 0),
		      y = images(d, i, h, w, c, 3, 0), dy = images(d, i, h, w, c, 4, 0),
		      dy2 = images(d, i, h, w, c, 5, 0), dx = images(d, i, h, w, c, 6, 0);
	float *gamma = randoms(c, 7), *beta = randoms(c, 8), *mean = randoms(c, 9), *var = randoms(c, 10),
	      *save = randoms(2 * (size_t)c, 11), *dgamma = randoms(c, 12), *dbeta = randoms(c, 13);
	for (int j = 0; j < c; j++)
		var[j] = fabsf(var[j]);
	d->op->batch_norm(d, y.at, x.at, full ? res.at : NULL, gamma, beta, mean, var, save, &b, i, h, w, c);
	take_images(o, &y);
	take_output(o, mean, c, HM_F32);
	take_output(o, var, c, HM_F32);
	take_output(o, save, 2 * (size_t)c, HM_F32);
	d->op->batch_norm_backward(d, full ? dx.at : dy.at, full ? dy.at : NULL, full ? dgamma : NULL, dbeta,
				   dy.at, full ? dy2.at : NULL, y.at, x.at, gamma, save, &b, i, h, w, c);
	take_images(o, &dx);
	take_images(o, &dy);
	take_output(o, dgamma, c, HM_F32);
	take_output(o, dbeta, c, HM_F32);
	struct images *all[] = {&x, &res, &y, &dy, &dy2, &dx};
	float *vec[] = {gamma, beta, mean, var, save, dgamma, dbeta};
	for (int j = 0; j < 6; j++)
		drop(all[j]);
	for (int j = 0; j < 7; j++)
		free(vec[j]);
}

static void norms(struct hm_device *d, struct outputs *o)
{
	for (int full = 0; full < 2; full++) {
		norm(d, o, HM_BN_TRAIN, full, 3, 7, 5, 20);
		norm(d, o, HM_BN_TRAIN_FROZEN, full, 2, 1, 3, 33);
		norm(d, o, HM_BN_EVAL, full, 1, 9, 9, 16);
		norm(d, o, HM_BN_TRAIN, full, 2, 40, 33, 7);
	}
}

static void pools(struct hm_device *d, struct outputs *o)
{
	static const int shape[][4] = {{2, 7, 9, 20}, {3, 8, 12, 16}, {1, 1, 1, 33}, {2, 2, 5, 7}};
	for (size_t j = 0; j < 4; j++) {
		int i = shape[j][0], h = shape[j][1], w = shape[j][2], c = shape[j][3],
		    ho = hm_conv_out(h, 3, 2, 1), wo = hm_conv_out(w, 3, 2, 1);
		struct images x = images(d, i, h, w, c, 1, 0), dx = images(d, i, h, w, c, 2, 0),
			      dy = images(d, i, ho, wo, c, 3, 0), dy2 = images(d, i, ho, wo, c, 4, 0);
		float *f = randoms((size_t)i * c, 5);
		d->op->max_pool_backward(d, dx.at, dy.at, j % 2 ? dy2.at : NULL, x.at, i, h, w, c);
		take_images(o, &dx);
		d->op->avg_pool_backward(d, dx.at, f, i, h, w, c);
		take_images(o, &dx);
		free(f);
		drop(&x);
		drop(&dx);
		drop(&dy);
		drop(&dy2);
	}
}

static void run_everything(struct hm_device *d, struct outputs *o, bool all)
{
	norms(d, o);
	pools(d, o);
	if (all)
		convs(d, o);
}

enum { CAP = 2000000 };

static void agrees_with_ref(void **state)
{
	(void)state;
	check_cpu_agrees(run_everything, CAP, (const double[]){1e-5, 1e-2});
}

static void no_byte_depends_on_threads(void **state)
{
	(void)state;
	check_threads_do_not_matter(run_everything, CAP);
}

/* A mean of 1,000 deviations hides nothing; a single value per channel is an error that sticks. */
static void statistics_are_accurate(void **state)
{
	(void)state;
	enum { I = 2, H = 50, W = 41, C = 5 };
	struct hm_bn b = {HM_BN_TRAIN, 1e-5, 1, false};
	struct hm_device *d = open_device("cpu", false, 2);
	struct images x = images(d, I, H, W, C, 1, 1000);
	float one[C] = {1, 1, 1, 1, 1}, none[C] = {0}, mean[C] = {0}, var[C] = {0}, save[2 * C];
	d->op->batch_norm(d, x.at, x.at, NULL, one, none, mean, var, save, &b, I, H, W, C);
	struct images again = images(d, I, H, W, C, 1, 1000);
	for (size_t c = 0; c < C; c++) {
		double m = 0, v = 0, n = (double)I * H * W;
		for (size_t a = 0; a < I; a++)
			for (size_t p = 0; p < (size_t)H * W; p++)
				m += (double)element_of(&again, place_of(&again, a, p, c)) / n;
		for (size_t a = 0; a < I; a++)
			for (size_t p = 0; p < (size_t)H * W; p++)
				v += pow((double)element_of(&again, place_of(&again, a, p, c)) - m, 2) / n;
		assert_true(fabs(save[c] - m) <= 1e-7 * m);
		assert_true(fabs(save[C + c] - 1 / sqrt(v + 1e-5)) <= 1e-7);
		assert_true(fabs(var[c] - v * n / (n - 1)) <= 1e-7 * v * n / (n - 1));
		for (size_t a = 0; a < I; a++)
			for (size_t p = 0; p < (size_t)H * W; p++) {
				size_t at = place_of(&x, a, p, c);
				assert_true(fabs(element_of(&x, at) - ((double)element_of(&again, at) - m) /
									      sqrt(v + 1e-5)) <= 1e-6);
			}
	}
	assert_int_equal(hm_device_error(d, NULL), 0);
	d->op->batch_norm(d, x.at, x.at, NULL, one, none, mean, var, save, &b, 1, 1, 1, C);
	assert_int_equal(hm_device_error(d, NULL), HM_EDATA);
	drop(&x);
	drop(&again);
	hm_device_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_ref),
		cmocka_unit_test(no_byte_depends_on_threads),
		cmocka_unit_test(statistics_are_accurate),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
