/* Transformer layers in training: forward and backward, side by side. See layers.h. */
#include "nn/layers.h"

#include <stdlib.h>

/* What a layer's forward pass leaves: m rows; in the last layer, when one row of each sequence is wanted, n
 * rows from s1 on. */
struct hm_layer_kept {
	void *x;	 /* act [m,h]: its input; pre-norm: the addition that leads to it has come to it */
	void *n1;	 /* act [m,h]: LN1(x), pre-norm only */
	void *qkv, *ctx; /* act [m,3h], [m,h]: of the attention */
	void *s1, *h1;	 /* act [m,h]: what goes into its second half's LayerNorm, and what comes out:
			  * LN1's with post-norm, LN2's with pre-norm */
	void *up, *act;	 /* act [m,f]: before and after the activation */
	void *s2;	 /* act [m,h]: before LN2, post-norm only */
	float *stats1, *stats2; /* [m,2]: of LN1, LN2 */
};

int hm_layers_tape_init(struct hm_layers_tape *t, const struct hm_layers *l, struct hm_device *d,
			bool backward, struct hm_err *e)
{
	*t = (struct hm_layers_tape){.l = l, .d = d, .backward = backward};
	t->kept = hm_alloc((size_t)l->c.layers, sizeof *t->kept, e);
	return t->kept ? 0 : HM_EDATA;
}

void hm_layers_tape_clear(struct hm_layers_tape *t)
{
	free(t->kept);
	*t = (struct hm_layers_tape){0};
}

/* ---- memory */

static struct hm_layer_kept plan_layer(const struct hm_layers_tape *t, struct hm_slab *s, size_t rows)
{
	const struct hm_layers_config *c = &t->l->c;
	size_t act = hm_dtype_size(t->d->act), h = (size_t)c->hidden, f = (size_t)c->intermediate;
	struct hm_layer_kept k = {.x = hm_slab_take(s, rows * h * act)};
	k.qkv = hm_slab_take(s, rows * 3 * h * act);
	k.ctx = hm_slab_take(s, rows * h * act);
	k.s1 = hm_slab_take(s, rows * h * act);
	k.h1 = hm_slab_take(s, rows * h * act);
	k.up = hm_slab_take(s, rows * f * act);
	k.act = hm_slab_take(s, rows * f * act);
	*(c->pre_norm ? &k.n1 : &k.s2) = hm_slab_take(s, rows * h * act);
	k.stats1 = hm_slab_take(s, rows * 2 * sizeof(float));
	k.stats2 = hm_slab_take(s, rows * 2 * sizeof(float));
	return k;
}

/* Without a backward pass one layer's memory serves all: a layer writes its output when its input is used up.
 */
void hm_layers_plan(struct hm_layers_tape *t, struct hm_slab *s, int m, int n, bool all)
{
	const struct hm_layers_config *c = &t->l->c;
	const struct hm_ops *op = t->d->op;
	size_t h = (size_t)c->hidden, f = (size_t)c->intermediate, act = hm_dtype_size(t->d->act);
	size_t rows = (size_t)op->rows_round(t->d, m), wanted = (size_t)op->rows_round(t->d, all ? m : n);
	for (int i = 0; i < c->layers; i++)
		t->kept[i] = t->backward || i == 0 ? plan_layer(t, s, rows) : t->kept[0];
	t->x = t->kept[0].x;
	t->out = hm_slab_take(s, wanted * h * act);
	t->sum = c->pre_norm ? hm_slab_take(s, wanted * h * act) : NULL;
	t->stats = c->pre_norm ? hm_slab_take(s, wanted * 2 * sizeof *t->stats) : NULL;
	t->res = all ? NULL : hm_slab_take(s, wanted * h * act);
	t->ctx = all ? NULL : hm_slab_take(s, wanted * h * act);
	for (int j = 0; j < 3 && t->backward; j++)
		t->grad[j] = hm_slab_take(s, rows * h * act);
	t->wide = t->backward ? hm_slab_take(s, rows * (f > 3 * h ? f : 3 * h) * act) : NULL;
	for (int j = 0; j < 1 + t->backward && t->l->layer->scale1; j++)
		t->scaled[j] = hm_slab_take(s, h * ((f > h ? f : h) + 1) * sizeof(float));
}

/* ---- forward */

/* Dropout at site 3*layer + which: 1 of the attention, 2 and 3 of the rows behind it; NULL: there is none. It
 * draws for the rows' places in the whole batch. Behind its attention the last layer may have a row per
 * example. */
static const struct hm_dropout *drop_at(struct hm_layers_tape *t, int layer, int which)
{
	const struct hm_layers_config *c = &t->l->c;
	struct hm_dropout *d = &t->drop;
	bool wanted = t->rows.row && layer == c->layers - 1;
	d->site = (uint32_t)(3 * layer + which);
	if (which == 1)
		d->first = d->rows * (uint64_t)c->heads * (uint64_t)hm_dropout_keys(d->longest);
	else
		d->first = (wanted ? d->examples : d->rows) * (uint64_t)c->hidden;
	return d->p > 0 ? d : NULL;
}

/* *w [n,k] and *b [n] := those that LayerScale makes of them, for one use. */
static void scale_linear(struct hm_layers_tape *t, const float **w, const float **b, const float *scale,
			 int n, int k)
{
	float *to = t->scaled[0], *bias = to + (size_t)n * (size_t)k;
	if (!scale)
		return;
	t->d->op->scale_rows(t->d, to, *w, scale, n, k);
	t->d->op->scale_rows(t->d, bias, *b, scale, n, 1);
	*w = to;
	*b = bias;
}

/* y act [m,n] of a linear layer whose output LayerScale multiplies; scale NULL: it does not. */
static void forward_scaled(struct hm_layers_tape *t, void *y, const void *x, const float *w, const float *b,
			   const float *scale, int m, int n, int k)
{
	scale_linear(t, &w, &b, scale, n, k);
	t->d->op->dense_forward(t->d, y, x, w, b, m, n, k);
}

/* Layer i up to its attention: x act [m,h] -> qkv, ctx. */
static void forward_attention(struct hm_layers_tape *t, int i, const void *x)
{
	const struct hm_layers_config *c = &t->l->c;
	const struct hm_layer *l = &t->l->layer[i];
	struct hm_layer_kept *k = &t->kept[i];
	int h = c->hidden;
	t->d->op->dense_forward(t->d, k->qkv, x, l->qkv_w[0], l->qkv_b[0], t->rows.m, 3 * h, h); /* [m,3h] */
	t->d->op->attention_forward(t->d, k->ctx, k->qkv, t->rows.len, t->rows.n, c->heads, h / c->heads,
				    c->causal, drop_at(t, i, 1)); /* [m,h] */
}

/* Layer i behind its attention, up to the second LayerNorm or to the end: x, ctx act [m,h] -> out [m,h]. */
static void forward_rest(struct hm_layers_tape *t, int i, void *out, const void *x, const void *ctx, int m)
{
	const struct hm_layers_config *c = &t->l->c;
	const struct hm_layer *l = &t->l->layer[i];
	struct hm_layer_kept *k = &t->kept[i];
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int h = c->hidden, f = c->intermediate;
	bool pre = c->pre_norm;
	forward_scaled(t, k->s1, ctx, l->out_w, l->out_b, l->scale1, m, h, h); /* [m,h] */
	op->add_norm(d, k->h1, pre ? k->stats2 : k->stats1, k->s1, x, pre ? l->norm2_w : l->norm1_w,
		     pre ? l->norm2_b : l->norm1_b, c->eps, drop_at(t, i, 2), m, h);		/* [m,h] */
	op->dense_forward(d, k->up, k->h1, l->up_w, l->up_b, m, f, h);				/* [m,f] */
	op->activate(d, k->act, k->up, (size_t)m * (size_t)f, c->act);				/* [m,f] */
	forward_scaled(t, pre ? out : k->s2, k->act, l->down_w, l->down_b, l->scale2, m, h, f); /* [m,h] */
	if (!pre)
		op->add_norm(d, out, k->stats2, k->s2, k->h1, l->norm2_w, l->norm2_b, c->eps,
			     drop_at(t, i, 3), m, h); /* [m,h] */
}

/* With pre-norm, what a layer adds at its end is added by the LayerNorm that comes next: the next layer's
 * first, or the stack's last. */
void hm_layers_forward(struct hm_layers_tape *t, const struct hm_packed *p, const struct hm_dropout *drop)
{
	const struct hm_layers_config *c = &t->l->c;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int m = p->m, h = c->hidden, last = c->layers - 1;
	bool pre = c->pre_norm;
	t->rows = *p;
	t->drop = drop ? *drop : (struct hm_dropout){0};
	for (int i = 0; i <= last; i++) {
		const struct hm_layer *l = &t->l->layer[i];
		struct hm_layer_kept *k = &t->kept[i];
		void *out = i < last ? t->kept[i + 1].x : pre ? t->sum : t->out;
		if (pre)
			op->add_norm(d, k->n1, k->stats1, k->x, i ? t->kept[i - 1].s1 : NULL, l->norm1_w,
				     l->norm1_b, c->eps, i ? drop_at(t, i - 1, 3) : NULL, m, h); /* [m,h] */
		forward_attention(t, i, pre ? k->n1 : k->x);
		if (i < last || !p->row) {
			forward_rest(t, i, out, k->x, k->ctx, m);
		} else {
			m = p->n;
			op->gather(d, t->res, k->x, p->row, m, h);   /* [n,h] */
			op->gather(d, t->ctx, k->ctx, p->row, m, h); /* [n,h] */
			forward_rest(t, i, out, t->res, t->ctx, m);
		}
	}
	if (pre)
		op->add_norm(d, t->out, t->stats, t->sum, t->kept[last].s1, t->l->last_w, t->l->last_b,
			     c->eps, drop_at(t, last, 3), m, h); /* [m,h] */
}

/* ---- backward */

static void swap_pointers(void **a, void **b)
{
	void *was = *a;
	*a = *b;
	*b = was;
}

/* The gradient of a LayerNorm that add_norm computed: ds act [m,h] in g[0] and, when there is dropout, the
 * added part's in g[2]. */
static void backward_norm(struct hm_layers_tape *t, const void *dy, const void *dy2, const void *skip,
			  const void *s, const float *stats, const float *w, const float *b,
			  const struct hm_dropout *drop, int m)
{
	const struct hm_params *p = t->l->params;
	t->d->op->add_norm_backward(t->d, t->grad[0], t->grad[2], hm_params_grad(p, w), hm_params_grad(p, b),
				    dy, dy2, skip, s, stats, w, drop, m, t->l->c.hidden);
}

/* dx act [m,k] of a linear layer from dy act [m,n]. */
static void backward_linear(struct hm_layers_tape *t, void *dx, const void *dy, const void *x, const float *w,
			    const float *b, int m, int n, int k)
{
	const struct hm_params *p = t->l->params;
	t->d->op->dense_backward(t->d, dx, hm_params_grad(p, w), hm_params_grad(p, b), dy, x, w, m, n, k);
}

/* The same through LayerScale: its own gradient, too. */
static void backward_scaled(struct hm_layers_tape *t, void *dx, const void *dy, const void *x, const float *w,
			    const float *b, const float *scale, int m, int n, int k)
{
	const struct hm_params *p = t->l->params;
	const struct hm_ops *op = t->d->op;
	const float *scaled = w, *bias = b;
	size_t count = (size_t)n * (size_t)k;
	float *dw = t->scaled[1];
	if (!scale) {
		backward_linear(t, dx, dy, x, w, b, m, n, k);
		return;
	}
	scale_linear(t, &scaled, &bias, scale, n, k);
	op->zero(t->d, dw, (count + (size_t)n) * sizeof *dw);
	op->dense_backward(t->d, dx, dw, dw + count, dy, x, scaled, m, n, k);
	op->scale_rows_backward(t->d, hm_params_grad(p, w), hm_params_grad(p, scale), dw, w, scale, n, k);
	op->scale_rows_backward(t->d, hm_params_grad(p, b), hm_params_grad(p, scale), dw + count, b, scale, n,
				1);
}

/* Layer i's feed-forward network: from the gradient `dy` of its output, g[1] := that of its input h1. */
static void backward_feed(struct hm_layers_tape *t, int i, const void *dy, int m)
{
	const struct hm_layers_config *c = &t->l->c;
	const struct hm_layer *l = &t->l->layer[i];
	struct hm_layer_kept *k = &t->kept[i];
	int h = c->hidden, f = c->intermediate;
	backward_scaled(t, t->wide, dy, k->act, l->down_w, l->down_b, l->scale2, m, h, f); /* [m,f] */
	t->d->op->activate_backward(t->d, t->wide, t->wide, k->up, (size_t)m * (size_t)f, c->act);
	backward_linear(t, t->grad[1], t->wide, k->h1, l->up_w, l->up_b, m, f, h); /* [m,h] */
}

/* Layer i behind its attention. Post-norm: g[0] + (pair ? g[1] : 0) is the gradient of its output. Pre-norm:
 * g[0] is, and g[2] the same after dropout. Then g[0] is the gradient of x as far as it goes past the
 * attention, g[1] that of ctx. */
static void backward_rest(struct hm_layers_tape *t, int i, const void *ctx, int m, bool pair)
{
	const struct hm_layer *l = &t->l->layer[i];
	struct hm_layer_kept *k = &t->kept[i];
	void **g = t->grad;
	int h = t->l->c.hidden;
	const struct hm_dropout *drop = drop_at(t, i, 3);
	if (t->l->c.pre_norm) {
		backward_feed(t, i, drop ? g[2] : g[0], m);
		drop = drop_at(t, i, 2);
		backward_norm(t, g[1], NULL, g[0], k->s1, k->stats2, l->norm2_w, l->norm2_b, drop, m);
	} else {
		backward_norm(t, g[0], pair ? g[1] : NULL, NULL, k->s2, k->stats2, l->norm2_w, l->norm2_b,
			      drop, m);
		backward_feed(t, i, drop ? g[2] : g[0], m);
		drop = drop_at(t, i, 2);
		backward_norm(t, g[1], g[0], NULL, k->s1, k->stats1, l->norm1_w, l->norm1_b, drop, m);
	}
	backward_scaled(t, g[1], drop ? g[2] : g[0], ctx, l->out_w, l->out_b, l->scale1, m, h, h); /* [m,h] */
}

/* g[0] and g[1] act [n,h], of the wanted rows, become [m,h], zero elsewhere. */
static void scatter_wanted(struct hm_layers_tape *t)
{
	const struct hm_packed *r = &t->rows;
	void **g = t->grad;
	for (int j = 0; j < 2; j++) {
		t->d->op->gather_backward(t->d, g[2], g[j], r->row, r->n, r->m, t->l->c.hidden);
		swap_pointers(&g[2], &g[j]);
	}
}

/* Layer i from the gradient of ctx in g[1] to that of the linear layer's input, in `dx`. */
static void backward_attention(struct hm_layers_tape *t, int i, void *dx, const void *x)
{
	const struct hm_layers_config *c = &t->l->c;
	const struct hm_layer *l = &t->l->layer[i];
	struct hm_layer_kept *k = &t->kept[i];
	int h = c->hidden;
	t->d->op->attention_backward(t->d, t->wide, t->grad[1], k->ctx, k->qkv, t->rows.len, t->rows.n,
				     c->heads, h / c->heads, c->causal, drop_at(t, i, 1)); /* [m,3h] */
	backward_linear(t, dx, t->wide, x, l->qkv_w[0], l->qkv_b[0], t->rows.m, 3 * h, h); /* [m,h] */
}

void hm_layers_backward(struct hm_layers_tape *t)
{
	const struct hm_layers *all = t->l;
	void **g = t->grad;
	int m = t->rows.row ? t->rows.n : t->rows.m, last = all->c.layers - 1;
	bool pre = all->c.pre_norm;
	if (pre)
		backward_norm(t, g[0], NULL, NULL, t->sum, t->stats, all->last_w, all->last_b,
			      drop_at(t, last, 3), m);
	for (int i = last; i >= 0; i--) {
		const struct hm_layer *l = &all->layer[i];
		struct hm_layer_kept *k = &t->kept[i];
		bool some = i == last && t->rows.row;
		backward_rest(t, i, some ? t->ctx : k->ctx, m, i < last);
		if (some)
			scatter_wanted(t);
		m = t->rows.m;
		if (pre) {
			backward_attention(t, i, g[1], k->n1);
			backward_norm(t, g[1], NULL, g[0], k->x, k->stats1, l->norm1_w, l->norm1_b,
				      i ? drop_at(t, i - 1, 3) : NULL, m);
		} else {
			backward_attention(t, i, g[2], k->x);
			swap_pointers(&g[1], &g[2]);
		}
	}
	t->dx = g[0];
	t->dx2 = pre ? NULL : g[1];
}
