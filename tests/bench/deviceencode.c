/* bench_device's encoders: a batch of images, all captions. */
#include "device.h"

#include <stdlib.h>

struct encode {
	struct bench *b;
	struct hm_resnet_net *resnet;
	struct hm_resnet_work *resnet_work;
	struct hm_bert_net *bert;
	struct hm_bert_work *bert_work;
	uint8_t *pixels;      /* device [batch,3,side,side] */
	float *pooled, *host; /* device and host [batch, features] */
};

/* One batch of images. */
static int encode_images(void *ctx, int number, struct cost *t, struct hm_err *e)
{
	struct encode *x = ctx;
	struct bench *b = x->b;
	(void)number;
	hm_resnet_encode(x->resnet, x->resnet_work, x->pixels, b->batch, x->pooled, NULL);
	b->d->op->download(b->d, x->host, x->pooled,
			   (size_t)b->batch * (size_t)hm_resnet_features(&b->image) * sizeof *x->host);
	cost_resnet(t, b->resnet, INFER, bench_act_size(b), b->batch, b->side);
	t->items += b->batch;
	return hm_device_error(b->d, e);
}

int bench_resnet(struct bench *b)
{
	struct encode x = {.b = b};
	int rc = HM_EDATA;
	if (!(x.resnet = hm_resnet_prepare(b->resnet, b->d, &b->e)) ||
	    !(x.resnet_work = hm_resnet_work_new(x.resnet, b->d, b->batch, b->side, b->side, &b->e)))
		goto done;
	size_t out = (size_t)b->batch * (size_t)hm_resnet_features(&b->image);
	x.pixels = b->d->op->alloc(b->d, (size_t)b->batch * bench_image_bytes(b));
	x.pooled = b->d->op->alloc(b->d, out * sizeof *x.pooled);
	x.host = bench_need(out, sizeof *x.host);
	for (int i = 0; i < b->batch && !b->d->err.code; i++)
		b->d->op->upload(b->d, x.pixels + (size_t)i * bench_image_bytes(b),
				 b->pixels + (size_t)(i % BENCH_IMAGES) * bench_image_bytes(b),
				 bench_image_bytes(b));
	if (!hm_device_error(b->d, &b->e))
		rc = bench_measure(b, 5, b->repeat ? b->repeat : 30, encode_images, &x);
done:
	hm_resnet_work_free(x.resnet_work);
	hm_resnet_net_free(x.resnet);
	b->d->op->free(b->d, x.pixels);
	b->d->op->free(b->d, x.pooled);
	free(x.host);
	return rc;
}

/* All captions, in batches as hm-encode makes them of the records as they come. */
static int encode_captions(void *ctx, int number, struct cost *t, struct hm_err *e)
{
	struct encode *x = ctx;
	struct bench *b = x->b;
	(void)number;
	for (int i = 0, n; i < b->captions; i += n) {
		double m = 0, q = 0;
		n = b->captions - i < b->batch ? b->captions - i : b->batch;
		hm_bert_encode(x->bert, x->bert_work, b->ids + b->at[i], b->len + i, n, x->pooled);
		b->d->op->download(b->d, x->host, x->pooled,
				   (size_t)n * (size_t)b->text.hidden * sizeof *x->host);
		for (int j = i; j < i + n; j++) {
			m += b->len[j];
			q += (double)b->len[j] * b->len[j];
		}
		cost_bert(t, &b->text, INFER, bench_act_size(b), n, m, q, true);
		t->items += n;
	}
	return hm_device_error(b->d, e);
}

int bench_bert(struct bench *b)
{
	struct encode x = {.b = b};
	int rc = HM_EDATA;
	if (!(x.bert = hm_bert_prepare(b->bert, b->d, &b->e)) ||
	    !(x.bert_work = hm_bert_work_new(x.bert, b->d, b->batch, 88 * b->batch, &b->e)))
		goto done;
	size_t out = (size_t)b->batch * (size_t)b->text.hidden;
	x.pooled = b->d->op->alloc(b->d, out * sizeof *x.pooled);
	x.host = bench_need(out, sizeof *x.host);
	if (!hm_device_error(b->d, &b->e))
		rc = bench_measure(b, 1, b->repeat ? b->repeat : 10, encode_captions, &x);
done:
	hm_bert_work_free(x.bert_work);
	hm_bert_net_free(x.bert);
	b->d->op->free(b->d, x.pooled);
	free(x.host);
	return rc;
}
