/* Models over records. See predict.h; which column a side is taken from is predictside.c's. */
#include "score/predictside.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PAIRS = 32,
	DEVICE_PAIRS = 128,
	VECTORS = 512
}; /* in a batch: with a tower; on a device of its own; without */

/* ---- set-up ---- */

static int open_encode(struct hm_predict *a, const struct hm_schema *s, const struct hm_predict_options *o,
		       struct hm_device *d, struct hm_workers *w, struct hm_err *e)
{
	const struct hm_fusion_kind *kind = a->model->head.fusion;
	struct hm_encode_config c = {.release = true, .live = o->live};
	bool any = false;
	if (a->side[HM_IMAGE].raw) {
		const struct hm_field *px = &s->field[a->side[HM_IMAGE].column.at[0]];
		c.height = (int)px->dim[1];
		c.width = (int)px->dim[2];
	}
	for (int k = 0; k < HM_SIDES; k++) {
		c.side[k].batch = 1;
		if (!a->side[k].raw || kind->gives[k] == HM_WORDS)
			continue;
		c.side[k].encoder = &a->model->side[k];
		c.side[k].want[kind->gives[k]] = true;
		c.side[k].batch =
			hm_encode_batch_size(d, c.side[k].encoder, c.height, c.width, o->batch_size);
		any = true;
	}
	return any ? hm_encode_new(&a->encode, &c, d, w, e) : 0;
}

static int open_fusion(struct hm_predict *a, const struct hm_predict_options *o, struct hm_device *d,
		       struct hm_workers *w, struct hm_err *e)
{
	const struct hm_fusionfile *m = a->model;
	const struct hm_fusion_kind *kind = m->head.fusion;
	const struct hm_fusion_shape shape = {(int)m->head.classes,
					      {(int)m->head.dim[HM_IMAGE], (int)m->head.dim[HM_TEXT]},
					      m->cells,
					      m->head.head};
	struct hm_tower *text = hm_fusion_takes_words(kind) ? m->side[HM_TEXT].tower : NULL;
	if (text)
		a->room = m->side[HM_TEXT].shape.positions - m->cells;
	if (!(a->net = kind->net_new(kind, &shape, e)) || hm_fusionfile_load(m, &a->net->params, e))
		return HM_EDATA;
	int batch = !text ? VECTORS : o->batch_size ? o->batch_size : d->host ? PAIRS : DEVICE_PAIRS;
	if (o->live && !text && !(a->here = hm_workers_new(1, e)))
		return HM_EDATA;
	int rc = hm_fuserun_new(&a->run, a->net, text, batch, d, a->here ? a->here : w, e);
	if (text)
		hm_encoder_release(&a->model->side[HM_TEXT]);
	return rc;
}

/* --no-normalize: for a head whose file does not say. */
static int leave_lengths(struct hm_fusionfile *m, struct hm_err *e)
{
	if (!m->head.fusion->measure)
		return hm_err_set(e, HM_EUSAGE, "--no-normalize: %s fusion does not normalise",
				  m->head.fusion->name);
	if (m->head.described && m->head.head.normalize)
		return hm_err_set(e, HM_EUSAGE, "--no-normalize: the model file says that it normalises");
	m->head.head.normalize = false;
	return 0;
}

char *hm_predict_precision(const struct hm_modelfile *head, int k, const struct hm_device *d,
			   char out[HM_PREDICT_PRECISION])
{
	const char *now = hm_precision_name(d->precision), *was = head->precision[k];
	out[0] = 0;
	if (*was && strcmp(was, now))
		snprintf(out, HM_PREDICT_PRECISION,
			 "the %s encoder computes in %s, the head was trained on features in %s (--precision "
			 "%s)",
			 hm_side_name((enum hm_side)k), now, was, was);
	return out;
}

int hm_predict_init(struct hm_predict *a, struct hm_fusionfile *model, const struct hm_schema *s,
		    const char *in, const struct hm_predict_options *o, struct hm_device *d,
		    struct hm_workers *w, struct hm_err *e)
{
	*a = (struct hm_predict){.model = model, .ablate = {o->ablate[0], o->ablate[1]}};
	int rc = o->no_normalize ? leave_lengths(model, e) : 0;
	if (!rc)
		rc = hm_predict_choose(a, s, in, o, e);
	for (int k = 0; !rc && k < HM_SIDES; k++)
		if (a->side[k].raw && !*a->notice)
			hm_predict_precision(&model->head, k, d, a->notice);
	if (!rc)
		rc = open_encode(a, s, o, d, w, e);
	if (!rc)
		rc = open_fusion(a, o, d, w, e);
	a->bytes = (a->side[0].numbers + a->side[1].numbers) * sizeof(float);
	return rc;
}

void hm_predict_clear(struct hm_predict *a)
{
	hm_predict_batch_clear(a, &a->batch);
	hm_encode_free(a->encode);
	hm_fuserun_free(a->run);
	hm_workers_free(a->here);
	hm_fusion_net_free(a->net);
	for (int k = 0; k < HM_SIDES; k++)
		hm_donors_clear(&a->donors[k]);
	*a = (struct hm_predict){0};
}

/* ---- records ---- */

static int start_encode(struct hm_predict *a, struct hm_predict_batch *b, struct hm_err *e)
{
	b->begun = true;
	if (!a->encode || !b->sound)
		return 0;
	b->work.item = b->item;
	b->work.n = b->sound;
	return hm_encode_start(a->encode, &b->work, e);
}

/* Rounds an encoder's features as those of the head's training were: hm-encode --store. */
static void round_features(const struct hm_predict *a, int k, float *x)
{
	const char *store = a->model->head.store[k];
	size_t n = a->side[k].raw && *store ? a->side[k].numbers : 0;
	bool half = !strcmp(store, "f16");
	for (size_t i = 0; i < n; i++)
		x[i] = half ? hm_f16_to_f32(hm_f32_to_f16(x[i])) : hm_bf16_to_f32(hm_f32_to_bf16(x[i]));
}

/* The fusion of the items whose records did not fail: logits and prob of record row[i]. */
static int answer_items(struct hm_predict *a, struct hm_predict_batch *b, const bool *failed, float *logits,
			float *prob, struct hm_err *e)
{
	const enum hm_give *gives = a->model->head.fusion->gives;
	size_t classes = (size_t)a->model->head.classes;
	struct hm_fuserun_item *in = hm_arena_get(&b->arena, (size_t)b->sound * sizeof *in, e);
	int n = 0;
	if (!in)
		return HM_EDATA;
	for (int i = 0; i < b->sound; i++) {
		const struct hm_encode_item *item = &b->item[i];
		size_t at = (size_t)b->row[i] * classes;
		if (failed[b->row[i]])
			continue;
		in[n] = (struct hm_fuserun_item){
			.ids = item->ids, .len = item->len, .logits = logits + at, .prob = prob + at};
		for (int k = 0; k < HM_SIDES; k++) {
			round_features(a, k, item->out[k][gives[k]]);
			in[n].side[k] = item->out[k][gives[k]];
		}
		n++;
	}
	return n ? hm_fuserun_compute(a->run, in, n, e) : 0;
}

static int check_logits(const float *logits, size_t classes, struct hm_err *e)
{
	for (size_t c = 0; c < classes; c++)
		if (!isfinite(logits[c]))
			return hm_err_set(e, HM_EDATA, "logit %zu is not finite", c);
	return 0;
}

int hm_predict_begin(struct hm_predict *a, struct hm_predict_batch *b, const struct hm_rec *rec, int n,
		     const bool *failed, int *at, struct hm_err *e)
{
	*at = -1;
	hm_arena_reset(&b->arena);
	b->n = n;
	b->sound = 0;
	b->item = hm_arena_get(&b->arena, (size_t)n * sizeof *b->item, e);
	b->row = hm_arena_get(&b->arena, (size_t)n * sizeof *b->row, e);
	if (!b->item || !b->row)
		return HM_EDATA;
	for (int i = 0; i < n; i++) {
		if (failed[i])
			continue;
		b->row[b->sound] = i;
		if (hm_predict_take(a, &b->arena, &rec[i], false, &b->item[b->sound++], e)) {
			*at = i;
			return HM_EDATA;
		}
	}
	return start_encode(a, b, e);
}

int hm_predict_end(struct hm_predict *a, struct hm_predict_batch *b, const bool *failed, float *logits,
		   float *prob, int *at, struct hm_err *e)
{
	size_t classes = (size_t)a->model->head.classes, all = (size_t)b->n * classes;
	*at = -1;
	int rc = b->begun && a->encode ? hm_encode_wait(a->encode, &b->work, e) : 0;
	b->begun = false;
	memset(logits, 0, all * sizeof *logits);
	memset(prob, 0, all * sizeof *prob);
	if (!rc)
		rc = answer_items(a, b, failed, logits, prob, e);
	for (int i = 0; !rc && i < b->sound; i++) {
		int row = b->row[i];
		if (!failed[row] && check_logits(logits + (size_t)row * classes, classes, e)) {
			*at = row;
			rc = HM_EDATA;
		}
	}
	return rc;
}

void hm_predict_batch_clear(struct hm_predict *a, struct hm_predict_batch *b)
{
	struct hm_err none = {0};
	if (b->begun && a->encode)
		hm_encode_wait(a->encode, &b->work, &none);
	hm_encode_window_clear(&b->work);
	hm_arena_clear(&b->arena);
	*b = (struct hm_predict_batch){0};
}

int hm_predict_records(struct hm_predict *a, const struct hm_rec *rec, int n, const bool *failed,
		       float *logits, float *prob, int *at, struct hm_err *e)
{
	int rc = hm_predict_begin(a, &a->batch, rec, n, failed, at, e);
	return rc ? rc : hm_predict_end(a, &a->batch, failed, logits, prob, at, e);
}

/* ---- shuffled sides ---- */

bool hm_predict_shuffles(const struct hm_predict *a)
{
	return a->ablate[0] == HM_ABLATE_SHUFFLE || a->ablate[1] == HM_ABLATE_SHUFFLE;
}

static int keep_donor(struct hm_predict *a, const struct hm_encode_item *item, struct hm_err *e)
{
	const enum hm_give *gives = a->model->head.fusion->gives;
	int rc = 0;
	for (int k = 0; !rc && k < HM_SIDES; k++) {
		if (a->ablate[k] != HM_ABLATE_SHUFFLE)
			continue;
		if (gives[k] == HM_WORDS)
			rc = hm_donors_add(&a->donors[k], item->ids, (size_t)item->len * sizeof *item->ids,
					   e);
		else
			rc = hm_donors_add(&a->donors[k], item->out[k][gives[k]],
					   a->side[k].numbers * sizeof(float), e);
	}
	return rc;
}

int hm_predict_collect(struct hm_predict *a, const struct hm_rec *rec, int n, const bool *failed, int *at,
		       struct hm_err *e)
{
	struct hm_predict_batch *b = &a->batch;
	*at = -1;
	hm_arena_reset(&b->arena);
	b->sound = 0;
	b->item = hm_arena_get(&b->arena, (size_t)n * sizeof *b->item, e);
	if (!b->item)
		return HM_EDATA;
	for (int i = 0; i < n; i++)
		if (!failed[i] && hm_predict_take(a, &b->arena, &rec[i], true, &b->item[b->sound++], e)) {
			*at = i;
			return HM_EDATA;
		}
	int rc = start_encode(a, b, e);
	if (!rc && a->encode)
		rc = hm_encode_wait(a->encode, &b->work, e);
	b->begun = false;
	for (int i = 0; !rc && i < b->sound; i++)
		rc = keep_donor(a, &b->item[i], e);
	return rc;
}

int hm_predict_shuffle(struct hm_predict *a, uint64_t seed, struct hm_err *e)
{
	int rc = 0;
	for (int k = 0; !rc && k < HM_SIDES; k++)
		if (a->ablate[k] == HM_ABLATE_SHUFFLE)
			rc = hm_donors_shuffle(&a->donors[k], seed, k, e);
	return rc;
}
