/* Records as JSON, every dtype and shape, and .npy files byte by byte. The digest is python-xxhash's
 * xxh3_128. */
#include "base/file.h"
#include "rec/npy.h"
#include "json/json.h"
#include "rec/print.h"
#include "../support/streams.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <unistd.h>

/* The JSON of a record of one column with that value. */
static void prints(enum hm_dtype t, int ndim, const int64_t *dim, const void *data, size_t count, bool full,
		   const char *want)
{
	struct hm_schema s = {0};
	struct hm_err e = {0};
	struct hm_buf out = {0};
	assert_int_equal(hm_schema_add(&s, "c", t, ndim, dim, NULL, &e), 0);
	struct hm_rec r = {.schema = &s, .val = {{data, count}}};
	assert_int_equal(hm_rec_print(&r, full, &out, NULL, &e), 0);
	assert_int_equal(hm_buf_add(&out, "", 1, &e), 0);
	assert_string_equal((char *)out.data, want);
	hm_buf_clear(&out);
	hm_schema_clear(&s);
}

static void scalars(void **state)
{
	(void)state;
	prints(HM_BOOL, 0, NULL, &(uint8_t){1}, 1, false, "{\"c\":true}");
	prints(HM_U8, 0, NULL, &(uint8_t){255}, 1, false, "{\"c\":255}");
	prints(HM_I8, 0, NULL, &(int8_t){-128}, 1, false, "{\"c\":-128}");
	prints(HM_I64, 0, NULL, &(int64_t){INT64_MIN}, 1, false, "{\"c\":-9223372036854775808}");
	prints(HM_U64, 0, NULL, &(uint64_t){UINT64_MAX}, 1, false, "{\"c\":18446744073709551615}");
	prints(HM_F16, 0, NULL, &(uint16_t){0x3c01}, 1, false, "{\"c\":1.0009766}");
	prints(HM_BF16, 0, NULL, &(uint16_t){0x4049}, 1, false, "{\"c\":3.140625}");
	prints(HM_F32, 0, NULL, &(float){0.1f}, 1, false, "{\"c\":0.1}");
	prints(HM_F64, 0, NULL, &(double){0.1}, 1, false, "{\"c\":0.1}");
	prints(HM_F32, 0, NULL, &(float){NAN}, 1, false, "{\"c\":\"NaN\"}");
	prints(HM_UTF8, 0, NULL, "a\"\n\xc3\xa9", 5, false, "{\"c\":\"a\\\"\\n\xc3\xa9\"}");
	prints(HM_UTF8, 0, NULL, NULL, 0, false, "{\"c\":\"\"}");
}

static void tensors(void **state)
{
	static const uint16_t six[6] = {1, 2, 3, 4, 5, 6};
	static const float some[2] = {1.5f, -INFINITY};
	(void)state;
	prints(HM_U16, DIMS(2, 3), six, 6, true, "{\"c\":[[1,2,3],[4,5,6]]}");
	prints(HM_U16, DIMS(-1, 2), six, 6, true, "{\"c\":[[1,2],[3,4],[5,6]]}");
	prints(HM_U16, DIMS(-1, 2), NULL, 0, true, "{\"c\":[]}");
	prints(HM_F32, DIMS(2), some, 2, true, "{\"c\":[1.5,\"-Infinity\"]}");
	prints(HM_U16, DIMS(2, 3), six, 6, false,
	       "{\"c\":{\"dtype\":\"U16\",\"shape\":[2,3],\"xxh3\":\"4d0c6c1ed7c275174c56c1c6bed70fda\"}}");
}

static void rows_without_elements(void **state)
{
	struct hm_schema s = {0};
	struct hm_err e = {0};
	struct hm_buf out = {0};
	(void)state;
	prints(HM_U8, DIMS(2, 0), NULL, 0, true, "{\"c\":[[],[]]}");
	prints(HM_U8, DIMS(0, INT32_MAX), NULL, 0, true, "{\"c\":[]}");
	assert_int_equal(hm_schema_add(&s, "c", HM_U8, DIMS(3, INT32_MAX, 0), NULL, &e), 0);
	struct hm_rec r = {.schema = &s, .val = {{NULL, 0}}};
	assert_int_equal(hm_rec_print(&r, true, &out, NULL, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "too many rows"));
	out.len = 0;
	assert_int_equal(hm_rec_print(&r, false, &out, NULL, &e), 0);
	hm_buf_clear(&out);
	hm_schema_clear(&s);
}

/* Writes n records of one column, returns the file's bytes. */
static void npy(enum hm_dtype t, int ndim, const int64_t *dim, const struct hm_val *v, int n,
		struct hm_buf *out, struct hm_buf *offsets)
{
	struct hm_schema s = {0};
	struct hm_err e = {0};
	struct hm_npy *y;
	char path[64], more[80];
	test_scratch(path);
	snprintf(more, sizeof more, "%s.offsets.npy", path);
	assert_int_equal(hm_schema_add(&s, "c", t, ndim, dim, NULL, &e), 0);
	assert_int_equal(hm_npy_open(&y, path, &s.field[0], &e), 0);
	for (int i = 0; i < n; i++)
		assert_int_equal(hm_npy_put(y, &v[i], &e), 0);
	assert_int_equal(hm_npy_finish(y, &e), 0);
	test_take(path, out);
	if (offsets)
		test_take(more, offsets);
	hm_schema_clear(&s);
}

static void arrays(void **state)
{
	struct hm_buf a = {0}, o = {0};
	const float x[6] = {1, 2, 3, 4, 5, 6};
	(void)state;
	npy(HM_F32, DIMS(3), (struct hm_val[]){{x, 3}, {x + 3, 3}}, 2, &a, NULL);
	assert_memory_equal(a.data, "\x93NUMPY\x01\x00", 8);
	assert_int_equal((a.data[8] + 10) % 64, 0);
	assert_non_null(
		strstr((char *)a.data + 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3,), }"));
	assert_int_equal(a.data[a.data[8] + 9], '\n');
	assert_int_equal(a.len, (size_t)a.data[8] + 10 + sizeof x);
	assert_memory_equal(a.data + a.data[8] + 10, x, sizeof x);
	a.len = 0;
	npy(HM_BF16, 0, NULL, &(struct hm_val){&(uint16_t){0x3fc0}, 1}, 1, &a, NULL); /* 1.5, widened */
	assert_non_null(strstr((char *)a.data + 10, "'<f4'"));
	assert_memory_equal(a.data + a.len - 4, &(float){1.5f}, 4);
	a.len = 0;
	const int32_t ids[3] = {7, 8, 9};
	npy(HM_I32, DIMS(-1), (struct hm_val[]){{ids, 2}, {NULL, 0}, {ids + 2, 1}}, 3, &a, &o);
	assert_non_null(strstr((char *)a.data + 10, "'shape': (3,)"));
	assert_non_null(strstr((char *)o.data + 10, "'descr': '<i8', 'fortran_order': False, 'shape': (4,)"));
	assert_memory_equal(o.data + o.len - 32, ((int64_t[]){0, 2, 2, 3}), 32);
	hm_buf_clear(&a);
	hm_buf_clear(&o);
}

static void texts(void **state)
{
	struct hm_buf a = {0};
	const uint32_t want[] = {0xe9, 0x1f642, 0, 'a', 'b', 'c', 0, 0, 0};
	(void)state;
	npy(HM_UTF8, 0, NULL, (struct hm_val[]){{"\xc3\xa9\xf0\x9f\x99\x82", 6}, {"abc", 3}, {NULL, 0}}, 3,
	    &a, NULL);
	assert_non_null(
		strstr((char *)a.data + 10, "{'descr': '<U3', 'fortran_order': False, 'shape': (3,), }"));
	assert_int_equal(a.len, (size_t)a.data[8] + 10 + sizeof want);
	assert_memory_equal(a.data + a.data[8] + 10, want, sizeof want);
	hm_buf_clear(&a);
}

static void texts_have_limits(void **state)
{
	struct hm_schema s = {0};
	struct hm_err e = {0}, f = {0};
	struct hm_npy *y;
	struct hm_buf wide = {0};
	char path[64];
	(void)state;
	test_scratch(path);
	assert_int_equal(hm_schema_add(&s, "t", HM_UTF8, 0, NULL, NULL, &e), 0);
	assert_int_equal(hm_npy_open(&y, path, &s.field[0], &e), 0);
	assert_int_equal(hm_npy_put(y, &(struct hm_val){"a\0", 2}, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "a text ends with U+0000"));
	hm_npy_abort(y);
	assert_int_equal(hm_npy_open(&y, path, &s.field[0], &f), 0);
	assert_int_equal(hm_buf_reserve(&wide, 1 << 20, &f), 0);
	memset(wide.data, 'x', 1 << 20);
	assert_int_equal(hm_npy_put(y, &(struct hm_val){wide.data, 1 << 20}, &f), 0);
	for (int i = 0; i < 1024; i++)
		assert_int_equal(hm_npy_put(y, &(struct hm_val){"", 0}, &f), 0);
	assert_int_equal(hm_npy_finish(y, &f), HM_EDATA);
	assert_non_null(strstr(f.text, "column \"t\" has a text of 1048576 characters"));
	unlink(path);
	hm_buf_clear(&wide);
	hm_schema_clear(&s);
}

/* What flush took so far: the buffer that is printed into, and the pieces together. */
struct pieces {
	struct hm_buf *out, whole;
	size_t n, largest;
};

static int take_piece(void *ctx, struct hm_err *e)
{
	struct pieces *p = ctx;
	p->n++;
	p->largest = p->out->len > p->largest ? p->out->len : p->largest;
	int rc = hm_buf_add(&p->whole, p->out->data, p->out->len, e);
	p->out->len = 0;
	return rc;
}

/* A text with characters of 1 to 4 bytes at every place of a piece's end, and a tensor. */
static void large_records_in_pieces(void **state)
{
	static const char some[] = "a\1\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";
	struct hm_schema s = {0};
	struct hm_err e = {0};
	struct hm_buf text = {0}, out = {0}, piece = {0};
	struct pieces p = {.out = &piece};
	const struct hm_print_flush flush = {take_piece, &p};
	(void)state;
	while (text.len < 5 * HM_PRINT_PIECE)
		assert_int_equal(hm_buf_add(&text, some, sizeof some - 1, &e), 0);
	assert_int_equal(hm_schema_add(&s, "t", HM_UTF8, 0, NULL, NULL, &e), 0);
	assert_int_equal(hm_schema_add(&s, "x", HM_U8, DIMS(-1, 3), NULL, &e), 1);
	for (size_t cut = 0; cut < sizeof some - 1; cut++) {
		struct hm_rec r = {
			.schema = &s,
			.val = {{text.data + cut, text.len - cut}, {text.data, 3 * HM_PRINT_PIECE}}};
		out.len = piece.len = p.whole.len = p.n = 0;
		assert_int_equal(hm_rec_print(&r, true, &out, NULL, &e), 0);
		assert_int_equal(hm_rec_print(&r, true, &piece, &flush, &e), 0);
		assert_int_equal(take_piece(&p, &e), 0);
		piece.len = 0; /* the text as one string */
		assert_int_equal(hm_json_write_str(&piece, (char *)text.data + cut, text.len - cut, &e), 0);
		assert_memory_equal(out.data + strlen("{\"t\":"), piece.data, piece.len);
		assert_int_equal(p.whole.len, out.len);
		assert_memory_equal(p.whole.data, out.data, out.len);
		assert_true(p.n > 10 && p.largest < 8 * HM_PRINT_PIECE);
	}
	hm_buf_clear(&text);
	hm_buf_clear(&out);
	hm_buf_clear(&piece);
	hm_buf_clear(&p.whole);
	hm_schema_clear(&s);
}

static void pipes_are_refused(void **state)
{
	struct hm_schema s = {0};
	struct hm_err e = {0};
	struct hm_npy *y;
	int fd[2];
	char path[64];
	(void)state;
	assert_int_equal(hm_schema_add(&s, "n", HM_U8, 0, NULL, NULL, &e), 0);
	assert_int_equal(pipe(fd), 0);
	snprintf(path, sizeof path, "/dev/fd/%d", fd[1]);
	assert_int_equal(hm_npy_open(&y, path, &s.field[0], &e), HM_EDATA);
	assert_non_null(strstr(e.text, "cannot be written into a pipe"));
	close(fd[0]);
	close(fd[1]);
	hm_schema_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(scalars),
					   cmocka_unit_test(tensors),
					   cmocka_unit_test(rows_without_elements),
					   cmocka_unit_test(arrays),
					   cmocka_unit_test(texts),
					   cmocka_unit_test(texts_have_limits),
					   cmocka_unit_test(large_records_in_pieces),
					   cmocka_unit_test(pipes_are_refused)};
	return cmocka_run_group_tests_name("print", tests, NULL, NULL);
}
