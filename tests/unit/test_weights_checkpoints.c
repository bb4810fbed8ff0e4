/* Checkpoints as training scripts leave them (tests/data/weights/checkpoints, made by
 * tests/oracle/make_checkpoints.py): the network's tensors are found in them, whatever else there is. */
#include "../support/weightopen.h"
#include "../support/zipwrite.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DATA "tests/data/weights/"
#define SAVED DATA "checkpoints/"
#define LEN(x) (sizeof x / sizeof *x)

static const char *const resnet[] = {"conv1.weight", "bn1.bias", "layer1.0.conv1.weight"};
static const char *const bert[] = {"embeddings.word_embeddings.weight", "encoder.layer.0.output.dense.bias"};

/* Every tensor of `from` but fc.* is in w below `prefix`, with the same bytes, F32 times `factor`. */
static void is_same(const struct hm_weights *w, const char *prefix, const struct hm_weights *from,
		    float factor)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct hm_tensor *want = &from->tensor[i], *t;
		char name[256];
		size_t n;
		if (!strncmp(want->name, "fc.", 3))
			continue;
		snprintf(name, sizeof name, "%s%s", prefix, want->name);
		t = hm_weights_find(w, name);
		if (!t)
			fail_msg("no \"%s\"", name);
		assert_int_equal(t->dtype, want->dtype);
		assert_int_equal(t->ndim, want->ndim);
		assert_memory_equal(t->dim, want->dim, sizeof t->dim);
		assert_true(hm_shape_count(t->ndim, t->dim, &n));
		for (size_t k = 0; t->dtype == HM_F32 && k < n; k++) {
			float a, b;
			memcpy(&a, (char *)t->data + k * sizeof a, sizeof a);
			memcpy(&b, (char *)want->data + k * sizeof b, sizeof b);
			assert_true(a == factor * b);
		}
		if (t->dtype != HM_F32)
			assert_memory_equal(t->data, want->data, n * hm_dtype_size(t->dtype));
	}
}

static void test_found(void **state)
{
	(void)state;
	static const struct {
		const char *file, *prefix; /* as hm_weights_prefix finds it */
		bool text;
	} one[] = {
		{"imagenet.pth.tar", "module.", false},
		{"lightning.ckpt", "model._orig_mod.backbone.", false},
		{"nested.pt", "net.", false},
		{"legacy.pth", "encoder.", false},
		{"legacy5.pth", "", false},
		{"bert.bin", "module.bert.", true},
	};
	for (size_t i = 0; i < LEN(one); i++) {
		struct hm_err e = {0};
		char path[128];
		const char *prefix = NULL;
		snprintf(path, sizeof path, SAVED "%s", one[i].file);
		struct hm_weights *w = weightopen_ok(path, NULL);
		struct hm_weights *from =
			weightopen_ok(one[i].text ? DATA "bert" : DATA "resnet.safetensors", NULL);
		assert_int_equal(
			hm_weights_prefix(w, one[i].text ? bert : resnet, one[i].text ? 2 : 3, &prefix, &e),
			0);
		assert_non_null(prefix);
		assert_string_equal(prefix, one[i].prefix);
		is_same(w, one[i].text ? "module." : prefix, from, 1);
		hm_weights_close(from);
		hm_weights_close(w);
	}
}

/* open_clip's own training: all names are in the one dict, below "module.". */
static void test_open_clip(void **state)
{
	(void)state;
	static const char *const clip[] = {"visual.class_embedding", "token_embedding.weight",
					   "transformer.resblocks.0.attn.in_proj_weight"};
	struct hm_err e = {0};
	const char *prefix = NULL;
	struct hm_weights *w = weightopen_ok(SAVED "open_clip.pt", NULL),
			  *from = weightopen_ok(DATA "torchscript/clip.safetensors", NULL);
	assert_int_equal(w->n, from->n);
	assert_int_equal(hm_weights_prefix(w, clip, LEN(clip), &prefix, &e), 0);
	assert_non_null(prefix);
	assert_string_equal(prefix, "module.");
	is_same(w, prefix, from, 1);
	assert_true(hm_weights_narrow(w, prefix));
	is_same(w, "", from, 1);
	hm_weights_close(from);
	hm_weights_close(w);
}

static void test_two(void **state)
{
	(void)state;
	struct hm_err e = {0};
	const char *prefix = NULL;
	struct hm_weights *w = weightopen_ok(SAVED "average.pth", NULL),
			  *from = weightopen_ok(DATA "resnet.safetensors", NULL);
	assert_int_equal(hm_weights_prefix(w, resnet, 3, &prefix, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "\"ema.shadow.module.\" and \"model.\": --key NAME"));
	is_same(w, "model.", from, 1);
	is_same(w, "ema.shadow.module.", from, .5f);
	hm_weights_close(w);
	static const struct {
		const char *key, *prefix;
		float factor;
	} chosen[] = {{"model", "", 1},
		      {"ema", "module.", .5f},
		      {"ema.shadow", "module.", .5f},
		      {"ema.shadow.module", "", .5f}};
	for (size_t i = 0; i < LEN(chosen); i++) {
		w = weightopen_ok(SAVED "average.pth", chosen[i].key);
		is_same(w, chosen[i].prefix, from, chosen[i].factor);
		hm_weights_close(w);
	}
	w = weightopen_ok(SAVED "nested.pt", "checkpoint.state_dict.net");
	is_same(w, "", from, 1);
	hm_weights_close(w);
	w = weightopen_ok(SAVED "imagenet.pth.tar", "state_dict");
	is_same(w, "module.", from, 1);
	hm_weights_close(w);
	hm_weights_close(from);
	from = weightopen_ok(DATA "bert", NULL);
	w = weightopen_ok(SAVED "bert.bin", "0.encoder");
	is_same(w, "module.", from, 1);
	hm_weights_close(w);
	hm_weights_close(from);
}

static void test_nothing_found(void **state)
{
	(void)state;
	weightopen_refused(
		SAVED "object.pth", NULL,
		"object.pth: it holds an object of class torchvision.models.resnet.ResNet, which is not "
		"built");
	weightopen_refused(
		SAVED "object-below.pth", NULL,
		"its keys are \"model\" (an object of class torchvision.models.resnet.ResNet), \"epoch\", "
		"\"loss\"; "
		"of a network, save the state_dict()");
	weightopen_refused(SAVED "average.pth", "mod",
			   "holds no tensor below \"mod\"; it has \"ema.shadow.module.bn1.bias\", ");
	weightopen_refused(SAVED "average.pth", "args", "holds no tensor below \"args\"");
	weightopen_refused(SAVED "lightning.ckpt", "loops",
			   "it holds no dict of tensors; its keys are \"fit_loop\"");
}

/* ---- pickles made here, in a zip with one storage of 24 bytes ---- */

#define STORAGE "(U\7storagectorch\nFloatStorage\nU\0010U\3cpuK\6tQ"
#define HOOKS "ccollections\nOrderedDict\n)R"
#define T(size, stride) "ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "K\0" size stride "\x89" HOOKS "tR"
#define PAIR T("K\2\x85", "K\1\x85")	     /* [2] */
#define ONE T("K\1\x85", "K\1\x85")	     /* [1] */
#define TURNED T("K\2K\3\x86", "K\1K\2\x86") /* [2, 3], strided */
#define Q "ctorch._utils\n_rebuild_qtensor\n)R"

/* The names of all tensors, separated by spaces; or the sentence of the error. */
static const char *names_of(const char *pickle, size_t n, const char *key, char *out, size_t cap)
{
	static const float storage[6] = {1, 2, 3, 4, 5, 6};
	const struct zip_file file[] = {{"x/data.pkl", pickle, n}, {"x/data/0", storage, sizeof storage}};
	const struct hm_weights_options o = {.key = key};
	struct hm_err e = {0};
	struct hm_buf b = {0};
	struct hm_weights *w;
	size_t used = 0;
	zip_write(&b, file, 2, true, false);
	if (hm_weights_parse(&w, b.data, b.len, &o, &e))
		snprintf(out, cap, "%s", e.text);
	for (size_t i = 0; w && i < w->n; i++)
		used += (size_t)snprintf(out + used, cap - used, "%s%s", i ? " " : "", w->tensor[i].name);
	hm_weights_close(w);
	hm_buf_clear(&b);
	return out;
}
#define NAMES(pickle, key) names_of(pickle, sizeof pickle - 1, key, text, sizeof text)

static void test_rule(void **state)
{
	(void)state;
	char text[1024];
	/* a dict without weights does not count, unless there is nothing else */
	assert_string_equal(NAMES("}(U\1a}U\1w" PAIR "sU\4loss" ONE "u.", NULL), "w");
	assert_string_equal(NAMES("}U\4loss" ONE "s.", NULL), "loss");
	assert_string_equal(NAMES("}(U\1a}U\1w" ONE "sU\4loss" ONE "u.", NULL), "a.w loss");
	assert_string_equal(NAMES("}(K\1" ONE "U\1a}U\1w" ONE "su.", NULL), "w"); /* nor without names */
	/* the top counts too */
	assert_string_equal(NAMES("}(U\1a}U\1w" PAIR "sU\1b" PAIR "u.", NULL), "a.w b");
	/* one dict under two keys is one */
	assert_string_equal(NAMES("}(U\1a}q\0U\1w" PAIR "sU\1bh\0u.", NULL), "w");
	assert_string_equal(NAMES("}(U\1a}q\0U\1w" PAIR "sU\1bh\0u.", "b"), "w");
	/* what holds itself, numbers as keys, what is too deep, lists */
	assert_string_equal(NAMES("}q\0(U\1ah\0U\1w" PAIR "u.", NULL), "w");
	assert_string_equal(NAMES("}(K\1}U\1v" PAIR "sU\1a}U\1w" PAIR "su.", NULL), "w");
	assert_string_equal(NAMES("](}U\1v" PAIR "sN}U\1w" PAIR "se.", NULL), "0.v 2.w");
	assert_string_equal(NAMES("](}U\1v" PAIR "sN}U\1w" PAIR "se.", "2"), "w");
	assert_string_equal(NAMES("](}U\1v" PAIR "sN}U\1w" PAIR "se.", "1"),
			    "holds no tensor below \"1\"; it has \"0.v\", \"2.w\"");
	assert_non_null(
		strstr(NAMES("}U\1a}U\1a}U\1a}U\1a}U\1a}U\1a}U\1a}U\1a}U\1a}U\1w" PAIR "ssssssssss.", NULL),
		       "it holds no dict of tensors"));
	/* keys with dots; the last of two equal ones */
	assert_string_equal(NAMES("}(U\3a.b}U\1v" PAIR "sU\1a}U\1b}U\1w" PAIR "ssu.", NULL), "a.b.v a.b.w");
	assert_string_equal(NAMES("}(U\3a.b}U\1v" PAIR "sU\1c}U\1w" PAIR "su.", "a.b"), "v");
	assert_string_equal(NAMES("}(U\1a}U\1v" PAIR "sU\1a}U\1w" PAIR "su.", "a"), "w");
	/* values that are no tensors are left out, tensors of other forms are not */
	assert_string_equal(NAMES("}(U\1v" PAIR "U\1nNU\1ocx\ny\n)RU\5epochK\3K\7" PAIR "u.", NULL), "v");
	assert_string_equal(NAMES("}(U\1v" PAIR "U\1w" Q "u.", NULL),
			    "tensor \"w\" is made by torch._utils._rebuild_qtensor, which is not read here");
	assert_string_equal(NAMES("}(U\1a}U\1v" PAIR "sU\1b}(U\1w" Q "U\1x" PAIR "uu.", NULL), "a.v b.x");
	assert_string_equal(NAMES("cx\ny\n)R.", NULL),
			    "it holds an object of class x.y, which is not built here, and "
			    "no dict of tensors: save its state_dict() with torch.save");
	assert_string_equal(NAMES(PAIR ".", NULL), "it holds no dict of tensors");
}

static void test_names_first(void **state)
{
	(void)state;
	static const char pickle[] = "}(U\1t" TURNED "U\1w" PAIR "u.";
	float storage[6] = {1, 2, 3, 4, 5, 6};
	static const float turned[6] = {1, 3, 5, 2, 4, 6};
	const struct zip_file file[] = {{"x/data.pkl", pickle, sizeof pickle - 1},
					{"x/data/0", storage, sizeof storage}};
	const struct hm_weights_options o = {.names_first = true};
	struct hm_err e = {0};
	struct hm_buf b = {0};
	struct hm_weights *w;
	zip_write(&b, file, 2, true, false);
	assert_int_equal(hm_weights_parse(&w, b.data, b.len, &o, &e), 0);
	struct hm_tensor part = *hm_weights_find(w, "t"); /* its second row, under another name */
	part.name = "other";
	part.ndim = 1;
	part.dim[0] = 3;
	part.data = (char *)part.data + 12;
	assert_int_equal(hm_weights_verify(w, &part, 1, &e), 0);
	assert_memory_equal(hm_weights_find(w, "t")->data, turned, sizeof turned);
	hm_weights_close(w);

	unsigned char *at = memmem(b.data, b.len, storage, sizeof storage);
	assert_non_null(at);
	at[20] ^= 1;
	assert_int_equal(hm_weights_parse(&w, b.data, b.len, NULL, &e), HM_EDATA);
	assert_string_equal(e.text, "entry \"x/data/0\" is damaged: its CRC differs");
	assert_int_equal(hm_weights_parse(&w, b.data, b.len, &o, NULL), 0);
	for (size_t i = 0; i < 2; i++) {
		e = (struct hm_err){0};
		assert_int_equal(hm_weights_verify(w, &w->tensor[i], 1, &e), HM_EDATA);
		assert_string_equal(e.text, "entry \"x/data/0\" is damaged: its CRC differs");
	}
	hm_weights_close(w);
	hm_buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_found), cmocka_unit_test(test_open_clip),
					   cmocka_unit_test(test_two),	 cmocka_unit_test(test_nothing_found),
					   cmocka_unit_test(test_rule),	 cmocka_unit_test(test_names_first)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
