/* Batches of early fusion over workers: see earlyrun.h. */
#include "model/earlyrun.h"

#include <stdlib.h>
#include <string.h>

/* What one worker has for itself. */
struct lane {
	struct hm_device *d;
	struct hm_early_tape *tape;
	float *grid, *logits; /* device [batch,P,C], [batch,classes] */
	float *host;	      /* [batch,classes] */
	int32_t *ids, *len;   /* host [batch*positions], [batch] */
};

struct hm_earlyrun {
	struct hm_early *m;
	int batch;
	struct hm_workers *workers, *own; /* own: one lane, of a device that is not the host */
	struct lane *lane;
	int lanes;
	/* of the call that is going on */
	const struct hm_earlyrun_item *item;
	int n;
	struct hm_err *why; /* [batches] */
};

static void run_batch(void *ctx, size_t i, int worker)
{
	struct hm_earlyrun *r = ctx;
	struct lane *l = &r->lane[worker];
	const struct hm_ops *op = l->d->op;
	const struct hm_earlyrun_item *item = r->item + i * (size_t)r->batch;
	int left = r->n - (int)i * r->batch, n = left < r->batch ? left : r->batch;
	size_t grid = (size_t)r->m->grid * (size_t)r->m->inputs, classes = (size_t)r->m->classes;
	int32_t *at = l->ids;
	for (int k = 0; k < n; k++) {
		op->upload(l->d, l->grid + (size_t)k * grid, item[k].grid, grid * sizeof(float));
		memcpy(at, item[k].ids, (size_t)item[k].len * sizeof *at);
		at += l->len[k] = item[k].len;
	}
	hm_early_forward(l->tape, l->grid, l->ids, l->len, n, NULL, l->logits);
	if (!l->d->err.code)
		op->download(l->d, l->host, l->logits, (size_t)n * classes * sizeof(float));
	for (int k = 0; k < n; k++)
		memcpy(item[k].logits, l->host + (size_t)k * classes, classes * sizeof(float));
	hm_device_error(l->d, &r->why[i]);
}

int hm_earlyrun_compute(struct hm_earlyrun *r, const struct hm_earlyrun_item *item, int n, struct hm_err *e)
{
	size_t batches = ((size_t)n + (size_t)r->batch - 1) / (size_t)r->batch;
	int rc = 0;
	r->item = item;
	r->n = n;
	r->why = hm_alloc(batches, sizeof *r->why, e);
	if (!r->why)
		return HM_EDATA;
	hm_workers_each(r->workers, batches, run_batch, r);
	for (size_t i = 0; i < batches && !rc; i++)
		if (r->why[i].code)
			rc = hm_err_set(e, r->why[i].code, "%s", r->why[i].text);
	free(r->why);
	return rc;
}

static int open_lane(struct hm_earlyrun *r, struct lane *l, struct hm_bert *bert, struct hm_device *d,
		     struct hm_err *e)
{
	const struct hm_early *m = r->m;
	size_t n = (size_t)r->batch;
	l->d = hm_device_fork(d, e);
	if (!l->d)
		return HM_EDATA;
	l->tape = hm_early_tape_new(r->m, bert, l->d, false, e);
	l->ids = hm_alloc(n * (size_t)hm_bert_config_of(bert)->positions, sizeof *l->ids, e);
	l->len = hm_alloc(n, sizeof *l->len, e);
	l->host = hm_alloc(n * (size_t)m->classes, sizeof *l->host, e);
	if (!l->tape || !l->ids || !l->len || !l->host)
		return HM_EDATA;
	l->grid = l->d->op->alloc(l->d, n * (size_t)m->grid * (size_t)m->inputs * sizeof *l->grid);
	l->logits = l->d->op->alloc(l->d, n * (size_t)m->classes * sizeof *l->logits);
	return hm_device_error(l->d, e);
}

int hm_earlyrun_new(struct hm_earlyrun **out, struct hm_early *m, struct hm_bert *bert, int batch,
		    struct hm_device *d, struct hm_workers *w, struct hm_err *e)
{
	struct hm_earlyrun *r = *out = hm_alloc(1, sizeof *r, e);
	if (!r)
		return HM_EDATA;
	*r = (struct hm_earlyrun){.m = m, .batch = batch, .workers = w};
	if (!d->host && !(r->own = r->workers = hm_workers_new(1, e))) {
		hm_earlyrun_free(r);
		*out = NULL;
		return HM_EDATA;
	}
	r->lanes = hm_workers_count(r->workers);
	r->lane = hm_alloc((size_t)r->lanes, sizeof *r->lane, e);
	int rc = r->lane ? hm_params_place(&m->params, d, false, e) : HM_EDATA;
	if (!rc)
		rc = hm_params_place(hm_bert_params(bert), d, false, e);
	for (int i = 0; !rc && i < r->lanes; i++)
		rc = open_lane(r, &r->lane[i], bert, d, e);
	if (rc) {
		hm_earlyrun_free(r);
		*out = NULL;
	}
	return rc;
}

void hm_earlyrun_free(struct hm_earlyrun *r)
{
	for (int i = 0; r && r->lane && i < r->lanes; i++) {
		struct lane *l = &r->lane[i];
		hm_early_tape_free(l->tape);
		if (l->d) {
			l->d->op->free(l->d, l->grid);
			l->d->op->free(l->d, l->logits);
		}
		free(l->host);
		free(l->ids);
		free(l->len);
		hm_device_close(l->d);
	}
	if (r) {
		hm_workers_free(r->own);
		free(r->lane);
	}
	free(r);
}
