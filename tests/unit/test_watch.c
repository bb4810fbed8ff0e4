/* Files of weights that stay mapped: a write is seen whatever the file's name is by then, and however soon it
 * follows. */
#include "weights/weights.h"
#include "../support/scratch.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char name[TEST_PATH], other[TEST_PATH];
static struct hm_err e;

static void save_number(const char *path, float x)
{
	const struct hm_tensor t = {.name = "a", .data = &x, .dtype = HM_F32, .ndim = 1, .dim = {1}};
	assert_int_equal(hm_weights_save(path, &t, 1, NULL, &e), 0);
}

static float number(const struct hm_weights *w)
{
	float x;
	memcpy(&x, w->tensor[0].data, sizeof x);
	return x;
}

static void write_number(int fd, float x)
{
	assert_int_equal(pwrite(fd, &x, sizeof x, lseek(fd, 0, SEEK_END) - (off_t)sizeof x), sizeof x);
}

static void a_write_is_seen_under_any_name(void **state)
{
	(void)state;
	struct hm_weights *w;
	for (int how = 0; how < 3; how++) { /* its name stays, goes to another file, is removed */
		e = (struct hm_err){0};
		save_number(name, 1);
		assert_int_equal(hm_weights_open(&w, name, NULL, &e), 0);
		int fd = open(name, O_WRONLY);
		if (how == 1) {
			save_number(other, 3);
			assert_int_equal(rename(other, name), 0);
		} else if (how == 2) {
			unlink(name);
		}
		assert_int_equal(hm_weights_unchanged(w, &e), 0);
		assert_true(number(w) == 1);
		write_number(fd, 2);
		assert_true(number(w) == 2);
		assert_int_equal(hm_weights_unchanged(w, &e), HM_EDATA);
		assert_non_null(strstr(e.text, "changed while it was in use"));
		close(fd);
		hm_weights_close(w);
	}
}

/* A kernel that stamps files with the last tick of its clock gives the next write another stamp. */
static void a_fresh_file_is_opened_a_tick_later(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	save_number(name, 1);
	for (int i = 0; i < 20; i++) {
		struct hm_weights *w;
		struct stat st;
		struct timespec now;
		assert_int_equal(utimensat(AT_FDCWD, name, NULL, 0), 0); /* written just now */
		assert_int_equal(hm_weights_open(&w, name, NULL, &e), 0);
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
		assert_int_equal(stat(name, &st), 0);
		assert_true(now.tv_sec > st.st_mtim.tv_sec ||
			    (now.tv_sec == st.st_mtim.tv_sec && now.tv_nsec > st.st_mtim.tv_nsec));
		hm_weights_close(w);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(a_write_is_seen_under_any_name),
					   cmocka_unit_test(a_fresh_file_is_opened_a_tick_later)};
	test_scratch(name);
	test_scratch(other);
	int rc = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(name);
	return rc;
}
