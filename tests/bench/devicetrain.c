/* bench_device's training steps, as lib/train/trainer.c does them. */
#include "device.h"
#include "base/rng.h"
#include "train/optim.h"
#include "train/order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CLASSES = 2, HEAD_EPOCHS = 5 };

struct train {
	struct bench *b;
	struct hm_fusion *f;
	struct hm_fusion_config c;
	struct hm_optim optim;
	struct hm_minibatch batch; /* the next step's, once it was put together */
	int n;			   /* examples; of one batch */
	uint8_t *pixels;	   /* [batch,3,side,side] */
	int32_t *ids, *len, *label;
	float *rows;	   /* features or grids of a batch [batch, width] */
	const float **row; /* where each example's begin */
	float *features;   /* made ones to take them from [records, width] */
	int records;
	size_t width; /* of one of them; 0: none */
	uint32_t *order;
	int epoch, at; /* where the next batch begins */
};

/* The next batch's examples, gathered into its arrays as examples.c does. */
static void gather(struct train *x)
{
	const struct bench *b = x->b;
	int32_t *to = x->ids;
	if (x->at >= b->captions) {
		hm_order_epoch(x->order, (uint32_t)b->captions, 42, ++x->epoch, true);
		x->at = 0;
	}
	x->n = b->captions - x->at < b->batch ? b->captions - x->at : b->batch;
	for (int i = 0; i < x->n; i++) {
		uint32_t k = x->order[x->at + i];
		if (x->pixels)
			memcpy(x->pixels + (size_t)i * bench_image_bytes(b),
			       b->pixels + (k % BENCH_IMAGES) * bench_image_bytes(b), bench_image_bytes(b));
		if (x->width)
			memcpy(x->rows + (size_t)i * x->width,
			       x->features + (k % (uint32_t)x->records) * x->width,
			       x->width * sizeof *x->rows);
		x->label[i] = (int32_t)(k % CLASSES);
		x->len[i] = b->len[k];
		memcpy(to, b->ids + b->at[k], (size_t)b->len[k] * sizeof *to);
		to += b->len[k];
	}
	x->at += x->n;
	bool head = x->c.side[HM_TEXT].use == HM_USE_FEATURE;
	x->batch = (struct hm_minibatch){.n = x->n,
					 .pixels = x->pixels,
					 .h = b->side,
					 .w = b->side,
					 .feature = {head ? NULL : x->rows},
					 .joined = head ? x->row : NULL,
					 .ids = x->ids,
					 .len = x->len,
					 .label = x->label};
}

static void add_step(const struct train *x, struct cost *t)
{
	const struct bench *b = x->b;
	const struct hm_fusion_config *c = &x->c;
	bool early = hm_fusion_takes_words(c->kind);
	double m = 0, q = 0, n = x->n, grid = early ? c->cells : 0, act = bench_act_size(b);
	struct hm_fusion_table table[3];
	int tables = hm_fusion_tables(x->f, table);
	for (int i = 0; i < x->n; i++) {
		double rows = grid + x->len[i];
		m += rows;
		q += rows * rows;
	}
	const struct hm_fusion_side *image = &c->side[HM_IMAGE], *text = &c->side[HM_TEXT];
	if (image->tower)
		cost_resnet(t, b->resnet, image->use == HM_USE_TRAINED ? TRAINED : FROZEN, act, n, b->side);
	if (text->tower)
		cost_bert(t, &b->text, TRAINED, act, n, m, q, !early);
	if (early)
		cost_product(t, 2, act, n * grid, text->dim, image->dim);
	else
		cost_product(t, 2, 4, n, c->classes, image->dim + text->dim);
	for (int k = 0; k < tables; k++)
		if (table[k].trained)
			cost_adam(t, table[k].params);
	t->items += n;
}

static int train_step(void *ctx, int number, struct cost *t, struct hm_err *e)
{
	struct train *x = ctx;
	struct hm_dropout drop = {
		.p = x->c.side[HM_TEXT].use == HM_USE_TRAINED ? .1 : 0, .seed = 42, .step = (uint32_t)number};
	float loss;
	double lr;
	bool finite;
	add_step(x, t);
	hm_optim_zero(&x->optim);
	hm_fusion_begin(x->f, &x->batch, &drop, NULL);
	gather(x);
	hm_fusion_ahead(x->f, &x->batch);
	hm_optim_clip(&x->optim);
	if (hm_optim_read(&x->optim, hm_fusion_loss(x->f), &loss, &finite, e) ||
	    hm_optim_step(&x->optim, &lr, e))
		return HM_EDATA;
	return isfinite(loss) && finite ? 0 : hm_err_set(e, HM_EDATA, "the loss is not finite");
}

/* All steps of HEAD_EPOCHS epochs. */
static int train_head(void *ctx, int number, struct cost *t, struct hm_err *e)
{
	struct train *x = ctx;
	int steps = (x->b->captions + x->b->batch - 1) / x->b->batch * HEAD_EPOCHS, rc = 0;
	for (int i = 0; i < steps && !rc; i++)
		rc = train_step(x, number * steps + i, t, e);
	return rc;
}

static int open_train(struct train *x)
{
	struct bench *b = x->b;
	struct hm_fusion_table t[3];
	struct hm_params *trained[3];
	bool early = hm_fusion_takes_words(x->c.kind), head = x->c.side[HM_TEXT].use == HM_USE_FEATURE;
	struct hm_optim_config o = {
		.kind = HM_ADAMW, .lr = head ? 1e-3 : 5e-6, .clip_norm = early ? 1 : 0, .total = 1 << 20};
	struct hm_rng r;
	size_t n = (size_t)b->batch;
	int count = 0, tables;
	if (hm_fusion_new(&x->f, &x->c, b->d, &b->e) || hm_params_init(hm_fusion_params(x->f), 3, 0, &b->e) ||
	    hm_fusion_place(x->f, &b->e))
		return HM_EDATA;
	tables = hm_fusion_tables(x->f, t);
	for (int i = 0; i < tables; i++)
		if (t[i].trained)
			trained[count++] = t[i].params;
	if (hm_optim_init(&x->optim, &o, trained, NULL, count, b->d, NULL, &b->e))
		return HM_EDATA;
	if (x->c.side[HM_IMAGE].use == HM_USE_FEATURE) {
		x->width = early ? (size_t)x->c.cells * (size_t)x->c.side[HM_IMAGE].dim
				 : (size_t)(x->c.side[HM_IMAGE].dim + x->c.side[HM_TEXT].dim);
		x->records = early ? BENCH_IMAGES : b->captions;
		x->rows = bench_need(n * x->width, sizeof *x->rows);
		x->row = bench_need(n, sizeof *x->row);
		for (size_t i = 0; x->width && i < n; i++)
			x->row[i] = x->rows + i * x->width;
		x->features = bench_need((size_t)x->records * x->width, sizeof *x->features);
		hm_rng_init(&r, 4, HM_RNG_SYNTH, 0, 0);
		for (size_t j = 0; j < (size_t)x->records * x->width; j++)
			x->features[j] = (float)hm_rng_uniform(&r);
	} else {
		x->pixels = bench_need(n * bench_image_bytes(b), 1);
	}
	x->ids = bench_need(88 * n, sizeof *x->ids);
	x->len = bench_need(n, sizeof *x->len);
	x->label = bench_need(n, sizeof *x->label);
	x->order = bench_need((size_t)b->captions, sizeof *x->order);
	x->at = b->captions;
	gather(x);
	return 0;
}

int bench_training(struct bench *b)
{
	bool early = !strncmp(b->work, "early", 5), head = !strcmp(b->work, "head");
	int grid = hm_resnet_grid_side(b->side) * hm_resnet_grid_side(b->side);
	struct train x = {.b = b};
	x.c = (struct hm_fusion_config){
		.kind = hm_fusion_kind(early ? "early" : "late"),
		.classes = CLASSES,
		.side = {{head || (early && b->cached) ? HM_USE_FEATURE
			  : early		       ? HM_USE_FROZEN
						       : HM_USE_TRAINED,
			  hm_resnet_features(&b->image), NULL},
			 {head ? HM_USE_FEATURE : HM_USE_TRAINED, b->text.hidden, NULL}},
		.cells = early ? grid : 0};
	if (x.c.side[HM_IMAGE].use != HM_USE_FEATURE)
		x.c.side[HM_IMAGE].tower = (struct hm_tower *)b->resnet;
	if (!head)
		x.c.side[HM_TEXT].tower = (struct hm_tower *)b->bert;
	int rc = open_train(&x);
	if (!rc)
		rc = head ? bench_measure(b, 1, b->repeat ? b->repeat : 3, train_head, &x)
			  : bench_measure(b, 5, b->repeat ? b->repeat : 20, train_step, &x);
	hm_optim_clear(&x.optim);
	hm_fusion_free(x.f);
	void *all[] = {x.pixels, x.ids, x.len, x.label, x.rows, x.row, x.features, x.order};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
	return rc;
}
