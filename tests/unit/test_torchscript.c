/* TorchScript archives (tests/data/weights/torchscript, made by tests/oracle/make_torchscript.py) hold the
 * names and bits that torch.jit.load finds; what only an enemy writes is refused. With two arguments the
 * program compares the tensors of two files: names, shapes and bits. */
#include "../support/weightopen.h"
#include "../support/zipwrite.h"
#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define DATA "tests/data/weights/torchscript/"

/* The name of the first tensor of a that is not the same in b, NULL when all are. */
static const char *find_difference(const struct hm_weights *a, const struct hm_weights *b)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct hm_tensor *x = &a->tensor[i], *y = hm_weights_find(b, x->name);
		size_t n;
		if (!y || x->dtype != y->dtype || x->ndim != y->ndim ||
		    memcmp(x->dim, y->dim, sizeof x->dim) || !hm_shape_count(x->ndim, x->dim, &n) ||
		    (n && memcmp(x->data, y->data, n * hm_dtype_size(x->dtype))))
			return x->name;
	}
	return NULL;
}

static void test_same(void **state)
{
	(void)state;
	static const char *const name[] = {"clip", "tree"};
	for (size_t i = 0; i < 2; i++) {
		char path[128];
		snprintf(path, sizeof path, DATA "%s.pt", name[i]);
		struct hm_weights *w = weightopen_ok(path, NULL);
		snprintf(path, sizeof path, DATA "%s.safetensors", name[i]);
		struct hm_weights *want = weightopen_ok(path, NULL);
		assert_true(w->torchscript);
		assert_false(want->torchscript);
		assert_int_equal(w->n, want->n);
		if (find_difference(want, w))
			fail_msg("%s differs", find_difference(want, w));
		hm_weights_close(want);
		hm_weights_close(w);
	}
	struct hm_weights *w = weightopen_ok(DATA "clip.pt", "visual"),
			  *all = weightopen_ok(DATA "clip.pt", NULL);
	assert_true(w->keyed && w->torchscript);
	assert_non_null(hm_weights_find(w, "transformer.resblocks.1.attn.in_proj_weight"));
	assert_int_equal(hm_weights_find(w, "conv1.weight")->dtype, HM_F16);
	assert_memory_equal(hm_weights_find(w, "conv1.weight")->data,
			    hm_weights_find(all, "visual.conv1.weight")->data, 2 * 8 * 3 * 4 * 4);
	assert_int_equal(hm_weights_find(all, "vocab_size")->dtype, HM_I64);
	hm_weights_close(all);
	hm_weights_close(w);
	w = weightopen_ok("tests/data/weights/resnet.pth", NULL);
	assert_false(w->torchscript);
	hm_weights_close(w);
}

static void test_files_refused(void **state)
{
	(void)state;
	weightopen_refused(DATA "frozen.pt", NULL,
			   "frozen.pt: a TorchScript archive whose modules hold no tensor; a frozen");
	weightopen_refused(DATA "clip.pt", "text",
			   "holds no tensor below \"text\"; it has \"context_length\", ");
	/* any shorter file, wherever it is cut, is refused with a sentence */
	struct hm_buf b = {0};
	assert_int_equal(hm_file_read(DATA "tree.pt", SIZE_MAX, &b, NULL), 0);
	for (size_t n = 0; n < b.len; n += n < b.len - 200 ? 97 : 1) {
		struct hm_err e = {0};
		struct hm_weights *w;
		unsigned char *cut = malloc(n ? n : 1);
		assert_non_null(cut);
		memcpy(cut, b.data, n);
		assert_int_equal(hm_weights_parse(&w, cut, n, NULL, &e), HM_EDATA);
		assert_true(e.text[0]);
		free(cut);
	}
	hm_buf_clear(&b);
}

/* ---- pickles made here, in a zip with one storage of 8 bytes ---- */

#define STORAGE "(U\7storagectorch\nFloatStorage\nU\0010U\6cuda:0K\2tQ"
#define PAIR                                                                                                 \
	"ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "K\0K\2\x85K\1\x85\x88"                               \
	"ccollections\nOrderedDict\n)RtR"
#define OTHER "ctorch._utils\n_rebuild_qtensor\n)R"
#define NEW "c__torch__.m\nNet\n)\x81" /* a module without attributes yet */
#define TAG "ctorch.jit._pickle\nrestore_type_tag\n"

/* The names of all tensors, separated by spaces; or the sentence of the error. */
static const char *names_of(const char *pickle, size_t n, char *out, size_t cap)
{
	static const float storage[2] = {1, 2};
	const struct zip_file file[] = {{"x/data.pkl", pickle, n}, {"x/data/0", storage, sizeof storage}};
	struct hm_err e = {0};
	struct hm_buf b = {0};
	struct hm_weights *w;
	size_t used = 0;
	zip_write(&b, file, 2, true, false);
	if (hm_weights_parse(&w, b.data, b.len, NULL, &e))
		snprintf(out, cap, "%s", e.text);
	for (size_t i = 0; w && i < w->n; i++)
		used += (size_t)snprintf(out + used, cap - used, "%s%s", i ? " " : "", w->tensor[i].name);
	hm_weights_close(w);
	hm_buf_clear(&b);
	return out;
}
#define NAMES(pickle) names_of(pickle, sizeof pickle - 1, text, sizeof text)

static void test_rule(void **state)
{
	(void)state;
	char text[1024];
	assert_string_equal(NAMES(NEW "}(U\1w" PAIR "U\1a" NEW "}U\1v" PAIR "sbub."), "a.v w");
	/* what is no tensor and no module is skipped, and so is what lists, tuples and dicts hold */
	assert_string_equal(NAMES(NEW "}(U\1w" PAIR "U\1nNU\1iK\1U\1l" TAG "](" PAIR
				      "eU\1t\x86RU\1d}U\1v" PAIR "sU\1p" PAIR
				      "\x85U\1qc__torch__.x\nPoint\n(K\1K\2tRub."),
			    "w");
	/* a part under two names is there under both; its state may come late and in two parts */
	assert_string_equal(NAMES(NEW "}(U\1a" NEW "q\0U\1bh\0ubh\0}U\1w" PAIR "sb}U\1v" PAIR "sb0."),
			    "a.v a.w b.v b.w");
	/* a state that is no dict of attributes */
	assert_string_equal(NAMES(NEW "}(U\1w" PAIR "U\1a" NEW "(" PAIR "tbub."), "w");
	assert_string_equal(NAMES(NEW "q\0}(U\1w" PAIR "ubh\0b."), "w");
	assert_string_equal(NAMES(NEW "}(K\1" PAIR "U\0" PAIR "U\1w" PAIR "ub."), "w");
	/* names twice: in one module, by dots */
	assert_string_equal(NAMES(NEW "}(U\1w" PAIR "U\1w" PAIR "ub."), "tensor \"w\" is there twice");
	assert_string_equal(NAMES(NEW "}(U\3a.w" PAIR "U\1a" NEW "}U\1w" PAIR "sbub."),
			    "tensor \"a.w\" is there twice");
	/* no tensors */
	assert_non_null(strstr(NAMES(NEW "}b."), "a TorchScript archive whose modules hold no tensor"));
	assert_non_null(strstr(NAMES(NEW "."), "a TorchScript archive whose modules hold no tensor"));
	assert_string_equal(
		NAMES(NEW "}U\1a" NEW "}U\1w" OTHER "sbsb."),
		"tensor \"a.w\" is made by torch._utils._rebuild_qtensor, which is not read here");
	/* a class made with arguments, or called, is an object like any other */
	assert_non_null(strstr(NAMES("c__torch__.m\nNet\nK\1\x85\x81}U\1w" PAIR "sb."),
			       "it holds an object of class __torch__.m.Net, which is not built here"));
	assert_non_null(strstr(NAMES("c__torch__x\nNet\n)\x81}U\1w" PAIR "sb."),
			       "an object of class __torch__x.Net"));
	assert_non_null(
		strstr(NAMES("c__torch__.m\nNet\n)R}U\1w" PAIR "sb."), "an object of class __torch__.m.Net"));
	assert_string_equal(NAMES("c__torch__\nNet\n)\x81}U\1w" PAIR "sb."), "w");
}

/* ---- what only an enemy writes ---- */

static void test_cycles(void **state)
{
	(void)state;
	char text[1024];
	assert_string_equal(NAMES(NEW "q\0}(U\1w" PAIR "U\1ah\0ub."), "module \"a.\" is a part of itself");
	assert_string_equal(NAMES(NEW "q\0}(U\1a" NEW "}(U\1bh\0ubub."),
			    "module \"a.b.\" is a part of itself");
	/* a module that is its own state, a state that holds itself */
	assert_non_null(strstr(NAMES(NEW "q\0h\0b."), "modules hold no tensor"));
	assert_non_null(strstr(NAMES(NEW "}q\0(U\1ah\0ub."), "modules hold no tensor"));
}

/* A module in a module, n deep, the innermost with a tensor; each with two names for the next when `twice`.
 */
static void add_nested(struct hm_buf *b, size_t n, bool twice)
{
	static const char new[] = NEW, leaf[] = "}U\1w" PAIR "sb";
	for (size_t i = 0; i < n; i++) {
		zip_bytes(b, new, sizeof new - 1);
		zip_bytes(b, "}(U\1a", 5);
	}
	zip_bytes(b, new, sizeof new - 1);
	zip_bytes(b, leaf, sizeof leaf - 1);
	for (size_t i = 0; i < n; i++) {
		const char put[] = {'q', (char)i}, get[] = {'U', 1, 'b', 'h', (char)i};
		if (twice) {
			zip_bytes(b, put, sizeof put);
			zip_bytes(b, get, sizeof get);
		}
		zip_bytes(b, "ub", 2);
	}
	zip_bytes(b, ".", 1);
}

static void test_depth(void **state)
{
	(void)state;
	static char text[1 << 16];
	static const struct {
		size_t n;
		bool twice;
		const char *says;
	} deep[] = {{64, false, "a.a.a.a.a"},
		    {65, false, "its modules are nested more than 64 deep"},
		    {100000, false, "its modules are nested more than 64 deep"},
		    {4, true, "a.a.a.a.w a.a.a.b.w a.a.b.a.w"},
		    {60, true, "tensors that share storages add up to more than four times the file"}};
	for (size_t i = 0; i < sizeof deep / sizeof *deep; i++) {
		struct hm_buf b = {0};
		add_nested(&b, deep[i].n, deep[i].twice);
		names_of((char *)b.data, b.len, text, sizeof text);
		if (!strstr(text, deep[i].says))
			fail_msg("%zu deep: %s", deep[i].n, text);
		hm_buf_clear(&b);
	}
	/* parts of parts without tensors: counted, not walked for ever */
	struct hm_buf b = {0};
	zip_bytes(&b, NEW "}b", sizeof NEW - 1 + 2);
	for (int i = 0; i < 60; i++) {
		const char put[] = {'q', (char)i, '0'},
			   get[] = {'}', '(', 'U', 1, 'a', 'h', (char)i, 'U', 1, 'b', 'h', (char)i, 'u', 'b'};
		zip_bytes(&b, put, sizeof put);
		zip_bytes(&b, NEW, sizeof NEW - 1);
		zip_bytes(&b, get, sizeof get);
	}
	zip_bytes(&b, ".", 1);
	assert_string_equal(names_of((char *)b.data, b.len, text, sizeof text),
			    "its modules have more than 1048576 attributes");
	hm_buf_clear(&b);
}

static void test_long_names(void **state)
{
	(void)state;
	static char text[1 << 12], name[2000];
	memset(name, 'n', sizeof name);
	for (size_t n = 1022; n <= 1024; n++) {
		struct hm_buf b = {0};
		zip_bytes(&b, NEW "}(X", sizeof NEW - 1 + 3);
		zip_number(&b, n, 4);
		zip_bytes(&b, name, n);
		zip_bytes(&b, PAIR "ub.", sizeof PAIR - 1 + 3);
		names_of((char *)b.data, b.len, text, sizeof text);
		if (n < 1024)
			assert_int_equal(strlen(text), n);
		else
			assert_non_null(strstr(text, "is longer than the 1023 bytes of a name"));
		hm_buf_clear(&b);
	}
}

static void test_storages(void **state)
{
	(void)state;
	char text[1024];
	static const char missing[] =
		NEW "}(U\1w"
		    "ctorch._utils\n_rebuild_tensor_v2\n((U\7storagectorch\nFloatStorage\nU\0017U\3"
		    "cpuK\2tQK\0K\2\x85K\1\x85\x88"
		    "ccollections\nOrderedDict\n)RtRub.";
	static const char large[] = NEW "}(U\1w"
					"ctorch._utils\n_rebuild_tensor_v2\n(" STORAGE "K\0K\3\x85K\1\x85\x88"
					"ccollections\nOrderedDict\n)RtRub.";
	assert_string_equal(NAMES(missing), "tensor \"w\": its storage \"7\" is not in the file");
	assert_string_equal(NAMES(large), "tensor \"w\": it has more elements than the 2 of its storage");
}

/* hm_weights_open of both and all tensors of each in the other; for tests/oracle/check_weights.py. */
static int compare_files(const char *a, const char *b)
{
	struct hm_err e = {0};
	struct hm_weights *x = NULL, *y = NULL;
	const char *name = NULL;
	bool good = !hm_weights_open(&x, a, NULL, &e) && !hm_weights_open(&y, b, NULL, &e);
	if (good)
		name = find_difference(x, y) ? find_difference(x, y) : find_difference(y, x);
	if (!good || name)
		printf("%s\n", good ? name : e.text);
	hm_weights_close(x);
	hm_weights_close(y);
	return !good || name;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same),	cmocka_unit_test(test_files_refused),
		cmocka_unit_test(test_rule),	cmocka_unit_test(test_cycles),
		cmocka_unit_test(test_depth),	cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_storages)};
	if (argc == 3)
		return compare_files(argv[1], argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
