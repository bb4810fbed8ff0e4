/* A fusion over many inputs gives the answers of hm_fusion_logits and hm_fusion_probabilities: late fusion
 * bit for bit, whatever the batch; early fusion, whose transformer runs with packed weights, within float
 * rounding. The number of workers makes no difference to a bit. */
#include "../support/devices.h"
#include "base/rng.h"
#include "model/fuserun.h"
#include "nn/early.h"
#include "nn/fusion.h"
#include "nn/late.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { N = 11, CLASSES = 3, IMAGE = 5, TEXT = 128, CELLS = 4, MOST = 6 };

static struct hm_err e;

static float *noise(size_t n, uint32_t stream)
{
	struct hm_rng r;
	float *x = malloc(n * sizeof *x);
	hm_rng_init(&r, 7, HM_RNG_SYNTH, stream, 0);
	for (size_t i = 0; i < n; i++)
		x[i] = (float)hm_rng_normal(&r);
	return x;
}

/* The inputs, and what is expected of them from the fusion itself in batches of `batch`. */
struct data {
	float *image, *text, *joined; /* [N,IMAGE] or [N,CELLS,IMAGE]; [N,TEXT]; [N,IMAGE+TEXT] */
	int32_t ids[N * MOST], len[N], at[N];
	float logits[N * CLASSES], prob[N * CLASSES];
};

static struct hm_tower *make_text(void)
{
	struct hm_tower *t = hm_tower_make(HM_TEXT, "bert-tiny", &(struct hm_tower_hints){.vocab = 50}, &e);
	assert_non_null(t);
	assert_int_equal(hm_params_init(&t->params, 3, 0, &e), 0);
	return t;
}

static void make_data(struct data *x, bool early)
{
	struct hm_rng r;
	hm_rng_init(&r, 8, HM_RNG_SYNTH, 0, 0);
	x->image = noise((size_t)N * IMAGE * (early ? CELLS : 1), 1);
	x->text = noise((size_t)N * TEXT, 2);
	x->joined = malloc((size_t)N * (IMAGE + TEXT) * sizeof *x->joined);
	for (int i = 0, at = 0; i < N; at += x->len[i++]) {
		memcpy(x->joined + (size_t)i * (IMAGE + TEXT), x->image + (size_t)i * IMAGE,
		       IMAGE * sizeof(float));
		memcpy(x->joined + (size_t)i * (IMAGE + TEXT) + IMAGE, x->text + (size_t)i * TEXT,
		       TEXT * sizeof(float));
		x->at[i] = at;
		x->len[i] = 1 + (int32_t)hm_rng_below(&r, MOST);
		for (int j = 0; j < x->len[i]; j++)
			x->ids[at + j] = (int32_t)hm_rng_below(&r, 50);
	}
}

static void expect_from_fusion(struct data *x, const char *device, bool early, int batch)
{
	struct hm_device *d = hm_device_open(device, HM_PREC_F32, &e);
	struct hm_tower *text = early ? make_text() : NULL;
	struct hm_fusion_config c = {.kind = early ? &hm_early_fusion : &hm_late_fusion,
				     .classes = CLASSES,
				     .side = {{HM_USE_FEATURE, IMAGE, NULL},
					      {early ? HM_USE_TRAINED : HM_USE_FEATURE, TEXT, text}},
				     .cells = early ? CELLS : 0};
	struct hm_fusion *f;
	if (hm_fusion_new(&f, &c, d, &e) || hm_params_init(hm_fusion_params(f), 5, 0, &e) ||
	    hm_fusion_place(f, &e))
		fail_msg("%s", e.text);
	for (int i = 0; i < N; i += batch) {
		int n = N - i < batch ? N - i : batch;
		struct hm_minibatch b = {.n = n};
		const float *row[N];
		for (int k = 0; k < n; k++)
			row[k] = x->joined + (size_t)(i + k) * (IMAGE + TEXT);
		if (early)
			b.feature[HM_IMAGE] = x->image + (size_t)i * CELLS * IMAGE, b.ids = x->ids + x->at[i],
			b.len = x->len + i;
		else
			b.joined = row;
		if (hm_fusion_logits(f, &b, x->logits + i * CLASSES, &e) ||
		    hm_fusion_probabilities(f, &b, x->prob + i * CLASSES, &e))
			fail_msg("%s", e.text);
	}
	hm_fusion_free(f);
	hm_tower_free(text);
	hm_device_close(d);
}

/* Logits of a few units out of some hundred sums of float numbers: a wrong row or weight is off by 1e-2. */
static void compare_answers(const struct data *x, const float *logits, const float *prob, bool early)
{
	for (int i = 0; i < N * CLASSES && early; i++) {
		assert_float_equal(logits[i], x->logits[i], 1e-5);
		assert_float_equal(prob[i], x->prob[i], 1e-5);
	}
	if (early)
		return;
	assert_memory_equal(logits, x->logits, sizeof x->logits);
	assert_memory_equal(prob, x->prob, sizeof x->prob);
}

/* alone [N,CLASSES] := the logits of one thread; those of several are the same bytes. */
static void run_and_compare(const struct data *x, const char *device, bool early, int batch, int threads,
			    float *alone)
{
	struct hm_device *d = hm_device_open(device, HM_PREC_F32, &e);
	struct hm_workers *w = hm_workers_new(threads, &e);
	struct hm_tower *text = early ? make_text() : NULL;
	const struct hm_fusion_kind *kind = early ? &hm_early_fusion : &hm_late_fusion;
	const struct hm_fusion_shape shape = {CLASSES, {IMAGE, TEXT}, early ? CELLS : 0};
	struct hm_fusion_net *net = kind->net_new(kind, &shape, &e);
	struct hm_fuserun *r;
	struct hm_fuserun_item item[N];
	float logits[N * CLASSES], prob[N * CLASSES];
	if (hm_params_init(&net->params, 5, 0, &e) || hm_fuserun_new(&r, net, text, batch, d, w, &e))
		fail_msg("%s", e.text);
	hm_tower_free(text); /* it is packed */
	for (int i = 0; i < N; i++) {
		size_t wide = (size_t)IMAGE * (early ? CELLS : 1);
		item[i] = (struct hm_fuserun_item){
			.side = {x->image + (size_t)i * wide, early ? NULL : x->text + (size_t)i * TEXT},
			.ids = x->ids + x->at[i],
			.len = x->len[i],
			.logits = logits + i * CLASSES,
			.prob = prob + i * CLASSES};
	}
	for (int round = 0; round < 2; round++) { /* it is used again */
		if (hm_fuserun_compute(r, item, N, &e))
			fail_msg("%s", e.text);
		compare_answers(x, logits, prob, early);
		if (threads == 1)
			memcpy(alone, logits, sizeof logits);
		assert_memory_equal(logits, alone, sizeof logits);
	}
	hm_fuserun_free(r);
	hm_fusion_net_free(net);
	hm_workers_free(w);
	hm_device_close(d);
}

static void compare(bool early)
{
	static const int batches[] = {1, 4, N, 32};
	for (const char *const *device = op_devices(); *device; device++) {
		struct data x;
		float alone[N * CLASSES];
		make_data(&x, early);
		for (size_t i = 0; i < sizeof batches / sizeof *batches; i++) {
			if (early || !i)
				expect_from_fusion(&x, *device, early, batches[i]);
			for (int threads = 1; threads < 4; threads++)
				run_and_compare(&x, *device, early, batches[i], threads, alone);
		}
		free(x.image);
		free(x.text);
		free(x.joined);
	}
}

static void late_answers_are_those_of_validation(void **state)
{
	(void)state;
	compare(false);
}

static void early_answers_are_those_of_validation(void **state)
{
	(void)state;
	compare(true);
}

/* Inputs of up to 508 words: a batch is cut where it has 2,048 rows, and the answers are those of any batch.
 */
static void long_inputs_are_cut_into_batches_by_their_rows(void **state)
{
	enum { LONG = 508 };
	struct hm_device *d = hm_device_open("cpu", HM_PREC_F32, &e);
	struct hm_workers *w = hm_workers_new(2, &e);
	struct hm_tower *text = make_text();
	const struct hm_fusion_shape shape = {CLASSES, {IMAGE, TEXT}, CELLS};
	struct hm_fusion_net *net = hm_early_fusion.net_new(&hm_early_fusion, &shape, &e);
	float *image = noise((size_t)N * CELLS * IMAGE, 1), logits[2][N * CLASSES], prob[N * CLASSES];
	int32_t ids[LONG];
	struct hm_fuserun_item item[N];
	struct hm_fuserun *r;
	(void)state;
	for (int j = 0; j < LONG; j++)
		ids[j] = j % 50;
	assert_int_equal(hm_params_init(&net->params, 5, 0, &e), 0);
	if (hm_fuserun_new(&r, net, text, 32, d, w, &e))
		fail_msg("%s", e.text);
	for (int i = 0; i < N; i++)
		item[i] = (struct hm_fuserun_item){.side = {image + (size_t)i * CELLS * IMAGE, NULL},
						   .ids = ids,
						   .len = i % 3 ? LONG - i : 1 + i,
						   .logits = logits[0] + i * CLASSES,
						   .prob = prob + i * CLASSES};
	assert_int_equal(hm_fuserun_compute(r, item, N, &e), 0);
	for (int i = 0; i < N; i++) { /* each alone */
		item[i].logits = logits[1] + i * CLASSES;
		assert_int_equal(hm_fuserun_compute(r, item + i, 1, &e), 0);
	}
	for (int i = 0; i < N * CLASSES; i++)
		assert_float_equal(logits[0][i], logits[1][i], 1e-5);
	hm_fuserun_free(r);
	hm_fusion_net_free(net);
	hm_tower_free(text);
	free(image);
	hm_workers_free(w);
	hm_device_close(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(long_inputs_are_cut_into_batches_by_their_rows),
					   cmocka_unit_test(late_answers_are_those_of_validation),
					   cmocka_unit_test(early_answers_are_those_of_validation)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
