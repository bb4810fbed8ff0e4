/* A .safetensors file of scalars, in memory: its names are all that matters. */
#ifndef TEST_SCALARFILE_H
#define TEST_SCALARFILE_H

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* Tensor i is the F32 scalar i. Begins all zero; `bytes` is the file when it is finished. */
struct scalar_file {
	struct hm_buf header, bytes;
	int n;
};

/* Adds prefix + name for each of the `count` names; a NULL ends them too. */
static inline void scalar_file_add(struct scalar_file *f, const char *prefix, const char *const *name,
				   size_t count)
{
	struct hm_err e = {0};
	for (; count-- && *name; name++, f->n++)
		assert_int_equal(hm_buf_printf(&f->header, &e,
					       "%c\"%s%s\":{\"dtype\":\"F32\",\"shape\":[],"
					       "\"data_offsets\":[%d,%d]}",
					       f->n ? ',' : '{', prefix, *name, 4 * f->n, 4 * f->n + 4),
				 0);
}

static inline void scalar_file_finish(struct scalar_file *f)
{
	struct hm_err e = {0};
	assert_int_equal(hm_buf_printf(&f->header, &e, "}"), 0);
	uint64_t n = f->header.len;
	assert_int_equal(hm_buf_add(&f->bytes, &n, 8, &e), 0); /* little-endian, as this machine is */
	assert_int_equal(hm_buf_add(&f->bytes, f->header.data, f->header.len, &e), 0);
	for (int i = 0; i < f->n; i++)
		assert_int_equal(hm_buf_add(&f->bytes, &(float){(float)i}, 4, &e), 0);
}

static inline void scalar_file_clear(struct scalar_file *f)
{
	hm_buf_clear(&f->header);
	hm_buf_clear(&f->bytes);
}

#endif
