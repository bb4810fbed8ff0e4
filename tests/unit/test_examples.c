/* Examples for training: what a batch holds is what the records say, in memory, fetched by index or out of a
 * temporary file; encoders that run while reading give hm_encode's bytes. */
#include "../support/exampleset.h"
#include "feed/examplesparts.h"
#include "nn/early.h"
#include "nn/headfusion.h"
#include "nn/late.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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
		for (int i = 0; b.joined && i < 5; i++)
			hm_buf_add(out, b.joined[i],
				   (size_t)(x->feature[HM_IMAGE].dim + x->feature[HM_TEXT].dim) *
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
		FILE *from = fopen(set_file, "rb"), *to = fopen(fifo, "wb");
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
		set_write(set_file, early, -1, -1);
		/* in memory; fetched by index; spooled, of several; fetched, but for the first ones; a pipe
		 */
		for (int where = 0; where < 5; where++) {
			char fifo[80], *path = where == 4 ? fifo : set_file;
			struct hm_examples x;
			struct hm_examples_options o = {
				.kind = set[k].kind,
				.side = {{set[k].image, &set_resnet}, {set[k].text, &set_bert}},
				.memory = where == 0   ? 1 << 30
					  : where == 3 ? 3000
						       : 0,
				.path = where == 2 ? NULL : path,
				.unknown = true};
			snprintf(fifo, sizeof fifo, "%s.fifo", set_file);
			pid_t child = where == 4 ? pour(fifo) : 0;
			int rc = set_read(&x, path, &o, 1 + where % 2);
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

/* Nothing is noted for fetching when all features fit; of one byte less, everything is. */
static void features_that_fit_need_no_places(void **state)
{
	(void)state;
	const size_t all = N * (C + H) * sizeof(float);
	set_write(set_file, false, -1, -1);
	for (size_t less = 0; less < 2; less++) {
		struct hm_examples x;
		struct hm_examples_options o = {.kind = &hm_late_fusion,
						.side = {{HM_USE_FEATURE, NULL}, {HM_USE_FEATURE, NULL}},
						.memory = all - less,
						.path = set_file,
						.unknown = true};
		assert_int_equal(set_read(&x, set_file, &o, 2), 0);
		assert_int_equal(x.store->fetch != NULL, less);
		assert_int_equal(x.store->places.len, less * N * sizeof(struct hm_examples_place));
		hm_examples_clear(&x);
	}
}

static void batches_hold_what_the_records_say(void **state)
{
	(void)state;
	struct hm_examples x;
	struct hm_minibatch b;
	struct hm_examples_options o = {.kind = &hm_early_fusion,
					.side = {{HM_USE_FEATURE, NULL}, {HM_USE_TRAINED, &set_bert}},
					.path = set_file,
					.unknown = true};
	uint8_t pixels[IMAGE];
	int32_t ids[600];
	uint16_t grid[P * C];
	float image[C], text[H];
	int len, most = set_bert.shape.positions - P;
	assert_int_equal(set_read(&x, set_file, &o, 1), 0);
	assert_int_equal(x.cells, P);
	assert_int_equal(x.feature[HM_IMAGE].dim, C);
	assert_int_equal(x.feature[HM_TEXT].dim, 0);
	assert_int_equal(hm_examples_batch(&x, (uint32_t[]){7, 3}, 2, &b, &e), 0);
	set_values(7, pixels, ids, &len, grid, image, text);
	assert_int_equal(b.len[0], len);
	assert_memory_equal(b.ids, ids, (size_t)len * sizeof *ids);
	assert_int_equal(b.label[0], 1);
	for (int k = 0; k < P * C; k++)
		assert_true(b.feature[HM_IMAGE][k] == hm_f16_to_f32(grid[k]));
	set_values(3, pixels, ids, &len, grid, image, text);
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
		.side = {{.batch = 1}, {.encoder = &set_bert, .want = {[HM_POOLED] = true}, .batch = 64}}};
	struct hm_encode *x;
	static int32_t ids[N][600];
	set_write(set_file, false, -1, -1);
	for (int i = 0; i < N; i++) {
		uint8_t pixels[IMAGE];
		uint16_t grid[P * C];
		float image[C], text[H];
		int len;
		set_values(i, pixels, ids[i], &len, grid, image, text);
		item[i] = (struct hm_encode_item){.ids = ids[i], .len = len > 100 ? 20 : len};
		item[i].out[HM_TEXT][HM_POOLED] = want[i];
	}
	assert_int_equal(set_bert.shape.width, 128);
	assert_int_equal(hm_encode_new(&x, &c, d, w, &e), 0);
	assert_int_equal(hm_encode_start(x, &window, &e), 0);
	assert_int_equal(hm_encode_wait(x, &window, &e), 0);
	hm_encode_free(x);
	hm_encode_window_clear(&window);
	for (int threads = 1; threads <= 3; threads++) {
		struct hm_examples set;
		struct hm_minibatch b;
		struct hm_examples_options o = {.kind = &hm_late_fusion,
						.side = {[HM_TEXT] = {HM_USE_COMPUTED, &set_bert}},
						.memory = threads == 2 ? 0 : 1 << 20};
		assert_int_equal(set_read(&set, set_file, &o, threads), 0);
		assert_string_equal(set.feature[HM_TEXT].encoder, set_bert.digest);
		assert_string_equal(set.feature[HM_TEXT].output, "pooler");
		assert_string_equal(set.feature[HM_TEXT].precision, "f32");
		for (uint32_t i = 0; i < N; i++) {
			assert_int_equal(hm_examples_batch(&set, &i, 1, &b, &e), 0);
			assert_memory_equal(b.joined[0], want[i], sizeof want[i]);
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
						.path = where == 1 ? set_file : NULL,
						.unknown = true};
		double mean[C + H], deviation[C + H], again[C + H], one[C + H];
		assert_int_equal(set_read(&x, set_file, &o, 1), 0);
		assert_int_equal(hm_examples_moments(&x, NULL, mean, deviation, &e), 0);
		assert_true(fabs(mean[0] - (N - 1) / 6.0) < 1e-6);
		assert_true(mean[C + 2] == 7 && deviation[C + 2] == 1); /* constant */
		hm_examples_standardise(&x, NULL, mean, deviation);
		assert_int_equal(hm_examples_batch(&x, &(uint32_t){9}, 1, &b, &e), 0);
		assert_true(b.joined[0][C + 1] == (float)((8 - mean[C + 1]) / deviation[C + 1]));
		assert_int_equal(hm_examples_moments(&x, NULL, again, one, &e), 0);
		for (int j = 0; j < C + H; j++)
			assert_true(fabs(again[j]) < 1e-6 && fabs(one[j] - 1) < 1e-6);
		hm_examples_clear(&x);
	}
}

/* The examples of the last call are lent again, but only those, and only as the set serves them now. */
static void a_batch_is_lent_again_while_it_is_the_same(void **state)
{
	(void)state;
	static const uint32_t one[] = {1, 2, 3}, other[] = {1, 5, 3}, shorter[] = {1, 5};
	struct hm_examples x, view;
	struct hm_minibatch a, b;
	struct hm_examples_options o = {.kind = &hm_late_fusion,
					.side = {{HM_USE_FEATURE, NULL}, {HM_USE_FEATURE, NULL}},
					.memory = 1 << 20,
					.unknown = true};
	double mean[C + H], deviation[C + H];
	assert_int_equal(set_read(&x, set_file, &o, 1), 0);
	assert_int_equal(hm_examples_view(&view, &x, &e), 0);
	assert_int_equal(hm_examples_batch(&view, one, 3, &a, &e), 0);
	float second = a.joined[1][0];
	assert_int_equal(hm_examples_batch(&view, other, 3, &a, &e), 0);
	assert_true(a.joined[1][0] != second);
	second = a.joined[1][0];
	assert_int_equal(hm_examples_batch(&view, other, 3, &b, &e), 0);
	assert_memory_equal(&a, &b, sizeof a);
	assert_true(b.joined[1][0] == second);
	assert_int_equal(hm_examples_batch(&view, shorter, 2, &b, &e), 0);
	assert_int_equal(b.n, 2);
	assert_int_equal(hm_examples_moments(&x, NULL, mean, deviation, &e), 0);
	hm_examples_view_standardised(&view, mean, deviation);
	assert_int_equal(hm_examples_batch(&view, shorter, 2, &b, &e), 0);
	assert_true(b.joined[1][0] == (float)((second - mean[0]) / deviation[0]));
	hm_examples_view_standardised(&view, NULL, NULL);
	assert_int_equal(hm_examples_batch(&view, shorter, 2, &b, &e), 0);
	hm_examples_serve(&view, &hm_align_fusion);
	assert_int_equal(hm_examples_batch(&view, shorter, 2, &b, &e), 0);
	assert_true(!b.joined && b.feature[HM_IMAGE][C] == second);
	assert_int_equal(hm_examples_batch(&x, other, 3, &b, &e), 0);
	hm_examples_standardise(&x, NULL, mean, deviation);
	assert_int_equal(hm_examples_batch(&x, other, 3, &b, &e), 0);
	assert_true(b.joined[1][0] == (float)((second - mean[0]) / deviation[0]));
	hm_examples_clear(&view);
	hm_examples_clear(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(where_examples_lie_does_not_matter, set_setup, set_teardown),
		cmocka_unit_test_setup_teardown(features_that_fit_need_no_places, set_setup, set_teardown),
		cmocka_unit_test_setup_teardown(batches_hold_what_the_records_say, set_setup, set_teardown),
		cmocka_unit_test_setup_teardown(encoders_give_their_own_bytes, set_setup, set_teardown),
		cmocka_unit_test_setup_teardown(features_are_standardised, set_setup, set_teardown),
		cmocka_unit_test_setup_teardown(a_batch_is_lent_again_while_it_is_the_same, set_setup,
						set_teardown),
	};
	return cmocka_run_group_tests(tests, set_open_encoders, set_clear_encoders);
}
