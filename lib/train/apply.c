/* Models over records. See apply.h; which column a side is taken from is applyside.c's. */
#include "train/applyside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRS = 32, DEVICE_PAIRS = 128 }; /* early fusion's batches; on a device of its own */

/* ---- set-up ---- */

static int open_encode(struct hm_apply *a, const struct hm_schema *s, const struct hm_apply_options *o,
		       struct hm_device *d, struct hm_workers *w, struct hm_err *e)
{
	bool early = a->model->head.fusion == HM_FUSION_EARLY;
	struct hm_encode_config c = {.image = a->side[0].raw ? &a->model->image : NULL,
				     .text = a->side[1].raw && !early ? &a->model->text : NULL,
				     .pooled = !early,
				     .grid = early,
				     .release = true};
	if (!c.image && !c.text)
		return 0;
	c.text_batch = hm_encode_text_batch(d, o->batch_size);
	if (c.image) {
		const struct hm_field *px = &s->field[a->side[0].column];
		c.height = (int)px->dim[1];
		c.width = (int)px->dim[2];
		c.image_batch = hm_encode_image_batch(d, c.height, c.width, o->batch_size);
	}
	return hm_encode_new(&a->encode, &c, d, w, e);
}

static int open_early(struct hm_apply *a, const struct hm_apply_options *o, struct hm_device *d,
		      struct hm_workers *w, struct hm_err *e)
{
	const struct hm_fusionfile *m = a->model;
	hm_early_init(&a->early, (int)m->head.classes, (int)m->head.image_dim, (int)m->head.inputs, m->grid);
	a->room = m->text.positions - m->grid;
	int rc = hm_fusionfile_load(m, &a->early.params, e);
	int batch = o->batch_size ? o->batch_size : d->host ? PAIRS : DEVICE_PAIRS;
	return rc ? rc : hm_earlyrun_new(&a->run, &a->early, m->text.bert, batch, d, w, e);
}

int hm_apply_init(struct hm_apply *a, struct hm_fusionfile *model, const struct hm_schema *s, const char *in,
		  const struct hm_apply_options *o, struct hm_device *d, struct hm_workers *w,
		  struct hm_err *e)
{
	*a = (struct hm_apply){.model = model, .ablate = {o->ablate[0], o->ablate[1]}};
	int rc = hm_apply_choose(a, s, in, o->allow_unknown, e);
	if (!rc)
		rc = open_encode(a, s, o, d, w, e);
	if (!rc && model->head.fusion == HM_FUSION_EARLY)
		rc = open_early(a, o, d, w, e);
	a->bytes = (a->side[0].numbers + a->side[1].numbers) * sizeof(float);
	return rc;
}

void hm_apply_clear(struct hm_apply *a)
{
	hm_encode_window_clear(&a->work);
	hm_encode_free(a->encode);
	hm_earlyrun_free(a->run);
	hm_early_clear(&a->early);
	for (int k = 0; k < HM_APPLY_SIDES; k++)
		hm_donors_clear(&a->donors[k]);
	hm_arena_clear(&a->arena);
	*a = (struct hm_apply){0};
}

/* ---- records ---- */

static bool is_early(const struct hm_apply *a)
{
	return a->model->head.fusion == HM_FUSION_EARLY;
}

/* Late fusion's head; sums in double. */
static void late_logits(const struct hm_apply *a, const struct hm_encode_item *item, float *logits)
{
	const struct hm_modelfile *m = &a->model->head;
	const float *x[] = {item->pooled, item->text}, *w = m->weight;
	for (int64_t c = 0; c < m->classes; c++) {
		double z = m->bias[c];
		for (int k = 0; k < HM_APPLY_SIDES; k++)
			for (size_t i = 0; i < a->side[k].numbers; i++)
				z += (double)*w++ * (double)x[k][i];
		logits[c] = (float)z;
	}
}

static int softmax(const float *logits, float *prob, size_t classes, struct hm_err *e)
{
	double most = -INFINITY, sum = 0;
	for (size_t c = 0; c < classes; c++) {
		most = fmax(most, logits[c]);
		if (!isfinite(logits[c]))
			return hm_err_set(e, HM_EDATA, "logit %zu is not finite", c);
	}
	for (size_t c = 0; c < classes; c++)
		sum += exp(logits[c] - most);
	for (size_t c = 0; c < classes; c++)
		prob[c] = (float)(exp(logits[c] - most) / sum);
	return 0;
}

static int encode(struct hm_apply *a, struct hm_encode_item *item, int n, struct hm_err *e)
{
	if (!a->encode)
		return 0;
	a->work.item = item;
	a->work.n = n;
	return hm_encode_start(a->encode, &a->work, e) || hm_encode_wait(a->encode, &a->work, e) ? HM_EDATA
												 : 0;
}

/* The features of item[0..n), then their logits. */
static int compute(struct hm_apply *a, struct hm_encode_item *item, int n, float **logits, struct hm_err *e)
{
	if (encode(a, item, n, e))
		return HM_EDATA;
	if (!a->run) {
		for (int i = 0; i < n; i++)
			late_logits(a, &item[i], logits[i]);
		return 0;
	}
	struct hm_earlyrun_item *pair = hm_arena_get(&a->arena, (size_t)n * sizeof *pair, e);
	if (!pair)
		return HM_EDATA;
	for (int i = 0; i < n; i++)
		pair[i] = (struct hm_earlyrun_item){item[i].grid, item[i].ids, item[i].len, logits[i]};
	return hm_earlyrun_compute(a->run, pair, n, e);
}

int hm_apply_records(struct hm_apply *a, const struct hm_rec *rec, int n, const bool *failed, float *logits,
		     float *prob, int *at, struct hm_err *e)
{
	size_t classes = (size_t)a->model->head.classes;
	int sound = 0, rc = 0;
	*at = -1;
	hm_arena_reset(&a->arena);
	struct hm_encode_item *item = hm_arena_get(&a->arena, (size_t)n * sizeof *item, e);
	float **row = hm_arena_get(&a->arena, (size_t)n * sizeof *row, e);
	if (!item || !row)
		return HM_EDATA;
	memset(logits, 0, (size_t)n * classes * sizeof *logits);
	memset(prob, 0, (size_t)n * classes * sizeof *prob);
	for (int i = 0; i < n; i++) {
		if (failed[i])
			continue;
		row[sound] = logits + (size_t)i * classes;
		if (hm_apply_take(a, &rec[i], false, &item[sound++], e)) {
			*at = i;
			return HM_EDATA;
		}
	}
	if (sound)
		rc = compute(a, item, sound, row, e);
	for (int i = 0; !rc && i < n; i++)
		if (!failed[i] &&
		    softmax(logits + (size_t)i * classes, prob + (size_t)i * classes, classes, e)) {
			*at = i;
			rc = HM_EDATA;
		}
	return rc;
}

/* ---- shuffled sides ---- */

bool hm_apply_shuffles(const struct hm_apply *a)
{
	return a->ablate[0] == HM_ABLATE_SHUFFLE || a->ablate[1] == HM_ABLATE_SHUFFLE;
}

static int keep(struct hm_apply *a, const struct hm_encode_item *item, struct hm_err *e)
{
	int rc = 0;
	for (int k = 0; !rc && k < HM_APPLY_SIDES; k++) {
		if (a->ablate[k] != HM_ABLATE_SHUFFLE)
			continue;
		if (k && is_early(a))
			rc = hm_donors_add(&a->donors[k], item->ids, (size_t)item->len * sizeof *item->ids,
					   e);
		else
			rc = hm_donors_add(&a->donors[k], k ? item->text : item->pooled,
					   a->side[k].numbers * sizeof(float), e);
	}
	return rc;
}

int hm_apply_collect(struct hm_apply *a, const struct hm_rec *rec, int n, const bool *failed, int *at,
		     struct hm_err *e)
{
	int sound = 0, rc;
	*at = -1;
	hm_arena_reset(&a->arena);
	struct hm_encode_item *item = hm_arena_get(&a->arena, (size_t)n * sizeof *item, e);
	if (!item)
		return HM_EDATA;
	for (int i = 0; i < n; i++)
		if (!failed[i] && hm_apply_take(a, &rec[i], true, &item[sound++], e)) {
			*at = i;
			return HM_EDATA;
		}
	rc = sound ? encode(a, item, sound, e) : 0;
	for (int i = 0; !rc && i < sound; i++)
		rc = keep(a, &item[i], e);
	return rc;
}

int hm_apply_shuffle(struct hm_apply *a, uint64_t seed, struct hm_err *e)
{
	int rc = 0;
	for (int k = 0; !rc && k < HM_APPLY_SIDES; k++)
		if (a->ablate[k] == HM_ABLATE_SHUFFLE)
			rc = hm_donors_shuffle(&a->donors[k], seed, k, e);
	return rc;
}
