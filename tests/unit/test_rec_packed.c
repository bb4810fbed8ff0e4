/* How the container's blocks are packed: zstd reads them, numbers are filtered, what looks random is stored.
 */
#include "base/rng.h"
#include "rec/pack.h"
#include "../support/streams.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <zstd.h>

static struct hm_err e;

static int setup(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	return 0;
}

/* Unmodified zstd decodes a stream into its payloads; what it cannot shrink goes as raw blocks. */
static void zstd_reads_it_too(void **state)
{
	(void)state;
	struct hm_schema s = {0};
	struct hm_buf b = {0};
	struct hm_rng rng;
	char path[64];
	static unsigned char noise[300000], out[700000];
	hm_rng_init(&rng, 1, HM_RNG_SYNTH, 0, 0);
	for (size_t i = 0; i < sizeof noise; i++)
		noise[i] = (unsigned char)hm_rng_u32(&rng);
	hm_schema_add(&s, "p", HM_U8, DIMS(300000), NULL, &e);
	struct hm_writer *w = test_writer(path, &s, 1, NULL);
	assert_int_equal(hm_writer_put(w, &(struct hm_val){noise, sizeof noise}, &e), 0);
	assert_int_equal(hm_writer_put(w, &(struct hm_val){NULL, sizeof noise}, &e), 0); /* zeros */
	assert_int_equal(hm_writer_finish(w, 0, &e), 0);
	test_take(path, &b);
	assert_int_equal(ZSTD_decompress(out, sizeof out, b.data, b.len), 2 * 300032);
	assert_memory_equal(out, noise, sizeof noise);
	size_t first = test_frame(&b, "HMRB", 0), second = test_frame(&b, "HMRB", 1);
	assert_int_equal(hm_get32(b.data + first + 8 + 32), hm_frame_store_size(300032));
	assert_true(hm_get32(b.data + second + 8 + 32) < 1000);
	assert_int_equal(test_read(b.data, b.len, NULL, NULL, &e), 0);
	hm_buf_clear(&b);
	hm_schema_clear(&s);
}

static void every_dtype_is_filtered_and_back(void **state)
{
	(void)state;
	for (int t = 0; t < HM_UTF8; t++) {
		struct hm_schema s = {0};
		struct hm_buf b = {0};
		struct hm_reader *r;
		struct hm_rec rec;
		char path[64], name[64];
		unsigned char value[3 * 8];
		size_t bytes = 3 * hm_dtype_size((enum hm_dtype)t);
		hm_schema_add(&s, "v", (enum hm_dtype)t, DIMS(3), NULL, &e);
		struct hm_writer *w = test_writer(path, &s, 0, NULL);
		for (int i = 0; i < 50; i++) {
			for (size_t k = 0; k < bytes; k++)
				value[k] = (unsigned char)(i * 31 + (int)k * 7);
			assert_int_equal(hm_writer_put(w, &(struct hm_val){value, 3}, &e), 0);
		}
		assert_int_equal(hm_writer_finish(w, 0, &e), 0);
		test_take(path, &b);
		int fd = test_file(b.data, b.len, name), i = 0;
		assert_int_equal(hm_reader_open(&r, name, NULL, &e), 0);
		for (; hm_reader_next(r, &rec, &e) == 1; i++)
			for (size_t k = 0; k < bytes; k++)
				assert_int_equal(((const unsigned char *)rec.val[0].data)[k],
						 (unsigned char)(i * 31 + (int)k * 7));
		assert_int_equal(i, 50);
		hm_reader_close(r);
		close(fd);
		hm_buf_clear(&b);
		hm_schema_clear(&s);
	}
}

/* How a payload of n bytes is kept at a level. */
static size_t packed_size(const unsigned char *p, size_t n, int level)
{
	struct hm_pack pack = {0};
	struct hm_schema s = {0};
	size_t size;
	const int64_t row = 4096;
	assert_int_equal(hm_schema_add(&s, "pixels", HM_U8, 1, &row, NULL, &e), 0);
	assert_int_equal(hm_pack_init(&pack, &s, level, &e), 0);
	for (size_t at = 0; at < n; at += (size_t)row) {
		const struct hm_val v = {p + at, (size_t)row};
		assert_true(hm_pack_record_size(&pack, &v, &size));
		assert_int_equal(hm_pack_add(&pack, &v, size, &e), 0);
	}
	hm_pack_compress(&pack);
	assert_int_equal(pack.err.code, 0);
	assert_int_equal(pack.info.raw, n);
	size = pack.info.packed;
	hm_pack_clear(&pack);
	hm_schema_clear(&s);
	return size;
}

static void draw_bytes(struct hm_rng *rng, unsigned char *p, size_t n, uint32_t values)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)hm_rng_below(rng, values);
}

static void what_looks_random_is_stored(void **state)
{
	(void)state;
	enum { PART = 64 << 10, ALL = 16 * PART };
	unsigned char *p = malloc(ALL);
	struct hm_rng rng;
	hm_rng_init(&rng, 7, HM_RNG_SYNTH, 0, 0);
	draw_bytes(&rng, p, ALL, 112); /* of 6.8 bits each */
	assert_true(packed_size(p, ALL, 1) < ALL * 7 / 8);
	draw_bytes(&rng, p, ALL, 132); /* of 7 bits, a little less than an eighth saved */
	assert_int_equal(packed_size(p, ALL, 1), hm_frame_store_size(ALL) - 3);
	assert_true(packed_size(p, ALL, 2) < ALL * 9 / 10);
	draw_bytes(&rng, p, ALL, 256);
	assert_int_equal(packed_size(p, ALL, 1), hm_frame_store_size(ALL) - 3);
	memset(p + ALL / 2, 'a', ALL / 4); /* wherever it is, a part that shrinks is found */
	assert_true(packed_size(p, ALL, 1) < ALL * 4 / 5);
	for (size_t i = PART; i < ALL; i++) /* what repeats from afar is asked of the slow levels */
		p[i] = p[i - PART];
	assert_int_equal(packed_size(p, ALL, 1), hm_frame_store_size(ALL) - 3);
	assert_true(packed_size(p, ALL, 3) < ALL / 4);
	assert_true(packed_size(p, PART, 1) > PART); /* too small for samples */
	memset(p, 0, (size_t)2 * PART);		     /* one sample, of what is random, is not enough */
	memcpy(p + PART, p + ALL / 2 + 3, 8 << 10);
	assert_true(packed_size(p, (size_t)2 * PART, 1) < PART / 4);
	free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(zstd_reads_it_too, setup),
		cmocka_unit_test_setup(every_dtype_is_filtered_and_back, setup),
		cmocka_unit_test_setup(what_looks_random_is_stored, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
