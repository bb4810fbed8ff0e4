/* hm_weights_prefix: which prefix makes all marks of a network fit, and what happens when none or two do. */
#include "base/file.h"
#include "weights/weights.h"
#include "../support/scalarfile.h"
#include "../support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char file_name[TEST_PATH];
#define MARKS 3
static const char *const mark[MARKS] = {"conv1.weight|0.weight", "bn1.bias|1.bias",
					"layer1.0.conv1.weight|4.0.conv1.weight"};

/* The names below prefix a, then b (NULL: none), as a .safetensors file of scalars. */
static struct hm_weights *make_file(const char *const *name, size_t names, const char *a, const char *b)
{
	struct scalar_file f = {0};
	struct hm_weights *w = NULL;
	struct hm_err e = {0};
	scalar_file_add(&f, a, name, names);
	if (b)
		scalar_file_add(&f, b, name, names);
	scalar_file_finish(&f);
	assert_int_equal(hm_file_write(file_name, f.bytes.data, f.bytes.len, &e), 0);
	scalar_file_clear(&f);
	if (hm_weights_open(&w, file_name, NULL, &e))
		fail_msg("%s", e.text);
	return w;
}

static const char *const torchvision[] = {"conv1.weight", "bn1.bias", "layer1.0.conv1.weight",
					  "layer1.0.bn1.bias", "layer2.0.downsample.0.weight"};
static const char *const numbered[] = {"0.weight", "1.bias", "4.0.conv1.weight", "5.0.downsample.0.weight"};
#define LEN(x) (sizeof x / sizeof *x)

static void test_one(void **state)
{
	(void)state;
	static const char *const prefix[] = {
		"",	     "module.", "_orig_mod.", "module._orig_mod.model.backbone.", "any.thing.7.",
		"layer1.0.", "0.",	"é."};
	for (size_t i = 0; i < LEN(prefix); i++)
		for (int k = 0; k < 2; k++) {
			struct hm_err e = {0};
			struct hm_weights *w =
				make_file(k ? numbered : torchvision, k ? LEN(numbered) : LEN(torchvision),
					  prefix[i], NULL);
			const char *found = "?";
			assert_int_equal(hm_weights_prefix(w, mark, MARKS, &found, &e), 0);
			assert_non_null(found);
			assert_string_equal(found, prefix[i]);
			hm_weights_close(w);
		}
}

static void test_none(void **state)
{
	(void)state;
	struct hm_err e = {0};
	const char *found = "?";
	struct hm_weights *w =
		make_file(torchvision + 1, LEN(torchvision) - 1, "module.", NULL); /* no conv1 */
	assert_int_equal(hm_weights_prefix(w, mark, MARKS, &found, &e), 0);
	assert_null(found);
	char text[300];
	assert_string_equal(hm_weights_sample(w, text, sizeof text),
			    "\"module.bn1.bias\", \"module.layer1.0.bn1.bias\", "
			    "\"module.layer2.0.downsample.0.weight\"");
	assert_string_equal(hm_weights_sample(w, text, 9), "\"module.");
	hm_weights_close(w);
	w = make_file(torchvision, LEN(torchvision), "x", NULL); /* "xconv1.weight": no dot */
	assert_int_equal(hm_weights_prefix(w, mark, MARKS, &found, &e), 0);
	assert_null(found);
	hm_weights_close(w);
	w = make_file(torchvision, 2, "a.", "b."); /* marks in two places, in neither all */
	assert_int_equal(hm_weights_prefix(w, mark, MARKS, &found, &e), 0);
	assert_null(found);
	assert_int_equal(e.code, 0);
	hm_weights_close(w);
}

static void test_two(void **state)
{
	(void)state;
	static const char *const pair[][2] = {
		{"module.encoder_q.", "module.encoder_k."}, {"", "ema."}, {"a.", "a.a."}};
	for (size_t i = 0; i < LEN(pair); i++) {
		struct hm_err e = {0};
		const char *found = "?";
		char a[64], b[64];
		struct hm_weights *w = make_file(torchvision, LEN(torchvision), pair[i][0], pair[i][1]);
		assert_int_equal(hm_weights_prefix(w, mark, MARKS, &found, &e), HM_EDATA);
		assert_null(found);
		snprintf(a, sizeof a, "\"%s\"", pair[i][0]);
		snprintf(b, sizeof b, "\"%s\"", pair[i][1]);
		if (!strstr(e.text, a) || !strstr(e.text, b) || !strstr(e.text, "--key"))
			fail_msg("%s", e.text);
		hm_weights_close(w);
	}
}

static void test_key(void **state)
{
	(void)state;
	static const char *const key[] = {"model", "model.", "model.ema"};
	hm_weights_close(make_file(torchvision, LEN(torchvision), "model.ema.", "model."));
	for (size_t i = 0; i < LEN(key); i++) {
		struct hm_err e = {0};
		struct hm_weights *w;
		struct hm_weights_options o = {.key = key[i]};
		assert_int_equal(hm_weights_open(&w, file_name, &o, &e), 0);
		assert_int_equal(w->n, i < 2 ? 2 * LEN(torchvision) : LEN(torchvision));
		for (size_t k = 0; k < LEN(torchvision); k++)
			assert_non_null(hm_weights_find(w, torchvision[k]));
		hm_weights_close(w);
	}
	struct hm_err e = {0};
	struct hm_weights *w;
	struct hm_weights_options o = {.key = "mode"};
	assert_int_equal(hm_weights_open(&w, file_name, &o, &e), HM_EDATA);
	assert_null(w);
	char want[256];
	snprintf(want, sizeof want,
		 "%s: holds no tensor below \"mode\"; it has \"model.bn1.bias\", "
		 "\"model.ema.layer1.0.bn1.bias\", \"model.layer2.0.downsample.0.weight\"",
		 file_name);
	assert_string_equal(e.text, want);
}

static int remove_file(void **state)
{
	(void)state;
	return unlink(file_name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_one), cmocka_unit_test(test_none),
					   cmocka_unit_test(test_two), cmocka_unit_test(test_key)};
	test_scratch(file_name);
	return cmocka_run_group_tests(tests, NULL, remove_file);
}
