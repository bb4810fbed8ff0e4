/* The two fusions, with their encoders. See fusion.h. */
#include "nn/fusion.h"
#include "nn/early.h"
#include "nn/late.h"
#include "nn/slab.h"

#include <stdlib.h>

/* The large arrays of a batch in device memory, which the host's is for host devices: there it is the batch's
 * own. NULL: not needed. */
struct input {
	struct hm_slab slab;
	const uint8_t *pixels; /* u8 [n,3,h,w] */
	const float *image;    /* cached: f32 [n,C] or [n,P,C] */
	const float *text;     /* cached: f32 [n,H] */
	const float *features; /* head alone: f32 [n,C+H] */
};

struct hm_fusion {
	struct hm_fusion_config c;
	struct hm_device *d;
	struct hm_late late;
	struct hm_early early;
	struct hm_resnet_tape *resnet; /* of an image side that runs here */
	struct hm_bert_tape *bert;     /* late: of a text side that runs here */
	struct hm_early_tape *tape;
	struct hm_slab slab;
	struct input input[2]; /* one is computed with while the other is sent ahead */
	int at;		       /* the one that the next pass takes */
	bool ahead;	       /* which is there already */
	float *image;	       /* f32 [n,C] or [n,P,C] */
	float *text;	       /* f32 [n,H] */
	float *x, *dx;	       /* late: f32 [n,C+H] */
	const float *head;     /* the head's input: x, or the batch's features */
	float *logits;	       /* f32 [n,classes], and their gradient */
	float *loss;	       /* f32 [1] */
	int32_t *label;	       /* [n] */
	float *weight;	       /* f32 [classes] */
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
	f->slab.d = f->input[0].slab.d = f->input[1].slab.d = d;
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
	for (int k = 0; k < 2; k++)
		hm_slab_clear(&f->input[k].slab);
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
	f->image = hm_slab_take(s, n * image_floats(f) * cell);
	f->text = hm_slab_take(s, n * (size_t)f->c.text_dim * cell);
	f->x = hm_slab_take(s, n * wide * cell);
	f->dx = hm_slab_take(s, n * wide * cell);
	f->logits = hm_slab_take(s, n * (size_t)f->c.classes * cell);
	f->loss = hm_slab_take(s, cell);
	f->label = hm_slab_take(s, n * sizeof *f->label);
	f->weight = hm_slab_take(s, (size_t)f->c.classes * cell);
}

static void place(struct hm_fusion *f, const struct hm_minibatch *b)
{
	do
		plan(f, b);
	while (hm_slab_again(&f->slab));
}

typedef void send_fn(struct hm_device *d, void *dst, const void *host, size_t bytes);

static const void *send(struct hm_fusion *f, void *to, const void *from, size_t bytes, send_fn *fn)
{
	if (!f->d->host && from && to)
		fn(f->d, to, from, bytes);
	return f->d->host ? from : to;
}

/* The batch's large arrays into `in`, by upload or prefetch. */
static void take(struct hm_fusion *f, struct input *in, const struct hm_minibatch *b, send_fn *fn)
{
	size_t n = (size_t)b->n, cell = sizeof(float), h = (size_t)b->h, w = (size_t)b->w;
	size_t pixels = b->pixels ? n * 3 * h * w : 0, image = b->image ? n * image_floats(f) * cell : 0,
	       text = b->text ? n * (size_t)f->c.text_dim * cell : 0,
	       features = b->features ? n * ((size_t)f->c.image_dim + (size_t)f->c.text_dim) * cell : 0;
	void *p = NULL, *i = NULL, *t = NULL, *x = NULL;
	if (!f->d->host)
		do {
			p = hm_slab_take(&in->slab, pixels);
			i = hm_slab_take(&in->slab, image);
			t = hm_slab_take(&in->slab, text);
			x = hm_slab_take(&in->slab, features);
		} while (hm_slab_again(&in->slab));
	in->pixels = send(f, p, b->pixels, pixels, fn);
	in->image = send(f, i, b->image, image, fn);
	in->text = send(f, t, b->text, text, fn);
	in->features = send(f, x, b->features, features, fn);
}

void hm_fusion_ahead(struct hm_fusion *f, const struct hm_minibatch *b)
{
	if (f->d->host || f->d->err.code)
		return;
	take(f, &f->input[f->at], b, f->d->op->prefetch);
	f->ahead = true;
}

int hm_fusion_reserve(struct hm_fusion *f, const struct hm_minibatch *b, int64_t words, struct hm_err *e)
{
	struct hm_device *d = f->d;
	if (f->resnet)
		hm_resnet_reserve(f->resnet, b->n, b->h, b->w);
	if (f->bert)
		hm_bert_reserve(f->bert, b->n, words);
	if (f->tape)
		hm_early_reserve(f->tape, b->n, words);
	if (!d->err.code)
		place(f, b);
	if (!d->err.code && !d->host) {
		take(f, &f->input[0], b, d->op->upload);
		take(f, &f->input[1], b, d->op->prefetch);
	}
	return hm_device_error(d, e);
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
	struct input *in = &f->input[f->at];
	place(f, b);
	if (!f->ahead)
		take(f, in, b, op->upload);
	f->at = !f->at;
	f->ahead = false;
	if (d->err.code)
		return;
	f->head = f->x;
	if (!early && !runs(c->image) && !runs(c->text)) {
		f->head = in->features;
		hm_late_forward(&f->late, d, f->logits, f->head, n);
		return;
	}
	if (runs(c->image)) {
		enum hm_bn_mode mode = !train			     ? HM_BN_EVAL
				       : c->image == HM_SIDE_TRAINED ? HM_BN_TRAIN
								     : HM_BN_TRAIN_FROZEN;
		hm_resnet_forward(f->resnet, in->pixels, n, b->h, b->w, mode, early ? NULL : f->image,
				  early ? f->image : NULL);
	}
	const float *image = runs(c->image) ? f->image : in->image,
		    *text = runs(c->text) ? f->text : in->text;
	if (early) {
		hm_early_forward(f->tape, image, b->ids, b->len, n, train ? drop : NULL, f->logits);
		return;
	}
	if (runs(c->text))
		hm_bert_forward(f->bert, b->ids, b->len, n, train ? drop : NULL, f->text);
	if (d->err.code)
		return;
	if (ci)
		op->copy_columns(d, f->x, ci + ht, image, ci, n, ci);
	if (ht)
		op->copy_columns(d, f->x + ci, ci + ht, text, ht, n, ht);
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
	hm_late_backward(&f->late, d, below ? f->dx : NULL, f->logits, f->head, n);
	if (c->image == HM_SIDE_TRAINED) {
		op->copy_columns(d, f->image, ci, f->dx, ci + ht, n, ci);
		hm_resnet_backward(f->resnet, f->image);
	}
	if (c->text == HM_SIDE_TRAINED) {
		op->copy_columns(d, f->text, ht, f->dx + ci, ci + ht, n, ht);
		hm_bert_backward(f->bert, f->text);
	}
}

void hm_fusion_begin(struct hm_fusion *f, const struct hm_minibatch *b, const struct hm_dropout *drop,
		     const float *class_weight)
{
	struct hm_device *d = f->d;
	const struct hm_ops *op = d->op;
	forward(f, b, true, drop);
	if (d->err.code)
		return;
	op->upload(d, f->label, b->label, (size_t)b->n * sizeof *b->label);
	if (class_weight)
		op->upload(d, f->weight, class_weight, (size_t)f->c.classes * sizeof *class_weight);
	op->cross_entropy(d, NULL, f->loss, f->logits, f->logits, f->label, class_weight ? f->weight : NULL,
			  0, b->n, f->c.classes);
	backward(f, b);
	op->submit(d);
}

const float *hm_fusion_loss(const struct hm_fusion *f)
{
	return f->loss;
}

int hm_fusion_step(struct hm_fusion *f, const struct hm_minibatch *b, const struct hm_dropout *drop,
		   const float *class_weight, float *loss, struct hm_err *e)
{
	hm_fusion_begin(f, b, drop, class_weight);
	if (!f->d->err.code)
		f->d->op->download(f->d, loss, f->loss, sizeof *loss);
	return hm_device_error(f->d, e);
}

/* f->logits, or their softmax in their place. */
static int evaluate(struct hm_fusion *f, const struct hm_minibatch *b, bool softmax, float *out,
		    struct hm_err *e)
{
	struct hm_device *d = f->d;
	forward(f, b, false, NULL);
	if (softmax && !d->err.code)
		d->op->softmax(d, f->logits, f->logits, b->n, f->c.classes);
	if (!d->err.code)
		d->op->download(d, out, f->logits, (size_t)b->n * (size_t)f->c.classes * sizeof *out);
	return hm_device_error(d, e);
}

int hm_fusion_logits(struct hm_fusion *f, const struct hm_minibatch *b, float *logits, struct hm_err *e)
{
	return evaluate(f, b, false, logits, e);
}

int hm_fusion_probabilities(struct hm_fusion *f, const struct hm_minibatch *b, float *prob, struct hm_err *e)
{
	return evaluate(f, b, true, prob, e);
}
