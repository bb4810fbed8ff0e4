/* Memory that runs out: with the k-th allocation failing, for every k until none does, writing, reading,
 * joining, fetching and recovering end in one sentence and leak nothing (the sanitizer build looks), or do
 * all they should. */
#include "base/file.h"
#include "rec/fetch.h"
#include "rec/recover.h"
#include "../support/scarce.h"
#include "../support/streams.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char path[2][64], *paths[] = {path[0], path[1]};

/* 64 short records of a column with an attribute. */
static int write_one(const char *to, const char *column, struct hm_err *e)
{
	struct hm_schema s = {0};
	struct hm_writer *w = NULL;
	struct hm_writer_options o = {.block_size = 200};
	cJSON *attr = cJSON_CreateObject(), *meta = cJSON_CreateObject(), *pg = NULL;
	char id[8];
	bool ready = attr && meta && cJSON_AddStringToObject(attr, "encoder", column) &&
		     cJSON_AddNumberToObject(meta, "x", 1);
	int rc = ready ? 0 : hm_err_set(e, HM_EDATA, "the test itself has no memory");
	if (rc)
		cJSON_Delete(attr);
	else if ((rc = hm_schema_add(&s, column, HM_I32, DIMS(-1), attr, e)) >= 0)
		rc = hm_schema_add(&s, "id", HM_UTF8, 0, NULL, NULL, e) < 0 ? HM_EDATA : 0;
	if (!rc && !(pg = hm_pg_append(NULL, column, NULL, e)))
		rc = HM_EDATA;
	if (!rc)
		rc = hm_writer_open(&w, to, &s, meta, pg, &o, NULL, e);
	for (int32_t i = 0; !rc && i < 64; i++)
		rc = hm_writer_put(
			w, (struct hm_val[]){{&i, 1}, {id, (size_t)snprintf(id, sizeof id, "%d", i)}}, e);
	if (!rc)
		rc = hm_writer_finish(w, 0, e);
	else
		hm_writer_abort(w);
	cJSON_Delete(meta);
	cJSON_Delete(pg);
	hm_schema_clear(&s);
	return rc;
}

static struct hm_buf want; /* what write_one writes when memory lasts */

static int writing(struct hm_err *e)
{
	struct hm_buf got = {0};
	int rc = write_one(path[0], "a", e);
	long left = countdown;
	countdown = -1;
	if (!rc) {
		assert_int_equal(hm_file_read(path[0], 1 << 20, &got, e), 0);
		assert_int_equal(got.len, want.len);
		assert_memory_equal(got.data, want.data, want.len);
	}
	hm_buf_clear(&got);
	countdown = left;
	return rc;
}

static int joining(struct hm_err *e)
{
	struct hm_join *j;
	struct hm_rec rec;
	struct hm_batch batch = {0};
	struct hm_schema copy = {0};
	int rc = hm_join_open(&j, 2, paths, NULL, e), n = 0, more = 0;
	if (!rc)
		rc = hm_schema_copy(&copy, hm_join_schema(j), e);
	while (!rc && (more = hm_join_next(j, &rec, e)) == 1) {
		rc = hm_batch_add(&batch, &rec, e);
		n++;
	}
	rc = rc ? rc : more;
	if (!rc) {
		assert_int_equal(n, 64);
		assert_int_equal(hm_join_end(j)->records, 64);
		assert_int_equal(hm_join_schema(j)->n, 3);
		assert_string_equal(hm_join_name(j), path[0]);
		assert_int_equal(cJSON_GetArraySize(hm_join_pg(j)), 2);
	}
	hm_schema_clear(&copy);
	hm_batch_clear(&batch);
	hm_join_close(j);
	return rc;
}

static int fetching(struct hm_err *e)
{
	struct hm_fetch *f;
	struct hm_rec rec;
	int rc = hm_fetch_open(&f, path[0], 0, e);
	for (uint64_t k = 64; !rc && k--;)
		rc = hm_fetch_get(f, k, &rec, e);
	if (!rc)
		assert_int_equal(hm_fetch_end(f)->records, 64);
	hm_fetch_close(f);
	return rc;
}

static int recovering(struct hm_err *e)
{
	struct hm_recover *r;
	struct hm_rec rec;
	int rc = hm_recover_open(&r, path[1], e), n = 0;
	while (!rc && (rc = hm_recover_next(r, &rec, e)) == 1) {
		n++;
		rc = 0;
	}
	if (!rc) {
		assert_int_equal(n, 64);
		assert_int_equal(hm_recover_losses(r), 1);
		assert_int_equal(hm_recover_schema(r)->n, 2);
		assert_true(cJSON_IsObject(hm_recover_meta(r)) && cJSON_IsArray(hm_recover_pg(r)));
		assert_int_equal(hm_recover_skipped(r), 0);
	}
	hm_recover_close(r);
	return rc;
}

/* Fails every allocation once; at least `least` of them. */
static void exhaust(int (*what)(struct hm_err *), long least)
{
	for (long k = 0;; k++) {
		struct hm_err e = {0};
		begin_scarcity(k);
		int rc = what(&e);
		bool all = end_scarcity();
		if (all) {
			assert_int_equal(rc, 0);
			assert_true(k >= least);
			return;
		}
		if (rc ? rc != HM_EDATA || !e.code : e.code) /* some are done without: syncing a folder */
			fail_msg("allocation %ld failed: rc %d, \"%s\"", k, rc, e.text);
	}
}

static int setup(void **state)
{
	struct hm_err e = {0};
	(void)state;
	count_json(true);
	countdown = -1;
	for (int i = 0; i < 2; i++) {
		test_scratch(path[i]);
		if (write_one(path[i], i ? "b" : "a", &e))
			return 1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	count_json(false);
	return unlink(path[0]) + unlink(path[1]);
}

static void writing_without_memory(void **state)
{
	(void)state;
	struct hm_err e = {0};
	assert_int_equal(hm_file_read(path[0], 1 << 20, &want, &e), 0);
	assert_int_equal(test_read(want.data, want.len, NULL, NULL, &e), 0);
	exhaust(writing, 50);
	hm_buf_clear(&want);
}

static void joining_without_memory(void **state)
{
	(void)state;
	exhaust(joining, 50);
}

static void fetching_without_memory(void **state)
{
	(void)state;
	exhaust(fetching, 30);
}

static void recovering_without_memory(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	struct hm_err e = {0};
	assert_int_equal(hm_file_read(path[1], 1 << 20, &b, &e), 0);
	assert_int_equal(hm_buf_add(&b, "tail", 4, &e), 0);
	assert_int_equal(hm_file_write(path[1], b.data, b.len, &e), 0);
	hm_buf_clear(&b);
	exhaust(recovering, 30);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writing_without_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(joining_without_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(fetching_without_memory, setup, teardown),
		cmocka_unit_test_setup_teardown(recovering_without_memory, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
