/* The two fusions, with their encoders. See fusion.h. */
#include "nn/fusion.h"
#include "nn/early.h"
#include "nn/late.h"
#include "nn/slab.h"

#include <stdlib.h>

struct hm_fusion {
	struct hm_fusion_config c;
	struct hm_device *d;
	struct hm_late late;
	struct hm_early early;
	struct hm_resnet_tape *resnet; /* of an image side that runs here */
	struct hm_bert_tape *bert;     /* late: of a text side that runs here */
	struct hm_early_tape *tape;
	struct hm_slab slab;
	uint8_t *pixels;    /* u8 [n,3,h,w] */
	float *image;	    /* f32 [n,C] or [n,P,C] */
	float *text;	    /* f32 [n,H] */
	float *x, *dx;	    /* late: f32 [n,C+H] */
	const float *input; /* x, or the batch's own features */
	float *logits;	    /* f32 [n,classes], and their gradient */
	float *loss;	    /* f32 [1] */
	int32_t *label;	    /* [n] */
	float *weight;	    /* f32 [classes] */
};

static bool runs(enum hm_side s)
{
	return s == HM_SIDE_FROZEN || s == HM_SIDE_TRAINED;
}

int hm_fusion_new(struct hm_fusion **out, const struct hm_fusion_config *c, struct hm_device *d,
		  struct hm_err *e)
{
	struct hm_fusion *f = *out = hm_alloc(1, sizeof *f, e);
	if (!f)
		return HM_EDATA;
	f->c = *c;
	f->d = d;
	f->slab.d = d;
	bool early = c->kind == HM_FUSION_EARLY;
	if (early)
		hm_early_init(&f->early, c->classes, c->image_dim, c->text_dim, c->grid);
	else
		hm_late_init(&f->late, c->classes, c->image_dim + c->text_dim);
	if ((runs(c->image) &&
	     !(f->resnet = hm_resnet_tape_new(c->resnet, d, c->image == HM_SIDE_TRAINED, e))) ||
	    (!early && runs(c->text) &&
	     !(f->bert = hm_bert_tape_new(c->bert, d, c->text == HM_SIDE_TRAINED, e))) ||
	    (early && !(f->tape = hm_early_tape_new(&f->early, c->bert, d, c->text == HM_SIDE_TRAINED, e)))) {
		hm_fusion_free(f);
		*out = NULL;
		return HM_EDATA;
	}
	if (early)
		hm_params_hold(hm_bert_params(c->bert), "pooler.");
	return 0;
}

void hm_fusion_free(struct hm_fusion *f)
{
	if (!f)
		return;
	hm_resnet_tape_free(f->resnet);
	hm_bert_tape_free(f->bert);
	hm_early_tape_free(f->tape);
	hm_late_clear(&f->late);
	hm_early_clear(&f->early);
	hm_slab_clear(&f->slab);
	free(f);
}

const struct hm_fusion_config *hm_fusion_config_of(const struct hm_fusion *f)
{
	return &f->c;
}

struct hm_params *hm_fusion_params(struct hm_fusion *f)
{
	return f->c.kind == HM_FUSION_EARLY ? &f->early.params : &f->late.params;
}

int hm_fusion_tables(struct hm_fusion *f, struct hm_fusion_table out[3])
{
	int n = 0;
	out[n++] = (struct hm_fusion_table){hm_fusion_params(f), "", true};
	if (runs(f->c.text))
		out[n++] = (struct hm_fusion_table){hm_bert_params(f->c.bert), "text",
						    f->c.text == HM_SIDE_TRAINED};
	if (runs(f->c.image))
		out[n++] = (struct hm_fusion_table){hm_resnet_params(f->c.resnet), "image",
						    f->c.image == HM_SIDE_TRAINED};
	return n;
}

int hm_fusion_place(struct hm_fusion *f, struct hm_err *e)
{
	struct hm_fusion_table t[3];
	int n = hm_fusion_tables(f, t), rc = 0;
	for (int i = 0; i < n && !rc; i++)
		rc = hm_params_place(t[i].params, f->d, t[i].trained, e);
	return rc;
}

/* ---- a batch on the device */

static size_t image_floats(const struct hm_fusion *f)
{
	return (size_t)f->c.image_dim * (f->c.kind == HM_FUSION_EARLY ? (size_t)f->c.grid : 1);
}

static void plan(struct hm_fusion *f, const struct hm_minibatch *b)
{
	struct hm_slab *s = &f->slab;
	size_t n = (size_t)b->n, wide = (size_t)f->c.image_dim + (size_t)f->c.text_dim, cell = sizeof(float);
	f->pixels = hm_slab_take(s, runs(f->c.image) ? n * 3 * (size_t)b->h * (size_t)b->w : 0);
	f->image = hm_slab_take(s, n * image_floats(f) * cell);
	f->text = hm_slab_take(s, n * (size_t)f->c.text_dim * cell);
	f->x = hm_slab_take(s, n * wide * cell);
	f->dx = hm_slab_take(s, n * wide * cell);
	f->logits = hm_slab_take(s, n * (size_t)f->c.classes * cell);
	f->loss = hm_slab_take(s, cell);
	f->label = hm_slab_take(s, n * sizeof *f->label);
	f->weight = hm_slab_take(s, (size_t)f->c.classes * cell);
}

/* ---- forward */

/* f->logits of the batch; train: batch statistics and dropout. */
static void forward(struct hm_fusion *f, const struct hm_minibatch *b, bool train,
		    const struct hm_dropout *drop)
{
	struct hm_device *d = f->d;
	const struct hm_ops *op = d->op;
	const struct hm_fusion_config *c = &f->c;
	bool early = c->kind == HM_FUSION_EARLY;
	int n = b->n, ci = c->image_dim, ht = c->text_dim;
	do
		plan(f, b);
	while (hm_slab_again(&f->slab));
	if (d->err.code)
		return;
	if (!early && !runs(c->image) && !runs(c->text)) { /* host memory needs no copy: x is only read */
		f->input = d->host ? b->features : f->x;
		if (!d->host)
			op->upload(d, f->x, b->features, (size_t)n * (size_t)(ci + ht) * sizeof(float));
		hm_late_forward(&f->late, d, f->logits, f->input, n);
		return;
	}
	f->input = f->x;
	if (runs(c->image)) {
		enum hm_bn_mode mode = !train			     ? HM_BN_EVAL
				       : c->image == HM_SIDE_TRAINED ? HM_BN_TRAIN
								     : HM_BN_TRAIN_FROZEN;
		op->upload(d, f->pixels, b->pixels, (size_t)n * 3 * (size_t)b->h * (size_t)b->w);
		hm_resnet_forward(f->resnet, f->pixels, n, b->h, b->w, mode, early ? NULL : f->image,
				  early ? f->image : NULL);
	} else if (ci) {
		op->upload(d, f->image, b->image, (size_t)n * image_floats(f) * sizeof(float));
	}
	if (early) {
		hm_early_forward(f->tape, f->image, b->ids, b->len, n, train ? drop : NULL, f->logits);
		return;
	}
	if (runs(c->text))
		hm_bert_forward(f->bert, b->ids, b->len, n, train ? drop : NULL, f->text);
	else if (ht)
		op->upload(d, f->text, b->text, (size_t)n * (size_t)ht * sizeof(float));
	if (d->err.code)
		return;
	if (ci)
		op->copy_columns(d, f->x, ci + ht, f->image, ci, n, ci);
	if (ht)
		op->copy_columns(d, f->x + ci, ci + ht, f->text, ht, n, ht);
	hm_late_forward(&f->late, d, f->logits, f->x, n); /* [n,classes] */
}

/* ---- backward */

/* Of f->logits, which hold their gradient. */
static void backward(struct hm_fusion *f, const struct hm_minibatch *b)
{
	struct hm_device *d = f->d;
	const struct hm_ops *op = d->op;
	const struct hm_fusion_config *c = &f->c;
	int n = b->n, ci = c->image_dim, ht = c->text_dim;
	bool below = c->image == HM_SIDE_TRAINED || c->text == HM_SIDE_TRAINED;
	if (c->kind == HM_FUSION_EARLY) {
		hm_early_backward(f->tape, f->logits);
		return;
	}
	hm_late_backward(&f->late, d, below ? f->dx : NULL, f->logits, f->input, n);
	if (c->image == HM_SIDE_TRAINED) {
		op->copy_columns(d, f->image, ci, f->dx, ci + ht, n, ci);
		hm_resnet_backward(f->resnet, f->image);
	}
	if (c->text == HM_SIDE_TRAINED) {
		op->copy_columns(d, f->text, ht, f->dx + ci, ci + ht, n, ht);
		hm_bert_backward(f->bert, f->text);
	}
}

int hm_fusion_step(struct hm_fusion *f, const struct hm_minibatch *b, const struct hm_dropout *drop,
		   const float *class_weight, float *loss, struct hm_err *e)
{
	struct hm_device *d = f->d;
	const struct hm_ops *op = d->op;
	forward(f, b, true, drop);
	if (d->err.code)
		return hm_device_error(d, e);
	op->upload(d, f->label, b->label, (size_t)b->n * sizeof *b->label);
	if (class_weight)
		op->upload(d, f->weight, class_weight, (size_t)f->c.classes * sizeof *class_weight);
	op->cross_entropy(d, f->loss, f->logits, f->logits, f->label, class_weight ? f->weight : NULL, b->n,
			  f->c.classes);
	backward(f, b);
	op->download(d, loss, f->loss, sizeof *loss);
	return hm_device_error(d, e);
}

int hm_fusion_logits(struct hm_fusion *f, const struct hm_minibatch *b, float *logits, struct hm_err *e)
{
	forward(f, b, false, NULL);
	if (!f->d->err.code)
		f->d->op->download(f->d, logits, f->logits,
				   (size_t)b->n * (size_t)f->c.classes * sizeof *logits);
	return hm_device_error(f->d, e);
}
