/* Transformer layers: parameters and inference. See layers.h; training is in layerstrain.c. */
#include "nn/layers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- parameters */

static void add_linear(struct hm_params *p, float **w, float **b, int n, int k, const char *at,
		       const char *name)
{
	hm_params_add(p, w, HM_INIT_NORMAL, HM_DIMS(n, k), "%s%sweight", at, name);
	hm_params_add(p, b, HM_INIT_ZERO, HM_DIMS(n), "%s%sbias", at, name);
}

static void add_norm(struct hm_params *p, float **w, float **b, int n, const char *at, const char *name)
{
	hm_params_add(p, w, HM_INIT_ONE, HM_DIMS(n), "%s%sweight", at, name);
	hm_params_add(p, b, HM_INIT_ZERO, HM_DIMS(n), "%s%sbias", at, name);
}

static void add_layer(struct hm_params *p, struct hm_layer *l, const struct hm_layers_config *c,
		      const struct hm_layer_names *names, int i)
{
	const char *const qkv[] = {names->query, names->key, names->value};
	int h = c->hidden;
	char at[64];
	snprintf(at, sizeof at, "%s%d.", names->layers, i);
	for (int j = 0; j < 3; j++)
		hm_params_add(p, &l->qkv_w[j], HM_INIT_NORMAL, HM_DIMS(h, h), "%s%sweight", at, qkv[j]);
	for (int j = 0; j < 3; j++)
		hm_params_add(p, &l->qkv_b[j], HM_INIT_ZERO, HM_DIMS(h), "%s%sbias", at, qkv[j]);
	add_linear(p, &l->out_w, &l->out_b, h, h, at, names->out);
	add_norm(p, &l->norm1_w, &l->norm1_b, h, at, names->norm1);
	add_linear(p, &l->up_w, &l->up_b, c->intermediate, h, at, names->up);
	add_linear(p, &l->down_w, &l->down_b, h, c->intermediate, at, names->down);
	add_norm(p, &l->norm2_w, &l->norm2_b, h, at, names->norm2);
	if (names->scale1) {
		hm_params_add(p, &l->scale1, HM_INIT_ONE, HM_DIMS(h), "%s%s", at, names->scale1);
		hm_params_add(p, &l->scale2, HM_INIT_ONE, HM_DIMS(h), "%s%s", at, names->scale2);
	}
}

int hm_layers_init(struct hm_layers *l, const struct hm_layers_config *c, const struct hm_layer_names *names,
		   struct hm_params *p, struct hm_err *e)
{
	*l = (struct hm_layers){
		.c = *c, .params = p, .layer = hm_alloc((size_t)c->layers, sizeof *l->layer, e)};
	if (!l->layer)
		return HM_EDATA;
	for (int i = 0; i < c->layers; i++)
		add_layer(p, &l->layer[i], c, names, i);
	if (c->pre_norm)
		add_norm(p, &l->last_w, &l->last_b, c->hidden, "", names->last_norm);
	return 0;
}

void hm_layers_clear(struct hm_layers *l)
{
	free(l->layer);
	*l = (struct hm_layers){0};
}

/* ---- made ready for a device */

struct hm_layer_packed {
	struct hm_weight *qkv, *out, *up, *down;
	float *norm1_w, *norm1_b, *norm2_w, *norm2_b; /* device memory */
};

/* Packs w [n,k] and b [n], host memory, with their rows multiplied by `scale` [n]; NULL: as they are. */
static struct hm_weight *pack_scaled(struct hm_device *d, const struct hm_linear *linear, const float *w,
				     const float *b, const float *scale)
{
	int n = linear->n, k = linear->k;
	if (!scale)
		return d->op->linear_pack(d, linear, w, b);
	float *scaled = hm_alloc((size_t)n * ((size_t)k + 1), sizeof *scaled, &d->err);
	if (!scaled)
		return NULL;
	float *bias = scaled + (size_t)n * (size_t)k;
	for (int r = 0; r < n; r++) {
		for (int j = 0; j < k; j++)
			scaled[(size_t)r * (size_t)k + (size_t)j] =
				scale[r] * w[(size_t)r * (size_t)k + (size_t)j];
		bias[r] = scale[r] * b[r];
	}
	struct hm_weight *packed = d->op->linear_pack(d, linear, scaled, bias);
	free(scaled);
	return packed;
}

/* Packs query, key and value as one matrix. Borrowed parameters do not stand one after the other. */
static struct hm_weight *pack_qkv(struct hm_device *d, struct hm_linear linear, const struct hm_layer *l,
				  bool borrowed)
{
	size_t h = (size_t)linear.k, part = h * h;
	if (!borrowed)
		return d->op->linear_pack(d, &linear, l->qkv_w[0], l->qkv_b[0]);
	float *joined = hm_alloc(3 * (part + h), sizeof *joined, &d->err), *bias = joined + 3 * part;
	if (!joined)
		return NULL;
	linear.stay = false;
	for (size_t j = 0; j < 3; j++) {
		memcpy(joined + j * part, l->qkv_w[j], part * sizeof *joined);
		memcpy(bias + j * h, l->qkv_b[j], h * sizeof *bias);
	}
	struct hm_weight *packed = d->op->linear_pack(d, &linear, joined, bias);
	free(joined);
	return packed;
}

static void pack_layer(struct hm_layer_packed *to, const struct hm_layer *l, const struct hm_layers_config *c,
		       bool same, bool stay, struct hm_device *d)
{
	int h = c->hidden, f = c->intermediate;
	const struct hm_linear qkv = {.n = 3 * h, .k = h, .same = same},
			       out = {.n = h, .k = h, .same = same, .stay = stay && !l->scale1},
			       up = {.n = f, .k = h, .act = c->act, .same = same, .stay = stay},
			       down = {.n = h, .k = f, .same = same, .stay = stay && !l->scale2};
	to->qkv = pack_qkv(d, qkv, l, stay);
	to->out = pack_scaled(d, &out, l->out_w, l->out_b, l->scale1);
	to->up = d->op->linear_pack(d, &up, l->up_w, l->up_b);
	to->down = pack_scaled(d, &down, l->down_w, l->down_b, l->scale2);
	to->norm1_w = hm_device_floats(d, l->norm1_w, (size_t)h);
	to->norm1_b = hm_device_floats(d, l->norm1_b, (size_t)h);
	to->norm2_w = hm_device_floats(d, l->norm2_w, (size_t)h);
	to->norm2_b = hm_device_floats(d, l->norm2_b, (size_t)h);
}

void hm_layers_prepare(struct hm_layers_net *net, const struct hm_layers *l, bool same, struct hm_device *d)
{
	const struct hm_layers_config *c = &l->c;
	*net = (struct hm_layers_net){.c = *c, .d = d};
	net->layer = hm_alloc((size_t)c->layers, sizeof *net->layer, &d->err);
	for (int i = 0; net->layer && i < c->layers; i++)
		pack_layer(&net->layer[i], &l->layer[i], c, same, l->params->borrowed, d);
	if (c->pre_norm) {
		net->last_w = hm_device_floats(d, l->last_w, (size_t)c->hidden);
		net->last_b = hm_device_floats(d, l->last_b, (size_t)c->hidden);
	}
}

void hm_layers_net_clear(struct hm_layers_net *net)
{
	struct hm_device *d = net->d;
	for (int i = 0; net->layer && i < net->c.layers; i++) {
		struct hm_layer_packed *l = &net->layer[i];
		struct hm_weight *w[] = {l->qkv, l->out, l->up, l->down};
		float *norm[] = {l->norm1_w, l->norm1_b, l->norm2_w, l->norm2_b};
		for (int j = 0; j < 4; j++) {
			d->op->weight_free(d, w[j]);
			d->op->free(d, norm[j]);
		}
	}
	if (d) {
		d->op->free(d, net->last_w);
		d->op->free(d, net->last_b);
	}
	free(net->layer);
	*net = (struct hm_layers_net){0};
}

/* ---- inference */

void hm_layers_work_init(struct hm_layers_work *work, const struct hm_layers_net *net, struct hm_device *d,
			 int room)
{
	size_t rows = (size_t)d->op->rows_round(d, room), h = (size_t)net->c.hidden,
	       act = hm_dtype_size(d->act);
	size_t width = (size_t)net->c.intermediate > 3 * h ? (size_t)net->c.intermediate : 3 * h;
	*work = (struct hm_layers_work){.d = d};
	work->x = d->op->alloc(d, rows * h * act);
	work->y = d->op->alloc(d, rows * h * act);
	work->wide = d->op->alloc(d, rows * width * act);
	if (net->c.pre_norm) {
		work->branch = d->op->alloc(d, rows * h * act);
		work->stats = d->op->alloc(d, rows * 2 * sizeof *work->stats);
	}
}

void hm_layers_work_clear(struct hm_layers_work *work)
{
	void *all[] = {work->x, work->y, work->wide, work->branch, work->stats};
	for (int i = 0; work->d && i < 5; i++)
		work->d->op->free(work->d, all[i]);
	*work = (struct hm_layers_work){0};
}

/* x, y [m,h] := their wanted rows [n,h]; nothing when all are wanted. Returns how many there are then. */
static int keep_wanted(struct hm_layers_work *work, const struct hm_packed *p, int h)
{
	struct hm_device *d = work->d;
	void *both[] = {work->x, work->y};
	for (int j = 0; j < 2 && p->row; j++) {
		d->op->gather(d, work->wide, both[j], p->row, p->n, h);
		d->op->copy(d, both[j], work->wide, (size_t)p->n * (size_t)h * hm_dtype_size(d->act));
	}
	return p->row ? p->n : p->m;
}

static const void *infer_post(const struct hm_layers_net *net, struct hm_layers_work *work,
			      const struct hm_packed *p)
{
	struct hm_device *d = work->d;
	const struct hm_ops *op = d->op;
	const struct hm_layers_config *c = &net->c;
	void *x = work->x, *y = work->y, *wide = work->wide;
	int m = p->m, h = c->hidden;
	for (int i = 0; i < c->layers; i++) {
		const struct hm_layer_packed *l = &net->layer[i];
		op->matmul(d, wide, x, l->qkv, m);					    /* [m,3h] */
		op->attention(d, y, wide, p->len, p->n, c->heads, h / c->heads, c->causal); /* [m,h] */
		if (i == c->layers - 1)
			m = keep_wanted(work, p, h);
		op->matmul(d, wide, y, l->out, m);				     /* [m,h] */
		op->layer_norm(d, x, wide, x, l->norm1_w, l->norm1_b, c->eps, m, h); /* [m,h] */
		op->matmul(d, wide, x, l->up, m);				     /* [m,f] */
		op->matmul(d, y, wide, l->down, m);				     /* [m,h] */
		op->layer_norm(d, x, y, x, l->norm2_w, l->norm2_b, c->eps, m, h);    /* [m,h] */
	}
	return x;
}

/* Additions wait for the LayerNorm behind them: add_norm is x += branch, y = LN(x). */
static const void *infer_pre(const struct hm_layers_net *net, struct hm_layers_work *work,
			     const struct hm_packed *p)
{
	struct hm_device *d = work->d;
	const struct hm_ops *op = d->op;
	const struct hm_layers_config *c = &net->c;
	void *x = work->x, *y = work->y, *wide = work->wide, *branch = work->branch;
	float *stats = work->stats;
	int m = p->m, h = c->hidden;
	for (int i = 0; i < c->layers; i++) {
		const struct hm_layer_packed *l = &net->layer[i];
		op->add_norm(d, y, stats, x, i ? branch : NULL, l->norm1_w, l->norm1_b, c->eps, NULL, m, h);
		op->matmul(d, wide, y, l->qkv, m);					    /* [m,3h] */
		op->attention(d, y, wide, p->len, p->n, c->heads, h / c->heads, c->causal); /* [m,h] */
		if (i == c->layers - 1)
			m = keep_wanted(work, p, h);
		op->matmul(d, branch, y, l->out, m); /* [m,h] */
		op->add_norm(d, y, stats, x, branch, l->norm2_w, l->norm2_b, c->eps, NULL, m, h);
		op->matmul(d, wide, y, l->up, m);	 /* [m,f] */
		op->matmul(d, branch, wide, l->down, m); /* [m,h] */
	}
	op->add_norm(d, y, stats, x, branch, net->last_w, net->last_b, c->eps, NULL, m, h);
	return y;
}

const void *hm_layers_infer(const struct hm_layers_net *net, struct hm_layers_work *work,
			    const struct hm_packed *p)
{
	return net->c.pre_norm ? infer_pre(net, work, p) : infer_post(net, work, p);
}
