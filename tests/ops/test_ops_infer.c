/* Every device against ref, inference on text: op x shape x precision from tables. */
#include "../support/optrio.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void matmul(void **state)
{
	(void)state;
	static const struct {
		int m, n, k;
		enum hm_act act;
		bool f32;
	} shape[] = {{1, 1, 1, HM_ACT_NONE, false},	      {16, 64, 64, HM_ACT_GELU, false},
		     {17, 30, 24, HM_ACT_TANH, true},	      {300, 96, 32, HM_ACT_GELU, false},
		     {5, 768, 768, HM_ACT_TANH, true},	      {70, 33, 100, HM_ACT_RELU, false},
		     {7, 72, 24, HM_ACT_NONE, false},	      {3, 10, 1000, HM_ACT_NONE, true},
		     {150, 40, 520, HM_ACT_QUICK_GELU, false}};
	for (size_t t = 0; t < sizeof shape / sizeof *shape; t++)
		for (int mode = 0; mode < 8; mode++) {
			int m = shape[t].m, n = shape[t].n, k = shape[t].k;
			struct hm_linear l = {n, k, shape[t].act, shape[t].f32, mode & 4};
			float *x = spread_floats((size_t)m * k, 1, 60),
			      *w = spread_floats((size_t)n * k, 2 / sqrt(k), 61);
			float *b = spread_floats(n, 1, 62), *out[3];
			struct hm_weight *wt[2];
			struct trio all;
			char what[64];
			if (open_trio(&all, mode & 1)) {
				for (int j = 0; j < 3; j++) {
					struct hm_device *d = all.d[j];
					size_t rows = (size_t)d->op->rows_round(d, m);
					void *in = copy_acts(d, x, (size_t)m * k, rows * k),
					     *y = d->op->alloc(d, rows * n * sizeof(float));
					if (j < 2)
						wt[j] = d->op->linear_pack(d, &l, w, mode & 2 ? b : NULL);
					d->op->matmul(d, y, in, wt[j > 0], m);
					if (l.f32)
						memcpy(out[j] = malloc((size_t)m * n * sizeof(float)), y,
						       (size_t)m * n * sizeof(float));
					else
						out[j] = copy_floats(d, y, (size_t)m * n);
					d->op->free(d, in);
					d->op->free(d, y);
				}
				snprintf(what, sizeof what, "matmul %dx%dx%d", m, n, k);
				compare_outputs(&all, out, (size_t)m * n, what);
				for (int j = 0; j < 2; j++)
					all.d[j]->op->weight_free(all.d[j], wt[j]);
				close_trio(&all);
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
			float *x = spread_floats(n, 3, 70), *res = spread_floats(n, 1, 71),
			      *g = spread_floats(k, 1, 72), *b = spread_floats(k, 1, 73);
			float *word = spread_floats(WORDS * k, 1, 74),
			      *position = spread_floats(WORDS * k, 1, 75), *norm[3], *emb[3], *in[3];
			struct trio all;
			double eps =
				k < 3 ? 1e-2
				      : 1e-12; /* a variance of nothing amplifies rounding without bound */
			if (open_trio(&all, mode & 1)) {
				for (int j = 0; j < 3; j++) {
					struct hm_device *d = all.d[j];
					void *a = copy_acts(d, x, n, n), *r = copy_acts(d, res, n, n),
					     *y = d->op->alloc(d, n * 4);
					d->op->layer_norm(d, y, a, mode & 2 ? r : NULL, g, b, eps, M, (int)k);
					norm[j] = copy_floats(d, y, n);
					d->op->layer_norm(d, r, a, r, g, b, eps, M, (int)k); /* in place */
					in[j] = copy_floats(d, r, n);
					d->op->embed(d, y, id, pos, word, position, b, g, b, eps, M, (int)k);
					emb[j] = copy_floats(d, y, n);
					d->op->free(d, a);
					d->op->free(d, r);
					d->op->free(d, y);
				}
				compare_outputs(&all, norm, n, "layer_norm");
				compare_outputs(&all, in, n, "layer_norm in place");
				compare_outputs(&all, emb, n, "embed");
				close_trio(&all);
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
			float *x = spread_floats(m * 3 * width, 2, 80), *out[3], *one[3];
			int32_t row[2] = {(int32_t)m - 1, 0};
			struct trio all;
			if (open_trio(&all, bf16)) {
				for (int j = 0; j < 3; j++) {
					struct hm_device *d = all.d[j];
					void *qkv = copy_acts(d, x, m * 3 * width, m * 3 * width),
					     *y = d->op->alloc(d, m * width * 4);
					void *z = d->op->alloc(d, 2 * width * 4);
					d->op->attention(d, y, qkv, shape[t].len, shape[t].s, shape[t].heads,
							 shape[t].dim, false);
					d->op->gather(d, z, y, row, 2, (int)width);
					out[j] = copy_floats(d, y, m * width);
					one[j] = copy_floats(d, z, 2 * width);
					assert_memory_equal(one[j], out[j] + (m - 1) * width,
							    width * sizeof(float));
					d->op->free(d, qkv);
					d->op->free(d, y);
					d->op->free(d, z);
				}
				compare_outputs(&all, out, m * width, "attention");
				compare_outputs(&all, one, 2 * width, "gather");
				close_trio(&all);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matmul),
		cmocka_unit_test(layer_norm_and_embedding),
		cmocka_unit_test(attention),
		cmocka_unit_test(attention_without_overflow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
