/* The model file: written, read back, believed only when whole and consistent; PyTorch's files without
 * metadata too. */
#include "model/modelfile.h"
#include "nn/early.h"
#include "nn/late.h"
#include "../support/scratch.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char file_name[TEST_PATH];

static float weight[2 * 5] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, bias[2] = {-1, .5f};

static struct hm_modelfile sample(void)
{
	return (struct hm_modelfile){
		.fusion = &hm_late_fusion,
		.classes = 2,
		.inputs = 5,
		.dim = {[HM_IMAGE] = 3, [HM_TEXT] = 2},
		.encoder = {"0123456789abcdef0123456789abcdef", "fedcba9876543210fedcba9876543210"},
		.output = {[HM_IMAGE] = "pooled"},
		.precision = {[HM_TEXT] = "bf16"},
		.weight = weight,
		.bias = bias};
}

static void refused(const char *why)
{
	struct hm_err e = {0};
	struct hm_modelfile m;
	assert_int_equal(hm_modelfile_read(&m, file_name, &e), HM_EDATA);
	assert_null(m.weight);
	if (!strstr(e.text, why) || strncmp(e.text, file_name, strlen(file_name)))
		fail_msg("\"%s\" does not say \"%s\"", e.text, why);
}

static void test_round_trip(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_modelfile m = sample(), r;
	m.pg = cJSON_Parse("[{\"tool\":\"hm-fuse-train\"}]");
	m.selected_on = "last";
	m.hints[HM_TEXT].heads = 12;
	m.hints[HM_TEXT].eps = 1e-12;
	assert_int_equal(hm_modelfile_write(file_name, &m, NULL, 0, &e), 0);
	if (hm_modelfile_read(&r, file_name, &e))
		fail_msg("%s", e.text);
	assert_ptr_equal(r.fusion, &hm_late_fusion);
	assert_int_equal(r.classes, 2);
	assert_int_equal(r.inputs, 5);
	assert_int_equal(r.dim[HM_IMAGE], 3);
	assert_int_equal(r.dim[HM_TEXT], 2);
	assert_int_equal(r.hints[HM_TEXT].heads, 12);
	assert_true(r.hints[HM_TEXT].eps == 1e-12);
	assert_string_equal(r.encoder[HM_IMAGE], m.encoder[HM_IMAGE]);
	assert_string_equal(r.encoder[HM_TEXT], m.encoder[HM_TEXT]);
	assert_string_equal(r.output[HM_IMAGE], "pooled");
	assert_string_equal(r.precision[HM_IMAGE], "");
	assert_string_equal(r.precision[HM_TEXT], "bf16");
	assert_string_equal(r.selected_on, "last");
	assert_int_equal(cJSON_GetArraySize(r.pg), 1);
	assert_memory_equal(r.weight, weight, sizeof weight);
	assert_memory_equal(r.bias, bias, sizeof bias);
	hm_modelfile_clear(&r);
	cJSON_Delete(m.pg);
	unlink(file_name);
}

/* hm.model names the text's output where it is not BertModel's pooler, as files had it before there were
 * others. */
static void test_text_output(void **state)
{
	(void)state;
	static const char *const output[] = {"", "pooler", "cls"};
	for (int i = 0; i < 3; i++) {
		struct hm_err e = {0};
		struct hm_modelfile m = sample(), r;
		memcpy(m.output[HM_TEXT], output[i], strlen(output[i]) + 1);
		assert_int_equal(hm_modelfile_write(file_name, &m, NULL, 0, &e), 0);
		assert_int_equal(hm_modelfile_read(&r, file_name, &e), 0);
		const char *model = hm_weights_meta(r.file, "hm.model");
		assert_true(!strstr(model, "text_output") == (i < 2));
		if (i == 2)
			assert_string_equal(r.output[HM_TEXT], "cls");
		hm_modelfile_clear(&r);
	}
	unlink(file_name);
}

/* Colours in hm.model are those of the encoder; one that was written before preparations had them
 * gets them when it is read. */
static void test_colours(void **state)
{
	(void)state;
	static const char *const prepared[][2] = {
		{"{\"fit\":\"crop\"}", "{\"fit\":\"crop\",\"mean\":[0.5,0.5,0.1],\"std\":[1,0.3,1]}"},
		{"{\"mean\":[0,0,0],\"std\":[1,1,1]}", "{\"mean\":[0,0,0],\"std\":[1,1,1]}"},
	};
	for (size_t i = 0; i < sizeof prepared / sizeof *prepared; i++) {
		struct hm_err e = {0};
		struct hm_modelfile m = sample(), r;
		m.hints[HM_IMAGE].colours = (struct hm_colours){{.5f, .5f, .1f}, {1, .3f, 1}};
		m.prepared[HM_IMAGE] = cJSON_Parse(prepared[i][0]);
		assert_int_equal(hm_modelfile_write(file_name, &m, NULL, 0, &e), 0);
		assert_int_equal(hm_modelfile_read(&r, file_name, &e), 0);
		assert_non_null(strstr(hm_weights_meta(r.file, "hm.model"), "\"image_mean\":[0.5,0.5,0.1]"));
		assert_memory_equal(&r.hints[HM_IMAGE].colours, &m.hints[HM_IMAGE].colours,
				    sizeof m.hints[HM_IMAGE].colours);
		cJSON *want = cJSON_Parse(prepared[i][1]);
		assert_true(cJSON_Compare(r.prepared[HM_IMAGE], want, true));
		cJSON_Delete(want);
		cJSON_Delete(m.prepared[HM_IMAGE]);
		hm_modelfile_clear(&r);
	}
	unlink(file_name);
}

static void test_refuses(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_modelfile m = sample();
	m.dim[HM_TEXT] = 3;
	assert_int_equal(hm_modelfile_write(file_name, &m, NULL, 0, &e), 0);
	refused("image_dim 3 and text_dim 3, classifier.weight has 5 inputs");
	m = sample();
	weight[3] = NAN;
	assert_int_equal(hm_modelfile_write(file_name, &m, NULL, 0, &e), 0);
	refused("NaN");
	weight[3] = 4;
	struct hm_tensor stray = {"surprise", HM_F32, 1, {2}, bias};
	assert_int_equal(hm_modelfile_write(file_name, &m, &stray, 1, &e), 0);
	refused("\"surprise\" is not part of a model");
	m.fusion = &hm_early_fusion;
	assert_int_equal(hm_modelfile_write(file_name, &m, NULL, 0, &e), 0);
	refused("says early fusion, the tensors are those of late");
	m = sample();
	stray.name = "image_encoder.conv1.weight";
	assert_int_equal(hm_modelfile_write(file_name, &m, &stray, 1, &e), 0);
	refused("hm.image_digest is not the digest of the encoder");
	m = sample();
	struct hm_tensor two[] = {{"text_encoder.x", HM_F32, 1, {2}, bias},
				  {"transformer.x", HM_F32, 1, {2}, bias}};
	assert_int_equal(hm_modelfile_write(file_name, &m, two, 2, &e), 0);
	refused("two fusions, \"text_encoder.\" and \"transformer.\"");
	struct hm_tensor head = {"classifier.weight", HM_F32, 2, {2, 5}, weight};
	assert_int_equal(hm_weights_save(file_name, &head, 1, NULL, &e), 0);
	refused("\"classifier.bias\" is missing");
	struct hm_tensor both[] = {head, {"classifier.bias", HM_I32, 1, {2}, bias}};
	assert_int_equal(hm_weights_save(file_name, both, 2, NULL, &e), 0);
	refused("I32 holds no floating-point");
	unlink(file_name);
}

static void test_pytorch(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_modelfile m;
	assert_int_equal(hm_modelfile_read(&m, "tests/data/weights/late.safetensors", &e), 0);
	assert_ptr_equal(m.fusion, &hm_late_fusion);
	assert_int_equal(m.inputs, 13);
	assert_int_equal(m.dim[HM_IMAGE], -1);
	assert_int_equal(strlen(m.encoder[HM_IMAGE]), 32);
	assert_int_equal(strlen(m.encoder[HM_TEXT]), 32);
	hm_modelfile_clear(&m);
	assert_int_equal(hm_modelfile_read(&m, "tests/data/weights/early.pth", &e), HM_EDATA);
	assert_non_null(strstr(e.text, "classifier.weight"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip),
					   cmocka_unit_test(test_text_output), cmocka_unit_test(test_colours),
					   cmocka_unit_test(test_refuses), cmocka_unit_test(test_pytorch)};
	test_scratch(file_name);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
