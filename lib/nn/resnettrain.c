/* ResNet forward and backward, side by side. See resnettrain.h. */
#include "nn/resnettrain.h"
#include "nn/resnetparts.h"
#include "nn/slab.h"

#include <stdlib.h>

/* What a unit leaves: z = conv(x), y = relu?(bn(z) + shortcut), and the statistics it used. */
struct kept {
	void *z, *y; /* act [n,ho,wo,cout] */
	float *save; /* [2,cout] */
};

struct kept_block {
	struct kept conv[3], down; /* down.y is conv[last].y: the shortcut, until the sum is formed there */
};

struct hm_resnet_tape {
	struct hm_resnet *m;
	struct hm_device *d;
	bool backward;
	int n, h, w; /* of the last batch */
	enum hm_bn_mode mode;
	float *table; /* [3*256] */
	struct hm_slab slab;
	void *image;		  /* act [n,h,w,3] */
	struct kept stem;	  /* [n,112,112,64] */
	void *pooled;		  /* [n,56,56,64]: the first block's input */
	struct kept_block *block; /* [n_blocks] */
	void *grad[4];		  /* act, as large as the largest activation */
};

struct hm_resnet_tape *hm_resnet_tape_new(struct hm_resnet *m, struct hm_device *d, bool backward,
					  struct hm_err *e)
{
	struct hm_resnet_tape *t = hm_alloc(1, sizeof *t, e);
	if (!t)
		return NULL;
	*t = (struct hm_resnet_tape){.m = m, .d = d, .backward = backward, .slab = {.d = d}};
	t->block = hm_alloc((size_t)m->n_blocks, sizeof *t->block, &d->err);
	t->table = hm_pixel_table(d, &m->c.colours);
	if (!hm_device_error(d, e))
		return t;
	hm_resnet_tape_free(t);
	return NULL;
}

void hm_resnet_tape_free(struct hm_resnet_tape *t)
{
	if (!t)
		return;
	hm_slab_clear(&t->slab);
	t->d->op->free(t->d, t->table);
	free(t->block);
	free(t);
}

/* ---- memory */

/* Takes the next piece of the slab for the batch's activations of h x w with c channels. */
static void *take_images(struct hm_resnet_tape *t, int h, int w, int c)
{
	return hm_slab_take(&t->slab, t->d->op->image_bytes(t->d, t->n, h, w, c));
}

static struct kept take_unit(struct hm_resnet_tape *t, const struct hm_resnet_unit *u, int h, int w, void *y)
{
	struct kept k;
	k.z = take_images(t, h, w, u->conv.cout);
	k.y = y ? y : take_images(t, h, w, u->conv.cout);
	k.save = hm_slab_take(&t->slab, 2 * (size_t)u->conv.cout * sizeof *k.save);
	return k;
}

/* With a backward pass every activation keeps its own piece. */
static void plan_kept(struct hm_resnet_tape *t)
{
	struct hm_resnet *m = t->m;
	int h = hm_conv_out(t->h, 7, 2, 3), w = hm_conv_out(t->w, 7, 2, 3);
	size_t largest = hm_resnet_largest_bytes(&m->c, t->d, t->n, t->h, t->w);
	t->image = take_images(t, t->h, t->w, 3);
	t->stem = take_unit(t, &m->stem, h, w, NULL);
	h = hm_conv_out(h, 3, 2, 1), w = hm_conv_out(w, 3, 2, 1);
	t->pooled = take_images(t, h, w, m->c.stem);
	for (int i = 0; i < m->n_blocks; i++) {
		const struct hm_resnet_block *b = &m->block[i];
		struct kept_block *k = &t->block[i];
		for (int j = 0; j < b->n; j++) {
			const struct hm_conv *c = &b->conv[j].conv;
			h = hm_conv_out(h, c->kernel, c->stride, c->pad);
			w = hm_conv_out(w, c->kernel, c->stride, c->pad);
			k->conv[j] = take_unit(t, &b->conv[j], h, w, NULL);
		}
		if (b->down.conv.cout)
			k->down = take_unit(t, &b->down, h, w, k->conv[b->n - 1].y);
	}
	for (int j = 0; j < 4; j++)
		t->grad[j] = hm_slab_take(&t->slab, largest);
}

/* Without a backward pass four pieces serve in turn. All units share z. y alternates between three pieces, so
 * that a block's input outlives its inner activations. */
static void plan_shared(struct hm_resnet_tape *t)
{
	struct hm_resnet *m = t->m;
	size_t largest = hm_resnet_largest_bytes(&m->c, t->d, t->n, t->h, t->w);
	void *z = hm_slab_take(&t->slab, largest), *y[3];
	int in = 0;
	for (int j = 0; j < 3; j++)
		y[j] = hm_slab_take(&t->slab, largest);
	float *save = hm_slab_take(&t->slab, 2 * (size_t)HM_RESNET_MAX_WIDTH * sizeof *save);
	t->image = take_images(t, t->h, t->w, 3);
	t->stem = (struct kept){z, y[1], save};
	t->pooled = y[0];
	for (int i = 0; i < m->n_blocks; i++) {
		int a = (in + 1) % 3, b = (in + 2) % 3, last = m->block[i].n - 1;
		for (int j = 0; j < last; j++)
			t->block[i].conv[j] = (struct kept){z, y[a], save};
		t->block[i].conv[last] = t->block[i].down = (struct kept){z, y[b], save};
		in = b;
	}
}

void hm_resnet_reserve(struct hm_resnet_tape *t, int n, int h, int w)
{
	t->n = n, t->h = h, t->w = w;
	do
		(t->backward ? plan_kept : plan_shared)(t);
	while (hm_slab_again(&t->slab));
}

/* ---- forward */

/* y = relu?(bn(conv(x)) + res); *h, *w become the output's. */
static void unit_forward(struct hm_resnet_tape *t, struct hm_resnet_unit *u, struct kept *k, const void *x,
			 const void *res, bool relu, int *h, int *w)
{
	const struct hm_ops *op = t->d->op;
	const struct hm_conv *c = &u->conv;
	struct hm_bn bn = {t->mode, HM_RESNET_BN_EPS, HM_BN_MOMENTUM, relu};
	op->conv_forward(t->d, k->z, x, u->w, c, t->n, *h, *w);
	*h = hm_conv_out(*h, c->kernel, c->stride, c->pad);
	*w = hm_conv_out(*w, c->kernel, c->stride, c->pad);
	op->batch_norm(t->d, k->y, k->z, res, u->weight, u->bias, u->mean, u->var, k->save, &bn, t->n, *h, *w,
		       c->cout);
}

/* x act [n,h,w,cin] -> the last unit's y. */
static void block_forward(struct hm_resnet_tape *t, struct hm_resnet_block *b, struct kept_block *k,
			  const void *x, int *h, int *w)
{
	int h0 = *h, w0 = *w, last = b->n - 1;
	const void *in = x, *shortcut = x;
	for (int j = 0; j < last; in = k->conv[j++].y)
		unit_forward(t, &b->conv[j], &k->conv[j], in, NULL, true, h, w);
	if (b->down.conv.cout) {
		unit_forward(t, &b->down, &k->down, x, NULL, false, &h0, &w0);
		shortcut = k->down.y;
	}
	unit_forward(t, &b->conv[last], &k->conv[last], in, shortcut, true, h, w);
}

void hm_resnet_forward(struct hm_resnet_tape *t, const uint8_t *pixels, int n, int h, int w,
		       enum hm_bn_mode mode, float *pooled, float *grid)
{
	struct hm_resnet *m = t->m;
	const struct hm_ops *op = t->d->op;
	t->mode = mode;
	hm_resnet_reserve(t, n, h, w);
	if (t->d->err.code)
		return;
	op->normalise(t->d, t->image, pixels, t->table, n, h, w);	   /* [n,224,224,3] */
	unit_forward(t, &m->stem, &t->stem, t->image, NULL, true, &h, &w); /* [n,112,112,64] */
	op->max_pool(t->d, t->pooled, t->stem.y, n, h, w, m->c.stem);	   /* [n,56,56,64] */
	h = hm_conv_out(h, 3, 2, 1), w = hm_conv_out(w, 3, 2, 1);
	const void *x = t->pooled;
	for (int i = 0; i < m->n_blocks; x = t->block[i].conv[m->block[i].n - 1].y, i++)
		block_forward(t, &m->block[i], &t->block[i], x, &h, &w); /* [n,7,7,512] */
	if (pooled)
		op->avg_pool(t->d, pooled, x, n, h, w, m->c.out[3]); /* [n,512] */
	if (grid)
		op->grid(t->d, grid, x, n, h, w, m->c.out[3]); /* [n,49,512] */
}

/* ---- backward */

/* The gradients around one unit, all act. */
struct unit_grads {
	const void *dy, *dy2; /* the gradient of the unit's output is dy + dy2; dy2 may be NULL */
	void *dz;	      /* out: of the convolution's output z; may be dy */
	void *shortcut;	      /* out: of what was added to the unit's output; NULL: nothing was; may be dy */
	void *dx;	      /* out: of the unit's input; NULL: not wanted */
};

/* x: the unit's input, act [n,h,w,cin]. */
static void unit_backward(struct hm_resnet_tape *t, struct hm_resnet_unit *u, const struct kept *k, bool relu,
			  const struct unit_grads *g, const void *x, int h, int w)
{
	const struct hm_ops *op = t->d->op;
	const struct hm_params *p = &t->m->tower.params;
	const struct hm_conv *c = &u->conv;
	struct hm_bn bn = {t->mode, HM_RESNET_BN_EPS, HM_BN_MOMENTUM, relu};
	int ho = hm_conv_out(h, c->kernel, c->stride, c->pad),
	    wo = hm_conv_out(w, c->kernel, c->stride, c->pad);
	op->batch_norm_backward(t->d, g->dz, g->shortcut, hm_params_grad(p, u->weight),
				hm_params_grad(p, u->bias), g->dy, g->dy2, k->y, k->z, u->weight, k->save,
				&bn, t->n, ho, wo, c->cout);
	op->conv_backward(t->d, g->dx, hm_params_grad(p, u->w), g->dz, x, u->w, c, t->n, h, w);
}

/* The gradient of the block's output is g[0] + (pair ? g[1] : 0); that of its input x [n,h,w,cin] becomes
 * g[0] + g[1]. */
static void block_backward(struct hm_resnet_tape *t, struct hm_resnet_block *b, const struct kept_block *k,
			   const void *x, int h, int w, bool pair)
{
	void **g = t->grad;
	int last = b->n - 1, stride = b->conv[last - 1].conv.stride, ho = (h - 1) / stride + 1,
	    wo = (w - 1) / stride + 1;
	/* g[3] := gradient of the last inner activation, g[0] := of the shortcut; g[1] is free then */
	unit_backward(
		t, &b->conv[last], &k->conv[last], true,
		&(struct unit_grads){
			.dy = g[0], .dy2 = pair ? g[1] : NULL, .dz = g[2], .shortcut = g[0], .dx = g[3]},
		k->conv[last - 1].y, ho, wo);
	for (int j = last - 1; j >= 0; j--) {
		/* a Bottleneck's stride is on its second convolution: the first works on the input's size */
		unit_backward(t, &b->conv[j], &k->conv[j], true,
			      &(struct unit_grads){.dy = g[3], .dz = g[3], .dx = g[2]},
			      j ? k->conv[j - 1].y : x, h, w);
		hm_resnet_swap(&g[2], &g[3]);
	}
	if (b->down.conv.cout) {
		unit_backward(t, &b->down, &k->down, false,
			      &(struct unit_grads){.dy = g[0], .dz = g[0], .dx = g[1]}, x, h, w);
		hm_resnet_swap(&g[0], &g[1]);
	}
	hm_resnet_swap(&g[1], &g[3]);
}

void hm_resnet_backward(struct hm_resnet_tape *t, const float *dpooled)
{
	struct hm_resnet *m = t->m;
	const struct hm_ops *op = t->d->op;
	int h[HM_RESNET_MAX_BLOCKS * 4 + 1], w[HM_RESNET_MAX_BLOCKS * 4 + 1]; /* of each block's input */
	if (t->d->err.code)
		return;
	h[0] = hm_conv_out(hm_conv_out(t->h, 7, 2, 3), 3, 2, 1);
	w[0] = hm_conv_out(hm_conv_out(t->w, 7, 2, 3), 3, 2, 1);
	for (int i = 0; i < m->n_blocks; i++) {
		int stride = m->block[i].conv[m->block[i].n - 2].conv.stride;
		h[i + 1] = (h[i] - 1) / stride + 1;
		w[i + 1] = (w[i] - 1) / stride + 1;
	}
	op->avg_pool_backward(t->d, t->grad[0], dpooled, t->n, h[m->n_blocks], w[m->n_blocks], m->c.out[3]);
	for (int i = m->n_blocks - 1; i >= 0; i--)
		block_backward(t, &m->block[i], &t->block[i],
			       i ? t->block[i - 1].conv[m->block[i - 1].n - 1].y : t->pooled, h[i], w[i],
			       i < m->n_blocks - 1);
	h[0] = hm_conv_out(t->h, 7, 2, 3), w[0] = hm_conv_out(t->w, 7, 2, 3);
	op->max_pool_backward(t->d, t->grad[2], t->grad[0], t->grad[1], t->stem.y, t->n, h[0], w[0],
			      m->c.stem);
	unit_backward(t, &m->stem, &t->stem, true, &(struct unit_grads){.dy = t->grad[2], .dz = t->grad[2]},
		      t->image, t->h, t->w);
}
