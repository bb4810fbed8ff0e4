/* Head training against float64 PyTorch (tests/oracle/make_head.py): losses and parameters of every
 * optimizer, schedule, decay, clipping and class weight, on ref and cpu; then selection, patience,
 * standardisation, failure. */
#include "model/modelfile.h"
#include "train/headmodel.h"
#include "train/trainer.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define BATCH 32
#define EPOCHS 4
#define STEPS 12

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

/* The vectors' data as a training set; borrowed from w. */
static struct hm_headdata data_of(struct hm_weights *w, const char **id, size_t n)
{
	const struct hm_tensor *x = hm_weights_find(w, "x");
	assert_int_equal(x->dim[0], n);
	for (size_t i = 0; i < n; i++)
		id[i] = "some";
	struct hm_headdata d = {
		.n = n, .dim = (int)x->dim[1], .x = x->data, .id = id, .image = {.dim = (int)x->dim[1]}};
	d.label = hm_weights_find(w, "label")->data;
	return d;
}

static void start(struct hm_late *m, struct hm_weights *w, int dim)
{
	struct hm_err e = {0};
	hm_late_init(m, 2, dim);
	assert_int_equal(hm_params_alloc(&m->params, &e), 0);
	memcpy(m->weight, hm_weights_find(w, "weight")->data, 2 * (size_t)dim * sizeof(float));
	memcpy(m->bias, hm_weights_find(w, "bias")->data, 2 * sizeof(float));
}

struct seen {
	double loss[64], lr[64];
	int steps, evals, epochs;
	struct hm_event eval[64], end;
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
		break;
	}
	return 0;
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

static void one(const char *device, size_t k, struct hm_weights *w)
{
	struct hm_err e = {0};
	const char *id[90];
	char key[32];
	float first_w[64], first_b[2];
	struct hm_headdata d = data_of(w, id, 90);
	struct hm_trainer_config c = {
		.optim = cases[k].c, .batch_size = BATCH, .epochs = EPOCHS, .log_steps = 1};
	struct seen s = {0};
	struct hm_event best;
	struct hm_late m;
	struct hm_device *dev = hm_device_open(device, HM_PREC_F32, &e);
	assert_non_null(dev);
	c.class_weight = cases[k].weight[0] > 0 ? cases[k].weight : NULL;
	start(&m, w, d.dim);
	memcpy(first_w, m.weight, 2 * (size_t)d.dim * sizeof(float));
	memcpy(first_b, m.bias, sizeof first_b);
	assert_int_equal(hm_trainer_run(&m, dev, &d, NULL, &c, listen, &s, &best, &e), 0);
	assert_int_equal(s.steps, STEPS);
	assert_int_equal(s.end.step, STEPS);
	snprintf(key, sizeof key, "%s.losses", cases[k].name);
	const double *loss = hm_weights_find(w, key)->data;
	for (int i = 0; i < STEPS; i++) /* f32 sums of 20 products, 32 rows */
		assert_true(fabs(s.loss[i] - loss[i]) <= 2e-6 * fabs(loss[i]));
	snprintf(key, sizeof key, "%s.weight", cases[k].name);
	assert_true(moved_apart(m.weight, hm_weights_find(w, key)->data, first_w, 2 * (size_t)d.dim) <= 1e-3);
	snprintf(key, sizeof key, "%s.bias", cases[k].name);
	assert_true(moved_apart(m.bias, hm_weights_find(w, key)->data, first_b, 2) <= 1e-3);
	hm_late_clear(&m);
	hm_device_close(dev);
}

static void equal_to_pytorch(void **state)
{
	struct hm_err e = {0};
	struct hm_weights *w;
	(void)state;
	assert_int_equal(hm_weights_open(&w, "tests/data/train/head.safetensors", &e), 0);
	for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
		one("ref", k, w);
		one("cpu", k, w);
	}
	hm_weights_close(w);
}

/* Runs with validation on the training data itself. */
static struct seen with_val(struct hm_trainer_config c, struct hm_late *m, struct hm_event *best)
{
	struct hm_err e = {0};
	struct hm_weights *w;
	const char *id[90];
	struct seen s = {0};
	assert_int_equal(hm_weights_open(&w, "tests/data/train/head.safetensors", &e), 0);
	struct hm_headdata d = data_of(w, id, 90);
	struct hm_device *dev = hm_device_open("cpu", HM_PREC_F32, &e);
	start(m, w, d.dim);
	c.batch_size = BATCH;
	c.log_steps = 1;
	assert_int_equal(hm_trainer_run(m, dev, &d, &d, &c, listen, &s, best, &e), 0);
	hm_device_close(dev);
	hm_weights_close(w);
	return s;
}

static void selection_keeps_the_best_epoch(void **state)
{
	struct hm_trainer_config c = {
		.optim = {.kind = HM_SGD, .lr = 30}, .epochs = 9, .select = HM_SELECT_ACCURACY};
	struct hm_event best, again;
	struct hm_late m, n;
	(void)state;
	struct seen s = with_val(c, &m, &best);
	int top = 0;
	for (int i = 1; i < s.evals; i++)
		if (s.eval[i].accuracy > s.eval[top].accuracy)
			top = i;
	assert_true(s.evals == 9 && top + 1 < 9); /* a wild rate: the last epoch is not the best one */
	assert_int_equal(best.epoch, top + 1);
	assert_int_equal(s.end.best_epoch, top + 1);
	c.epochs = top + 1; /* stopping there by itself gives the same head */
	c.select = HM_SELECT_LAST;
	with_val(c, &n, &again);
	assert_memory_equal(m.weight, n.weight, 2 * (size_t)m.inputs * sizeof(float));
	assert_true(again.accuracy == best.accuracy);
	hm_late_clear(&m);
	hm_late_clear(&n);
}

static void patience_stops(void **state)
{
	struct hm_trainer_config c = {
		.optim = {.kind = HM_SGD, .lr = 0}, .epochs = 9, .select = HM_SELECT_AUROC, .patience = 2};
	struct hm_event best;
	struct hm_late m;
	(void)state;
	struct seen s = with_val(c, &m, &best);
	assert_int_equal(s.evals, 3); /* nothing moves: the first is the best, two more are not better */
	assert_int_equal(best.epoch, 1);
	assert_string_equal(s.end.reason, "patience");
	hm_late_clear(&m);
}

static void standardisation_folds_out_and_in(void **state)
{
	struct hm_err e = {0};
	struct hm_weights *w;
	const char *id[90];
	float raw[180], folded[180], was[64];
	double mean[20], deviation[20];
	struct hm_late m;
	(void)state;
	assert_int_equal(hm_weights_open(&w, "tests/data/train/head.safetensors", &e), 0);
	struct hm_headdata d = data_of(w, id, 90);
	struct hm_device *dev = hm_device_open("ref", HM_PREC_F32, &e);
	float x[90 * 20];
	memcpy(x, d.x, sizeof x);
	struct hm_headdata scaled = d;
	scaled.x = x;
	hm_headdata_moments(&d, mean, deviation);
	hm_headdata_standardise(&scaled, mean, deviation);
	double sum = 0, squares = 0;
	for (int i = 0; i < 90; i++) {
		sum += x[i * 20 + 3];
		squares += (double)x[i * 20 + 3] * x[i * 20 + 3];
	}
	assert_true(fabs(sum / 90) < 1e-6 && fabs(squares / 90 - 1) < 1e-5);
	start(&m, w, d.dim);
	memcpy(was, m.weight, 40 * sizeof(float));
	hm_late_forward(&m, dev, raw, scaled.x, 90);
	hm_head_fold(&m, mean, deviation);
	hm_late_forward(&m, dev, folded, d.x, 90);
	for (int i = 0; i < 180; i++)
		assert_true(fabs(raw[i] - folded[i]) < 1e-5);
	hm_head_unfold(&m, mean, deviation);
	for (int i = 0; i < 40; i++)
		assert_true(fabs(m.weight[i] - was[i]) < 1e-6);
	hm_late_clear(&m);
	hm_device_close(dev);
	hm_weights_close(w);
}

static void a_loss_that_is_not_finite_stops(void **state)
{
	struct hm_err e = {0};
	float x[4] = {1, 2, 3, INFINITY};
	int32_t label[2] = {0, 1};
	const char *id[2] = {"a7", "b8"};
	struct hm_headdata d = {.n = 2, .dim = 2, .x = x, .label = label, .id = id};
	struct hm_trainer_config c = {
		.optim = {.kind = HM_ADAM, .lr = 0.5}, .batch_size = 8, .epochs = 1, .log_steps = 1};
	struct seen s = {0};
	struct hm_event best;
	struct hm_late m;
	(void)state;
	struct hm_device *dev = hm_device_open("cpu", HM_PREC_F32, &e);
	hm_late_init(&m, 2, 2);
	assert_int_equal(hm_head_init(&m, 1, &e), 0);
	assert_int_equal(hm_trainer_run(&m, dev, &d, NULL, &c, listen, &s, &best, &e), HM_EDATA);
	assert_non_null(strstr(
		e.text, "step 1, learning rate 0.5: the loss is not finite; the batch's ids are a7, b8"));
	hm_late_clear(&m);
	hm_device_close(dev);
}

/* One step from weights near F32's largest: its loss is finite, and no second step is there to notice. */
static void a_last_step_that_overflows_stops(void **state)
{
	struct hm_err e = {0};
	float x[2] = {1e-3f, 1e-3f};
	int32_t label[1] = {1};
	const char *id[1] = {"c9"};
	struct hm_headdata d = {.n = 1, .dim = 2, .x = x, .label = label, .id = id};
	struct hm_trainer_config c = {.optim = {.kind = HM_SGD, .lr = 1e6, .weight_decay = 1e6},
				      .batch_size = 8,
				      .epochs = 1,
				      .log_steps = 1};
	struct seen s = {0};
	struct hm_event best;
	struct hm_late m;
	(void)state;
	struct hm_device *dev = hm_device_open("cpu", HM_PREC_F32, &e);
	hm_late_init(&m, 2, 2);
	assert_int_equal(hm_head_init(&m, 1, &e), 0);
	m.weight[0] = 1e36f;
	assert_int_equal(hm_trainer_run(&m, dev, &d, NULL, &c, listen, &s, &best, &e), HM_EDATA);
	assert_int_equal(s.steps, 1);
	assert_true(isfinite(s.loss[0]));
	assert_non_null(strstr(
		e.text,
		"step 1, learning rate 1e+06: it left weights that are not finite; the batch's ids are c9"));
	hm_late_clear(&m);
	hm_device_close(dev);
}

/* A saturated unit, constant but for a last bit: scaled up, it would take the folded head's digits. */
static void constant_columns_keep_their_scale(void **state)
{
	float x[4 * 3] = {1, 0.1f, 0, 1, 0.1f, 1, 1 - 0x1p-24f, 0.1f, 2, 1, 0.1f, 3};
	struct hm_headdata d = {.n = 4, .dim = 3, .x = x};
	double mean[3], deviation[3];
	(void)state;
	hm_headdata_moments(&d, mean, deviation);
	assert_true(deviation[0] == 1 && deviation[1] == 1);
	assert_true(mean[2] == 1.5 && deviation[2] == sqrt(1.25));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_to_pytorch),
		cmocka_unit_test(selection_keeps_the_best_epoch),
		cmocka_unit_test(patience_stops),
		cmocka_unit_test(standardisation_folds_out_and_in),
		cmocka_unit_test(a_loss_that_is_not_finite_stops),
		cmocka_unit_test(a_last_step_that_overflows_stops),
		cmocka_unit_test(constant_columns_keep_their_scale),
	};
	return cmocka_run_group_tests_name("head", tests, NULL, NULL);
}
