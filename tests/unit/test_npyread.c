/* The reader of .npy files: each array that NumPy wrote (tests/oracle/make_npy.py) is read to the last
 * element, by any window of rows; every lie in a header is refused with its reason. */
#include "rec/npyread.h"

#include <glob.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Element k of the arrays. */
static double value(enum hm_dtype t, size_t k)
{
	bool negative = t == HM_I8 || t == HM_I16 || t == HM_I32 || t == HM_I64;
	if (t == HM_BOOL)
		return k % 3 == 0;
	if (t == HM_F16 || t == HM_F32 || t == HM_F64)
		return (double)(k % 17) - 8 + (double)(k % 4) * .25;
	return (double)(k * 31 % 120) - (negative ? 60 : 0);
}

static double number(enum hm_dtype t, const unsigned char *p)
{
	uint64_t u = 0;
	float f;
	double d;
	size_t size = hm_dtype_size(t);
	memcpy(&u, p, size);
	switch (t) {
	case HM_F64:
		memcpy(&d, p, 8);
		return d;
	case HM_F16:
	case HM_F32:
		hm_to_f32(t, p, 1, &f, NULL);
		return f;
	case HM_I8:
	case HM_I16:
	case HM_I32:
	case HM_I64:
		return (double)((int64_t)(u << (64 - 8 * size)) >> (64 - 8 * size));
	default:
		return (double)u;
	}
}

/* TYPE-SHAPE-ORDER-VERSION.npy against what was parsed. */
static void check_name(const char *path, const struct hm_npyarray *a)
{
	char is[160], shape[128];
	bool byte = a->size == 1;
	char letter = a->dtype == HM_BOOL					       ? 'b'
		      : a->dtype == HM_F16 || a->dtype == HM_F32 || a->dtype == HM_F64 ? 'f'
		      : hm_dtype_name(a->dtype)[0] == 'U'			       ? 'u'
										       : 'i';
	snprintf(is, sizeof is, "tests/data/npy/%s%c%zu-%s-%c",
		 byte	      ? ""
		 : a->swapped ? "be"
			      : "le",
		 letter, a->size, hm_shape_text(a->ndim, a->dim, shape, sizeof shape),
		 a->fortran ? 'F' : 'C');
	if (strncmp(path, is, strlen(is)) != 0)
		fail_msg("%s was read as %s", path, is);
}

static void check_rows(const char *path, const struct hm_npyarray *a, size_t window)
{
	size_t n = a->ndim ? (size_t)a->dim[0] : 1;
	unsigned char *rows = malloc(window * a->row * a->size + 1);
	assert_non_null(rows);
	for (size_t first = 0; first < n; first += window) {
		size_t count = n - first < window ? n - first : window;
		hm_npyarray_rows(a, first, count, rows);
		for (size_t k = 0; k < count * a->row; k++) {
			double got = number(a->dtype, rows + k * a->size),
			       want = value(a->dtype, first * a->row + k);
			if (got != want)
				fail_msg("%s: element %zu is %g, not %g", path, first * a->row + k, got,
					 want);
		}
	}
	free(rows);
}

static void arrays_are_read(void **state)
{
	(void)state;
	glob_t g;
	assert_int_equal(glob("tests/data/npy/*-*.npy", 0, NULL, &g), 0);
	assert_true(g.gl_pathc >= 50);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct hm_err e = {0};
		struct hm_npyarray a;
		if (hm_npyarray_open(&a, g.gl_pathv[i], &e))
			fail_msg("%s", e.text);
		assert_int_equal(a.kind, HM_NPY_NUMBERS);
		check_name(g.gl_pathv[i], &a);
		for (size_t window = 1; window < 40; window += 6)
			check_rows(g.gl_pathv[i], &a, window);
		hm_npyarray_close(&a);
	}
	globfree(&g);
}

static void texts_are_read(void **state)
{
	(void)state;
	static const struct {
		const char *path;
		enum hm_npy_kind kind;
		int64_t n;
		size_t size;
	} row[] = {{"tests/data/npy/U.npy", HM_NPY_UCS4, 5, 20},
		   {"tests/data/npy/bigU.npy", HM_NPY_UCS4, 5, 24},
		   {"tests/data/npy/S.npy", HM_NPY_BYTES, 3, 3}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct hm_err e = {0};
		struct hm_npyarray a;
		unsigned char first[32] = {0};
		if (hm_npyarray_open(&a, row[i].path, &e))
			fail_msg("%s", e.text);
		assert_int_equal(a.kind, row[i].kind);
		assert_int_equal(a.dim[0], row[i].n);
		assert_int_equal(a.size, row[i].size);
		hm_npyarray_rows(&a, 0, 1, first);
		assert_int_equal(first[0], 'm');
		assert_int_equal(first[a.kind == HM_NPY_UCS4 ? 4 : 1], '1');
		hm_npyarray_close(&a);
	}
}

/* A file of version 1.0 (or `version`) with this header and `data` bytes behind it. */
static void refused(int version, const char *header, size_t data, const char *why)
{
	struct hm_err e = {0};
	struct hm_npyarray a;
	size_t h = strlen(header), start = version == 1 ? 10 : 12;
	unsigned char *p = calloc(1, start + h + data);
	assert_non_null(p);
	memcpy(p, "\x93NUMPY", 6);
	p[6] = (unsigned char)version;
	p[8] = (unsigned char)h;
	p[9] = (unsigned char)(h >> 8);
	memcpy(p + start, header, h);
	int rc = hm_npyarray_parse(&a, p, start + h + data, &e);
	if (why && rc != HM_EDATA)
		fail_msg("%s is read", header);
	if (why ? !strstr(e.text, why) : rc)
		fail_msg("%s: \"%s\" does not say \"%s\"", header, e.text, why ? why : "");
	free(p);
}

#define HEADER(DESCR, ORDER, SHAPE) "{'descr': " DESCR ", 'fortran_order': " ORDER ", 'shape': " SHAPE ", }\n"
#define F4(SHAPE) HEADER("'<f4'", "False", SHAPE)

static void headers_are_parsed_strictly(void **state)
{
	(void)state;
	refused(1, F4("(2,)"), 8, NULL);
	refused(2, "{\"shape\":(2L,),\"descr\":\"<f4\",\"fortran_order\":True}", 8, NULL);
	refused(3, F4("(2, 3)"), 24, NULL);
	refused(1, F4("()"), 4, NULL);
	refused(1, F4("(2,)"), 7, "it is cut: the header promises 8 bytes of data, 7 are there");
	refused(1, F4("(2,)"), 9, "1 bytes follow the array");
	refused(4, F4("(2,)"), 8, "its version is 4.0");
	refused(0, F4("(2,)"), 8, "its version is 0.0");
	refused(1, F4("(2)"), 8, "not a tuple of sizes");
	refused(1, F4("(2 3)"), 8, "not a tuple of sizes");
	refused(1, F4("(,)"), 8, "not a tuple of sizes");
	refused(1, F4("(-2,)"), 8, "not a tuple of sizes");
	refused(1, F4("(2.0,)"), 8, "not a tuple of sizes");
	refused(1, F4("[2]"), 8, "not a tuple");
	refused(1, F4("(99999999999999999999,)"), 8, "not a tuple of sizes");
	refused(1, F4("(9223372036854775807, 4)"), 8, "overflows");
	refused(1, F4("(0, 9223372036854775807, 9223372036854775807)"), 0, "overflows");
	refused(1, F4("(4611686018427387904, 4)"), 0, "overflows");
	refused(1, F4("(1,1,1,1,1,1,1,1,1,1)"), 4, "more than 9 dimensions");
	refused(1, F4("(1,1,1,1,1,1,1,1,1)"), 4, NULL);
	refused(1, "{'descr': '<f4', 'fortran_order': False}", 8, "lacks");
	refused(1, "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}", 8,
		"\"descr\" twice");
	refused(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}", 8,
		"\"x\", which is not known");
	refused(1, "{'descr': '<f4' 'fortran_order': False, 'shape': (2,)}", 8, "not a dictionary");
	refused(1, F4("(2,)") "x", 8, "something behind the dictionary");
	refused(1, "__import__('os').system('true')", 8, "not a dictionary");
	refused(1, "", 8, "not a dictionary");
	refused(1, "{'descr': '<f4", 8, "descr is not a short text");
	refused(1, HEADER("'<f4'", "1", "(2,)"), 8, "fortran_order");
	refused(1, HEADER("'<f\\4'", "False", "(2,)"), 8, "not a short text");
}

static void types_are_parsed_strictly(void **state)
{
	(void)state;
	static const char *const unknown[] = {
		"'f4'",	 "'=f4'",    "'<f3'",  "'<f16'", "'|f4'", "'<c8'",
		"'<V2'", "'<M8[s]'", "'<m8'",  "''",	 "'<'",	  "'<f'",
		"'<b2'", "'<f4 '",   "'<<f4'", "'<f-4'", "'|U4'", "'<f99999999999999999999'"};
	char header[160];
	for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) {
		snprintf(header, sizeof header, HEADER("%s", "False", "(2,)"), unknown[i]);
		refused(1, header, 8, "its elements are of type");
	}
	refused(1, HEADER("'|O'", "False", "(2,)"), 8, "pickled Python objects");
	refused(1, HEADER("'O'", "False", "(2,)"), 8, "pickled Python objects");
	refused(1, HEADER("[('a', '<f4')]", "False", "(2,)"), 8, "an array of structures");
	refused(1, HEADER("'<V2'", "False", "(2,)"), 4, "bfloat16");
	refused(1, HEADER("3", "False", "(2,)"), 8, "not a short text");
	refused(1, HEADER("'<U4611686018427387905'", "False", "(2,)"), 8, "its elements are of type");
}

static void other_files_are_named(void **state)
{
	(void)state;
	static const struct {
		const char *bytes;
		size_t n;
		const char *why;
	} row[] = {{"\x93NUMPY\1", 7, "cut inside its header"},
		   {"\x93NUMPY\1\0\xff\0", 10, "cut inside its header"},
		   {"\x93NUMPY\2\0\xff\xff\xff\xff", 12, "has 4294967295 bytes, more than 64 KiB"},
		   {"PK\3\4\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\5\0\0\0a.npy", 35, "an .npz"},
		   {"\x1f\x8b\x08\0", 4, "a gzip file (gzip -dc unpacks it)"},
		   {"{\"a\":1}\n", 8, "a JSON text"},
		   {"", 0, "not a .npy file"}};
	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct hm_err e = {0};
		struct hm_npyarray a;
		unsigned char p[64];
		memcpy(p, row[i].bytes, row[i].n);
		assert_int_equal(hm_npyarray_parse(&a, p, row[i].n, &e), HM_EDATA);
		if (!strstr(e.text, row[i].why))
			fail_msg("\"%s\" does not say \"%s\"", e.text, row[i].why);
	}
	struct hm_err e = {0};
	struct hm_npyarray a;
	assert_int_equal(hm_npyarray_open(&a, "tests/data/npy", &e), HM_EDATA);
	assert_string_equal(e.text, "tests/data/npy: not a regular file");
	hm_npyarray_close(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arrays_are_read),
		cmocka_unit_test(texts_are_read),
		cmocka_unit_test(headers_are_parsed_strictly),
		cmocka_unit_test(types_are_parsed_strictly),
		cmocka_unit_test(other_files_are_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
