/* Byte strings by number: the same bytes from memory, from the file, and from both sides of the limit; what
 * does not fit on the disk is an error. */
#include "base/blobs.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

static struct hm_err e;

enum { BLOBS = 300 };

/* Blob i: of 0 to 500 bytes, every byte a function of its place. */
static size_t size_of(size_t i)
{
	return i * 7919 % 501;
}

static unsigned char byte_of(size_t i, size_t at)
{
	return (unsigned char)(i * 31 + at * 7 + at / 256);
}

/* Adds blob i, in three parts of which one is empty. */
static int add_blob(struct hm_blobs *b, size_t i, size_t size)
{
	unsigned char *p = malloc(size + 1);
	for (size_t at = 0; at < size; at++)
		p[at] = byte_of(i, at);
	struct iovec part[3] = {{p, size / 3}, {NULL, 0}, {p + size / 3, size - size / 3}};
	int rc = hm_blobs_add(b, part, 3, &e);
	free(p);
	return rc;
}

static void check_blob(const struct hm_blobs *b, size_t i, size_t first, size_t n)
{
	unsigned char *got = malloc(n + 1);
	got[n] = 0xa5;
	assert_int_equal(hm_blobs_read(b, i, first, got, n, &e), 0);
	for (size_t at = 0; at < n; at++)
		assert_int_equal(got[at], byte_of(i, first + at));
	assert_int_equal(got[n], 0xa5);
	free(got);
}

static void blobs_come_back_for_any_limit(void **unused)
{
	size_t total = 0;
	(void)unused;
	for (size_t i = 0; i < BLOBS; i++)
		total += size_of(i);
	const size_t limit[] = {0, 1, 1000, total / 2, total - 1, total, SIZE_MAX};
	for (size_t k = 0; k < sizeof limit / sizeof *limit; k++) {
		struct hm_blobs b = {.limit = limit[k]};
		for (size_t i = 0; i < BLOBS; i++) {
			struct iovec whole = {NULL, size_of(i)};
			bool fits = hm_blobs_fit(&b, &whole, 1);
			assert_true(fits == (b.bytes + size_of(i) <= limit[k]));
			assert_int_equal(add_blob(&b, i, size_of(i)), 0);
			assert_true(b.spilled == !fits);
			check_blob(&b, i / 2, 0, size_of(i / 2)); /* what is still to be written, too */
			check_blob(&b, i, size_of(i) / 3, size_of(i) - size_of(i) / 3);
		}
		assert_int_equal(hm_blobs_end(&b, &e), 0);
		assert_int_equal(b.n, BLOBS);
		assert_int_equal(b.bytes, total);
		assert_true(b.spilled == (total > limit[k]));
		for (size_t j = 0; j < BLOBS; j++) {
			size_t i = j * 101 % BLOBS, size = size_of(i);
			unsigned char *at = hm_blobs_at(&b, i);
			assert_true((at == NULL) == b.spilled);
			assert_true(!at || !size ||
				    (at[0] == byte_of(i, 0) && at[size - 1] == byte_of(i, size - 1)));
			check_blob(&b, i, 0, size);
			check_blob(&b, i, size / 2, size - size / 2);
			check_blob(&b, i, size, 0);
		}
		hm_blobs_reset(&b);
		assert_true(!b.n && !b.bytes && !b.spilled && b.limit == limit[k]);
		assert_int_equal(add_blob(&b, 7, 20), 0);
		check_blob(&b, 0, 0, 0);
		hm_blobs_clear(&b);
		assert_int_equal(b.limit, limit[k]); /* and may be used on */
		assert_int_equal(add_blob(&b, 0, 10), 0);
		assert_int_equal(hm_blobs_end(&b, &e), 0);
		check_blob(&b, 0, 0, 10);
		hm_blobs_clear(&b);
	}
}

/* Larger than what is gathered before a write. */
static void large_blobs_go_through_the_file(void **unused)
{
	struct hm_blobs b = {.limit = 6 << 20};
	(void)unused;
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(add_blob(&b, i, (3 << 20) + i), 0);
	assert_int_equal(hm_blobs_end(&b, &e), 0);
	assert_true(b.spilled);
	for (size_t i = 4; i--;) {
		check_blob(&b, i, 0, (3 << 20) + i);
		check_blob(&b, i, (3 << 20) - 5, 5 + i);
	}
	hm_blobs_clear(&b);
}

static void no_blobs_are_no_file(void **unused)
{
	struct hm_blobs b = {.limit = 0};
	(void)unused;
	assert_int_equal(add_blob(&b, 0, 0), 0); /* nothing fits into nothing */
	assert_int_equal(hm_blobs_end(&b, &e), 0);
	assert_false(b.spilled);
	check_blob(&b, 0, 0, 0);
	hm_blobs_clear(&b);
}

/* A limit on the size of files stands for a full disk. */
static void a_full_disk_is_an_error(void **unused)
{
	struct hm_blobs b = {.limit = 0};
	struct rlimit was, small;
	int rc = 0;
	(void)unused;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small = (struct rlimit){1 << 20, was.rlim_max};
	void (*old)(int) = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (size_t i = 0; i < 8 && !rc; i++)
		rc = add_blob(&b, i, 1 << 20);
	setrlimit(RLIMIT_FSIZE, &was);
	signal(SIGXFSZ, old);
	assert_int_equal(rc, HM_EDATA);
	assert_non_null(strstr(e.text, "cannot write a temporary file: "));
	e = (struct hm_err){0};
	hm_blobs_clear(&b);
}

/* No folder for the file, and a file that was cut behind our back. */
static void the_file_s_failures_are_errors(void **unused)
{
	struct hm_blobs b = {.limit = 0};
	unsigned char got[200];
	(void)unused;
	assert_int_equal(setenv("TMPDIR", "build/no-such-folder", 1), 0);
	assert_int_equal(add_blob(&b, 0, 100), HM_EDATA);
	assert_true(strlen(e.text) > 20);
	e = (struct hm_err){0};
	hm_blobs_clear(&b);
	unsetenv("TMPDIR");
	assert_int_equal(add_blob(&b, 0, 100), 0);
	assert_int_equal(hm_blobs_end(&b, &e), 0);
	check_blob(&b, 0, 0, 100);
	assert_int_equal(ftruncate(b.fd, 50), 0);
	check_blob(&b, 0, 0, 50);
	assert_int_equal(hm_blobs_read(&b, 0, 0, got, 100, &e), HM_EDATA);
	assert_string_equal(e.text, "cannot read the temporary file: it has become shorter");
	e = (struct hm_err){0};
	hm_blobs_clear(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blobs_come_back_for_any_limit),
		cmocka_unit_test(large_blobs_go_through_the_file),
		cmocka_unit_test(no_blobs_are_no_file),
		cmocka_unit_test(a_full_disk_is_an_error),
		cmocka_unit_test(the_file_s_failures_are_errors),
	};
	return cmocka_run_group_tests_name("blobs", tests, NULL, NULL);
}
