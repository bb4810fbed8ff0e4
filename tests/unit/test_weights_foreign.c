/* What is said of files, folders and paths that hold no weights: what they are, and what to do. */
#include "base/file.h"
#include "weights/weights.h"
#include "../support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define SAYS(bytes, why) says(bytes, sizeof bytes - 1, why)
static void says(const void *p, size_t n, const char *why)
{
	struct hm_err e = {0};
	struct hm_weights *w;
	assert_int_equal(hm_weights_parse(&w, p, n, NULL, &e), HM_EDATA);
	assert_null(w);
	if (!strstr(e.text, why))
		fail_msg("\"%s\" does not say \"%s\"", e.text, why);
}

static void test_files(void **state)
{
	(void)state;
	SAYS("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 440449768\n",
	     "a Git LFS pointer: the file itself was not fetched (git lfs pull)");
	SAYS("version https://hawser.github.com/spec/v1\n", "git lfs pull");
	SAYS("/annex/objects/SHA256E-s1--ab.bin\n", "git annex get");
	SAYS("\n<!DOCTYPE html>\n<html><head>", "an HTML page, not the file itself");
	SAYS("\xef\xbb\xbf<HTML>", "an HTML page");
	SAYS("<?xml version='1.0'?><Error><Code>AccessDenied</Code>", "an XML file, not the file itself");
	SAYS("", "an empty file: fetch it again");
	SAYS("\0\0\0\0\0\0\0\0\0\0\0\0", "NUL bytes only");
	SAYS("{\"error\": \"Repository not found\"}",
	     "a JSON text: hm reads .safetensors and what PyTorch's torch.save");
	SAYS("{\"a\":[1,{}]}", "a JSON text"); /* the ninth byte is a brace, as in .safetensors */
	SAYS("{\"metadata\":{},\"weight_map\":{\"a\":\"b\"}}", "an index of weight files: give the folder");
	SAYS("GGUF\3\0\0\0", "a GGUF or GGML file (llama.cpp): hm reads");
	SAYS("\x89HDF\r\n\x1a\n\0\0", "an HDF5 file (Keras, TensorFlow): hm reads");
	SAYS("\x1c\0\0\0TFL3", "a TensorFlow Lite file");
	SAYS("\x08\1\x12\x80\1\x0a", "a SavedModel of TensorFlow");
	SAYS("....\x57\xfb\x80\x8b\x24\x75\x47\xdb", "the index of a TensorFlow checkpoint");
	SAYS("model_checkpoint_path: \"model.ckpt\"\n", "a list of TensorFlow checkpoints");
	SAYS("\x08\x08\x12\x07pytorch\x1a", "an ONNX file");
	SAYS("\x81\xa6params\x81", "a msgpack file (Flax)");
	SAYS("\xde\0\x10\xd9\x26"
	     "bert/embeddings/position_embeddings/kern",
	     "a msgpack file (Flax)");
	SAYS("\x80\4\x95\x10\0\0\0\0\0\0\0}", "a Python pickle, but not one of torch.save");
	SAYS("\x1f\x8b\x08\0", "a gzip file: unpack it (gzip -dc)");
	SAYS("\x93NUMPY\1\0", "a NumPy array");
	SAYS("%PDF-1.5", "a PDF file");
	SAYS("\1\2\3\4\5\6\7\x88\x99",
	     "neither .safetensors nor a .pth of torch.save; it begins with the bytes 01 02 03 04");
	SAYS("PK\3\4\24\0\0\0\0\0", "the file is cut: a zip whose directory");
	SAYS("PK\5\6\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", "an empty zip archive");
	SAYS("\xff\0\0\0\0\0\0\0{", "the file is cut: its header has 255 bytes, 1 are there; fetch it again");
	unsigned char tar[512] = {'a'};
	memcpy(tar + 257, "ustar", 5);
	says(tar, sizeof tar, "a tar archive: unpack it (tar -xf)");
}

static void opens_not(const char *path, const char *why)
{
	struct hm_err e = {0};
	struct hm_weights *w;
	assert_int_equal(hm_weights_open(&w, path, NULL, &e), HM_EDATA);
	assert_null(w);
	if (strncmp(e.text, path, strlen(path)) || !strstr(e.text, why))
		fail_msg("\"%s\" does not say \"%s\"", e.text, why);
}

/* The common mistake of naming the records twice. */
static void test_records(void **state)
{
	(void)state;
	says("\x5b\x2a\x4d\x18\x40\0\0\0HMRH....", 16,
	     "a stream of records (.hmr), where weights or a model are wanted: hm-fuse-train makes a model "
	     "of records");
}

static void test_paths(void **state)
{
	(void)state;
	struct hm_err e = {0};
	struct hm_weights *w;
	opens_not("weights/resnet18-f37072fd.pth",
		  "No such file or directory; pipelines/get-weights.sh fetches it");
	opens_not("resnet18", "get-weights.sh");
	opens_not("weights/resnet18.pth", "pipelines/get-weights.sh fetches resnet18-f37072fd.pth");
	opens_not("bert-base-uncased", "get-weights.sh");
	opens_not("google-bert/bert-base-uncased", "get-weights.sh");
	opens_not("weights/bert-base-uncased/model.safetensors", "get-weights.sh");
	opens_not("google/electra-small", "names of the Hugging Face hub are not fetched");
	static const char *const plain[] = {
		"weights/model.safetensors",	      "./a/b", "tests/nothing", "/a/b", "resnet50.pth",
		"tests/unit/test_weights_foreign.c/x"};
	for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
		e = (struct hm_err){0};
		assert_int_equal(hm_weights_open(&w, plain[i], NULL, &e), HM_EDATA);
		assert_null(strchr(e.text, ';'));
	}
}

static char folder[TEST_PATH];

static const char *path_of(const char *name)
{
	static char path[256];
	snprintf(path, sizeof path, "%s/%s", folder, name);
	return path;
}

/* An empty file of this name in the folder. */
static void put_file(const char *name)
{
	assert_int_equal(hm_file_write(path_of(name), "", 0, NULL), 0);
}

static void remove_folder(void)
{
	char line[96];
	snprintf(line, sizeof line, "rm -rf %s", folder);
	assert_int_equal(system(line), 0);
}

static void empty_folder(void)
{
	remove_folder();
	assert_int_equal(mkdir(folder, 0777), 0);
}

static void test_folders(void **state)
{
	(void)state;
	test_scratch_folder(folder);
	opens_not(folder,
		  "a folder without model.safetensors, pytorch_model.bin and open_clip's files; it is empty");
	put_file("config.json");
	opens_not(folder, "; it has \"config.json\"");
	put_file("tf_model.h5");
	opens_not(folder, "; it has \"tf_model.h5\", \"config.json\"; hm reads PyTorch's weights only");
	put_file("adapter_model.safetensors");
	opens_not(folder,
		  "; it has \"adapter_model.safetensors\", \"tf_model.h5\", \"config.json\"; give the "
		  "file itself");
	empty_folder();
	put_file("model.safetensors.part");
	opens_not(folder, "; it has \"model.safetensors.part\"; a download that was not finished");
	empty_folder();
	assert_int_equal(mkdir(path_of("snapshots"), 0777), 0);
	assert_int_equal(mkdir(path_of("blobs"), 0777), 0);
	opens_not(folder, "; it has \"blobs\", \"snapshots\"; give the folder below snapshots");
	empty_folder();
	for (char c = 'a'; c < 'g'; c++)
		put_file((char[]){c, 0});
	opens_not(folder, "\"a\", \"b\", \"c\", \"d\" …");
	empty_folder();
	assert_int_equal(hm_file_write(path_of("model.safetensors.index.json"),
				       "version https://git-lfs.github.com/spec/v1\n", 43, NULL),
			 0);
	struct hm_err e = {0};
	struct hm_weights *w;
	assert_int_equal(hm_weights_open(&w, folder, NULL, &e), HM_EDATA);
	char want[256];
	snprintf(want, sizeof want,
		 "%s/model.safetensors.index.json: a Git LFS pointer: the file itself was not fetched "
		 "(git lfs pull)",
		 folder);
	assert_string_equal(e.text, want);
	assert_int_equal(hm_file_write(path_of("config.json"), "<html>", 6, NULL), 0);
	cJSON *config;
	e = (struct hm_err){0};
	assert_int_equal(hm_weights_json(folder, "config.json", &config, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "config.json: an HTML page"));
	assert_int_equal(hm_weights_json(folder, "open_clip_config.json", &config, NULL), 0);
	assert_null(config);
	assert_int_equal(hm_file_write(path_of("open_clip_config.json"), "[]", 2, NULL), 0);
	e = (struct hm_err){0};
	assert_int_equal(hm_weights_json(path_of("any.pt"), "open_clip_config.json", &config, &e), HM_EDATA);
	snprintf(want, sizeof want, "%s/open_clip_config.json: its JSON is not an object", folder);
	assert_string_equal(e.text, want);
	assert_int_equal(hm_file_write(path_of("preprocessor_config.json"), "{\"size\": 224}", 13, NULL), 0);
	assert_int_equal(hm_weights_json(path_of("any.pt"), "preprocessor_config.json", &config, NULL), 0);
	assert_true(cJSON_GetNumberValue(cJSON_GetObjectItem(config, "size")) == 224);
	cJSON_Delete(config);
	remove_folder();
}

/* open_clip's names are looked for after Hugging Face's, .safetensors first. */
static void test_open_clip(void **state)
{
	(void)state;
	static const char *const order[] = {"open_clip_pytorch_model.bin", "open_clip_model.safetensors",
					    "pytorch_model.bin"};
	test_scratch_folder(folder);
	assert_false(hm_weights_is_folder(folder));
	for (size_t i = 0; i < 3; i++) { /* each is taken before the one before, which is empty */
		char from[128];
		struct hm_err e = {0};
		struct hm_weights *w;
		struct hm_buf b = {0};
		snprintf(from, sizeof from, "tests/data/weights/resnet.%s", i == 1 ? "safetensors" : "pth");
		assert_int_equal(hm_file_read(from, SIZE_MAX, &b, NULL), 0);
		assert_int_equal(hm_file_write(path_of(order[i]), b.data, b.len, NULL), 0);
		assert_true(hm_weights_is_folder(folder));
		if (hm_weights_open(&w, folder, NULL, &e))
			fail_msg("%s", e.text);
		assert_non_null(hm_weights_find(w, "conv1.weight"));
		hm_weights_close(w);
		hm_buf_clear(&b);
		put_file(order[i]);
		assert_int_equal(hm_weights_open(&w, folder, NULL, &e), HM_EDATA);
		assert_non_null(strstr(e.text, order[i]));
	}
	remove_folder();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_files), cmocka_unit_test(test_records),
					   cmocka_unit_test(test_paths), cmocka_unit_test(test_folders),
					   cmocka_unit_test(test_open_clip)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
