/* The error of a test program, and calls that must succeed. */
#ifndef TEST_OK_H
#define TEST_OK_H

#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct hm_err e;

/* A call that returns 0, or writes into `e` why not. */
#define OK(call)                                                                                             \
	do {                                                                                                 \
		e = (struct hm_err){0};                                                                      \
		if (call)                                                                                    \
			fail_msg("%s", e.text);                                                              \
	} while (0)

#endif
