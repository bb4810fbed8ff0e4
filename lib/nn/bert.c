/* BERT: configuration, parameter table, and the forward pass over packed sequences. See bert.h. */
#include "nn/bertparts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_LAYERS = 256, MAX_HIDDEN = 1 << 14, MAX_VOCAB = 1 << 22 };

/* ---- configuration */

static const struct {
	const char *name;
	struct hm_bert_config c;
} preset[] = {
	{"bert-base", {12, 768, 3072, 0, 512, 2, 12, 1e-12}},
	{"bert-tiny", {2, 128, 512, 0, 512, 2, 2, 1e-12}},
	{NULL},
};

const char *hm_bert_preset_name(int i)
{
	return preset[i].name;
}

bool hm_bert_config_preset(struct hm_bert_config *c, const char *name, int vocab)
{
	for (int i = 0; preset[i].name; i++)
		if (!strcmp(preset[i].name, name)) {
			*c = preset[i].c;
			c->vocab = vocab;
			return true;
		}
	return false;
}

int hm_bert_config_read(struct hm_bert_config *c, hm_find_fn *find, void *ctx, struct hm_err *e)
{
	int64_t word[2] = {0}, position[2] = {0}, type[2] = {0}, up[2] = {0};
	char name[64];
	int rc = hm_find_shape(find, ctx, "embeddings.word_embeddings.weight", 2, MAX_VOCAB, word, e);
	if (!rc)
		rc = hm_find_shape(find, ctx, "embeddings.position_embeddings.weight", 2, MAX_VOCAB, position,
				   e);
	if (!rc)
		rc = hm_find_shape(find, ctx, "embeddings.token_type_embeddings.weight", 2, MAX_VOCAB, type,
				   e);
	if (!rc)
		rc = hm_find_shape(find, ctx, "encoder.layer.0.intermediate.dense.weight", 2, MAX_VOCAB, up,
				   e);
	if (!rc && (word[1] > MAX_HIDDEN || up[0] > 8 * MAX_HIDDEN))
		rc = hm_err_set(e, HM_EDATA,
				"hidden size %lld with %lld inner units is more than any BERT has",
				(long long)word[1], (long long)up[0]);
	*c = (struct hm_bert_config){.hidden = (int)word[1],
				     .intermediate = (int)up[0],
				     .vocab = (int)word[0],
				     .positions = (int)position[0],
				     .types = (int)type[0],
				     .heads = word[1] > 64 ? (int)word[1] / 64 : 1,
				     .eps = 1e-12};
	do
		snprintf(name, sizeof name, "encoder.layer.%d.intermediate.dense.weight", ++c->layers);
	while (!rc && c->layers < MAX_LAYERS && find(ctx, name));
	return rc;
}

/* ---- parameters */

static void add_dense(struct hm_params *p, float **w, float **b, int n, int k, const char *at,
		      const char *name)
{
	hm_params_add(p, w, HM_INIT_NORMAL, HM_DIMS(n, k), "%s%s.weight", at, name);
	hm_params_add(p, b, HM_INIT_ZERO, HM_DIMS(n), "%s%s.bias", at, name);
}

static void add_norm(struct hm_params *p, float **w, float **b, int n, const char *at, const char *name)
{
	hm_params_add(p, w, HM_INIT_ONE, HM_DIMS(n), "%s%s.weight", at, name);
	hm_params_add(p, b, HM_INIT_ZERO, HM_DIMS(n), "%s%s.bias", at, name);
}

static void add_layer(struct hm_params *p, struct hm_bert_layer *l, const struct hm_bert_config *c, int i)
{
	static const char *const qkv[] = {"query", "key", "value"};
	int h = c->hidden;
	char at[32];
	snprintf(at, sizeof at, "encoder.layer.%d.", i);
	for (int j = 0; j < 3; j++)
		hm_params_add(p, &l->qkv_w[j], HM_INIT_NORMAL, HM_DIMS(h, h), "%sattention.self.%s.weight",
			      at, qkv[j]);
	for (int j = 0; j < 3; j++)
		hm_params_add(p, &l->qkv_b[j], HM_INIT_ZERO, HM_DIMS(h), "%sattention.self.%s.bias", at,
			      qkv[j]);
	add_dense(p, &l->out_w, &l->out_b, h, h, at, "attention.output.dense");
	add_norm(p, &l->norm1_w, &l->norm1_b, h, at, "attention.output.LayerNorm");
	add_dense(p, &l->up_w, &l->up_b, c->intermediate, h, at, "intermediate.dense");
	add_dense(p, &l->down_w, &l->down_b, h, c->intermediate, at, "output.dense");
	add_norm(p, &l->norm2_w, &l->norm2_b, h, at, "output.LayerNorm");
}

struct hm_bert *hm_bert_new(const struct hm_bert_config *c, struct hm_err *e)
{
	if (c->heads < 1 || c->hidden % c->heads || !(c->eps > 0)) {
		hm_err_set(e, HM_EDATA,
			   "a BERT of hidden size %d cannot have %d heads and a LayerNorm eps of %g",
			   c->hidden, c->heads, c->eps);
		return NULL;
	}
	struct hm_bert *m = hm_alloc(1, sizeof *m, e);
	if (!m)
		return NULL;
	struct hm_params *p = &m->params;
	int h = c->hidden;
	m->c = *c;
	m->layer = hm_alloc(c->layers, sizeof *m->layer, e);
	if (!m->layer)
		goto failed;
	hm_params_add(p, &m->word, HM_INIT_NORMAL_PAD, HM_DIMS(c->vocab, h),
		      "embeddings.word_embeddings.weight");
	hm_params_add(p, &m->position, HM_INIT_NORMAL, HM_DIMS(c->positions, h),
		      "embeddings.position_embeddings.weight");
	hm_params_add(p, &m->type, HM_INIT_NORMAL, HM_DIMS(c->types, h),
		      "embeddings.token_type_embeddings.weight");
	add_norm(p, &m->norm_w, &m->norm_b, h, "", "embeddings.LayerNorm");
	for (int i = 0; i < c->layers; i++)
		add_layer(p, &m->layer[i], c, i);
	add_dense(p, &m->pooler_w, &m->pooler_b, h, h, "", "pooler.dense");
	return m;
failed:
	hm_bert_free(m);
	return NULL;
}

void hm_bert_free(struct hm_bert *m)
{
	if (!m)
		return;
	hm_params_clear(&m->params);
	free(m->layer);
	free(m);
}

struct hm_params *hm_bert_params(struct hm_bert *m)
{
	return &m->params;
}

const struct hm_bert_config *hm_bert_config_of(const struct hm_bert *m)
{
	return &m->c;
}

/* ---- made ready for a device */

struct net_layer {
	struct hm_weight *qkv, *out, *up, *down;
	float *norm1_w, *norm1_b, *norm2_w, *norm2_b; /* device memory */
};

struct hm_bert_net {
	struct hm_bert_config c;
	struct hm_device *d;
	float *word, *position, *type, *norm_w, *norm_b; /* device memory */
	struct net_layer *layer;
	struct hm_weight *pooler;
};

static float *to_device(struct hm_device *d, const float *x, size_t n)
{
	float *y = d->op->alloc(d, n * sizeof *y);
	if (y)
		d->op->upload(d, y, x, n * sizeof *y);
	return y;
}

static void prepare_layer(struct net_layer *nl, const struct hm_bert_layer *l, const struct hm_bert_config *c,
			  struct hm_device *d)
{
	int h = c->hidden, f = c->intermediate;
	nl->qkv = d->op->linear_pack(d, &(struct hm_linear){3 * h, h, HM_ACT_NONE, false}, l->qkv_w[0],
				     l->qkv_b[0]);
	nl->out = d->op->linear_pack(d, &(struct hm_linear){h, h, HM_ACT_NONE, false}, l->out_w, l->out_b);
	nl->up = d->op->linear_pack(d, &(struct hm_linear){f, h, HM_ACT_GELU, false}, l->up_w, l->up_b);
	nl->down = d->op->linear_pack(d, &(struct hm_linear){h, f, HM_ACT_NONE, false}, l->down_w, l->down_b);
	nl->norm1_w = to_device(d, l->norm1_w, h);
	nl->norm1_b = to_device(d, l->norm1_b, h);
	nl->norm2_w = to_device(d, l->norm2_w, h);
	nl->norm2_b = to_device(d, l->norm2_b, h);
}

struct hm_bert_net *hm_bert_prepare(const struct hm_bert *m, struct hm_device *d, struct hm_err *e)
{
	struct hm_bert_net *net = hm_alloc(1, sizeof *net, e);
	int h = m->c.hidden;
	if (!net)
		return NULL;
	net->c = m->c;
	net->d = d;
	net->layer = hm_alloc(m->c.layers, sizeof *net->layer, e);
	if (!net->layer)
		goto failed;
	net->word = to_device(d, m->word, (size_t)m->c.vocab * h);
	net->position = to_device(d, m->position, (size_t)m->c.positions * h);
	net->type = to_device(d, m->type, h);
	net->norm_w = to_device(d, m->norm_w, h);
	net->norm_b = to_device(d, m->norm_b, h);
	for (int i = 0; i < m->c.layers; i++)
		prepare_layer(&net->layer[i], &m->layer[i], &m->c, d);
	net->pooler =
		d->op->linear_pack(d, &(struct hm_linear){h, h, HM_ACT_TANH, true}, m->pooler_w, m->pooler_b);
	if (!hm_device_error(d, e))
		return net;
failed:
	hm_bert_net_free(net);
	return NULL;
}

void hm_bert_net_free(struct hm_bert_net *net)
{
	if (!net)
		return;
	struct hm_device *d = net->d;
	for (int i = 0; net->layer && i < net->c.layers; i++) {
		struct net_layer *l = &net->layer[i];
		struct hm_weight *w[] = {l->qkv, l->out, l->up, l->down};
		float *norm[] = {l->norm1_w, l->norm1_b, l->norm2_w, l->norm2_b};
		for (int j = 0; j < 4; j++) {
			d->op->weight_free(d, w[j]);
			d->op->free(d, norm[j]);
		}
	}
	d->op->weight_free(d, net->pooler);
	d->op->free(d, net->word);
	d->op->free(d, net->position);
	d->op->free(d, net->type);
	d->op->free(d, net->norm_w);
	d->op->free(d, net->norm_b);
	free(net->layer);
	free(net);
}

/* ---- forward */

struct hm_bert_work {
	struct hm_device *d;
	int batch, tokens;
	int32_t *host;		  /* [2*tokens + batch]: positions, then first rows, host memory */
	int32_t *ids, *pos, *row; /* [tokens], [tokens], [batch], device memory */
	int32_t *len;		  /* [batch], device memory */
	void *x, *y;		  /* act [tokens,hidden] */
	void *wide;		  /* act [tokens, max(3*hidden, intermediate)] */
	float *pooled;		  /* [batch,hidden] */
};

struct hm_bert_work *hm_bert_work_new(const struct hm_bert_net *net, struct hm_device *d, int batch,
				      int tokens, struct hm_err *e)
{
	struct hm_bert_work *work = hm_alloc(1, sizeof *work, e);
	if (!work)
		return NULL;
	size_t rows = (size_t)d->op->rows_round(d, tokens > batch ? tokens : batch),
	       h = (size_t)net->c.hidden;
	size_t width = (size_t)net->c.intermediate > 3 * h ? (size_t)net->c.intermediate : 3 * h;
	size_t act = hm_dtype_size(d->act);
	*work = (struct hm_bert_work){.d = d, .batch = batch, .tokens = tokens};
	work->host = hm_alloc((size_t)tokens + batch, sizeof *work->host, &d->err);
	work->ids = d->op->alloc(d, (size_t)tokens * sizeof *work->ids);
	work->pos = d->op->alloc(d, (size_t)tokens * sizeof *work->pos);
	work->row = d->op->alloc(d, (size_t)batch * sizeof *work->row);
	work->len = d->op->alloc(d, (size_t)batch * sizeof *work->len);
	work->x = d->op->alloc(d, rows * h * act);
	work->y = d->op->alloc(d, rows * h * act);
	work->wide = d->op->alloc(d, rows * width * act);
	work->pooled = d->op->alloc(d, rows * h * sizeof *work->pooled);
	if (!hm_device_error(d, e))
		return work;
	hm_bert_work_free(work);
	return NULL;
}

void hm_bert_work_free(struct hm_bert_work *work)
{
	if (!work)
		return;
	void *all[] = {work->ids, work->pos, work->row,	 work->len,
		       work->x,	  work->y,   work->wide, work->pooled};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		work->d->op->free(work->d, all[i]);
	free(work->host);
	free(work);
}

/* Checks the batch, brings ids, positions, lengths, first rows to the device; the number of ids, or -1. */
static int stage_batch(const struct hm_bert_net *net, struct hm_bert_work *work, const int32_t *ids,
		       const int32_t *len, int n)
{
	struct hm_device *d = work->d;
	int32_t *pos = work->host, *row = work->host + work->tokens;
	int m = 0;
	if (n > work->batch)
		return hm_err_set(&d->err, HM_EDATA, "%d sequences in a batch made for %d", n, work->batch);
	for (int s = 0; s < n; s++) {
		if (len[s] < 1 || len[s] > net->c.positions || len[s] > work->tokens - m)
			return hm_err_set(&d->err, HM_EDATA,
					  "a sequence of %d tokens, this network takes 1 to %d", len[s],
					  net->c.positions);
		row[s] = m;
		for (int j = 0; j < len[s]; j++, m++) {
			if (ids[m] < 0 || ids[m] >= net->c.vocab)
				return hm_err_set(&d->err, HM_EDATA,
						  "token id %d, this network's vocabulary has %d", ids[m],
						  net->c.vocab);
			pos[m] = j;
		}
	}
	d->op->upload(d, work->ids, ids, (size_t)m * sizeof *ids);
	d->op->upload(d, work->pos, pos, (size_t)m * sizeof *pos);
	d->op->upload(d, work->row, row, (size_t)n * sizeof *row);
	d->op->upload(d, work->len, len, (size_t)n * sizeof *len);
	return m;
}

/* The layer's second half: x act [m,h] = LN(x + out(y)), then LN(x + down(gelu(up(x)))). */
static void feed_forward(const struct net_layer *l, const struct hm_bert_config *c, struct hm_bert_work *work,
			 int m)
{
	struct hm_device *d = work->d;
	const struct hm_ops *op = d->op;
	int h = c->hidden;
	op->matmul(d, work->wide, work->y, l->out, m);					       /* [m,h] */
	op->layer_norm(d, work->x, work->wide, work->x, l->norm1_w, l->norm1_b, c->eps, m, h); /* [m,h] */
	op->matmul(d, work->wide, work->x, l->up, m);					       /* [m,4h] */
	op->matmul(d, work->y, work->wide, l->down, m);					       /* [m,h] */
	op->layer_norm(d, work->x, work->y, work->x, l->norm2_w, l->norm2_b, c->eps, m, h);    /* [m,h] */
}

void hm_bert_encode(const struct hm_bert_net *net, struct hm_bert_work *work, const int32_t *ids,
		    const int32_t *len, int n, float *pooled)
{
	struct hm_device *d = work->d;
	const struct hm_ops *op = d->op;
	const struct hm_bert_config *c = &net->c;
	int h = c->hidden, dim = h / c->heads, m = stage_batch(net, work, ids, len, n);
	if (m < 1)
		return;
	op->embed(d, work->x, work->ids, work->pos, net->word, net->position, net->type, net->norm_w,
		  net->norm_b, c->eps, m, h); /* [m,h] */
	for (int i = 0; i < c->layers; i++) {
		op->matmul(d, work->wide, work->x, net->layer[i].qkv, m);	    /* [m,3h] */
		op->attention(d, work->y, work->wide, work->len, n, c->heads, dim); /* [m,h] */
		if (i ==
		    c->layers -
			    1) { /* the pooler reads the first row of each sequence, so only these go on */
			op->gather(d, work->wide, work->x, work->row, n, h);
			op->copy(d, work->x, work->wide, (size_t)n * h * hm_dtype_size(d->act));
			op->gather(d, work->wide, work->y, work->row, n, h);
			op->copy(d, work->y, work->wide, (size_t)n * h * hm_dtype_size(d->act));
			m = n;
		}
		feed_forward(&net->layer[i], c, work, m); /* [m,h] */
	}
	op->matmul(d, work->pooled, work->x, net->pooler, n); /* [n,h] */
	op->copy(d, pooled, work->pooled, (size_t)n * h * sizeof *pooled);
}
