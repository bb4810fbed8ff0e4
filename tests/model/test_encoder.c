/* SPEC to features: encoders out of every kind of file give PyTorch's features
 * (tests/data/weights/features.safetensors, made by tests/oracle/make_weights.py), whatever the number of
 * workers; what does not fit is refused by name. */
#include "../support/devices.h"
#include "../support/scratch.h"
#include "model/encode.h"
#include "model/names.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define DATA "tests/data/weights/"
enum { N = 3, C = 5, GRID = 2 * 2 * C, H = 8 };

static char file_name[TEST_PATH];

struct features {
	float pooled[N * C], grid[N * GRID], text[N * H];
};

static void open_ok(struct hm_encoder *x, enum hm_side kind, const char *spec, int heads)
{
	struct hm_err e = {0};
	if (hm_encoder_open(x, kind, spec, &(struct hm_encoder_options){.heads = heads}, &e))
		fail_msg("%s", e.text);
}

/* The features of the vectors' inputs, computed with `threads` workers and small batches. */
static void encode(const struct hm_weights *v, const char *image, const char *text, const char *device,
		   int threads, struct features *f)
{
	struct hm_err e = {0};
	struct hm_encoder im, tx;
	struct hm_encode *x;
	struct hm_encode_item item[N] = {0};
	struct hm_encode_window w = {.item = item, .n = N};
	struct hm_workers *workers = hm_workers_new(threads, &e);
	struct hm_device *d = hm_device_open(device, HM_PREC_F32, &e);
	const int32_t *ids = hm_weights_find(v, "ids")->data, *len = hm_weights_find(v, "len")->data;
	const uint8_t *pixels = hm_weights_find(v, "pixels")->data;
	assert_non_null(workers);
	assert_non_null(d);
	open_ok(&im, HM_IMAGE, image, 0);
	open_ok(&tx, HM_TEXT, text, 2);
	struct hm_encode_config c = {
		.side = {{&im, {[HM_POOLED] = true, [HM_GRID] = true}, 2}, {&tx, {[HM_POOLED] = true}, 2}},
		.height = 48,
		.width = 40};
	if (hm_encode_new(&x, &c, d, workers, &e))
		fail_msg("%s", e.text);
	hm_encoder_clear(&im);
	for (int i = 0; i < N; ids += len[i++])
		item[i] = (struct hm_encode_item){
			.pixels = pixels + i * 3 * 48 * 40,
			.ids = ids,
			.len = len[i],
			.out = {{[HM_POOLED] = f->pooled + i * C, [HM_GRID] = f->grid + i * GRID},
				{[HM_POOLED] = f->text + i * H}}};
	for (int round = 0; round < 2; round++) { /* a window is used again */
		assert_int_equal(hm_encode_start(x, &w, &e), 0);
		assert_int_equal(hm_encode_wait(x, &w, &e), 0);
	}
	hm_encode_window_clear(&w);
	hm_encode_free(x);
	hm_encoder_clear(&tx);
	hm_device_close(d);
	hm_workers_free(workers);
}

static void is_near(const float *got, const struct hm_weights *v, const char *name, int n)
{
	const float *want = hm_weights_find(v, name)->data;
	float largest = 0, off = 0;
	for (int i = 0; i < n; i++) {
		largest = fmaxf(largest, fabsf(want[i]));
		off = fmaxf(off, fabsf(want[i] - got[i]));
	}
	if (!(off <= 2e-5f * largest))
		fail_msg("%s is off by %g, largest %g", name, off, largest);
}

static void test_features(void **state)
{
	(void)state;
	static const char *const image[] = {DATA "resnet.safetensors", DATA "resnet.pth", DATA "early.pth"};
	static const char *const text[] = {DATA "bert", DATA "bert-sharded", DATA "late.safetensors"};
	struct hm_err e = {0};
	struct hm_weights *v;
	struct features first, f;
	assert_int_equal(hm_weights_open(&v, DATA "features.safetensors", NULL, &e), 0);
	for (const char *const *name = op_devices(); *name; name++) {
		for (int i = 0; i < 3; i++) {
			encode(v, image[i], text[i], *name, 1 + i, i ? &f : &first);
			if (i)
				assert_memory_equal(&f, &first, sizeof f);
		}
		is_near(f.pooled, v, "pooled", N * C);
		is_near(f.grid, v, "grid", N * GRID);
		is_near(f.text, v, "text", N * H);
	}
	hm_weights_close(v);
}

static void test_heads(void **state)
{
	(void)state;
	struct hm_encoder x;
	open_ok(&x, HM_TEXT, DATA "bert", 0);
	assert_int_equal(x.hints.heads, 2); /* config.json */
	assert_string_equal(x.notice, "");
	hm_encoder_clear(&x);
	open_ok(&x, HM_TEXT, DATA "bert/model.safetensors", 4);
	assert_int_equal(x.hints.heads, 4); /* the option */
	hm_encoder_clear(&x);
	open_ok(&x, HM_TEXT, DATA "late.safetensors", 0);
	assert_int_equal(x.hints.heads, 1);
	assert_non_null(strstr(x.notice, "heads"));
	hm_encoder_clear(&x);
}

static void test_init(void **state)
{
	(void)state;
	struct hm_encoder x, y;
	struct hm_err e = {0};
	const struct hm_encoder_options o = {.vocab = 50};
	open_ok(&x, HM_IMAGE, "init:resnet-tiny", 0);
	open_ok(&y, HM_IMAGE, "init:resnet-tiny:0", 0);
	assert_string_equal(x.digest, y.digest);
	hm_encoder_clear(&y);
	open_ok(&y, HM_IMAGE, "init:resnet-tiny:18446744073709551615", 0);
	assert_string_not_equal(x.digest, y.digest);
	assert_int_equal(x.shape.width, 128);
	hm_encoder_clear(&x);
	hm_encoder_clear(&y);
	assert_int_equal(hm_encoder_open(&x, HM_TEXT, "init:bert-tiny:3", &o, &e), 0);
	assert_int_equal(x.shape.vocab, 50);
	assert_int_equal(x.shape.width, 128);
	hm_encoder_clear(&x);
	static const char *const wrong[] = {"init:resnet-tiny",
					    "init:bert-tiny:",
					    "init:bert-tiny:-1",
					    "init:bert-tiny:1x",
					    "init:bert-tiny:18446744073709551616",
					    "init:"};
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		e = (struct hm_err){0};
		assert_int_equal(hm_encoder_open(&x, HM_TEXT, wrong[i], &o, &e), HM_EUSAGE);
		assert_null(x.tower);
	}
}

/* The tensors of `from`, one of them left out or renamed, must be refused. */
static void refused(enum hm_side kind, const char *from, const char *name, const char *instead,
		    const char *why)
{
	struct hm_err e = {0};
	struct hm_weights *w;
	struct hm_encoder x;
	struct hm_names_place at;
	struct hm_names_list list;
	struct hm_tensor some[64];
	struct hm_arena names = {0};
	size_t k = 0;
	assert_int_equal(hm_weights_open(&w, from, NULL, &e), 0);
	assert_int_equal(hm_names_find(w, kind, NULL, NULL, &at, &e), 0);
	assert_int_equal(hm_names_collect(w, &at, HM_TENSOR_PARAM, &names, &list, &e), 0);
	for (size_t i = 0; i < list.n; i++) {
		some[k] = list.tensor[i];
		if (!strcmp(list.tensor[i].name, name))
			some[k].name = instead;
		k += some[k].name != NULL;
	}
	assert_int_equal(hm_weights_save(file_name, some, k, NULL, &e), 0);
	hm_weights_close(w);
	hm_arena_clear(&names);
	assert_int_equal(hm_encoder_open(&x, kind, file_name, &(struct hm_encoder_options){0}, &e), HM_EDATA);
	if (!strstr(e.text, why))
		fail_msg("\"%s\" does not say \"%s\"", e.text, why);
	unlink(file_name);
}

static void test_refuses(void **state)
{
	(void)state;
	refused(HM_IMAGE, DATA "resnet.pth", "bn1.running_var", NULL, "bn1.running_var is missing");
	refused(HM_IMAGE, DATA "resnet.pth", "layer2.0.bn2.bias", "layer2.0.bn9.bias",
		"layer2.0.bn2.bias is missing");
	refused(HM_TEXT, DATA "bert", "pooler.dense.bias", NULL, "pooler.dense.bias is missing");
	struct hm_err e = {0};
	struct hm_encoder x;
	float f[2] = {0};
	struct hm_weights *w;
	struct hm_tensor some[64];
	assert_int_equal(hm_weights_open(&w, DATA "bert-bin", NULL, &e), 0);
	memcpy(some, w->tensor, w->n * sizeof *some);
	some[w->n] = (struct hm_tensor){"encoder.surprise", HM_F32, 1, {2}, f};
	assert_int_equal(hm_weights_save(file_name, some, w->n + 1, NULL, &e), 0);
	hm_weights_close(w);
	assert_int_equal(hm_encoder_open(&x, HM_TEXT, file_name, &(struct hm_encoder_options){0}, &e),
			 HM_EDATA);
	assert_non_null(
		strstr(e.text, "1 tensor is left over that no such network has, \"encoder.surprise\" first"));
	unlink(file_name);
}

/* A BERT that was saved without its pooler gives its other vectors, and says so. */
static void test_without_pooler(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_weights *w;
	struct hm_encoder x;
	struct hm_tensor some[64];
	size_t k = 0;
	assert_int_equal(hm_weights_open(&w, DATA "bert-bin", NULL, &e), 0);
	for (size_t i = 0; i < w->n; i++)
		if (!strstr(w->tensor[i].name, "pooler"))
			some[k++] = w->tensor[i];
	assert_int_equal(hm_weights_save(file_name, some, k, NULL, &e), 0);
	hm_weights_close(w);
	struct hm_encoder_options o = {.heads = 2};
	assert_int_equal(hm_encoder_open(&x, HM_TEXT, file_name, &o, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "no pooler"));
	assert_non_null(strstr(e.text, "--text-output cls"));
	e = (struct hm_err){0};
	static const char *const word[] = {"cls", "mean"};
	for (int i = 0; i < 2; i++) {
		o.output[HM_TEXT] = word[i];
		assert_int_equal(hm_encoder_open(&x, HM_TEXT, file_name, &o, &e), 0);
		assert_string_equal(x.kind->output(x.tower, HM_POOLED), word[i]);
		hm_encoder_clear(&x);
	}
	o.output[HM_TEXT] = "pool";
	assert_int_equal(hm_encoder_open(&x, HM_TEXT, file_name, &o, &e), HM_EUSAGE);
	unlink(file_name);
}

static void test_ids(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_encoder x;
	int32_t ids[17] = {0, 19, 20};
	open_ok(&x, HM_TEXT, DATA "bert", 0);
	assert_int_equal(hm_encoder_check_ids(&x, ids, 2, &e), 0);
	assert_int_equal(hm_encoder_check_ids(&x, ids, 3, &e), HM_EDATA);
	assert_string_equal(e.text, "token id 20 is outside the text encoder's vocabulary of 20");
	ids[2] = 1;
	assert_int_equal(hm_encoder_check_ids(&x, ids, 16, &e), 0);
	assert_int_equal(hm_encoder_check_ids(&x, ids, 17, &e), HM_EDATA);
	assert_int_equal(hm_encoder_check_ids(&x, ids, 0, &e), HM_EDATA);
	hm_encoder_clear(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_features),       cmocka_unit_test(test_heads),
		cmocka_unit_test(test_init),	       cmocka_unit_test(test_refuses),
		cmocka_unit_test(test_without_pooler), cmocka_unit_test(test_ids)};
	test_scratch(file_name);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
