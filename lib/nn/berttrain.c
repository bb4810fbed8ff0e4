/* BERT forward and backward, side by side. See berttrain.h. */
#include "nn/berttrain.h"
#include "nn/bertparts.h"
#include "nn/slab.h"

#include <assert.h>
#include <stdlib.h>

struct hm_bert_tape {
	struct hm_bert *m;
	struct hm_device *d;
	int n, rows;		/* sequences, rows m of them all */
	struct hm_dropout drop; /* of the embeddings: site 0 */
	struct hm_slab slab;
	struct hm_buf host;		/* i32: positions [m], first rows [n] */
	int32_t *ids, *pos, *row, *len; /* [m], [m], [n], [n], device memory */
	float *sum;			/* f32 [m,h]: of the embeddings */
	void *s0;			/* act [m,h]: the same, before LayerNorm */
	float *stats0;
	struct hm_layers_tape layers;
	void *pooled; /* act [n,h] */
};

struct hm_bert_tape *hm_bert_tape_new(struct hm_bert *m, struct hm_device *d, bool backward, struct hm_err *e)
{
	struct hm_bert_tape *t = hm_alloc(1, sizeof *t, e);
	if (!t)
		return NULL;
	*t = (struct hm_bert_tape){.m = m, .d = d, .slab = {.d = d}};
	if (!hm_layers_tape_init(&t->layers, &m->layers, d, backward, e))
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
	hm_layers_tape_clear(&t->layers);
	free(t);
}

/* ---- memory */

/* Takes the pieces of the slab for t->n sequences of t->rows rows in all. */
static void plan_tape(struct hm_bert_tape *t)
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
	t->pooled = hm_slab_take(s, firsts * h * act);
	hm_layers_plan(&t->layers, s, t->rows, t->n, false);
}

void hm_bert_reserve(struct hm_bert_tape *t, int n, int64_t rows)
{
	if (rows > INT32_MAX / 4) {
		hm_err_set(&t->d->err, HM_EDATA, "a batch of %lld rows is too large: the most is %d",
			   (long long)rows, INT32_MAX / 4);
		return;
	}
	t->n = n;
	t->rows = (int)rows;
	do
		plan_tape(t);
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
					  "a sequence of %d rows is outside 1 to %d, the lengths this "
					  "network takes",
					  len[s], t->m->c.positions),
			       NULL;
	t->host.len = 0;
	hm_bert_reserve(t, n, m);
	if (d->err.code || hm_buf_reserve(&t->host, ((size_t)m + (size_t)n) * sizeof(int32_t), &d->err))
		return NULL;
	int32_t *pos = (int32_t *)(void *)t->host.data, *row = pos + m;
	for (int s = 0, at = 0; s < n; s++) {
		row[s] = at;
		for (int j = 0; j < len[s]; j++)
			pos[at++] = t->m->c.style->first + j;
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

/* padding_idx gives the padding's row no gradient, whoever uses it. */
void hm_bert_add_words_backward(struct hm_bert_tape *t, const void *drows, const int32_t *at,
				const int32_t *ids, int count)
{
	t->d->op->add_rows_backward(t->d, hm_params_grad(&t->m->tower.params, t->m->word), ids, drows, at,
				    t->m->c.style->padding, count, t->m->c.hidden);
}

void hm_bert_add_positions(struct hm_bert_tape *t, const int32_t *at, const int32_t *pos, int count)
{
	t->d->op->add_rows(t->d, t->sum, at, t->m->position, pos, count, t->m->c.hidden);
}

void hm_bert_add_positions_backward(struct hm_bert_tape *t, const void *drows, const int32_t *at,
				    const int32_t *pos, int count)
{
	t->d->op->add_rows_backward(t->d, hm_params_grad(&t->m->tower.params, t->m->position), pos, drows, at,
				    -1, count, t->m->c.hidden);
}

/* ---- forward */

/* From the embeddings' sum to the last layer's first rows. */
static void run_layers(struct hm_bert_tape *t, const struct hm_dropout *drop)
{
	struct hm_bert *b = t->m;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int m = t->rows, h = b->c.hidden;
	void *x = t->layers.x;
	t->drop = drop ? *drop : (struct hm_dropout){0};
	t->drop.site = 0;
	t->drop.first = t->drop.rows * (uint64_t)h;
	op->add_rows(d, t->sum, NULL, b->position, t->pos, m, h);
	if (b->type)
		op->add_rows(d, t->sum, NULL, b->type, NULL, m, h);
	op->narrow(d, t->s0, t->sum, (size_t)m * h);
	op->add_norm(d, x, t->stats0, t->s0, NULL, b->norm_w, b->norm_b, b->c.eps, NULL, m, h); /* [m,h] */
	op->dropout(d, x, x, &t->drop, (size_t)m * h);
	hm_layers_forward(&t->layers, &(struct hm_packed){m, t->n, t->len, t->row}, drop); /* [n,h] */
}

void hm_bert_forward_rows(struct hm_bert_tape *t, const struct hm_dropout *drop, float *first)
{
	if (t->d->err.code)
		return;
	run_layers(t, drop);
	t->d->op->widen(t->d, first, t->layers.out, (size_t)t->n * t->m->c.hidden);
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
		assert(ids[j] >= 0 && ids[j] < t->m->c.vocab); /* hm_encoder_check_ids is the door */
	op->upload(d, t->ids, ids, (size_t)t->rows * sizeof *ids);
	hm_bert_add_words(t, NULL, t->ids, t->rows);
	run_layers(t, drop);
	if (t->m->c.output == HM_BERT_CLS) {
		op->widen(d, pooled, t->layers.out, (size_t)n * h);
		return;
	}
	op->dense_forward(d, t->pooled, t->layers.out, t->m->pooler_w, t->m->pooler_b, n, h, h); /* [n,h] */
	op->tanh(d, t->pooled, t->pooled, (size_t)n * h);
	op->widen(d, pooled, t->pooled, (size_t)n * h);
}

/* ---- backward */

/* From the gradient of the last layer's first rows in g[0] to that of the embeddings' sum in g[0]. */
static void run_layers_backward(struct hm_bert_tape *t)
{
	struct hm_bert *b = t->m;
	const struct hm_params *p = &b->tower.params;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	void **g = t->layers.grad;
	int m = t->rows, h = b->c.hidden;
	hm_layers_backward(&t->layers); /* [m,h]: g[0] + g[1] */
	op->dropout(d, g[0], g[0], &t->drop, (size_t)m * h);
	op->dropout(d, g[1], g[1], &t->drop, (size_t)m * h);
	op->add_norm_backward(d, g[0], NULL, hm_params_grad(p, b->norm_w), hm_params_grad(p, b->norm_b), g[0],
			      g[1], NULL, t->s0, t->stats0, b->norm_w, NULL, m, h);
	op->add_rows_backward(d, hm_params_grad(p, b->position), t->pos, g[0], NULL, -1, m, h);
	if (b->type)
		op->add_rows_backward(d, hm_params_grad(p, b->type), NULL, g[0], NULL, -1, m, h);
}

const void *hm_bert_backward_rows(struct hm_bert_tape *t, const float *dfirst)
{
	if (t->d->err.code)
		return NULL;
	t->d->op->narrow(t->d, t->layers.grad[0], dfirst, (size_t)t->n * t->m->c.hidden);
	run_layers_backward(t);
	return t->layers.grad[0];
}

void hm_bert_backward(struct hm_bert_tape *t, const float *dpooled)
{
	struct hm_bert *b = t->m;
	const struct hm_params *p = &b->tower.params;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	void **g = t->layers.grad;
	int n = t->n, h = b->c.hidden;
	if (d->err.code)
		return;
	if (b->c.output == HM_BERT_CLS) {
		op->narrow(d, g[0], dpooled, (size_t)n * h);
	} else {
		op->narrow(d, g[1], dpooled, (size_t)n * h);
		op->tanh_backward(d, g[1], g[1], t->pooled, (size_t)n * h);
		op->dense_backward(d, g[0], hm_params_grad(p, b->pooler_w), hm_params_grad(p, b->pooler_b),
				   g[1], t->layers.out, b->pooler_w, n, h, h); /* [n,h] */
	}
	run_layers_backward(t);
	hm_bert_add_words_backward(t, g[0], NULL, t->ids, t->rows);
}
