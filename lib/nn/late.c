/* Late fusion, forward and backward. See late.h. */
#include "nn/late.h"
#include "nn/slab.h"

#include <stdlib.h>

struct late {
	struct hm_fusion_net net;
	float *weight; /* [C,I] */
	float *bias;   /* [C] */
};

struct tape {
	struct late *m;
	struct hm_device *d;
	int n;
	struct hm_slab slab;
	float *x, *dx;		 /* f32 [n,I]: both sides, and their gradient */
	const float *head;	 /* the classifier's input: x, or the batch's own matrix; or */
	const float *const *row; /* [n] of I numbers each, wherever they are; NULL: see head */
};

static int width_of(const struct hm_fusion_shape *s)
{
	return s->dim[HM_IMAGE] + s->dim[HM_TEXT];
}

static int64_t count_inputs(const struct hm_fusion_kind *k, const struct hm_fusion_shape *s)
{
	(void)k;
	return width_of(s);
}

/* The tensors do not tell where the image's inputs end and the text's begin. */
static int read_shape(struct hm_fusion_shape *s, int64_t inputs, const struct hm_tower_shape *text,
		      hm_find_fn *find, void *ctx, struct hm_err *e)
{
	(void)inputs, (void)text, (void)find, (void)ctx, (void)e;
	s->dim[HM_IMAGE] = s->dim[HM_TEXT] = -1;
	s->cells = 0;
	return 0;
}

static struct hm_fusion_net *new_net(const struct hm_fusion_kind *k, const struct hm_fusion_shape *s,
				     struct hm_err *e)
{
	struct late *m = hm_alloc(1, sizeof *m, e);
	if (!m)
		return NULL;
	int inputs = width_of(s);
	m->net = (struct hm_fusion_net){.kind = k, .shape = *s};
	hm_params_add(&m->net.params, &m->weight, HM_INIT_UNIFORM, HM_DIMS(s->classes, inputs),
		      "classifier.weight");
	hm_params_add(&m->net.params, &m->bias, HM_INIT_UNIFORM_BIAS, HM_DIMS(s->classes), "classifier.bias");
	return &m->net;
}

static int list_intakes(const struct hm_fusion_net *net, struct hm_intake out[HM_SIDES])
{
	const struct late *m = (const struct late *)net;
	out[0] = (struct hm_intake){(size_t)(m->weight - net->params.data),
				    (size_t)(m->bias - net->params.data), net->shape.classes,
				    width_of(&net->shape), 0};
	return 1;
}

static void *new_tape(struct hm_fusion_net *net, struct hm_tower *text, struct hm_device *d, bool backward,
		      struct hm_err *e)
{
	struct tape *t = hm_alloc(1, sizeof *t, e);
	(void)text, (void)backward;
	if (t)
		*t = (struct tape){.m = (struct late *)net, .d = d, .slab = {.d = d}};
	return t;
}

static void free_tape(void *tape)
{
	struct tape *t = tape;
	if (t)
		hm_slab_clear(&t->slab);
	free(t);
}

static void reserve_tape(void *tape, int n, int64_t words, bool joined)
{
	struct tape *t = tape;
	size_t bytes = joined ? 0 : (size_t)n * (size_t)width_of(&t->m->net.shape) * sizeof *t->x;
	(void)words;
	t->n = n;
	do {
		t->x = hm_slab_take(&t->slab, bytes);
		t->dx = hm_slab_take(&t->slab, bytes);
	} while (hm_slab_again(&t->slab));
}

static void forward_each(void *const *tape, size_t n, const struct hm_fusion_input *in, float *const *logits)
{
	const float *w[HM_TOGETHER], *b[HM_TOGETHER];
	const struct tape *first = tape[0];
	const struct hm_fusion_shape *s = &first->m->net.shape;
	for (size_t i = 0; i < n; i++) {
		struct tape *t = tape[i];
		t->n = in->n;
		t->row = in->row;
		w[i] = t->m->weight;
		b[i] = t->m->bias;
	}
	first->d->op->linears_forward(first->d, logits, in->row, w, b, (int)n, in->n, s->classes,
				      width_of(s));
}

/* backward_each for gradients dlogits[i] [n,C]. */
static void add_gradients(void *const *tape, size_t n, const float *const *dlogits)
{
	float *dw[HM_TOGETHER], *db[HM_TOGETHER];
	const struct tape *first = tape[0];
	const struct hm_fusion_shape *s = &first->m->net.shape;
	for (size_t i = 0; i < n; i++) {
		const struct tape *t = tape[i];
		dw[i] = hm_params_grad(&t->m->net.params, t->m->weight);
		db[i] = hm_params_grad(&t->m->net.params, t->m->bias);
	}
	first->d->op->linears_backward(first->d, dw, db, dlogits, first->row, (int)n, first->n, s->classes,
				       width_of(s));
}

static void backward_each(void *const *tape, size_t n, float *const *dlogits)
{
	const float *dy[HM_TOGETHER];
	for (size_t i = 0; i < n; i++)
		dy[i] = dlogits[i];
	add_gradients(tape, n, dy);
}

static void forward_fusion(void *tape, const struct hm_fusion_input *in, const struct hm_dropout *drop,
			   float *logits)
{
	struct tape *t = tape;
	const struct hm_fusion_shape *s = &t->m->net.shape;
	int n = in->n, inputs = width_of(s), at = 0;
	(void)drop;
	reserve_tape(t, n, 0, in->joined || in->row);
	if (t->d->err.code)
		return;
	if (in->row) {
		forward_each(&tape, 1, in, &logits);
		return;
	}
	t->row = NULL;
	t->head = in->joined ? in->joined : t->x;
	for (int k = 0; k < HM_SIDES && !in->joined; at += s->dim[k++])
		if (s->dim[k])
			t->d->op->copy_columns(t->d, t->x + at, inputs, in->side[k], s->dim[k], n, s->dim[k]);
	t->d->op->linear_forward(t->d, logits, t->head, t->m->weight, t->m->bias, n, s->classes, inputs);
}

static void backward_fusion(void *tape, const float *dlogits, float *const dside[HM_SIDES])
{
	struct tape *t = tape;
	struct late *m = t->m;
	const struct hm_params *p = &m->net.params;
	const struct hm_fusion_shape *s = &m->net.shape;
	int inputs = width_of(s), at = 0;
	bool below = dside[HM_IMAGE] || dside[HM_TEXT];
	if (t->d->err.code)
		return;
	if (t->row) {
		add_gradients(&tape, 1, &dlogits);
		return;
	}
	t->d->op->linear_backward(t->d, below ? t->dx : NULL, hm_params_grad(p, m->weight),
				  hm_params_grad(p, m->bias), dlogits, t->head, m->weight, t->n, s->classes,
				  inputs);
	for (int k = 0; k < HM_SIDES; at += s->dim[k++])
		if (dside[k])
			t->d->op->copy_columns(t->d, dside[k], s->dim[k], t->dx + at, inputs, t->n,
					       s->dim[k]);
}

const struct hm_fusion_kind hm_late_fusion = {
	.name = "late",
	.gives = {[HM_IMAGE] = HM_POOLED, [HM_TEXT] = HM_POOLED},
	.last = "classifier",
	.own = (const char *const[]){NULL},
	.text_prefix = "text_encoder.",
	.optional = true,
	.joined = true,
	.standard = true,
	.read = read_shape,
	.inputs = count_inputs,
	.net_new = new_net,
	.intakes = list_intakes,
	.tape_new = new_tape,
	.tape_free = free_tape,
	.reserve = reserve_tape,
	.forward = forward_fusion,
	.backward = backward_fusion,
	.forward_each = forward_each,
	.backward_each = backward_each,
	.infer = &hm_plain_infer,
};
