/* Transformer layers in training: forward and backward, side by side. See block.h. */
#include "nn/block.h"

#include <stdlib.h>

/* What a layer's forward pass leaves: m rows; in the last layer, when one row of each sequence is wanted, n
 * rows from s1 on. */
struct hm_block_kept {
	void *x;		/* act [m,h]: its input */
	void *qkv, *ctx;	/* act [m,3h], [m,h]: of the attention */
	void *s1, *h1;		/* act [m,h]: before and after LN1 */
	void *up, *act;		/* act [m,f]: before and after the activation */
	void *s2;		/* act [m,h]: before LN2, whose output is the next layer's x */
	float *stats1, *stats2; /* [m,2] */
};

int hm_block_tape_init(struct hm_block_tape *t, const struct hm_block_config *c, const struct hm_block *layer,
		       const struct hm_params *params, struct hm_device *d, bool backward, struct hm_err *e)
{
	*t = (struct hm_block_tape){.c = *c, .layer = layer, .params = params, .d = d, .backward = backward};
	t->kept = hm_alloc((size_t)c->layers, sizeof *t->kept, e);
	return t->kept ? 0 : HM_EDATA;
}

void hm_block_tape_clear(struct hm_block_tape *t)
{
	free(t->kept);
	*t = (struct hm_block_tape){0};
}

/* ---- memory */

static struct hm_block_kept plan_layer(const struct hm_block_tape *t, struct hm_slab *s, size_t rows)
{
	size_t act = hm_dtype_size(t->d->act), h = (size_t)t->c.hidden, f = (size_t)t->c.intermediate;
	struct hm_block_kept k = {.x = hm_slab_take(s, rows * h * act)};
	k.qkv = hm_slab_take(s, rows * 3 * h * act);
	k.ctx = hm_slab_take(s, rows * h * act);
	k.s1 = hm_slab_take(s, rows * h * act);
	k.h1 = hm_slab_take(s, rows * h * act);
	k.up = hm_slab_take(s, rows * f * act);
	k.act = hm_slab_take(s, rows * f * act);
	k.s2 = hm_slab_take(s, rows * h * act);
	k.stats1 = hm_slab_take(s, rows * 2 * sizeof(float));
	k.stats2 = hm_slab_take(s, rows * 2 * sizeof(float));
	return k;
}

/* Without a backward pass one layer's memory serves all, with a second x to alternate with. */
void hm_block_plan(struct hm_block_tape *t, struct hm_slab *s, int m, int n, bool all)
{
	const struct hm_ops *op = t->d->op;
	size_t h = (size_t)t->c.hidden, act = hm_dtype_size(t->d->act);
	size_t rows = (size_t)op->rows_round(t->d, m), wanted = (size_t)op->rows_round(t->d, all ? m : n);
	for (int i = 0; i < t->c.layers; i++)
		if (t->backward || i == 0) {
			t->kept[i] = plan_layer(t, s, rows);
		} else {
			t->kept[i] = t->kept[i - 1];
			t->kept[i].x = i > 1 ? t->kept[i - 2].x : hm_slab_take(s, rows * h * act);
		}
	t->x = t->kept[0].x;
	t->last = hm_slab_take(s, wanted * h * act);
	t->res = all ? NULL : hm_slab_take(s, wanted * h * act);
	t->ctx = all ? NULL : hm_slab_take(s, wanted * h * act);
	for (int j = 0; j < 3 && t->backward; j++)
		t->grad[j] = hm_slab_take(s, rows * h * act);
	size_t f = (size_t)t->c.intermediate, wide = f > 3 * h ? f : 3 * h;
	t->wide = t->backward ? hm_slab_take(s, rows * wide * act) : NULL;
}

/* ---- forward */

static const struct hm_dropout *drop_at(struct hm_block_tape *t, int layer, uint32_t which)
{
	t->drop.site = 3 * (uint32_t)layer + which;
	return t->drop.p > 0 ? &t->drop : NULL;
}

/* The layer behind its attention: x, ctx [m,h] -> out [m,h]. */
static void forward_rest(struct hm_block_tape *t, int i, void *out, const void *x, const void *ctx, int m)
{
	const struct hm_block *l = &t->layer[i];
	struct hm_block_kept *k = &t->kept[i];
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int h = t->c.hidden, f = t->c.intermediate;
	double eps = t->c.eps;
	op->dense_forward(d, k->s1, ctx, l->out_w, l->out_b, m, h, h); /* [m,h] */
	op->add_norm(d, k->h1, k->stats1, k->s1, x, l->norm1_w, l->norm1_b, eps, drop_at(t, i, 2), m, h);
	op->dense_forward(d, k->up, k->h1, l->up_w, l->up_b, m, f, h);	    /* [m,f] */
	op->gelu(d, k->act, k->up, (size_t)m * (size_t)f);		    /* [m,f] */
	op->dense_forward(d, k->s2, k->act, l->down_w, l->down_b, m, h, f); /* [m,h] */
	op->add_norm(d, out, k->stats2, k->s2, k->h1, l->norm2_w, l->norm2_b, eps, drop_at(t, i, 3), m, h);
}

void hm_block_forward(struct hm_block_tape *t, const struct hm_packed *p, const struct hm_dropout *drop)
{
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int m = p->m, n = p->n, h = t->c.hidden, heads = t->c.heads, last = t->c.layers - 1;
	t->rows = *p;
	t->drop = drop ? *drop : (struct hm_dropout){0};
	for (int i = 0; i <= last; i++) {
		const struct hm_block *l = &t->layer[i];
		struct hm_block_kept *k = &t->kept[i];
		op->dense_forward(d, k->qkv, k->x, l->qkv_w[0], l->qkv_b[0], m, 3 * h, h); /* [m,3h] */
		op->attention_forward(d, k->ctx, k->qkv, p->len, n, heads, h / heads,
				      drop_at(t, i, 1)); /* [m,h] */
		if (i < last || !p->row) {
			forward_rest(t, i, i < last ? t->kept[i + 1].x : t->last, k->x, k->ctx, m);
		} else {
			op->gather(d, t->res, k->x, p->row, n, h);   /* [n,h] */
			op->gather(d, t->ctx, k->ctx, p->row, n, h); /* [n,h] */
			forward_rest(t, i, t->last, t->res, t->ctx, n);
		}
	}
}

/* ---- backward */

static void rotate(void **g)
{
	void *free_one = g[1];
	g[1] = g[0];
	g[0] = g[2];
	g[2] = free_one;
}

/* Of forward_rest: g[0] + (pair ? g[1] : 0) is the gradient of its output; then g[0] is x's, g[1] ctx's. */
static void backward_rest(struct hm_block_tape *t, int i, const void *ctx, int m, bool pair)
{
	const struct hm_block *l = &t->layer[i];
	const struct hm_params *p = t->params;
	struct hm_block_kept *k = &t->kept[i];
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	void **g = t->grad;
	int h = t->c.hidden, f = t->c.intermediate;
	const struct hm_dropout *drop = drop_at(t, i, 3);
	op->add_norm_backward(d, g[0], g[2], hm_params_grad(p, l->norm2_w), hm_params_grad(p, l->norm2_b),
			      g[0], pair ? g[1] : NULL, k->s2, k->stats2, l->norm2_w, drop, m, h);
	op->dense_backward(d, t->wide, hm_params_grad(p, l->down_w), hm_params_grad(p, l->down_b),
			   drop ? g[2] : g[0], k->act, l->down_w, m, h, f); /* [m,f] */
	op->gelu_backward(d, t->wide, t->wide, k->up, (size_t)m * (size_t)f);
	op->dense_backward(d, g[1], hm_params_grad(p, l->up_w), hm_params_grad(p, l->up_b), t->wide, k->h1,
			   l->up_w, m, f, h); /* [m,h] */
	drop = drop_at(t, i, 2);
	op->add_norm_backward(d, g[0], g[2], hm_params_grad(p, l->norm1_w), hm_params_grad(p, l->norm1_b),
			      g[1], g[0], k->s1, k->stats1, l->norm1_w, drop, m, h);
	op->dense_backward(d, g[1], hm_params_grad(p, l->out_w), hm_params_grad(p, l->out_b),
			   drop ? g[2] : g[0], ctx, l->out_w, m, h, h); /* [m,h] */
}

void hm_block_backward(struct hm_block_tape *t)
{
	const struct hm_params *p = t->params;
	const struct hm_packed *r = &t->rows;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	void **g = t->grad;
	int m = r->m, n = r->n, h = t->c.hidden, heads = t->c.heads, last = t->c.layers - 1;
	for (int i = last; i >= 0; i--) {
		const struct hm_block *l = &t->layer[i];
		struct hm_block_kept *k = &t->kept[i];
		if (i == last && r->row) { /* the wanted rows only, which are scattered then */
			backward_rest(t, i, t->ctx, n, false);
			op->gather_backward(d, g[2], g[0], r->row, n, m, h);
			op->gather_backward(d, g[0], g[1], r->row, n, m, h);
			void *x = g[2];
			g[2] = g[1], g[1] = g[0], g[0] = x;
		} else {
			backward_rest(t, i, k->ctx, m, i < last);
		}
		op->attention_backward(d, t->wide, g[1], k->ctx, k->qkv, r->len, n, heads, h / heads,
				       drop_at(t, i, 1)); /* [m,3h] */
		op->dense_backward(d, g[2], hm_params_grad(p, l->qkv_w[0]), hm_params_grad(p, l->qkv_b[0]),
				   t->wide, k->x, l->qkv_w[0], m, 3 * h, h); /* [m,h] */
		rotate(g); /* the input's gradient is g[0] + g[1] */
	}
}
