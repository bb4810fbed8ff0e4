/* The container: what is written is read back, the same bytes for any number of threads. Damage is
 * test_damage.c's. */
#include "rec/format.h"
#include "../support/streams.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct hm_err e;

static int setup(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	return 0;
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
		struct hm_writer *w = test_writer(path, &s, want[i].size, NULL);
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
	struct hm_writer *w = test_writer(path, &s, 0, NULL);
	for (int i = 0; i < 3; i++)
		assert_int_equal(hm_writer_put(w, (struct hm_val[]){{NULL, 0}, {NULL, 0}}, &e), 0);
	assert_int_equal(hm_writer_finish(w, 0, &e), 0);
	test_take(path, &b);
	assert_int_equal(test_read(b.data, b.len, NULL, &seen, &e), 0);
	assert_int_equal(seen, 3);
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
		cmocka_unit_test_setup(every_value_comes_back, setup),
		cmocka_unit_test_setup(threads_do_not_change_bytes, setup),
		cmocka_unit_test_setup(blocks_end_where_the_format_says, setup),
		cmocka_unit_test_setup(empty_streams_and_empty_records_are_legal, setup),
		cmocka_unit_test_setup(batches_are_deep_copies, setup),
		cmocka_unit_test_setup(a_chain_grows_at_its_end, setup),
		cmocka_unit_test(a_record_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
