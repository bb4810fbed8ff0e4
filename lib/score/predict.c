/* Models over records. See predict.h; which column a side is taken from is predictside.c's. */
#include "score/predictside.h"

#include <math.h>
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
		c.side[k].batch = hm_encode_batch_size(d, (enum hm_side)k, c.height, c.width, o->batch_size);
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
	return hm_fuserun_new(&a->run, a->net, text, batch, d, w, e);
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

int hm_predict_init(struct hm_predict *a, struct hm_fusionfile *model, const struct hm_schema *s,
		    const char *in, const struct hm_predict_options *o, struct hm_device *d,
		    struct hm_workers *w, struct hm_err *e)
{
	*a = (struct hm_predict){.model = model, .ablate = {o->ablate[0], o->ablate[1]}};
	int rc = o->no_normalize ? leave_lengths(model, e) : 0;
	if (!rc)
		rc = hm_predict_choose(a, s, in, o, e);
	if (!rc)
		rc = open_encode(a, s, o, d, w, e);
	if (!rc)
		rc = open_fusion(a, o, d, w, e);
	a->bytes = (a->side[0].numbers + a->side[1].numbers) * sizeof(float);
	return rc;
}

void hm_predict_clear(struct hm_predict *a)
{
	hm_encode_window_clear(&a->work);
	hm_encode_free(a->encode);
	hm_fuserun_free(a->run);
	hm_fusion_net_free(a->net);
	for (int k = 0; k < HM_SIDES; k++)
		hm_donors_clear(&a->donors[k]);
	hm_arena_clear(&a->arena);
	*a = (struct hm_predict){0};
}

/* ---- records ---- */

static int encode_items(struct hm_predict *a, struct hm_encode_item *item, int n, struct hm_err *e)
{
	if (!a->encode)
		return 0;
	a->work.item = item;
	a->work.n = n;
	return hm_encode_start(a->encode, &a->work, e) || hm_encode_wait(a->encode, &a->work, e) ? HM_EDATA
												 : 0;
}

/* The features of item[0..n), then the answers: logits and prob of record row[i]. */
static int answer_items(struct hm_predict *a, struct hm_encode_item *item, int n, const int *row,
			float *logits, float *prob, struct hm_err *e)
{
	const enum hm_give *gives = a->model->head.fusion->gives;
	size_t classes = (size_t)a->model->head.classes;
	struct hm_fuserun_item *in = hm_arena_get(&a->arena, (size_t)n * sizeof *in, e);
	if (!in || encode_items(a, item, n, e))
		return HM_EDATA;
	for (int i = 0; i < n; i++) {
		in[i] = (struct hm_fuserun_item){.ids = item[i].ids,
						 .len = item[i].len,
						 .logits = logits + (size_t)row[i] * classes,
						 .prob = prob + (size_t)row[i] * classes};
		for (int k = 0; k < HM_SIDES; k++)
			in[i].side[k] = item[i].out[k][gives[k]];
	}
	return hm_fuserun_compute(a->run, in, n, e);
}

static int check_logits(const float *logits, size_t classes, struct hm_err *e)
{
	for (size_t c = 0; c < classes; c++)
		if (!isfinite(logits[c]))
			return hm_err_set(e, HM_EDATA, "logit %zu is not finite", c);
	return 0;
}

int hm_predict_records(struct hm_predict *a, const struct hm_rec *rec, int n, const bool *failed,
		       float *logits, float *prob, int *at, struct hm_err *e)
{
	size_t classes = (size_t)a->model->head.classes;
	int sound = 0, rc = 0;
	*at = -1;
	hm_arena_reset(&a->arena);
	struct hm_encode_item *item = hm_arena_get(&a->arena, (size_t)n * sizeof *item, e);
	int *row = hm_arena_get(&a->arena, (size_t)n * sizeof *row, e);
	if (!item || !row)
		return HM_EDATA;
	memset(logits, 0, (size_t)n * classes * sizeof *logits);
	memset(prob, 0, (size_t)n * classes * sizeof *prob);
	for (int i = 0; i < n; i++) {
		if (failed[i])
			continue;
		row[sound] = i;
		if (hm_predict_take(a, &rec[i], false, &item[sound++], e)) {
			*at = i;
			return HM_EDATA;
		}
	}
	if (sound)
		rc = answer_items(a, item, sound, row, logits, prob, e);
	for (int i = 0; !rc && i < sound; i++)
		if (check_logits(logits + (size_t)row[i] * classes, classes, e)) {
			*at = row[i];
			rc = HM_EDATA;
		}
	return rc;
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
	int sound = 0, rc;
	*at = -1;
	hm_arena_reset(&a->arena);
	struct hm_encode_item *item = hm_arena_get(&a->arena, (size_t)n * sizeof *item, e);
	if (!item)
		return HM_EDATA;
	for (int i = 0; i < n; i++)
		if (!failed[i] && hm_predict_take(a, &rec[i], true, &item[sound++], e)) {
			*at = i;
			return HM_EDATA;
		}
	rc = sound ? encode_items(a, item, sound, e) : 0;
	for (int i = 0; !rc && i < sound; i++)
		rc = keep_donor(a, &item[i], e);
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
