/* Towers against transformers in float64 (tests/oracle/make_towers.py): outputs in inference and in training,
 * and the gradient of every parameter, on every device that is built in. CLIP's digests do not depend on the
 * layout of the file. */
#include "../support/devices.h"
#include "../support/scratch.h"
#include "model/encoder.h"
#include "nn/cliptext.h"
#include "nn/vitparts.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define DATA "tests/data/towers/"

static const struct row {
	const char *folder, *expected;
	enum hm_side side;
	const char *output; /* of the encoder; NULL: its own */
	const char *tensor; /* what it must give; its gradient is known if this is "pooled" */
} rows[] = {
	{"clip", "clip-image", HM_IMAGE, NULL, "pooled"},
	{"clip", "clip-image", HM_IMAGE, "projected", "projected"},
	{"clip", "clip-text", HM_TEXT, NULL, "pooled"},
	{"clip", "clip-text", HM_TEXT, "projected", "projected"},
	{"vit", "vit-image", HM_IMAGE, NULL, "pooled"},
	{"dinov2", "dinov2-image", HM_IMAGE, NULL, "pooled"},
	{"roberta", "roberta-text", HM_TEXT, NULL, "pooled"},
	{"roberta", "roberta-text", HM_TEXT, "cls", "cls"},
	{"distilbert", "distilbert-text", HM_TEXT, NULL, "pooled"},
	{"distilbert", "distilbert-text", HM_TEXT, "mean", "mean"},
};
enum { ROWS = sizeof rows / sizeof *rows };

/* A row's encoder and what is expected of it. */
struct expected {
	struct hm_encoder x;
	struct hm_weights *w;
	struct hm_tower_batch batch;
	struct hm_device *d;
	uint8_t *pixels; /* device memory */
	int rows;	 /* token ids of all captions */
};

static const struct hm_tensor *tensor_of(const struct expected *k, const char *name)
{
	const struct hm_tensor *t = hm_weights_find(k->w, name);
	if (!t)
		fail_msg("%s is missing", name);
	return t;
}

static size_t count_of(const struct hm_tensor *t)
{
	size_t n = 0;
	assert_true(hm_shape_count(t->ndim, t->dim, &n));
	return n;
}

/* Opens the row's encoder on that device; prefix: of the names of its inputs. */
static void open_row(struct expected *k, const struct row *r, const char *device, const char *prefix)
{
	struct hm_err e = {0};
	char path[128], name[64];
	*k = (struct expected){0};
	snprintf(path, sizeof path, DATA "%s", r->folder);
	const struct hm_encoder_options o = {.output = {r->output, r->output}};
	if (hm_encoder_open(&k->x, r->side, path, &o, &e))
		fail_msg("%s", e.text);
	snprintf(path, sizeof path, DATA "%s.safetensors", r->expected);
	assert_int_equal(hm_weights_open(&k->w, path, NULL, &e), 0);
	k->d = hm_device_open(device, HM_PREC_F32, &e);
	assert_non_null(k->d);
	if (r->side == HM_IMAGE) {
		snprintf(name, sizeof name, "%spixels", prefix);
		const struct hm_tensor *px = tensor_of(k, name);
		k->pixels = k->d->op->alloc(k->d, count_of(px));
		k->d->op->upload(k->d, k->pixels, px->data, count_of(px));
		k->batch = (struct hm_tower_batch){.n = (int)px->dim[0],
						   .pixels = k->pixels,
						   .h = (int)px->dim[2],
						   .w = (int)px->dim[3]};
	} else {
		const struct hm_tensor *len = tensor_of(k, "len"), *ids = tensor_of(k, "ids");
		k->batch = (struct hm_tower_batch){.n = (int)len->dim[0], .ids = ids->data, .len = len->data};
		k->rows = (int)ids->dim[0];
	}
}

static void close_row(struct expected *k)
{
	if (k->d)
		k->d->op->free(k->d, k->pixels);
	hm_encoder_clear(&k->x); /* its parameters may be in the device's memory */
	hm_device_close(k->d);
	hm_weights_close(k->w);
}

static struct hm_tower_room room_of(const struct expected *k)
{
	return (struct hm_tower_room){.n = k->batch.n, .h = k->batch.h, .w = k->batch.w, .rows = k->rows};
}

/* x, device memory, is the tensor `name` to `bound` of its largest value. */
static void assert_near(const struct expected *k, const float *x, const char *name, double bound)
{
	const struct hm_tensor *t = tensor_of(k, name);
	size_t n = count_of(t);
	const float *want = t->data;
	float *got = malloc(n * sizeof *got);
	double most = 0, off = 0;
	device_read(k->d, got, x, n);
	for (size_t j = 0; j < n; j++) {
		most = fmax(most, fabs((double)want[j]));
		off = fmax(off, fabs((double)got[j] - (double)want[j]));
	}
	if (!(off <= bound * most))
		fail_msg("%s on %s: %g of the largest %g", name, k->d->name, off / most, most);
	free(got);
}

/* Room for the outputs that the row can give. */
static void make_outputs(struct expected *k, float *out[HM_GIVES])
{
	size_t n = (size_t)k->batch.n;
	memset(out, 0, HM_GIVES * sizeof *out);
	out[HM_POOLED] = device_floats(k->d, n * (size_t)k->x.shape.width);
	if (k->x.kind->cells)
		out[HM_GRID] = device_floats(
			k->d, n * (size_t)k->x.shape.cell *
				      (size_t)k->x.kind->cells(k->x.tower, k->batch.h, k->batch.w));
}

static void free_outputs(struct expected *k, float *out[HM_GIVES])
{
	for (int g = 0; g < HM_GIVES; g++)
		k->d->op->free(k->d, out[g]);
}

/* The outputs of inference, whole and pooled alone, must be these tensors. */
static void check_inference(struct expected *k, const char *pooled, const char *grid)
{
	struct hm_err e = {0};
	const struct hm_tower_infer *run = k->x.kind->infer;
	const struct hm_tower_room room = room_of(k);
	float *out[HM_GIVES];
	void *net = run->prepare(k->x.tower, k->d, &e),
	     *work = net ? run->work_new(net, k->d, &room, &e) : NULL;
	if (!work)
		fail_msg("%s", e.text);
	make_outputs(k, out);
	run->encode(net, work, &k->batch, out);
	assert_int_equal(hm_device_error(k->d, &e), 0);
	assert_near(k, out[HM_POOLED], pooled, 2e-5);
	if (out[HM_GRID])
		assert_near(k, out[HM_GRID], grid, 2e-5);
	float *alone[HM_GIVES] = {[HM_POOLED] = out[HM_POOLED]};
	k->d->op->zero(k->d, out[HM_POOLED], (size_t)k->batch.n * (size_t)k->x.shape.width * sizeof(float));
	run->encode(net, work, &k->batch, alone);
	assert_int_equal(hm_device_error(k->d, &e), 0);
	assert_near(k, out[HM_POOLED], pooled, 2e-5);
	free_outputs(k, out);
	run->work_free(work);
	run->net_free(net);
}

static void inference_agrees(void **state)
{
	(void)state;
	for (int i = 0; i < ROWS; i++)
		for (const char *const *device = op_devices(); *device; device++) {
			struct expected k;
			open_row(&k, &rows[i], *device, "");
			check_inference(&k, rows[i].tensor, "grid");
			close_row(&k);
		}
}

/* DINOv2 on images of another size than its positions are for: larger, and not square. */
static void positions_are_interpolated(void **state)
{
	(void)state;
	static const struct row r = {"dinov2", "dinov2-image", HM_IMAGE, NULL, NULL};
	struct expected k;
	struct hm_err e = {0};
	for (const char *const *device = op_devices(); *device; device++) {
		open_row(&k, &r, *device, "wide_");
		check_inference(&k, "wide_pooled", "wide_grid");
		close_row(&k);
		open_row(&k, &r, *device, "tall_");
		assert_int_not_equal(k.batch.h, k.batch.w);
		check_inference(&k, "tall_pooled", "tall_grid");
		close_row(&k);
	}
	open_row(&k, &r, "cpu", "wide_");
	assert_int_equal(hm_params_place(&k.x.tower->params, k.d, true, &e), 0);
	const struct hm_tower_train *train = k.x.kind->train;
	void *tape = train->tape_new(k.x.tower, k.d, true, &e);
	const struct hm_tower_room room = room_of(&k);
	assert_non_null(tape);
	train->reserve(tape, &room);
	assert_int_equal(hm_device_error(k.d, &e), HM_EDATA); /* training is for the table's own size */
	assert_non_null(strstr(e.text, "training takes images of 16x16"));
	train->tape_free(tape);
	close_row(&k);
}

/* The table alone, for more patches and for fewer, where it matters that the interpolation smooths. */
static void positions_are_torchs(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		int down, across;
		bool smooth;
	} row[] = {{"plain.2x3", 2, 3, false}, {"smooth.2x3", 2, 3, true}, {"plain.3x7", 3, 7, false},
		   {"smooth.3x7", 3, 7, true}, {"plain.8x4", 8, 4, false}, {"smooth.8x4", 8, 4, true},
		   {"plain.1x1", 1, 1, false}, {"smooth.1x1", 1, 1, true}};
	enum { WIDTH = 3, MOST = 32 * WIDTH };
	struct hm_err e = {0};
	struct hm_weights *w;
	float out[MOST];
	assert_int_equal(hm_weights_open(&w, DATA "positions.safetensors", NULL, &e), 0);
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		const struct hm_tensor *table = hm_weights_find(w, "table"),
				       *want = hm_weights_find(w, row[i].name);
		const struct hm_vit_config c = {
			.side = 5, .layers = {.hidden = WIDTH}, .antialias = row[i].smooth};
		const struct hm_vit_rows r = {
			.down = row[i].down, .across = row[i].across, .cells = row[i].down * row[i].across};
		assert_true(table && want && count_of(want) == (size_t)r.cells * WIDTH);
		assert_int_equal(hm_vit_positions(&c, table->data, &r, out, &e), 0);
		for (size_t j = 0; j < count_of(want); j++)
			if (!(fabs((double)out[j] - (double)((const float *)want->data)[j]) < 1e-6))
				fail_msg("%s: number %zu", row[i].name, j);
	}
	hm_weights_close(w);
}

/* The gradients of all parameters; those whose true gradient is 0 stay near it. */
static void assert_gradients(const struct expected *k)
{
	const struct hm_params *p = &k->x.tower->params;
	int known = 0;
	for (size_t i = 0; i < p->n; i++) {
		char name[256];
		const char *own = p->item[i].t.name;
		snprintf(name, sizeof name, "grad.%s", own);
		const float *grad = hm_params_grad(p, *p->item[i].field);
		bool key = strstr(own, "k_proj.bias") || strstr(own, "key.bias") || strstr(own, "k_lin.bias");
		if (!hm_weights_find(k->w, name) || key)
			continue;
		assert_near(k, grad, name, 1e-4);
		known++;
	}
	if (known < 20)
		fail_msg("only %d gradients are known", known);
}

static void check_training(struct expected *k, const char *output, bool backward)
{
	struct hm_err e = {0};
	const struct hm_tower_train *train = k->x.kind->train;
	const struct hm_tower_pass how = {.mode = HM_BN_EVAL};
	const struct hm_tower_room room = room_of(k);
	float *out[HM_GIVES];
	void *tape = train->tape_new(k->x.tower, k->d, backward, &e);
	if (!tape)
		fail_msg("%s", e.text);
	train->reserve(tape, &room);
	make_outputs(k, out);
	float *wanted[HM_GIVES] = {[HM_POOLED] = out[HM_POOLED], [HM_GRID] = backward ? NULL : out[HM_GRID]};
	train->forward(tape, &k->batch, &how, wanted);
	assert_int_equal(hm_device_error(k->d, &e), 0);
	assert_near(k, out[HM_POOLED], output, 2e-5);
	if (wanted[HM_GRID])
		assert_near(k, out[HM_GRID], "grid", 2e-5);
	if (backward) {
		const struct hm_tensor *slope = tensor_of(k, "slope");
		float *d = hm_device_floats(k->d, slope->data, count_of(slope));
		train->backward(tape, d);
		assert_int_equal(hm_device_error(k->d, &e), 0);
		assert_gradients(k);
		k->d->op->free(k->d, d);
	}
	free_outputs(k, out);
	train->tape_free(tape);
}

static void training_agrees(void **state)
{
	(void)state;
	for (int i = 0; i < ROWS; i++)
		for (const char *const *device = op_devices(); *device; device++) {
			struct expected k;
			struct hm_err e = {0};
			if (!strcmp(rows[i].tensor, "mean")) /* which is not trained */
				continue;
			open_row(&k, &rows[i], *device, "");
			assert_int_equal(hm_params_place(&k.x.tower->params, k.d, true, &e), 0);
			check_training(&k, rows[i].tensor, false);
			check_training(&k, rows[i].tensor, !strcmp(rows[i].tensor, "pooled"));
			close_row(&k);
		}
}

/* grad [count of the table] := every gradient for this slope [n,width] of the output. */
static void run_backward(struct expected *k, const float *slope, float *grad)
{
	struct hm_err e = {0};
	const struct hm_tower_train *train = k->x.kind->train;
	const struct hm_tower_pass how = {.mode = HM_BN_EVAL};
	const struct hm_tower_room room = room_of(k);
	struct hm_params *p = &k->x.tower->params;
	float *out[HM_GIVES], *d;
	assert_int_equal(hm_params_place(p, k->d, true, &e), 0);
	void *tape = train->tape_new(k->x.tower, k->d, true, &e);
	assert_non_null(tape);
	train->reserve(tape, &room);
	make_outputs(k, out);
	train->forward(tape, &k->batch, &how, (float *[HM_GIVES]){[HM_POOLED] = out[HM_POOLED]});
	d = hm_device_floats(k->d, slope, (size_t)k->batch.n * (size_t)k->x.shape.width);
	train->backward(tape, d);
	assert_int_equal(hm_device_error(k->d, &e), 0);
	device_read(k->d, grad, p->grad, p->count);
	k->d->op->free(k->d, d);
	free_outputs(k, out);
	train->tape_free(tape);
}

static bool is_projection(const char *name)
{
	return strstr(name, "_projection.weight");
}

/* x [n] is `want` to a 10,000th of its largest value. */
static void assert_alike(const float *x, const float *want, size_t n, const char *name)
{
	double most = 0, off = 0;
	for (size_t j = 0; j < n; j++) {
		most = fmax(most, fabs((double)want[j]));
		off = fmax(off, fabs((double)x[j] - (double)want[j]));
	}
	if (!(off <= 1e-4 * most))
		fail_msg("%s: %g of the largest %g", name, off / most, most);
}

/* With y = P x for the projected and x for the pooled vector: a slope d of y is the slope P^T d of x, whose
 * gradients are known, and P gets the sum of d x^T. */
static void the_projection_has_its_gradient(void **state)
{
	(void)state;
	enum { FIRST = 1, STEP = 2 }; /* the two projected rows; each is behind its pooled one */
	for (int i = FIRST; i <= FIRST + STEP; i += STEP)
		for (const char *const *device = op_devices(); *device; device++) {
			struct expected y, x;
			open_row(&y, &rows[i], *device, "");
			open_row(&x, &rows[i - 1], *device, "");
			const struct hm_params *p = &y.x.tower->params;
			size_t n = (size_t)y.batch.n, h = (size_t)x.x.shape.width,
			       w = (size_t)y.x.shape.width, at = 0;
			float *d = calloc(n * w, sizeof *d), *below = calloc(n * h, sizeof *below),
			      *own = calloc(w * h, sizeof *own), *got = calloc(p->count, sizeof *got),
			      *want = calloc(p->count, sizeof *want);
			const float *pooled = tensor_of(&y, "pooled")->data, *P = NULL;
			for (size_t j = 0; j < p->n; j++)
				P = is_projection(p->item[j].t.name) ? p->item[j].t.data : P;
			assert_non_null(P);
			for (size_t s = 0; s < n; s++)
				for (size_t o = 0; o < w; o++) {
					d[s * w + o] = (float)((s * w + o) * 7 % 11) / 8 - .5f;
					for (size_t j = 0; j < h; j++) {
						below[s * h + j] += d[s * w + o] * P[o * h + j];
						own[o * h + j] += d[s * w + o] * pooled[s * h + j];
					}
				}
			run_backward(&y, d, got);
			run_backward(&x, below, want);
			for (size_t j = 0; j < p->n; at += p->item[j++].count) {
				const char *name = p->item[j].t.name;
				if (!strstr(name, "k_proj.bias")) /* whose true gradient is 0 */
					assert_alike(got + at, is_projection(name) ? own : want + at,
						     p->item[j].count, name);
			}
			free(d), free(below), free(own), free(got), free(want);
			close_row(&y);
			close_row(&x);
		}
}

static void digests_do_not_depend_on_the_layout(void **state)
{
	(void)state;
	for (int k = 0; k < HM_SIDES; k++) {
		struct hm_encoder own, theirs;
		struct hm_err e = {0};
		const struct hm_encoder_options none = {0}, said = {.act = HM_ACT_QUICK_GELU, .heads = 2};
		assert_int_equal(hm_encoder_open(&own, (enum hm_side)k, DATA "clip", &none, &e), 0);
		assert_int_equal(
			hm_encoder_open(&theirs, (enum hm_side)k, DATA "openai.safetensors", &none, &e),
			HM_EUSAGE);
		assert_non_null(strstr(e.text, "--act quick_gelu"));
		e = (struct hm_err){0};
		if (hm_encoder_open(&theirs, (enum hm_side)k, DATA "openai.safetensors", &said, &e))
			fail_msg("%s", e.text);
		assert_string_equal(own.digest, theirs.digest);
		assert_int_equal(own.tower->params.count, theirs.tower->params.count);
		assert_memory_equal(own.tower->params.data, theirs.tower->params.data,
				    own.tower->params.count * sizeof(float));
		hm_encoder_clear(&own);
		hm_encoder_clear(&theirs);
	}
}

/* What hm.model says of a CLIP counts, and not the family's own: heads, activation, eps. So does an option
 * for one side's heads. */
static void the_model_file_says_what_tensors_do_not(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_weights *w;
	char path[TEST_PATH];
	cJSON *meta = cJSON_CreateObject();
	cJSON_AddStringToObject(meta, "hm.digest", "");
	cJSON_AddStringToObject(meta, "hm.model",
				"{\"act\":\"gelu\",\"eps\":0.25,\"heads\":4,\"image_act\":\"gelu\","
				"\"image_eps\":0.125,\"image_heads\":8}");
	test_scratch(path);
	assert_int_equal(hm_weights_open(&w, DATA "openai.safetensors", NULL, &e), 0);
	assert_int_equal(hm_weights_save(path, w->tensor, w->n, meta, &e), 0);
	hm_weights_close(w);
	cJSON_Delete(meta);
	static const struct hm_encoder_options options[] = {{0}, {.side_heads = {1, 2}}};
	static const int heads[][HM_SIDES] = {{8, 4}, {1, 2}};
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < HM_SIDES; k++) {
			struct hm_encoder x;
			if (hm_encoder_open(&x, (enum hm_side)k, path, &options[i], &e))
				fail_msg("%s", e.text);
			assert_string_equal(x.notice, "");
			assert_int_equal(x.hints.heads, heads[i][k]);
			assert_int_equal(x.hints.act, HM_ACT_GELU);
			assert_true(x.hints.eps == (k == HM_IMAGE ? .125 : .25));
			hm_encoder_clear(&x);
		}
	unlink(path);
}

static void sequences_without_an_end_are_refused(void **state)
{
	(void)state;
	struct hm_encoder x;
	struct hm_err e = {0};
	assert_int_equal(hm_encoder_open(&x, HM_TEXT, DATA "clip", &(struct hm_encoder_options){0}, &e), 0);
	assert_int_equal(hm_encoder_check_ids(&x, (int32_t[]){1, 19, 3}, 3, &e), 0);
	assert_int_equal(hm_encoder_check_ids(&x, (int32_t[]){1, 18, 3}, 3, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "lack the end token 19"));
	hm_encoder_clear(&x);
}

/* A literal end token ends a caption there: what follows it does not count. */
static void the_first_end_counts(void **state)
{
	(void)state;
	assert_int_equal(hm_clip_text_row((int32_t[]){1, 7, 19, 4, 19}, 5), 2);
	assert_int_equal(hm_clip_text_row((int32_t[]){19}, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(inference_agrees),
		cmocka_unit_test(positions_are_interpolated),
		cmocka_unit_test(positions_are_torchs),
		cmocka_unit_test(training_agrees),
		cmocka_unit_test(the_projection_has_its_gradient),
		cmocka_unit_test(digests_do_not_depend_on_the_layout),
		cmocka_unit_test(the_model_file_says_what_tensors_do_not),
		cmocka_unit_test(sequences_without_an_end_are_refused),
		cmocka_unit_test(the_first_end_counts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
