/* Zip directories: entries are found where they are, in both widths; damaged and cut ones are refused. */
#include "../support/zipwrite.h"
#include "weights/zipdir.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct zip_file file[] = {
	{"x/data.pkl", "pickle", 6}, {"x/data/10", "ten", 3}, {"x/data/1", "o", 1}, {"x/empty", "", 0}};
enum { FILES = sizeof file / sizeof *file };

static const unsigned char *bytes_of(const struct hm_zip *z, const char *name, size_t *n, struct hm_err *e)
{
	const struct hm_zip_entry *x = hm_zip_find(z, name, strlen(name));
	const unsigned char *p;
	assert_non_null(x);
	*n = (size_t)x->size;
	return hm_zip_data(z, x, &p, e) ? NULL : p;
}

static void test_reads(void **state)
{
	(void)state;
	for (int kind = 0; kind < 4; kind++) {
		struct hm_buf b = {0};
		struct hm_err e = {0};
		struct hm_zip z;
		zip_write(&b, file, FILES, kind % 2, kind / 2);
		assert_int_equal(hm_zip_open(&z, b.data, b.len, &e), 0);
		assert_int_equal(z.entries, FILES);
		for (size_t i = 0; i < FILES; i++) {
			size_t n;
			const unsigned char *p = bytes_of(&z, file[i].name, &n, &e);
			const struct hm_zip_entry *x = hm_zip_find(&z, file[i].name, strlen(file[i].name));
			assert_non_null(p);
			assert_int_equal(n, file[i].n);
			assert_memory_equal(p, file[i].data, n);
			assert_true(hm_zip_sound(p, n, x->crc));
			if (n && kind % 2)
				assert_false(hm_zip_sound((const unsigned char *)"??????", n, x->crc));
		}
		assert_null(hm_zip_find(&z, "x/data", 6));
		assert_null(hm_zip_find(&z, "x/data/", 7));
		hm_zip_close(&z);
		zip_bytes(&b, "a comment", 9);
		assert_int_equal(hm_zip_open(&z, b.data, b.len, &e), HM_EDATA); /* whose length is not said */
		hm_zip_close(&z);
		b.data[b.len - 11] = 9;
		e = (struct hm_err){0};
		assert_int_equal(hm_zip_open(&z, b.data, b.len, &e), 0);
		hm_zip_close(&z);
		hm_buf_clear(&b);
	}
}

/* Every cut, and every byte set to 0 or 255: a sentence, or entries that lie in the file. */
static void test_damage(void **state)
{
	(void)state;
	for (int kind = 0; kind < 2; kind++) {
		struct hm_buf b = {0};
		zip_write(&b, file, FILES, true, kind);
		for (size_t i = 0; i < 3 * b.len; i++) {
			size_t at = i % b.len, n = i < b.len ? at : b.len;
			unsigned char *copy = malloc(n ? n : 1), was = b.data[at];
			struct hm_err e = {0};
			struct hm_zip z;
			assert_non_null(copy);
			if (i >= b.len)
				b.data[at] = i < 2 * b.len ? 0 : 255;
			memcpy(copy, b.data, n);
			b.data[at] = was;
			int rc = hm_zip_open(&z, copy, n, &e);
			assert_int_equal(rc == 0, !e.text[0]);
			if (i < b.len)
				assert_int_equal(rc, HM_EDATA);
			for (size_t k = 0; !rc && k < z.entries; k++) {
				const unsigned char *p;
				struct hm_err why = {0};
				if (hm_zip_data(&z, &z.entry[k], &p, &why))
					assert_true(why.text[0]);
				else
					assert_true(p >= copy && z.entry[k].size <= (size_t)(copy + n - p));
			}
			hm_zip_close(&z);
			free(copy);
		}
		hm_buf_clear(&b);
	}
}

/* One byte of a zip with 32-bit fields, counted from `from` (a signature), changed. */
static void refused(const char *from, size_t at, unsigned char to, const char *why)
{
	struct hm_buf b = {0};
	struct hm_err e = {0};
	struct hm_zip z;
	size_t n;
	zip_write(&b, file, FILES, true, false);
	unsigned char *p = memmem(b.data, b.len, from, 4);
	assert_non_null(p);
	p[at] = to;
	if (!hm_zip_open(&z, b.data, b.len, &e))
		assert_null(bytes_of(&z, file[0].name, &n, &e));
	if (!strstr(e.text, why))
		fail_msg("\"%s\" does not say \"%s\"", e.text, why);
	hm_zip_close(&z);
	hm_buf_clear(&b);
}

static void test_refuses(void **state)
{
	(void)state;
	refused("PK\5\6", 3, 7, "the file is cut: a zip whose directory, at its end, is missing");
	refused("PK\5\6", 19, 1, "its directory lies outside the file");
	refused("PK\5\6", 10, 200, "its directory is too small for its entries");
	refused("PK\5\6", 12, 9, "its directory is too small for its entries");
	refused("PK\5\6", 16, 1, "entry 0 of its directory is broken");
	refused("PK\1\2", 8, 1, "\"x/data.pkl\" is compressed or encrypted");
	refused("PK\1\2", 10, 8, "\"x/data.pkl\" is compressed or encrypted");
	refused("PK\1\2", 20, 5, "\"x/data.pkl\" is compressed or encrypted");
	refused("PK\1\2", 45, 1, "\"x/data.pkl\" lies outside the file");
	refused("PK\3\4", 3, 5, "\"x/data.pkl\" lies outside the file");
	refused("PK\3\4", 27, 255, "\"x/data.pkl\" lies outside the file");
	refused("PK\3\4", 30, 'y', "\"x/data.pkl\" has another name at its data");
	/* a directory that promises more bytes than there are, in both of its sizes */
	struct hm_buf large = {0};
	struct hm_err why = {0};
	struct hm_zip l;
	size_t n;
	zip_write(&large, file, FILES, true, false);
	unsigned char *p = memmem(large.data, large.len, "PK\1\2", 4);
	p[23] = p[27] = 1;
	assert_int_equal(hm_zip_open(&l, large.data, large.len, &why), 0);
	assert_null(bytes_of(&l, file[0].name, &n, &why));
	assert_string_equal(why.text, "entry \"x/data.pkl\" lies outside the file");
	hm_zip_close(&l);
	hm_buf_clear(&large);
	static const struct zip_file twice[] = {{"a", "1", 1}, {"a", "2", 1}};
	struct hm_buf b = {0};
	struct hm_err e = {0};
	struct hm_zip z;
	zip_write(&b, twice, 2, true, false);
	assert_int_equal(hm_zip_open(&z, b.data, b.len, &e), HM_EDATA);
	assert_string_equal(e.text, "a damaged zip: entry \"a\" is there twice");
	hm_zip_close(&z);
	hm_buf_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_reads), cmocka_unit_test(test_damage),
					   cmocka_unit_test(test_refuses)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
