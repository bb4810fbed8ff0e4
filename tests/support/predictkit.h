/* What tests of score/predict.h have in common: a file for the model, a device, workers, and columns that a
 * model must refuse. */
#ifndef TEST_PREDICTKIT_H
#define TEST_PREDICTKIT_H

#include "ok.h"
#include "scratch.h"
#include "score/predict.h"

#include <string.h>
#include <unistd.h>

static char predict_model[TEST_PATH];
static struct hm_device *predict_ref;
static struct hm_workers *predict_workers;

/* Before all tests, and after them. */
static inline int predict_open(void **state)
{
	(void)state;
	test_scratch(predict_model);
	predict_ref = hm_device_open("ref", HM_PREC_F32, &e);
	predict_workers = hm_workers_new(2, &e);
	return !predict_ref || !predict_workers;
}

static inline int predict_close(void **state)
{
	(void)state;
	hm_workers_free(predict_workers);
	hm_device_close(predict_ref);
	unlink(predict_model);
	return 0;
}

/* `unknown`: columns that do not say which encoder made them will do. */
static inline int predict_init(struct hm_predict *a, struct hm_fusionfile *m, const struct hm_schema *s,
			       bool unknown)
{
	const struct hm_predict_options o = {.allow_unknown = unknown};
	return hm_predict_init(a, m, s, "in", &o, predict_ref, predict_workers, &e);
}

/* Clears the schema. */
static inline void predict_refused(struct hm_fusionfile *m, struct hm_schema *s, bool unknown,
				   const char *why)
{
	struct hm_predict a;
	e = (struct hm_err){0};
	assert_int_equal(predict_init(&a, m, s, unknown), HM_EDATA);
	if (!strstr(e.text, why) || strncmp(e.text, "in: ", 4))
		fail_msg("said: %s, expected: %s", e.text, why);
	hm_predict_clear(&a);
	hm_schema_clear(s);
}

#endif
