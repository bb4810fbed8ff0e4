/* What writers of the container refuse because readers would, and what they just take. */
#include "base/file.h"
#include "rec/format.h"
#include "../support/streams.h"

#include <setjmp.h>
#include <stdio.h>
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

static void a_block_holds_65536_records_at_most(void **state)
{
	(void)state;
	struct hm_schema s = {0};
	struct hm_buf b = {0};
	char path[64];
	uint64_t seen;
	hm_schema_add(&s, "nothing", HM_U8, DIMS(0), NULL, &e);
	struct hm_writer *w = test_writer(path, &s, 0, NULL);
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
		struct hm_writer *w = test_writer(path, &s, 0, NULL);
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
	struct hm_writer *w = test_writer(path, &s, 0, NULL);
	assert_int_equal(hm_writer_put(w, &(struct hm_val){NULL, most}, &e), 0);
	assert_int_equal(hm_writer_put(w, &(struct hm_val){NULL, 5}, &e), 0);
	assert_int_equal(hm_writer_finish(w, 0, &e), 0);
	test_take(path, &b);
	assert_true(b.len < 1 << 20);
	assert_int_equal(test_read(b.data, b.len, NULL, NULL, &e), 0);
	w = test_writer(path, &s, 0, NULL);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_block_holds_65536_records_at_most, setup),
		cmocka_unit_test_setup(schemas_have_caps, setup),
		cmocka_unit_test_setup(writers_refuse, setup),
		cmocka_unit_test_setup(the_largest_record_passes, setup),
		cmocka_unit_test_setup(giving_up_is_seen, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
