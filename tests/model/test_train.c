/* Whole fusion models in training against float64 PyTorch (tests/oracle/make_train.py): logits, loss, every
 * gradient, running statistics, losses and parameters over steps of SGD and AdamW; on every device. */
#include "../support/devices.h"
#include "model/encoder.h"
#include "nn/early.h"
#include "nn/fusion.h"
#include "nn/late.h"
#include "nn/resnettrain.h"
#include "train/optim.h"
#include "weights/weights.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define FOLDER "tests/data/train/"

/* A model of a file, on a device, with the file's batch. */
struct model {
	struct hm_weights *file;
	struct hm_device *d;
	struct hm_encoder image, text;
	struct hm_fusion *f;
	struct hm_minibatch b;
	float *grid; /* early fusion with the trunk in eval mode: its output */
};

static const struct hm_tensor *find_tensor(void *ctx, const char *name)
{
	return hm_weights_find(ctx, name);
}

static const void *data(struct hm_weights *w, const char *name)
{
	const struct hm_tensor *t = hm_weights_find(w, name);
	if (!t)
		fail_msg("no %s", name);
	return t->data;
}

static struct hm_weights *open_file(const char *name, const char *tail)
{
	char path[128];
	struct hm_err e = {0};
	struct hm_weights *w;
	snprintf(path, sizeof path, FOLDER "%s%s.safetensors", name, tail);
	if (hm_weights_open(&w, path, NULL, &e))
		fail_msg("%s", e.text);
	return w;
}

/* The frozen trunk's grid, as a feature made before. */
static void cache_grid(struct model *m, int n, int h, int w)
{
	struct hm_err e = {0};
	size_t grid = (size_t)hm_resnet_grid_side(h) * (size_t)hm_resnet_grid_side(w);
	struct hm_resnet *resnet = (struct hm_resnet *)m->image.tower;
	struct hm_resnet_tape *t;
	assert_int_equal(hm_params_place(&m->image.tower->params, m->d, false, &e), 0);
	t = hm_resnet_tape_new(resnet, m->d, false, &e);
	assert_non_null(t);
	size_t count = (size_t)n * grid * (size_t)m->image.shape.width, pixels = (size_t)n * 3 * h * w;
	m->grid = malloc(count * sizeof *m->grid);
	float *dev = device_floats(m->d, count);
	uint8_t *px = m->d->op->alloc(m->d, pixels);
	m->d->op->upload(m->d, px, m->b.pixels, pixels);
	hm_resnet_forward(t, px, n, h, w, HM_BN_EVAL, NULL, dev);
	device_read(m->d, m->grid, dev, count);
	m->d->op->free(m->d, dev);
	m->d->op->free(m->d, px);
	assert_int_equal(hm_device_error(m->d, &e), 0);
	hm_resnet_tape_free(t);
	m->b.feature[HM_IMAGE] = m->grid;
}

static void model_open(struct model *m, const char *name, const char *device, enum hm_precision precision)
{
	struct hm_err e = {0};
	struct hm_encoder_options o = {.heads = 2};
	char path[128];
	bool early = !strncmp(name, "early", 5), cached = !strcmp(name, "early");
	*m = (struct model){.file = open_file(name, ""), .d = hm_device_open(device, precision, &e)};
	assert_non_null(m->d);
	m->d->threads = 2;
	snprintf(path, sizeof path, FOLDER "%s.safetensors", name);
	const struct hm_tensor *px = hm_weights_find(m->file, "pixels"),
			       *len = hm_weights_find(m->file, "len"),
			       *c = hm_weights_find(m->file, "classifier.bias");
	int h = (int)px->dim[2], w = (int)px->dim[3];
	m->b = (struct hm_minibatch){.n = (int)len->dim[0],
				     .pixels = px->data,
				     .h = h,
				     .w = w,
				     .ids = data(m->file, "ids"),
				     .len = len->data,
				     .label = data(m->file, "label")};
	if (hm_encoder_open(&m->image, HM_IMAGE, path, &o, &e) ||
	    hm_encoder_open(&m->text, HM_TEXT, path, &o, &e))
		fail_msg("%s", e.text);
	struct hm_fusion_config fc = {.kind = early ? &hm_early_fusion : &hm_late_fusion,
				      .classes = (int)c->dim[0],
				      .side = {{cached	? HM_USE_FEATURE
						: early ? HM_USE_FROZEN
							: HM_USE_TRAINED,
						m->image.shape.width, m->image.tower},
					       {HM_USE_TRAINED, m->text.shape.width, m->text.tower}},
				      .cells = hm_resnet_grid_side(h) * hm_resnet_grid_side(w)};
	if (cached)
		cache_grid(m, m->b.n, h, w);
	if (hm_fusion_new(&m->f, &fc, m->d, &e) ||
	    hm_params_load(hm_fusion_params(m->f), find_tensor, m->file, &e) || hm_fusion_place(m->f, &e))
		fail_msg("%s", e.text);
}

static void model_close(struct model *m)
{
	hm_fusion_free(m->f);
	hm_encoder_clear(&m->image);
	hm_encoder_clear(&m->text);
	hm_device_close(m->d);
	hm_weights_close(m->file);
	free(m->grid);
}

static double worst(const float *got, const float *want, size_t n)
{
	double off = 0;
	for (size_t j = 0; j < n; j++)
		off = isfinite(got[j]) ? fmax(off, fabs((double)got[j] - want[j])) : INFINITY;
	return off;
}

static double largest(const float *x, size_t n)
{
	double most = 0;
	for (size_t j = 0; j < n; j++)
		most = fmax(most, fabs(x[j]));
	return most;
}

/* The tensor in the reference class that belongs to a parameter. */
static const struct hm_tensor *reference_tensor(struct hm_weights *w, const struct hm_fusion_table *t,
						const struct hm_param *p, bool early)
{
	static const char *const part[][2] = {{"conv1.", "0."},	 {"bn1.", "1."},    {"layer1.", "4."},
					      {"layer2.", "5."}, {"layer3.", "6."}, {"layer4.", "7."}};
	const char *name = p->t.name;
	char full[160];
	snprintf(full, sizeof full, "%s%s",
		 !*t->side		     ? ""
		 : !strcmp(t->side, "image") ? "image_encoder."
		 : early		     ? "transformer."
					     : "text_encoder.",
		 name);
	for (size_t i = 0; early && !strcmp(t->side, "image") && i < 6; i++)
		if (!strncmp(name, part[i][0], strlen(part[i][0])))
			snprintf(full, sizeof full, "image_encoder.%s%s", part[i][1],
				 name + strlen(part[i][0]));
	return hm_weights_find(w, full);
}

/* Adam turns noise about a gradient of 0 into steps: softmax does not feel a constant added to all keys. */
static bool noise(const char *name)
{
	return strstr(name, "key.bias") != NULL;
}

static void first_step(const char *name, const char *device, enum hm_precision precision, double out_bound,
		       double grad_bound)
{
	struct model m;
	struct hm_err e = {0};
	struct hm_weights *grads = open_file(name, "-grads");
	float loss, logits[6 * 3];
	model_open(&m, name, device, precision);
	size_t n = (size_t)m.b.n * (size_t)hm_fusion_config_of(m.f)->classes;
	const float *eval = data(m.file, "eval"), *want = data(m.file, "loss");
	assert_int_equal(hm_fusion_logits(m.f, &m.b, logits, &e), 0);
	if (worst(logits, eval, n) > out_bound * largest(eval, n))
		fail_msg("%s on %s: logits in eval mode off by %g of %g", name, device,
			 worst(logits, eval, n), largest(eval, n));
	if (hm_fusion_step(m.f, &m.b, NULL, NULL, &loss, &e))
		fail_msg("%s", e.text);
	if (fabs(loss - *want) > out_bound * *want)
		fail_msg("%s on %s: loss %g, not %g", name, device, loss, *want);
	struct hm_fusion_table t[3];
	int tables = hm_fusion_tables(m.f, t), seen = 0;
	for (int i = 0; i < tables; i++)
		for (size_t k = 0; k < t[i].params->n; k++) {
			const struct hm_param *p = &t[i].params->item[k];
			const struct hm_tensor *g = reference_tensor(
				grads, &t[i], p, hm_fusion_config_of(m.f)->kind == &hm_early_fusion);
			bool running = strstr(p->t.name, "running_");
			const float *where = running ? *p->field : hm_params_grad(t[i].params, *p->field);
			float *got = where ? device_read(m.d, malloc(p->count * sizeof *got), where, p->count)
					   : NULL;
			if (!g || noise(p->t.name)) {
				assert_true(noise(p->t.name) || strstr(p->t.name, "pooler") || !t[i].trained);
				assert_true(!got || noise(p->t.name) || largest(got, p->count) == 0);
				free(got);
				continue;
			}
			seen++;
			double off = worst(got, g->data, p->count), most = largest(g->data, p->count);
			if (off > grad_bound * most)
				fail_msg("%s on %s: %s of %s off by %g of %g", name, device,
					 running ? "value" : "gradient", p->t.name, off, most);
			free(got);
		}
	assert_true(seen > 30);
	hm_weights_close(grads);
	model_close(&m);
}

static void first_steps_agree(void **state)
{
	(void)state;
	static const char *const name[] = {"late", "late-bottleneck", "early", "early-train"};
	for (const char *const *device = op_devices(); *device; device++)
		for (size_t i = 0; i < sizeof name / sizeof *name; i++)
			first_step(name[i], *device, HM_PREC_F32, 2e-5, 1e-4);
}

/* Losses to `loss_bound`, each parameter to `bound` of its tensor's largest movement. */
static void steps(const char *name, const char *kind, const char *device, double loss_bound, double bound)
{
	struct model m;
	struct hm_err e = {0};
	char tail[32];
	struct hm_fusion_table t[3];
	struct hm_params *trained[3];
	struct hm_optim optim;
	int n = 0;
	snprintf(tail, sizeof tail, "-%s", kind);
	struct hm_weights *after = open_file(name, tail);
	const float *losses = data(after, "losses");
	int64_t count = hm_weights_find(after, "losses")->dim[0];
	model_open(&m, name, device, HM_PREC_F32);
	bool early = hm_fusion_config_of(m.f)->kind == &hm_early_fusion, sgd = !strcmp(kind, "sgd");
	int tables = hm_fusion_tables(m.f, t);
	for (int i = 0; i < tables; i++)
		if (t[i].trained)
			trained[n++] = t[i].params;
	struct hm_optim_config c = {.kind = sgd ? HM_SGD : HM_ADAMW,
				    .lr = sgd	  ? 1e-2
					  : early ? 1e-3
						  : 1e-4,
				    .momentum = sgd ? .9 : 0,
				    .weight_decay = sgd ? 0 : .1,
				    .total = count};
	assert_int_equal(hm_optim_init(&optim, &c, trained, NULL, n, m.d, NULL, &e), 0);
	for (int64_t s = 0; s < count; s++) {
		float loss;
		double lr;
		hm_optim_zero(&optim);
		if (hm_fusion_step(m.f, &m.b, NULL, NULL, &loss, &e) || hm_optim_step(&optim, &lr, &e))
			fail_msg("%s", e.text);
		if (fabs(loss - losses[s]) > loss_bound)
			fail_msg("%s, %s on %s: loss %d is %.9g, not %.9g", name, kind, device, (int)s + 1,
				 loss, losses[s]);
	}
	for (int i = 0; i < tables; i++)
		for (size_t k = 0; k < t[i].params->n; k++) {
			const struct hm_param *p = &t[i].params->item[k];
			const struct hm_tensor *want = reference_tensor(after, &t[i], p, early),
					       *was = reference_tensor(m.file, &t[i], p, early);
			float *now = device_read(m.d, malloc(p->count * sizeof *now), *p->field, p->count);
			double moved = worst(was->data, want->data, p->count),
			       off = worst(now, want->data, p->count);
			free(now);
			if (moved == 0 && off > 0 && !noise(p->t.name))
				fail_msg("%s, %s on %s: %s moved by %g", name, kind, device, p->t.name, off);
			if (off > bound * moved && !noise(p->t.name))
				fail_msg("%s, %s on %s: %s off by %g, it moved by %g", name, kind, device,
					 p->t.name, off, moved);
		}
	hm_optim_clear(&optim);
	hm_weights_close(after);
	model_close(&m);
}

static void steps_agree(void **state)
{
	(void)state;
	for (const char *const *device = op_devices(); *device; device++) {
		steps("early", "sgd", *device, 1e-5, 1e-3);
		steps("early", "adamw", *device, 1e-5, 1e-3);
		steps("early-train", "sgd", *device, 1e-5, 1e-3);
		steps("early-train", "adamw", *device, 1e-5, 1e-3);
		steps("late", "sgd", *device, 1e-5, .1);
		steps("late-bottleneck", "sgd", *device, 1e-5, .1);
		steps("late", "adamw", *device, 2e-3, .1);
		steps("late-bottleneck", "adamw", *device, 2e-3, .1);
	}
}

/* ---- memory */

static const struct hm_ops *real;
static int asked;

static void *asked_for(struct hm_device *d, size_t bytes)
{
	asked++;
	return real->alloc(d, bytes);
}

/* Smaller and larger batches up to what was reserved, trained on and evaluated. */
static void reserved(const char *name, const char *device)
{
	struct model m;
	struct hm_err e = {0};
	float loss, logits[6 * 3];
	int64_t words = 0;
	model_open(&m, name, device, HM_PREC_F32);
	struct hm_ops counting = *(real = m.d->op);
	struct hm_minibatch few = m.b;
	counting.alloc = asked_for;
	m.d->op = &counting;
	few.n = 2;
	for (int i = 0; i < m.b.n; i++)
		words += m.b.len[i];
	assert_int_equal(hm_fusion_reserve(m.f, &m.b, words, &e), 0);
	asked = 0;
	assert_int_equal(hm_fusion_step(m.f, &few, NULL, NULL, &loss, &e), 0);
	assert_int_equal(hm_fusion_step(m.f, &m.b, NULL, NULL, &loss, &e), 0);
	assert_int_equal(hm_fusion_logits(m.f, &m.b, logits, &e), 0);
	assert_int_equal(hm_fusion_step(m.f, &few, NULL, NULL, &loss, &e), 0);
	assert_int_equal(asked, 0);
	m.d->op = real;
	model_close(&m);
}

static void what_is_reserved_is_enough(void **state)
{
	(void)state;
	for (const char *const *device = op_devices(); *device; device++)
		for (int i = 0; i < 3; i++)
			reserved((const char *const[]){"late", "early", "early-train"}[i], *device);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(first_steps_agree), cmocka_unit_test(steps_agree),
					   cmocka_unit_test(what_is_reserved_is_enough)};
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
