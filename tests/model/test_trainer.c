/* The training loop on a head, against float64 PyTorch (tests/oracle/make_head.py): losses and parameters of
 * every optimizer, schedule, decay, clipping and class weight, on ref and cpu, with the data in memory and in
 * a file; then selection, patience, standardisation, failure. Whole networks: test_train.c. */
#include "nn/late.h"
#include "stat/metrics.h"
#include "../support/streams.h"
#include "train/trainer.h"
#include "weights/weights.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define BATCH 32
#define EPOCHS 4
#define STEPS 12
#define ROWS 90

static const struct {
	const char *name;
	struct hm_optim_config c;
	float weight[2];
} cases[] = {
	{"sgd", {.kind = HM_SGD, .lr = 0.05}, {0}},
	{"momentum",
	 {.kind = HM_SGD, .lr = 0.02, .momentum = 0.9, .weight_decay = 0.01, .schedule = HM_LINEAR},
	 {0}},
	{"adam", {.kind = HM_ADAM, .lr = 0.01, .weight_decay = 0.1, .warmup = 3}, {0}},
	{"adamw",
	 {.kind = HM_ADAMW,
	  .lr = 0.01,
	  .weight_decay = 0.3,
	  .decay_spares_bias = true,
	  .schedule = HM_COSINE,
	  .warmup = 2},
	 {0}},
	{"clipped",
	 {.kind = HM_ADAMW, .lr = 0.005, .clip_norm = 0.05, .schedule = HM_LINEAR, .warmup = 4},
	 {0}},
	{"weighted", {.kind = HM_ADAM, .lr = 0.01}, {0.5f, 2}},
};

/* A set of text features out of a stream made of them. */
static void examples(struct hm_examples *x, const float *feature, const int32_t *label, const char *const *id,
		     size_t n, int64_t dim, size_t memory)
{
	struct hm_err e = {0};
	struct hm_schema s = {0};
	struct hm_writer *w;
	struct hm_join *in;
	char path[64];
	struct hm_examples_options o = {.kind = &hm_late_fusion,
					.side = {[HM_TEXT] = {HM_USE_FEATURE, NULL}},
					.memory = memory,
					.unknown = true};
	test_scratch(path);
	assert_true(hm_schema_add(&s, "id", HM_UTF8, 0, NULL, NULL, &e) >= 0);
	assert_true(hm_schema_add(&s, "label", HM_I32, 0, NULL, NULL, &e) >= 0);
	assert_true(hm_schema_add(&s, "text_feature", HM_F32, 1, &dim, NULL, &e) >= 0);
	assert_int_equal(hm_writer_open(&w, path, &s, NULL, NULL, &(struct hm_writer_options){0}, NULL, &e),
			 0);
	for (size_t i = 0; i < n; i++) {
		char some[16];
		snprintf(some, sizeof some, "%zu", i);
		const char *name = id ? id[i] : some;
		const struct hm_val val[] = {
			{name, strlen(name)}, {label + i, 1}, {feature + i * (size_t)dim, (size_t)dim}};
		assert_int_equal(hm_writer_put(w, val, &e), 0);
	}
	assert_int_equal(hm_writer_finish(w, 0, &e), 0);
	assert_int_equal(hm_join_open(&in, 1, (char *[]){path}, NULL, &e), 0);
	if (hm_examples_read(x, in, &o, NULL, NULL, &e))
		fail_msg("%s", e.text);
	hm_join_close(in);
	hm_schema_clear(&s);
	unlink(path);
}

struct seen {
	double loss[64], lr[64];
	int steps, evals, epochs;
	struct hm_event eval[64], end;
	char reason[16]; /* of the end; the event's goes with the training */
};

static int listen(void *ctx, const struct hm_event *ev, struct hm_err *e)
{
	struct seen *s = ctx;
	(void)e;
	switch (ev->kind) {
	case HM_EVENT_STEP:
		assert_int_equal(ev->step, s->steps + 1);
		s->loss[s->steps] = ev->loss;
		s->lr[s->steps++] = ev->lr;
		break;
	case HM_EVENT_EPOCH:
		s->epochs++;
		break;
	case HM_EVENT_EVAL:
		s->eval[s->evals++] = *ev;
		break;
	case HM_EVENT_END:
		s->end = *ev;
		snprintf(s->reason, sizeof s->reason, "%s", ev->reason);
		break;
	}
	return 0;
}

static int no_signal(void *ctx, int64_t step, int64_t steps, double loss, double lr, bool *stop)
{
	(void)ctx, (void)step, (void)steps, (void)loss, (void)lr, (void)stop;
	return 0;
}

/* A head on a device; weight [2,dim] and bias [2] are where it starts, NULL: as drawn from seed 1. */
struct head {
	struct hm_device *d;
	struct hm_fusion *f;
	struct seen seen;
	struct hm_trainer_result result;
};

static void head_open(struct head *h, const char *device, int dim, const float *weight, const float *bias)
{
	struct hm_err e = {0};
	struct hm_fusion_config c = {
		.kind = &hm_late_fusion, .classes = 2, .side = {[HM_TEXT] = {HM_USE_FEATURE, dim, NULL}}};
	*h = (struct head){.d = hm_device_open(device, HM_PREC_F32, &e)};
	assert_non_null(h->d);
	assert_int_equal(hm_fusion_new(&h->f, &c, h->d, &e), 0);
	assert_int_equal(hm_params_init(hm_fusion_params(h->f), 1, 0, &e), 0);
	if (weight) {
		memcpy(hm_fusion_params(h->f)->data, weight, 2 * (size_t)dim * sizeof *weight);
		memcpy(hm_fusion_params(h->f)->data + 2 * dim, bias, 2 * sizeof *bias);
	}
	assert_int_equal(hm_fusion_place(h->f, &e), 0);
}

static int head_train(struct head *h, struct hm_examples *train, struct hm_examples *val,
		      const struct hm_trainer_config *c, struct hm_err *e)
{
	const struct hm_trainer_calls calls = {&h->seen, listen, no_signal, NULL, NULL};
	return hm_trainer_run(h->f, h->d, train, val, c, &calls, &h->result, e);
}

static const float *parameters(const struct head *h)
{
	return hm_fusion_params(h->f)->data;
}

static void head_close(struct head *h)
{
	hm_fusion_free(h->f);
	hm_device_close(h->d);
}

/* The vectors of make_head.py. */
struct vectors {
	struct hm_weights *w;
	const float *x, *weight, *bias;
	const int32_t *label;
	int dim;
};

static void vectors_open(struct vectors *v)
{
	struct hm_err e = {0};
	assert_int_equal(hm_weights_open(&v->w, "tests/data/train/head.safetensors", NULL, &e), 0);
	const struct hm_tensor *x = hm_weights_find(v->w, "x");
	assert_int_equal(x->dim[0], ROWS);
	v->x = x->data;
	v->dim = (int)x->dim[1];
	v->label = hm_weights_find(v->w, "label")->data;
	v->weight = hm_weights_find(v->w, "weight")->data;
	v->bias = hm_weights_find(v->w, "bias")->data;
}

/* The largest difference as a share of the largest movement from the start. */
static double moved_apart(const float *got, const double *want, const float *from, size_t n)
{
	double apart = 0, way = 0;
	for (size_t j = 0; j < n; j++) {
		apart = fmax(apart, fabs(got[j] - want[j]));
		way = fmax(way, fabs(want[j] - from[j]));
	}
	return apart / way;
}

static void one(const char *device, size_t memory, size_t k, const struct vectors *v)
{
	struct hm_err e = {0};
	struct hm_examples x;
	struct head h;
	char key[32];
	size_t weights = 2 * (size_t)v->dim;
	struct hm_trainer_config c = {
		.optim = cases[k].c, .batch_size = BATCH, .epochs = EPOCHS, .log_steps = 1};
	c.class_weight = cases[k].weight[0] > 0 ? cases[k].weight : NULL;
	examples(&x, v->x, v->label, NULL, ROWS, v->dim, memory);
	head_open(&h, device, v->dim, v->weight, v->bias);
	if (head_train(&h, &x, NULL, &c, &e))
		fail_msg("%s", e.text);
	assert_int_equal(h.seen.steps, STEPS);
	assert_int_equal(h.seen.end.step, STEPS);
	snprintf(key, sizeof key, "%s.losses", cases[k].name);
	const double *loss = hm_weights_find(v->w, key)->data;
	for (int i = 0; i < STEPS; i++) /* f32 sums of 20 products, 32 rows */
		assert_true(fabs(h.seen.loss[i] - loss[i]) <= 2e-6 * fabs(loss[i]));
	snprintf(key, sizeof key, "%s.weight", cases[k].name);
	assert_true(moved_apart(parameters(&h), hm_weights_find(v->w, key)->data, v->weight, weights) <=
		    1e-3);
	snprintf(key, sizeof key, "%s.bias", cases[k].name);
	assert_true(moved_apart(parameters(&h) + weights, hm_weights_find(v->w, key)->data, v->bias, 2) <=
		    1e-3);
	head_close(&h);
	hm_examples_clear(&x);
}

static void equal_to_pytorch(void **state)
{
	struct vectors v;
	(void)state;
	vectors_open(&v);
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		one("ref", SIZE_MAX, k, &v);
		one("cpu", SIZE_MAX, k, &v);
		one("cpu", 1000, k, &v); /* all but a few examples in a temporary file */
	}
	hm_weights_close(v.w);
}

/* Runs with validation on the training data itself. */
static void with_val(struct hm_trainer_config c, struct head *h)
{
	struct hm_err e = {0};
	struct hm_examples x, y;
	struct vectors v;
	vectors_open(&v);
	examples(&x, v.x, v.label, NULL, ROWS, v.dim, SIZE_MAX);
	examples(&y, v.x, v.label, NULL, ROWS, v.dim, SIZE_MAX);
	assert_string_equal(x.digest, y.digest);
	head_open(h, "cpu", v.dim, v.weight, v.bias);
	c.batch_size = BATCH;
	c.log_steps = 1;
	if (head_train(h, &x, &y, &c, &e))
		fail_msg("%s", e.text);
	hm_examples_clear(&x);
	hm_examples_clear(&y);
	hm_weights_close(v.w);
}

static void selection_keeps_the_best_epoch(void **state)
{
	struct hm_trainer_config c = {
		.optim = {.kind = HM_SGD, .lr = 30}, .epochs = 9, .select = HM_SELECT_ACCURACY};
	struct head a, b;
	(void)state;
	with_val(c, &a);
	const struct seen *s = &a.seen;
	int top = 0;
	for (int i = 1; i < s->evals; i++)
		if (s->eval[i].accuracy > s->eval[top].accuracy)
			top = i;
	assert_true(s->evals == 9 && top + 1 < 9); /* a wild rate: the last epoch is not the best one */
	assert_int_equal(a.result.best.epoch, top + 1);
	assert_int_equal(s->end.best_epoch, top + 1);
	c.epochs = top + 1; /* stopping there by itself gives the same head */
	c.select = HM_SELECT_LAST;
	with_val(c, &b);
	assert_memory_equal(parameters(&a), parameters(&b), hm_fusion_params(a.f)->count * sizeof(float));
	assert_true(b.result.best.accuracy == a.result.best.accuracy);
	head_close(&a);
	head_close(&b);
}

static void patience_stops(void **state)
{
	struct hm_trainer_config c = {
		.optim = {.kind = HM_SGD, .lr = 0}, .epochs = 9, .select = HM_SELECT_AUROC, .patience = 2};
	struct head h;
	(void)state;
	with_val(c, &h);
	assert_int_equal(h.seen.evals, 3); /* nothing moves: the first is the best, two more are not better */
	assert_int_equal(h.result.best.epoch, 1);
	assert_string_equal(h.seen.reason, "patience");
	head_close(&h);
}

static void standardised_features(void **state)
{
	struct hm_err e = {0};
	struct hm_examples x, spilled;
	struct hm_minibatch a, b;
	struct vectors v;
	double mean[20], deviation[20], sum = 0, squares = 0;
	uint32_t order[ROWS];
	(void)state;
	vectors_open(&v);
	assert_int_equal(v.dim, 20);
	examples(&x, v.x, v.label, NULL, ROWS, 20, SIZE_MAX);
	examples(&spilled, v.x, v.label, NULL, ROWS, 20, 0);
	assert_int_equal(hm_examples_moments(&x, NULL, mean, deviation, &e), 0);
	hm_examples_standardise(&x, NULL, mean, deviation);
	hm_examples_standardise(&spilled, NULL, mean, deviation);
	for (uint32_t i = 0; i < ROWS; i++)
		order[i] = (i * 7) % ROWS;
	assert_int_equal(hm_examples_batch(&x, order, ROWS, &a, &e), 0);
	assert_int_equal(hm_examples_batch(&spilled, order, ROWS, &b, &e), 0);
	for (int i = 0; i < ROWS; i++) {
		assert_memory_equal(a.joined[i], b.joined[i], 20 * sizeof(float));
		sum += a.joined[i][3];
		squares += (double)a.joined[i][3] * a.joined[i][3];
	}
	assert_true(fabs(sum / ROWS) < 1e-6 && fabs(squares / ROWS - 1) < 1e-5);
	hm_examples_clear(&x);
	hm_examples_clear(&spilled);
	hm_weights_close(v.w);
}

/* A saturated unit, constant but for a last bit: scaled up, it would take the folded head's digits. */
static void constant_columns_keep_their_scale(void **state)
{
	static const float x[4 * 3] = {1, 0.1f, 0, 1, 0.1f, 1, 1 - 0x1p-24f, 0.1f, 2, 1, 0.1f, 3};
	static const int32_t label[4] = {0, 1, 0, 1};
	struct hm_err e = {0};
	struct hm_examples set;
	double mean[3], deviation[3];
	(void)state;
	examples(&set, x, label, NULL, 4, 3, SIZE_MAX);
	assert_int_equal(hm_examples_moments(&set, NULL, mean, deviation, &e), 0);
	assert_true(deviation[0] == 1 && deviation[1] == 1);
	assert_true(mean[2] == 1.5 && deviation[2] == sqrt(1.25));
	hm_examples_clear(&set);
}

/* Features and weights near F32's largest: their product is infinite. */
static void a_loss_that_is_not_finite_stops(void **state)
{
	static const float x[4] = {1, 2, 3, 1e38f}, weight[4] = {1e38f, 1e38f, -1e38f, -1e38f}, bias[2] = {0};
	static const int32_t label[2] = {0, 1};
	static const char *const id[2] = {"a7", "b8"};
	struct hm_trainer_config c = {
		.optim = {.kind = HM_ADAM, .lr = 0.5}, .batch_size = 8, .epochs = 1, .log_steps = 1};
	struct hm_err e = {0};
	struct hm_examples set;
	struct head h;
	(void)state;
	examples(&set, x, label, id, 2, 2, SIZE_MAX);
	head_open(&h, "cpu", 2, weight, bias);
	assert_int_equal(head_train(&h, &set, NULL, &c, &e), HM_EDATA);
	assert_non_null(strstr(
		e.text, "step 1, learning rate 0.5: the loss is not finite; the batch's ids are a7, b8"));
	head_close(&h);
	hm_examples_clear(&set);
}

static void norm_of_nothing(struct hm_device *d, double *sum, const float *g, size_t n)
{
	(void)d, (void)g, (void)n;
	*sum = NAN;
}

/* Its step is not taken. */
static void a_norm_that_is_not_finite_stops(void **state)
{
	static const float x[4] = {1, 2, 3, 4}, weight[4] = {1, 2, 3, 4}, bias[2] = {0};
	static const int32_t label[2] = {0, 1};
	static const char *const id[2] = {"a7", "b8"};
	struct hm_trainer_config c = {.optim = {.kind = HM_ADAM, .lr = 0.5, .clip_norm = 1},
				      .batch_size = 8,
				      .epochs = 1,
				      .log_steps = 1};
	struct hm_err e = {0};
	struct hm_examples set;
	struct head h;
	(void)state;
	examples(&set, x, label, id, 2, 2, SIZE_MAX);
	head_open(&h, "cpu", 2, weight, bias);
	struct hm_ops broken = *h.d->op;
	broken.sum_squares = norm_of_nothing;
	h.d->op = &broken;
	assert_int_equal(head_train(&h, &set, NULL, &c, &e), HM_EDATA);
	assert_string_equal(e.text,
			    "step 1, learning rate 0.5: the gradient's norm is not finite; the batch's ids "
			    "are a7, b8");
	assert_memory_equal(parameters(&h), weight, sizeof weight);
	assert_int_equal(h.seen.steps, 0);
	head_close(&h);
	hm_examples_clear(&set);
}

/* One step from weights near F32's largest: its loss is finite, and no second step is there to notice. */
static void a_last_step_that_overflows_stops(void **state)
{
	static const float x[2] = {1e-3f, 1e-3f}, weight[4] = {1e36f, 0, 0, 0}, bias[2] = {0};
	static const int32_t label[1] = {1};
	static const char *const id[1] = {"c9"};
	struct hm_trainer_config c = {.optim = {.kind = HM_SGD, .lr = 1e6, .weight_decay = 1e6},
				      .batch_size = 8,
				      .epochs = 1,
				      .log_steps = 1};
	struct hm_err e = {0};
	struct hm_examples set;
	struct head h;
	(void)state;
	examples(&set, x, label, id, 1, 2, SIZE_MAX);
	head_open(&h, "cpu", 2, weight, bias);
	assert_int_equal(head_train(&h, &set, NULL, &c, &e), HM_EDATA);
	assert_int_equal(h.seen.steps, 1);
	assert_true(isfinite(h.seen.loss[0]));
	assert_non_null(strstr(
		e.text, "step 1, learning rate 1e+06: its weights are not finite; the batch's ids are c9"));
	head_close(&h);
	hm_examples_clear(&set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_to_pytorch),
		cmocka_unit_test(selection_keeps_the_best_epoch),
		cmocka_unit_test(patience_stops),
		cmocka_unit_test(standardised_features),
		cmocka_unit_test(constant_columns_keep_their_scale),
		cmocka_unit_test(a_loss_that_is_not_finite_stops),
		cmocka_unit_test(a_norm_that_is_not_finite_stops),
		cmocka_unit_test(a_last_step_that_overflows_stops),
	};
	return cmocka_run_group_tests_name("trainer", tests, NULL, NULL);
}
