/* Early fusion, forward and backward. See early.h. */
#include "nn/early.h"
#include "nn/slab.h"

#include <stdlib.h>

struct hm_early_tape {
	struct hm_early *m;
	struct hm_bert *bert;
	struct hm_bert_tape *tape;
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
	void *x;	       /* act [n*P,C]: the grid */
	void *projected;       /* act [n*P,H], and its gradient */
	float *wide;	       /* f32 [n*P,H] */
	float *first, *dfirst; /* f32 [n,H] */
};

void hm_early_init(struct hm_early *m, int classes, int inputs, int hidden, int grid)
{
	*m = (struct hm_early){.classes = classes, .inputs = inputs, .hidden = hidden, .grid = grid};
	struct hm_params *p = &m->params;
	hm_params_add(p, &m->word_modality, HM_INIT_ZERO, HM_DIMS(hidden), "word_modality_embeddings");
	hm_params_add(p, &m->project_w, HM_INIT_UNIFORM, HM_DIMS(hidden, inputs),
		      "image_dim_augmentation.weight");
	hm_params_add(p, &m->project_b, HM_INIT_UNIFORM_BIAS, HM_DIMS(hidden), "image_dim_augmentation.bias");
	hm_params_add(p, &m->image_position, HM_INIT_UNIT, HM_DIMS(grid, hidden),
		      "image_positional_embeddings.weight");
	hm_params_add(p, &m->image_modality, HM_INIT_ONE, HM_DIMS(hidden), "image_modality_embeddings");
	hm_params_add(p, &m->classifier_w, HM_INIT_UNIFORM, HM_DIMS(classes, hidden), "classifier.weight");
	hm_params_add(p, &m->classifier_b, HM_INIT_UNIFORM_BIAS, HM_DIMS(classes), "classifier.bias");
}

void hm_early_clear(struct hm_early *m)
{
	hm_params_clear(&m->params);
}

struct hm_early_tape *hm_early_tape_new(struct hm_early *m, struct hm_bert *bert, struct hm_device *d,
					bool backward, struct hm_err *e)
{
	struct hm_early_tape *t = hm_alloc(1, sizeof *t, e);
	if (!t)
		return NULL;
	*t = (struct hm_early_tape){.m = m, .bert = bert, .d = d, .slab = {.d = d}};
	t->tape = hm_bert_tape_new(bert, d, backward, e);
	if (t->tape)
		return t;
	hm_early_tape_free(t);
	return NULL;
}

void hm_early_tape_free(struct hm_early_tape *t)
{
	if (!t)
		return;
	hm_bert_tape_free(t->tape);
	hm_slab_clear(&t->slab);
	hm_buf_clear(&t->host);
	free(t);
}

static void plan(struct hm_early_tape *t)
{
	size_t rows = (size_t)t->n * t->m->grid, act = hm_dtype_size(t->d->act), h = (size_t)t->m->hidden;
	size_t room = (size_t)t->d->op->rows_round(t->d, (int)rows);
	t->index = hm_slab_take(&t->slab, (3 * rows + 3 * (size_t)t->words) * sizeof *t->index);
	t->x = hm_slab_take(&t->slab, room * t->m->inputs * act);
	t->projected = hm_slab_take(&t->slab, room * h * act);
	t->wide = hm_slab_take(&t->slab, rows * h * sizeof *t->wide);
	t->first = hm_slab_take(&t->slab, (size_t)t->n * h * sizeof *t->first);
	t->dfirst = hm_slab_take(&t->slab, (size_t)t->n * h * sizeof *t->dfirst);
}

static void place(struct hm_early_tape *t, int n, int words)
{
	t->n = n, t->words = words;
	do
		plan(t);
	while (hm_slab_again(&t->slab));
}

void hm_early_reserve(struct hm_early_tape *t, int n, int64_t words)
{
	hm_bert_reserve(t->tape, n, (int64_t)n * t->m->grid + words);
	if (!t->d->err.code)
		place(t, n, (int)words);
}

/* Room for the batch, and the six index arrays on the device. */
static void stage(struct hm_early_tape *t, const int32_t *ids, const int32_t *len, int n)
{
	struct hm_device *d = t->d;
	int grid = t->m->grid, rows = n * grid, words = 0;
	for (int s = 0; s < n; s++)
		words += len[s];
	place(t, n, words);
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
			if (ids[w] < 0 || ids[w] >= hm_bert_config_of(t->bert)->vocab) {
				hm_err_set(&d->err, HM_EDATA, "token id %d, this network's vocabulary has %d",
					   ids[w], hm_bert_config_of(t->bert)->vocab);
				return;
			}
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
static int32_t *lengths(struct hm_early_tape *t, const int32_t *len, int n)
{
	int32_t *all = hm_alloc((size_t)n, sizeof *all, &t->d->err);
	for (int s = 0; all && s < n; s++)
		all[s] = t->m->grid + len[s];
	return all;
}

void hm_early_forward(struct hm_early_tape *t, const float *image, const int32_t *ids, const int32_t *len,
		      int n, const struct hm_dropout *drop, float *logits)
{
	struct hm_early *m = t->m;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int h = m->hidden, rows = n * m->grid;
	int32_t *all = lengths(t, len, n);
	float *sum = all ? hm_bert_begin(t->tape, all, n) : NULL; /* [m,h] */
	free(all);
	if (sum)
		stage(t, ids, len, n);
	if (d->err.code)
		return;
	op->narrow(d, t->x, image, (size_t)rows * m->inputs); /* [n*P,C] */
	op->dense_forward(d, t->projected, t->x, m->project_w, m->project_b, rows, h,
			  m->inputs); /* [n*P,h] */
	op->widen(d, t->wide, t->projected, (size_t)rows * h);
	op->add_rows(d, sum, t->image_row, t->wide, t->image_count, rows, h);
	op->add_rows(d, sum, t->image_row, m->image_position, t->image_pos, rows, h);
	op->add_rows(d, sum, t->image_row, m->image_modality, NULL, rows, h);
	if (t->words) {
		hm_bert_add_words(t->tape, t->word_row, t->word_id, t->words);
		hm_bert_add_positions(t->tape, t->word_row, t->word_pos, t->words);
		op->add_rows(d, sum, t->word_row, m->word_modality, NULL, t->words, h);
	}
	hm_bert_forward_rows(t->tape, drop, t->first); /* [n,h] */
	op->linear_forward(d, logits, t->first, m->classifier_w, m->classifier_b, n, m->classes,
			   h); /* [n,c] */
}

void hm_early_backward(struct hm_early_tape *t, const float *dlogits)
{
	struct hm_early *m = t->m;
	const struct hm_params *p = &m->params;
	struct hm_device *d = t->d;
	const struct hm_ops *op = d->op;
	int h = m->hidden, rows = t->n * m->grid;
	if (d->err.code)
		return;
	op->linear_backward(d, t->dfirst, hm_params_grad(p, m->classifier_w),
			    hm_params_grad(p, m->classifier_b), dlogits, t->first, m->classifier_w, t->n,
			    m->classes, h);
	const void *drows = hm_bert_backward_rows(t->tape, t->dfirst); /* [m,h] */
	if (!drows)
		return;
	if (t->words) {
		op->add_rows_backward(d, hm_params_grad(p, m->word_modality), NULL, drows, t->word_row, -1,
				      t->words, h);
		hm_bert_add_positions_backward(t->tape, drows, t->word_row, t->word_pos, t->words);
		hm_bert_add_words_backward(t->tape, drows, t->word_row, t->word_id, t->words);
	}
	op->add_rows_backward(d, hm_params_grad(p, m->image_modality), NULL, drows, t->image_row, -1, rows,
			      h);
	op->add_rows_backward(d, hm_params_grad(p, m->image_position), t->image_pos, drows, t->image_row, -1,
			      rows, h);
	op->gather(d, t->projected, drows, t->image_row, rows, h); /* [n*P,h] */
	op->dense_backward(d, NULL, hm_params_grad(p, m->project_w), hm_params_grad(p, m->project_b),
			   t->projected, t->x, m->project_w, rows, h, m->inputs);
}
