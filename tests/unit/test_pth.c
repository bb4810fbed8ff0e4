/* Files of torch.save (tests/data/weights, made by tests/oracle/make_weights.py): both forms give the
 * tensors, and one set of weights has one digest in every form it travels in. */
#include "base/file.h"
#include "model/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DATA "tests/data/weights/"

static struct hm_weights *open_ok(const char *path)
{
	struct hm_err e = {0};
	struct hm_weights *w;
	if (hm_weights_open(&w, path, NULL, &e))
		fail_msg("%s", e.text);
	return w;
}

static void is_floats(const struct hm_weights *w, const char *name, int ndim, const int64_t *dim,
		      const float *want)
{
	const struct hm_tensor *t = hm_weights_find(w, name);
	size_t n;
	assert_non_null(t);
	assert_int_equal(t->dtype, HM_F32);
	assert_int_equal(t->ndim, ndim);
	assert_memory_equal(t->dim, dim, (size_t)ndim * sizeof *dim);
	assert_true(hm_shape_count(ndim, dim, &n));
	assert_memory_equal(t->data, want, n * sizeof *want);
}

/* The views of one storage 0..23, and one tensor of every dtype. */
static void check_views(const char *path)
{
	struct hm_weights *w = open_ok(path);
	float whole[24], turned[24], middle[12], odd[12], corner[8], scalar = 2.5f;
	for (int i = 0; i < 24; i++) {
		whole[i] = (float)i;
		turned[i] = (float)(i % 4 * 6 + i / 4);
	}
	for (int i = 0; i < 12; i++) {
		middle[i] = (float)(i + 6);
		odd[i] = (float)(2 * i + 1);
	}
	for (int i = 0; i < 8; i++)
		corner[i] = (float)(i / 4 * 12 + (1 + i / 2 % 2) * 4 + 2 + i % 2);
	assert_int_equal(w->n, 17);
	is_floats(w, "whole", 1, (int64_t[]){24}, whole);
	is_floats(w, "grid", 2, (int64_t[]){4, 6}, whole);
	is_floats(w, "turned", 2, (int64_t[]){6, 4}, turned);
	is_floats(w, "middle", 2, (int64_t[]){3, 4}, middle);
	is_floats(w, "odd", 1, (int64_t[]){12}, odd);
	is_floats(w, "corner", 3, (int64_t[]){2, 2, 2}, corner);
	is_floats(w, "scalar", 0, NULL, &scalar);
	is_floats(w, "empty", 2, (int64_t[]){0, 3}, NULL);
	assert_memory_equal(hm_weights_find(w, "f64")->data, &(double){0.1}, 8);
	assert_memory_equal(hm_weights_find(w, "i64")->data, &(int64_t){-(INT64_C(1) << 40)}, 8);
	assert_memory_equal(hm_weights_find(w, "i32")->data, &(int32_t){-7}, 4);
	assert_memory_equal(hm_weights_find(w, "i16")->data, &(int16_t){-300}, 2);
	assert_memory_equal(hm_weights_find(w, "i8")->data, &(int8_t){-5}, 1);
	assert_memory_equal(hm_weights_find(w, "u8")->data, "\372", 1);
	assert_memory_equal(hm_weights_find(w, "bool")->data, "\1\0", 2);
	float wide[2];
	const struct hm_tensor *t = hm_weights_find(w, "f16");
	assert_int_equal(hm_to_f32(t->dtype, t->data, 2, wide, NULL), 0);
	assert_true(wide[0] == 1.5f && wide[1] == 65504.f);
	t = hm_weights_find(w, "bf16");
	assert_int_equal(hm_to_f32(t->dtype, t->data, 2, wide, NULL), 0);
	assert_true(wide[0] == 1.5f && wide[1] < -2.9e38f);
	hm_weights_close(w);
}

static void test_views(void **state)
{
	(void)state;
	check_views(DATA "views.pth");
	check_views(DATA "views-legacy.pth");		  /* this one below "state_dict" */
	struct hm_weights *w = open_ok(DATA "nocrc.pth"); /* every CRC is 0: none was written */
	is_floats(w, "a", 1, (int64_t[]){5}, (float[]){0, 1, 2, 3, 4});
	hm_weights_close(w);
}

static void digest_of(const char *path, enum hm_side side, char out[33])
{
	struct hm_err e = {0};
	struct hm_weights *w = open_ok(path);
	struct hm_arena names = {0};
	struct hm_names_place at;
	struct hm_names_list list;
	if (hm_names_find(w, side, NULL, NULL, &at, &e) ||
	    hm_names_collect(w, &at, HM_TENSOR_PARAM, &names, &list, &e) ||
	    hm_weights_digest(list.tensor, list.n, out, &e))
		fail_msg("%s: %s", path, e.text);
	hm_arena_clear(&names);
	hm_weights_close(w);
}

static void test_one_digest(void **state)
{
	(void)state;
	static const char *const image[] = {DATA "resnet.pth", DATA "resnet-legacy.pth",
					    DATA "late.safetensors", DATA "early.pth"};
	static const char *const text[] = {DATA "bert-sharded", DATA "bert-bin", DATA "late.safetensors",
					   DATA "early.pth"};
	char want[33], d[33];
	digest_of(DATA "resnet.safetensors", HM_IMAGE, want);
	for (size_t i = 0; i < sizeof image / sizeof *image; i++) {
		digest_of(image[i], HM_IMAGE, d);
		assert_string_equal(d, want);
	}
	digest_of(DATA "bert", HM_TEXT, want); /* bert. and gamma/beta, as published */
	for (size_t i = 0; i < sizeof text / sizeof *text; i++) {
		digest_of(text[i], HM_TEXT, d);
		assert_string_equal(d, want);
	}
}

/* The file with `from` replaced by as many bytes of `to` must be refused, saying why. */
static void patched(const char *path, const char *from, const char *to, size_t n, const char *why)
{
	struct hm_err e = {0};
	struct hm_buf b = {0};
	struct hm_weights *w;
	assert_int_equal(hm_file_read(path, 1 << 20, &b, &e), 0);
	unsigned char *at = memmem(b.data, b.len, from, n);
	assert_non_null(at);
	memcpy(at, to, n);
	int rc = hm_weights_parse(&w, b.data, b.len, NULL, &e);
	hm_weights_close(w);
	hm_buf_clear(&b);
	assert_int_equal(rc, HM_EDATA);
	if (!strstr(e.text, why))
		fail_msg("\"%s\" does not say \"%s\"", e.text, why);
}

static void test_refuses(void **state)
{
	(void)state;
	patched(DATA "views-legacy.pth", "_rebuild_tensor_v2", "_rebuild_tensor_v9", 18,
		"tensor \"whole\" is made by torch._utils._rebuild_tensor_v9, which is not read here");
	patched(DATA "views-legacy.pth", "torch\nFloatStorage", "torch\nFloatStoragf", 18,
		"\" is a torch.FloatStoragf, which is not known");
	patched(DATA "views-legacy.pth", "torch\nLongStorage", "torch\nCharStorage", 17, "is cut");
	patched(DATA "views-legacy.pth", "little_endianq\x02\x88", "little_endianq\x02\x89", 16,
		"byte order");
	/* "middle" begins at 6 and has 3x4 of 24 elements: 13 is one too far */
	patched(DATA "views-legacy.pth", "K\6K\3K\4\x86", "K\15K\3K\4\x86", 7,
		"reaches outside the 24 elements");
	patched(DATA "views-legacy.pth", "K\6K\3K\4\x86", "K\6K\7K\4\x86", 7, "more elements than the 24");
	patched(DATA "views-legacy.pth", "M\xe9\x03", "M\xea\x03", 3, "1001");
	patched(DATA "views.pth", "little", "bigger", 6, "CRC differs");
	patched(DATA "views.pth", "_rebuild_tensor_v2", "_rebuild_tensor_v3", 18, "CRC differs");
}

static void test_growth(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_weights *w;
	assert_int_equal(hm_weights_open(&w, DATA "shared.pth", NULL, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "add up to more than four times the file"));
}

static void test_cuts(void **state)
{
	(void)state;
	static const char *const path[] = {DATA "views.pth", DATA "views-legacy.pth"};
	for (int i = 0; i < 2; i++) {
		struct hm_err e = {0};
		struct hm_buf b = {0};
		struct hm_weights *w;
		assert_int_equal(hm_file_read(path[i], 1 << 20, &b, &e), 0);
		for (size_t n = 0; n < b.len; n++) {
			struct hm_err why = {0};
			assert_int_equal(hm_weights_parse(&w, b.data, n, NULL, &why), HM_EDATA);
			assert_true(why.text[0] != 0);
		}
		hm_buf_clear(&b);
	}
}

static void test_folders(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_weights *w;
	cJSON *config;
	assert_int_equal(hm_weights_open(&w, "tests/unit", NULL, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "tests/unit: a folder without model.safetensors"));
	assert_int_equal(hm_weights_json(DATA "bert/model.safetensors", "config.json", &config, &e), 0);
	assert_non_null(cJSON_GetObjectItem(config, "num_attention_heads"));
	cJSON_Delete(config);
	assert_int_equal(hm_weights_json(DATA "resnet.pth", "config.json", &config, &e), 0);
	assert_null(config);
	assert_true(hm_weights_is_folder(DATA "bert-sharded"));
	assert_false(hm_weights_is_folder(DATA));
	assert_false(hm_weights_is_folder(DATA "resnet.pth"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_views),   cmocka_unit_test(test_one_digest),
					   cmocka_unit_test(test_refuses), cmocka_unit_test(test_cuts),
					   cmocka_unit_test(test_growth),  cmocka_unit_test(test_folders)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
