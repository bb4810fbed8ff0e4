/* What is special to the cpu device's training on sequences: it agrees with ref at shapes that fill no
 * vector, its bytes do not depend on the number of threads, its masks are hm_philox's, NaN does not vanish,
 * and layers take any number of rows one after the other. */
#include "../support/opoutputs.h"
#include "ops/dropmask.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static float *randoms(size_t n, uint32_t which)
{
	return random_floats(5, n, which);
}

/* Random activations of d, [m,k], with room for rows_round(m) rows; the rows past m hold infinities. */
static void *acts(struct hm_device *d, int m, size_t k, uint32_t which)
{
	size_t rows = (size_t)d->op->rows_round(d, m);
	float *x = randoms((size_t)m * k, which);
	void *y = d->op->alloc(d, rows * k * sizeof(float));
	for (size_t j = 0; j < rows * k; j++) {
		float v = j < (size_t)m * k ? x[j] : INFINITY;
		if (d->act == HM_BF16)
			((uint16_t *)y)[j] = hm_f32_to_bf16(v);
		else
			((float *)y)[j] = v;
	}
	free(x);
	return y;
}

enum { M = 75, S = 5, HEADS = 3, DIM = 18, K = HEADS * DIM, N = 37, ROWS = 9 };
static const int32_t len[S] = {1, 33, 16, 2, 23};
static const struct hm_dropout drop = {.p = .3, .seed = 0x123456789abcdefull, .step = 7, .site = 11};

static void elements(struct hm_device *d, struct outputs *o)
{
	size_t n = M * K;
	void *x = acts(d, M, K, 1), *dy = acts(d, M, K, 2), *y = acts(d, M, K, 3);
	float *f = malloc(n * sizeof *f), *g = calloc(n, sizeof *g);
	d->op->activate(d, y, x, n, HM_ACT_GELU);
	take_output(o, y, n, d->act);
	d->op->activate_backward(d, y, dy, x, n, HM_ACT_GELU);
	take_output(o, y, n, d->act);
	d->op->tanh(d, x, x, n);
	take_output(o, x, n, d->act);
	d->op->tanh_backward(d, dy, dy, x, n);
	take_output(o, dy, n, d->act);
	d->op->dropout(d, x, x, &drop, n);
	take_output(o, x, n, d->act);
	d->op->dropout(d, y, x, NULL, n);
	take_output(o, y, n, d->act);
	d->op->widen(d, f, dy, n);
	take_output(o, f, n, HM_F32);
	d->op->narrow(d, y, f, n);
	take_output(o, y, n, d->act);
	d->op->zero(d, x, n / 2);
	take_output(o, x, n, d->act);
	d->op->copy_columns(d, g, N, f + 1, K, M / 2, N / 2);
	take_output(o, g, n, HM_F32);
	free(f);
	free(g);
	d->op->free(d, x);
	d->op->free(d, dy);
	d->op->free(d, y);
}

static void norms(struct hm_device *d, struct outputs *o, const struct hm_dropout *p)
{
	size_t n = M * K;
	void *x = acts(d, M, K, 1), *res = acts(d, M, K, 2), *y = acts(d, M, K, 3), *dx = acts(d, M, K, 4);
	float *gamma = randoms(K, 5), *beta = randoms(K, 6), *stats = randoms((size_t)M * 2, 7),
	      *dgamma = randoms(K, 8);
	d->op->add_norm(d, y, stats, x, p ? res : NULL, gamma, beta, 1e-12, p, M, K);
	take_output(o, y, n, d->act);
	take_output(o, x, n, d->act);
	take_output(o, stats, (size_t)M * 2, HM_F32);
	d->op->add_norm_backward(d, res, p ? dx : NULL, dgamma, beta, y, p ? res : NULL, NULL, x, stats,
				 gamma, p, M, K); /* in place on dy2 */
	take_output(o, res, n, d->act);
	take_output(o, dx, n, d->act);
	take_output(o, dgamma, K, HM_F32);
	take_output(o, beta, K, HM_F32);
	free(gamma);
	free(beta);
	free(stats);
	free(dgamma);
	d->op->free(d, x);
	d->op->free(d, res);
	d->op->free(d, y);
	d->op->free(d, dx);
}

static void attention(struct hm_device *d, struct outputs *o, const struct hm_dropout *p)
{
	size_t n = (size_t)M * K;
	void *qkv = acts(d, M, 3 * K, 1), *dqkv = acts(d, M, 3 * K, 2), *y = acts(d, M, K, 3),
	     *dy = acts(d, M, K, 4);
	d->op->attention_forward(d, y, qkv, len, S, HEADS, DIM, false, p);
	take_output(o, y, n, d->act);
	d->op->attention_backward(d, dqkv, dy, y, qkv, len, S, HEADS, DIM, false, p);
	take_output(o, dqkv, 3 * n, d->act);
	d->op->free(d, qkv);
	d->op->free(d, dqkv);
	d->op->free(d, y);
	d->op->free(d, dy);
}

static void tables(struct hm_device *d, struct outputs *o)
{
	float *table = randoms((size_t)ROWS * K, 1), *y = randoms((size_t)M * K, 2);
	void *dy = acts(d, M, K, 3), *dx = acts(d, M, K, 4);
	int32_t row[M], at[M], some[2] = {M - 1, 3};
	for (int r = 0; r < M; r++) {
		row[r] = r * r % ROWS;
		at[r] = (r * 7 + 3) % M;
	}
	d->op->add_rows(d, y, at, table, row, M, K);
	d->op->add_rows(d, y, NULL, table, NULL, M, K);
	take_output(o, y, (size_t)M * K, HM_F32);
	d->op->add_rows_backward(d, table, row, dy, at, 4, M, K);
	d->op->add_rows_backward(d, table, NULL, dy, NULL, -1, M, K);
	take_output(o, table, (size_t)ROWS * K, HM_F32);
	d->op->gather_backward(d, dx, dy, some, 2, M, K);
	take_output(o, dx, (size_t)M * K, d->act);
	free(table);
	free(y);
	d->op->free(d, dy);
	d->op->free(d, dx);
}

/* m rows, one call after the other, as the batches of an epoch come. */
static void dense(struct hm_device *d, struct outputs *o)
{
	static const int rows[] = {M, 1, 17, M, 64, 30};
	float *w = randoms((size_t)N * K, 1), *b = randoms(N, 2), *dw = randoms((size_t)N * K, 3);
	for (size_t j = 0; j < sizeof rows / sizeof *rows; j++) {
		int m = rows[j];
		void *x = acts(d, m, K, 4), *y = acts(d, m, N, 5), *dy = acts(d, m, N, 6),
		     *dx = acts(d, m, K, 7);
		d->op->dense_forward(d, y, x, w, j % 2 ? b : NULL, m, N, K);
		take_output(o, y, (size_t)m * N, d->act);
		d->op->dense_backward(d, j ? dx : NULL, dw, j % 2 ? NULL : b, dy, x, w, m, N, K);
		take_output(o, dx, j ? (size_t)m * K : 1, d->act);
		take_output(o, dw, (size_t)N * K, HM_F32);
		take_output(o, b, N, HM_F32);
		d->op->free(d, x);
		d->op->free(d, y);
		d->op->free(d, dy);
		d->op->free(d, dx);
	}
	free(w);
	free(b);
	free(dw);
}

static void run_everything(struct hm_device *d, struct outputs *o, bool all)
{
	elements(d, o);
	norms(d, o, NULL);
	norms(d, o, &drop);
	attention(d, o, NULL);
	attention(d, o, &drop);
	tables(d, o);
	if (all)
		dense(d, o);
}

enum { CAP = 400000 };

static void agrees_with_ref(void **state)
{
	(void)state;
	check_cpu_agrees(run_everything, CAP, (const double[]){2e-6, 2e-2});
}

static void no_byte_depends_on_threads(void **state)
{
	(void)state;
	check_threads_do_not_matter(run_everything, CAP);
}

/* The factors themselves, over a long run, at probabilities that keep nearly all and nearly none. */
static void masks_are_philox(void **state)
{
	(void)state;
	enum { COUNT = 100003 };
	static const double p[] = {.1, .5, 1e-9, 1e-12, .9999999999};
	static const uint64_t first[] = {0, 3, 1000000, ((uint64_t)1 << 34) - 50001, ((uint64_t)1 << 57) + 2};
	float *x = malloc(COUNT * sizeof *x);
	struct hm_device *d = open_device("cpu", false, 2);
	for (size_t t = 0; t < sizeof p / sizeof *p; t++) {
		struct hm_dropout o = {p[t], 0xfedcba9876543210ull + t, (uint32_t)t, 0xffffffff, first[t], 0};
		for (int j = 0; j < COUNT; j++)
			x[j] = 1;
		d->op->dropout(d, x, x, &o, COUNT);
		for (int j = 0; j < COUNT; j++)
			if (x[j] != hm_dropout_factor(&o, (uint64_t)j))
				fail_msg("p = %g, element %d: %g", p[t], j, x[j]);
	}
	hm_device_close(d);
	free(x);
}

/* The function and its slope by their formulas. */
static double value_of(enum hm_act f, double v)
{
	return f == HM_ACT_GELU ? v * .5 * erfc(-v * M_SQRT1_2) : v / (1 + exp(-1.702 * v));
}
static double slope_of(enum hm_act f, double v)
{
	double s = 1 / (1 + exp(-1.702 * v));
	return f == HM_ACT_GELU ? .5 * erfc(-v * M_SQRT1_2) + v * exp(-.5 * v * v) * .3989422804014327
				: s * (1 + 1.702 * v * (1 - s));
}

/* Over all that matters, and far out, where nothing may overflow. */
static void activations_are_accurate(void **state)
{
	(void)state;
	enum { COUNT = 60001 };
	static const enum hm_act f[] = {HM_ACT_GELU, HM_ACT_QUICK_GELU};
	float *x = malloc(COUNT * sizeof *x), *y = malloc(COUNT * sizeof *y);
	struct hm_device *d = open_device("cpu", false, 1);
	for (int j = 0; j < COUNT; j++)
		x[j] = (float)(j - COUNT / 2) / 3000;
	x[0] = -1e30f, x[1] = 1e30f;
	for (int k = 0; k < 2; k++) {
		d->op->activate(d, y, x, COUNT, f[k]);
		for (int j = 0; j < COUNT; j++)
			assert_true(fabs(y[j] - value_of(f[k], x[j])) <= 4e-7 * fmax(.5, fabsf(x[j])));
		for (int j = 0; j < COUNT; j++)
			y[j] = 1;
		d->op->activate_backward(d, y, y, x, COUNT, f[k]);
		for (int j = 2; j < COUNT; j++)
			assert_true(fabs(y[j] - slope_of(f[k], x[j])) <= 4e-7);
		assert_true(fabsf(y[0]) <= 1e-6f && fabsf(y[1] - 1) <= 1e-6f);
	}
	hm_device_close(d);
	free(x);
	free(y);
}

/* One NaN in: NaN out, wherever it goes. */
static void nan_does_not_vanish(void **state)
{
	(void)state;
	struct hm_device *d = open_device("cpu", false, 2);
	float *qkv = randoms(20 * 3 * 16, 1), *dy = randoms(20 * 16, 2), dqkv[20 * 3 * 16], y[20 * 16];
	float *x = randoms(64, 3), out[64], stats[8], ones[16], dgamma[16] = {0};
	double squares = 0;
	for (int j = 0; j < 16; j++)
		ones[j] = 1;
	qkv[16] = nanf("257"); /* K of the first row: every score against it */
	d->op->attention_forward(d, y, qkv, &(int32_t){20}, 1, 1, 16, false, NULL);
	d->op->attention_backward(d, dqkv, dy, y, qkv, &(int32_t){20}, 1, 1, 16, false, NULL);
	for (int r = 0; r < 20; r++)
		assert_true(isnan(y[r * 16 + 5]) && isnan(dqkv[r * 48]) && isnan(dqkv[r * 48 + 32]));
	x[17] = NAN;
	d->op->activate(d, out, x, 64, HM_ACT_GELU);
	assert_true(isnan(out[17]) && isfinite(out[16]));
	d->op->activate_backward(d, out, x, x, 64, HM_ACT_GELU);
	assert_true(isnan(out[17]) && isfinite(out[18]));
	d->op->activate(d, out, x, 64, HM_ACT_QUICK_GELU);
	assert_true(isnan(out[17]) && isfinite(out[16]));
	d->op->activate_backward(d, out, x, x, 64, HM_ACT_QUICK_GELU);
	assert_true(isnan(out[17]) && isfinite(out[18]));
	d->op->dropout(d, out, x, &(struct hm_dropout){.p = .999, .seed = 1, .step = 2, .site = 3}, 64);
	assert_true(isnan(out[17]));
	d->op->add_norm(d, out, stats, x, NULL, ones, ones, 1e-12, NULL, 4, 16);
	assert_true(isnan(out[16]) && isnan(out[31]) && isfinite(out[15]));
	d->op->add_norm_backward(d, out, NULL, dgamma, NULL, x, NULL, NULL, x, stats, ones, NULL, 4, 16);
	assert_true(isnan(dgamma[1]) && isnan(out[20]));
	d->op->sum_squares(d, &squares, x, 64);
	assert_true(isnan(squares));
	hm_device_close(d);
	free(qkv);
	free(dy);
	free(x);
}

/* Both optimizers to ref's last bit, over lengths that no part divides. */
static void optimizers_are_refs(void **state)
{
	(void)state;
	enum { COUNT = 200003 };
	static const struct hm_adam o[] = {{1e-3, .9, .999, 1e-8, 0, false},
					   {1e-3, .9, .999, 1e-8, .01, false},
					   {1e-3, .9, .999, 1e-8, .01, true}};
	float *g = randoms(COUNT, 4);
	for (int way = 0; way < 6; way++) {
		float *p[2], *m[2], *v[2];
		for (int j = 0; j < 2; j++) {
			struct hm_device *d = open_device(j ? "cpu" : "ref", false, 3);
			p[j] = randoms(COUNT, 1);
			m[j] = calloc(COUNT, sizeof(float));
			v[j] = calloc(COUNT, sizeof(float));
			for (int t = 1; t <= 3; t++)
				if (way < 3)
					d->op->adam(d, p[j], m[j], v[j], g, COUNT, &o[way], t);
				else
					d->op->sgd(d, p[j], way > 3 ? v[j] : NULL, g, COUNT, .1,
						   way > 3 ? .9 : 0, way > 4 ? .01 : 0, t);
			hm_device_close(d);
		}
		assert_memory_equal(p[0], p[1], COUNT * sizeof(float));
		assert_memory_equal(m[0], m[1], COUNT * sizeof(float));
		assert_memory_equal(v[0], v[1], COUNT * sizeof(float));
		for (int j = 0; j < 2; j++) {
			free(p[j]);
			free(m[j]);
			free(v[j]);
		}
	}
	free(g);
}

/* The norm and the scaling that clipping needs: the sum is close to ref's and the same for any threads. */
static void sums_do_not_depend_on_threads(void **state)
{
	(void)state;
	enum { COUNT = 300007 };
	double sum[5];
	for (int t = 0; t < 5; t++) {
		struct hm_device *d = open_device(t ? "cpu" : "ref", false, t ? t : 1);
		float *g = randoms(COUNT, 4);
		sum[t] = .5;
		d->op->sum_squares(d, &sum[t], g, COUNT);
		d->op->clip(d, g, COUNT, &sum[t], .37 * sqrt(sum[t]));
		d->op->sum_squares(d, &sum[t], g, COUNT);
		free(g);
		hm_device_close(d);
	}
	assert_true(fabs(sum[1] - sum[0]) < 1e-12 * sum[0]);
	assert_true(sum[1] == sum[2] && sum[1] == sum[3] && sum[1] == sum[4]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_ref),
		cmocka_unit_test(no_byte_depends_on_threads),
		cmocka_unit_test(masks_are_philox),
		cmocka_unit_test(activations_are_accurate),
		cmocka_unit_test(nan_does_not_vanish),
		cmocka_unit_test(optimizers_are_refs),
		cmocka_unit_test(sums_do_not_depend_on_threads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
