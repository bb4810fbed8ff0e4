/* This file has the cases of image operations: see opcase.h. Images of 3 channels are pixels: a convolution
 * reads them, nothing writes them, and they have no gradient. */
#include "opcase.h"

#include <stdlib.h>

/* ---- i h w cin cout kernel stride pad */

static struct hm_conv conv_of(const struct op_run *r)
{
	const int *n = r->c->n;
	return (struct hm_conv){n[3], n[4], n[5], n[6], n[7], false, false};
}

static void conv_shape(struct op_run *r)
{
	const int *n = r->c->n;
	r->in[0] = op_images(n[0], n[1], n[2], n[3]);
	r->in[1] = op_floats(n[4], n[3] * n[5] * n[5]);
	r->y = op_images(n[0], hm_conv_out(n[1], n[5], n[6], n[7]), hm_conv_out(n[2], n[5], n[6], n[7]),
			 n[4]);
	r->fixed = n[3] == 3;
}

static void conv_forward(struct op_run *r)
{
	struct hm_conv c = conv_of(r);
	const int *n = r->c->n;
	r->d->op->conv_forward(r->d, r->y.dev, r->in[0].dev, r->in[1].dev, &c, n[0], n[1], n[2]);
}

static void conv_backward(struct op_run *r)
{
	struct hm_conv c = conv_of(r);
	const int *n = r->c->n;
	if (r->fixed)
		r->grad[0].dev = NULL;
	r->d->op->conv_backward(r->d, r->grad[0].dev, r->grad[1].dev, r->dy.dev, r->in[0].dev, r->in[1].dev,
				&c, n[0], n[1], n[2]);
}

static const struct op_kind conv = {"conv", conv_shape, conv_forward, conv_backward, 1, 1, 3, 1};

/* ---- i h w cin cout kernel stride pad residual; in: x, w, b */

static void infer_shape(struct op_run *r)
{
	conv_shape(r);
	if (op_has(r, OP_SECOND))
		r->in[2] = op_floats(1, r->c->n[4]);
}

static void infer_forward(struct op_run *r)
{
	struct hm_conv c = conv_of(r);
	const int *n = r->c->n;
	c.relu = op_has(r, OP_RELU);
	c.residual = n[8];
	struct hm_weight *w = r->d->op->conv_pack(r->d, &c, r->in[1].host, r->in[2].host);
	if (w)
		r->d->op->conv(r->d, r->y.dev, r->in[0].dev, w, n[0], n[1], n[2]);
	r->d->op->weight_free(r->d, w);
}

static const struct op_kind infer = {"conv_pack", infer_shape, infer_forward, NULL, 1, 0, 0, 2};

/* ---- i h w; in: table. Only a convolution can read pixels: one whose outputs are the three channels. */

static void pixels_shape(struct op_run *r)
{
	const int *n = r->c->n;
	r->in[0] = op_floats(3, 256);
	r->y = op_images(n[0], n[1], n[2], 3 + 1);
}

static void pixels_forward(struct op_run *r)
{
	static const float w[4][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {0, 0, 0}};
	static const struct hm_conv c = {3, 4, 1, 1, 0, false, false};
	const struct hm_ops *op = r->d->op;
	const int *n = r->c->n;
	size_t count = (size_t)n[0] * 3 * (size_t)(n[1] * n[2]);
	uint8_t *px = malloc(count), *from = op->alloc(r->d, count);
	void *x = op->alloc(r->d, op->image_bytes(r->d, n[0], n[1], n[2], 3));
	struct hm_weight *wt = op->conv_pack(r->d, &c, w[0], NULL);
	for (size_t j = 0; j < count; j++)
		px[j] = (uint8_t)(j * 37 + j / 11);
	op->upload(r->d, from, px, count);
	op->normalise(r->d, x, from, r->in[0].dev, n[0], n[1], n[2]);
	if (wt)
		op->conv(r->d, r->y.dev, x, wt, n[0], n[1], n[2]);
	op->weight_free(r->d, wt);
	op->free(r->d, from);
	op->free(r->d, x);
	free(px);
}

static const struct op_kind pixels = {"normalise", pixels_shape, pixels_forward, NULL, 1, 0, 0, 1, true};

/* ---- i h w side; in: table */

static void patches_shape(struct op_run *r)
{
	const int *n = r->c->n;
	r->in[0] = op_floats(3, 256);
	r->y = op_act(n[0] * (n[1] / n[3]) * (n[2] / n[3]), 3 * n[3] * n[3]);
}

static void patches_forward(struct op_run *r)
{
	const struct hm_ops *op = r->d->op;
	const int *n = r->c->n;
	size_t count = (size_t)n[0] * 3 * (size_t)(n[1] * n[2]);
	uint8_t *px = malloc(count), *from = op->alloc(r->d, count);
	for (size_t j = 0; j < count; j++)
		px[j] = (uint8_t)(j * 37 + j / 11);
	op->upload(r->d, from, px, count);
	op->patches(r->d, r->y.dev, from, r->in[0].dev, n[0], n[1], n[2], n[3]);
	op->free(r->d, from);
	free(px);
}

static const struct op_kind patches = {"patches", patches_shape, patches_forward, NULL, 1, 0, 0, 1, true};

/* ---- i h w c; in: x, residual, gamma, beta; state: mean, var, save */

static struct hm_bn bn_of(const struct op_run *r)
{
	return (struct hm_bn){op_has(r, OP_EVAL)     ? HM_BN_EVAL
			      : op_has(r, OP_FROZEN) ? HM_BN_TRAIN_FROZEN
						     : HM_BN_TRAIN,
			      1e-5, .1, op_has(r, OP_RELU)};
}

static void bn_shape(struct op_run *r)
{
	const int *n = r->c->n;
	r->in[0] = r->y = op_images(n[0], n[1], n[2], n[3]);
	if (op_has(r, OP_SECOND))
		r->in[1] = r->in[0];
	r->in[2] = r->in[3] = r->state[0] = r->state[1] = op_floats(1, n[3]);
	r->state[2] = op_floats(2, n[3]);
	r->fixed = op_has(r, OP_FROZEN) ? 4 | 8 : 0;
}

static void bn_forward(struct op_run *r)
{
	struct hm_bn b = bn_of(r);
	const int *n = r->c->n;
	if (r->way == 1 && r->in[1].dev)
		r->y.dev = r->in[1].dev;
	r->d->op->batch_norm(r->d, r->y.dev, r->in[0].dev, r->in[1].dev, r->in[2].dev, r->in[3].dev,
			     r->state[0].dev, r->state[1].dev, r->state[2].dev, &b, n[0], n[1], n[2], n[3]);
}

static void bn_backward(struct op_run *r)
{
	struct hm_bn b = bn_of(r);
	const int *n = r->c->n;
	void *dy2 = r->dy2.dev;
	if (r->way == 1 || r->way == 2)
		r->grad[1].dev = r->in[1].dev ? r->dy.dev : NULL;
	if (r->way == 1)
		r->grad[0].dev = r->in[0].dev;
	if (r->way == 2 && dy2)
		r->grad[0].dev = dy2;
	if (r->way == 3)
		r->grad[0].dev = r->dy.dev;
	if (r->way == 3 && dy2 && r->in[1].dev)
		r->grad[1].dev = dy2;
	r->d->op->batch_norm_backward(r->d, r->grad[0].dev, r->grad[1].dev, r->grad[2].dev, r->grad[3].dev,
				      r->dy.dev, dy2, b.relu ? r->y.dev : NULL, r->in[0].dev, r->in[2].dev,
				      r->state[2].dev, &b, n[0], n[1], n[2], n[3]);
}

static const struct op_kind bn = {"batch_norm", bn_shape, bn_forward, bn_backward, 2, 4, 15, 2};

/* ---- i h w c */

static void max_shape(struct op_run *r)
{
	const int *n = r->c->n;
	r->in[0] = op_images(n[0], n[1], n[2], n[3]);
	r->y = op_images(n[0], hm_conv_out(n[1], 3, 2, 1), hm_conv_out(n[2], 3, 2, 1), n[3]);
}

static void max_forward(struct op_run *r)
{
	const int *n = r->c->n;
	r->d->op->max_pool(r->d, r->y.dev, r->in[0].dev, n[0], n[1], n[2], n[3]);
}

static void max_backward(struct op_run *r)
{
	const int *n = r->c->n;
	r->d->op->max_pool_backward(r->d, r->grad[0].dev, r->dy.dev, r->dy2.dev, r->in[0].dev, n[0], n[1],
				    n[2], n[3]);
}

static const struct op_kind max = {"max_pool", max_shape, max_forward, max_backward, 1, 1, 0, 1};

static void avg_shape(struct op_run *r)
{
	const int *n = r->c->n;
	r->in[0] = op_images(n[0], n[1], n[2], n[3]);
	r->y = op_floats(n[0], n[3]);
}

static void avg_forward(struct op_run *r)
{
	const int *n = r->c->n;
	r->d->op->avg_pool(r->d, r->y.dev, r->in[0].dev, n[0], n[1], n[2], n[3]);
}

static void avg_backward(struct op_run *r)
{
	const int *n = r->c->n;
	r->d->op->avg_pool_backward(r->d, r->grad[0].dev, r->dy.dev, n[0], n[1], n[2], n[3]);
}

static const struct op_kind avg = {"avg_pool", avg_shape, avg_forward, avg_backward, 1, 1, 0, 1};

const struct op_case op_image_cases[] = {
	{&conv, 0, {2, 7, 6, 2, 4, 3, 1, 1}},
	{&conv, 0, {1, 7, 5, 5, 4, 3, 2, 1}},
	{&conv, 0, {2, 6, 5, 4, 2, 1, 2, 0}},
	{&conv, 0, {1, 3, 2, 4, 5, 1, 1, 0}},
	{&conv, 0, {1, 11, 9, 3, 2, 7, 2, 3}},
	{&conv, 0, {1, 4, 5, 2, 2, 7, 2, 3}},
	{&conv, OP_NO_SLOPES, {2, 19, 21, 3, 17, 7, 2, 3}},
	{&conv, OP_NO_SLOPES, {1, 32, 32, 3, 16, 7, 2, 3}},
	{&conv, OP_NO_SLOPES, {2, 9, 10, 16, 32, 3, 1, 1}},
	{&conv, OP_NO_SLOPES, {3, 9, 7, 17, 24, 3, 2, 1}},
	{&conv, OP_NO_SLOPES, {1, 5, 5, 40, 33, 1, 2, 0}},
	{&conv, OP_NO_SLOPES, {2, 3, 3, 64, 48, 1, 1, 0}},
	{&conv, OP_NO_SLOPES, {3, 12, 10, 24, 29, 1, 2, 0}},
	{&conv, OP_NO_SLOPES, {3, 12, 10, 24, 29, 1, 1, 0}},
	{&conv, OP_NO_SLOPES, {1, 1, 1, 32, 16, 3, 1, 1}},
	{&infer, OP_NO_SLOPES | OP_SECOND | OP_RELU, {2, 19, 13, 3, 16, 7, 2, 3}},
	{&infer, OP_NO_SLOPES | OP_SECOND, {1, 16, 16, 3, 5, 7, 2, 3}},
	{&infer, OP_NO_SLOPES, {2, 9, 7, 16, 8, 3, 1, 1}},
	{&infer, OP_NO_SLOPES | OP_SECOND | OP_RELU, {3, 9, 7, 16, 24, 3, 1, 1, 1}},
	{&infer, OP_NO_SLOPES | OP_SECOND, {2, 9, 7, 16, 24, 3, 2, 1, 1}},
	{&infer, OP_NO_SLOPES | OP_RELU, {2, 7, 5, 5, 7, 3, 1, 1, 1}},
	{&infer, OP_NO_SLOPES | OP_SECOND, {2, 7, 5, 17, 9, 3, 2, 1}},
	{&infer, OP_NO_SLOPES | OP_SECOND | OP_RELU, {3, 4, 5, 16, 40, 1, 1, 0, 1}},
	{&infer, OP_NO_SLOPES | OP_SECOND, {2, 4, 5, 5, 6, 1, 1, 0}},
	{&infer, OP_NO_SLOPES, {2, 7, 8, 24, 16, 1, 2, 0}},
	{&infer, OP_NO_SLOPES, {1, 1, 1, 32, 8, 3, 1, 1}},
	{&pixels, OP_NO_SLOPES, {2, 5, 4}},
	{&pixels, OP_NO_SLOPES, {3, 7, 3}},
	{&pixels, OP_NO_SLOPES, {1, 1, 1}},
	{&patches, OP_NO_SLOPES, {2, 6, 4, 2}},
	{&patches, OP_NO_SLOPES, {3, 7, 11, 3}},
	{&patches, OP_NO_SLOPES, {1, 14, 14, 14}},
	{&bn, 0, {2, 3, 2, 4}},
	{&bn, OP_SECOND | OP_RELU | OP_DY2, {3, 2, 2, 2}},
	{&bn, OP_FROZEN | OP_SECOND, {1, 3, 3, 2}},
	{&bn, OP_FROZEN | OP_RELU, {2, 3, 3, 2}},
	{&bn, OP_EVAL | OP_SECOND | OP_RELU, {2, 3, 2, 5}},
	{&bn, OP_EVAL | OP_DY2, {1, 1, 1, 4}},
	{&bn, 0, {7, 1, 1, 4}},
	{&bn, OP_NO_SLOPES, {2, 1, 1, 6}},
	{&bn, OP_NO_SLOPES | OP_SECOND | OP_RELU | OP_DY2, {3, 13, 11, 17}},
	{&bn, OP_NO_SLOPES | OP_FROZEN | OP_RELU, {2, 20, 21, 64}},
	{&bn, OP_NO_SLOPES | OP_EVAL | OP_SECOND | OP_RELU | OP_DY2, {2, 7, 7, 33}},
	{&bn, OP_NO_SLOPES, {4, 28, 28, 16}},
	{&max, OP_DISTINCT, {2, 5, 6, 2}},
	{&max, OP_DISTINCT | OP_DY2, {1, 4, 7, 4}},
	{&max, OP_NO_SLOPES | OP_STEPS, {2, 9, 12, 17}},
	{&max, OP_NO_SLOPES | OP_STEPS | OP_DY2, {2, 16, 15, 32}},
	{&max, OP_NO_SLOPES | OP_DY2, {1, 1, 1, 5}},
	{&max, OP_NO_SLOPES, {3, 2, 1, 16}},
	{&avg, 0, {2, 3, 2, 5}},
	{&avg, OP_NO_SLOPES, {2, 7, 7, 33}},
	{&avg, OP_NO_SLOPES, {3, 1, 1, 64}},
	{0},
};
