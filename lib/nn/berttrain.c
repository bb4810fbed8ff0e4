/* BERT forward and backward, side by side. See berttrain.h. */
#include "nn/berttrain.h"
#include "nn/bertparts.h"
#include "nn/slab.h"

#include <stdlib.h>

/* What a layer leaves; m rows, in the last layer n rows from out on. */
struct kept {
	void *x;	 /* act [m,h]: its input */
	void *qkv, *ctx; /* act [m,3h], [m,h]: of the attention */
	void *s1, *h1;	 /* act [m,h]: before and after the first LayerNorm */
	void *up, *gelu; /* act [m,4h] */
	void *s2;	 /* act [m,h]: before the second LayerNorm, whose output is the next layer's x */
	float *stats1, *stats2; /* [m,2] */
};

struct hm_bert_tape {
	struct hm_bert *m;
	struct hm_device *d;
	bool backward;
	int n, rows; /* sequences, rows m of them all */
	struct hm_dropout drop;
	struct hm_slab slab;
	struct hm_buf host;		/* i32: positions [m], first rows [n] */
	int32_t *ids, *pos, *row, *len; /* [m], [m], [n], [n], device memory */
	float *sum;			/* f32 [m,h]: of the embeddings */
	void *s0;			/* act [m,h]: the same, before LayerNorm */
	float *stats0;
	struct kept *layer;   /* [layers] */
	void *last;	      /* act [n,h]: the last hidden states of the first rows */
	void *res, *ctx;      /* act [n,h]: first rows of the last layer's x and ctx */
	void *pooled;	      /* act [n,h] */
	void *grad[3], *wide; /* act [m,h] each, [m,max(4h,3h)] */
};

struct hm_bert_tape *hm_bert_tape_new(struct hm_bert *m, struct hm_device *d, bool backward, struct hm_err *e)
{
	struct hm_bert_tape *t = hm_alloc(1, sizeof *t, e);
	if (!t)
		return NULL;
	*t = (struct hm_bert_tape){.m = m, .d = d, .backward = backward, .slab = {.d = d}};
	t->layer = hm_alloc((size_t)m->c.layers, sizeof *t->layer, e);
	if (t->layer)
		return t;
	hm_bert_tape_free(t);
	return NULL;
}

void hm_bert_tape_free(struct hm_bert_tape *t)
{
	if (!t)
		return;
	hm_slab_clear(&t->slab);
	hm_buf_clear(&t->host);
	free(t->layer);
	free(t);
}

/* ---- memory */

static struct kept take_layer(struct hm_bert_tape *t, size_t rows, void *x)
{
	size_t act = hm_dtype_size(t->d->act), h = (size_t)t->m->c.hidden, f = (size_t)t->m->c.intermediate;
	struct kept k = {.x = x ? x : hm_slab_take(&t->slab, rows * h * act)};
	k.qkv = hm_slab_take(&t->slab, rows * 3 * h * act);
	k.ctx = hm_slab_take(&t->slab, rows * h * act);
	k.s1 = hm_slab_take(&t->slab, rows * h * act);
	k.h1 = hm_slab_take(&t->slab, rows * h * act);
	k.up = hm_slab_take(&t->slab, rows * f * act);
	k.gelu = hm_slab_take(&t->slab, rows * f * act);
	k.s2 = hm_slab_take(&t->slab, rows * h * act);
	k.stats1 = hm_slab_take(&t->slab, rows * 2 * sizeof(float));
	k.stats2 = hm_slab_take(&t->slab, rows * 2 * sizeof(float));
	return k;
}

/* Without a backward pass one layer's memory serves all, with a second x to alternate with. */
static void plan(struct hm_bert_tape *t)
{
	struct hm_slab *s = &t->slab;
	const struct hm_bert_config *c = &t->m->c;
	size_t m = (size_t)t->rows, n = (size_t)t->n, h = (size_t)c->hidden, act = hm_dtype_size(t->d->act);
	size_t rows = (size_t)t->d->op->rows_round(t->d, t->rows),
	       firsts = (size_t)t->d->op->rows_round(t->d, t->n);
	t->ids = hm_slab_take(s, m * sizeof *t->ids);
	t->pos = hm_slab_take(s, m * sizeof *t->pos);
	t->row = hm_slab_take(s, n * sizeof *t->row);
	t->len = hm_slab_take(s, n * sizeof *t->len);
	t->sum = hm_slab_take(s, m * h * sizeof *t->sum);
	t->s0 = hm_slab_take(s, rows * h * act);
	t->stats0 = hm_slab_take(s, m * 2 * sizeof *t->stats0);
	for (int i = 0; i < c->layers; i++)
		if (t->backward || i == 0) {
			t->layer[i] = take_layer(t, rows, NULL);
		} else {
			t->layer[i] = t->layer[i - 1];
			t->layer[i].x = i > 1 ? t->layer[i - 2].x : hm_slab_take(s, rows * h * act);
		}
	void **some[] = {&t->last, &t->res, &t->ctx, &t->pooled};
	for (int j = 0; j < 4; j++)
		*some[j] = hm_slab_take(s, firsts * h * act);
	for (int j = 0; j < 3 && t->backward; j++)
		t->grad[j] = hm_slab_take(s, rows * h * act);
	size_t wide = (size_t)c->intermediate > 3 * h ? (size_t)c->intermediate : 3 * h;
	t->wide = t->backward ? hm_slab_take(s, rows * wide * act) : NULL;
}

void hm_bert_reserve(struct hm_bert_tape *t, int n, int64_t rows)
{
	if (rows > INT32_MAX / 4) {
		hm_err_set(&t->d->err, HM_EDATA, "a batch of %lld rows, %d are the most", (long long)rows,
			   INT32_MAX / 4);
		return;
	}
	t->n = n;
	t->rows = (int)rows;
	do
		plan(t);
	while (hm_slab_again(&t->slab));
}

float *hm_bert_begin(struct hm_bert_tape *t, const int32_t *len, int n)
{
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int64_t m = 0;
	for (int s = 0; s < n; m += len[s++])
		if (len[s] < 1 || len[s] > t->m->c.positions)
			return hm_err_set(&d->err, HM_EDATA,
					  "a sequence of %d rows, this network takes 1 to %d", len[s],
					  t->m->c.positions),
			       NULL;
	t->host.len = 0;
	hm_bert_reserve(t, n, m);
	if (d->err.code || hm_buf_reserve(&t->host, ((size_t)m + (size_t)n) * sizeof(int32_t), &d->err))
		return NULL;
	int32_t *pos = (int32_t *)(void *)t->host.data, *row = pos + m;
	for (int s = 0, at = 0; s < n; s++) {
		row[s] = at;
		for (int j = 0; j < len[s]; j++)
			pos[at++] = j;
	}
	op->upload(d, t->pos, pos, (size_t)m * sizeof *pos);
	op->upload(d, t->row, row, (size_t)n * sizeof *row);
	op->upload(d, t->len, len, (size_t)n * sizeof *len);
	op->zero(d, t->sum, (size_t)m * (size_t)t->m->c.hidden * sizeof *t->sum);
	return t->sum;
}

/* ---- embeddings */

void hm_bert_add_words(struct hm_bert_tape *t, const int32_t *at, const int32_t *ids, int count)
{
	t->d->op->add_rows(t->d, t->sum, at, t->m->word, ids, count, t->m->c.hidden);
}

/* Row 0 is the padding's: padding_idx 0 gives it no gradient, whoever uses it. */
void hm_bert_add_words_backward(struct hm_bert_tape *t, const void *drows, const int32_t *at,
				const int32_t *ids, int count)
{
	t->d->op->add_rows_backward(t->d, hm_params_grad(&t->m->params, t->m->word), ids, drows, at, 0, count,
				    t->m->c.hidden);
}

void hm_bert_add_positions(struct hm_bert_tape *t, const int32_t *at, const int32_t *pos, int count)
{
	t->d->op->add_rows(t->d, t->sum, at, t->m->position, pos, count, t->m->c.hidden);
}

void hm_bert_add_positions_backward(struct hm_bert_tape *t, const void *drows, const int32_t *at,
				    const int32_t *pos, int count)
{
	t->d->op->add_rows_backward(t->d, hm_params_grad(&t->m->params, t->m->position), pos, drows, at, -1,
				    count, t->m->c.hidden);
}

/* ---- forward */

static const struct hm_dropout *site(struct hm_bert_tape *t, uint32_t number)
{
	t->drop.site = number;
	return t->drop.p > 0 ? &t->drop : NULL;
}

/* Of layer i, after its attention: x, ctx [m,h] -> out [m,h]. */
static void feed_forward(struct hm_bert_tape *t, int i, void *out, const void *x, const void *ctx, int m)
{
	const struct hm_bert_layer *l = &t->m->layer[i];
	const struct hm_ops *op = t->d->op;
	struct kept *k = &t->layer[i];
	int h = t->m->c.hidden, f = t->m->c.intermediate;
	double eps = t->m->c.eps;
	uint32_t at = 3 * (uint32_t)i;
	op->dense_forward(t->d, k->s1, ctx, l->out_w, l->out_b, m, h, h); /* [m,h] */
	op->add_norm(t->d, k->h1, k->stats1, k->s1, x, l->norm1_w, l->norm1_b, eps, site(t, at + 2), m, h);
	op->dense_forward(t->d, k->up, k->h1, l->up_w, l->up_b, m, f, h);	/* [m,4h] */
	op->gelu(t->d, k->gelu, k->up, (size_t)m * f);				/* [m,4h] */
	op->dense_forward(t->d, k->s2, k->gelu, l->down_w, l->down_b, m, h, f); /* [m,h] */
	op->add_norm(t->d, out, k->stats2, k->s2, k->h1, l->norm2_w, l->norm2_b, eps, site(t, at + 3), m, h);
}

/* From the embeddings' sum to t->last. */
static void forward(struct hm_bert_tape *t, const struct hm_dropout *drop)
{
	struct hm_bert *b = t->m;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int m = t->rows, n = t->n, h = b->c.hidden, dim = h / b->c.heads, last = b->c.layers - 1;
	void *x = t->layer[0].x;
	t->drop = drop ? *drop : (struct hm_dropout){0};
	op->add_rows(d, t->sum, NULL, b->position, t->pos, m, h);
	op->add_rows(d, t->sum, NULL, b->type, NULL, m, h);
	op->narrow(d, t->s0, t->sum, (size_t)m * h);
	op->add_norm(d, x, t->stats0, t->s0, NULL, b->norm_w, b->norm_b, b->c.eps, NULL, m, h); /* [m,h] */
	op->dropout(d, x, x, site(t, 0), (size_t)m * h);
	for (int i = 0; i <= last; i++) {
		struct kept *k = &t->layer[i];
		op->dense_forward(d, k->qkv, k->x, b->layer[i].qkv_w[0], b->layer[i].qkv_b[0], m, 3 * h, h);
		op->attention_forward(d, k->ctx, k->qkv, t->len, n, b->c.heads, dim,
				      site(t, 3 * (uint32_t)i + 1)); /* [m,h] */
		if (i < last) {
			feed_forward(t, i, t->layer[i + 1].x, k->x, k->ctx, m);
		} else {
			op->gather(d, t->res, k->x, t->row, n, h);   /* [n,h] */
			op->gather(d, t->ctx, k->ctx, t->row, n, h); /* [n,h] */
			feed_forward(t, i, t->last, t->res, t->ctx, n);
		}
	}
}

void hm_bert_forward_rows(struct hm_bert_tape *t, const struct hm_dropout *drop, float *first)
{
	if (t->d->err.code)
		return;
	forward(t, drop);
	t->d->op->widen(t->d, first, t->last, (size_t)t->n * t->m->c.hidden);
}

void hm_bert_forward(struct hm_bert_tape *t, const int32_t *ids, const int32_t *len, int n,
		     const struct hm_dropout *drop, float *pooled)
{
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int h = t->m->c.hidden;
	if (!hm_bert_begin(t, len, n))
		return;
	for (int j = 0; j < t->rows; j++)
		if (ids[j] < 0 || ids[j] >= t->m->c.vocab) {
			hm_err_set(&d->err, HM_EDATA, "token id %d, this network's vocabulary has %d", ids[j],
				   t->m->c.vocab);
			return;
		}
	op->upload(d, t->ids, ids, (size_t)t->rows * sizeof *ids);
	hm_bert_add_words(t, NULL, t->ids, t->rows);
	forward(t, drop);
	op->dense_forward(d, t->pooled, t->last, t->m->pooler_w, t->m->pooler_b, n, h, h); /* [n,h] */
	op->tanh(d, t->pooled, t->pooled, (size_t)n * h);
	op->widen(d, pooled, t->pooled, (size_t)n * h);
}

/* ---- backward */

static void rotate(void **g)
{
	void *free_one = g[1];
	g[1] = g[0];
	g[0] = g[2];
	g[2] = free_one;
}

/* Of feed_forward: g[0] + (pair ? g[1] : 0) is the gradient of its output; then g[0] is x's, g[1] ctx's. */
static void feed_backward(struct hm_bert_tape *t, int i, const void *ctx, int m, bool pair)
{
	const struct hm_bert_layer *l = &t->m->layer[i];
	const struct hm_params *p = &t->m->params;
	const struct hm_ops *op = t->d->op;
	struct kept *k = &t->layer[i];
	void **g = t->grad;
	int h = t->m->c.hidden, f = t->m->c.intermediate;
	uint32_t at = 3 * (uint32_t)i;
	const struct hm_dropout *drop = site(t, at + 3);
	op->add_norm_backward(t->d, g[0], g[2], hm_params_grad(p, l->norm2_w), hm_params_grad(p, l->norm2_b),
			      g[0], pair ? g[1] : NULL, k->s2, k->stats2, l->norm2_w, drop, m, h);
	op->dense_backward(t->d, t->wide, hm_params_grad(p, l->down_w), hm_params_grad(p, l->down_b),
			   drop ? g[2] : g[0], k->gelu, l->down_w, m, h, f); /* [m,4h] */
	op->gelu_backward(t->d, t->wide, t->wide, k->up, (size_t)m * f);
	op->dense_backward(t->d, g[1], hm_params_grad(p, l->up_w), hm_params_grad(p, l->up_b), t->wide, k->h1,
			   l->up_w, m, f, h); /* [m,h] */
	drop = site(t, at + 2);
	op->add_norm_backward(t->d, g[0], g[2], hm_params_grad(p, l->norm1_w), hm_params_grad(p, l->norm1_b),
			      g[1], g[0], k->s1, k->stats1, l->norm1_w, drop, m, h);
	op->dense_backward(t->d, g[1], hm_params_grad(p, l->out_w), hm_params_grad(p, l->out_b),
			   drop ? g[2] : g[0], ctx, l->out_w, m, h, h); /* [m,h] */
}

/* From the gradient of t->last in grad[0] to that of the embeddings' sum in grad[0]. */
static void backward(struct hm_bert_tape *t)
{
	struct hm_bert *b = t->m;
	const struct hm_params *p = &b->params;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	void **g = t->grad;
	int m = t->rows, n = t->n, h = b->c.hidden, dim = h / b->c.heads, last = b->c.layers - 1;
	for (int i = last; i >= 0; i--) {
		const struct hm_bert_layer *l = &b->layer[i];
		struct kept *k = &t->layer[i];
		if (i == last) { /* first rows only, which are scattered then */
			feed_backward(t, i, t->ctx, n, false);
			op->gather_backward(d, g[2], g[0], t->row, n, m, h);
			op->gather_backward(d, g[0], g[1], t->row, n, m, h);
			void *x = g[2];
			g[2] = g[1], g[1] = g[0], g[0] = x;
		} else {
			feed_backward(t, i, k->ctx, m, true);
		}
		op->attention_backward(d, t->wide, g[1], k->ctx, k->qkv, t->len, n, b->c.heads, dim,
				       site(t, 3 * (uint32_t)i + 1)); /* [m,3h] */
		op->dense_backward(d, g[2], hm_params_grad(p, l->qkv_w[0]), hm_params_grad(p, l->qkv_b[0]),
				   t->wide, k->x, l->qkv_w[0], m, 3 * h, h); /* [m,h] */
		rotate(g); /* the input's gradient is g[0] + g[1] */
	}
	op->dropout(d, g[0], g[0], site(t, 0), (size_t)m * h);
	op->dropout(d, g[1], g[1], site(t, 0), (size_t)m * h);
	op->add_norm_backward(d, g[0], NULL, hm_params_grad(p, b->norm_w), hm_params_grad(p, b->norm_b), g[0],
			      g[1], t->s0, t->stats0, b->norm_w, NULL, m, h);
	op->add_rows_backward(d, hm_params_grad(p, b->position), t->pos, g[0], NULL, -1, m, h);
	op->add_rows_backward(d, hm_params_grad(p, b->type), NULL, g[0], NULL, -1, m, h);
}

const void *hm_bert_backward_rows(struct hm_bert_tape *t, const float *dfirst)
{
	if (t->d->err.code)
		return NULL;
	t->d->op->narrow(t->d, t->grad[0], dfirst, (size_t)t->n * t->m->c.hidden);
	backward(t);
	return t->grad[0];
}

void hm_bert_backward(struct hm_bert_tape *t, const float *dpooled)
{
	struct hm_bert *b = t->m;
	const struct hm_params *p = &b->params;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int n = t->n, h = b->c.hidden;
	if (d->err.code)
		return;
	op->narrow(d, t->grad[1], dpooled, (size_t)n * h);
	op->tanh_backward(d, t->grad[1], t->grad[1], t->pooled, (size_t)n * h);
	op->dense_backward(d, t->grad[0], hm_params_grad(p, b->pooler_w), hm_params_grad(p, b->pooler_b),
			   t->grad[1], t->last, b->pooler_w, n, h, h); /* [n,h] */
	backward(t);
	hm_bert_add_words_backward(t, t->grad[0], NULL, t->ids, t->rows);
}
