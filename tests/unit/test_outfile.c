/* lib/base's output files where things go wrong between two system calls: file systems that cannot make
 * files without a name, hidden names that are taken, several writers of one target, signals. What the library
 * calls is replaced by functions that fail in a given way. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64], target[128];
static struct hm_err e;
static bool no_tmpfile;		  /* as on NFS and FAT */
static int same_number, links;	  /* random numbers that are still alike; calls of linkat */
static int sync_error, times = 0; /* what the next `times` calls of fsync say */

int open(const char *path, int flags, ...)
{
	va_list ap;
	va_start(ap, flags);
	mode_t mode = va_arg(ap, mode_t);
	va_end(ap);
	errno = EOPNOTSUPP;
	return no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE
		       ? -1
		       : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t getrandom(void *p, size_t n, unsigned flags)
{
	if (same_number <= 0)
		return syscall(SYS_getrandom, p, n, flags);
	same_number--;
	memset(p, 0x5a, n);
	return (ssize_t)n;
}

int linkat(int from, const char *old, int to, const char *new, int flags)
{
	links++;
	return (int)syscall(SYS_linkat, from, old, to, new, flags);
}

int fsync(int fd)
{
	errno = sync_error;
	return times && times-- ? -1 : (int)syscall(SYS_fsync, fd);
}

static int setup(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	snprintf(folder, sizeof folder, "/tmp/hm-outfile-XXXXXX");
	char *made = mkdtemp(folder);
	snprintf(target, sizeof target, "%s/f", folder);
	return !made;
}

/* Files in the folder; removes them when asked to. */
static int count_files(bool removing)
{
	DIR *d = opendir(folder);
	char path[512];
	int n = 0;
	for (struct dirent *f; (f = readdir(d));) {
		if (!strcmp(f->d_name, ".") || !strcmp(f->d_name, ".."))
			continue;
		n++;
		snprintf(path, sizeof path, "%s/%s", folder, f->d_name);
		if (removing)
			unlink(path);
	}
	closedir(d);
	return n;
}

static int teardown(void **state)
{
	(void)state;
	no_tmpfile = false;
	same_number = times = 0;
	count_files(true);
	return rmdir(folder);
}

static void holds(const char *path, const char *text)
{
	struct hm_buf b = {0};
	assert_int_equal(hm_file_read(path, 1 << 20, &b, &e), 0);
	assert_int_equal(b.len, strlen(text));
	assert_memory_equal(b.data, text, b.len);
	hm_buf_clear(&b);
}

/* Two writers of one target are two processes of the same number, on two machines or in two containers. */
static void writers_of_one_target_do_not_meet(void **state)
{
	(void)state;
	for (int named = 0; named < 2; named++)
		for (int old = 0; old < 2; old++) {
			no_tmpfile = named;
			struct hm_out *a = hm_out_open(target, &e), *b = hm_out_open(target, &e);
			assert_non_null(a);
			assert_non_null(b);
			assert_int_equal(hm_out_write(a, "first writer", 12, &e), 0);
			assert_int_equal(hm_out_write(b, "second", 6, &e), 0);
			assert_int_equal(hm_out_write(a, ", all of it", 11, &e), 0);
			assert_int_equal(hm_out_commit(a, &e), 0);
			holds(target, "first writer, all of it");
			assert_int_equal(hm_out_commit(b, &e), 0);
			holds(target, "second");
			assert_int_equal(count_files(false), 1);
		}
}

static void a_hidden_name_that_is_taken_is_left_alone(void **state)
{
	(void)state;
	for (int named = 0; named < 2; named++) {
		char taken[192];
		no_tmpfile = named;
		snprintf(taken, sizeof taken, "%s/.f.5a5a5a5a5a5a5a5a.tmp", folder);
		assert_int_equal(hm_file_write(taken, "somebody's", 10, &e), 0);
		assert_int_equal(hm_file_write(target, "old", 3, &e), 0);
		same_number = 3;
		assert_int_equal(hm_file_write(target, "new", 3, &e), 0);
		assert_int_equal(same_number, 0);
		holds(target, "new");
		holds(taken, "somebody's");
		assert_int_equal(count_files(true), 2);
	}
}

/* A new target is named by one call: there is no moment at which a kill leaves a hidden name. */
static void a_new_file_has_one_name_only(void **state)
{
	(void)state;
	links = 0;
	same_number = 1;
	assert_int_equal(hm_file_write(target, "x", 1, &e), 0);
	assert_int_equal(links, 1);
	assert_int_equal(same_number, 1); /* no hidden name was made */
	holds(target, "x");
}

static void a_failure_at_the_end_leaves_nothing(void **state)
{
	(void)state;
	for (int named = 0; named < 2; named++) {
		no_tmpfile = named;
		assert_int_equal(hm_file_write(target, "old", 3, &e), 0);
		sync_error = EIO;
		times = 1;
		assert_int_equal(hm_file_write(target, "new", 3, &e), HM_EDATA);
		assert_non_null(strstr(e.text, "f: cannot sync: "));
		e = (struct hm_err){0};
		holds(target, "old");
		assert_int_equal(count_files(false), 1);
		sync_error = EINTR;
		times = 2;
		assert_int_equal(hm_file_write(target, "new", 3, &e), 0);
		holds(target, "new");
		assert_int_equal(count_files(false), 1);
	}
}

/* The target has become a folder meanwhile. */
static void a_file_that_cannot_be_renamed_is_removed(void **state)
{
	(void)state;
	for (int named = 0; named < 2; named++) {
		no_tmpfile = named;
		struct hm_out *o = hm_out_open(target, &e);
		assert_int_equal(hm_out_write(o, "x", 1, &e), 0);
		assert_int_equal(mkdir(target, 0700), 0);
		assert_int_equal(hm_out_commit(o, &e), HM_EDATA);
		assert_non_null(strstr(e.text, "cannot rename"));
		e = (struct hm_err){0};
		assert_int_equal(count_files(false), 1);
		assert_int_equal(rmdir(target), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(writers_of_one_target_do_not_meet, setup, teardown),
		cmocka_unit_test_setup_teardown(a_hidden_name_that_is_taken_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(a_new_file_has_one_name_only, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failure_at_the_end_leaves_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(a_file_that_cannot_be_renamed_is_removed, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
