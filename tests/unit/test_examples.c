/* Examples for training: what a batch holds is what the records say, in memory, fetched by index or out of a
 * temporary file; encoders that run while reading give hm_encode's bytes; what cannot be trained on is
 * refused or left out. */
#include "../support/streams.h"
#include "feed/columns.h"
#include "feed/examplesparts.h"
#include "nn/early.h"
#include "nn/late.h"

#include <math.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { N = 40, SIDE = 32, C = 6, H = 4, P = 2, IMAGE = 3 * SIDE * SIDE };

static struct hm_err e;
static char file[64];
static struct hm_encoder bert, resnet;

/* Record i of the test's set. */
static void values(int i, uint8_t *pixels, int32_t *ids, int *len, uint16_t *grid, float *image, float *text)
{
	for (int k = 0; k < IMAGE; k++)
		pixels[k] = (uint8_t)(i * 37 + k * (i % 7 + 1) + k / 91);
	*len = i == 3 ? 600 : 3 + i * 5 % 17; /* one is too long for early fusion */
	for (int k = 0; k < *len; k++)
		ids[k] = k ? 1000 + (i * 131 + k * 17) % 2000 : 101;
	ids[*len - 1] = 102;
	for (int k = 0; k < P * C; k++)
		grid[k] = hm_f32_to_f16((float)i - (float)k / 8);
	for (int k = 0; k < C; k++)
		image[k] = (float)i / 3 + (float)k;
	for (int k = 0; k < H; k++)
		text[k] = k == 2 ? 7 : (float)(i * k) - 1;
}

/* long_text: record 3 has its 600 ids. error, unlabelled: of that record, -1 none. */
static void write_set(const char *path, bool long_text, int error, int unlabelled)
{
	struct hm_schema s = {0};
	struct hm_writer *w;
	struct hm_writer_options o = {.block_size = 9000};
	hm_schema_add(&s, "id", HM_UTF8, 0, NULL, NULL, &e);
	hm_schema_add(&s, "label", HM_I32, 0, NULL, NULL, &e);
	hm_schema_add(&s, "error", HM_UTF8, 0, NULL, NULL, &e);
	hm_schema_add(&s, "pixels", HM_U8, DIMS(3, SIDE, SIDE), NULL, &e);
	hm_schema_add(&s, "token_ids", HM_I32, DIMS(-1), NULL, &e);
	hm_schema_add(&s, "image_grid", HM_F16, DIMS(P, C), NULL, &e);
	hm_schema_add(&s, "image_feature", HM_F32, DIMS(C), NULL, &e);
	hm_schema_add(&s, "text_feature", HM_F32, DIMS(H), NULL, &e);
	assert_int_equal(hm_writer_open(&w, path, &s, NULL, NULL, &o, NULL, &e), 0);
	for (int i = 0; i < N; i++) {
		uint8_t pixels[IMAGE];
		int32_t ids[600], label = i == unlabelled ? -1 : i % 2;
		uint16_t grid[P * C];
		float image[C], text[H];
		char id[16];
		int len;
		values(i, pixels, ids, &len, grid, image, text);
		if (len > 100 && !long_text)
			len = 20;
		assert_int_equal(
			hm_writer_put(w,
				      (struct hm_val[]){{id, (size_t)snprintf(id, sizeof id, "n%d", i)},
							{&label, 1},
							{"bad", i == error ? 3 : 0},
							{pixels, IMAGE},
							{ids, (size_t)len},
							{grid, P * C},
							{image, C},
							{text, H}},
				      &e),
			0);
	}
	assert_int_equal(hm_writer_finish(w, 0, &e), 0);
	hm_schema_clear(&s);
}

static int setup(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	test_scratch(file);
	write_set(file, true, -1, -1);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	return unlink(file);
}

static int open_encoders(void **state)
{
	struct hm_encoder_options o = {0};
	(void)state;
	return hm_encoder_open(&bert, HM_TEXT, "init:bert-tiny:3", &o, &e) ||
	       hm_encoder_open(&resnet, HM_IMAGE, "init:resnet-tiny:4", &o, &e);
}

static int clear_encoders(void **state)
{
	(void)state;
	hm_encoder_clear(&bert);
	hm_encoder_clear(&resnet);
	return 0;
}

static int read_examples(struct hm_examples *x, char *path, const struct hm_examples_options *o, int threads)
{
	struct hm_join *in;
	struct hm_workers *w = hm_workers_new(threads, &e);
	struct hm_device *d = hm_device_open("cpu", HM_PREC_F32, &e);
	assert_int_equal(hm_join_open(&in, 1, &path, NULL, &e), 0);
	int rc = hm_examples_read(x, in, o, w, d, &e);
	hm_join_close(in);
	hm_device_close(d);
	hm_workers_free(w);
	return rc;
}

/* Everything of a batch of a scattered order, end to end. */
static void take_batches(struct hm_examples *x, struct hm_buf *out)
{
	static const uint32_t order[] = {39, 0, 3, 17, 18, 2, 38, 5, 39, 11};
	struct hm_minibatch b;
	out->len = 0;
	for (size_t at = 0; at < 10; at += 5) {
		assert_int_equal(hm_examples_batch(x, order + at, 5, &b, &e), 0);
		assert_int_equal(b.n, 5);
		size_t words = 0;
		for (int i = 0; b.len && i < 5; i++)
			words += (size_t)b.len[i];
		hm_buf_add(out, b.label, 5 * sizeof *b.label, &e);
		if (b.pixels)
			hm_buf_add(out, b.pixels, 5 * IMAGE, &e);
		for (int k = 0; k < HM_SIDES; k++)
			if (b.feature[k])
				hm_buf_add(out, b.feature[k],
					   5 * (size_t)x->feature[k].dim *
						   (size_t)(k == HM_IMAGE && x->cells ? x->cells : 1) *
						   sizeof(float),
					   &e);
		if (b.joined)
			hm_buf_add(out, b.joined,
				   5 * (size_t)(x->feature[HM_IMAGE].dim + x->feature[HM_TEXT].dim) *
					   sizeof(float),
				   &e);
		if (b.ids)
			hm_buf_add(out, b.ids, words * sizeof *b.ids, &e);
		if (b.ids)
			hm_buf_add(out, b.len, 5 * sizeof *b.len, &e);
	}
}

/* A FIFO out of which the file's bytes come. */
static pid_t pour(const char *fifo)
{
	assert_int_equal(mkfifo(fifo, 0600), 0);
	pid_t child = fork();
	if (!child) {
		char part[4096];
		FILE *from = fopen(file, "rb"), *to = fopen(fifo, "wb");
		for (size_t n; from && to && (n = fread(part, 1, sizeof part, from));)
			fwrite(part, 1, n, to);
		_exit(to && !fclose(to) ? 0 : 1);
	}
	return child;
}

static void where_examples_lie_does_not_matter(void **state)
{
	static const struct {
		const struct hm_fusion_kind *kind;
		enum hm_use image, text;
	} set[] = {
		{&hm_late_fusion, HM_USE_FEATURE, HM_USE_FEATURE},
		{&hm_late_fusion, HM_USE_TRAINED, HM_USE_FEATURE},
		{&hm_late_fusion, HM_USE_FEATURE, HM_USE_TRAINED},
		{&hm_late_fusion, HM_USE_TRAINED, HM_USE_TRAINED},
		{&hm_late_fusion, HM_USE_FROZEN, HM_USE_FROZEN},
		{&hm_late_fusion, HM_USE_NONE, HM_USE_TRAINED},
		{&hm_late_fusion, HM_USE_COMPUTED, HM_USE_COMPUTED},
		{&hm_early_fusion, HM_USE_FEATURE, HM_USE_TRAINED},
		{&hm_early_fusion, HM_USE_FROZEN, HM_USE_TRAINED},
		{&hm_early_fusion, HM_USE_COMPUTED, HM_USE_TRAINED},
	};
	(void)state;
	for (size_t k = 0; k < sizeof set / sizeof *set; k++) {
		struct hm_buf want = {0}, got = {0};
		char digest[33];
		bool early = set[k].kind == &hm_early_fusion;
		write_set(file, early, -1, -1);
		/* in memory; fetched by index; spooled, of several; fetched, but for the first ones; a pipe
		 */
		for (int where = 0; where < 5; where++) {
			char fifo[80], *path = where == 4 ? fifo : file;
			struct hm_examples x;
			struct hm_examples_options o = {
				.kind = set[k].kind,
				.side = {{set[k].image, &resnet}, {set[k].text, &bert}},
				.memory = where == 0   ? 1 << 30
					  : where == 3 ? 3000
						       : 0,
				.path = where == 2 ? NULL : path,
				.unknown = true};
			snprintf(fifo, sizeof fifo, "%s.fifo", file);
			pid_t child = where == 4 ? pour(fifo) : 0;
			int rc = read_examples(&x, path, &o, 1 + where % 2);
			if (rc)
				fail_msg("set %zu, place %d: %s", k, where, e.text);
			assert_int_equal(x.n, N);
			assert_int_equal(x.cut, early ? 1 : 0);
			assert_string_equal(x.id[17], "n17");
			if (!where)
				memcpy(digest, x.digest, sizeof digest);
			assert_string_equal(x.digest, digest);
			take_batches(&x, where ? &got : &want);
			if (where) {
				assert_int_equal(got.len, want.len);
				assert_memory_equal(got.data, want.data, want.len);
			}
			hm_examples_clear(&x);
			if (child)
				assert_true(waitpid(child, NULL, 0) == child && !unlink(fifo));
		}
		hm_buf_clear(&want);
		hm_buf_clear(&got);
	}
}

static void batches_hold_what_the_records_say(void **state)
{
	(void)state;
	struct hm_examples x;
	struct hm_minibatch b;
	struct hm_examples_options o = {.kind = &hm_early_fusion,
					.side = {{HM_USE_FEATURE, NULL}, {HM_USE_TRAINED, &bert}},
					.path = file,
					.unknown = true};
	uint8_t pixels[IMAGE];
	int32_t ids[600];
	uint16_t grid[P * C];
	float image[C], text[H];
	int len, most = bert.shape.positions - P;
	assert_int_equal(read_examples(&x, file, &o, 1), 0);
	assert_int_equal(x.cells, P);
	assert_int_equal(x.feature[HM_IMAGE].dim, C);
	assert_int_equal(x.feature[HM_TEXT].dim, 0);
	assert_int_equal(hm_examples_batch(&x, (uint32_t[]){7, 3}, 2, &b, &e), 0);
	values(7, pixels, ids, &len, grid, image, text);
	assert_int_equal(b.len[0], len);
	assert_memory_equal(b.ids, ids, (size_t)len * sizeof *ids);
	assert_int_equal(b.label[0], 1);
	for (int k = 0; k < P * C; k++)
		assert_true(b.feature[HM_IMAGE][k] == hm_f16_to_f32(grid[k]));
	values(3, pixels, ids, &len, grid, image, text);
	assert_int_equal(b.len[1], most); /* the first ones, and the last */
	assert_memory_equal(b.ids + b.len[0], ids, (size_t)(most - 1) * sizeof *ids);
	assert_int_equal(b.ids[b.len[0] + most - 1], 102);
	hm_examples_clear(&x);
}

/* As hm_encode alone has it, for any number of threads. */
static void encoders_give_their_own_bytes(void **state)
{
	(void)state;
	float want[N][128];
	struct hm_device *d = hm_device_open("cpu", HM_PREC_F32, &e);
	struct hm_workers *w = hm_workers_new(1, &e);
	struct hm_encode_item item[N] = {{0}};
	struct hm_encode_window window = {.item = item, .n = N};
	struct hm_encode_config c = {
		.side = {{.batch = 1}, {.encoder = &bert, .want = {[HM_POOLED] = true}, .batch = 64}}};
	struct hm_encode *x;
	static int32_t ids[N][600];
	write_set(file, false, -1, -1);
	for (int i = 0; i < N; i++) {
		uint8_t pixels[IMAGE];
		uint16_t grid[P * C];
		float image[C], text[H];
		int len;
		values(i, pixels, ids[i], &len, grid, image, text);
		item[i] = (struct hm_encode_item){.ids = ids[i], .len = len > 100 ? 20 : len};
		item[i].out[HM_TEXT][HM_POOLED] = want[i];
	}
	assert_int_equal(bert.shape.width, 128);
	assert_int_equal(hm_encode_new(&x, &c, d, w, &e), 0);
	assert_int_equal(hm_encode_start(x, &window, &e), 0);
	assert_int_equal(hm_encode_wait(x, &window, &e), 0);
	hm_encode_free(x);
	hm_encode_window_clear(&window);
	for (int threads = 1; threads <= 3; threads++) {
		struct hm_examples set;
		struct hm_minibatch b;
		struct hm_examples_options o = {.kind = &hm_late_fusion,
						.side = {[HM_TEXT] = {HM_USE_COMPUTED, &bert}},
						.memory = threads == 2 ? 0 : 1 << 20};
		assert_int_equal(read_examples(&set, file, &o, threads), 0);
		assert_string_equal(set.feature[HM_TEXT].encoder, bert.digest);
		assert_string_equal(set.feature[HM_TEXT].output, "pooler");
		assert_string_equal(set.feature[HM_TEXT].precision, "f32");
		for (uint32_t i = 0; i < N; i++) {
			assert_int_equal(hm_examples_batch(&set, &i, 1, &b, &e), 0);
			assert_memory_equal(b.joined, want[i], sizeof want[i]);
		}
		hm_examples_clear(&set);
	}
	hm_workers_free(w);
	hm_device_close(d);
}

static void features_are_standardised(void **state)
{
	(void)state;
	for (int where = 0; where < 3; where++) {
		struct hm_examples x;
		struct hm_minibatch b;
		struct hm_examples_options o = {.kind = &hm_late_fusion,
						.side = {{HM_USE_FEATURE, NULL}, {HM_USE_FEATURE, NULL}},
						.memory = where ? 0 : 1 << 20,
						.path = where == 1 ? file : NULL,
						.unknown = true};
		double mean[C + H], deviation[C + H], again[C + H], one[C + H];
		assert_int_equal(read_examples(&x, file, &o, 1), 0);
		assert_int_equal(hm_examples_moments(&x, mean, deviation, &e), 0);
		assert_true(fabs(mean[0] - (N - 1) / 6.0) < 1e-6);
		assert_true(mean[C + 2] == 7 && deviation[C + 2] == 1); /* constant */
		hm_examples_standardise(&x, mean, deviation);
		assert_int_equal(hm_examples_batch(&x, &(uint32_t){9}, 1, &b, &e), 0);
		assert_true(b.joined[C + 1] == (float)((8 - mean[C + 1]) / deviation[C + 1]));
		assert_int_equal(hm_examples_moments(&x, again, one, &e), 0);
		for (int j = 0; j < C + H; j++)
			assert_true(fabs(again[j]) < 1e-6 && fabs(one[j] - 1) < 1e-6);
		hm_examples_clear(&x);
	}
}

static void what_cannot_be_trained_on(void **state)
{
	static const struct {
		int error, unlabelled;
		enum hm_use text;
		const char *says;
	} bad[] = {
		{5, -1, HM_USE_FEATURE, "record 5 (id n5): an earlier tool failed on it"},
		{-1, 6, HM_USE_FEATURE, "record 6 (id n6): it has no label"},
		{-1, -1, HM_USE_TRAINED, "record 3 (id n3)"}, /* 600 ids, late */
	};
	(void)state;
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
		struct hm_examples x;
		struct hm_examples_options o = {.kind = &hm_late_fusion,
						.side = {[HM_TEXT] = {bad[k].text, &bert}},
						.path = file,
						.unknown = true};
		e = (struct hm_err){0};
		write_set(file, true, bad[k].error, bad[k].unlabelled);
		assert_int_equal(read_examples(&x, file, &o, 1), HM_EDATA);
		assert_non_null(strstr(e.text, bad[k].says));
		assert_memory_equal(e.text, file, strlen(file));
		hm_examples_clear(&x);
		if (bad[k].text == HM_USE_TRAINED)
			continue;
		struct hm_minibatch b;
		o.skip = true;
		e = (struct hm_err){0};
		assert_int_equal(read_examples(&x, file, &o, 1), 0);
		assert_int_equal(x.n, N - 1);
		assert_int_equal(x.failed + 2 * x.unlabelled, bad[k].error >= 0 ? 1 : 2);
		assert_string_equal(x.id[6], "n7");
		assert_int_equal(hm_examples_batch(&x, &(uint32_t){6}, 1, &b, &e), 0);
		assert_true(b.joined[1] == 6); /* record 7's, fetched by its number in the file */
		hm_examples_clear(&x);
	}
}

/* The record that is named is the one that was computed, not the last one that was read. */
static void a_computed_feature_is_finite(void **state)
{
	(void)state;
	struct hm_encoder broken;
	struct hm_examples x;
	assert_int_equal(
		hm_encoder_open(&broken, HM_TEXT, "init:bert-tiny:3", &(struct hm_encoder_options){0}, &e),
		0);
	struct hm_params *p = &broken.tower->params;
	p->data[p->count - 1] = NAN; /* the pooler's bias */
	struct hm_examples_options o = {
		.kind = &hm_late_fusion, .side = {[HM_TEXT] = {HM_USE_COMPUTED, &broken}}, .skip = true};
	write_set(file, false, -1, 0);
	assert_int_equal(read_examples(&x, file, &o, 2), HM_EDATA);
	assert_non_null(strstr(e.text, "record 1 (id n1): its feature holds a number that is not finite"));
	assert_memory_equal(e.text, file, strlen(file));
	hm_examples_clear(&x);
	hm_encoder_clear(&broken);
}

/* Columns of the right name that are not what their tools make. */
static void other_columns_are_refused(void **state)
{
	static const struct {
		enum hm_column instead;
		enum hm_dtype dtype;
		enum hm_use image, text;
		const char *says;
	} bad[] = {
		{HM_COLUMN_LABEL, HM_I64, HM_USE_FEATURE, HM_USE_FEATURE, "column \"label\" is I64"},
		{HM_COLUMN_ERROR, HM_I32, HM_USE_FEATURE, HM_USE_FEATURE, "column \"error\" is I32"},
		{HM_COLUMN_IMAGE_FEATURE, HM_F64, HM_USE_FEATURE, HM_USE_NONE,
		 "column \"image_feature\" is F64"},
		{HM_COLUMN_TEXT_FEATURE, HM_I32, HM_USE_NONE, HM_USE_FEATURE,
		 "column \"text_feature\" is I32"},
		{HM_COLUMN_PIXELS, HM_U8, HM_USE_TRAINED, HM_USE_NONE, "column \"pixels\" is U8"},
		{HM_COLUMN_PIXELS, HM_U8, HM_USE_COMPUTED, HM_USE_NONE, "column \"pixels\" is U8"},
		{HM_COLUMN_TOKEN_IDS, HM_I64, HM_USE_NONE, HM_USE_TRAINED, "column \"token_ids\" is I64"},
	};
	(void)state;
	for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
		for (int there = 0; there < 2; there++) { /* of another type; not at all */
			struct hm_schema s = {0};
			struct hm_writer *w;
			struct hm_examples x;
			struct hm_examples_options o = {
				.kind = &hm_late_fusion,
				.side = {{bad[k].image, &resnet}, {bad[k].text, &bert}},
				.unknown = true};
			const char *name = hm_column_name(bad[k].instead);
			char missing[64];
			e = (struct hm_err){0};
			if (!there && bad[k].instead == HM_COLUMN_ERROR)
				continue; /* which need not be there */
			hm_schema_add(&s, "id", HM_UTF8, 0, NULL, NULL, &e);
			if (bad[k].instead != HM_COLUMN_LABEL)
				hm_schema_add(&s, "label", HM_I32, 0, NULL, NULL, &e);
			if (there)
				hm_schema_add(&s, name, bad[k].dtype, 0, NULL, NULL, &e);
			for (int c = HM_COLUMN_IMAGE_FEATURE; c <= HM_COLUMN_TEXT_FEATURE; c += 2)
				if (hm_schema_find(&s, hm_column_name((enum hm_column)c)) < 0 &&
				    c != (int)bad[k].instead)
					hm_schema_add(&s, hm_column_name((enum hm_column)c), HM_F32, DIMS(C),
						      NULL, &e);
			assert_int_equal(hm_writer_open(&w, file, &s, NULL, NULL, NULL, NULL, &e), 0);
			assert_int_equal(hm_writer_finish(w, 0, &e), 0);
			assert_int_equal(read_examples(&x, file, &o, 1), HM_EDATA);
			snprintf(missing, sizeof missing, "there is no column \"%s\"", name);
			if (!strstr(e.text, there ? bad[k].says : missing) ||
			    strncmp(e.text, file, strlen(file)))
				fail_msg("row %zu: \"%s\"", k, e.text);
			hm_examples_clear(&x);
			hm_schema_clear(&s);
		}
}

/* A file that is replaced or written over between reading and training is an error, not another example. */
static void a_file_that_changes_is_noticed(void **state)
{
	(void)state;
	struct hm_examples x;
	struct hm_minibatch b;
	struct hm_examples_options o = {.kind = &hm_late_fusion,
					.side = {[HM_TEXT] = {HM_USE_FEATURE, NULL}},
					.path = file,
					.unknown = true};
	assert_int_equal(read_examples(&x, file, &o, 1), 0);
	struct hm_examples_place *place = (struct hm_examples_place *)(void *)x.store->places.data;
	place->hash ^= 1; /* as if a sound block of other content stood there now */
	assert_int_equal(hm_examples_batch(&x, &(uint32_t){0}, 1, &b, &e), HM_EDATA);
	assert_string_equal(e.text, "id n0: the file has changed since it was read");
	place->hash ^= 1;
	assert_int_equal(hm_examples_batch(&x, &(uint32_t){0}, 1, &b, &e), 0);
	assert_int_equal(hm_examples_batch(&x, &(uint32_t){39}, 1, &b, &e), 0);
	e = (struct hm_err){0};
	FILE *f = fopen(file, "r+b");
	assert_non_null(f);
	for (int k = 0; k < 20000; k++)
		fputc(0, f);
	fclose(f);
	assert_int_equal(hm_examples_batch(&x, &(uint32_t){0}, 1, &b, &e), HM_EDATA);
	assert_memory_equal(e.text, file, strlen(file));
	hm_examples_clear(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(where_examples_lie_does_not_matter, setup, teardown),
		cmocka_unit_test_setup_teardown(batches_hold_what_the_records_say, setup, teardown),
		cmocka_unit_test_setup_teardown(encoders_give_their_own_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(features_are_standardised, setup, teardown),
		cmocka_unit_test_setup_teardown(what_cannot_be_trained_on, setup, teardown),
		cmocka_unit_test_setup_teardown(a_computed_feature_is_finite, setup, teardown),
		cmocka_unit_test_setup_teardown(other_columns_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_changes_is_noticed, setup, teardown),
	};
	return cmocka_run_group_tests(tests, open_encoders, clear_encoders);
}
