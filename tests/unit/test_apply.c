/* A model on records: the order of the concatenation, the softmax, which columns it takes; raw and cached
 * records give the same answers, whatever the number of workers. */
#include "../support/streams.h"
#include "train/apply.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static struct hm_err e;

static void add(struct hm_schema *s, const char *name, int64_t width, const char *encoder,
		const char *precision)
{
	cJSON *attr = cJSON_CreateObject();
	if (encoder)
		cJSON_AddStringToObject(attr, "encoder", encoder);
	cJSON_AddStringToObject(attr, "precision", precision);
	assert_true(hm_schema_add(s, name, HM_F32, 1, &width, attr, &e) >= 0);
}

/* text first, so that the order of columns and that of the concatenation differ. */
static void columns(struct hm_schema *s, const char *image, const char *text)
{
	*s = (struct hm_schema){0};
	add(s, "text_feature", 1, text, "f32");
	add(s, "image_feature", 2, image, "bf16");
	e = (struct hm_err){0};
}

static struct hm_fusionfile model(float *weight, float *bias)
{
	return (struct hm_fusionfile){.head = {.classes = 2,
					       .inputs = 3,
					       .image_dim = 2,
					       .text_dim = 1,
					       .image_digest = A,
					       .text_digest = B,
					       .image_precision = "f32",
					       .text_precision = "f32",
					       .weight = weight,
					       .bias = bias}};
}

/* As hm_apply_init, for a head, which needs no device. */
static int init(struct hm_apply *a, struct hm_fusionfile *m, const struct hm_schema *s, bool unknown)
{
	return hm_apply_init(a, m, s, "in", &(struct hm_apply_options){.allow_unknown = unknown}, NULL, NULL,
			     &e);
}

static void logits_and_softmax(void **state)
{
	(void)state;
	float w[] = {1, 10, 100, 0, 0, -1}, b[] = {.5f, 2}, image[] = {2, 3}, text[] = {-.25f}, logits[2],
	      prob[2];
	struct hm_fusionfile m = model(w, b);
	struct hm_schema s;
	struct hm_apply a;
	bool failed = false;
	int at;
	columns(&s, A, B);
	struct hm_rec rec = {.schema = &s, .val = {{text, 1}, {image, 2}}};
	assert_int_equal(init(&a, &m, &s, false), 0);
	assert_non_null(strstr(a.notice, "image_feature was computed in bf16"));
	assert_int_equal(hm_apply_records(&a, &rec, 1, &failed, logits, prob, &at, &e), 0);
	assert_true(logits[0] == 2 + 30 - 25 + .5f && logits[1] == 2.25f);
	assert_true(fabs((double)prob[1] - 1 / (1 + exp(7.5 - 2.25))) < 1e-7);
	assert_true(fabsf(prob[0] + prob[1] - 1) < 1e-6f);
	w[0] = 2e4f, w[1] = 0, w[2] = 0; /* far apart: no overflow */
	assert_int_equal(hm_apply_records(&a, &rec, 1, &failed, logits, prob, &at, &e), 0);
	assert_true(prob[0] == 1 && prob[1] == 0);
	image[0] = NAN;
	assert_int_equal(hm_apply_records(&a, &rec, 1, &failed, logits, prob, &at, &e), HM_EDATA);
	assert_int_equal(at, 0);
	failed = true;
	e = (struct hm_err){0};
	assert_int_equal(hm_apply_records(&a, &rec, 1, &failed, logits, prob, &at, &e), 0);
	assert_true(logits[0] == 0 && prob[0] == 0 && prob[1] == 0);
	hm_apply_clear(&a);
	hm_schema_clear(&s);
}

/* A side as zeros, and as another record's. */
static void ablated(void **state)
{
	(void)state;
	enum { RECORDS = 5 };
	float w[] = {1, 10, 100, 0, 0, -1}, b[] = {.5f, 2}, image[RECORDS][2], text[RECORDS],
	      logits[2 * RECORDS], prob[2 * RECORDS];
	const bool failed[RECORDS] = {[2] = true};
	struct hm_fusionfile m = model(w, b);
	struct hm_schema s;
	struct hm_rec rec[RECORDS];
	struct hm_apply a;
	bool used[RECORDS] = {0};
	int at;
	columns(&s, A, B);
	for (int i = 0; i < RECORDS; i++) {
		image[i][0] = (float)i, image[i][1] = 1;
		text[i] = .25f * (float)i;
		rec[i] = (struct hm_rec){.schema = &s, .val = {{&text[i], 1}, {image[i], 2}}};
	}
	struct hm_apply_options o = {.ablate = {HM_ABLATE_NONE, HM_ABLATE_ZERO}};
	assert_int_equal(hm_apply_init(&a, &m, &s, "in", &o, NULL, NULL, &e), 0);
	assert_true(a.side[1].column < 0 && !hm_apply_shuffles(&a));
	assert_int_equal(hm_apply_records(&a, rec, RECORDS, failed, logits, prob, &at, &e), 0);
	for (int i = 0; i < RECORDS; i++)
		assert_true(failed[i] || (logits[2 * i] == (float)i + 10.5f && logits[2 * i + 1] == 2));
	hm_apply_clear(&a);
	o = (struct hm_apply_options){.ablate = {HM_ABLATE_SHUFFLE, HM_ABLATE_NONE}};
	assert_int_equal(hm_apply_init(&a, &m, &s, "in", &o, NULL, NULL, &e), 0);
	assert_true(hm_apply_shuffles(&a));
	assert_int_equal(hm_apply_collect(&a, rec, 3, failed, &at, &e), 0); /* in two parts */
	assert_int_equal(hm_apply_collect(&a, rec + 3, 2, failed + 3, &at, &e), 0);
	assert_int_equal(hm_apply_shuffle(&a, 0, &e), 0);
	assert_int_equal(hm_apply_records(&a, rec, RECORDS, failed, logits, prob, &at, &e), 0);
	for (int i = 0; i < RECORDS; i++) {
		int donor = (int)(logits[2 * i] - 10.5f - 100 * text[i]);
		if (failed[i])
			continue;
		assert_true(donor >= 0 && donor < RECORDS && donor != i && !failed[donor] && !used[donor]);
		assert_true(logits[2 * i + 1] == 2 - text[i]);
		used[donor] = true;
	}
	/* more records than there were */
	assert_int_equal(hm_apply_records(&a, rec, 1, failed, logits, prob, &at, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "changed while it was read"));
	hm_apply_clear(&a);
	m.head.image_dim = 0; /* a model of captions */
	m.head.inputs = 1;
	e = (struct hm_err){0};
	assert_int_equal(hm_apply_init(&a, &m, &s, "in", &o, NULL, NULL, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "no image side"));
	hm_apply_clear(&a);
	hm_schema_clear(&s);
	e = (struct hm_err){0};
}

static void refused(struct hm_fusionfile *m, struct hm_schema *s, bool unknown, const char *why)
{
	struct hm_apply a;
	e = (struct hm_err){0};
	assert_int_equal(init(&a, m, s, unknown), HM_EDATA);
	if (!strstr(e.text, why))
		fail_msg("said: %s, expected: %s", e.text, why);
	hm_apply_clear(&a);
	hm_schema_clear(s);
}

static void which_columns(void **state)
{
	(void)state;
	float w[6] = {0}, b[2] = {0};
	struct hm_fusionfile m = model(w, b), wide = m, silent = m;
	struct hm_schema s;
	struct hm_apply a;
	columns(&s, B, B);
	refused(&m, &s, true, "column \"image_feature\" was made by encoder " B);
	columns(&s, A, NULL);
	refused(&m, &s, false, "\"text_feature\" does not say which encoder");
	columns(&s, A, NULL);
	assert_int_equal(init(&a, &m, &s, true), 0);
	hm_apply_clear(&a);
	hm_schema_remove(&s, 0);
	refused(&m, &s, true, "no column 'text_feature'");
	wide.head.image_dim = 5;
	columns(&s, A, B);
	refused(&wide, &s, false, "has 2 numbers, the model needs 5");
	/* A model that says nothing of its inputs takes both features, or the one that fits. */
	silent.head.image_dim = silent.head.text_dim = -1;
	silent.head.image_digest[0] = silent.head.text_digest[0] = 0;
	columns(&s, A, B);
	assert_int_equal(init(&a, &silent, &s, false), 0);
	assert_true(a.side[0].numbers == 2 && a.side[1].numbers == 1 && strstr(a.notice, "does not say"));
	hm_apply_clear(&a);
	silent.head.image_dim = silent.head.text_dim = -1;
	silent.head.inputs = 1;
	assert_int_equal(init(&a, &silent, &s, false), 0);
	assert_true(a.side[0].column < 0 && a.side[1].numbers == 1);
	hm_apply_clear(&a);
	silent.head.image_dim = silent.head.text_dim = -1;
	silent.head.inputs = 4;
	refused(&silent, &s, false, "no way to tell");
}

/* ---- whole models ---- */

enum { N = 5, SIDE = 33, GRID = 4, WIDTH = 128, IDS = 6 };
#define MODEL "build/test_apply.tmp"

#define OK(call)                                                                                             \
	do {                                                                                                 \
		if (call)                                                                                    \
			fail_msg("%s", e.text);                                                              \
	} while (0)

/* A model of tiny random encoders into MODEL. */
static void save(enum hm_fusion_kind kind, struct hm_device *d)
{
	const struct hm_encoder_options words = {.vocab = 20};
	struct hm_encoder image, text;
	struct hm_fusion *f;
	OK(hm_encoder_open(&image, HM_IMAGE_ENCODER, "init:resnet-tiny:1", &words, &e));
	OK(hm_encoder_open(&text, HM_TEXT_ENCODER, "init:bert-tiny:2", &words, &e));
	struct hm_fusion_config c = {.kind = kind,
				     .classes = 2,
				     .image = HM_SIDE_FROZEN,
				     .text = HM_SIDE_TRAINED,
				     .image_dim = WIDTH,
				     .text_dim = WIDTH,
				     .grid = kind == HM_FUSION_EARLY ? GRID : 0,
				     .resnet = image.resnet,
				     .bert = text.bert};
	OK(hm_fusion_new(&f, &c, d, &e));
	OK(hm_params_init(hm_fusion_params(f), 3, 0, &e));
	OK(hm_fusion_place(f, &e));
	OK(hm_fusionfile_save(MODEL, f, &(struct hm_fusionfile_parts){.image = &image, .text = &text}, &e));
	hm_fusion_free(f);
	hm_encoder_clear(&image);
	hm_encoder_clear(&text);
}

/* N records of pixels and token_ids, which grow; the last one failed. */
static void raw_records(struct hm_schema *s, struct hm_rec *rec)
{
	static uint8_t pixels[N][3 * SIDE * SIDE];
	static int32_t ids[IDS] = {2, 7, 11, 19, 5, 3};
	int64_t dim[] = {3, SIDE, SIDE}, any = -1;
	*s = (struct hm_schema){0};
	assert_true(hm_schema_add(s, "pixels", HM_U8, 3, dim, NULL, &e) == 0);
	assert_true(hm_schema_add(s, "token_ids", HM_I32, 1, &any, NULL, &e) == 1);
	for (int i = 0; i < N; i++) {
		for (int k = 0; k < 3 * SIDE * SIDE; k++)
			pixels[i][k] = (uint8_t)(k * k % 251 * (i + 1));
		rec[i] = (struct hm_rec){.schema = s,
					 .val = {{pixels[i], sizeof pixels[i]}, {ids, (size_t)i + 2}}};
	}
}

/* The logits of the records by the model in MODEL. */
static void answer(const struct hm_schema *s, const struct hm_rec *rec, int threads, struct hm_device *d,
		   struct hm_fusionfile *m, float *logits)
{
	const struct hm_apply_options how = {.batch_size = 2};
	const bool failed[N] = {[N - 1] = true};
	struct hm_workers *w = hm_workers_new(threads, &e);
	struct hm_apply a;
	float prob[2 * N];
	int at;
	OK(hm_fusionfile_open(m, MODEL, &(struct hm_encoder_options){0}, &e));
	OK(hm_apply_init(&a, m, s, "in", &how, d, w, &e));
	OK(hm_apply_records(&a, rec, N, failed, logits, prob, &at, &e));
	assert_true(prob[2 * N - 1] == 0 && logits[0] != logits[2]);
	hm_apply_clear(&a);
	hm_workers_free(w);
}

/* The image's feature out of the raw record, as a column that says which encoder made it. */
static void cache(struct hm_schema *s, struct hm_rec *rec, const char *digest, bool grid, struct hm_device *d,
		  float *out)
{
	struct hm_encoder x;
	struct hm_encode *run;
	struct hm_encode_item item[N] = {0};
	struct hm_encode_window window = {.item = item, .n = N};
	struct hm_workers *w = hm_workers_new(1, &e);
	int64_t dim[] = {GRID, WIDTH};
	size_t numbers = grid ? GRID * WIDTH : WIDTH;
	OK(hm_encoder_open(&x, HM_IMAGE_ENCODER, MODEL, &(struct hm_encoder_options){0}, &e));
	OK(hm_encode_new(&run,
			 &(struct hm_encode_config){.image = &x,
						    .height = SIDE,
						    .width = SIDE,
						    .pooled = !grid,
						    .grid = grid,
						    .image_batch = 2},
			 d, w, &e));
	for (int i = 0; i < N; i++)
		item[i] = (struct hm_encode_item){.pixels = rec[i].val[0].data,
						  .pooled = out + (size_t)i * numbers,
						  .grid = out + (size_t)i * numbers};
	OK(hm_encode_start(run, &window, &e));
	OK(hm_encode_wait(run, &window, &e));
	hm_encode_window_clear(&window);
	hm_encode_free(run);
	hm_encoder_clear(&x);
	hm_workers_free(w);
	hm_schema_remove(s, 0);
	cJSON *attr = cJSON_CreateObject();
	cJSON_AddStringToObject(attr, "encoder", digest);
	int at = hm_schema_add(s, grid ? "image_grid" : "image_feature", HM_F32, grid ? 2 : 1,
			       grid ? dim : dim + 1, attr, &e);
	assert_int_equal(at, 1);
	for (int i = 0; i < N; i++) {
		rec[i].val[0] = rec[i].val[1];
		rec[i].val[1] = (struct hm_val){out + (size_t)i * numbers, numbers};
	}
}

static void raw_and_cached(void **state)
{
	(void)state;
	static float feature[N * GRID * WIDTH];
	struct hm_device *d = hm_device_open("cpu", HM_PREC_F32, &e);
	for (int kind = 0; kind < 2; kind++) {
		float raw[2 * N], more[2 * N], cached[2 * N];
		struct hm_schema s;
		struct hm_rec rec[N];
		struct hm_fusionfile m;
		e = (struct hm_err){0};
		save(kind, d);
		raw_records(&s, rec);
		answer(&s, rec, 1, d, &m, raw);
		hm_fusionfile_close(&m);
		answer(&s, rec, 3, d, &m, more);
		assert_memory_equal(raw, more, sizeof raw);
		cache(&s, rec, m.head.image_digest, kind == HM_FUSION_EARLY, d, feature);
		hm_fusionfile_close(&m);
		answer(&s, rec, 2, d, &m, cached);
		assert_memory_equal(raw, cached, sizeof raw);
		/* another encoder's feature is never taken: pixels are, or nothing */
		hm_schema_remove(&s, 1);
		int64_t dim[] = {GRID, WIDTH};
		cJSON *attr = cJSON_CreateObject();
		cJSON_AddStringToObject(attr, "encoder", A);
		bool grid = kind == HM_FUSION_EARLY;
		hm_schema_add(&s, grid ? "image_grid" : "image_feature", HM_F32, grid ? 2 : 1,
			      grid ? dim : dim + 1, attr, &e);
		hm_fusionfile_close(&m);
		OK(hm_fusionfile_open(&m, MODEL, &(struct hm_encoder_options){0}, &e));
		refused(&m, &s, true, "or give 'pixels'");
		hm_fusionfile_close(&m);
	}
	unlink(MODEL);
	hm_device_close(d);
}

/* Files that PyTorch saved, without metadata, on both devices (tests/oracle/make_models.py). */
static void pytorch(void **state)
{
	(void)state;
	static const char *const file[] = {"tests/data/models/late.safetensors",
					   "tests/data/models/early.pth"},
				 *const want[] = {"late", "early"}, *const device[] = {"ref", "cpu"};
	const bool failed[3] = {0};
	struct hm_weights *v;
	struct hm_workers *w = hm_workers_new(2, &e);
	OK(hm_weights_open(&v, "tests/data/models/logits.safetensors", NULL, &e));
	uint8_t *pixels = hm_weights_find(v, "pixels")->data;
	int32_t *ids = hm_weights_find(v, "ids")->data, *len = hm_weights_find(v, "len")->data;
	int64_t dim[] = {3, 48, 40}, any = -1;
	struct hm_schema s = {0};
	struct hm_rec rec[3];
	hm_schema_add(&s, "pixels", HM_U8, 3, dim, NULL, &e);
	hm_schema_add(&s, "token_ids", HM_I32, 1, &any, NULL, &e);
	for (int i = 0; i < 3; ids += len[i++])
		rec[i] = (struct hm_rec){
			.schema = &s,
			.val = {{pixels + i * 3 * 48 * 40, 3 * 48 * 40}, {ids, (size_t)len[i]}}};
	for (int k = 0; k < 4; k++) {
		struct hm_device *d = hm_device_open(device[k / 2], HM_PREC_F32, &e);
		struct hm_fusionfile m;
		struct hm_apply a;
		float logits[6], prob[6];
		const float *right = hm_weights_find(v, want[k % 2])->data;
		int at;
		OK(hm_fusionfile_open(&m, file[k % 2], &(struct hm_encoder_options){.heads = 2}, &e));
		OK(hm_apply_init(&a, &m, &s, "in", &(struct hm_apply_options){.batch_size = 2}, d, w, &e));
		OK(hm_apply_records(&a, rec, 3, failed, logits, prob, &at, &e));
		for (int i = 0; i < 6; i++)
			if (!(fabsf(logits[i] - right[i]) < 1e-5f))
				fail_msg("%s %s: logit %d is %g, PyTorch's %g", device[k / 2], want[k % 2], i,
					 (double)logits[i], (double)right[i]);
		hm_apply_clear(&a);
		hm_fusionfile_close(&m);
		hm_device_close(d);
	}
	hm_schema_clear(&s);
	hm_weights_close(v);
	hm_workers_free(w);
}

/* Early fusion takes the first words for which it has room, and the last. */
static void cut_captions(void **state)
{
	(void)state;
	static const uint8_t pixels[3 * 48 * 40];
	int32_t all[] = {2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 3},
		kept[] = {2, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 3};
	int64_t dim[] = {3, 48, 40}, any = -1;
	const bool failed[2] = {0};
	float logits[4], prob[4];
	int at;
	struct hm_schema s = {0};
	hm_schema_add(&s, "pixels", HM_U8, 3, dim, NULL, &e);
	hm_schema_add(&s, "token_ids", HM_I32, 1, &any, NULL, &e);
	const struct hm_rec rec[] = {{&s, {{pixels, sizeof pixels}, {all, 15}}},
				     {&s, {{pixels, sizeof pixels}, {kept, 12}}}};
	struct hm_device *d = hm_device_open("ref", HM_PREC_F32, &e);
	struct hm_workers *w = hm_workers_new(1, &e);
	struct hm_fusionfile m;
	struct hm_apply a;
	OK(hm_fusionfile_open(&m, "tests/data/models/early.pth", &(struct hm_encoder_options){0}, &e));
	OK(hm_apply_init(&a, &m, &s, "in", &(struct hm_apply_options){.batch_size = 1}, d, w, &e));
	OK(hm_apply_records(&a, rec, 2, failed, logits, prob, &at, &e));
	assert_int_equal(a.room, 12);
	assert_int_equal(a.cut, 1);
	assert_memory_equal(logits, logits + 2, 2 * sizeof *logits);
	hm_apply_clear(&a);
	hm_fusionfile_close(&m);
	hm_workers_free(w);
	hm_device_close(d);
	hm_schema_clear(&s);
}

/* Early fusion without words is early fusion of [CLS] [SEP]; with another record's, of that record's. */
static void ablated_words(void **state)
{
	(void)state;
	static uint8_t pixels[2][3 * 48 * 40];
	int32_t words[2][5] = {{2, 5, 6, 7, 3}, {2, 8, 3}}, none[] = {2, 3};
	int64_t dim[] = {3, 48, 40}, any = -1;
	const bool failed[2] = {0};
	float want[4], got[4], prob[4];
	int at;
	memset(pixels[1], 200, sizeof pixels[1]);
	struct hm_schema s = {0};
	hm_schema_add(&s, "pixels", HM_U8, 3, dim, NULL, &e);
	hm_schema_add(&s, "token_ids", HM_I32, 1, &any, NULL, &e);
	struct hm_rec rec[2], other[2];
	struct hm_device *d = hm_device_open("ref", HM_PREC_F32, &e);
	struct hm_workers *w = hm_workers_new(1, &e);
	for (int k = HM_ABLATE_ZERO; k <= HM_ABLATE_SHUFFLE; k++) {
		struct hm_apply_options plain = {.batch_size = 1},
					o = {.batch_size = 1,
					     .ablate = {HM_ABLATE_NONE, (enum hm_ablation)k}};
		struct hm_fusionfile m;
		struct hm_apply a;
		for (int i = 0; i < 2; i++) {
			rec[i] = (struct hm_rec){&s, {{pixels[i], sizeof pixels[i]}, {words[i], i ? 3 : 5}}};
			other[i] = rec[i];
			other[i].val[1] = k == HM_ABLATE_ZERO ? (struct hm_val){none, 2}
							      : (struct hm_val){words[!i], i ? 5 : 3};
		}
		for (int ablate = 0; ablate < 2; ablate++) {
			OK(hm_fusionfile_open(&m, "tests/data/models/early.pth",
					      &(struct hm_encoder_options){0}, &e));
			OK(hm_apply_init(&a, &m, &s, "in", ablate ? &o : &plain, d, w, &e));
			if (hm_apply_shuffles(&a)) {
				OK(hm_apply_collect(&a, rec, 2, failed, &at, &e));
				OK(hm_apply_shuffle(&a, 1, &e));
			}
			OK(hm_apply_records(&a, ablate ? rec : other, 2, failed, ablate ? got : want, prob,
					    &at, &e));
			hm_apply_clear(&a);
			hm_fusionfile_close(&m);
		}
		assert_memory_equal(want, got, sizeof want);
		assert_true(want[0] != want[2]);
	}
	hm_workers_free(w);
	hm_device_close(d);
	hm_schema_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logits_and_softmax), cmocka_unit_test(which_columns),
		cmocka_unit_test(raw_and_cached),     cmocka_unit_test(pytorch),
		cmocka_unit_test(cut_captions),	      cmocka_unit_test(ablated),
		cmocka_unit_test(ablated_words)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
