/* The container: what is written is read back, the same bytes for any number of threads, and writers refuse
 * what readers would. Damage is test_damage.c's. */
#include "base/file.h"
#include "base/rng.h"
#include "rec/pack.h"
#include "../support/streams.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
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

static struct hm_writer *open_to(char path[64], const struct hm_schema *s, size_t block_size,
				 struct hm_workers *w)
{
	struct hm_writer *out;
	struct hm_writer_options o = {.block_size = block_size};
	test_scratch(path);
	assert_int_equal(hm_writer_open(&out, path, s, NULL, NULL, &o, w, &e), 0);
	return out;
}

static void every_value_comes_back(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	struct hm_reader *r;
	struct hm_rec rec;
	char name[64];
	test_stream(&b, 100, 700, NULL);
	int fd = test_file(b.data, b.len, name), i = 0;
	assert_int_equal(hm_reader_open(&r, name, NULL, &e), 0);
	assert_int_equal(hm_reader_expect(r), 100);
	for (; hm_reader_next(r, &rec, &e) == 1; i++) {
		const struct hm_val *v = rec.val;
		char id[16];
		assert_int_equal(v[0].count, snprintf(id, sizeof id, "%05d", i));
		assert_memory_equal(v[0].data, id, v[0].count);
		assert_int_equal(((const int32_t *)v[1].data)[0], i % 3 - 1);
		assert_int_equal(v[2].count == 0, i % 4 == 0);
		assert_int_equal(v[3].count, 6);
		assert_int_equal(((const unsigned char *)v[3].data)[5], (i + 200) & 255);
		assert_int_equal(v[4].count, i % 9);
		for (size_t k = 0; k < v[4].count; k++)
			assert_int_equal(((const int32_t *)v[4].data)[k], 101 + i * (int)k);
		assert_true(((const float *)v[5].data)[3] == (float)i / 8 - 3);
		assert_int_equal(v[6].count, i % 4 * 2);
		for (size_t k = 0; k < v[6].count; k++)
			assert_int_equal(((const uint16_t *)v[6].data)[k], (uint16_t)(i * 1000 + (int)k));
	}
	assert_int_equal(e.code, 0);
	assert_int_equal(i, 100);
	assert_int_equal(hm_reader_next(r, &rec, &e), 0);
	const struct hm_end *end = hm_reader_end(r);
	assert_int_equal(end->records, 100);
	assert_int_equal(end->skipped, 2);
	assert_true(end->blocks > 3);
	assert_int_equal(strlen(end->digest), 32);
	const struct hm_schema *s = hm_reader_schema(r);
	assert_string_equal(hm_schema_attr(s, hm_schema_find(s, "feature"), "encoder"),
			    "0123456789abcdef0123456789abcdef");
	assert_string_equal(cJSON_GetObjectItem(hm_reader_meta(r), "set")->valuestring, "dev");
	assert_string_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(hm_reader_pg(r), 0), "tool")->valuestring,
			    "hm-test");
	hm_reader_close(r);
	close(fd);
	hm_buf_clear(&b);
}

static void threads_do_not_change_bytes(void **state)
{
	(void)state;
	struct hm_buf one = {0}, many = {0};
	test_stream(&one, 500, 900, NULL);
	for (int n = 1; n <= 4; n++) {
		struct hm_workers *w = hm_workers_new(n, &e);
		uint64_t seen;
		test_stream(&many, 500, 900, w);
		assert_int_equal(one.len, many.len);
		assert_memory_equal(one.data, many.data, one.len);
		assert_int_equal(test_read(one.data, one.len, w, &seen, &e), 0);
		assert_int_equal(seen, 500);
		hm_workers_free(w);
	}
	hm_buf_clear(&one);
	hm_buf_clear(&many);
}

/* A block ends where the next record would take it past the block size; one record is always allowed. */
static void blocks_end_where_the_format_says(void **state)
{
	(void)state;
	struct hm_schema s = {0};
	struct hm_buf b = {0};
	char path[64];
	unsigned char pixels[100] = {0};
	hm_schema_add(&s, "p", HM_U8, DIMS(100), NULL, &e);
	static const struct {
		size_t size;
		int records, blocks;
		uint32_t first;
	} want[] = {{300, 10, 4, 3}, {299, 10, 5, 2}, {1, 3, 3, 1}, {100, 2, 2, 1}, {1000, 10, 1, 10}};
	for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
		struct hm_writer *w = open_to(path, &s, want[i].size, NULL);
		for (int k = 0; k < want[i].records; k++)
			assert_int_equal(hm_writer_put(w, &(struct hm_val){pixels, 100}, &e), 0);
		assert_int_equal(hm_writer_finish(w, 0, &e), 0);
		test_take(path, &b);
		assert_int_equal(hm_get32(b.data + test_frame(&b, "HMRB", 0) + 8 + 24), want[i].first);
		assert_int_equal(hm_get64(b.data + test_frame(&b, "HMRE", 0) + 8 + 24), want[i].blocks);
	}
	hm_buf_clear(&b);
	hm_schema_clear(&s);
}

static void a_block_holds_65536_records_at_most(void **state)
{
	(void)state;
	struct hm_schema s = {0};
	struct hm_buf b = {0};
	char path[64];
	uint64_t seen;
	hm_schema_add(&s, "nothing", HM_U8, DIMS(0), NULL, &e);
	struct hm_writer *w = open_to(path, &s, 0, NULL);
	for (int k = 0; k < 65537; k++)
		assert_int_equal(hm_writer_put(w, &(struct hm_val){NULL, 0}, &e), 0);
	assert_int_equal(hm_writer_finish(w, 0, &e), 0);
	test_take(path, &b);
	assert_int_equal(hm_get32(b.data + test_frame(&b, "HMRB", 0) + 8 + 24), 65536);
	assert_int_equal(hm_get32(b.data + test_frame(&b, "HMRB", 1) + 8 + 24), 1);
	assert_int_equal(test_read(b.data, b.len, NULL, &seen, &e), 0);
	assert_int_equal(seen, 65537);
	hm_buf_clear(&b);
	hm_schema_clear(&s);
}

static void empty_streams_and_empty_records_are_legal(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	uint64_t seen = 7;
	test_stream(&b, 0, 0, NULL);
	assert_int_equal(test_read(b.data, b.len, NULL, &seen, &e), 0);
	assert_int_equal(seen, 0);
	struct hm_schema s = {0};
	char path[64];
	hm_schema_add(&s, "t", HM_UTF8, 0, NULL, NULL, &e);
	hm_schema_add(&s, "r", HM_F64, DIMS(-1, 3), NULL, &e);
	struct hm_writer *w = open_to(path, &s, 0, NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(hm_writer_put(w, (struct hm_val[]){{NULL, 0}, {NULL, 0}}, &e), 0);
	assert_int_equal(hm_writer_finish(w, 0, &e), 0);
	test_take(path, &b);
	assert_int_equal(test_read(b.data, b.len, NULL, &seen, &e), 0);
	assert_int_equal(seen, 3);
	hm_buf_clear(&b);
	hm_schema_clear(&s);
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
	struct hm_writer *w = open_to(path, &s, 1, NULL);
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
		struct hm_writer *w = open_to(path, &s, 0, NULL);
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

static void schemas_have_caps(void **state)
{
	(void)state;
	struct hm_schema s = {0};
	char name[80];
	static const struct {
		const char *name;
		enum hm_dtype t;
		int ndim;
		int64_t dim[9];
	} bad[] = {
		{"", HM_U8, 0, {0}},
		{"12345678901234567890123456789012345678901234567890123456789012345", HM_U8, 0, {0}},
		{"\xff", HM_U8, 0, {0}},
		{"a", HM_UTF8, 1, {3}},
		{"a", HM_U8, 1, {-2}},
		{"a", HM_U8, 2, {3, -1}},
		{"a", HM_U8, 2, {-1, 0}},
		{"a", HM_U8, 9, {1, 1, 1, 1, 1, 1, 1, 1, 1}},
		{"a", HM_F64, 1, {(64 << 20) / 8 + 1}},
		{"a", HM_U8, 4, {1 << 20, 1 << 20, 1 << 20, 1 << 20}},
	};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		setup(NULL);
		assert_int_equal(hm_schema_add(&s, bad[i].name, bad[i].t, bad[i].ndim, bad[i].dim,
					       cJSON_CreateObject(), &e),
				 HM_EDATA);
		assert_int_equal(s.n, 0);
	}
	setup(NULL);
	for (int i = 0; i < HM_MAX_FIELDS; i++) {
		snprintf(name, sizeof name, "column%d", i);
		assert_int_equal(hm_schema_add(&s, name, HM_U8, 0, NULL, NULL, &e), i);
	}
	assert_int_equal(hm_schema_add(&s, "one more", HM_U8, 0, NULL, NULL, &e), HM_EDATA);
	hm_schema_remove(&s, 10);
	assert_int_equal(hm_schema_find(&s, "column10"), -1);
	assert_int_equal(hm_schema_find(&s, "column11"), 10);
	setup(NULL);
	assert_int_equal(hm_schema_add(&s, "column11", HM_U8, 0, NULL, NULL, &e), HM_EDATA);
	hm_schema_clear(&s);
}

/* A refused record leaves no file, and a writer that failed once stays failed. */
static void writers_refuse(void **state)
{
	(void)state;
	struct hm_schema s = {0};
	char path[64];
	unsigned char some[64] = {0};
	hm_schema_add(&s, "t", HM_UTF8, 0, NULL, NULL, &e);
	hm_schema_add(&s, "f", HM_F32, DIMS(4), NULL, &e);
	hm_schema_add(&s, "r", HM_U16, DIMS(-1, 2), NULL, &e);
	struct hm_val bad[][3] = {{{"ok", 2}, {some, 3}, {some, 2}},
				  {{"ok", 2}, {some, 4}, {some, 3}},
				  {{"\xc0\x80", 2}, {some, 4}, {some, 2}},
				  {{"ok", 2}, {some, 4}, {NULL, HM_MAX_RECORD / 2}}};
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct hm_writer *w = open_to(path, &s, 0, NULL);
		unlink(path);
		assert_int_equal(hm_writer_put(w, bad[i], &e), HM_EDATA);
		setup(NULL);
		assert_int_equal(hm_writer_put(w, (struct hm_val[]){{"ok", 2}, {some, 4}, {some, 2}}, &e),
				 HM_EDATA);
		setup(NULL);
		assert_int_equal(hm_writer_finish(w, 0, &e), HM_EDATA);
		assert_int_equal(access(path, F_OK), -1);
		setup(NULL);
	}
	struct hm_schema none = {0};
	struct hm_writer *w;
	assert_int_equal(hm_writer_open(&w, path, &none, NULL, NULL, NULL, NULL, &e), HM_EDATA);
	assert_null(w);
	hm_schema_clear(&s);
}

/* The largest record there may be: written, and read by every number of threads. */
static void the_largest_record_passes(void **state)
{
	(void)state;
	struct hm_schema s = {0};
	struct hm_buf b = {0};
	char path[64];
	size_t most = HM_MAX_RECORD - HM_RECORD_SLACK - 4;
	hm_schema_add(&s, "r", HM_U8, DIMS(-1), NULL, &e);
	struct hm_writer *w = open_to(path, &s, 0, NULL);
	assert_int_equal(hm_writer_put(w, &(struct hm_val){NULL, most}, &e), 0);
	assert_int_equal(hm_writer_put(w, &(struct hm_val){NULL, 5}, &e), 0);
	assert_int_equal(hm_writer_finish(w, 0, &e), 0);
	test_take(path, &b);
	assert_true(b.len < 1 << 20);
	assert_int_equal(test_read(b.data, b.len, NULL, NULL, &e), 0);
	w = open_to(path, &s, 0, NULL);
	assert_int_equal(hm_writer_put(w, &(struct hm_val){NULL, most + 1}, &e), HM_EDATA);
	hm_writer_abort(w);
	unlink(path);
	hm_buf_clear(&b);
	hm_schema_clear(&s);
}

/* Into a pipe an aborted writer leaves an END that says so; a file it leaves as it was. */
static void giving_up_is_seen(void **state)
{
	(void)state;
	struct hm_schema s = {0};
	struct hm_writer *w;
	struct hm_buf b = {0};
	char path[64];
	int fd[2];
	assert_int_equal(pipe(fd), 0);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd[1]);
	hm_schema_add(&s, "t", HM_UTF8, 0, NULL, NULL, &e);
	assert_int_equal(hm_writer_open(&w, path, &s, NULL, NULL, NULL, NULL, &e), 0);
	assert_int_equal(hm_writer_put(w, &(struct hm_val){"x", 1}, &e), 0);
	hm_writer_abort(w);
	close(fd[1]);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd[0]);
	assert_int_equal(hm_file_read(path, 1 << 20, &b, &e), 0);
	close(fd[0]);
	assert_int_equal(test_read(b.data, b.len, NULL, NULL, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "gave up"));
	setup(NULL);
	char file[64];
	test_scratch(file);
	assert_int_equal(hm_file_write(file, "old", 3, &e), 0);
	assert_int_equal(hm_writer_open(&w, file, &s, NULL, NULL, NULL, NULL, &e), 0);
	hm_writer_abort(w);
	test_take(file, &b);
	assert_int_equal(b.len, 3);
	hm_writer_abort(NULL);
	hm_buf_clear(&b);
	hm_schema_clear(&s);
}

static void batches_are_deep_copies(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	struct hm_reader *r;
	struct hm_rec rec;
	struct hm_batch batch = {0};
	char name[64];
	test_stream(&b, 200, 300, NULL);
	int fd = test_file(b.data, b.len, name);
	assert_int_equal(hm_reader_open(&r, name, NULL, &e), 0);
	while (hm_reader_next(r, &rec, &e) == 1)
		assert_int_equal(hm_batch_add(&batch, &rec, &e), 0);
	assert_int_equal(batch.n, 200);
	for (int i = 0; i < 200; i++) {
		char id[16];
		snprintf(id, sizeof id, "%05d", i);
		assert_memory_equal(batch.rec[i].val[0].data, id, 5);
		for (int k = 0; k < batch.rec[i].schema->n; k++)
			assert_int_equal((uintptr_t)batch.rec[i].val[k].data % 16, 0);
	}
	hm_batch_reset(&batch);
	assert_int_equal(batch.n, 0);
	assert_int_equal(batch.bytes, 0);
	hm_batch_clear(&batch);
	hm_reader_close(r);
	close(fd);
	hm_buf_clear(&b);
}

static void a_chain_grows_at_its_end(void **state)
{
	(void)state;
	cJSON *one = hm_pg_append(NULL, "hm-a", NULL, &e), *two = hm_pg_append(one, "hm-b", NULL, &e);
	assert_int_equal(cJSON_GetArraySize(one), 1);
	assert_int_equal(cJSON_GetArraySize(two), 2);
	assert_string_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(two, 1), "tool")->valuestring, "hm-b");
	cJSON_Delete(one);
	cJSON_Delete(two);
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

static void what_looks_random_is_stored(void **state)
{
	(void)state;
	enum { PART = 64 << 10, ALL = 16 * PART };
	unsigned char *p = malloc(ALL);
	struct hm_rng rng;
	hm_rng_init(&rng, 7, HM_RNG_SYNTH, 0, 0);
	for (size_t i = 0; i < ALL; i++)
		p[i] = (unsigned char)hm_rng_below(&rng, 256);
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

static void a_record_is_named(void **state)
{
	(void)state;
	struct hm_err why = {0};
	char wide[200];
	memset(wide, 'x', sizeof wide);
	memcpy(wide + 79, "\xc3\xa9", 2); /* a character across the cut */
	assert_int_equal(hm_record_error("a.hmr", 5, &(struct hm_val){"i\x1b\xc2\x9b", 4}, "it is bad", &why),
			 HM_EDATA);
	assert_string_equal(why.text, "a.hmr: record 5 (id i?"
				      "?): it is bad");
	why = (struct hm_err){0};
	hm_record_error("a.hmr", 0, NULL, "it is bad", &why);
	assert_string_equal(why.text, "a.hmr: record 0 (id ?): it is bad");
	why = (struct hm_err){0};
	hm_err_set(&why, HM_EUSAGE, "the cause");
	assert_int_equal(hm_record_error("a.hmr", 1, &(struct hm_val){wide, sizeof wide}, NULL, &why),
			 HM_EUSAGE);
	assert_int_equal(strlen(why.text), strlen("a.hmr: record 1 (id ): the cause") + 79);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_record_is_named),
		cmocka_unit_test_setup(every_value_comes_back, setup),
		cmocka_unit_test_setup(threads_do_not_change_bytes, setup),
		cmocka_unit_test_setup(blocks_end_where_the_format_says, setup),
		cmocka_unit_test_setup(a_block_holds_65536_records_at_most, setup),
		cmocka_unit_test_setup(empty_streams_and_empty_records_are_legal, setup),
		cmocka_unit_test_setup(zstd_reads_it_too, setup),
		cmocka_unit_test_setup(every_dtype_is_filtered_and_back, setup),
		cmocka_unit_test_setup(schemas_have_caps, setup),
		cmocka_unit_test_setup(writers_refuse, setup),
		cmocka_unit_test_setup(the_largest_record_passes, setup),
		cmocka_unit_test_setup(giving_up_is_seen, setup),
		cmocka_unit_test_setup(what_looks_random_is_stored, setup),
		cmocka_unit_test_setup(batches_are_deep_copies, setup),
		cmocka_unit_test_setup(a_chain_grows_at_its_end, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
