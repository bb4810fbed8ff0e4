/* BERT: configuration, parameter table, and the forward pass over packed sequences. See bert.h. */
#include "nn/bertparts.h"

#include <assert.h>
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
			c->style = &hm_bert_style;
			return true;
		}
	return false;
}

const char *const hm_bert_output_names[] = {"pooler", "cls", "mean", NULL};

/* Whether layer i is there. */
static bool has_layer(const struct hm_bert_style *style, int i, hm_find_fn *find, void *ctx, char name[96])
{
	snprintf(name, 96, "%s%d.%sweight", style->names->layers, i, style->names->up);
	return find(ctx, name);
}

int hm_bert_config_read(struct hm_bert_config *c, const struct hm_bert_style *style, hm_find_fn *find,
			void *ctx, struct hm_err *e)
{
	int64_t word[2] = {0}, position[2] = {0}, type[2] = {0}, up[2] = {0};
	char name[96];
	int rc = hm_find_shape(find, ctx, "embeddings.word_embeddings.weight", 2, MAX_VOCAB, word, e);
	if (!rc)
		rc = hm_find_shape(find, ctx, "embeddings.position_embeddings.weight", 2, MAX_VOCAB, position,
				   e);
	if (!rc && !style->no_types)
		rc = hm_find_shape(find, ctx, "embeddings.token_type_embeddings.weight", 2, MAX_VOCAB, type,
				   e);
	has_layer(style, 0, find, ctx, name);
	if (!rc)
		rc = hm_find_shape(find, ctx, name, 2, MAX_VOCAB, up, e);
	if (!rc && (word[1] > MAX_HIDDEN || up[0] > 8 * MAX_HIDDEN || position[0] <= style->first))
		rc = hm_err_set(e, HM_EDATA,
				"hidden size %lld with %lld inner units and %lld positions is nothing that "
				"any %s has",
				(long long)word[1], (long long)up[0], (long long)position[0],
				style->kind->tensors);
	*c = (struct hm_bert_config){.hidden = (int)word[1],
				     .intermediate = (int)up[0],
				     .vocab = (int)word[0],
				     .positions = (int)position[0] - style->first,
				     .types = (int)type[0],
				     .heads = word[1] > 64 ? (int)word[1] / 64 : 1,
				     .eps = style->eps,
				     .no_pooler = !find(ctx, "pooler.dense.weight"),
				     .style = style};
	while (!rc && c->layers < MAX_LAYERS && has_layer(style, c->layers, find, ctx, name))
		c->layers++;
	return rc;
}

/* ---- parameters */

static const struct hm_layer_names bert_names = {.layers = "encoder.layer.",
						 .query = "attention.self.query.",
						 .key = "attention.self.key.",
						 .value = "attention.self.value.",
						 .out = "attention.output.dense.",
						 .norm1 = "attention.output.LayerNorm.",
						 .up = "intermediate.dense.",
						 .down = "output.dense.",
						 .norm2 = "output.LayerNorm."},
				   distilbert_names = {.layers = "transformer.layer.",
						       .query = "attention.q_lin.",
						       .key = "attention.k_lin.",
						       .value = "attention.v_lin.",
						       .out = "attention.out_lin.",
						       .norm1 = "sa_layer_norm.",
						       .up = "ffn.lin1.",
						       .down = "ffn.lin2.",
						       .norm2 = "output_layer_norm."};

const struct hm_bert_style hm_bert_style = {&hm_bert_tower, &bert_names, 0, 0, false, 1e-12},
			   hm_roberta_style = {&hm_roberta_tower, &bert_names, 2, 1, false, 1e-5},
			   hm_distilbert_style = {&hm_distilbert_tower, &distilbert_names, 0, 0, true, 1e-12};

static void add_embeddings(struct hm_bert *m, struct hm_params *p)
{
	const struct hm_bert_config *c = &m->c;
	int h = c->hidden;
	/* only row 0 can be padding in a table that starts from a random seed: the presets are BERTs */
	hm_params_add(p, &m->word, c->style->padding ? HM_INIT_NORMAL : HM_INIT_NORMAL_PAD,
		      HM_DIMS(c->vocab, h), "embeddings.word_embeddings.weight");
	hm_params_add(p, &m->position, HM_INIT_NORMAL, HM_DIMS(c->positions + c->style->first, h),
		      "embeddings.position_embeddings.weight");
	if (!c->style->no_types)
		hm_params_add(p, &m->type, HM_INIT_NORMAL, HM_DIMS(c->types, h),
			      "embeddings.token_type_embeddings.weight");
	hm_params_add(p, &m->norm_w, HM_INIT_ONE, HM_DIMS(h), "embeddings.LayerNorm.weight");
	hm_params_add(p, &m->norm_b, HM_INIT_ZERO, HM_DIMS(h), "embeddings.LayerNorm.bias");
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
	struct hm_params *p = &m->tower.params;
	int h = c->hidden;
	m->tower.kind = c->style->kind;
	m->c = *c;
	const struct hm_layers_config layers = {.layers = c->layers,
						.hidden = h,
						.intermediate = c->intermediate,
						.heads = c->heads,
						.eps = c->eps,
						.act = HM_ACT_GELU};
	add_embeddings(m, p);
	if (hm_layers_init(&m->layers, &layers, c->style->names, p, e)) {
		hm_bert_free(m);
		return NULL;
	}
	if (!c->no_pooler) {
		hm_params_add(p, &m->pooler_w, HM_INIT_NORMAL, HM_DIMS(h, h), "pooler.dense.weight");
		hm_params_add(p, &m->pooler_b, HM_INIT_ZERO, HM_DIMS(h), "pooler.dense.bias");
	}
	return m;
}

void hm_bert_free(struct hm_bert *m)
{
	if (!m)
		return;
	hm_params_clear(&m->tower.params);
	hm_layers_clear(&m->layers);
	free(m);
}

struct hm_params *hm_bert_params(struct hm_bert *m)
{
	return &m->tower.params;
}

const struct hm_bert_config *hm_bert_config_of(const struct hm_bert *m)
{
	return &m->c;
}

/* ---- made ready for a device */

struct hm_bert_net {
	struct hm_bert_config c;
	struct hm_device *d;
	float *word, *position, *type, *norm_w, *norm_b; /* device memory */
	struct hm_layers_net layers;
	struct hm_weight *pooler;
	bool borrowed; /* `word` is the tower's, which stays */
};

struct hm_bert_net *hm_bert_prepare(const struct hm_bert *m, struct hm_device *d, struct hm_err *e)
{
	struct hm_bert_net *net = hm_alloc(1, sizeof *net, e);
	int h = m->c.hidden;
	if (!net)
		return NULL;
	net->c = m->c;
	net->d = d;
	net->borrowed = m->tower.params.borrowed;
	net->word = hm_device_hold(d, m->word, (size_t)m->c.vocab * h, net->borrowed);
	net->position = hm_device_floats(d, m->position, (size_t)(m->c.positions + m->c.style->first) * h);
	net->type = m->type ? hm_device_floats(d, m->type, h) : d->op->alloc(d, (size_t)h * sizeof(float));
	net->norm_w = hm_device_floats(d, m->norm_w, h);
	net->norm_b = hm_device_floats(d, m->norm_b, h);
	hm_layers_prepare(&net->layers, &m->layers, false, d);
	if (m->c.output == HM_BERT_POOLER)
		net->pooler = d->op->linear_pack(d, &(struct hm_linear){h, h, HM_ACT_TANH, true}, m->pooler_w,
						 m->pooler_b);
	if (!hm_device_error(d, e))
		return net;
	hm_bert_net_free(net);
	return NULL;
}

void hm_bert_net_free(struct hm_bert_net *net)
{
	if (!net)
		return;
	struct hm_device *d = net->d;
	hm_layers_net_clear(&net->layers);
	d->op->weight_free(d, net->pooler);
	hm_device_drop(d, net->word, net->borrowed);
	d->op->free(d, net->position);
	d->op->free(d, net->type);
	d->op->free(d, net->norm_w);
	d->op->free(d, net->norm_b);
	free(net);
}

/* ---- forward */

struct hm_bert_work {
	const struct hm_bert_net *net;
	struct hm_device *d;
	int batch, tokens;
	int m, n;		  /* rows and sequences of the batch */
	int32_t *host;		  /* [2*tokens + batch]: positions, then first rows, host memory */
	int32_t *ids, *pos, *row; /* [tokens], [tokens], [batch], device memory */
	int32_t *len;		  /* [batch], device memory */
	struct hm_layers_work layers;
	float *pooled; /* [batch,hidden]; before that, rows of the caller's [tokens,hidden] */
	/* HM_BERT_MEAN: the last hidden states [tokens,hidden]; the share of each token in the mean of its
	 * sequence [tokens,batch], on the device and on the host. */
	float *wide, *share, *host_share;
};

struct hm_bert_work *hm_bert_work_new(const struct hm_bert_net *net, struct hm_device *d, int batch,
				      int tokens, struct hm_err *e)
{
	struct hm_bert_work *work = hm_alloc(1, sizeof *work, e);
	if (!work)
		return NULL;
	int room = tokens > batch ? tokens : batch;
	size_t rows = (size_t)d->op->rows_round(d, room), h = (size_t)net->c.hidden;
	*work = (struct hm_bert_work){.net = net, .d = d, .batch = batch, .tokens = tokens};
	work->host = hm_alloc((size_t)tokens + batch, sizeof *work->host, &d->err);
	work->ids = d->op->alloc(d, (size_t)tokens * sizeof *work->ids);
	work->pos = d->op->alloc(d, (size_t)tokens * sizeof *work->pos);
	work->row = d->op->alloc(d, (size_t)batch * sizeof *work->row);
	work->len = d->op->alloc(d, (size_t)batch * sizeof *work->len);
	hm_layers_work_init(&work->layers, &net->layers, d, room);
	work->pooled = d->op->alloc(d, rows * h * sizeof *work->pooled);
	if (net->c.output == HM_BERT_MEAN) {
		size_t shares = (size_t)tokens * (size_t)batch;
		work->wide = d->op->alloc(d, (size_t)tokens * h * sizeof *work->wide);
		work->share = d->op->alloc(d, shares * sizeof *work->share);
		work->host_share = hm_alloc(shares, sizeof *work->host_share, &d->err);
	}
	if (!hm_device_error(d, e))
		return work;
	hm_bert_work_free(work);
	return NULL;
}

void hm_bert_work_free(struct hm_bert_work *work)
{
	if (!work)
		return;
	void *all[] = {work->ids, work->pos, work->row, work->len, work->pooled, work->wide, work->share};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		work->d->op->free(work->d, all[i]);
	hm_layers_work_clear(&work->layers);
	free(work->host);
	free(work->host_share);
	free(work);
}

/* Checks the lengths and uploads positions, lengths and first rows; sets the sizes of the batch. 0 or a
 * negative code. */
static int stage_lengths(struct hm_bert_work *work, const int32_t *len, int n)
{
	struct hm_device *d = work->d;
	const struct hm_bert_config *c = &work->net->c;
	int32_t *pos = work->host, *row = work->host + work->tokens;
	int m = 0;
	if (n > work->batch)
		return hm_err_set(&d->err, HM_EDATA,
				  "a batch of %d sequences is larger than the %d that memory was made for", n,
				  work->batch);
	for (int s = 0; s < n; s++) {
		if (len[s] < 1 || len[s] > c->positions || len[s] > work->tokens - m)
			return hm_err_set(
				&d->err, HM_EDATA,
				"a sequence of %d tokens is outside 1 to %d, the lengths this network takes",
				len[s], c->positions);
		row[s] = m;
		for (int j = 0; j < len[s]; j++)
			pos[m++] = c->style->first + j;
	}
	d->op->upload(d, work->pos, pos, (size_t)m * sizeof *pos);
	d->op->upload(d, work->row, row, (size_t)n * sizeof *row);
	d->op->upload(d, work->len, len, (size_t)n * sizeof *len);
	work->m = m, work->n = n;
	return d->err.code;
}

/* pooled [n,h] := the mean of each sequence's last hidden states, as one product: shares^T [n,m] . x [m,h].
 */
static void pool_mean(struct hm_bert_work *work, const int32_t *len, int n, int m, int h)
{
	struct hm_device *d = work->d;
	memset(work->host_share, 0, (size_t)m * (size_t)n * sizeof *work->host_share);
	for (int s = 0, r = 0; s < n; s++)
		for (int j = 0; j < len[s]; j++, r++)
			work->host_share[(size_t)r * (size_t)n + (size_t)s] = 1 / (float)len[s];
	d->op->upload(d, work->share, work->host_share, (size_t)m * (size_t)n * sizeof *work->share);
	d->op->widen(d, work->wide, work->layers.x, (size_t)m * (size_t)h);
	d->op->zero(d, work->pooled, (size_t)n * (size_t)h * sizeof *work->pooled);
	d->op->linear_backward(d, NULL, work->pooled, NULL, work->share, work->wide, NULL, m, n, h);
}

void hm_bert_encode(const struct hm_bert_net *net, struct hm_bert_work *work, const int32_t *ids,
		    const int32_t *len, int n, float *pooled)
{
	struct hm_device *d = work->d;
	const struct hm_ops *op = d->op;
	const struct hm_bert_config *c = &net->c;
	int h = c->hidden;
	if (stage_lengths(work, len, n))
		return;
	int m = work->m;
	for (int r = 0; r < m; r++)
		assert(ids[r] >= 0 && ids[r] < c->vocab); /* hm_encoder_check_ids is the door */
	op->upload(d, work->ids, ids, (size_t)m * sizeof *ids);
	op->embed(d, work->layers.x, work->ids, work->pos, net->word, net->position, net->type, net->norm_w,
		  net->norm_b, c->eps, m, h); /* [m,h] */
	/* the pooler and `cls` read the first row of each sequence, the mean all of them */
	const int32_t *row = c->output == HM_BERT_MEAN ? NULL : work->row;
	const struct hm_packed packed = {m, n, work->len, row};
	const void *x = hm_layers_infer(&net->layers, &work->layers, &packed); /* [n,h] or [m,h] */
	if (c->output == HM_BERT_POOLER)
		op->matmul(d, work->pooled, x, net->pooler, n); /* [n,h] */
	else if (c->output == HM_BERT_CLS)
		op->widen(d, work->pooled, x, (size_t)n * h);
	else
		pool_mean(work, len, n, m, h);
	op->copy(d, pooled, work->pooled, (size_t)n * h * sizeof *pooled);
}

/* ---- rows that are not words alone */

static float *begin_rows(void *run, const int32_t *len, int n)
{
	struct hm_bert_work *work = run;
	if (stage_lengths(work, len, n))
		return NULL;
	work->d->op->zero(work->d, work->pooled,
			  (size_t)work->m * (size_t)work->net->c.hidden * sizeof *work->pooled);
	return work->pooled;
}

static void add_words(void *run, const int32_t *at, const int32_t *ids, int count)
{
	struct hm_bert_work *work = run;
	work->d->op->add_rows(work->d, work->pooled, at, work->net->word, ids, count, work->net->c.hidden);
}

static void add_positions(void *run, const int32_t *at, const int32_t *pos, int count)
{
	struct hm_bert_work *work = run;
	work->d->op->add_rows(work->d, work->pooled, at, work->net->position, pos, count,
			      work->net->c.hidden);
}

static void forward_rows(void *run, const struct hm_dropout *drop, float *first)
{
	struct hm_bert_work *work = run;
	const struct hm_bert_net *net = work->net;
	struct hm_device *d = work->d;
	const struct hm_ops *op = d->op;
	int m = work->m, h = net->c.hidden;
	(void)drop;
	if (d->err.code)
		return;
	op->add_rows(d, work->pooled, NULL, net->position, work->pos, m, h);
	op->add_rows(d, work->pooled, NULL, net->type, NULL, m, h);
	op->narrow(d, work->layers.y, work->pooled, (size_t)m * h);
	op->layer_norm(d, work->layers.x, work->layers.y, NULL, net->norm_w, net->norm_b, net->c.eps, m,
		       h); /* [m,h] */
	const void *x = hm_layers_infer(&net->layers, &work->layers,
					&(struct hm_packed){m, work->n, work->len, work->row}); /* [n,h] */
	op->widen(d, first, x, (size_t)work->n * h);
}

const struct hm_tower_rows hm_bert_rows = {begin_rows, add_words, add_positions, forward_rows};
