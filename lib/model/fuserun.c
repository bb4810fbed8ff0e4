/* Batches of a fusion over workers: see fuserun.h. */
#include "model/fuserun.h"

#include <stdlib.h>
#include <string.h>

/* The most rows of a text tower in a batch, as in encode.c. */
enum { ROWS = 2048, DEVICE_ROWS = 16384 };

/* What one worker has for itself. */
struct lane {
	struct hm_device *d;
	void *work;
	float *side[HM_SIDES]; /* device [batch,D] or [batch,P,D]; NULL: not used */
	float *logits;	       /* device [batch,classes] */
	float *host;	       /* [batch,classes] */
	int32_t *ids, *len;    /* host [words], [batch] */
};

struct hm_fuserun {
	struct hm_fusion_net *net;
	const struct hm_fusion_infer *infer; /* the fusion's */
	void *ready;			     /* net, made ready for the device */
	int batch;
	int rows, words; /* of a batch of a fusion that takes words: all rows, and token ids; else 0 */
	size_t floats[HM_SIDES];	  /* of an input's side */
	struct hm_workers *workers, *own; /* own: one lane, of a device that is not the host */
	struct lane *lane;
	int lanes;
	/* of the call that is going on */
	const struct hm_fuserun_item *item;
	size_t *first;	    /* [batches + 1]: the first item of each batch */
	struct hm_err *why; /* [batches] */
};

static void gather_items(struct hm_fuserun *r, struct lane *l, const struct hm_fuserun_item *item, int n,
			 struct hm_fusion_input *in)
{
	int32_t *at = l->ids;
	*in = (struct hm_fusion_input){.n = n, .ids = l->ids, .len = l->len};
	for (int s = 0; s < HM_SIDES; s++) {
		in->side[s] = l->side[s];
		for (int k = 0; k < n && l->side[s]; k++)
			l->d->op->upload(l->d, l->side[s] + (size_t)k * r->floats[s], item[k].side[s],
					 r->floats[s] * sizeof(float));
	}
	for (int k = 0; k < n && r->rows; k++) {
		memcpy(at, item[k].ids, (size_t)item[k].len * sizeof *at);
		at += l->len[k] = item[k].len;
	}
}

static void run_batch(void *ctx, size_t i, int worker)
{
	struct hm_fuserun *r = ctx;
	struct lane *l = &r->lane[worker];
	const struct hm_ops *op = l->d->op;
	const struct hm_fuserun_item *item = r->item + r->first[i];
	int n = (int)(r->first[i + 1] - r->first[i]), c = r->net->shape.classes;
	size_t row = (size_t)c * sizeof(float);
	struct hm_fusion_input in;
	gather_items(r, l, item, n, &in);
	r->infer->run(l->work, &in, l->logits);
	if (!l->d->err.code)
		op->download(l->d, l->host, l->logits, (size_t)n * row);
	for (int k = 0; k < n; k++)
		memcpy(item[k].logits, l->host + (size_t)k * (size_t)c, row);
	if (!l->d->err.code) {
		op->softmax(l->d, l->logits, l->logits, n, c);
		op->download(l->d, l->host, l->logits, (size_t)n * row);
	}
	for (int k = 0; k < n; k++)
		memcpy(item[k].prob, l->host + (size_t)k * (size_t)c, row);
	hm_device_error(l->d, &r->why[i]);
}

/* r->first := where the batches begin; returns their number. */
static size_t form_batches(struct hm_fuserun *r, size_t n)
{
	size_t batches = 0;
	int rows = 0, count = 0, cells = r->net->shape.cells;
	for (size_t i = 0; i < n; i++) {
		int own = r->rows ? cells + r->item[i].len : 0;
		if (!i || count == r->batch || rows + own > r->rows) {
			r->first[batches++] = i;
			rows = count = 0;
		}
		rows += own;
		count++;
	}
	r->first[batches] = n;
	return batches;
}

int hm_fuserun_compute(struct hm_fuserun *r, const struct hm_fuserun_item *item, int n, struct hm_err *e)
{
	int rc = 0;
	r->item = item;
	r->first = hm_alloc((size_t)n + 1, sizeof *r->first, e);
	size_t batches = r->first ? form_batches(r, (size_t)n) : 0;
	r->why = r->first ? hm_alloc(batches, sizeof *r->why, e) : NULL;
	if (r->why) {
		hm_workers_each(r->workers, batches, run_batch, r);
		for (size_t i = 0; i < batches && !rc; i++)
			if (r->why[i].code)
				rc = hm_err_set(e, r->why[i].code, "%s", r->why[i].text);
	} else {
		rc = HM_EDATA;
	}
	free(r->why);
	free(r->first);
	return rc;
}

static int open_lane(struct hm_fuserun *r, struct lane *l, struct hm_device *d, struct hm_err *e)
{
	size_t n = (size_t)r->batch, classes = (size_t)r->net->shape.classes;
	l->d = hm_device_fork(d, e);
	if (!l->d)
		return HM_EDATA;
	l->work = r->infer->work_new(r->ready, l->d, r->batch, r->rows, e);
	l->host = hm_alloc(n * classes, sizeof *l->host, e);
	if (!l->work || !l->host)
		return HM_EDATA;
	if (r->rows) {
		l->ids = hm_alloc((size_t)r->words, sizeof *l->ids, e);
		l->len = hm_alloc(n, sizeof *l->len, e);
		if (!l->ids || !l->len)
			return HM_EDATA;
	}
	for (int s = 0; s < HM_SIDES; s++)
		if (r->floats[s])
			l->side[s] = l->d->op->alloc(l->d, n * r->floats[s] * sizeof(float));
	l->logits = l->d->op->alloc(l->d, n * classes * sizeof *l->logits);
	return hm_device_error(l->d, e);
}

/* Numbers of an input's side s as the fusion takes it. */
static size_t side_floats(const struct hm_fusion_net *net, int s)
{
	enum hm_give give = net->kind->gives[s];
	size_t dim = (size_t)net->shape.dim[s];
	return give == HM_WORDS ? 0 : give == HM_GRID ? dim * (size_t)net->shape.cells : dim;
}

/* Sizes of the batches of a fusion that takes words. */
static void size_batches(struct hm_fuserun *r, const struct hm_tower *text, bool host)
{
	int one = text->kind->shape(text).positions, most = host ? ROWS : DEVICE_ROWS;
	if (r->batch < most / one)
		most = r->batch * one;
	r->rows = one > most ? one : most;
	r->words = r->rows - r->net->shape.cells;
	if (r->batch > r->words)
		r->batch = r->words;
}

static int prepare_fusion(struct hm_fuserun *r, const struct hm_tower *text, struct hm_device *d,
			  struct hm_err *e)
{
	for (int s = 0; s < HM_SIDES; s++)
		r->floats[s] = side_floats(r->net, s);
	if (text)
		size_batches(r, text, d->host);
	if (!d->host && !(r->own = r->workers = hm_workers_new(1, e)))
		return HM_EDATA;
	r->lanes = hm_workers_count(r->workers);
	r->lane = hm_alloc((size_t)r->lanes, sizeof *r->lane, e);
	if (!r->lane || !(r->ready = r->infer->prepare(r->net, text, d, e)))
		return HM_EDATA;
	for (int i = 0; i < r->lanes; i++)
		if (open_lane(r, &r->lane[i], d, e))
			return HM_EDATA;
	return 0;
}

int hm_fuserun_new(struct hm_fuserun **out, struct hm_fusion_net *net, const struct hm_tower *text, int batch,
		   struct hm_device *d, struct hm_workers *w, struct hm_err *e)
{
	struct hm_fuserun *r = *out = hm_alloc(1, sizeof *r, e);
	if (!r)
		return HM_EDATA;
	*r = (struct hm_fuserun){.net = net, .infer = net->kind->infer, .batch = batch, .workers = w};
	int rc = prepare_fusion(r, text, d, e);
	if (rc) {
		hm_fuserun_free(r);
		*out = NULL;
	}
	return rc;
}

void hm_fuserun_free(struct hm_fuserun *r)
{
	for (int i = 0; r && r->lane && i < r->lanes; i++) {
		struct lane *l = &r->lane[i];
		r->infer->work_free(l->work);
		if (l->d) {
			for (int s = 0; s < HM_SIDES; s++)
				l->d->op->free(l->d, l->side[s]);
			l->d->op->free(l->d, l->logits);
		}
		free(l->host);
		free(l->ids);
		free(l->len);
		hm_device_close(l->d);
	}
	if (r) {
		if (r->ready)
			r->infer->net_free(r->ready);
		hm_workers_free(r->own);
		free(r->lane);
	}
	free(r);
}
