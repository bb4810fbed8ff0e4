/* This file has the cases of training operations on packed sequences: see opcase.h. */
#include "opcase.h"

/* ---- m n k; in: x, w, b */

static void dense_shape(struct op_run *r)
{
	const int *n = r->c->n;
	r->in[0] = op_act(n[0], n[2]);
	r->in[1] = op_floats(n[1], n[2]);
	if (op_has(r, OP_SECOND))
		r->in[2] = op_floats(1, n[1]);
	r->y = op_act(n[0], n[1]);
}

static void dense_forward(struct op_run *r)
{
	const int *n = r->c->n;
	r->d->op->dense_forward(r->d, r->y.dev, r->in[0].dev, r->in[1].dev, r->in[2].dev, n[0], n[1], n[2]);
}

static void dense_backward(struct op_run *r)
{
	const int *n = r->c->n;
	r->d->op->dense_backward(r->d, r->grad[0].dev, r->grad[1].dev, r->grad[2].dev, r->dy.dev,
				 r->in[0].dev, r->in[1].dev, n[0], n[1], n[2]);
}

static const struct op_kind dense = {"dense", dense_shape, dense_forward, dense_backward, 1, 1,
				     7,	      1,	   .bias = true};

/* ---- count */

static void line_shape(struct op_run *r)
{
	r->in[0] = r->y = op_act(1, r->c->n[0]);
}

static void activate_forward(struct op_run *r)
{
	r->d->op->activate(r->d, r->y.dev, r->in[0].dev, (size_t)r->c->n[0], (enum hm_act)r->c->n[1]);
}

/* The way of all: the gradient takes dy's place. */
static void *in_place(struct op_run *r)
{
	if (r->way)
		r->grad[0].dev = r->dy.dev;
	return r->grad[0].dev;
}

static void activate_backward(struct op_run *r)
{
	r->d->op->activate_backward(r->d, in_place(r), r->dy.dev, r->in[0].dev, (size_t)r->c->n[0],
				    (enum hm_act)r->c->n[1]);
}

static const struct op_kind activate = {"activate", line_shape, activate_forward, activate_backward, 1, 2,
					0,	    1};

static void *over_input(struct op_run *r)
{
	if (r->way)
		r->y.dev = r->in[0].dev;
	return r->y.dev;
}

static void tanh_forward(struct op_run *r)
{
	r->d->op->tanh(r->d, over_input(r), r->in[0].dev, (size_t)r->c->n[0]);
}

static void tanh_backward(struct op_run *r)
{
	r->d->op->tanh_backward(r->d, in_place(r), r->dy.dev, r->y.dev, (size_t)r->c->n[0]);
}

static const struct op_kind tanh_ = {"tanh", line_shape, tanh_forward, tanh_backward, 2, 2, 0, 1};

static void drop_forward(struct op_run *r)
{
	r->d->op->dropout(r->d, over_input(r), r->in[0].dev, op_drop(r), (size_t)r->c->n[0]);
}

static void drop_backward(struct op_run *r)
{
	r->d->op->dropout(r->d, in_place(r), r->dy.dev, op_drop(r), (size_t)r->c->n[0]);
}

static const struct op_kind drop = {"dropout", line_shape, drop_forward, drop_backward, 2, 2, 0, 1};

/* ---- m k; in: x, residual, gamma, beta; state: stats, skip */

static void norm_shape(struct op_run *r)
{
	const int *n = r->c->n;
	r->in[0] = r->y = op_act(n[0], n[1]);
	if (op_has(r, OP_SECOND))
		r->in[1] = r->in[0];
	r->in[2] = r->in[3] = op_floats(1, n[1]);
	r->state[0] = op_floats(n[0], 2);
	if (op_has(r, OP_SKIP))
		r->state[1] = r->in[0];
}

static void norm_forward(struct op_run *r)
{
	r->d->op->add_norm(r->d, r->y.dev, r->state[0].dev, r->in[0].dev, r->in[1].dev, r->in[2].dev,
			   r->in[3].dev, 1e-5, op_drop(r), r->c->n[0], r->c->n[1]);
}

/* ds is the residual's gradient; without dropout it is x's as well. */
static void norm_backward(struct op_run *r)
{
	const int *n = r->c->n;
	struct op_value *ds = op_drop(r) ? &r->grad[1] : &r->grad[0];
	if (!ds->form) /* dropout, no residual: somewhere to put it */
		ds->dev = r->dy.dev;
	if (r->way == 1)
		ds->dev = r->dy.dev;
	if (r->way == 2 && r->dy2.dev)
		ds->dev = r->dy2.dev;
	if (r->way == 3 && r->state[1].dev)
		ds->dev = r->state[1].dev;
	r->d->op->add_norm_backward(r->d, ds->dev, op_drop(r) ? r->grad[0].dev : NULL, r->grad[2].dev,
				    r->grad[3].dev, r->dy.dev, r->dy2.dev, r->state[1].dev, r->in[0].dev,
				    r->state[0].dev, r->in[2].dev, op_drop(r), n[0], n[1]);
	if (!op_drop(r) && r->grad[1].dev)
		r->grad[1].dev = ds->dev;
}

static const struct op_kind norm = {"add_norm", norm_shape, norm_forward, norm_backward, 1, 4, 12, 2};

/* ---- heads dim, then lengths up to a 0 */

int op_sequences(const struct op_run *r, int *rows)
{
	int s = 0;
	*rows = 0;
	while (2 + s < 9 && r->c->n[2 + s])
		*rows += r->c->n[2 + s++];
	return s;
}

void op_attention_shape(struct op_run *r)
{
	int m, width = r->c->n[0] * r->c->n[1];
	op_sequences(r, &m);
	r->drop.longest = op_has(r, OP_PART) ? 50 : 0;
	r->in[0] = op_act(m, 3 * width);
	r->y = op_act(m, width);
}

static void attention_forward(struct op_run *r)
{
	const int *n = r->c->n;
	int m, s = op_sequences(r, &m);
	r->d->op->attention_forward(r->d, r->y.dev, r->in[0].dev, op_ints(r, 0, n + 2, s), s, n[0], n[1],
				    op_has(r, OP_CAUSAL), op_drop(r));
}

static void attention_backward(struct op_run *r)
{
	const int *n = r->c->n;
	int m, s = op_sequences(r, &m);
	r->d->op->attention_backward(r->d, r->grad[0].dev, r->dy.dev, r->y.dev, r->in[0].dev,
				     op_ints(r, 0, n + 2, s), s, n[0], n[1], op_has(r, OP_CAUSAL),
				     op_drop(r));
}

static const struct op_kind attention = {
	"attention", op_attention_shape, attention_forward, attention_backward, 1, 1, 0, 4};

/* ---- m k, rows of the table, rows of y, skip; at NULL when y has m rows, row NULL when the table has one */

enum { MOST = 512 };

static const int32_t *at_of(struct op_run *r)
{
	int32_t at[MOST];
	const int *n = r->c->n;
	if (n[3] == n[0])
		return NULL;
	for (int j = 0; j < n[0]; j++)
		at[j] = (7 * j + 3) % n[3];
	return op_ints(r, 0, at, n[0]);
}

static const int32_t *row_of(struct op_run *r)
{
	int32_t row[MOST];
	const int *n = r->c->n;
	if (n[2] == 1)
		return NULL;
	for (int j = 0; j < n[0]; j++)
		row[j] = (j * j + j / 128 * 7) % n[2]; /* some come for the first time late */
	return op_ints(r, 1, row, n[0]);
}

static void rows_shape(struct op_run *r)
{
	const int *n = r->c->n;
	r->in[0] = op_floats(n[3], n[1]); /* what y holds before; its gradient is dy itself */
	r->in[1] = op_floats(n[2], n[1]);
	r->y = op_floats(n[3], n[1]);
	r->dy = op_act(n[3], n[1]);
	r->fixed = 1;
}

static void rows_forward(struct op_run *r)
{
	const int *n = r->c->n;
	r->d->op->copy(r->d, r->y.dev, r->in[0].dev, op_count(&r->y) * sizeof(float));
	r->d->op->add_rows(r->d, r->y.dev, at_of(r), r->in[1].dev, row_of(r), n[0], n[1]);
}

static void rows_backward(struct op_run *r)
{
	const int *n = r->c->n;
	r->d->op->add_rows_backward(r->d, r->grad[1].dev, row_of(r), r->dy.dev, at_of(r), n[4], n[0], n[1]);
}

static const struct op_kind rows = {"add_rows", rows_shape, rows_forward, rows_backward, 1, 1, 0, 1};

/* ---- s rows of m, k */

static void gather_shape(struct op_run *r)
{
	const int *n = r->c->n;
	r->in[0] = op_act(n[1], n[2]);
	r->y = op_act(n[0], n[2]);
}

static const int32_t *picked(struct op_run *r)
{
	int32_t row[MOST];
	const int *n = r->c->n;
	for (int j = 0; j < n[0]; j++)
		row[j] = n[1] - 1 - 2 * j;
	return op_ints(r, 0, row, n[0]);
}

static void gather_forward(struct op_run *r)
{
	const int *n = r->c->n;
	r->d->op->gather(r->d, r->y.dev, r->in[0].dev, picked(r), n[0], n[2]);
}

static void gather_backward(struct op_run *r)
{
	const int *n = r->c->n;
	r->d->op->gather_backward(r->d, r->grad[0].dev, r->dy.dev, picked(r), n[0], n[1], n[2]);
}

static const struct op_kind gather = {"gather", gather_shape, gather_forward, gather_backward, 1, 1, 0, 1};

const struct op_case op_text_cases[] = {
	{&dense, OP_SECOND, {5, 3, 7}},
	{&dense, 0, {1, 1, 4}},
	{&dense, OP_NO_SLOPES | OP_SECOND, {33, 40, 24}},
	{&dense, OP_NO_SLOPES, {17, 30, 100}},
	{&dense, OP_NO_SLOPES | OP_SECOND, {64, 96, 32}},
	{&dense, OP_NO_SLOPES | OP_SECOND, {1, 2, 768}},
	{&activate, 0, {99, HM_ACT_GELU}},
	{&activate, OP_NO_SLOPES, {5001, HM_ACT_GELU}},
	{&activate, 0, {99, HM_ACT_QUICK_GELU}},
	{&activate, OP_NO_SLOPES, {5001, HM_ACT_QUICK_GELU}},
	{&tanh_, 0, {99}},
	{&tanh_, OP_NO_SLOPES, {4096 + 3}},
	{&drop, OP_DROP, {99}},
	{&drop, 0, {7}},
	{&drop, OP_NO_SLOPES | OP_DROP, {10007}},
	{&drop, OP_NO_SLOPES | OP_DROP | OP_PART, {10007}},
	{&drop, OP_NO_SLOPES | OP_DROP | OP_PART | OP_STRADDLE, {531}},
	{&norm, OP_SECOND, {3, 7}},
	{&norm, OP_DY2, {4, 5}},
	{&norm, OP_DROP | OP_SECOND | OP_DY2, {5, 9}},
	{&norm, OP_DROP, {3, 18}},
	{&norm, OP_NO_SLOPES | OP_DROP | OP_SECOND, {65, 33}},
	{&norm, OP_NO_SLOPES | OP_SECOND | OP_DY2, {40, 128}},
	{&norm, OP_NO_SLOPES | OP_DROP | OP_SECOND | OP_DY2, {37, 54}},
	{&norm, OP_NO_SLOPES | OP_DROP | OP_SECOND | OP_DY2, {3, 1024}},
	{&norm, OP_NO_SLOPES | OP_DROP | OP_SECOND | OP_DY2 | OP_PART, {9, 128}},
	{&norm, OP_NO_SLOPES | OP_DROP | OP_PART | OP_STRADDLE, {5, 64}},
	{&norm, OP_NO_SLOPES | OP_DROP | OP_PART, {7, 33}},
	{&norm, OP_NO_SLOPES | OP_SECOND, {2, 1032}},
	{&norm, OP_NO_SLOPES | OP_SKIP, {5, 9}},
	{&norm, OP_NO_SLOPES | OP_SKIP | OP_DROP | OP_SECOND, {37, 64}},
	{&norm, OP_NO_SLOPES | OP_SKIP | OP_DY2, {3, 1040}},
	{&attention, 0, {2, 4, 1, 2, 7, 33}},
	{&attention, OP_DROP, {2, 4, 1, 2, 7, 33}},
	{&attention, OP_DROP, {1, 3, 5}},
	{&attention, OP_NO_SLOPES, {2, 64, 14, 1, 16, 17}},
	{&attention, OP_NO_SLOPES | OP_DROP, {3, 18, 2, 31, 5, 33}},
	{&attention, OP_NO_SLOPES | OP_DROP, {1, 20, 70, 64, 1}},
	{&attention, OP_NO_SLOPES | OP_DROP, {2, 72, 9, 33}},
	{&attention, OP_NO_SLOPES, {2, 80, 9, 33}},
	{&attention, OP_NO_SLOPES, {2, 88, 17}},
	{&attention, OP_NO_SLOPES, {1, 104, 33, 5}},
	{&attention, OP_NO_SLOPES | OP_DROP | OP_PART, {2, 18, 3, 41, 7}},
	{&attention, OP_NO_SLOPES, {1, 3, 515}},
	{&attention, OP_CAUSAL, {2, 4, 1, 2, 7, 33}},
	{&attention, OP_CAUSAL | OP_DROP, {1, 3, 5, 2}},
	{&attention, OP_NO_SLOPES | OP_CAUSAL | OP_DROP, {3, 18, 2, 31, 5, 33}},
	{&attention, OP_NO_SLOPES | OP_CAUSAL | OP_DROP, {1, 20, 70, 64, 1}},
	{&attention, OP_NO_SLOPES | OP_CAUSAL, {2, 72, 9, 70}},
	{&attention, OP_NO_SLOPES | OP_CAUSAL, {1, 88, 9, 34}},
	{&attention, OP_NO_SLOPES | OP_CAUSAL, {1, 3, 580}},
	{&rows, 0, {6, 5, 4, 11, -1}},
	{&rows, 0, {6, 3, 1, 6, -1}},
	{&rows, OP_NO_SLOPES, {40, 33, 9, 53, 4}},
	{&rows, OP_NO_SLOPES, {33, 17, 9, 33, 0}},
	{&rows, OP_NO_SLOPES, {500, 8, 2, 500, -1}},
	{&rows, OP_NO_SLOPES, {300, 40, 1, 307, -1}},
	{&rows, OP_NO_SLOPES, {290, 40, 97, 307, 1}},
	{&rows, OP_NO_SLOPES, {33000, 3, 1, 33000, -1}},
	{&gather, 0, {3, 8, 5}},
	{&gather, OP_NO_SLOPES, {5, 33, 54}},
	{0},
};
