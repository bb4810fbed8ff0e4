/* Early fusion: training and inference. See early.h; sizes and parameters are in earlynet.c. */
#include "nn/earlyparts.h"
#include "nn/slab.h"

#include <assert.h>
#include <stdlib.h>

/* The activations of a pass: of training, or with `infer` of inference. */
struct tape {
	const struct hm_early *m;
	const struct hm_tower_kind *text;
	int vocab; /* of the text tower */
	bool infer;
	const struct hm_tower_rows *rows; /* the text tower's */
	void *tower;			  /* its tape, or its work */
	struct hm_device *d;
	int n, words;	    /* examples, words of all */
	struct hm_buf host; /* the index arrays below, one after the other */
	struct hm_slab slab;
	int32_t *index;	       /* all of them, device memory */
	int32_t *image_row;    /* [n*P] rows of the image positions among all rows */
	int32_t *image_pos;    /* [n*P] 0 .. P-1 */
	int32_t *image_count;  /* [n*P] 0 .. n*P-1 */
	int32_t *word_row;     /* [words] rows of the words */
	int32_t *word_pos;     /* [words] 0, 1, ... in each caption */
	int32_t *word_id;      /* [words] */
	void *x;	       /* act [n*P,D]: the grid */
	void *projected;       /* act [n*P,H], and its gradient */
	float *wide;	       /* f32 [n*P,H] */
	float *first, *dfirst; /* f32 [n,H] */
};

/* ---- the tape */

static void free_tape(void *tape)
{
	struct tape *t = tape;
	if (!t)
		return;
	(t->infer ? t->text->infer->work_free : t->text->train->tape_free)(t->tower);
	hm_slab_clear(&t->slab);
	hm_buf_clear(&t->host);
	free(t);
}

static void *new_tape(struct hm_fusion_net *net, struct hm_tower *text, struct hm_device *d, bool backward,
		      struct hm_err *e)
{
	const struct hm_tower_train *train = text->kind->train;
	struct tape *t = hm_alloc(1, sizeof *t, e);
	if (!t)
		return NULL;
	*t = (struct tape){.m = (struct hm_early *)net,
			   .text = text->kind,
			   .vocab = text->kind->shape(text).vocab,
			   .rows = train->rows,
			   .d = d,
			   .slab = {.d = d}};
	if (train->rows_back->unused)
		hm_params_hold(&text->params, train->rows_back->unused);
	t->tower = train->tape_new(text, d, backward, e);
	if (t->tower)
		return t;
	free_tape(t);
	return NULL;
}

static void plan_memory(struct tape *t)
{
	size_t rows = (size_t)t->n * t->m->net.shape.cells, act = hm_dtype_size(t->d->act),
	       h = (size_t)t->m->net.shape.dim[HM_TEXT];
	size_t room = (size_t)t->d->op->rows_round(t->d, (int)rows);
	t->index = hm_slab_take(&t->slab, (3 * rows + 3 * (size_t)t->words) * sizeof *t->index);
	t->x = hm_slab_take(&t->slab, room * t->m->net.shape.dim[HM_IMAGE] * act);
	t->projected = hm_slab_take(&t->slab, room * h * act);
	t->wide = hm_slab_take(&t->slab, rows * h * sizeof *t->wide);
	t->first = hm_slab_take(&t->slab, (size_t)t->n * h * sizeof *t->first);
	t->dfirst = hm_slab_take(&t->slab, (size_t)t->n * h * sizeof *t->dfirst);
}

static void place_batch(struct tape *t, int n, int words)
{
	t->n = n, t->words = words;
	do
		plan_memory(t);
	while (hm_slab_again(&t->slab));
}

static void reserve_tape(void *tape, int n, int64_t words, bool joined)
{
	struct tape *t = tape;
	const struct hm_tower_room room = {.n = n, .rows = (int64_t)n * t->m->net.shape.cells + words};
	(void)joined;
	t->text->train->reserve(t->tower, &room);
	if (!t->d->err.code)
		place_batch(t, n, (int)words);
}

/* Room for the batch, and the six index arrays on the device. */
static void stage_rows(struct tape *t, const int32_t *ids, const int32_t *len, int n)
{
	struct hm_device *d = t->d;
	int grid = t->m->net.shape.cells, rows = n * grid, words = 0;
	for (int s = 0; s < n; s++)
		words += len[s];
	place_batch(t, n, words);
	size_t count = 3 * ((size_t)rows + (size_t)words);
	t->host.len = 0;
	if (d->err.code || hm_buf_reserve(&t->host, count * sizeof(int32_t), &d->err))
		return;
	int32_t *row = (int32_t *)(void *)t->host.data, *pos = row + rows, *iota = pos + rows,
		*wrow = iota + rows, *wpos = wrow + words, *wid = wpos + words;
	for (int s = 0, at = 0, i = 0, w = 0; s < n; s++) {
		for (int p = 0; p < grid; p++, i++) {
			row[i] = at++;
			pos[i] = p;
			iota[i] = i;
		}
		for (int j = 0; j < len[s]; j++, w++) {
			assert(ids[w] >= 0 && ids[w] < t->vocab); /* hm_encoder_check_ids is the door */
			wrow[w] = at++;
			wpos[w] = j;
			wid[w] = ids[w];
		}
	}
	d->op->upload(d, t->index, row, count * sizeof *row);
	t->image_row = t->index;
	t->image_pos = t->image_row + rows;
	t->image_count = t->image_pos + rows;
	t->word_row = t->image_count + rows;
	t->word_pos = t->word_row + words;
	t->word_id = t->word_pos + words;
}

/* The rows' lengths, P + len each; caller frees. */
static int32_t *row_counts(struct tape *t, const int32_t *len, int n)
{
	int32_t *all = hm_alloc((size_t)n, sizeof *all, &t->d->err);
	for (int s = 0; all && s < n; s++)
		all[s] = t->m->net.shape.cells + len[s];
	return all;
}

static void forward_fusion(void *tape, const struct hm_fusion_input *in, const struct hm_dropout *drop,
			   float *logits)
{
	struct tape *t = tape;
	const struct hm_early *m = t->m;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	const int32_t *ids = in->ids, *len = in->len;
	int n = in->n, h = m->net.shape.dim[HM_TEXT], c = m->net.shape.dim[HM_IMAGE],
	    rows = n * m->net.shape.cells;
	struct hm_dropout place; /* each example has P rows more than words */
	if (drop && drop->longest) {
		place = *drop;
		place.rows += place.examples * (uint64_t)m->net.shape.cells;
		place.longest += m->net.shape.cells;
		drop = &place;
	}
	int32_t *all = row_counts(t, len, n);
	float *sum = all ? t->rows->begin(t->tower, all, n) : NULL; /* [m,h] */
	free(all);
	if (sum)
		stage_rows(t, ids, len, n);
	if (d->err.code)
		return;
	op->narrow(d, t->x, in->side[HM_IMAGE], (size_t)rows * c);			  /* [n*P,C] */
	op->dense_forward(d, t->projected, t->x, m->project_w, m->project_b, rows, h, c); /* [n*P,h] */
	op->widen(d, t->wide, t->projected, (size_t)rows * h);
	op->add_rows(d, sum, t->image_row, t->wide, t->image_count, rows, h);
	op->add_rows(d, sum, t->image_row, m->image_position, t->image_pos, rows, h);
	op->add_rows(d, sum, t->image_row, m->image_modality, NULL, rows, h);
	if (t->words) {
		t->rows->add_words(t->tower, t->word_row, t->word_id, t->words);
		t->rows->add_positions(t->tower, t->word_row, t->word_pos, t->words);
		op->add_rows(d, sum, t->word_row, m->word_modality, NULL, t->words, h);
	}
	t->rows->forward(t->tower, drop, t->first); /* [n,h] */
	op->linear_forward(d, logits, t->first, m->classifier_w, m->classifier_b, n, m->net.shape.classes,
			   h); /* [n,C] */
}

/* The cells get no gradient: dside is not looked at. */
static void backward_fusion(void *tape, const float *dlogits, float *const dside[HM_SIDES])
{
	struct tape *t = tape;
	const struct hm_early *m = t->m;
	const struct hm_params *p = &m->net.params;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int h = m->net.shape.dim[HM_TEXT], rows = t->n * m->net.shape.cells;
	(void)dside;
	if (d->err.code)
		return;
	op->linear_backward(d, t->dfirst, hm_params_grad(p, m->classifier_w),
			    hm_params_grad(p, m->classifier_b), dlogits, t->first, m->classifier_w, t->n,
			    m->net.shape.classes, h);
	const struct hm_tower_rows_back *back = t->text->train->rows_back;
	const void *drows = back->backward(t->tower, t->dfirst); /* [m,h] */
	if (!drows)
		return;
	if (t->words) {
		op->add_rows_backward(d, hm_params_grad(p, m->word_modality), NULL, drows, t->word_row, -1,
				      t->words, h);
		back->add_positions(t->tower, drows, t->word_row, t->word_pos, t->words);
		back->add_words(t->tower, drows, t->word_row, t->word_id, t->words);
	}
	op->add_rows_backward(d, hm_params_grad(p, m->image_modality), NULL, drows, t->image_row, -1, rows,
			      h);
	op->add_rows_backward(d, hm_params_grad(p, m->image_position), t->image_pos, drows, t->image_row, -1,
			      rows, h);
	op->gather(d, t->projected, drows, t->image_row, rows, h); /* [n*P,h] */
	op->dense_backward(d, NULL, hm_params_grad(p, m->project_w), hm_params_grad(p, m->project_b),
			   t->projected, t->x, m->project_w, rows, h, m->net.shape.dim[HM_IMAGE]);
}

/* ---- inference: the same pass, with the text tower's inference in place of its tape */

struct ready {
	const struct hm_early *m;
	const struct hm_tower_kind *text;
	int vocab;
	void *tower; /* its net */
};

static void free_net(void *net)
{
	struct ready *r = net;
	if (r && r->tower)
		r->text->infer->net_free(r->tower);
	free(r);
}

static void *prepare_net(struct hm_fusion_net *net, const struct hm_tower *text, struct hm_device *d,
			 struct hm_err *e)
{
	struct ready *r = NULL;
	if (!text->kind->infer->rows)
		hm_err_set(e, HM_EDATA, "early fusion cannot run a %s", text->kind->name);
	else
		r = hm_alloc(1, sizeof *r, e);
	if (!r)
		return NULL;
	*r = (struct ready){
		.m = (struct hm_early *)net, .text = text->kind, .vocab = text->kind->shape(text).vocab};
	if (!hm_params_place(&net->params, d, false, e) &&
	    (r->tower = text->kind->infer->prepare(text, d, e)))
		return r;
	free_net(r);
	return NULL;
}

static void *new_work(const void *net, struct hm_device *d, int n, int rows, struct hm_err *e)
{
	const struct ready *r = net;
	const struct hm_tower_room room = {.n = n, .rows = rows};
	int cells = r->m->net.shape.cells, most = rows / (cells + 1);
	struct tape *t = hm_alloc(1, sizeof *t, e);
	if (!t)
		return NULL;
	*t = (struct tape){.m = r->m,
			   .text = r->text,
			   .vocab = r->vocab,
			   .infer = true,
			   .rows = r->text->infer->rows,
			   .d = d,
			   .slab = {.d = d}};
	t->tower = r->text->infer->work_new(r->tower, d, &room, e);
	if (t->tower)
		place_batch(t, n < most ? n : most, rows - cells);
	if (t->tower && !hm_device_error(d, e))
		return t;
	free_tape(t);
	return NULL;
}

static void run_work(void *work, const struct hm_fusion_input *in, float *logits)
{
	forward_fusion(work, in, NULL, logits);
}

const struct hm_fusion_kind hm_early_fusion = {
	.name = "early",
	.gives = {[HM_IMAGE] = HM_GRID, [HM_TEXT] = HM_WORDS},
	.last = "classifier",
	.own = (const char *const[]){"word_modality_embeddings", "image_dim_augmentation.",
				     "image_positional_embeddings.", "image_modality_embeddings", NULL},
	.text_prefix = "transformer.",
	.sequential = true,
	.read = hm_early_read,
	.inputs = hm_early_inputs,
	.net_new = hm_early_new,
	.tape_new = new_tape,
	.tape_free = free_tape,
	.reserve = reserve_tape,
	.forward = forward_fusion,
	.backward = backward_fusion,
	.infer = &(const struct hm_fusion_infer){prepare_net, free_net, new_work, free_tape, run_work},
};
