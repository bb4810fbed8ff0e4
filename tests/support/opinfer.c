/* This file has the cases of inference operations on packed sequences: see opcase.h. */
#include "opcase.h"

#include <stdlib.h>

enum { MOST = 128 };

/* ---- m n k activation f32; in: x, w, b */

static void matmul_shape(struct op_run *r)
{
	const int *n = r->c->n;
	r->in[0] = op_act(n[0], n[2]);
	r->in[1] = op_floats(n[1], n[2]);
	if (op_has(r, OP_SECOND))
		r->in[2] = op_floats(1, n[1]);
	r->y = n[4] ? op_floats(n[0], n[1]) : op_act(n[0], n[1]);
}

/* Small weights, so that results lie where the activations are not linear. Floats have no room for
 * rows_round rows. */
static void matmul_forward(struct op_run *r)
{
	const int *n = r->c->n;
	const struct hm_ops *op = r->d->op;
	struct hm_linear l = {n[1], n[2], (enum hm_act)n[3], n[4]};
	size_t rows = (size_t)op->rows_round(r->d, n[0]), count = op_count(&r->in[1]);
	float *w = malloc(count * sizeof *w);
	for (size_t j = 0; j < count; j++)
		w[j] = r->in[1].host[j] / 8;
	struct hm_weight *wt = op->linear_pack(r->d, &l, w, r->in[2].host);
	void *y = n[4] ? op->alloc(r->d, rows * (size_t)n[1] * sizeof(float)) : r->y.dev;
	op->matmul(r->d, y, r->in[0].dev, wt, n[0]);
	if (n[4]) {
		op->copy(r->d, r->y.dev, y, op_count(&r->y) * sizeof(float));
		op->free(r->d, y);
	}
	op->weight_free(r->d, wt);
	free(w);
}

static const struct op_kind matmul = {"matmul", matmul_shape, matmul_forward, NULL, 1, 0, 0, 3, false};

/* ---- count */

static void widen_shape(struct op_run *r)
{
	r->in[0] = op_act(1, r->c->n[0]);
	r->y = op_floats(1, r->c->n[0]);
}

static void widen_forward(struct op_run *r)
{
	r->d->op->widen(r->d, r->y.dev, r->in[0].dev, (size_t)r->c->n[0]);
}

static const struct op_kind widen = {"widen", widen_shape, widen_forward, NULL, 1, 0, 0, 0, true};

static void narrow_shape(struct op_run *r)
{
	r->in[0] = op_floats(1, r->c->n[0]);
	r->y = op_act(1, r->c->n[0]);
}

static void narrow_forward(struct op_run *r)
{
	r->d->op->narrow(r->d, r->y.dev, r->in[0].dev, (size_t)r->c->n[0]);
}

static const struct op_kind narrow = {"narrow", narrow_shape, narrow_forward, NULL, 1, 0, 0, 0, true};

/* ---- m k words positions; in: words, positions, gamma, beta; state: type0 */

static void embed_shape(struct op_run *r)
{
	const int *n = r->c->n;
	r->in[0] = op_floats(n[2], n[1]);
	r->in[1] = op_floats(n[3], n[1]);
	r->in[2] = r->in[3] = r->state[0] = op_floats(1, n[1]);
	r->y = op_act(n[0], n[1]);
}

static void embed_forward(struct op_run *r)
{
	int32_t id[MOST], pos[MOST];
	const int *n = r->c->n;
	for (int j = 0; j < n[0]; j++) {
		id[j] = (5 * j + 2) % n[2];
		pos[j] = j % n[3];
	}
	r->d->op->embed(r->d, r->y.dev, op_ints(r, 0, id, n[0]), op_ints(r, 1, pos, n[0]), r->in[0].dev,
			r->in[1].dev, r->state[0].dev, r->in[2].dev, r->in[3].dev, 1e-5, n[0], n[1]);
}

static const struct op_kind embed = {"embed", embed_shape, embed_forward, NULL, 1, 0, 0, 1, false};

/* ---- m k; in: x, residual, gamma, beta */

static void norm_shape(struct op_run *r)
{
	const int *n = r->c->n;
	r->in[0] = r->y = op_act(n[0], n[1]);
	if (op_has(r, OP_SECOND))
		r->in[1] = r->in[0];
	r->in[2] = r->in[3] = op_floats(1, n[1]);
}

static void norm_forward(struct op_run *r)
{
	if (r->way == 1)
		r->y.dev = r->in[0].dev;
	if (r->way == 2 && r->in[1].dev)
		r->y.dev = r->in[1].dev;
	r->d->op->layer_norm(r->d, r->y.dev, r->in[0].dev, r->in[1].dev, r->in[2].dev, r->in[3].dev, 1e-5,
			     r->c->n[0], r->c->n[1]);
}

static const struct op_kind norm = {"layer_norm", norm_shape, norm_forward, NULL, 3, 0, 0, 1, false};

/* ---- as attention, without dropout */

static void attend_forward(struct op_run *r)
{
	const int *n = r->c->n;
	int m, s = op_sequences(r, &m);
	r->d->op->attention(r->d, r->y.dev, r->in[0].dev, op_ints(r, 0, n + 2, s), s, n[0], n[1],
			    op_has(r, OP_CAUSAL));
}

static const struct op_kind attend = {"attend", op_attention_shape, attend_forward, NULL, 1, 0, 0, 1, false};

const struct op_case op_infer_cases[] = {
	{&matmul, OP_SECOND, {5, 3, 7, HM_ACT_NONE, 0}},
	{&matmul, 0, {1, 1, 1, HM_ACT_NONE, 1}},
	{&matmul, 0, {33, 17, 24, HM_ACT_RELU, 0}},
	{&matmul, OP_SECOND, {64, 40, 33, HM_ACT_RELU, 1}},
	{&matmul, OP_SECOND, {37, 48, 64, HM_ACT_GELU, 0}},
	{&matmul, 0, {20, 18, 40, HM_ACT_GELU, 1}},
	{&matmul, OP_SECOND, {37, 48, 64, HM_ACT_QUICK_GELU, 0}},
	{&matmul, 0, {20, 18, 40, HM_ACT_QUICK_GELU, 1}},
	{&matmul, OP_SECOND, {65, 32, 72, HM_ACT_TANH, 0}},
	{&matmul, OP_SECOND, {3, 96, 128, HM_ACT_TANH, 1}},
	{&matmul, OP_SECOND, {600, 24, 16, HM_ACT_GELU, 0}},
	{&matmul, 0, {300, 40, 24, HM_ACT_NONE, 1}},
	{&widen, 0, {1}},
	{&widen, 0, {1003}},
	{&narrow, 0, {7}},
	{&narrow, 0, {1001}},
	{&embed, 0, {9, 7, 5, 4}},
	{&embed, 0, {33, 48, 30, 9}},
	{&embed, 0, {5, 768, 11, 7}},
	{&norm, 0, {5, 9}},
	{&norm, OP_SECOND, {17, 40}},
	{&norm, OP_SECOND, {9, 33}},
	{&norm, 0, {33, 128}},
	{&norm, OP_SECOND, {3, 1024}},
	{&norm, OP_SECOND, {3, 1040}},
	{&attend, 0, {1, 1, 1}},
	{&attend, 0, {3, 4, 5, 1, 17}},
	{&attend, 0, {2, 64, 14, 1, 33, 16}},
	{&attend, 0, {1, 18, 70, 3}},
	{&attend, 0, {1, 8, 130, 2, 64}},
	{&attend, 0, {1, 72, 9, 33}},
	{&attend, 0, {2, 80, 33, 5}},
	{&attend, 0, {1, 88, 17}},
	{&attend, 0, {1, 104, 9, 33}},
	{&attend, 0, {1, 130, 34}},
	{&attend, OP_CAUSAL, {3, 4, 5, 1, 17}},
	{&attend, OP_CAUSAL, {2, 64, 14, 1, 33, 77}},
	{&attend, OP_CAUSAL, {1, 72, 9, 130}},
	{0},
};
