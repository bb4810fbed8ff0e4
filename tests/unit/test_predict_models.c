/* Whole models on records: raw and cached records give the same answers, whatever the number of workers;
 * PyTorch's files give PyTorch's; early fusion cuts and ablates words. */
#include "../support/predictkit.h"
#include "nn/early.h"

#include <math.h>
#include <string.h>
#include <unistd.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

enum { N = 5, SIDE = 33, CELLS = 4, WIDTH = 128, IDS = 6 };

/* A model of tiny random encoders into predict_model. */
static void save_model(const struct hm_fusion_kind *kind, struct hm_device *d)
{
	const struct hm_encoder_options words = {.vocab = 20};
	struct hm_encoder image, text;
	struct hm_fusion *f;
	OK(hm_encoder_open(&image, HM_IMAGE, "init:resnet-tiny:1", &words, &e));
	OK(hm_encoder_open(&text, HM_TEXT, "init:bert-tiny:2", &words, &e));
	struct hm_fusion_config c = {
		.kind = kind,
		.classes = 2,
		.side = {{HM_USE_FROZEN, WIDTH, image.tower}, {HM_USE_TRAINED, WIDTH, text.tower}},
		.cells = kind == &hm_early_fusion ? CELLS : 0,
		.head = {7, 2, 5, 1, true, {.1, .2, .3}}};
	OK(hm_fusion_new(&f, &c, d, &e));
	OK(hm_params_init(hm_fusion_params(f), 3, 0, &e));
	OK(hm_fusion_place(f, &e));
	OK(hm_fusionfile_save(predict_model, f, &(struct hm_fusionfile_parts){.encoder = {&image, &text}},
			      &e));
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

/* The logits of the records by the model in predict_model. */
static void answer(const struct hm_schema *s, const struct hm_rec *rec, int threads, struct hm_device *d,
		   struct hm_fusionfile *m, float *logits)
{
	const struct hm_predict_options how = {.batch_size = 2};
	const bool failed[N] = {[N - 1] = true};
	struct hm_workers *w = hm_workers_new(threads, &e);
	struct hm_predict a;
	float prob[2 * N];
	int at;
	OK(hm_fusionfile_open(m, predict_model, &(struct hm_encoder_options){0}, &e));
	OK(hm_predict_init(&a, m, s, "in", &how, d, w, &e));
	OK(hm_predict_records(&a, rec, N, failed, logits, prob, &at, &e));
	assert_true(prob[2 * N - 1] == 0 && logits[0] != logits[2]);
	hm_predict_clear(&a);
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
	enum hm_give give = grid ? HM_GRID : HM_POOLED;
	int64_t dim[] = {CELLS, WIDTH};
	size_t numbers = grid ? CELLS * WIDTH : WIDTH;
	OK(hm_encoder_open(&x, HM_IMAGE, predict_model, &(struct hm_encoder_options){0}, &e));
	struct hm_encode_config c = {
		.side = {{.encoder = &x, .batch = 2}, {.batch = 1}}, .height = SIDE, .width = SIDE};
	c.side[HM_IMAGE].want[give] = true;
	OK(hm_encode_new(&run, &c, d, w, &e));
	for (int i = 0; i < N; i++) {
		item[i].pixels = rec[i].val[0].data;
		item[i].out[HM_IMAGE][give] = out + (size_t)i * numbers;
	}
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
	static float feature[N * CELLS * WIDTH];
	struct hm_device *d = hm_device_open("cpu", HM_PREC_F32, &e);
	for (const struct hm_fusion_kind *const *kind = hm_fusion_kinds(); *kind; kind++) {
		bool grid = (*kind)->gives[HM_IMAGE] == HM_GRID;
		float raw[2 * N], more[2 * N], cached[2 * N];
		struct hm_schema s;
		struct hm_rec rec[N];
		struct hm_fusionfile m;
		e = (struct hm_err){0};
		save_model(*kind, d);
		raw_records(&s, rec);
		answer(&s, rec, 1, d, &m, raw);
		hm_fusionfile_close(&m);
		answer(&s, rec, 3, d, &m, more);
		assert_memory_equal(raw, more, sizeof raw);
		cache(&s, rec, m.head.encoder[HM_IMAGE], grid, d, feature);
		hm_fusionfile_close(&m);
		answer(&s, rec, 2, d, &m, cached);
		assert_memory_equal(raw, cached, sizeof raw);
		/* another encoder's feature is never taken: pixels are, or nothing */
		hm_schema_remove(&s, 1);
		int64_t dim[] = {CELLS, WIDTH};
		cJSON *attr = cJSON_CreateObject();
		cJSON_AddStringToObject(attr, "encoder", A);
		hm_schema_add(&s, grid ? "image_grid" : "image_feature", HM_F32, grid ? 2 : 1,
			      grid ? dim : dim + 1, attr, &e);
		hm_fusionfile_close(&m);
		OK(hm_fusionfile_open(&m, predict_model, &(struct hm_encoder_options){0}, &e));
		predict_refused(&m, &s, true, "or give 'pixels'");
		hm_fusionfile_close(&m);
	}
	unlink(predict_model);
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
		struct hm_predict a;
		float logits[6], prob[6];
		const float *right = hm_weights_find(v, want[k % 2])->data;
		int at;
		OK(hm_fusionfile_open(&m, file[k % 2], &(struct hm_encoder_options){.heads = 2}, &e));
		OK(hm_predict_init(&a, &m, &s, "in", &(struct hm_predict_options){.batch_size = 2}, d, w,
				   &e));
		OK(hm_predict_records(&a, rec, 3, failed, logits, prob, &at, &e));
		for (int i = 0; i < 6; i++)
			if (!(fabsf(logits[i] - right[i]) < 1e-5f))
				fail_msg("%s %s: logit %d is %g, PyTorch's %g", device[k / 2], want[k % 2], i,
					 (double)logits[i], (double)right[i]);
		hm_predict_clear(&a);
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
	struct hm_predict a;
	OK(hm_fusionfile_open(&m, "tests/data/models/early.pth", &(struct hm_encoder_options){0}, &e));
	OK(hm_predict_init(&a, &m, &s, "in", &(struct hm_predict_options){.batch_size = 1}, d, w, &e));
	OK(hm_predict_records(&a, rec, 2, failed, logits, prob, &at, &e));
	assert_int_equal(a.room, 12);
	assert_int_equal(a.cut, 1);
	assert_memory_equal(logits, logits + 2, 2 * sizeof *logits);
	hm_predict_clear(&a);
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
		struct hm_predict_options plain = {.batch_size = 1},
					  o = {.batch_size = 1,
					       .ablate = {HM_ABLATE_NONE, (enum hm_ablation)k}};
		struct hm_fusionfile m;
		struct hm_predict a;
		for (int i = 0; i < 2; i++) {
			rec[i] = (struct hm_rec){&s, {{pixels[i], sizeof pixels[i]}, {words[i], i ? 3 : 5}}};
			other[i] = rec[i];
			other[i].val[1] = k == HM_ABLATE_ZERO ? (struct hm_val){none, 2}
							      : (struct hm_val){words[!i], i ? 5 : 3};
		}
		for (int ablate = 0; ablate < 2; ablate++) {
			OK(hm_fusionfile_open(&m, "tests/data/models/early.pth",
					      &(struct hm_encoder_options){0}, &e));
			OK(hm_predict_init(&a, &m, &s, "in", ablate ? &o : &plain, d, w, &e));
			if (hm_predict_shuffles(&a)) {
				OK(hm_predict_collect(&a, rec, 2, failed, &at, &e));
				OK(hm_predict_shuffle(&a, 1, &e));
			}
			OK(hm_predict_records(&a, ablate ? rec : other, 2, failed, ablate ? got : want, prob,
					      &at, &e));
			hm_predict_clear(&a);
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
		cmocka_unit_test(raw_and_cached),
		cmocka_unit_test(pytorch),
		cmocka_unit_test(cut_captions),
		cmocka_unit_test(ablated_words),
	};
	return cmocka_run_group_tests(tests, predict_open, predict_close);
}
