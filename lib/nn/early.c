/* Early fusion, forward and backward. See early.h. */
#include "nn/early.h"
#include "nn/slab.h"

#include <assert.h>
#include <stdlib.h>

enum { MOST = 1 << 24 }; /* of any size in a file's tensors */

struct early {
	struct hm_fusion_net net;
	float *word_modality;		    /* [H] */
	float *project_w, *project_b;	    /* [H,D], [H] */
	float *image_position;		    /* [P,H] */
	float *image_modality;		    /* [H] */
	float *classifier_w, *classifier_b; /* [C,H], [C] */
};

struct tape {
	struct early *m;
	struct hm_tower *text;
	const struct hm_tower_rows *rows; /* the text tower's */
	void *tower;			  /* its tape */
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

/* ---- sizes and parameters */

static int64_t count_inputs(const struct hm_fusion_kind *k, const struct hm_fusion_shape *s)
{
	(void)k;
	return s->dim[HM_TEXT];
}

static int read_shape(struct hm_fusion_shape *s, int64_t inputs, const struct hm_tower_shape *text,
		      hm_find_fn *find, void *ctx, struct hm_err *e)
{
	int64_t project[2], position[2];
	if (hm_find_shape(find, ctx, "image_dim_augmentation.weight", 2, MOST, project, e) ||
	    hm_find_shape(find, ctx, "image_positional_embeddings.weight", 2, MOST, position, e))
		return HM_EDATA;
	if (!text->width)
		return hm_err_set(e, HM_EDATA, "holds no transformer: there is no tensor \"transformer.…\"");
	if (text->width != inputs)
		return hm_err_set(e, HM_EDATA, "classifier.weight has %lld inputs, the transformer gives %d",
				  (long long)inputs, text->width);
	if (position[0] + 2 > text->positions)
		return hm_err_set(e, HM_EDATA,
				  "%lld image positions leave no room for words in the transformer's %d",
				  (long long)position[0], text->positions);
	s->dim[HM_IMAGE] = (int)project[1];
	s->dim[HM_TEXT] = (int)inputs;
	s->cells = (int)position[0];
	return 0;
}

static struct hm_fusion_net *new_net(const struct hm_fusion_kind *k, const struct hm_fusion_shape *s,
				     struct hm_err *e)
{
	struct early *m = hm_alloc(1, sizeof *m, e);
	if (!m)
		return NULL;
	int hidden = s->dim[HM_TEXT];
	m->net = (struct hm_fusion_net){.kind = k, .shape = *s};
	struct hm_params *p = &m->net.params;
	hm_params_add(p, &m->word_modality, HM_INIT_ZERO, HM_DIMS(hidden), "word_modality_embeddings");
	hm_params_add(p, &m->project_w, HM_INIT_UNIFORM, HM_DIMS(hidden, s->dim[HM_IMAGE]),
		      "image_dim_augmentation.weight");
	hm_params_add(p, &m->project_b, HM_INIT_UNIFORM_BIAS, HM_DIMS(hidden), "image_dim_augmentation.bias");
	hm_params_add(p, &m->image_position, HM_INIT_UNIT, HM_DIMS(s->cells, hidden),
		      "image_positional_embeddings.weight");
	hm_params_add(p, &m->image_modality, HM_INIT_ONE, HM_DIMS(hidden), "image_modality_embeddings");
	hm_params_add(p, &m->classifier_w, HM_INIT_UNIFORM, HM_DIMS(s->classes, hidden), "classifier.weight");
	hm_params_add(p, &m->classifier_b, HM_INIT_UNIFORM_BIAS, HM_DIMS(s->classes), "classifier.bias");
	return &m->net;
}

/* ---- the tape */

static void free_tape(void *tape)
{
	struct tape *t = tape;
	if (!t)
		return;
	t->text->kind->train->tape_free(t->tower);
	hm_slab_clear(&t->slab);
	hm_buf_clear(&t->host);
	free(t);
}

static void *new_tape(struct hm_fusion_net *net, struct hm_tower *text, struct hm_device *d, bool backward,
		      struct hm_err *e)
{
	struct tape *t = hm_alloc(1, sizeof *t, e);
	if (!t)
		return NULL;
	*t = (struct tape){.m = (struct early *)net,
			   .text = text,
			   .rows = text->kind->train->rows,
			   .d = d,
			   .slab = {.d = d}};
	if (t->rows->unused)
		hm_params_hold(&text->params, t->rows->unused);
	t->tower = text->kind->train->tape_new(text, d, backward, e);
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

static void reserve_tape(void *tape, int n, int64_t words)
{
	struct tape *t = tape;
	const struct hm_tower_room room = {.n = n, .rows = (int64_t)n * t->m->net.shape.cells + words};
	t->text->kind->train->reserve(t->tower, &room);
	if (!t->d->err.code)
		place_batch(t, n, (int)words);
}

/* Room for the batch, and the six index arrays on the device. */
static void stage_rows(struct tape *t, const int32_t *ids, const int32_t *len, int n)
{
	struct hm_device *d = t->d;
	int grid = t->m->net.shape.cells, rows = n * grid, words = 0;
	int vocab = t->text->kind->shape(t->text).vocab;
	(void)vocab;
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
			assert(ids[w] >= 0 && ids[w] < vocab); /* hm_encoder_check_ids is the door */
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
	struct early *m = t->m;
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
	struct early *m = t->m;
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
	const void *drows = t->rows->backward(t->tower, t->dfirst); /* [m,h] */
	if (!drows)
		return;
	if (t->words) {
		op->add_rows_backward(d, hm_params_grad(p, m->word_modality), NULL, drows, t->word_row, -1,
				      t->words, h);
		t->rows->add_positions_backward(t->tower, drows, t->word_row, t->word_pos, t->words);
		t->rows->add_words_backward(t->tower, drows, t->word_row, t->word_id, t->words);
	}
	op->add_rows_backward(d, hm_params_grad(p, m->image_modality), NULL, drows, t->image_row, -1, rows,
			      h);
	op->add_rows_backward(d, hm_params_grad(p, m->image_position), t->image_pos, drows, t->image_row, -1,
			      rows, h);
	op->gather(d, t->projected, drows, t->image_row, rows, h); /* [n*P,h] */
	op->dense_backward(d, NULL, hm_params_grad(p, m->project_w), hm_params_grad(p, m->project_b),
			   t->projected, t->x, m->project_w, rows, h, m->net.shape.dim[HM_IMAGE]);
}

const struct hm_fusion_kind hm_early_fusion = {
	.name = "early",
	.gives = {[HM_IMAGE] = HM_GRID, [HM_TEXT] = HM_WORDS},
	.last = "classifier",
	.own = (const char *const[]){"word_modality_embeddings", "image_dim_augmentation.",
				     "image_positional_embeddings.", "image_modality_embeddings", NULL},
	.text_prefix = "transformer.",
	.sequential = true,
	.read = read_shape,
	.inputs = count_inputs,
	.net_new = new_net,
	.tape_new = new_tape,
	.tape_free = free_tape,
	.reserve = reserve_tape,
	.forward = forward_fusion,
	.backward = backward_fusion,
};
