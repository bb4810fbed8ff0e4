/* What the networks have to compute and to move at the least, counted from shapes, for bench_device.c:
 * floating point operations; bytes, each layer's inputs and outputs once. act: bytes of an activation. */
#ifndef BENCH_COST_H
#define BENCH_COST_H

#include "nn/bert.h"
#include "nn/resnetparts.h"

struct cost {
	double flop, bytes, items, tokens;
};

/* How a network runs: for its features; in train mode, but not trained; trained. */
enum cost_mode { INFER, FROZEN, TRAINED };

/* A product of m rows, forward; backward twice as much, or once without the gradient of x. */
static inline void cost_product(struct cost *t, double times, double act, double m, double n, double k)
{
	t->flop += times * 2 * m * n * k;
	t->bytes += times * (act * m * (n + k) + 4 * n * k);
}

static inline void cost_conv(struct cost *t, const struct hm_conv *c, double act, double i, int *side,
			     enum cost_mode mode, bool first)
{
	double in = i * *side * *side * c->cin, out;
	*side = hm_conv_out(*side, c->kernel, c->stride, c->pad);
	out = i * *side * *side * c->cout;
	double times = mode == TRAINED ? (first ? 2 : 3) : 1;
	t->flop += times * 2 * out * c->cin * c->kernel * c->kernel;
	t->bytes +=
		times * act * (in + out) + (mode ? 2 * act * out : 0) + (mode == TRAINED ? 3 * act * out : 0);
}

/* i images of side x side. */
static inline void cost_resnet(struct cost *t, const struct hm_resnet *m, enum cost_mode mode, double act,
			       double i, int side)
{
	cost_conv(t, &m->stem.conv, act, i, &side, mode, true);
	side = hm_conv_out(side, 3, 2, 1);
	for (int j = 0; j < m->n_blocks; j++) {
		int in = side;
		for (int k = 0; k < m->block[j].n; k++)
			cost_conv(t, &m->block[j].conv[k].conv, act, i, &side, mode, false);
		if (m->block[j].down.conv.cout)
			cost_conv(t, &m->block[j].down.conv, act, i, &in, mode, false);
	}
}

/* n sequences of m rows together, the squares of their lengths q together. The last layer's rows past the
 * first of each end with its attention. */
static inline void cost_bert(struct cost *t, const struct hm_bert_config *c, enum cost_mode mode, double act,
			     double n, double m, double q, bool pooler)
{
	double h = c->hidden, f = c->intermediate, times = mode == TRAINED ? 3 : 1;
	for (int i = 0; i < c->layers; i++) {
		double r = i < c->layers - 1 ? m : n;
		cost_product(t, times, act, m, 3 * h, h);
		t->flop += times * 4 * q * h;
		t->bytes += times * act * m * 4 * h;
		cost_product(t, times, act, r, h, h);
		cost_product(t, times, act, r, f, h);
		cost_product(t, times, act, r, h, f);
		t->bytes += times * act * r * (6 * h + (mode ? 2 * f : 0));
	}
	t->bytes += times * m * h * (8 + act);
	if (pooler)
		cost_product(t, times, act, n, h, h);
	t->tokens += m;
}

/* Gradients zeroed; parameters, gradients and two moments read, all but gradients written. */
static inline void cost_adam(struct cost *t, const struct hm_params *p)
{
	t->bytes += 32.0 * (double)p->count;
}

#endif
