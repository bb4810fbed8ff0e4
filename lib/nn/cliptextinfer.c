/* The text tower of CLIP in inference. See cliptext.h. */
#include "nn/cliptext.h"

#include <stdlib.h>

struct text_net {
	struct hm_clip_text_config c;
	struct hm_device *d;
	float *word, *position; /* device memory */
	struct hm_layers_net layers;
	struct hm_weight *projection;
	bool borrowed; /* `word` is the tower's, which stays */
};

static void free_net(void *p)
{
	struct text_net *net = p;
	if (!net)
		return;
	struct hm_device *d = net->d;
	hm_layers_net_clear(&net->layers);
	d->op->weight_free(d, net->projection);
	hm_device_drop(d, net->word, net->borrowed);
	d->op->free(d, net->position);
	free(net);
}

static void *prepare_net(const struct hm_tower *t, struct hm_device *d, struct hm_err *e)
{
	const struct hm_clip_text *m = (const struct hm_clip_text *)t;
	const struct hm_clip_text_config *c = &m->c;
	struct text_net *net = hm_alloc(1, sizeof *net, e);
	int h = c->layers.hidden;
	if (!net)
		return NULL;
	*net = (struct text_net){.c = *c, .d = d};
	net->borrowed = t->params.borrowed;
	net->word = hm_device_hold(d, m->word, (size_t)c->vocab * (size_t)h, net->borrowed);
	net->position = hm_device_floats(d, m->position, (size_t)c->positions * (size_t)h);
	hm_layers_prepare(&net->layers, &m->layers, false, d);
	if (c->projected)
		net->projection = d->op->linear_pack(
			d, &(struct hm_linear){c->projection, h, HM_ACT_NONE, true}, m->projection, NULL);
	if (!hm_device_error(d, e))
		return net;
	free_net(net);
	return NULL;
}

struct text_work {
	struct hm_device *d;
	int n, tokens;
	int32_t *host;			/* [tokens + n]: positions, then rows, host memory */
	int32_t *ids, *pos, *row, *len; /* [tokens], [tokens], [n], [n] */
	float *sum;			/* f32 [tokens,h] */
	float *pooled;			/* f32 [n,width] */
	struct hm_layers_work layers;
};

static void free_work(void *p)
{
	struct text_work *k = p;
	if (!k)
		return;
	void *all[] = {k->ids, k->pos, k->row, k->len, k->sum, k->pooled};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		k->d->op->free(k->d, all[i]);
	hm_layers_work_clear(&k->layers);
	free(k->host);
	free(k);
}

static void *new_work(const void *p, struct hm_device *d, const struct hm_tower_room *room, struct hm_err *e)
{
	const struct text_net *net = p;
	struct text_work *k = hm_alloc(1, sizeof *k, e);
	if (!k)
		return NULL;
	size_t h = (size_t)net->c.layers.hidden, n = (size_t)room->n, tokens = (size_t)room->rows,
	       width = net->c.projected ? (size_t)net->c.projection : h;
	*k = (struct text_work){.d = d, .n = room->n, .tokens = (int)room->rows};
	k->host = hm_alloc(tokens + n, sizeof *k->host, &d->err);
	k->ids = d->op->alloc(d, tokens * sizeof *k->ids);
	k->pos = d->op->alloc(d, tokens * sizeof *k->pos);
	k->row = d->op->alloc(d, n * sizeof *k->row);
	k->len = d->op->alloc(d, n * sizeof *k->len);
	k->sum = d->op->alloc(d, tokens * h * sizeof *k->sum);
	k->pooled = d->op->alloc(d, (size_t)d->op->rows_round(d, room->n) * width * sizeof *k->pooled);
	hm_layers_work_init(&k->layers, &net->layers, d, (int)(tokens > n ? tokens : n));
	if (!hm_device_error(d, e))
		return k;
	free_work(k);
	return NULL;
}

static void encode_batch(const void *p, void *work, const struct hm_tower_batch *b,
			 float *const out[HM_GIVES])
{
	const struct text_net *net = p;
	struct text_work *k = work;
	struct hm_device *d = k->d;
	const struct hm_ops *op = d->op;
	const struct hm_clip_text_config *c = &net->c;
	int h = c->layers.hidden, n = b->n;
	if (n > k->n) {
		hm_err_set(&d->err, HM_EDATA, "%d sequences are more than the %d that memory was made for", n,
			   k->n);
		return;
	}
	int m = hm_clip_text_stage(c, d, k->host, b->ids, b->len, n, k->tokens);
	if (m < 1)
		return;
	op->upload(d, k->ids, b->ids, (size_t)m * sizeof *k->ids);
	op->upload(d, k->pos, k->host, (size_t)m * sizeof *k->pos);
	op->upload(d, k->row, k->host + m, (size_t)n * sizeof *k->row);
	op->upload(d, k->len, b->len, (size_t)n * sizeof *k->len);
	op->zero(d, k->sum, (size_t)m * (size_t)h * sizeof *k->sum);
	op->add_rows(d, k->sum, NULL, net->word, k->ids, m, h);
	op->add_rows(d, k->sum, NULL, net->position, k->pos, m, h);
	op->narrow(d, k->layers.x, k->sum, (size_t)m * (size_t)h); /* [m,h] */
	const struct hm_packed packed = {m, n, k->len, k->row};
	const void *y = hm_layers_infer(&net->layers, &k->layers, &packed); /* [n,h] */
	if (c->projected)
		op->matmul(d, k->pooled, y, net->projection, n); /* [n,projection] */
	else
		op->widen(d, k->pooled, y, (size_t)n * (size_t)h);
	op->copy(d, out[HM_POOLED], k->pooled,
		 (size_t)n * (size_t)(c->projected ? c->projection : h) * sizeof *k->pooled);
}

const struct hm_tower_infer hm_clip_text_infer = {prepare_net, free_net,     new_work,
						  free_work,   encode_batch, NULL};
