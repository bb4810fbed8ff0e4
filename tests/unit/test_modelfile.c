/* The model file: written, read back, believed only when whole and consistent; PyTorch's files without
 * metadata too. */
#include "model/modelfile.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define FILE_NAME "build/test_modelfile.tmp"

static float weight[2 * 5] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, bias[2] = {-1, .5f};

static struct hm_modelfile sample(void)
{
	struct hm_modelfile m = {
		.classes = 2, .inputs = 5, .image_dim = 3, .text_dim = 2, .weight = weight, .bias = bias};
	strncpy(m.image_digest, "0123456789abcdef0123456789abcdef", 33);
	strncpy(m.text_digest, "fedcba9876543210fedcba9876543210", 33);
	strncpy(m.image_output, "pooled", sizeof m.image_output);
	strncpy(m.text_precision, "bf16", sizeof m.text_precision);
	return m;
}

static void refused(const char *why)
{
	struct hm_err e = {0};
	struct hm_modelfile m;
	assert_int_equal(hm_modelfile_read(&m, FILE_NAME, &e), HM_EDATA);
	assert_null(m.weight);
	if (!strstr(e.text, why) || strncmp(e.text, FILE_NAME, strlen(FILE_NAME)))
		fail_msg("\"%s\" does not say \"%s\"", e.text, why);
}

static void test_round_trip(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_modelfile m = sample(), r;
	m.pg = cJSON_Parse("[{\"tool\":\"hm-fuse-train\"}]");
	m.selected_on = "last";
	m.heads = 12;
	m.eps = 1e-12;
	assert_int_equal(hm_modelfile_write(FILE_NAME, &m, NULL, 0, &e), 0);
	if (hm_modelfile_read(&r, FILE_NAME, &e))
		fail_msg("%s", e.text);
	assert_int_equal(r.fusion, HM_FUSION_LATE);
	assert_int_equal(r.classes, 2);
	assert_int_equal(r.inputs, 5);
	assert_int_equal(r.image_dim, 3);
	assert_int_equal(r.text_dim, 2);
	assert_int_equal(r.heads, 12);
	assert_true(r.eps == 1e-12);
	assert_string_equal(r.image_digest, m.image_digest);
	assert_string_equal(r.text_digest, m.text_digest);
	assert_string_equal(r.image_output, "pooled");
	assert_string_equal(r.image_precision, "");
	assert_string_equal(r.text_precision, "bf16");
	assert_string_equal(r.selected_on, "last");
	assert_int_equal(cJSON_GetArraySize(r.pg), 1);
	assert_memory_equal(r.weight, weight, sizeof weight);
	assert_memory_equal(r.bias, bias, sizeof bias);
	hm_modelfile_clear(&r);
	cJSON_Delete(m.pg);
	unlink(FILE_NAME);
}

static void test_refuses(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_modelfile m = sample();
	m.text_dim = 3;
	assert_int_equal(hm_modelfile_write(FILE_NAME, &m, NULL, 0, &e), 0);
	refused("3 + 3 inputs, classifier.weight has 5");
	m = sample();
	weight[3] = NAN;
	assert_int_equal(hm_modelfile_write(FILE_NAME, &m, NULL, 0, &e), 0);
	refused("NaN");
	weight[3] = 4;
	struct hm_tensor stray = {"surprise", HM_F32, 1, {2}, bias};
	assert_int_equal(hm_modelfile_write(FILE_NAME, &m, &stray, 1, &e), 0);
	refused("\"surprise\" is no part of a model");
	m.fusion = HM_FUSION_EARLY;
	assert_int_equal(hm_modelfile_write(FILE_NAME, &m, NULL, 0, &e), 0);
	refused("says early fusion, the tensors are those of late");
	m = sample();
	stray.name = "image_encoder.conv1.weight";
	assert_int_equal(hm_modelfile_write(FILE_NAME, &m, &stray, 1, &e), 0);
	refused("hm.image_digest is not the digest of the encoder");
	struct hm_tensor head = {"classifier.weight", HM_F32, 2, {2, 5}, weight};
	assert_int_equal(hm_weights_save(FILE_NAME, &head, 1, NULL, &e), 0);
	refused("\"classifier.bias\" is missing");
	struct hm_tensor both[] = {head, {"classifier.bias", HM_I32, 1, {2}, bias}};
	assert_int_equal(hm_weights_save(FILE_NAME, both, 2, NULL, &e), 0);
	refused("I32 holds no floating-point");
	unlink(FILE_NAME);
}

static void test_pytorch(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_modelfile m;
	assert_int_equal(hm_modelfile_read(&m, "tests/data/weights/late.safetensors", &e), 0);
	assert_int_equal(m.fusion, HM_FUSION_LATE);
	assert_int_equal(m.inputs, 13);
	assert_int_equal(m.image_dim, -1);
	assert_int_equal(strlen(m.image_digest), 32);
	assert_int_equal(strlen(m.text_digest), 32);
	hm_modelfile_clear(&m);
	assert_int_equal(hm_modelfile_read(&m, "tests/data/weights/early.pth", &e), HM_EDATA);
	assert_non_null(strstr(e.text, "classifier.weight"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_refuses),
					   cmocka_unit_test(test_pytorch)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
