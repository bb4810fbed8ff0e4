/* The vectors of tests/data/scores, for the tests of lib/stat. */
#ifndef TEST_CASES_H
#define TEST_CASES_H

#include "stat/metrics.h"

#include <cjson/cJSON.h>

/* The parsed file, tests/data/scores/cases.json; caller frees with cJSON_Delete. */
cJSON *test_cases(void);
/* The same for another one. */
cJSON *test_cases_of(const char *path);
/* The member of that name; NaN when null. */
double test_number(const cJSON *o, const char *key);
double test_item(const cJSON *array, int i);
/* Fails unless both are NaN or they differ by at most `tolerance`, relative to the larger when that is
 * above 1. */
void test_close(double got, double want, double tolerance, const char *what);

/* One case's examples: prob[n,2] of "p" (or "q"), label[n]. */
struct test_case {
	size_t n;
	double *prob;
	int32_t *label;
	double threshold;
};
void test_case_init(struct test_case *t, const cJSON *o, const char *key);
void test_case_clear(struct test_case *t);

#endif
