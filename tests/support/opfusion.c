/* This file has the cases of the operations that join the two sides of a head: see opcase.h. Gradients of
 * their inputs are set, not added to: OP_SIDE. */
#include "opcase.h"

/* ---- m k; in: x; state: norm. OP_SECOND: a row of zeros, a row below the
 * shortest length, others whose squares overflow in f32. */

static void norm_shape(struct op_run *r)
{
	r->in[0] = r->y = op_side(r->c->n[0], r->c->n[1]);
	r->state[0] = op_floats(1, r->c->n[0]);
}

static void norm_forward(struct op_run *r)
{
	const int *n = r->c->n;
	size_t count = op_count(&r->in[0]);
	if (op_has(r, OP_SECOND)) {
		for (size_t j = 0; j < count; j++)
			r->in[0].host[j] *= j < (size_t)n[1] ? 0 : j < 2 * (size_t)n[1] ? 0x1p-70f : 0x1p70f;
		r->d->op->upload(r->d, r->in[0].dev, r->in[0].host, count * sizeof(float));
	}
	if (r->way)
		r->y.dev = r->in[0].dev;
	r->d->op->row_norm(r->d, r->y.dev, r->state[0].dev, r->in[0].dev, n[0], n[1]);
}

static void norm_backward(struct op_run *r)
{
	if (r->way)
		r->grad[0].dev = r->dy.dev;
	r->d->op->row_norm_backward(r->d, r->grad[0].dev, r->dy.dev, r->y.dev, r->state[0].dev, r->c->n[0],
				    r->c->n[1]);
}

static const struct op_kind norm = {"row_norm", norm_shape, norm_forward, norm_backward, 2, 2, 0, 1};

/* ---- n; in: a, b, c (OP_SECOND). The gradient of c is dy. */

static void mul_add_shape(struct op_run *r)
{
	r->in[0] = r->in[1] = r->y = op_side(1, r->c->n[0]);
	if (op_has(r, OP_SECOND))
		r->in[2] = r->y;
}

static void mul_add_forward(struct op_run *r)
{
	if (r->way)
		r->y.dev = r->in[r->way - 1].dev;
	r->d->op->mul_add(r->d, r->y.dev, r->in[0].dev, r->in[1].dev, r->in[2].dev, (size_t)r->c->n[0]);
}

static void mul_add_backward(struct op_run *r)
{
	size_t n = (size_t)r->c->n[0];
	if (r->in[2].form)
		r->d->op->copy(r->d, r->grad[2].dev, r->dy.dev, n * sizeof(float));
	r->d->op->mul_add(r->d, r->grad[0].dev, r->dy.dev, r->in[1].dev, NULL, n);
	if (r->way)
		r->grad[1].dev = r->dy.dev;
	r->d->op->mul_add(r->d, r->grad[1].dev, r->dy.dev, r->in[0].dev, NULL, n);
}

static const struct op_kind mul_add = {"mul_add", mul_add_shape, mul_add_forward, mul_add_backward, 3, 2, 0,
				       1};

/* ---- m k; in: a, b */

static void outer_shape(struct op_run *r)
{
	r->in[0] = r->in[1] = op_side(r->c->n[0], r->c->n[1]);
	r->y = op_side(r->c->n[0], r->c->n[1] * r->c->n[1]);
}

static void outer_forward(struct op_run *r)
{
	r->d->op->outer(r->d, r->y.dev, r->in[0].dev, r->in[1].dev, r->c->n[0], r->c->n[1]);
}

static void outer_backward(struct op_run *r)
{
	r->d->op->outer_backward(r->d, r->grad[0].dev, r->grad[1].dev, r->dy.dev, r->in[0].dev, r->in[1].dev,
				 r->c->n[0], r->c->n[1]);
}

static const struct op_kind outer = {"outer", outer_shape, outer_forward, outer_backward, 1, 1, 3, 1};

/* ---- n; in: x. OP_RELU, OP_DROP */

static void relu_shape(struct op_run *r)
{
	r->in[0] = r->y = op_side(1, r->c->n[0]);
}

static void relu_forward(struct op_run *r)
{
	if (r->way)
		r->y.dev = r->in[0].dev;
	r->d->op->relu_drop(r->d, r->y.dev, r->in[0].dev, op_has(r, OP_RELU), op_drop(r), (size_t)r->c->n[0]);
}

static void relu_backward(struct op_run *r)
{
	size_t n = (size_t)r->c->n[0];
	if (r->way)
		r->grad[0].dev = r->dy.dev;
	if (op_has(r, OP_RELU))
		r->d->op->relu_drop_backward(r->d, r->grad[0].dev, r->dy.dev, r->y.dev, op_drop(r), n);
	else
		r->d->op->relu_drop(r->d, r->grad[0].dev, r->dy.dev, false, op_drop(r), n);
}

static const struct op_kind relu = {"relu_drop", relu_shape, relu_forward, relu_backward, 2, 2, 0, 1, true};

const struct op_case op_fusion_cases[] = {
	{&norm, OP_NO_SLOPES, {1, 1}}, /* its slope is 0 */
	{&norm, 0, {5, 33}},
	{&norm, 0, {64, 70}},
	{&norm, 0, {3, 300}},
	{&norm, OP_SECOND | OP_NO_SLOPES, {4, 40}},
	{&mul_add, 0, {1}},
	{&mul_add, OP_SECOND, {39}},
	{&mul_add, 0, {1070}},
	{&mul_add, OP_SECOND, {2000}},
	{&outer, 0, {1, 1}},
	{&outer, 0, {7, 5}},
	{&outer, 0, {3, 33}},
	{&outer, 0, {2, 64}},
	{&relu, 0, {3}},
	{&relu, OP_RELU, {39}},
	{&relu, OP_RELU, {1070}},
	{&relu, OP_DROP, {70}},
	{&relu, OP_RELU | OP_DROP, {301}},
	{&relu, OP_RELU | OP_DROP | OP_PART, {1070}},
	{&relu, OP_DROP | OP_PART | OP_STRADDLE, {301}},
	{0},
};
