/* Vision transformers in training: forward and backward, side by side. See vit.h. Dropout: none, as
 * published. A network that interpolates its positions is trained at the size of its table. */
#include "nn/slab.h"
#include "nn/vitparts.h"

#include <stdlib.h>

struct vit_tape {
	struct hm_vit *m;
	struct hm_device *d;
	bool backward;
	int n, h, w; /* of the last batch */
	struct hm_vit_rows r;
	float *table; /* of pixels [3*256] */
	struct hm_slab slab;
	struct hm_buf host; /* i32: all index arrays */
	/* i32, device memory. patch_at, order [n*cells]: the rows of the patches, their numbers. placed, pos
	 * [n*(1+cells)]: the rows with a position, their positions. klass_at, len [n]. register_at,
	 * register_of [n*registers]. */
	int32_t *patch_at, *order, *placed, *pos, *klass_at, *len, *register_at, *register_of;
	void *patches;	    /* act [n*cells,3*patch*patch] */
	float *cells, *sum; /* f32 [n*cells,hidden], [n*rows,hidden] */
	void *s0;	    /* act [n*rows,hidden]: the sum, before the first LayerNorm */
	float *stats0;
	void *some;   /* act [n*cells,hidden]: rows of patches */
	void *pooled; /* act [n,width] */
	struct hm_layers_tape layers;
};

static void free_tape(void *p)
{
	struct vit_tape *t = p;
	if (!t)
		return;
	hm_slab_clear(&t->slab);
	hm_buf_clear(&t->host);
	t->d->op->free(t->d, t->table);
	hm_layers_tape_clear(&t->layers);
	free(t);
}

/* What the output is not made of gets no gradient, and keeps its values. */
static void hold_unused(struct hm_vit *m)
{
	const struct hm_vit_style *s = m->c.style;
	if (m->c.projection && m->c.output != HM_VIT_PROJECTED)
		hm_params_hold(&m->tower.params, s->projection);
	if (m->c.pooler && m->c.output != HM_VIT_POOLER)
		hm_params_hold(&m->tower.params, s->pooler);
}

static void *new_tape(struct hm_tower *tower, struct hm_device *d, bool backward, struct hm_err *e)
{
	struct hm_vit *m = (struct hm_vit *)tower;
	struct vit_tape *t = hm_alloc(1, sizeof *t, e);
	if (!t)
		return NULL;
	*t = (struct vit_tape){.m = m, .d = d, .backward = backward, .slab = {.d = d}};
	if (backward)
		hold_unused(m);
	t->table = hm_pixel_table(d, &m->c.colours);
	if (!hm_layers_tape_init(&t->layers, &m->layers, d, backward, e) && !hm_device_error(d, e))
		return t;
	free_tape(t);
	return NULL;
}

/* ---- memory */

static size_t count_width(const struct hm_vit_config *c)
{
	return (size_t)(c->output == HM_VIT_PROJECTED ? c->projection : c->layers.hidden);
}

/* The numbers of index arrays: see hm_slab_take's order below. */
static size_t count_indices(const struct vit_tape *t)
{
	size_t n = (size_t)t->n, cells = (size_t)t->r.cells, registers = (size_t)t->m->c.registers;
	return n * (2 * cells + 2 * (1 + cells) + 2 + 2 * registers);
}

static void place_indices(struct vit_tape *t, int32_t *base)
{
	size_t n = (size_t)t->n, cells = n * (size_t)t->r.cells, registers = n * (size_t)t->m->c.registers;
	t->patch_at = base;
	t->order = base + cells;
	t->placed = base + 2 * cells;
	t->pos = base + 3 * cells + n;
	t->klass_at = base + 4 * cells + 2 * n;
	t->len = base + 4 * cells + 3 * n;
	t->register_at = base + 4 * cells + 4 * n;
	t->register_of = base + 4 * cells + 4 * n + registers;
}

static void plan_tape(struct vit_tape *t)
{
	struct hm_slab *s = &t->slab;
	const struct hm_ops *op = t->d->op;
	const struct hm_vit_config *c = &t->m->c;
	size_t h = (size_t)c->layers.hidden, act = hm_dtype_size(t->d->act),
	       m = (size_t)t->n * (size_t)t->r.rows, cells = (size_t)t->n * (size_t)t->r.cells,
	       rounded = (size_t)op->rows_round(t->d, t->n * t->r.cells);
	int32_t *indices = hm_slab_take(s, count_indices(t) * sizeof *indices);
	if (indices)
		place_indices(t, indices);
	t->patches = hm_slab_take(s, rounded * (size_t)hm_vit_patch(c) * act);
	t->cells = hm_slab_take(s, cells * h * sizeof *t->cells);
	t->sum = hm_slab_take(s, m * h * sizeof *t->sum);
	t->s0 = c->first_norm ? hm_slab_take(s, m * h * act) : NULL;
	t->stats0 = c->first_norm ? hm_slab_take(s, 2 * m * sizeof *t->stats0) : NULL;
	t->some = hm_slab_take(s, rounded * h * act);
	t->pooled = hm_slab_take(s, (size_t)op->rows_round(t->d, t->n) * count_width(c) * act);
	hm_layers_plan(&t->layers, s, (int)m, t->n, !t->backward);
}

/* Makes room for n images of h x w. */
static void reserve_images(struct vit_tape *t, int n, int h, int w)
{
	struct hm_err *e = &t->d->err;
	const struct hm_vit_config *c = &t->m->c;
	struct hm_vit_rows r;
	if (e->code || hm_vit_rows_of(c, h, w, &r, e))
		return;
	if (r.down != c->side || r.across != c->side) {
		hm_err_set(e, HM_EDATA,
			   "training takes images of %dx%d, the size of the position table, not of %dx%d",
			   c->side * c->patch, c->side * c->patch, w, h);
		return;
	}
	if (n > (1 << 26) / r.rows) {
		hm_err_set(e, HM_EDATA, "a batch of %d images is too large for this encoder", n);
		return;
	}
	t->n = n, t->h = h, t->w = w;
	t->r = r;
	do
		plan_tape(t);
	while (hm_slab_again(&t->slab));
}

static void reserve_tape(void *tape, const struct hm_tower_room *room)
{
	reserve_images(tape, room->n, room->h, room->w);
}

/* Uploads the index arrays. */
static void upload_indices(struct vit_tape *t)
{
	size_t count = count_indices(t);
	struct vit_tape on_host = *t;
	int registers = t->m->c.registers, rows = t->r.rows, cells = t->r.cells;
	t->host.len = 0;
	if (hm_buf_reserve(&t->host, count * sizeof(int32_t), &t->d->err))
		return;
	place_indices(&on_host, (int32_t *)(void *)t->host.data);
	for (int i = 0; i < t->n; i++) {
		int first = i * rows, *placed = on_host.placed + i * (1 + cells),
		    *pos = on_host.pos + i * (1 + cells);
		on_host.klass_at[i] = placed[0] = first;
		on_host.len[i] = rows;
		pos[0] = 0;
		for (int j = 0; j < registers; j++) {
			on_host.register_at[i * registers + j] = first + 1 + j;
			on_host.register_of[i * registers + j] = j;
		}
		for (int j = 0; j < cells; j++) {
			on_host.order[i * cells + j] = i * cells + j;
			on_host.patch_at[i * cells + j] = placed[1 + j] = first + 1 + registers + j;
			pos[1 + j] = 1 + j;
		}
	}
	t->d->op->upload(t->d, t->patch_at, t->host.data, count * sizeof(int32_t));
}

/* ---- forward */

/* The layers' input := the embeddings of the images. */
static void embed_images(struct vit_tape *t, const uint8_t *pixels)
{
	struct hm_vit *k = t->m;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int n = t->n, h = k->c.layers.hidden, m = n * t->r.rows, cells = n * t->r.cells;
	op->patches(d, t->patches, pixels, t->table, n, t->h, t->w, k->c.patch); /* [cells,3*patch^2] */
	op->dense_forward(d, t->some, t->patches, k->patch_w, k->patch_b, cells, h, hm_vit_patch(&k->c));
	op->widen(d, t->cells, t->some, (size_t)cells * (size_t)h);
	op->zero(d, t->sum, (size_t)m * (size_t)h * sizeof *t->sum);
	op->add_rows(d, t->sum, t->patch_at, t->cells, t->order, cells, h);
	op->add_rows(d, t->sum, t->klass_at, k->klass, NULL, n, h);
	if (k->registers)
		op->add_rows(d, t->sum, t->register_at, k->registers, t->register_of, n * k->c.registers, h);
	op->add_rows(d, t->sum, t->placed, k->position, t->pos, n * (1 + t->r.cells), h);
	op->narrow(d, k->c.first_norm ? t->s0 : t->layers.x, t->sum, (size_t)m * (size_t)h);
	if (k->c.first_norm)
		op->add_norm(d, t->layers.x, t->stats0, t->s0, NULL, k->first_w, k->first_b, k->c.layers.eps,
			     NULL, m, h); /* [m,h] */
}

/* out f32 [n*cells,h] := the grid, of all rows z before and y behind the last LayerNorm. */
static void copy_grid(struct vit_tape *t, float *out)
{
	struct hm_device *d = t->d;
	int h = t->m->c.layers.hidden, cells = t->n * t->r.cells;
	d->op->gather(d, t->some, t->m->c.raw_grid ? t->layers.sum : t->layers.out, t->patch_at, cells, h);
	d->op->widen(d, out, t->some, (size_t)cells * (size_t)h);
}

/* out f32 [n,width] := the output of the class rows x act [n,h]. */
static void run_head(struct vit_tape *t, float *out, const void *x)
{
	struct hm_vit *k = t->m;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int h = k->c.layers.hidden, n = t->n;
	size_t width = count_width(&k->c);
	if (k->c.output == HM_VIT_POOLED) {
		op->widen(d, out, x, (size_t)n * width);
		return;
	}
	if (k->c.output == HM_VIT_PROJECTED) {
		op->dense_forward(d, t->pooled, x, k->projection, NULL, n, (int)width, h);
	} else {
		op->dense_forward(d, t->pooled, x, k->pooler_w, k->pooler_b, n, h, h);
		op->tanh(d, t->pooled, t->pooled, (size_t)n * width);
	}
	op->widen(d, out, t->pooled, (size_t)n * width);
}

/* A frozen tower gives its grid and its pooled vector from all rows; one that is trained gives its pooled
 * vector from the class rows alone. */
static void forward_batch(void *tape, const struct hm_tower_batch *b, const struct hm_tower_pass *how,
			  float *const out[HM_GIVES])
{
	struct vit_tape *t = tape;
	struct hm_device *d = t->d;
	int h = t->m->c.layers.hidden;
	(void)how;
	reserve_images(t, b->n, b->h, b->w);
	if (d->err.code)
		return;
	upload_indices(t);
	if (d->err.code)
		return;
	embed_images(t, b->pixels);
	const struct hm_packed packed = {t->n * t->r.rows, t->n, t->len, t->backward ? t->klass_at : NULL};
	hm_layers_forward(&t->layers, &packed, NULL);
	const void *x = t->layers.out;
	if (!t->backward) {
		if (out[HM_GRID])
			copy_grid(t, out[HM_GRID]);
		d->op->gather(d, t->layers.x, x, t->klass_at, t->n, h);
		x = t->layers.x;
	}
	if (out[HM_POOLED])
		run_head(t, out[HM_POOLED], x);
}

/* ---- backward */

/* g act [n,h] := the gradient of the class rows, from that of the output. */
static void run_head_backward(struct vit_tape *t, void *g, const float *dpooled)
{
	struct hm_vit *k = t->m;
	const struct hm_params *p = &k->tower.params;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int h = k->c.layers.hidden, n = t->n;
	size_t width = count_width(&k->c);
	void *dy = t->layers.grad[1];
	switch (k->c.output) {
	case HM_VIT_POOLED:
		op->narrow(d, g, dpooled, (size_t)n * width);
		break;
	case HM_VIT_PROJECTED:
		op->narrow(d, t->pooled, dpooled, (size_t)n * width);
		op->dense_backward(d, g, hm_params_grad(p, k->projection), NULL, t->pooled, t->layers.out,
				   k->projection, n, (int)width, h);
		break;
	case HM_VIT_POOLER:
		op->narrow(d, dy, dpooled, (size_t)n * width);
		op->tanh_backward(d, dy, dy, t->pooled, (size_t)n * width);
		op->dense_backward(d, g, hm_params_grad(p, k->pooler_w), hm_params_grad(p, k->pooler_b), dy,
				   t->layers.out, k->pooler_w, n, h, h);
		break;
	}
}

static void backward_batch(void *tape, const float *dpooled)
{
	struct vit_tape *t = tape;
	struct hm_vit *k = t->m;
	const struct hm_params *p = &k->tower.params;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int n = t->n, h = k->c.layers.hidden, m = n * t->r.rows, cells = n * t->r.cells;
	if (d->err.code)
		return;
	run_head_backward(t, t->layers.grad[0], dpooled);
	hm_layers_backward(&t->layers); /* [m,h] */
	void *g = t->layers.grad[0];
	if (k->c.first_norm)
		op->add_norm_backward(d, g, NULL, hm_params_grad(p, k->first_w),
				      hm_params_grad(p, k->first_b), t->layers.dx, NULL, NULL, t->s0,
				      t->stats0, k->first_w, NULL, m, h);
	op->add_rows_backward(d, hm_params_grad(p, k->position), t->pos, g, t->placed, -1,
			      n * (1 + t->r.cells), h);
	op->add_rows_backward(d, hm_params_grad(p, k->klass), NULL, g, t->klass_at, -1, n, h);
	if (k->registers)
		op->add_rows_backward(d, hm_params_grad(p, k->registers), t->register_of, g, t->register_at,
				      -1, n * k->c.registers, h);
	op->gather(d, t->some, g, t->patch_at, cells, h);
	op->dense_backward(d, NULL, hm_params_grad(p, k->patch_w),
			   k->patch_b ? hm_params_grad(p, k->patch_b) : NULL, t->some, t->patches, k->patch_w,
			   cells, h, hm_vit_patch(&k->c));
}

const struct hm_tower_train hm_vit_train = {new_tape,	    free_tape, reserve_tape, forward_batch,
					    backward_batch, NULL,      NULL};
