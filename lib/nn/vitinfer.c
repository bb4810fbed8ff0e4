/* Vision transformers in inference. See vit.h. */
#include "nn/vitparts.h"

#include <stdlib.h>
#include <string.h>

struct vit_net {
	struct hm_vit_config c;
	struct hm_device *d;
	struct hm_weight *patch, *head; /* head: projection or pooler */
	float *table;			/* of pixels [3*256] */
	float *first_w, *first_b;	/* device memory */
	float *fixed; /* host memory: class row, registers, table of positions [1+registers+side*side+1,h] */
	struct hm_layers_net layers;
};

/* ---- made ready for a device */

static void free_net(void *p)
{
	struct vit_net *net = p;
	if (!net)
		return;
	struct hm_device *d = net->d;
	hm_layers_net_clear(&net->layers);
	d->op->weight_free(d, net->patch);
	d->op->weight_free(d, net->head);
	d->op->free(d, net->table);
	d->op->free(d, net->first_w);
	d->op->free(d, net->first_b);
	free(net->fixed);
	free(net);
}

static float *copy_fixed(const struct hm_vit *m, struct hm_err *e)
{
	size_t h = (size_t)m->c.layers.hidden, registers = (size_t)m->c.registers,
	       rows = (size_t)m->c.side * (size_t)m->c.side + 1;
	float *out = hm_alloc((1 + registers + rows) * h, sizeof *out, e);
	if (!out)
		return NULL;
	memcpy(out, m->klass, h * sizeof *out);
	if (registers)
		memcpy(out + h, m->registers, registers * h * sizeof *out);
	memcpy(out + (1 + registers) * h, m->position, rows * h * sizeof *out);
	return out;
}

static void *prepare_net(const struct hm_tower *t, struct hm_device *d, struct hm_err *e)
{
	const struct hm_vit *m = (const struct hm_vit *)t;
	const struct hm_vit_config *c = &m->c;
	struct vit_net *net = hm_alloc(1, sizeof *net, e);
	int h = c->layers.hidden;
	if (!net)
		return NULL;
	*net = (struct vit_net){.c = *c, .d = d, .fixed = copy_fixed(m, &d->err)};
	net->table = hm_pixel_table(d, &c->colours);
	const struct hm_linear patch = {.n = h, .k = hm_vit_patch(c), .f32 = true, .same = true},
			       projection = {.n = c->projection, .k = h, .f32 = true, .same = true},
			       pooler = {.n = h, .k = h, .act = HM_ACT_TANH, .f32 = true, .same = true};
	net->patch = d->op->linear_pack(d, &patch, m->patch_w, m->patch_b);
	if (c->first_norm) {
		net->first_w = hm_device_floats(d, m->first_w, (size_t)h);
		net->first_b = hm_device_floats(d, m->first_b, (size_t)h);
	}
	hm_layers_prepare(&net->layers, &m->layers, true, d);
	if (c->output == HM_VIT_PROJECTED)
		net->head = d->op->linear_pack(d, &projection, m->projection, NULL);
	if (c->output == HM_VIT_POOLER)
		net->head = d->op->linear_pack(d, &pooler, m->pooler_w, m->pooler_b);
	if (!hm_device_error(d, e))
		return net;
	free_net(net);
	return NULL;
}

/* ---- one thread's activations */

struct vit_work {
	struct hm_device *d;
	int n, h, w;
	struct hm_vit_rows r;
	void *patches;	    /* act [n*cells,3*patch*patch] */
	float *cells;	    /* f32 [n*cells,hidden]: their rows */
	float *base;	    /* f32 [n*rows,hidden]: what all images have in common */
	float *sum;	    /* f32 [n*rows,hidden] */
	int32_t *at;	    /* [n*cells]: the rows of the patches */
	int32_t *order;	    /* [n*cells]: 0, 1, ... */
	int32_t *len, *row; /* [n]: rows of an image; its class row */
	float *pooled;	    /* [n,width] */
	struct hm_layers_work layers;
};

static void free_work(void *p)
{
	struct vit_work *k = p;
	if (!k)
		return;
	void *all[] = {k->patches, k->cells, k->base, k->sum, k->at, k->order, k->len, k->row, k->pooled};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		k->d->op->free(k->d, all[i]);
	hm_layers_work_clear(&k->layers);
	free(k);
}

/* Uploads the rows that all images have in common. */
static int upload_base(const struct vit_net *net, struct vit_work *k, struct hm_err *e)
{
	const struct hm_vit_config *c = &net->c;
	size_t h = (size_t)c->layers.hidden, rows = (size_t)k->r.rows, head = 1 + (size_t)c->registers;
	float *host = hm_alloc(rows * h, sizeof *host, e);
	const float *positions = net->fixed + head * h;
	if (!host)
		return HM_EDATA;
	memcpy(host, net->fixed, head * h * sizeof *host);
	for (size_t j = 0; j < h; j++)
		host[j] += positions[j];
	int rc = hm_vit_positions(c, positions, &k->r, host + head * h, e);
	for (int i = 0; !rc && i < k->n; i++)
		k->d->op->upload(k->d, k->base + (size_t)i * rows * h, host, rows * h * sizeof *host);
	free(host);
	return rc;
}

static int upload_indices(struct vit_work *k, struct hm_err *e)
{
	size_t cells = (size_t)k->n * (size_t)k->r.cells, n = (size_t)k->n;
	int32_t *at = hm_alloc(2 * cells + 2 * n, sizeof *at, e);
	if (!at)
		return HM_EDATA;
	int32_t *order = at + cells, *len = order + cells, *row = len + n;
	int head = k->r.rows - k->r.cells;
	for (int i = 0, j = 0; i < k->n; i++) {
		len[i] = k->r.rows;
		row[i] = i * k->r.rows;
		for (int cell = 0; cell < k->r.cells; cell++, j++) {
			at[j] = row[i] + head + cell;
			order[j] = j;
		}
	}
	k->d->op->upload(k->d, k->at, at, cells * sizeof *at);
	k->d->op->upload(k->d, k->order, order, cells * sizeof *at);
	k->d->op->upload(k->d, k->len, len, n * sizeof *at);
	k->d->op->upload(k->d, k->row, row, n * sizeof *at);
	free(at);
	return 0;
}

static void *new_work(const void *p, struct hm_device *d, const struct hm_tower_room *room, struct hm_err *e)
{
	const struct vit_net *net = p;
	const struct hm_vit_config *c = &net->c;
	struct hm_vit_rows r;
	if (hm_vit_rows_of(c, room->h, room->w, &r, e))
		return NULL;
	if (room->n < 1 || room->n > (1 << 24) / r.rows) {
		hm_err_set(e, HM_EDATA, "a batch of %d images is too large for this encoder", room->n);
		return NULL;
	}
	struct vit_work *k = hm_alloc(1, sizeof *k, e);
	if (!k)
		return NULL;
	size_t h = (size_t)c->layers.hidden, n = (size_t)room->n, cells = n * (size_t)r.cells,
	       m = n * (size_t)r.rows, width = (size_t)(c->projection > (int)h ? c->projection : (int)h);
	*k = (struct vit_work){.d = d, .n = room->n, .h = room->h, .w = room->w, .r = r};
	size_t rounded = (size_t)d->op->rows_round(d, (int)cells);
	k->patches = d->op->alloc(d, rounded * (size_t)hm_vit_patch(c) * hm_dtype_size(d->act));
	k->cells = d->op->alloc(d, rounded * h * sizeof *k->cells);
	k->base = d->op->alloc(d, m * h * sizeof *k->base);
	k->sum = d->op->alloc(d, m * h * sizeof *k->sum);
	k->at = d->op->alloc(d, cells * sizeof *k->at);
	k->order = d->op->alloc(d, cells * sizeof *k->order);
	k->len = d->op->alloc(d, n * sizeof *k->len);
	k->row = d->op->alloc(d, n * sizeof *k->row);
	k->pooled = d->op->alloc(d, (size_t)d->op->rows_round(d, room->n) * width * sizeof *k->pooled);
	hm_layers_work_init(&k->layers, &net->layers, d, (int)m);
	if (!hm_device_error(d, e) && !upload_base(net, k, e) && !upload_indices(k, e))
		return k;
	free_work(k);
	return NULL;
}

/* ---- forward */

/* k->layers.x act [n*rows,hidden] := the embeddings of the images. */
static void embed_images(const struct vit_net *net, struct vit_work *k, const uint8_t *pixels, int n)
{
	struct hm_device *d = k->d;
	const struct hm_ops *op = d->op;
	const struct hm_vit_config *c = &net->c;
	int h = c->layers.hidden, m = n * k->r.rows;
	void *x = k->layers.x;
	op->patches(d, k->patches, pixels, net->table, n, k->h, k->w, c->patch); /* [n*cells,3*patch^2] */
	op->matmul(d, k->cells, k->patches, net->patch, n * k->r.cells);	 /* [n*cells,hidden] */
	op->copy(d, k->sum, k->base, (size_t)m * (size_t)h * sizeof *k->sum);
	op->add_rows(d, k->sum, k->at, k->cells, k->order, n * k->r.cells, h);
	op->narrow(d, x, k->sum, (size_t)m * (size_t)h);
	if (c->first_norm)
		op->layer_norm(d, x, x, NULL, net->first_w, net->first_b, c->layers.eps, m, h);
}

static void encode_batch(const void *p, void *work, const struct hm_tower_batch *b,
			 float *const out[HM_GIVES])
{
	const struct vit_net *net = p;
	struct vit_work *k = work;
	struct hm_device *d = k->d;
	const struct hm_ops *op = d->op;
	const struct hm_vit_config *c = &net->c;
	int h = c->layers.hidden, n = b->n, cells = n * k->r.cells;
	if (b->h != k->h || b->w != k->w || n > k->n) {
		hm_err_set(&d->err, HM_EDATA, "%d images of %dx%d are not what memory was made for", n, b->w,
			   b->h);
		return;
	}
	embed_images(net, k, b->pixels, n);
	const struct hm_packed packed = {n * k->r.rows, n, k->len, out[HM_GRID] ? NULL : k->row};
	const void *y = hm_layers_infer(&net->layers, &k->layers, &packed);
	if (out[HM_GRID]) {
		op->gather(d, k->layers.wide, c->raw_grid ? k->layers.x : y, k->at, cells, h);
		op->widen(d, out[HM_GRID], k->layers.wide, (size_t)cells * (size_t)h);
		op->gather(d, k->layers.wide, y, k->row, n, h);
		y = k->layers.wide;
	}
	if (!out[HM_POOLED])
		return;
	if (net->head)
		op->matmul(d, k->pooled, y, net->head, n); /* [n,width] */
	else
		op->widen(d, k->pooled, y, (size_t)n * (size_t)h);
	size_t width = (size_t)(c->output == HM_VIT_PROJECTED ? c->projection : h);
	op->copy(d, out[HM_POOLED], k->pooled, (size_t)n * width * sizeof(float));
}

const struct hm_tower_infer hm_vit_infer = {prepare_net, free_net, new_work, free_work, encode_batch, NULL};
