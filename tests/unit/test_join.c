/* Joins by id: the order of the first, the same ids in all, and the rules for columns that several inputs
 * have. */
#include "rec/rec.h"
#include "../support/streams.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { MOST = 4 };

static struct hm_err e;
static char path[MOST][64], *paths[MOST];

static int setup(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	for (int i = 0; i < MOST; i++) {
		test_scratch(path[i]);
		paths[i] = path[i];
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < MOST; i++)
		unlink(path[i]);
	return 0;
}

/* A row of an input: NULL text and INT32_MIN leave the column out of the schema (the first row decides). */
struct row {
	const char *id;
	int32_t label;
	const char *error;
};
#define NO_LABEL INT32_MIN

/* Writes input i: id, label and error where given, and a column x<i> holding 100 * i + row. */
static void input(int i, int n, const struct row *row)
{
	struct hm_schema s = {0};
	struct hm_writer *w;
	char name[8];
	snprintf(name, sizeof name, "x%d", i);
	hm_schema_add(&s, "id", HM_UTF8, 0, NULL, NULL, &e);
	if (row[0].label != NO_LABEL)
		hm_schema_add(&s, "label", HM_I32, 0, NULL, NULL, &e);
	if (row[0].error)
		hm_schema_add(&s, "error", HM_UTF8, 0, NULL, NULL, &e);
	hm_schema_add(&s, name, HM_I32, 0, NULL, NULL, &e);
	cJSON *pg = hm_pg_append(NULL, "common", NULL, &e), *own = hm_pg_append(pg, name, NULL, &e),
	      *meta = cJSON_CreateObject();
	cJSON_AddNumberToObject(meta, name, i);
	cJSON_AddNumberToObject(meta, "who", i);
	struct hm_writer_options o = {.block_size = 30};
	assert_int_equal(hm_writer_open(&w, path[i], &s, meta, own, &o, NULL, &e), 0);
	for (int k = 0; k < n; k++) {
		struct hm_val v[4];
		int32_t x = 100 * i + k;
		int c = 0;
		v[c++] = (struct hm_val){row[k].id, strlen(row[k].id)};
		if (row[0].label != NO_LABEL)
			v[c++] = (struct hm_val){&row[k].label, 1};
		if (row[0].error)
			v[c++] = (struct hm_val){row[k].error, strlen(row[k].error)};
		v[c] = (struct hm_val){&x, 1};
		assert_int_equal(hm_writer_put(w, v, &e), 0);
	}
	assert_int_equal(hm_writer_finish(w, (uint64_t)i, &e), 0);
	cJSON_Delete(pg);
	cJSON_Delete(own);
	cJSON_Delete(meta);
	hm_schema_clear(&s);
}

/* All records as lines "id column=value …"; on an error the sentence. */
static const char *joined(int n)
{
	static char out[1024];
	struct hm_join *j;
	struct hm_rec rec;
	size_t len = 0;
	out[0] = 0;
	int rc = hm_join_open(&j, n, paths, NULL, &e);
	while (!rc && (rc = hm_join_next(j, &rec, &e)) == 1) {
		rc = 0;
		for (int i = 0; i < rec.schema->n; i++) {
			const struct hm_field *f = &rec.schema->field[i];
			const struct hm_val *v = &rec.val[i];
			len += (size_t)(f->dtype == HM_UTF8
						? snprintf(out + len, sizeof out - len, "%s%.*s",
							   i ? " " : "", (int)v->count, (const char *)v->data)
						: snprintf(out + len, sizeof out - len, " %s=%d", f->name,
							   *(const int32_t *)v->data));
		}
		len += (size_t)snprintf(out + len, sizeof out - len, "\n");
	}
	hm_join_close(j);
	return e.code ? e.text : out;
}

static void one_input_is_handed_through(void **state)
{
	(void)state;
	input(0, 2, (struct row[]){{"a", 1, NULL}, {"b", 0, NULL}});
	assert_string_equal(joined(1), "a label=1 x0=0\nb label=0 x0=1\n");
}

static void the_order_is_the_first_ones(void **state)
{
	(void)state;
	input(0, 4, (struct row[]){{"a", NO_LABEL, NULL}, {"b", 0, NULL}, {"c", 0, NULL}, {"d", 0, NULL}});
	input(1, 4, (struct row[]){{"d", NO_LABEL, NULL}, {"b", 0, NULL}, {"a", 0, NULL}, {"c", 0, NULL}});
	input(2, 4, (struct row[]){{"a", NO_LABEL, NULL}, {"c", 0, NULL}, {"b", 0, NULL}, {"d", 0, NULL}});
	assert_string_equal(
		joined(3),
		"a x0=0 x1=102 x2=200\nb x0=1 x1=101 x2=202\nc x0=2 x1=103 x2=201\nd x0=3 x1=100 x2=203\n");
}

static void histories_and_headers_are_united(void **state)
{
	(void)state;
	struct hm_join *j;
	input(0, 1, (struct row[]){{"a", NO_LABEL, NULL}});
	input(1, 1, (struct row[]){{"a", NO_LABEL, NULL}});
	assert_int_equal(hm_join_open(&j, 2, paths, NULL, &e), 0);
	static const char *const tools[] = {"common", "x0", "x1"};
	assert_int_equal(cJSON_GetArraySize(hm_join_pg(j)), 3);
	for (int i = 0; i < 3; i++)
		assert_string_equal(
			cJSON_GetObjectItem(cJSON_GetArrayItem(hm_join_pg(j), i), "tool")->valuestring,
			tools[i]);
	assert_int_equal(cJSON_GetObjectItem(hm_join_meta(j), "who")->valueint, 0);
	assert_int_equal(cJSON_GetObjectItem(hm_join_meta(j), "x1")->valueint, 1);
	assert_int_equal(hm_join_expect(j), 1);
	hm_join_close(j);
}

static void ids_that_stand_alone_are_named(void **state)
{
	(void)state;
	static const struct row five[] = {
		{"a", NO_LABEL, NULL}, {"b", 0, NULL}, {"c", 0, NULL}, {"d", 0, NULL}, {"e", 0, NULL}};
	input(0, 5, five);
	input(1, 1, (struct row[]){{"e", NO_LABEL, NULL}});
	const char *s = joined(2);
	assert_non_null(strstr(s, "4 ids are in"));
	assert_non_null(strstr(s, ": a, b, c, ..."));
	e = (struct hm_err){0};
	input(0, 2, (struct row[]){{"b", NO_LABEL, NULL}, {"d", 0, NULL}});
	input(1, 5, five);
	s = joined(2);
	assert_non_null(strstr(s, "3 ids are in"));
	assert_non_null(strstr(s, ": a, c, e"));
	e = (struct hm_err){0};
	input(0, 2, (struct row[]){{"b", NO_LABEL, NULL}, {"d", 0, NULL}});
	input(1, 2, (struct row[]){{"b", NO_LABEL, NULL}, {"x", 0, NULL}});
	assert_non_null(strstr(joined(2), "1 id is in"));
}

static void doubled_ids_are_named(void **state)
{
	(void)state;
	static const struct row twice[] = {{"a", NO_LABEL, NULL}, {"b", 0, NULL}, {"a", 0, NULL}};
	static const struct row once[] = {{"a", NO_LABEL, NULL}, {"b", 0, NULL}};
	input(0, 3, twice);
	assert_non_null(strstr(joined(1), "record 2 (id a): record 0 has the same id"));
	e = (struct hm_err){0};
	input(0, 2, once);
	input(1, 3, twice);
	assert_non_null(strstr(joined(2), "(id a): record 0 has the same id"));
}

static void unknown_labels_yield_and_others_must_agree(void **state)
{
	(void)state;
	input(0, 3, (struct row[]){{"a", -1, NULL}, {"b", 1, NULL}, {"c", -1, NULL}});
	input(1, 3, (struct row[]){{"a", 0, NULL}, {"b", -1, NULL}, {"c", -1, NULL}});
	input(2, 3, (struct row[]){{"a", -1, NULL}, {"b", 1, NULL}, {"c", 1, NULL}});
	assert_string_equal(
		joined(3),
		"a label=0 x0=0 x1=100 x2=200\nb label=1 x0=1 x1=101 x2=201\nc label=1 x0=2 x1=102 x2=202\n");
	input(2, 3, (struct row[]){{"a", 1, NULL}, {"b", 1, NULL}, {"c", 1, NULL}});
	const char *s = joined(3);
	assert_non_null(strstr(s, "id a: column \"label\" differs"));
}

static void the_first_error_counts(void **state)
{
	(void)state;
	input(0, 3, (struct row[]){{"a", NO_LABEL, ""}, {"b", 0, "bad b"}, {"c", 0, ""}});
	input(1, 3, (struct row[]){{"c", NO_LABEL, ""}, {"a", 0, "bad a"}, {"b", 0, "worse"}});
	assert_string_equal(joined(2), "a bad a x0=0 x1=101\nb bad b x0=1 x1=102\nc  x0=2 x1=100\n");
}

static void other_columns_must_be_equal(void **state)
{
	(void)state;
	input(0, 1, (struct row[]){{"a", NO_LABEL, NULL}});
	paths[1] = paths[0];
	assert_string_equal(joined(2), "a x0=0\n");
	struct hm_schema s = {0};
	struct hm_writer *w;
	int32_t x = 1;
	hm_schema_add(&s, "id", HM_UTF8, 0, NULL, NULL, &e);
	hm_schema_add(&s, "x0", HM_I32, 0, NULL, NULL, &e);
	assert_int_equal(hm_writer_open(&w, path[1], &s, NULL, NULL, NULL, NULL, &e), 0);
	assert_int_equal(hm_writer_put(w, (struct hm_val[]){{"a", 1}, {&x, 1}}, &e), 0);
	assert_int_equal(hm_writer_finish(w, 0, &e), 0);
	paths[1] = path[1];
	assert_non_null(strstr(joined(2), "column \"x0\" differs"));
	hm_schema_remove(&s, 1);
	e = (struct hm_err){0};
	hm_schema_add(&s, "x0", HM_F32, 0, NULL, NULL, &e);
	input(0, 1, (struct row[]){{"a", NO_LABEL, NULL}});
	assert_int_equal(hm_writer_open(&w, path[1], &s, NULL, NULL, NULL, NULL, &e), 0);
	assert_int_equal(hm_writer_finish(w, 0, &e), 0);
	assert_non_null(strstr(joined(2), "another type"));
	hm_schema_clear(&s);
}

static void a_broken_input_is_seen(void **state)
{
	(void)state;
	static const struct row rows[] = {{"a", NO_LABEL, NULL}, {"b", 0, NULL}};
	input(0, 2, rows);
	input(1, 2, rows);
	assert_int_equal(truncate(path[1], 500), 0);
	assert_non_null(strstr(joined(2), path[1]));
	e = (struct hm_err){0};
	struct hm_join *j;
	char *const twice[] = {path[0], (char[]){"-"}, (char[]){"-"}};
	assert_int_equal(hm_join_open(&j, 3, twice, NULL, &e), HM_EUSAGE);
	assert_null(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(one_input_is_handed_through, setup, teardown),
		cmocka_unit_test_setup_teardown(the_order_is_the_first_ones, setup, teardown),
		cmocka_unit_test_setup_teardown(histories_and_headers_are_united, setup, teardown),
		cmocka_unit_test_setup_teardown(ids_that_stand_alone_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(doubled_ids_are_named, setup, teardown),
		cmocka_unit_test_setup_teardown(unknown_labels_yield_and_others_must_agree, setup, teardown),
		cmocka_unit_test_setup_teardown(the_first_error_counts, setup, teardown),
		cmocka_unit_test_setup_teardown(other_columns_must_be_equal, setup, teardown),
		cmocka_unit_test_setup_teardown(a_broken_input_is_seen, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
