/* The search for neighbours: numpy's answers (tests/data/nearest, made by tests/oracle/make_nearest.py) on
 * every device and for any number of threads; ties over the edges of blocks; pairs above a similarity; the
 * vote. */
#include "base/file.h"
#include "json/json.h"
#include "score/neighbours.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct hm_err e;

/* Rows of features in columns f0, f1, … of the widths given, from case->NAME. */
static void read_rows(struct hm_nearrows *r, const cJSON *one, const char *name)
{
	const cJSON *column = cJSON_GetObjectItem(one, name), *width = cJSON_GetObjectItem(one, "widths"),
		    *label = cJSON_GetObjectItem(one, "labels"), *v;
	struct hm_schema s = {0};
	struct hm_nearcolumns c;
	struct hm_rec rec = {.schema = &s};
	char names[64] = "", id[16];
	int columns = cJSON_GetArraySize(width);
	float *value[4] = {0};
	assert_int_equal(hm_schema_add(&s, "id", HM_UTF8, 0, NULL, NULL, &e), 0);
	assert_int_equal(hm_schema_add(&s, "label", HM_I32, 0, NULL, NULL, &e), 1);
	for (int i = 0; i < columns; i++) {
		int64_t w = (int64_t)cJSON_GetArrayItem(width, i)->valuedouble;
		snprintf(id, sizeof id, "f%d", i);
		snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? "," : "", id);
		assert_int_equal(hm_schema_add(&s, id, HM_F32, 1, &w, NULL, &e), 2 + i);
		int n = 0;
		value[i] = calloc((size_t)cJSON_GetArraySize(cJSON_GetArrayItem(column, i)), sizeof **value);
		cJSON_ArrayForEach(v, cJSON_GetArrayItem(column, i)) value[i][n++] = (float)v->valuedouble;
	}
	assert_int_equal(hm_nearcolumns_find(&c, names, &s, &e), 0);
	size_t rows = (size_t)cJSON_GetArraySize(cJSON_GetArrayItem(column, 0)) / c.width[0];
	for (size_t k = 0; k < rows; k++) {
		int32_t y = strcmp(name, "train") ? -1 : cJSON_GetArrayItem(label, (int)k)->valueint;
		rec.val[0] = (struct hm_val){id, (size_t)snprintf(id, sizeof id, "%s%zu", name, k)};
		rec.val[1] = (struct hm_val){&y, 1};
		for (int i = 0; i < columns; i++)
			rec.val[2 + i] = (struct hm_val){value[i] + k * c.width[i], c.width[i]};
		assert_int_equal(hm_nearrows_add(r, &c, &rec, &e), 0);
	}
	for (int i = 0; i < columns; i++)
		free(value[i]);
	hm_schema_clear(&s);
}

static void check_case(const cJSON *one, const char *device, int threads)
{
	struct hm_nearrows train = {0}, test = {0};
	struct hm_nearest *s;
	size_t k = (size_t)cJSON_GetObjectItem(one, "k")->valueint;
	const cJSON *nearest = cJSON_GetObjectItem(one, "nearest"),
		    *similarity = cJSON_GetObjectItem(one, "similarity"),
		    *vote = cJSON_GetObjectItem(one, "vote");
	read_rows(&train, one, "train");
	read_rows(&test, one, "test");
	struct hm_device *d = hm_device_open(device, HM_PREC_F32, &e);
	struct hm_workers *w = hm_workers_new(threads, &e);
	struct hm_near *near = calloc(test.n * k, sizeof *near);
	assert_int_equal(hm_nearest_open(&s, &train, d, w, &e), 0);
	assert_int_equal(hm_nearest_find(s, test.row, test.n, k, near, &e), 0);
	for (size_t i = 0; i < test.n * k; i++) {
		assert_int_equal(near[i].row, cJSON_GetArrayItem(nearest, (int)i)->valueint);
		assert_true(fabs(near[i].similarity - cJSON_GetArrayItem(similarity, (int)i)->valuedouble) <
			    2e-7);
	}
	for (size_t i = 0; i < test.n; i++) {
		float logits[2], prob[2];
		double v = hm_neighbours_vote(&train, near + i * k, k, logits, prob);
		assert_true(fabs(v - cJSON_GetArrayItem(vote, (int)i)->valuedouble) < 2e-7);
		assert_true(fabs((double)prob[1] - (v + 1) / 2) < 1e-7 &&
			    fabsf(prob[0] + prob[1] - 1) < 1e-6f);
		assert_true(fabs((double)logits[1] - log((double)prob[1])) < 1e-6);
	}
	hm_nearest_close(s);
	free(near);
	hm_workers_free(w);
	hm_device_close(d);
	hm_nearrows_clear(&train);
	hm_nearrows_clear(&test);
}

static void test_numpy(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		struct hm_buf b = {0};
		char path[64];
		snprintf(path, sizeof path, "tests/data/nearest/case%d.json", i);
		assert_int_equal(hm_file_read(path, SIZE_MAX, &b, &e), 0);
		cJSON *one = hm_json_parse((char *)b.data, b.len, 8, NULL, &e);
		assert_non_null(one);
		check_case(one, "ref", 1);
		check_case(one, "cpu", 1);
		check_case(one, "cpu", 3);
		cJSON_Delete(one);
		hm_buf_clear(&b);
	}
}

/* n unit rows of `dim` numbers in which row i equals row i % period. */
static void repeat_rows(struct hm_nearrows *r, size_t n, size_t dim, size_t period)
{
	r->n = n;
	r->dim = dim;
	r->row = calloc(n * dim, sizeof *r->row);
	for (size_t i = 0; i < n; i++) {
		double sum = 0;
		for (size_t k = 0; k < dim; k++)
			r->row[i * dim + k] = i < period
						      ? (float)((i * 7919 + k * 104729) % 1009) / 9000 - .05f
						      : r->row[i % period * dim + k];
		for (size_t k = 0; k < dim; k++)
			sum += (double)r->row[i * dim + k] * (double)r->row[i * dim + k];
		for (size_t k = 0; i < period && k < dim; k++)
			r->row[i * dim + k] = (float)((double)r->row[i * dim + k] / sqrt(sum));
	}
}

/* Equal rows lie in several blocks and at their ragged ends: their similarity is the same to the bit, and
 * they come in the order of training. */
static void test_ties(void **state)
{
	(void)state;
	enum { ROWS = 3000, DIM = 37, PERIOD = 29, K = 100, QUERIES = 300 };
	static struct hm_near near[QUERIES * K], again[QUERIES * K];
	struct hm_nearrows r = {0};
	struct hm_nearest *s;
	repeat_rows(&r, ROWS, DIM, PERIOD);
	struct hm_device *d = hm_device_open("cpu", HM_PREC_F32, &e);
	for (int threads = 1; threads < 4; threads++) {
		struct hm_workers *w = hm_workers_new(threads, &e);
		assert_int_equal(hm_nearest_open(&s, &r, d, w, &e), 0);
		assert_int_equal(hm_nearest_find(s, r.row, QUERIES, K, threads == 1 ? near : again, &e), 0);
		hm_nearest_close(s);
		hm_workers_free(w);
		assert_true(threads == 1 || !memcmp(near, again, sizeof near));
	}
	for (size_t q = 0; q < QUERIES; q++)
		for (size_t i = 0; i < K; i++) {
			assert_int_equal(near[q * K + i].row, q % PERIOD + i * PERIOD);
			assert_true(near[q * K + i].similarity == near[q * K].similarity);
		}
	hm_device_close(d);
	free(r.row);
}

static void test_above(void **state)
{
	(void)state;
	enum { ROWS = 1100, DIM = 16, PERIOD = 550 };
	struct hm_nearrows r = {0};
	struct hm_nearest *s;
	struct hm_buf out = {0};
	repeat_rows(&r, ROWS, DIM, PERIOD);
	struct hm_device *d = hm_device_open("cpu", HM_PREC_F32, &e);
	struct hm_workers *w = hm_workers_new(2, &e);
	assert_int_equal(hm_nearest_open(&s, &r, d, w, &e), 0);
	assert_int_equal(hm_nearest_above(s, r.row, PERIOD, 7, .9999999, &out, &e), 0);
	struct hm_near_pair *p = (struct hm_near_pair *)(void *)out.data;
	assert_int_equal(out.len / sizeof *p, 2 * PERIOD);
	hm_near_sort(p, 2 * PERIOD);
	for (size_t i = 0; i < 2 * PERIOD; i++) {
		assert_int_equal(p[i].row % PERIOD, p[i].query - 7);
		assert_true(!i || p[i - 1].similarity >= p[i].similarity);
	}
	/* too many */
	assert_int_equal(hm_nearest_above(s, r.row, ROWS, 0, -1, &out, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "more than 1000000 pairs are above -1"));
	e = (struct hm_err){0};
	hm_buf_clear(&out);
	hm_nearest_close(s);
	hm_workers_free(w);
	hm_device_close(d);
	free(r.row);
}

static void test_vote(void **state)
{
	(void)state;
	struct hm_nearrow item[] = {{"a\"", 1}, {"b", 0}};
	const struct hm_nearrows r = {.n = 2, .item = item};
	const struct hm_near near[] = {{0, 1}, {1, .25}};
	struct hm_buf b = {0};
	float logits[2], prob[2];
	assert_true(hm_neighbours_vote(&r, near, 2, logits, prob) == (2 - .25) / 3);
	assert_true(hm_neighbours_vote(&r, near, 1, logits, prob) == 1 && prob[0] == 0 && prob[1] == 1);
	assert_true(isfinite(logits[0]) && logits[0] < -100 && logits[1] == 0);
	assert_true(hm_neighbours_vote(&r, near, 0, logits, prob) == 0 && prob[0] == .5f && prob[1] == .5f);
	assert_int_equal(hm_neighbours_json(&r, near, 2, &b, &e), 0);
	assert_int_equal(hm_buf_add(&b, "", 1, &e), 0);
	assert_string_equal((char *)b.data, "[{\"id\":\"a\\\"\",\"label\":1,\"similarity\":1},"
					    "{\"id\":\"b\",\"label\":0,\"similarity\":0.25}]");
	hm_buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_numpy), cmocka_unit_test(test_ties),
					   cmocka_unit_test(test_above), cmocka_unit_test(test_vote)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
