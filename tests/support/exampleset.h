/* A file of examples, for the tests of lib/feed: N records with every column that an example can be made of,
 * each number following from the record's. */
#ifndef TEST_EXAMPLESET_H
#define TEST_EXAMPLESET_H

#include "feed/examplesparts.h"
#include "ok.h"
#include "streams.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* image_grid is [P,C], image_feature [C], text_feature [H]. */
enum { N = 40, SIDE = 32, C = 6, H = 4, P = 2, IMAGE = 3 * SIDE * SIDE };

static char set_file[TEST_PATH];
static struct hm_encoder set_bert, set_resnet;

/* Record i of the test's set. */
static inline void set_values(int i, uint8_t *pixels, int32_t *ids, int *len, uint16_t *grid, float *image,
			      float *text)
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
static inline void set_write(const char *path, bool long_text, int error, int unlabelled)
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
		set_values(i, pixels, ids, &len, grid, image, text);
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

/* Before each test, and after it. */
static inline int set_setup(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	test_scratch(set_file);
	set_write(set_file, true, -1, -1);
	return 0;
}

static inline int set_teardown(void **state)
{
	(void)state;
	return unlink(set_file);
}

/* Before all tests, and after them. */
static inline int set_open_encoders(void **state)
{
	struct hm_encoder_options o = {0};
	(void)state;
	return hm_encoder_open(&set_bert, HM_TEXT, "init:bert-tiny:3", &o, &e) ||
	       hm_encoder_open(&set_resnet, HM_IMAGE, "init:resnet-tiny:4", &o, &e);
}

static inline int set_clear_encoders(void **state)
{
	(void)state;
	hm_encoder_clear(&set_bert);
	hm_encoder_clear(&set_resnet);
	return 0;
}

static inline int set_read(struct hm_examples *x, char *path, const struct hm_examples_options *o,
			   int threads)
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

#endif
