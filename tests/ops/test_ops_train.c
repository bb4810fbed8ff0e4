/* Training operations: ref against finite differences and against PyTorch (tests/oracle/make_nets.py), every
 * device against ref, optimizers to the last bit but one. */
#include "base/rng.h"
#include "ops/ops.h"
#include "weights/weights.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const char *const device[] = {"ref", "cpu"};

static void randoms(float *x, size_t n, uint32_t which)
{
	struct hm_rng r;
	hm_rng_init(&r, 3, HM_RNG_SYNTH, which, 0);
	for (size_t j = 0; j < n; j++)
		x[j] = (float)hm_rng_normal(&r);
}

static void assert_close(const float *a, const float *b, size_t n, double bound)
{
	double most = 0;
	for (size_t j = 0; j < n; j++)
		most = fmax(most, fabs(b[j]));
	for (size_t j = 0; j < n; j++)
		if (!(fabs((double)a[j] - b[j]) <= bound * most))
			fail_msg("element %zu is %g, not %g", j, a[j], b[j]);
}

static void linear_layers_agree(void **state)
{
	(void)state;
	static const int shape[][3] = {{1, 1, 1},  {64, 2, 1280}, {3, 5, 17},	{52, 2, 1280},
				       {7, 9, 64}, {4, 4, 63},	  {131, 3, 70}, {66, 5, 150}};
	for (size_t t = 0; t < sizeof shape / sizeof *shape; t++) {
		size_t m = (size_t)shape[t][0], n = (size_t)shape[t][1], k = (size_t)shape[t][2];
		float *x = malloc(m * k * 4), *w = malloc(n * k * 4), *b = malloc(n * 4),
		      *dy = malloc(m * n * 4), *out[2][4];
		size_t size[] = {m * n, m * k, n * k, n};
		randoms(x, m * k, 1);
		randoms(w, n * k, 2);
		randoms(b, n, 3);
		randoms(dy, m * n, 4);
		for (int j = 0; j < 2; j++) {
			struct hm_device *d = hm_device_open(device[j], HM_PREC_F32, NULL);
			for (int a = 0; a < 4; a++) {
				out[j][a] = malloc(size[a] * 4);
				randoms(out[j][a], size[a],
					5); /* gradients of parameters are added to what is there */
			}
			d->op->linear_forward(d, out[j][0], x, w, b, (int)m, (int)n, (int)k);
			d->op->linear_backward(d, out[j][1], out[j][2], out[j][3], dy, x, w, (int)m, (int)n,
					       (int)k);
			d->op->linear_backward(d, NULL, out[j][2], NULL, dy, x, w, (int)m, (int)n, (int)k);
			d->op->linear_forward(d, dy, x, w, NULL, (int)m, (int)n, (int)k);
			assert_int_equal(hm_device_error(d, NULL), 0);
			hm_device_close(d);
			randoms(dy, m * n, 4);
		}
		for (int a = 0; a < 4; a++) {
			assert_close(out[1][a], out[0][a], size[a], 1e-5);
			free(out[0][a]);
			free(out[1][a]);
		}
		free(x);
		free(w);
		free(b);
		free(dy);
	}
}

/* Layers together give the bytes of each alone: numbers of layers, rows, outputs and inputs that fill groups
 * of outputs, pairs of rows, panels and vectors, and that do not. */
static void layers_together_are_layers_alone(void **state)
{
	(void)state;
	enum { MOST = 7, SIZE = 1 << 18, MOST_ROWS = 130 };
	static const int shape[][4] = {{1, 64, 2, 1280}, {7, 67, 2, 1280}, {5, 130, 3, 100}, {2, 1, 1, 64},
				       {3, 9, 1, 223},	 {4, 3, 4, 15},	   {2, 8, 17, 96},   {6, 65, 16, 33}};
	float *all = malloc(sizeof(float) * SIZE * 9), *x = all, *one = all + SIZE, *at[5][MOST],
	      *rows = all + 8 * SIZE;
	const float *row[MOST_ROWS];
	for (int t = 0; t < 2 * (int)(sizeof shape / sizeof *shape); t++) {
		const int *s = shape[t / 2], m = s[1], n = s[2], k = s[3];
		size_t size[] = {(size_t)(m * n), (size_t)(n * k), (size_t)n, (size_t)(n * k), (size_t)n},
		       used = 0;
		struct hm_device *d = hm_device_open(device[t % 2], HM_PREC_F32, NULL);
		for (int a = 0; a < 5; a++) /* dy or y, w, b, dw, db */
			for (int h = 0; h < s[0]; used += size[a], h++) {
				at[a][h] = all + 2 * SIZE + used;
				randoms(at[a][h], size[a], (uint64_t)(a * MOST + h));
			}
		assert_true(used <= 6 * SIZE && (size_t)(m * k) <= SIZE);
		randoms(x, (size_t)(m * k), 99);
		for (int r = 0; r < m; r++) { /* the rows of x from the last on, and the same end to end */
			row[r] = x + (size_t)((m - 1 - r) * k);
			memcpy(rows + (size_t)(r * k), row[r], (size_t)k * sizeof *rows);
		}
		at[2][s[0] - 1] = at[4][s[0] - 1] = NULL; /* the last has no bias */
		d->op->linears_backward(d, at[3], at[4], (const float *const *)at[0], row, s[0], m, n, k);
		for (int h = 0; h < s[0]; h++) {
			float *db = at[4][h] ? one + size[3] : NULL;
			randoms(one, size[3], (uint64_t)(3 * MOST + h));
			randoms(one + size[3], size[4], (uint64_t)(4 * MOST + h));
			d->op->linear_backward(d, NULL, one, db, at[0][h], rows, at[1][h], m, n, k);
			assert_memory_equal(at[3][h], one, size[3] * sizeof *one);
			if (db)
				assert_memory_equal(at[4][h], db, size[4] * sizeof *db);
		}
		d->op->linears_forward(d, at[0], row, (const float *const *)at[1],
				       (const float *const *)at[2], s[0], m, n, k);
		for (int h = 0; h < s[0]; h++) {
			d->op->linear_forward(d, one, rows, at[1][h], at[2][h], m, n, k);
			assert_memory_equal(at[0][h], one, size[0] * sizeof *one);
		}
		assert_int_equal(hm_device_error(d, NULL), 0);
		hm_device_close(d);
	}
	free(all);
}

/* The loss of the head at (x, w, b), by ref: what finite differences are taken of. */
static double loss_at(struct hm_device *d, const float *x, const float *w, const float *b,
		      const int32_t *label, const float *weight, float *logits, int m, int n, int k)
{
	float loss;
	d->op->linear_forward(d, logits, x, w, b, m, n, k);
	d->op->cross_entropy(d, NULL, &loss, NULL, logits, label, weight, 0, m, n);
	return loss;
}

static void gradients_are_slopes(void **state)
{
	(void)state;
	enum { M = 6, N = 3, K = 4 };
	static const int32_t label[M] = {0, 1, 2, 2, 0, 1};
	static const float weight[N] = {.5f, 1, 3};
	const float step = 1.f / 64;
	float x[M * K], w[N * K], b[N], logits[M * N], dlogits[M * N], dx[M * K], dw[N * K] = {0},
											 db[N] = {0}, loss;
	struct hm_device *d = hm_device_open("ref", HM_PREC_F32, NULL);
	randoms(x, M * K, 11);
	randoms(w, N * K, 12);
	randoms(b, N, 13);
	d->op->linear_forward(d, logits, x, w, b, M, N, K);
	d->op->cross_entropy(d, NULL, &loss, dlogits, logits, label, weight, 0, M, N);
	d->op->linear_backward(d, dx, dw, db, dlogits, x, w, M, N, K);
	struct {
		float *at, *grad;
		int n;
	} all[] = {{x, dx, M * K}, {w, dw, N * K}, {b, db, N}};
	for (int a = 0; a < 3; a++)
		for (int j = 0; j < all[a].n; j++) {
			float keep = all[a].at[j];
			all[a].at[j] = keep + step;
			double up = loss_at(d, x, w, b, label, weight, logits, M, N, K);
			all[a].at[j] = keep - step;
			double down = loss_at(d, x, w, b, label, weight, logits, M, N, K);
			all[a].at[j] = keep;
			assert_true(fabs((up - down) / (2 * step) - all[a].grad[j]) < 3e-4);
		}
	hm_device_close(d);
}

static const float *vec(const struct hm_weights *w, const char *name)
{
	const struct hm_tensor *t = hm_weights_find(w, name);
	assert_non_null(t);
	return t->data;
}

static void pytorch_head(void **state)
{
	(void)state;
	enum { M = 7, N = 3, K = 19 };
	struct hm_weights *v;
	assert_int_equal(hm_weights_open(&v, "tests/data/nets/head.safetensors", NULL, NULL), 0);
	const float *x = vec(v, "x"), *w = vec(v, "w"), *b = vec(v, "b");
	const int32_t *label = hm_weights_find(v, "label")->data;
	for (int j = 0; j < 2; j++)
		for (int weighted = 0; weighted < 2; weighted++) {
			struct hm_device *d = hm_device_open(device[j], HM_PREC_F32, NULL);
			const char *loss_name = weighted ? "weighted.loss" : "plain.loss";
			const float *cw = weighted ? vec(v, "weight") : NULL;
			float logits[M * N], prob[M * N], loss, dx[M * K], dw[N * K] = {0}, db[N] = {0};
			d->op->linear_forward(d, logits, x, w, b, M, N, K);
			d->op->softmax(d, prob, logits, M, N);
			assert_close(prob, vec(v, "prob"), M * N, 2e-6);
			d->op->cross_entropy(d, NULL, &loss, logits, logits, label, cw, 0, M,
					     N); /* in place */
			d->op->linear_backward(d, dx, dw, db, logits, x, w, M, N, K);
			assert_close(&loss, vec(v, loss_name), 1, 2e-6);
			assert_close(logits, vec(v, weighted ? "weighted.dlogits" : "plain.dlogits"), M * N,
				     2e-6);
			assert_close(dx, vec(v, weighted ? "weighted.dx" : "plain.dx"), M * K, 2e-6);
			assert_close(dw, vec(v, weighted ? "weighted.dw" : "plain.dw"), N * K, 2e-6);
			assert_close(db, vec(v, weighted ? "weighted.db" : "plain.db"), N, 2e-6);
			hm_device_close(d);
		}
	hm_weights_close(v);
}

static void cross_entropy_of_large_logits(void **state)
{
	(void)state;
	float x[2][2] = {{1000, -1000}, {-1e30f, 1e30f}}, loss, dx[4];
	static const int32_t label[2] = {0, 1};
	for (int j = 0; j < 2; j++) {
		struct hm_device *d = hm_device_open(device[j], HM_PREC_F32, NULL);
		d->op->cross_entropy(d, NULL, &loss, dx, x[0], label, NULL, 0, 2, 2);
		assert_true(loss == 0 && dx[0] == 0 && dx[3] == 0);
		x[0][0] = NAN;
		d->op->cross_entropy(d, NULL, &loss, dx, x[0], label, NULL, 0, 2, 2);
		assert_true(isnan(loss)); /* never hidden */
		x[0][0] = 1000;
		hm_device_close(d);
	}
}

/* Parameters after each of five steps. PyTorch's square root may differ from the exact one in the last bit,
 * which moves an Adam step by some 2^-23 of itself: parameters then differ by at most one unit in the last
 * place. */
static void pytorch_optimizers(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		double momentum;
		struct hm_adam a;
		bool adam;
	} opt[] = {{"sgd", 0, {.lr = .01}, false},
		   {"sgd-momentum-decay", .9, {.lr = .01, .weight_decay = .01}, false},
		   {"adam", 0, {.001, .9, .999, 1e-8, 0, false}, true},
		   {"adam-decay", 0, {.001, .9, .999, 1e-8, .01, false}, true},
		   {"adamw", 0, {.001, .9, .999, 1e-8, .01, true}, true}};
	enum { COUNT = 200, STEPS = 5 };
	struct hm_weights *v;
	assert_int_equal(hm_weights_open(&v, "tests/data/nets/optimizers.safetensors", NULL, NULL), 0);
	for (size_t o = 0; o < sizeof opt / sizeof *opt; o++)
		for (int j = 0; j < 2; j++) {
			struct hm_device *d = hm_device_open(device[j], HM_PREC_F32, NULL);
			float p[COUNT], m[COUNT] = {0}, s[COUNT] = {0};
			memcpy(p, vec(v, "start"), sizeof p);
			for (int t = 1; t <= STEPS; t++) {
				const float *g = vec(v, "grad") + (t - 1) * COUNT,
					    *want = vec(v, opt[o].name) + (t - 1) * COUNT;
				if (opt[o].adam)
					d->op->adam(d, p, m, s, g, COUNT, &opt[o].a, t);
				else
					d->op->sgd(d, p, m, g, COUNT, opt[o].a.lr, opt[o].momentum,
						   opt[o].a.weight_decay, t);
				if (!opt[o].adam)
					assert_memory_equal(p, want, sizeof p);
				for (int i = 0; i < COUNT; i++)
					if (fabsf(p[i] - want[i]) >
					    nextafterf(fabsf(want[i]), INFINITY) - fabsf(want[i]) + 1e-10f)
						fail_msg("%s, step %d, element %d: %.9g, not %.9g",
							 opt[o].name, t, i, p[i], want[i]);
			}
			hm_device_close(d);
		}
	hm_weights_close(v);
}

static void norm_and_clip(void **state)
{
	(void)state;
	for (int j = 0; j < 2; j++) {
		struct hm_device *d = hm_device_open(device[j], HM_PREC_F32, NULL);
		float g[3] = {3, -4, 12};
		double sum = 1;
		d->op->sum_squares(d, &sum, g, 3);
		assert_true(sum == 170);
		sum = 169;
		d->op->clip(d, g, 3, &sum, 26);
		assert_true(g[0] == 3 && g[1] == -4 && g[2] == 12);
		sum = NAN;
		d->op->clip(d, g, 3, &sum, 6.5);
		assert_true(g[0] == 3);
		sum = 169;
		d->op->clip(d, g, 3, &sum, 6.5);
		float factor = (float)(6.5 / (13 + 1e-6));
		assert_true(g[0] == 3 * factor && g[1] == -4 * factor && g[2] == 12 * factor);
		hm_device_close(d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(linear_layers_agree),
		cmocka_unit_test(gradients_are_slopes),
		cmocka_unit_test(layers_together_are_layers_alone),
		cmocka_unit_test(pytorch_head),
		cmocka_unit_test(cross_entropy_of_large_logits),
		cmocka_unit_test(pytorch_optimizers),
		cmocka_unit_test(norm_and_clip),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
