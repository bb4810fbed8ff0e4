/* The fusions with hidden layers, forward and backward. See headfusion.h.
 *
 * The joint of a batch may be larger than all else (cross: n*n numbers an example). It is made in pieces of
 * so many rows that a piece is not much larger than the layer that reads it; if there are several, the
 * backward pass makes them again. */
#include "nn/headparts.h"
#include "nn/slab.h"

#include <stdlib.h>

enum { PIECE = 1 << 24 }; /* numbers that a piece of the joint may have in any case */

struct tape {
	struct hm_headnet *m;
	struct hm_device *d;
	bool backward;
	int n, rows; /* examples; rows of a piece of the joint */
	struct hm_slab slab;
	float *map[HM_SIDES][HM_HEAD_LAYERS]; /* [n,map_dim]: behind relu and dropout; the last ones are the
						 joint's inputs, normalised in place */
	float *length[HM_SIDES];	      /* [n] */
	float *joint, *djoint;		      /* [rows,width] */
	float *spare;			      /* [rows,map_dim] */
	float *pre[HM_HEAD_LAYERS];	      /* [n,pre_dim] */
	float *dmap[HM_SIDES], *dmore;	      /* [n,map_dim]: gradients */
	float *dpre, *dpre2;		      /* [n,pre_dim] */
	float *dside;			      /* [n,D of the wider side] */
	const float *side[HM_SIDES];	      /* the batch's */
	struct hm_dropout drop;		      /* of the last forward pass */
	bool drops;
};

/* ---- the tape */

static void *new_tape(struct hm_fusion_net *net, struct hm_tower *text, struct hm_device *d, bool backward,
		      struct hm_err *e)
{
	struct tape *t = hm_alloc(1, sizeof *t, e);
	(void)text;
	if (t)
		*t = (struct tape){
			.m = (struct hm_headnet *)net, .d = d, .backward = backward, .slab = {.d = d}};
	return t;
}

static void free_tape(void *tape)
{
	struct tape *t = tape;
	if (t)
		hm_slab_clear(&t->slab);
	free(t);
}

/* The layer that reads the joint. */
static const struct hm_dense *joint_reader(const struct hm_headnet *m)
{
	return m->net.shape.head.pre_layers ? &m->pre[0] : &m->out;
}

static int piece_rows(const struct hm_headnet *m, int n)
{
	size_t width = (size_t)m->width, most = width * (size_t)joint_reader(m)->outputs / 8;
	size_t rows = (most > PIECE ? most : PIECE) / width;
	return rows < 1 ? 1 : rows < (size_t)n ? (int)rows : n;
}

static int wider_side(const struct tape *t)
{
	const int *dim = t->m->net.shape.dim;
	return dim[HM_IMAGE] > dim[HM_TEXT] ? dim[HM_IMAGE] : dim[HM_TEXT];
}

static void plan_memory(struct tape *t)
{
	const struct hm_hidden *h = &t->m->net.shape.head;
	size_t n = (size_t)t->n, map = n * (size_t)h->map_dim * sizeof(float),
	       pre = n * (size_t)h->pre_dim * sizeof(float),
	       piece = (size_t)t->rows * (size_t)t->m->width * sizeof(float);
	for (int k = 0; k < HM_SIDES; k++) {
		for (int l = 0; l < h->map_layers; l++)
			t->map[k][l] = hm_slab_take(&t->slab, map);
		t->length[k] = hm_slab_take(&t->slab, n * sizeof(float));
	}
	t->joint = hm_slab_take(&t->slab, piece);
	t->spare = hm_slab_take(&t->slab, (size_t)t->rows * (size_t)h->map_dim * sizeof(float));
	for (int l = 0; l < h->pre_layers; l++)
		t->pre[l] = hm_slab_take(&t->slab, pre);
	if (!t->backward)
		return;
	t->djoint = hm_slab_take(&t->slab, piece);
	t->dmap[HM_IMAGE] = hm_slab_take(&t->slab, map);
	t->dmap[HM_TEXT] = hm_slab_take(&t->slab, map);
	t->dmore = hm_slab_take(&t->slab, map);
	t->dside = hm_slab_take(&t->slab, n * (size_t)wider_side(t) * sizeof(float));
	t->dpre = hm_slab_take(&t->slab, pre);
	t->dpre2 = hm_slab_take(&t->slab, pre);
}

static void reserve_tape(void *tape, int n, int64_t words, bool joined)
{
	struct tape *t = tape;
	(void)words, (void)joined;
	t->n = n;
	t->rows = piece_rows(t->m, n);
	do
		plan_memory(t);
	while (hm_slab_again(&t->slab));
}

/* *out := dropout number `which` (0 to 2) at a site, for rows of so many numbers from example `at` on. */
static const struct hm_dropout *drop_at(const struct tape *t, struct hm_dropout *out, int which, int site,
					int at, size_t width)
{
	*out = t->drop;
	out->p = t->m->net.shape.head.dropout[which];
	out->site = (uint32_t)site;
	out->first = (t->drop.examples + (uint64_t)at) * width;
	out->longest = 0;
	return t->drops ? out : NULL;
}

static int map_site(int side, int layer)
{
	return HM_HEAD_SITE + side * HM_HEAD_LAYERS + layer;
}

/* ---- forward */

static void dense(struct tape *t, float *y, const float *x, const struct hm_dense *l, int rows)
{
	t->d->op->linear_forward(t->d, y, x, l->weight, l->bias, rows, l->outputs, l->inputs);
}

/* Relu goes before dropout here: the order makes no difference, and relu's gradient needs its output only. */
static void forward_map(struct tape *t, int k)
{
	const struct hm_hidden *h = &t->m->net.shape.head;
	const float *x = t->side[k];
	struct hm_dropout drop;
	for (int l = 0; l < h->map_layers; l++) {
		float *y = t->map[k][l];
		dense(t, y, x, &t->m->map[k][l], t->n);
		t->d->op->relu_drop(t->d, y, y, l + 1 < h->map_layers,
				    drop_at(t, &drop, 0, map_site(k, l), 0, (size_t)h->map_dim),
				    (size_t)t->n * h->map_dim);
		x = y;
	}
	if (h->normalize)
		t->d->op->row_norm(t->d, t->map[k][h->map_layers - 1], t->length[k],
				   t->map[k][h->map_layers - 1], t->n, h->map_dim);
}

/* t->joint := rows [at, at + rows) of the joint, after dropout. */
static void make_joint(struct tape *t, int at, int rows)
{
	const struct hm_hidden *h = &t->m->net.shape.head;
	size_t from = (size_t)at * (size_t)h->map_dim, width = (size_t)t->m->width;
	struct hm_dropout drop;
	t->m->net.kind->joint->forward(t->d, t->joint, t->spare, t->map[HM_IMAGE][h->map_layers - 1] + from,
				       t->map[HM_TEXT][h->map_layers - 1] + from, rows, h->map_dim);
	if (t->drops && h->dropout[1] > 0)
		t->d->op->relu_drop(t->d, t->joint, t->joint, false,
				    drop_at(t, &drop, 1, HM_HEAD_JOINT_SITE, at, width), rows * width);
}

static void forward_fusion(void *tape, const struct hm_fusion_input *in, const struct hm_dropout *drop,
			   float *logits)
{
	struct tape *t = tape;
	const struct hm_hidden *h = &t->m->net.shape.head;
	const struct hm_dense *reader = joint_reader(t->m);
	struct hm_dropout d3;
	t->drops = drop != NULL;
	if (drop)
		t->drop = *drop;
	reserve_tape(t, in->n, 0, in->joined);
	for (int k = 0; k < HM_SIDES && !t->d->err.code; k++) {
		t->side[k] = in->side[k];
		forward_map(t, k);
	}
	for (int at = 0; at < t->n && !t->d->err.code; at += t->rows) {
		int rows = t->n - at < t->rows ? t->n - at : t->rows;
		make_joint(t, at, rows);
		dense(t, (h->pre_layers ? t->pre[0] : logits) + (size_t)at * (size_t)reader->outputs,
		      t->joint, reader, rows);
	}
	for (int l = 0; l < h->pre_layers && !t->d->err.code; l++) {
		if (l)
			dense(t, t->pre[l], t->pre[l - 1], &t->m->pre[l], t->n);
		t->d->op->relu_drop(t->d, t->pre[l], t->pre[l], true,
				    drop_at(t, &d3, 2, HM_HEAD_PRE_SITE + l, 0, (size_t)h->pre_dim),
				    (size_t)t->n * h->pre_dim);
	}
	if (h->pre_layers && !t->d->err.code)
		dense(t, logits, t->pre[h->pre_layers - 1], &t->m->out, t->n);
}

/* ---- backward */

/* dx (NULL: not wanted) := the gradient of x from dy; the layer's gradients are added to. */
static void dense_back(struct tape *t, float *dx, const float *dy, const float *x, const struct hm_dense *l,
		       int rows)
{
	const struct hm_params *p = &t->m->net.params;
	t->d->op->linear_backward(t->d, dx, hm_params_grad(p, l->weight), hm_params_grad(p, l->bias), dy, x,
				  l->weight, rows, l->outputs, l->inputs);
}

/* dreader [n,outputs]: the gradient of what the joint's reader gives. */
static void joint_back(struct tape *t, const float *dreader)
{
	const struct hm_hidden *h = &t->m->net.shape.head;
	const struct hm_dense *reader = joint_reader(t->m);
	size_t width = (size_t)t->m->width;
	struct hm_dropout drop;
	for (int at = 0; at < t->n; at += t->rows) {
		int rows = t->n - at < t->rows ? t->n - at : t->rows;
		size_t from = (size_t)at * (size_t)h->map_dim;
		if (t->rows < t->n)
			make_joint(t, at, rows);
		dense_back(t, t->djoint, dreader + (size_t)at * (size_t)reader->outputs, t->joint, reader,
			   rows);
		if (t->drops && h->dropout[1] > 0)
			t->d->op->relu_drop(t->d, t->djoint, t->djoint, false,
					    drop_at(t, &drop, 1, HM_HEAD_JOINT_SITE, at, width),
					    rows * width);
		t->m->net.kind->joint->backward(t->d, t->dmap[HM_IMAGE] + from, t->dmap[HM_TEXT] + from,
						t->spare, t->djoint,
						t->map[HM_IMAGE][h->map_layers - 1] + from,
						t->map[HM_TEXT][h->map_layers - 1] + from, rows, h->map_dim);
	}
}

/* dside := the gradient of side k, unless it is NULL. It may be where the side itself is. */
static void map_back(struct tape *t, int k, float *dside)
{
	const struct hm_hidden *h = &t->m->net.shape.head;
	int last = h->map_layers - 1;
	float *dy = t->dmap[k], *dx = t->dmore;
	size_t count = (size_t)t->n * (size_t)h->map_dim;
	struct hm_dropout drop;
	if (h->normalize)
		t->d->op->row_norm_backward(t->d, dy, dy, t->map[k][last], t->length[k], t->n, h->map_dim);
	for (int l = last; l >= 0; l--) {
		const struct hm_dropout *d1 = drop_at(t, &drop, 0, map_site(k, l), 0, (size_t)h->map_dim);
		if (l < last)
			t->d->op->relu_drop_backward(t->d, dy, dy, t->map[k][l], d1, count);
		else if (d1 && d1->p > 0)
			t->d->op->relu_drop(t->d, dy, dy, false, d1, count);
		dense_back(t,
			   l	   ? dx
			   : dside ? t->dside
				   : NULL,
			   dy, l ? t->map[k][l - 1] : t->side[k], &t->m->map[k][l], t->n);
		float *free_one = dy;
		dy = dx;
		dx = free_one;
	}
	if (dside)
		t->d->op->copy(t->d, dside, t->dside,
			       (size_t)t->n * (size_t)t->m->net.shape.dim[k] * sizeof(float));
}

static void backward_fusion(void *tape, const float *dlogits, float *const dside[HM_SIDES])
{
	struct tape *t = tape;
	const struct hm_hidden *h = &t->m->net.shape.head;
	float *dy = t->dpre, *dx = t->dpre2;
	struct hm_dropout drop;
	if (t->d->err.code)
		return;
	if (h->pre_layers)
		dense_back(t, dy, dlogits, t->pre[h->pre_layers - 1], &t->m->out, t->n);
	for (int l = h->pre_layers - 1; l >= 0; l--) {
		t->d->op->relu_drop_backward(
			t->d, dy, dy, t->pre[l],
			drop_at(t, &drop, 2, HM_HEAD_PRE_SITE + l, 0, (size_t)h->pre_dim),
			(size_t)t->n * (size_t)h->pre_dim);
		if (!l)
			break;
		dense_back(t, dx, dy, t->pre[l - 1], &t->m->pre[l], t->n);
		float *free_one = dy;
		dy = dx;
		dx = free_one;
	}
	joint_back(t, h->pre_layers ? dy : dlogits);
	for (int k = 0; k < HM_SIDES; k++)
		map_back(t, k, dside[k]);
}

/* ---- the rows */

#define HEAD(word, how)                                                                                      \
	{                                                                                                    \
		.name = word, .gives = {[HM_IMAGE] = HM_POOLED, [HM_TEXT] = HM_POOLED}, .last = "output",    \
		.own = own, .text_prefix = "text_encoder.", .one_logit = true, .joint = how,                 \
		.measure = hm_headnet_measure, .read = hm_headnet_read, .inputs = hm_headnet_inputs,         \
		.net_new = hm_headnet_new, .intakes = hm_headnet_intakes, .tape_new = new_tape,              \
		.tape_free = free_tape, .reserve = reserve_tape, .forward = forward_fusion,                  \
		.backward = backward_fusion, .infer = &hm_plain_infer                                        \
	}
static const char *const own[] = {"image_map.", "text_map.", "pre_output.", NULL};
const struct hm_fusion_kind hm_align_fusion = HEAD("align", &hm_joint_align);
const struct hm_fusion_kind hm_concat_fusion = HEAD("concat", &hm_joint_concat);
const struct hm_fusion_kind hm_cross_fusion = HEAD("cross", &hm_joint_cross);
const struct hm_fusion_kind hm_align_concat_fusion = HEAD("align-concat", &hm_joint_align_concat);
