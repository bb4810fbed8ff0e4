/* The text tower of CLIP in training: forward and backward, side by side. See cliptext.h. Dropout: none, as
 * published. */
#include "nn/cliptext.h"
#include "nn/slab.h"

#include <stdlib.h>

struct text_tape {
	struct hm_clip_text *m;
	struct hm_device *d;
	int n, rows; /* sequences, rows m of them all */
	struct hm_slab slab;
	struct hm_buf host;		/* i32: positions [m], rows [n] */
	int32_t *ids, *pos, *row, *len; /* [m], [m], [n], [n] */
	float *sum;			/* f32 [m,h] */
	void *pooled;			/* act [n,projection] */
	struct hm_layers_tape layers;
};

static void free_tape(void *p)
{
	struct text_tape *t = p;
	if (!t)
		return;
	hm_slab_clear(&t->slab);
	hm_buf_clear(&t->host);
	hm_layers_tape_clear(&t->layers);
	free(t);
}

static void *new_tape(struct hm_tower *tower, struct hm_device *d, bool backward, struct hm_err *e)
{
	struct hm_clip_text *m = (struct hm_clip_text *)tower;
	struct text_tape *t = hm_alloc(1, sizeof *t, e);
	if (!t)
		return NULL;
	*t = (struct text_tape){.m = m, .d = d, .slab = {.d = d}};
	if (backward && !m->c.projected) /* it is not part of the loss */
		hm_params_hold(&tower->params, "text_projection.");
	if (!hm_layers_tape_init(&t->layers, &m->layers, d, backward, e))
		return t;
	free_tape(t);
	return NULL;
}

static void plan_tape(struct text_tape *t)
{
	struct hm_slab *s = &t->slab;
	const struct hm_clip_text_config *c = &t->m->c;
	size_t m = (size_t)t->rows, n = (size_t)t->n, h = (size_t)c->layers.hidden,
	       act = hm_dtype_size(t->d->act), wanted = (size_t)t->d->op->rows_round(t->d, t->n);
	t->ids = hm_slab_take(s, m * sizeof *t->ids);
	t->pos = hm_slab_take(s, m * sizeof *t->pos);
	t->row = hm_slab_take(s, n * sizeof *t->row);
	t->len = hm_slab_take(s, n * sizeof *t->len);
	t->sum = hm_slab_take(s, m * h * sizeof *t->sum);
	t->pooled = c->projected ? hm_slab_take(s, wanted * (size_t)c->projection * act) : NULL;
	hm_layers_plan(&t->layers, s, t->rows, t->n, false);
}

static void reserve_rows(struct text_tape *t, int n, int64_t rows)
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

static void reserve_tape(void *tape, const struct hm_tower_room *room)
{
	reserve_rows(tape, room->n, room->rows);
}

static void forward_batch(void *tape, const struct hm_tower_batch *b, const struct hm_tower_pass *how,
			  float *const out[HM_GIVES])
{
	struct text_tape *t = tape;
	struct hm_clip_text *k = t->m;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int h = k->c.layers.hidden, n = b->n;
	int64_t rows = 0;
	(void)how;
	for (int s = 0; s < n; s++)
		rows += b->len[s];
	t->host.len = 0;
	if (!d->err.code)
		reserve_rows(t, n, rows);
	if (d->err.code || hm_buf_reserve(&t->host, ((size_t)rows + (size_t)n) * sizeof(int32_t), &d->err))
		return;
	int32_t *host = (int32_t *)(void *)t->host.data;
	int m = hm_clip_text_stage(&k->c, d, host, b->ids, b->len, n, t->rows);
	if (m < 1)
		return;
	op->upload(d, t->ids, b->ids, (size_t)m * sizeof *t->ids);
	op->upload(d, t->pos, host, (size_t)m * sizeof *t->pos);
	op->upload(d, t->row, host + m, (size_t)n * sizeof *t->row);
	op->upload(d, t->len, b->len, (size_t)n * sizeof *t->len);
	op->zero(d, t->sum, (size_t)m * (size_t)h * sizeof *t->sum);
	op->add_rows(d, t->sum, NULL, k->word, t->ids, m, h);
	op->add_rows(d, t->sum, NULL, k->position, t->pos, m, h);
	op->narrow(d, t->layers.x, t->sum, (size_t)m * (size_t)h);
	hm_layers_forward(&t->layers, &(struct hm_packed){m, n, t->len, t->row}, NULL); /* [n,h] */
	if (!k->c.projected) {
		op->widen(d, out[HM_POOLED], t->layers.out, (size_t)n * (size_t)h);
		return;
	}
	op->dense_forward(d, t->pooled, t->layers.out, k->projection, NULL, n, k->c.projection, h);
	op->widen(d, out[HM_POOLED], t->pooled, (size_t)n * (size_t)k->c.projection);
}

static void backward_batch(void *tape, const float *dpooled)
{
	struct text_tape *t = tape;
	struct hm_clip_text *k = t->m;
	const struct hm_params *p = &k->tower.params;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	void *g = t->layers.grad[0];
	int h = k->c.layers.hidden, n = t->n;
	if (d->err.code)
		return;
	if (k->c.projected) {
		op->narrow(d, t->pooled, dpooled, (size_t)n * (size_t)k->c.projection);
		op->dense_backward(d, g, hm_params_grad(p, k->projection), NULL, t->pooled, t->layers.out,
				   k->projection, n, k->c.projection, h);
	} else {
		op->narrow(d, g, dpooled, (size_t)n * (size_t)h);
	}
	hm_layers_backward(&t->layers); /* [m,h] */
	op->add_rows_backward(d, hm_params_grad(p, k->word), t->ids, t->layers.dx, NULL, -1, t->rows, h);
	op->add_rows_backward(d, hm_params_grad(p, k->position), t->pos, t->layers.dx, NULL, -1, t->rows, h);
}

const struct hm_tower_train hm_clip_text_train = {new_tape,	  free_tape, reserve_tape, forward_batch,
						  backward_batch, NULL,	     NULL};
