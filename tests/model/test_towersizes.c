/* CLIP's towers with heads as wide as those of H/14, g/14 and bigG/14 (80, 88, 104 numbers), which no small
 * published network has: inference, training and gradients of every device against `ref`. */
#include "../support/devices.h"
#include "base/rng.h"
#include "nn/clip.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { HEADS = 2, LAYERS = 2, PATCH = 8, SIDE = 16, CELLS = 4, VOCAB = 20, POSITIONS = 10, OUT = 24, N = 3 };
static const int32_t ids[] = {1, 7, 19, 1, 4, 9, 12, 3, 19, 19}, len[N] = {3, 6, 1};
enum { IDS = sizeof ids / sizeof *ids };

/* ---- a tower of that size */

/* What a file would have: what the family reads its sizes from. */
struct shapes {
	struct hm_tensor tensor[8];
	size_t n;
};

static void add_shape(struct shapes *s, const char *name, int ndim, const int64_t dim[4])
{
	struct hm_tensor *t = &s->tensor[s->n++];
	*t = (struct hm_tensor){.name = name, .dtype = HM_F32, .ndim = ndim};
	memcpy(t->dim, dim, (size_t)ndim * sizeof *dim);
}

static const struct hm_tensor *find_shape(void *ctx, const char *name)
{
	const struct shapes *s = ctx;
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->tensor[i].name, name))
			return &s->tensor[i];
	return NULL;
}

static struct hm_tower *make_tower(enum hm_side side, int wide, const char *output)
{
	const int64_t h = (int64_t)HEADS * wide;
	struct hm_tower_hints hints = {.heads = HEADS, .act = HM_ACT_GELU, .output = output};
	struct hm_err e = {0};
	struct hm_rng r;
	struct shapes s = {.n = 0};
	if (side == HM_IMAGE) {
		add_shape(&s, "vision_model.embeddings.patch_embedding.weight", 4,
			  (int64_t[4]){h, 3, PATCH, PATCH});
		add_shape(&s, "vision_model.embeddings.position_embedding.weight", 2,
			  (int64_t[4]){CELLS + 1, h});
		add_shape(&s, "vision_model.encoder.layers.0.mlp.fc1.weight", 2, (int64_t[4]){2 * h, h});
		add_shape(&s, "vision_model.encoder.layers.1.mlp.fc1.weight", 2, (int64_t[4]){2 * h, h});
		add_shape(&s, "visual_projection.weight", 2, (int64_t[4]){OUT, h});
	} else {
		add_shape(&s, "text_model.embeddings.token_embedding.weight", 2, (int64_t[4]){VOCAB, h});
		add_shape(&s, "text_model.embeddings.position_embedding.weight", 2,
			  (int64_t[4]){POSITIONS, h});
		add_shape(&s, "text_model.encoder.layers.0.mlp.fc1.weight", 2, (int64_t[4]){2 * h, h});
		add_shape(&s, "text_model.encoder.layers.1.mlp.fc1.weight", 2, (int64_t[4]){2 * h, h});
		add_shape(&s, "text_projection.weight", 2, (int64_t[4]){OUT, h});
	}
	const struct hm_tower_kind *k = side == HM_IMAGE ? &hm_clip_image_tower : &hm_clip_text_tower;
	struct hm_tower *t = k->read(find_shape, &s, &hints, &e);
	if (!t || hm_params_init(&t->params, 5, 0, &e))
		fail_msg("%s", e.text);
	hm_rng_init(&r, 6, HM_RNG_SYNTH, 0, 0);
	for (size_t j = 0; j < t->params.count; j++)
		t->params.data[j] += .1f * (float)hm_rng_normal(&r); /* so that attention is not uniform */
	return t;
}

/* ---- what it gives on a device */

struct answers {
	float *out[2 * HM_GIVES]; /* of inference, of training */
	size_t n[2 * HM_GIVES];
	float *grad;
	struct hm_tower *tower; /* whose table says what the gradients are of */
};

static void keep_outputs(struct answers *a, struct hm_device *d, int first, float *const out[HM_GIVES])
{
	for (int g = 0; g < HM_GIVES; g++)
		if (out[g]) {
			a->out[first + g] = malloc(a->n[first + g] * sizeof(float));
			device_read(d, a->out[first + g], out[g], a->n[first + g]);
		}
}

static void run_tower(struct answers *a, struct hm_tower *t, struct hm_device *d)
{
	struct hm_err e = {0};
	const struct hm_tower_kind *k = t->kind;
	const struct hm_tower_room room = {.n = N, .h = SIDE, .w = SIDE, .rows = IDS};
	const struct hm_tower_shape shape = k->shape(t);
	const struct hm_tower_pass how = {.mode = HM_BN_EVAL};
	uint8_t host[N * 3 * SIDE * SIDE];
	float slope[N * OUT], *out[HM_GIVES] = {0};
	for (size_t j = 0; j < sizeof host; j++)
		host[j] = (uint8_t)(j * j * 7 + j * 31);
	for (int j = 0; j < N * OUT; j++)
		slope[j] = (float)(j % 7 - 3);
	uint8_t *px = d->op->alloc(d, sizeof host);
	d->op->upload(d, px, host, sizeof host);
	const struct hm_tower_batch batch = {
		.n = N, .pixels = px, .h = SIDE, .w = SIDE, .ids = ids, .len = len};
	*a = (struct answers){.tower = t};
	assert_int_equal(shape.width, OUT);
	a->n[HM_POOLED] = a->n[HM_GIVES + HM_POOLED] = (size_t)N * (size_t)shape.width;
	a->n[HM_GRID] = k->cells ? (size_t)N * CELLS * (size_t)shape.cell : 0;
	out[HM_POOLED] = device_floats(d, a->n[HM_POOLED]);
	if (k->cells)
		out[HM_GRID] = device_floats(d, a->n[HM_GRID]);
	void *net = k->infer->prepare(t, d, &e), *work = net ? k->infer->work_new(net, d, &room, &e) : NULL;
	if (!work)
		fail_msg("%s", e.text);
	k->infer->encode(net, work, &batch, out);
	keep_outputs(a, d, 0, out);
	k->infer->work_free(work);
	k->infer->net_free(net);
	assert_int_equal(hm_params_place(&t->params, d, true, &e), 0);
	void *tape = k->train->tape_new(t, d, true, &e);
	if (!tape)
		fail_msg("%s", e.text);
	k->train->reserve(tape, &room);
	float *pooled[HM_GIVES] = {[HM_POOLED] = out[HM_POOLED]};
	k->train->forward(tape, &batch, &how, pooled);
	keep_outputs(a, d, HM_GIVES, pooled);
	float *dpooled = hm_device_floats(d, slope, N * OUT);
	k->train->backward(tape, dpooled);
	a->grad = malloc(t->params.count * sizeof *a->grad);
	device_read(d, a->grad, t->params.grad, t->params.count);
	assert_int_equal(hm_device_error(d, &e), 0);
	k->train->tape_free(tape);
	d->op->free(d, dpooled);
	d->op->free(d, px);
	for (int g = 0; g < HM_GIVES; g++)
		d->op->free(d, out[g]);
}

static void answers_clear(struct answers *a)
{
	for (int g = 0; g < 2 * HM_GIVES; g++)
		free(a->out[g]);
	free(a->grad);
	hm_tower_free(a->tower);
}

/* ---- two devices */

static void assert_near(const char *device, int wide, const char *what, const float *x, const float *want,
			size_t n, double bound)
{
	double most = 0, off = 0;
	for (size_t j = 0; j < n; j++) {
		most = fmax(most, fabs((double)want[j]));
		off = fmax(off, isfinite(x[j]) ? fabs((double)x[j] - (double)want[j]) : INFINITY);
	}
	if (!(off <= bound * most))
		fail_msg("heads of %d on %s, %s: %g of the largest %g", wide, device, what, off / most, most);
}

static void assert_same(const char *device, int wide, const struct answers *a, const struct answers *ref)
{
	static const char *const name[2 * HM_GIVES] = {"vector", "grid", "", "vector in training", "", ""};
	const struct hm_params *p = &ref->tower->params;
	for (int g = 0; g < 2 * HM_GIVES; g++)
		if (ref->out[g])
			assert_near(device, wide, name[g], a->out[g], ref->out[g], ref->n[g], 2e-5);
	size_t at = 0;
	for (size_t i = 0; i < p->n; at += p->item[i++].count)
		if (!strstr(p->item[i].t.name, "k_proj.bias")) /* whose true gradient is 0 */
			assert_near(device, wide, p->item[i].t.name, a->grad + at, ref->grad + at,
				    p->item[i].count, 1e-4);
	assert_int_equal(at, p->count);
}

static void wide_heads_agree(void **state)
{
	(void)state;
	static const int wide[] = {80, 88, 104};
	struct hm_device *ref = hm_device_open("ref", HM_PREC_F32, NULL);
	for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
		for (int side = 0; side < HM_SIDES; side++) {
			struct answers want;
			run_tower(&want, make_tower((enum hm_side)side, wide[i], "projected"), ref);
			for (const char *const *name = op_devices(); *name; name++) {
				struct hm_device *d = hm_device_open(*name, HM_PREC_F32, NULL);
				struct answers got;
				assert_non_null(d);
				run_tower(&got, make_tower((enum hm_side)side, wide[i], "projected"), d);
				assert_same(*name, wide[i], &got, &want);
				answers_clear(&got);
				hm_device_close(d);
			}
			answers_clear(&want);
		}
	hm_device_close(ref);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(wide_heads_agree)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
