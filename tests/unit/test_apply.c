/* A head on features: the order of the concatenation, the softmax, and which columns it takes. */
#include "../support/streams.h"
#include "train/apply.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
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

static struct hm_modelfile model(float *weight, float *bias)
{
	return (struct hm_modelfile){.classes = 2,
				     .inputs = 3,
				     .image_dim = 2,
				     .text_dim = 1,
				     .image_digest = A,
				     .text_digest = B,
				     .image_precision = "f32",
				     .text_precision = "f32",
				     .weight = weight,
				     .bias = bias};
}

static void logits_and_softmax(void **state)
{
	(void)state;
	float w[] = {1, 10, 100, 0, 0, -1}, b[] = {.5f, 2}, image[] = {2, 3}, text[] = {-.25f}, logits[2],
	      prob[2];
	struct hm_modelfile m = model(w, b);
	struct hm_schema s;
	struct hm_apply a;
	columns(&s, A, B);
	struct hm_rec rec = {.schema = &s, .val = {{text, 1}, {image, 2}}};
	assert_int_equal(hm_apply_init(&a, &m, &s, false, &e), 0);
	assert_non_null(strstr(a.notice, "image_feature was computed in bf16"));
	assert_int_equal(hm_apply_record(&a, &rec, logits, prob, &e), 0);
	assert_true(logits[0] == 2 + 30 - 25 + .5f && logits[1] == 2.25f);
	assert_true(fabs((double)prob[1] - 1 / (1 + exp(7.5 - 2.25))) < 1e-7);
	assert_true(fabsf(prob[0] + prob[1] - 1) < 1e-6f);
	w[0] = 2e4f, w[1] = 0, w[2] = 0; /* far apart: no overflow */
	assert_int_equal(hm_apply_record(&a, &rec, logits, prob, &e), 0);
	assert_true(prob[0] == 1 && prob[1] == 0);
	image[0] = NAN;
	assert_int_equal(hm_apply_record(&a, &rec, logits, prob, &e), HM_EDATA);
	hm_apply_clear(&a);
	hm_schema_clear(&s);
}

static void refused(const struct hm_modelfile *m, struct hm_schema *s, bool unknown, const char *why)
{
	struct hm_apply a;
	e = (struct hm_err){0};
	assert_int_equal(hm_apply_init(&a, m, s, unknown, &e), HM_EDATA);
	if (!strstr(e.text, why))
		fail_msg("said: %s, expected: %s", e.text, why);
	hm_apply_clear(&a);
	hm_schema_clear(s);
}

static void which_columns(void **state)
{
	(void)state;
	float w[6] = {0}, b[2] = {0};
	struct hm_modelfile m = model(w, b), wide = m, early = m, silent = m;
	struct hm_schema s;
	struct hm_apply a;
	columns(&s, B, B);
	refused(&m, &s, true, "column \"image_feature\" was made by encoder " B);
	columns(&s, A, NULL);
	refused(&m, &s, false, "\"text_feature\" does not say which encoder");
	columns(&s, A, NULL);
	assert_int_equal(hm_apply_init(&a, &m, &s, true, &e), 0);
	hm_apply_clear(&a);
	hm_schema_remove(&s, 0);
	refused(&m, &s, true, "no column \"text_feature\"");
	wide.image_dim = 5;
	columns(&s, A, B);
	refused(&wide, &s, false, "has 2 numbers, the model needs 5");
	early.fusion = HM_FUSION_EARLY;
	columns(&s, A, B);
	refused(&early, &s, false, "early");
	/* A model that says nothing of its inputs takes both features, or the one that fits. */
	silent.image_dim = silent.text_dim = -1;
	silent.image_digest[0] = silent.text_digest[0] = 0;
	columns(&s, A, B);
	assert_int_equal(hm_apply_init(&a, &silent, &s, false, &e), 0);
	assert_true(a.width[0] == 2 && a.width[1] == 1 && strstr(a.notice, "does not say"));
	hm_apply_clear(&a);
	silent.inputs = 1;
	assert_int_equal(hm_apply_init(&a, &silent, &s, false, &e), 0);
	assert_true(a.width[0] == 0 && a.width[1] == 1);
	hm_apply_clear(&a);
	silent.inputs = 4;
	refused(&silent, &s, false, "no way to tell");
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(logits_and_softmax),
					   cmocka_unit_test(which_columns)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
