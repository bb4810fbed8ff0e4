/* The list of fusions, and running one with its towers. See fusionkind.h and fusion.h. */
#include "nn/fusion.h"
#include "nn/early.h"
#include "nn/headfusion.h"
#include "nn/late.h"
#include "nn/slab.h"

#include <stdlib.h>
#include <string.h>

static const struct hm_fusion_kind *const kinds[] = {
	&hm_late_fusion,
	&hm_early_fusion,
	&hm_align_fusion,
	&hm_concat_fusion,
	&hm_cross_fusion,
	&hm_align_concat_fusion,
	NULL,
};

const struct hm_fusion_kind *const *hm_fusion_kinds(void)
{
	return kinds;
}

const struct hm_fusion_kind *hm_fusion_kind(const char *name)
{
	const struct hm_fusion_kind *const *k = kinds;
	while (*k && strcmp((*k)->name, name))
		k++;
	return *k;
}

void hm_fusion_net_free(struct hm_fusion_net *net)
{
	if (net)
		hm_params_clear(&net->params);
	free(net);
}

/* The large arrays of a batch in device memory, which the host's is for host devices: there it is the batch's
 * own. NULL: not needed. */
struct input {
	struct hm_slab slab;
	const uint8_t *pixels; /* u8 [n,3,h,w] */
	const float *feature[HM_SIDES], *joined;
	const float *const *row; /* on a host, in place of `joined` */
};

struct hm_fusion {
	struct hm_fusion_config c;
	struct hm_device *d;
	struct hm_fusion_net *net;
	void *tape;	       /* the kind's */
	void *tower[HM_SIDES]; /* tapes of towers that run here and are not the kind's to run */
	struct hm_slab slab;
	struct input input[2]; /* one is computed with while the other is uploaded ahead */
	int at;		       /* the one that the next pass takes */
	bool ahead;	       /* it is uploaded already */
	float *side[HM_SIDES]; /* f32 [n,D] or [n,P,D]: what those towers give, and its gradient */
	float *logits;	       /* f32 [n,classes], and their gradient */
	float *loss;	       /* f32 [1] */
	double *sums;	       /* f64 [2]: its numerator and denominator */
	int32_t *label;	       /* [n] */
	float *weight;	       /* f32 [classes] */
};

static bool side_runs(const struct hm_fusion_side *s)
{
	return s->use == HM_USE_FROZEN || s->use == HM_USE_TRAINED;
}

bool hm_fusion_runs_tower(const struct hm_fusion_config *c)
{
	return side_runs(&c->side[HM_IMAGE]) || side_runs(&c->side[HM_TEXT]);
}

/* A tower that this file runs; words go through the kind. */
static bool has_tape(const struct hm_fusion_config *c, int k)
{
	return side_runs(&c->side[k]) && c->kind->gives[k] != HM_WORDS;
}

static int open_tapes(struct hm_fusion *f, struct hm_err *e)
{
	const struct hm_fusion_config *c = &f->c;
	const struct hm_fusion_side *text = &c->side[HM_TEXT];
	const struct hm_fusion_shape shape = hm_fusion_shape_of(c);
	if (c->kind->gives[HM_IMAGE] == HM_GRID && c->side[HM_IMAGE].use == HM_USE_TRAINED)
		return hm_err_set(e, HM_EDATA, "%s fusion does not train the image's tower", c->kind->name);
	if (!(f->net = c->kind->net_new(c->kind, &shape, e)))
		return HM_EDATA;
	for (int k = 0; k < HM_SIDES; k++) {
		const struct hm_fusion_side *s = &c->side[k];
		if (has_tape(c, k) && !(f->tower[k] = s->tower->kind->train->tape_new(
						s->tower, f->d, s->use == HM_USE_TRAINED, e)))
			return e->code;
	}
	f->tape =
		c->kind->tape_new(f->net, hm_fusion_takes_words(c->kind) ? text->tower : NULL, f->d, true, e);
	return f->tape ? 0 : HM_EDATA;
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
	int rc = open_tapes(f, e);
	if (!rc)
		return 0;
	hm_fusion_free(f);
	*out = NULL;
	return rc;
}

void hm_fusion_free(struct hm_fusion *f)
{
	if (!f)
		return;
	for (int k = 0; k < HM_SIDES; k++)
		if (f->tower[k])
			f->c.side[k].tower->kind->train->tape_free(f->tower[k]);
	f->c.kind->tape_free(f->tape);
	hm_fusion_net_free(f->net);
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
	return &f->net->params;
}

int hm_fusion_intakes(const struct hm_fusion *f, struct hm_intake out[HM_SIDES])
{
	return f->c.kind->intakes ? f->c.kind->intakes(f->net, out) : 0;
}

int hm_fusion_tables(struct hm_fusion *f, struct hm_fusion_table out[1 + HM_SIDES])
{
	int n = 0;
	out[n++] = (struct hm_fusion_table){&f->net->params, "", true};
	for (int k = HM_SIDES; k--;)
		if (side_runs(&f->c.side[k]))
			out[n++] = (struct hm_fusion_table){&f->c.side[k].tower->params,
							    hm_side_name((enum hm_side)k),
							    f->c.side[k].use == HM_USE_TRAINED};
	return n;
}

int hm_fusion_place(struct hm_fusion *f, struct hm_err *e)
{
	struct hm_fusion_table t[1 + HM_SIDES];
	int n = hm_fusion_tables(f, t), rc = 0;
	for (int i = 0; i < n && !rc; i++)
		rc = hm_params_place(t[i].params, f->d, t[i].trained, e);
	return rc;
}

/* ---- a batch on the device */

/* Numbers of an example on side k, as the kind takes it. */
static size_t side_floats(const struct hm_fusion *f, int k)
{
	return (size_t)f->c.side[k].dim * (f->c.kind->gives[k] == HM_GRID ? (size_t)f->c.cells : 1);
}

static void place_arrays(struct hm_fusion *f, const struct hm_minibatch *b)
{
	struct hm_slab *s = &f->slab;
	size_t n = (size_t)b->n, cell = sizeof(float);
	do {
		for (int k = 0; k < HM_SIDES; k++)
			f->side[k] = hm_slab_take(s, has_tape(&f->c, k) ? n * side_floats(f, k) * cell : 0);
		f->logits = hm_slab_take(s, n * (size_t)f->c.classes * cell);
		f->loss = hm_slab_take(s, cell);
		f->sums = hm_slab_take(s, 2 * sizeof *f->sums);
		f->label = hm_slab_take(s, n * sizeof *f->label);
		f->weight = hm_slab_take(s, (size_t)f->c.classes * cell);
	} while (hm_slab_again(s));
}

typedef void send_fn(struct hm_device *d, void *dst, const void *host, size_t bytes);

static const void *send_array(struct hm_fusion *f, void *to, const void *from, size_t bytes, send_fn *fn)
{
	if (!f->d->host && from && to)
		fn(f->d, to, from, bytes);
	return f->d->host || !from ? from : to;
}

/* The batch's large arrays into `in`, by upload or prefetch. */
static void send_batch(struct hm_fusion *f, struct input *in, const struct hm_minibatch *b, send_fn *fn)
{
	size_t n = (size_t)b->n, cell = sizeof(float), h = (size_t)b->h, w = (size_t)b->w, bytes[HM_SIDES];
	size_t pixels = b->pixels ? n * 3 * h * w : 0,
	       joined = b->joined ? n * (side_floats(f, HM_IMAGE) + side_floats(f, HM_TEXT)) * cell : 0;
	void *p = NULL, *x[HM_SIDES] = {NULL}, *j = NULL;
	for (int k = 0; k < HM_SIDES; k++)
		bytes[k] = b->feature[k] ? n * side_floats(f, k) * cell : 0;
	if (!f->d->host)
		do {
			p = hm_slab_take(&in->slab, pixels);
			for (int k = 0; k < HM_SIDES; k++)
				x[k] = hm_slab_take(&in->slab, bytes[k]);
			j = hm_slab_take(&in->slab, joined);
		} while (hm_slab_again(&in->slab));
	in->pixels = send_array(f, p, b->pixels, pixels, fn);
	for (int k = 0; k < HM_SIDES; k++)
		in->feature[k] = send_array(f, x[k], b->feature[k], bytes[k], fn);
	in->row = f->d->host ? b->joined : NULL;
	in->joined = b->joined && !f->d->host ? send_array(f, j, b->joined[0], joined, fn) : NULL;
}

void hm_fusion_ahead(struct hm_fusion *f, const struct hm_minibatch *b)
{
	if (f->d->host || f->d->err.code)
		return;
	send_batch(f, &f->input[f->at], b, f->d->op->prefetch);
	f->ahead = true;
}

int hm_fusion_reserve(struct hm_fusion *f, const struct hm_minibatch *b, int64_t words, struct hm_err *e)
{
	struct hm_device *d = f->d;
	const struct hm_tower_room room = {.n = b->n, .h = b->h, .w = b->w, .rows = words};
	for (int k = 0; k < HM_SIDES; k++)
		if (f->tower[k])
			f->c.side[k].tower->kind->train->reserve(f->tower[k], &room);
	if (!d->err.code)
		f->c.kind->reserve(f->tape, b->n, words, b->joined);
	if (!d->err.code)
		place_arrays(f, b);
	if (!d->err.code && !d->host) {
		send_batch(f, &f->input[0], b, d->op->upload);
		send_batch(f, &f->input[1], b, d->op->prefetch);
	}
	return hm_device_error(d, e);
}

/* ---- forward */

/* Side k's tower, in the way that its use asks for. */
static void run_tower(struct hm_fusion *f, int k, const struct input *in, const struct hm_minibatch *b,
		      bool train, const struct hm_dropout *drop)
{
	const struct hm_fusion_side *s = &f->c.side[k];
	const struct hm_tower_batch batch = {b->n, in->pixels, b->h, b->w, b->ids, b->len};
	const struct hm_tower_pass how = {.mode = !train		     ? HM_BN_EVAL
						  : s->use == HM_USE_TRAINED ? HM_BN_TRAIN
									     : HM_BN_TRAIN_FROZEN,
					  .drop = train ? drop : NULL};
	float *out[HM_GIVES] = {NULL};
	out[f->c.kind->gives[k]] = f->side[k];
	s->tower->kind->train->forward(f->tower[k], &batch, &how, out);
}

/* f->logits of the batch; train: batch statistics and dropout. */
static void compute_logits(struct hm_fusion *f, const struct hm_minibatch *b, bool train,
			   const struct hm_dropout *drop)
{
	struct input *in = &f->input[f->at];
	struct hm_fusion_input x = {.n = b->n, .ids = b->ids, .len = b->len};
	place_arrays(f, b);
	if (!f->ahead)
		send_batch(f, in, b, f->d->op->upload);
	f->at = !f->at;
	f->ahead = false;
	for (int k = 0; k < HM_SIDES && !f->d->err.code; k++) {
		if (f->tower[k])
			run_tower(f, k, in, b, train, drop);
		x.side[k] = f->tower[k] ? f->side[k] : in->feature[k];
	}
	x.joined = in->joined;
	x.row = in->row;
	if (!f->d->err.code)
		f->c.kind->forward(f->tape, &x, train ? drop : NULL, f->logits); /* [n,classes] */
}

/* ---- backward */

/* Of f->logits, which hold their gradient. */
static void run_backward(struct hm_fusion *f)
{
	float *dside[HM_SIDES];
	for (int k = 0; k < HM_SIDES; k++)
		dside[k] = f->tower[k] && f->c.side[k].use == HM_USE_TRAINED ? f->side[k] : NULL;
	f->c.kind->backward(f->tape, f->logits, dside);
	for (int k = 0; k < HM_SIDES; k++)
		if (dside[k])
			f->c.side[k].tower->kind->train->backward(f->tower[k], dside[k]);
}

/* The loss, and f->logits := their gradient. */
static void compare_labels(struct hm_fusion *f, const struct hm_minibatch *b, const float *class_weight)
{
	struct hm_device *d = f->d;
	const struct hm_ops *op = d->op;
	op->upload(d, f->label, b->label, (size_t)b->n * sizeof *b->label);
	if (class_weight)
		op->upload(d, f->weight, class_weight, (size_t)f->c.classes * sizeof *class_weight);
	op->cross_entropy(d, f->sums, f->loss, f->logits, f->logits, f->label,
			  class_weight ? f->weight : NULL, b->part.total, b->n, f->c.classes);
}

void hm_fusion_begin(struct hm_fusion *f, const struct hm_minibatch *b, const struct hm_dropout *drop,
		     const float *class_weight)
{
	struct hm_device *d = f->d;
	struct hm_dropout place = drop ? *drop : (struct hm_dropout){0};
	place.examples = b->part.examples;
	place.rows = b->part.words;
	place.longest = b->part.longest;
	compute_logits(f, b, true, drop ? &place : NULL);
	if (d->err.code)
		return;
	compare_labels(f, b, class_weight);
	run_backward(f);
	d->op->submit(d);
}

/* Whether fusions like this one have passes together: over cached features, on a host, whose arrays are the
 * batch's own. */
static bool runs_together(const struct hm_fusion *f, const struct hm_minibatch *b)
{
	return f->c.kind->forward_each && f->d->host && b->joined && !hm_fusion_runs_tower(&f->c);
}

/* hm_fusions_begin for as many as the kind takes at once. */
static void begin_together(struct hm_fusion *const *f, size_t n, const struct hm_minibatch *b,
			   const float *const *class_weight)
{
	const struct hm_fusion_kind *k = f[0]->c.kind;
	const struct hm_fusion_input x = {.n = b->n, .row = b->joined};
	void *tape[HM_TOGETHER];
	float *logits[HM_TOGETHER];
	for (size_t i = 0; i < n; i++) {
		place_arrays(f[i], b);
		tape[i] = f[i]->tape;
		logits[i] = f[i]->logits;
	}
	if (f[0]->d->err.code)
		return;
	k->forward_each(tape, n, &x, logits);
	for (size_t i = 0; i < n; i++)
		compare_labels(f[i], b, class_weight[i]);
	k->backward_each(tape, n, logits);
}

void hm_fusions_begin(struct hm_fusion *const *f, size_t n, const struct hm_minibatch *b,
		      const struct hm_dropout *drop, const float *const *class_weight)
{
	for (size_t i = 0, more; i < n; i += more) {
		more = n - i < HM_TOGETHER ? n - i : HM_TOGETHER;
		if (runs_together(f[i], b))
			begin_together(f + i, more, b, class_weight + i);
		for (size_t k = i; k < i + more && !runs_together(f[k], b); k++)
			hm_fusion_begin(f[k], b, &drop[k], class_weight[k]);
	}
}

const float *hm_fusion_loss(const struct hm_fusion *f)
{
	return f->loss;
}

const double *hm_fusion_sums(const struct hm_fusion *f)
{
	return f->sums;
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
static int evaluate_batch(struct hm_fusion *f, const struct hm_minibatch *b, bool softmax, float *out,
			  struct hm_err *e)
{
	struct hm_device *d = f->d;
	compute_logits(f, b, false, NULL);
	if (softmax && !d->err.code)
		d->op->softmax(d, f->logits, f->logits, b->n, f->c.classes);
	if (!d->err.code)
		d->op->download(d, out, f->logits, (size_t)b->n * (size_t)f->c.classes * sizeof *out);
	return hm_device_error(d, e);
}

int hm_fusion_logits(struct hm_fusion *f, const struct hm_minibatch *b, float *logits, struct hm_err *e)
{
	return evaluate_batch(f, b, false, logits, e);
}

int hm_fusion_probabilities(struct hm_fusion *f, const struct hm_minibatch *b, float *prob, struct hm_err *e)
{
	return evaluate_batch(f, b, true, prob, e);
}
