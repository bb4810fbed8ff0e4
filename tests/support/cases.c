/* Reading the score vectors. See cases.h. */
#include "cases.h"
#include "base/file.h"
#include "json/json.h"

#include <math.h>
#include <setjmp.h>
#include <stdlib.h>
#include <cmocka.h>

cJSON *test_cases_of(const char *path)
{
	struct hm_buf b = {0};
	struct hm_err e = {0};
	assert_int_equal(hm_file_read(path, 1 << 20, &b, &e), 0);
	cJSON *o = hm_json_parse((char *)b.data, b.len, 16, NULL, &e);
	assert_non_null(o);
	hm_buf_clear(&b);
	return o;
}

cJSON *test_cases(void)
{
	return test_cases_of("tests/data/scores/cases.json");
}

double test_number(const cJSON *o, const char *key)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, key);
	assert_non_null(v);
	return cJSON_IsNumber(v) ? v->valuedouble : NAN;
}

double test_item(const cJSON *array, int i)
{
	const cJSON *v = cJSON_GetArrayItem(array, i);
	return cJSON_IsNumber(v) ? v->valuedouble : NAN;
}

void test_close(double got, double want, double tolerance, const char *what)
{
	if (isnan(got) && isnan(want))
		return;
	if (!(fabs(got - want) <= tolerance * fmax(1, fabs(want))))
		fail_msg("%s: %.17g, the reference says %.17g", what, got, want);
}

void test_case_init(struct test_case *t, const cJSON *o, const char *key)
{
	const cJSON *p = cJSON_GetObjectItemCaseSensitive(o, key),
		    *y = cJSON_GetObjectItemCaseSensitive(o, "label");
	t->n = (size_t)cJSON_GetArraySize(y);
	t->prob = calloc(2 * t->n, sizeof *t->prob);
	t->label = calloc(t->n, sizeof *t->label);
	assert_true(t->prob && t->label);
	for (size_t i = 0; i < t->n; i++) {
		t->prob[2 * i + 1] = test_item(p, (int)i);
		t->prob[2 * i] = 1 - t->prob[2 * i + 1];
		t->label[i] = (int32_t)test_item(y, (int)i);
	}
	t->threshold = test_number(o, "threshold");
}

void test_case_clear(struct test_case *t)
{
	free(t->prob);
	free(t->label);
}
