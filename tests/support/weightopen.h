/* Opening a file of weights that must open, or must be refused. */
#ifndef TEST_WEIGHTOPEN_H
#define TEST_WEIGHTOPEN_H

#include "weights/weights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

/* The file's tensors below `key` (NULL: as --key not given). The caller closes. */
static inline struct hm_weights *weightopen_ok(const char *path, const char *key)
{
	const struct hm_weights_options o = {.key = key};
	struct hm_err e = {0};
	struct hm_weights *w;
	if (hm_weights_open(&w, path, &o, &e))
		fail_msg("%s", e.text);
	return w;
}

/* It does not open, and the sentence has `why` in it. */
static inline void weightopen_refused(const char *path, const char *key, const char *why)
{
	const struct hm_weights_options o = {.key = key};
	struct hm_err e = {0};
	struct hm_weights *w;
	assert_int_equal(hm_weights_open(&w, path, &o, &e), HM_EDATA);
	assert_null(w);
	if (!strstr(e.text, why))
		fail_msg("\"%s\" does not say \"%s\"", e.text, why);
}

#endif
