/* A head on features of records: the order of the concatenation, the softmax, ablations, which columns it
 * takes. */
#include "../support/predictkit.h"
#include "../support/streams.h"
#include "nn/late.h"

#include <math.h>
#include <string.h>

#define A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void add_feature(struct hm_schema *s, const char *name, int64_t width, const char *encoder,
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
	add_feature(s, "text_feature", 1, text, "f32");
	add_feature(s, "image_feature", 2, image, "bf16");
	e = (struct hm_err){0};
}

enum { INPUTS = 3 };

/* A head of two classes for so many numbers of image and text, -1: it says neither its numbers nor its
 * encoders. weight [2,inputs], bias [2]. */
static void open_head(struct hm_fusionfile *m, int image, int text, int inputs, float *weight, float *bias)
{
	struct hm_modelfile head = {.fusion = &hm_late_fusion,
				    .classes = 2,
				    .inputs = inputs,
				    .dim = {image, text},
				    .encoder = {A, B},
				    .precision = {"f32", "f32"},
				    .weight = weight,
				    .bias = bias};
	if (image < 0)
		head.encoder[HM_IMAGE][0] = head.encoder[HM_TEXT][0] = 0;
	e = (struct hm_err){0};
	OK(hm_modelfile_write(predict_model, &head, NULL, 0, &e));
	OK(hm_fusionfile_open(m, predict_model, &(struct hm_encoder_options){0}, &e));
}

static void logits_and_softmax(void **state)
{
	(void)state;
	float w[] = {1, 10, 100, 0, 0, -1}, b[] = {.5f, 2}, image[] = {2, 3}, text[] = {-.25f}, logits[2],
	      prob[2];
	struct hm_fusionfile m;
	struct hm_schema s;
	struct hm_predict a;
	bool failed = false;
	int at;
	columns(&s, A, B);
	struct hm_rec rec = {.schema = &s, .val = {{text, 1}, {image, 2}}};
	open_head(&m, 2, 1, INPUTS, w, b);
	assert_int_equal(predict_init(&a, &m, &s, false), 0);
	assert_non_null(strstr(a.notice, "image_feature was computed in bf16"));
	assert_int_equal(hm_predict_records(&a, &rec, 1, &failed, logits, prob, &at, &e), 0);
	assert_true(logits[0] == 2 + 30 - 25 + .5f && logits[1] == 2.25f);
	assert_true(fabs((double)prob[1] - 1 / (1 + exp(7.5 - 2.25))) < 1e-7);
	assert_true(fabsf(prob[0] + prob[1] - 1) < 1e-6f);
	hm_predict_clear(&a);
	hm_fusionfile_close(&m);
	w[0] = 2e4f, w[1] = 0, w[2] = 0; /* far apart: no overflow */
	open_head(&m, 2, 1, INPUTS, w, b);
	assert_int_equal(predict_init(&a, &m, &s, false), 0);
	assert_int_equal(hm_predict_records(&a, &rec, 1, &failed, logits, prob, &at, &e), 0);
	assert_true(prob[0] == 1 && prob[1] == 0);
	image[0] = NAN;
	assert_int_equal(hm_predict_records(&a, &rec, 1, &failed, logits, prob, &at, &e), HM_EDATA);
	assert_int_equal(at, 0);
	failed = true;
	e = (struct hm_err){0};
	assert_int_equal(hm_predict_records(&a, &rec, 1, &failed, logits, prob, &at, &e), 0);
	assert_true(logits[0] == 0 && prob[0] == 0 && prob[1] == 0);
	hm_predict_clear(&a);
	hm_fusionfile_close(&m);
	hm_schema_clear(&s);
}

/* More records than a batch of the fusion: each gets its own answer, failed ones in between none, and one
 * that has no answer is named. */
static void many_records(void **state)
{
	(void)state;
	enum { RECORDS = 1100, BAD = 1050 };
	static float image[RECORDS][2], text[RECORDS], logits[2 * RECORDS], prob[2 * RECORDS];
	static bool failed[RECORDS];
	static struct hm_rec rec[RECORDS];
	float w[] = {1, 10, 100, 0, 0, -1}, b[] = {.5f, 2};
	struct hm_fusionfile m;
	struct hm_schema s;
	struct hm_predict a;
	int at;
	columns(&s, A, B);
	for (int i = 0; i < RECORDS; i++) {
		image[i][0] = (float)i;
		text[i] = .25f * (float)(i % 9);
		failed[i] = i % 7 == 3;
		rec[i] = (struct hm_rec){.schema = &s, .val = {{&text[i], 1}, {image[i], 2}}};
	}
	open_head(&m, 2, 1, INPUTS, w, b);
	OK(predict_init(&a, &m, &s, false));
	OK(hm_predict_records(&a, rec, RECORDS, failed, logits, prob, &at, &e));
	for (int i = 0; i < RECORDS; i++) {
		float first = failed[i] ? 0 : (float)i + 100 * text[i] + .5f;
		assert_true(logits[2 * i] == first && logits[2 * i + 1] == (failed[i] ? 0 : 2 - text[i]));
		assert_true(failed[i] ? !prob[2 * i] && !prob[2 * i + 1]
				      : fabsf(prob[2 * i] + prob[2 * i + 1] - 1) < 1e-6f);
	}
	assert_int_equal(at, -1);
	image[BAD][1] = INFINITY;
	assert_false(failed[BAD]);
	assert_int_equal(hm_predict_records(&a, rec, RECORDS, failed, logits, prob, &at, &e), HM_EDATA);
	assert_int_equal(at, BAD);
	assert_string_equal(e.text, "logit 0 is not finite");
	e = (struct hm_err){0};
	hm_predict_clear(&a);
	hm_fusionfile_close(&m);
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
	struct hm_fusionfile m;
	struct hm_schema s;
	struct hm_rec rec[RECORDS];
	struct hm_predict a;
	bool used[RECORDS] = {0};
	int at;
	columns(&s, A, B);
	for (int i = 0; i < RECORDS; i++) {
		image[i][0] = (float)i, image[i][1] = 1;
		text[i] = .25f * (float)i;
		rec[i] = (struct hm_rec){.schema = &s, .val = {{&text[i], 1}, {image[i], 2}}};
	}
	struct hm_predict_options o = {.ablate = {HM_ABLATE_NONE, HM_ABLATE_ZERO}};
	open_head(&m, 2, 1, INPUTS, w, b);
	assert_int_equal(hm_predict_init(&a, &m, &s, "in", &o, predict_ref, predict_workers, &e), 0);
	assert_true(!a.side[1].column.n && !hm_predict_shuffles(&a));
	assert_int_equal(hm_predict_records(&a, rec, RECORDS, failed, logits, prob, &at, &e), 0);
	for (int i = 0; i < RECORDS; i++)
		assert_true(failed[i] || (logits[2 * i] == (float)i + 10.5f && logits[2 * i + 1] == 2));
	hm_predict_clear(&a);
	o = (struct hm_predict_options){.ablate = {HM_ABLATE_SHUFFLE, HM_ABLATE_NONE}};
	assert_int_equal(hm_predict_init(&a, &m, &s, "in", &o, predict_ref, predict_workers, &e), 0);
	assert_true(hm_predict_shuffles(&a));
	assert_int_equal(hm_predict_collect(&a, rec, 3, failed, &at, &e), 0); /* in two parts */
	assert_int_equal(hm_predict_collect(&a, rec + 3, 2, failed + 3, &at, &e), 0);
	assert_int_equal(hm_predict_shuffle(&a, 0, &e), 0);
	assert_int_equal(hm_predict_records(&a, rec, RECORDS, failed, logits, prob, &at, &e), 0);
	for (int i = 0; i < RECORDS; i++) {
		int donor = (int)(logits[2 * i] - 10.5f - 100 * text[i]);
		if (failed[i])
			continue;
		assert_true(donor >= 0 && donor < RECORDS && donor != i && !failed[donor] && !used[donor]);
		assert_true(logits[2 * i + 1] == 2 - text[i]);
		used[donor] = true;
	}
	/* more records than there were */
	assert_int_equal(hm_predict_records(&a, rec, 1, failed, logits, prob, &at, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "changed while it was read"));
	hm_predict_clear(&a);
	hm_fusionfile_close(&m);
	e = (struct hm_err){0};
	open_head(&m, 0, 1, 1, w, b); /* a model of captions */
	assert_int_equal(hm_predict_init(&a, &m, &s, "in", &o, predict_ref, predict_workers, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "no image side"));
	hm_predict_clear(&a);
	hm_fusionfile_close(&m);
	hm_schema_clear(&s);
	e = (struct hm_err){0};
}

static void which_columns(void **state)
{
	(void)state;
	float w[12] = {0}, b[2] = {0};
	struct hm_fusionfile m;
	struct hm_schema s;
	struct hm_predict a;
	open_head(&m, 2, 1, INPUTS, w, b);
	columns(&s, B, B);
	predict_refused(&m, &s, true, "column \"image_feature\" was made by encoder " B);
	columns(&s, A, NULL);
	predict_refused(&m, &s, false, "\"text_feature\" does not say which encoder");
	columns(&s, A, NULL);
	assert_int_equal(predict_init(&a, &m, &s, true), 0);
	hm_predict_clear(&a);
	hm_schema_remove(&s, 0);
	predict_refused(&m, &s, true, "no column 'text_feature'");
	/* a column that is no feature at all */
	columns(&s, A, B);
	hm_schema_remove(&s, 0);
	hm_schema_add(&s, "text_feature", HM_I32, DIMS(1), NULL, &e);
	predict_refused(&m, &s, true,
			"column \"text_feature\" is I32 1; hm-encode makes it as a vector of floats");
	hm_fusionfile_close(&m);
	open_head(&m, 5, 1, 6, w, b);
	columns(&s, A, B);
	predict_refused(&m, &s, false, "has 2 numbers, the model needs 5");
	hm_fusionfile_close(&m);
	/* A model that says nothing of its inputs takes both features, or the one that fits. */
	open_head(&m, -1, -1, INPUTS, w, b);
	columns(&s, A, B);
	assert_int_equal(predict_init(&a, &m, &s, false), 0);
	assert_true(a.side[0].numbers == 2 && a.side[1].numbers == 1 && strstr(a.notice, "does not say"));
	hm_predict_clear(&a);
	hm_fusionfile_close(&m);
	open_head(&m, -1, -1, 1, w, b);
	assert_int_equal(predict_init(&a, &m, &s, false), 0);
	assert_true(!a.side[0].column.n && a.side[1].numbers == 1);
	hm_predict_clear(&a);
	hm_fusionfile_close(&m);
	open_head(&m, -1, -1, 4, w, b);
	predict_refused(&m, &s, false, "nothing says which it takes");
	hm_fusionfile_close(&m);
}

/* What a model was trained on, an encoder's output of another name is not. */
static void another_output(void **state)
{
	(void)state;
	float w[2 * INPUTS] = {0}, b[2] = {0};
	struct hm_fusionfile m;
	struct hm_schema s;
	struct hm_predict a;
	open_head(&m, 2, 1, INPUTS, w, b);
	memcpy(m.head.output[HM_TEXT], "cls", 4);
	columns(&s, A, B);
	cJSON_AddStringToObject(s.field[0].attr, "output", "cls");
	OK(predict_init(&a, &m, &s, false));
	hm_predict_clear(&a);
	cJSON_ReplaceItemInObjectCaseSensitive(s.field[0].attr, "output", cJSON_CreateString("pooler"));
	predict_refused(
		&m, &s, false,
		"column \"text_feature\" is the encoder's output \"pooler\", the model was trained on "
		"\"cls\"");
	hm_fusionfile_close(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(logits_and_softmax),
		cmocka_unit_test(which_columns),
		cmocka_unit_test(many_records),
		cmocka_unit_test(another_output),
		cmocka_unit_test(ablated),
	};
	return cmocka_run_group_tests(tests, predict_open, predict_close);
}
