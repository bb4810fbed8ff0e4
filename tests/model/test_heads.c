/* The fusions with hidden layers against float64 PyTorch (tests/oracle/make_heads.py): logits, loss, the
 * gradient of every parameter and of both sides, with dropout; against finite differences; and a joint that
 * is made in pieces. On every device. */
#include "../support/devices.h"
#include "nn/fusion.h"
#include "nn/headfusion.h"
#include "weights/weights.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define VECTORS "tests/data/train/heads.safetensors"

enum { N = 7, IMAGE = 9, TEXT = 6, MOST = 64 };
static const struct hm_dropout drop = {.p = .5, .seed = 42, .step = 3}; /* p is a tower's */

static const struct variant {
	const char *name;
	const struct hm_fusion_kind *kind;
	int classes;
	struct hm_hidden head;
} variants[] = {
	{"a", &hm_align_fusion, 2, {6, 1, 4, 1, true, {.1, .4, .2}}},
	{"b", &hm_align_fusion, 3, {5, 3, 5, 0, false, {0}}},
	{"c", &hm_concat_fusion, 2, {4, 1, 6, 2, true, {0}}},
	{"d", &hm_concat_fusion, 2, {5, 2, 3, 1, false, {.3, .2, .1}}},
	{"e", &hm_cross_fusion, 2, {5, 1, 4, 1, true, {.2, .4, .1}}},
	{"f", &hm_cross_fusion, 3, {4, 2, 4, 0, true, {0}}},
	{"g", &hm_align_concat_fusion, 2, {4, 2, 5, 2, true, {.2, .1, .3}}},
	{"h", &hm_align_concat_fusion, 2, {3, 1, 4, 1, false, {0}}},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

/* A fusion with a tape, its inputs and what it gives, in the device's memory. */
struct model {
	const struct variant *v;
	struct hm_weights *file;
	struct hm_device *d;
	struct hm_fusion_net *net;
	void *tape;
	float *side[HM_SIDES], *logits, *loss;
	int32_t *label;
};

static const struct hm_tensor *in_file(const struct model *m, const char *what)
{
	char name[96];
	snprintf(name, sizeof name, "%s.%s", m->v->name, what);
	return hm_weights_find(m->file, name);
}

static const struct hm_tensor *find_tensor(void *ctx, const char *name)
{
	return in_file(ctx, name);
}

static float *upload(struct model *m, const char *what, size_t n)
{
	return hm_device_floats(m->d, in_file(m, what)->data, n);
}

static void open_model(struct model *m, const struct variant *v, const char *device)
{
	struct hm_err e = {0};
	const struct hm_fusion_shape s = {v->classes, {IMAGE, TEXT}, 0, v->head};
	*m = (struct model){.v = v, .d = hm_device_open(device, HM_PREC_F32, &e)};
	assert_non_null(m->d);
	m->d->threads = 2;
	assert_int_equal(hm_weights_open(&m->file, VECTORS, NULL, &e), 0);
	m->net = v->kind->net_new(v->kind, &s, &e);
	assert_non_null(m->net);
	assert_int_equal(hm_params_load(&m->net->params, find_tensor, m, &e), 0);
	assert_int_equal(hm_params_place(&m->net->params, m->d, true, &e), 0);
	m->tape = v->kind->tape_new(m->net, NULL, m->d, true, &e);
	assert_non_null(m->tape);
	m->side[HM_IMAGE] = upload(m, "image", N * IMAGE);
	m->side[HM_TEXT] = upload(m, "text", N * TEXT);
	m->logits = device_floats(m->d, N * MOST);
	m->loss = device_floats(m->d, 1);
	m->label = m->d->op->alloc(m->d, N * sizeof *m->label);
	m->d->op->upload(m->d, m->label, in_file(m, "label")->data, N * sizeof *m->label);
}

static void close_model(struct model *m)
{
	m->v->kind->tape_free(m->tape);
	hm_fusion_net_free(m->net);
	float *all[] = {m->side[HM_IMAGE], m->side[HM_TEXT], m->logits, m->loss};
	for (int i = 0; i < 4; i++)
		m->d->op->free(m->d, all[i]);
	m->d->op->free(m->d, m->label);
	hm_device_close(m->d);
	hm_weights_close(m->file);
}

/* Of the model's logits, which become their gradient if `back`. */
static float loss_of(struct model *m, bool train, bool back)
{
	const struct hm_fusion_input in = {.n = N, .side = {m->side[HM_IMAGE], m->side[HM_TEXT]}};
	struct hm_err e = {0};
	float loss;
	m->v->kind->forward(m->tape, &in, train ? &drop : NULL, m->logits);
	m->d->op->cross_entropy(m->d, NULL, m->loss, back ? m->logits : NULL, m->logits, m->label, NULL, 0, N,
				m->v->classes);
	device_read(m->d, &loss, m->loss, 1);
	if (hm_device_error(m->d, &e))
		fail_msg("%s", e.text);
	return loss;
}

/* x, device memory, against a tensor of the file, by the tensor's largest value. */
static void agrees(struct model *m, const float *x, const char *what)
{
	const struct hm_tensor *t = in_file(m, what);
	const float *want = t->data;
	size_t n;
	double most = 1e-9, off = 0;
	assert_true(hm_shape_count(t->ndim, t->dim, &n));
	float *got = malloc(n * sizeof *got);
	device_read(m->d, got, x, n);
	for (size_t j = 0; j < n; j++) {
		most = fmax(most, fabs(want[j]));
		off = fmax(off, isfinite(got[j]) ? fabs((double)got[j] - want[j]) : INFINITY);
	}
	if (!(off <= 1e-5 * most))
		fail_msg("%s: %s of %s (%s) off by %g of the largest", m->d->name, what, m->v->name,
			 m->v->kind->name, off / most);
	free(got);
}

static void is_pytorchs(void **state)
{
	(void)state;
	for (const char *const *device = op_devices(); *device; device++)
		for (int i = 0; i < VARIANTS; i++) {
			struct model m;
			open_model(&m, &variants[i], *device);
			loss_of(&m, false, false);
			agrees(&m, m.logits, "eval");
			loss_of(&m, true, false);
			agrees(&m, m.logits, "train");
			loss_of(&m, true, true);
			agrees(&m, m.loss, "loss");
			/* the gradients of the sides go where the sides are */
			m.v->kind->backward(m.tape, m.logits, m.side);
			agrees(&m, m.side[HM_IMAGE], "dimage");
			agrees(&m, m.side[HM_TEXT], "dtext");
			for (size_t k = 0; k < m.net->params.n; k++) {
				char name[80];
				const struct hm_param *p = &m.net->params.item[k];
				snprintf(name, sizeof name, "d.%s", p->t.name);
				agrees(&m, hm_params_grad(&m.net->params, *p->field), name);
			}
			close_model(&m);
		}
}

/* On ref, whose products are doubles; where a step crosses a relu's kink the slope is left out. */
static void gradients_are_slopes(void **state)
{
	(void)state;
	for (int i = 0; i < VARIANTS; i++) {
		struct model m;
		double most = 0, h = 0x1p-8;
		size_t off = 0;
		open_model(&m, &variants[i], "ref");
		loss_of(&m, true, true);
		m.v->kind->backward(m.tape, m.logits, (float *const[HM_SIDES]){NULL, NULL});
		for (size_t j = 0; j < m.net->params.count; j++) {
			float *x = m.net->params.data + j, was = *x;
			double y[4];
			for (int k = 0; k < 4; k++) {
				*x = was + (float)(h * (k < 2 ? k - 2 : k - 1));
				y[k] = loss_of(&m, true, false);
			}
			*x = was;
			double slope = (8 * (y[2] - y[1]) - (y[3] - y[0])) / (12 * h),
			       mine = m.net->params.grad[j];
			most = fmax(most, fabs(mine));
			off += fabs(slope - mine) > 1e-3;
		}
		if (off * 20 > m.net->params.count)
			fail_msg("%s: %zu of %zu gradients are no slopes (largest %g)", variants[i].name, off,
				 m.net->params.count, most);
		close_model(&m);
	}
}

/* A joint of several pieces gives what the operations on the whole batch give, dropout included. */
static void pieces_are_the_whole(void **state)
{
	enum { K = 2100, ROWS = 6, C = 2, IN = 3 };
	const struct hm_fusion_shape s = {
		C, {IN, IN}, 0, {.map_dim = K, .map_layers = 1, .pre_layers = 0, .dropout = {0, .5, 0}}};
	struct hm_err e = {0};
	size_t wide = (size_t)K * K;
	struct hm_device *d = hm_device_open("cpu", HM_PREC_F32, &e);
	const struct hm_fusion_kind *k = &hm_cross_fusion;
	struct hm_fusion_net *net = k->net_new(k, &s, &e);
	(void)state;
	d->threads = 2;
	assert_int_equal(hm_params_init(&net->params, 1, 0, &e), 0);
	assert_int_equal(hm_params_place(&net->params, d, true, &e), 0);
	void *tape = k->tape_new(net, NULL, d, true, &e);
	float side[HM_SIDES][ROWS * IN], logits[ROWS * C], want[ROWS * C], dlogits[ROWS * C];
	for (int j = 0; j < ROWS * IN; j++)
		side[0][j] = (float)(j % 7) - 3, side[1][j] = (float)(j % 5) - 2;
	for (int j = 0; j < ROWS * C; j++)
		dlogits[j] = (float)(j % 3) - 1;
	k->forward(tape, &(struct hm_fusion_input){.n = ROWS, .side = {side[0], side[1]}}, &drop, logits);
	k->backward(tape, dlogits, (float *const[HM_SIDES]){NULL, NULL});
	/* the same by hand: parameters in the table's order */
	const struct hm_param *p = net->params.item;
	float *f = device_floats(d, ROWS * wide), *a = device_floats(d, ROWS * K),
	      *b = device_floats(d, ROWS * K), *dw = device_floats(d, C * wide), *db = device_floats(d, C);
	struct hm_dropout d2 = {.p = .5, .seed = drop.seed, .step = drop.step, .site = HM_HEAD_JOINT_SITE};
	d->op->linear_forward(d, a, side[0], *p[0].field, *p[1].field, ROWS, K, IN);
	d->op->linear_forward(d, b, side[1], *p[2].field, *p[3].field, ROWS, K, IN);
	d->op->outer(d, f, a, b, ROWS, K);
	d->op->relu_drop(d, f, f, false, &d2, ROWS * wide);
	d->op->linear_forward(d, want, f, *p[4].field, *p[5].field, ROWS, C, (int)wide);
	d->op->linear_backward(d, NULL, dw, db, dlogits, f, *p[4].field, ROWS, C, (int)wide);
	for (int j = 0; j < ROWS * C; j++)
		assert_true(fabsf(want[j] - logits[j]) <= 1e-5f);
	const float *grad = hm_params_grad(&net->params, *p[4].field);
	for (size_t j = 0; j < C * wide; j++)
		if (fabsf(grad[j] - dw[j]) > 1e-5f)
			fail_msg("gradient %zu is %g, of the whole batch %g", j, grad[j], dw[j]);
	float *all[] = {f, a, b, dw, db};
	for (int j = 0; j < 5; j++)
		d->op->free(d, all[j]);
	k->tape_free(tape);
	hm_fusion_net_free(net);
	hm_device_close(d);
}

static void too_wide_is_refused(void **state)
{
	struct hm_err e = {0};
	const struct hm_fusion_shape s = {
		2, {3, 3}, 0, {.map_dim = 65536, .map_layers = 1, .pre_layers = 1, .pre_dim = 65536}};
	(void)state;
	assert_null(hm_cross_fusion.net_new(&hm_cross_fusion, &s, &e));
	assert_non_null(strstr(e.text, "choose a smaller --map-dim"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_pytorchs),
		cmocka_unit_test(gradients_are_slopes),
		cmocka_unit_test(pieces_are_the_whole),
		cmocka_unit_test(too_wide_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
