/* lib/base's files: output is the old file or the new one, whole, whatever happens in between. */
#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char folder[64];
static struct hm_err e;

static int setup(void **state)
{
	(void)state;
	e = (struct hm_err){0};
	snprintf(folder, sizeof folder, "/tmp/hm-file-XXXXXX");
	return !mkdtemp(folder);
}

static char *in_folder(const char *name)
{
	static char path[4][512];
	static int next;
	next = (next + 1) % 4;
	snprintf(path[next], sizeof path[next], "%s/%s", folder, name);
	return path[next];
}

/* Names in the folder; "." and ".." are not counted. */
static int files(void)
{
	DIR *d = opendir(folder);
	int n = -2;
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static int teardown(void **state)
{
	(void)state;
	DIR *d = opendir(folder);
	for (struct dirent *f; (f = readdir(d));)
		unlink(in_folder(f->d_name));
	closedir(d);
	return rmdir(folder);
}

static void holds(const char *name, const char *text)
{
	struct hm_buf b = {0};
	assert_int_equal(hm_file_read(in_folder(name), 1 << 20, &b, &e), 0);
	assert_int_equal(b.len, strlen(text));
	if (b.len)
		assert_memory_equal(b.data, text, b.len);
	hm_buf_clear(&b);
}

static mode_t mode_of(const char *name)
{
	struct stat st;
	assert_int_equal(stat(in_folder(name), &st), 0);
	return st.st_mode & 07777;
}

static void nothing_is_seen_before_the_commit(void **state)
{
	(void)state;
	mode_t mask = umask(027);
	struct hm_out *o = hm_out_open(in_folder("new"), &e);
	assert_int_equal(hm_out_write(o, "abc", 3, &e), 0);
	assert_false(hm_out_is_stream(o));
	assert_int_equal(access(in_folder("new"), F_OK), -1);
	assert_int_equal(hm_out_write(o, "def", 3, &e), 0);
	assert_int_equal(hm_out_commit(o, &e), 0);
	umask(mask);
	holds("new", "abcdef");
	assert_int_equal(mode_of("new"), 0640);
	assert_int_equal(files(), 1);
}

static void an_old_file_is_replaced_whole(void **state)
{
	(void)state;
	assert_int_equal(hm_file_write(in_folder("f"), "old", 3, &e), 0);
	assert_int_equal(chmod(in_folder("f"), 0606), 0); /* wider than the umask lets new files be */
	struct hm_out *o = hm_out_open(in_folder("f"), &e);
	hm_out_write(o, "newer", 5, &e);
	holds("f", "old");
	assert_int_equal(hm_out_commit(o, &e), 0);
	holds("f", "newer");
	assert_int_equal(mode_of("f"), 0606);
	o = hm_out_open(in_folder("f"), &e);
	hm_out_write(o, "never", 5, &e);
	hm_out_abort(o);
	holds("f", "newer");
	assert_int_equal(files(), 1);
	hm_out_abort(NULL);
}

static void symlinks_are_followed(void **state)
{
	(void)state;
	struct stat st;
	assert_int_equal(symlink("target", in_folder("relative")), 0);
	assert_int_equal(symlink(in_folder("relative"), in_folder("absolute")), 0);
	assert_int_equal(hm_file_write(in_folder("absolute"), "one", 3, &e),
			 0); /* target does not exist yet */
	holds("target", "one");
	assert_int_equal(hm_file_write(in_folder("relative"), "two", 3, &e), 0);
	holds("target", "two");
	assert_int_equal(lstat(in_folder("relative"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(files(), 3);
	assert_int_equal(symlink("loop", in_folder("loop")), 0);
	assert_null(hm_out_open(in_folder("loop"), &e));
	assert_non_null(strstr(e.text, "symbolic links"));
}

static void what_is_no_file_is_written_in_place(void **state)
{
	(void)state;
	struct hm_out *o = hm_out_open("/dev/null", &e);
	assert_true(hm_out_is_stream(o));
	assert_int_equal(hm_out_write(o, "abc", 3, &e), 0);
	assert_int_equal(hm_out_commit(o, &e), 0);
	assert_int_equal(mkfifo(in_folder("fifo"), 0600), 0);
	int fd = open(in_folder("fifo"), O_RDONLY | O_NONBLOCK);
	char got[8] = {0};
	assert_int_equal(hm_file_write(in_folder("fifo"), "through", 7, &e), 0);
	assert_int_equal(read(fd, got, 8), 7);
	assert_string_equal(got, "through");
	close(fd);
	struct stat st;
	assert_int_equal(lstat(in_folder("fifo"), &st), 0);
	assert_true(S_ISFIFO(st.st_mode));
	assert_null(hm_out_open(folder, &e));
	assert_non_null(strstr(e.text, "is a folder"));
}

static void a_failed_write_leaves_the_old_file(void **state)
{
	(void)state;
	char big[100000] = {0};
	struct rlimit was, small = {0};
	assert_int_equal(hm_file_write(in_folder("f"), "old", 3, &e), 0);
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &was);
	small = was;
	small.rlim_cur = 50000;
	setrlimit(RLIMIT_FSIZE, &small);
	struct hm_out *o = hm_out_open(in_folder("f"), &e);
	assert_int_equal(hm_out_write(o, big, sizeof big, &e), HM_EDATA);
	setrlimit(RLIMIT_FSIZE, &was);
	struct hm_err again = {0};
	assert_int_equal(hm_out_write(o, "x", 1, &again), HM_EDATA);
	assert_non_null(strstr(again.text, "earlier"));
	assert_int_equal(hm_out_commit(o, &again), HM_EDATA);
	holds("f", "old");
	assert_int_equal(files(), 1);
	assert_non_null(strstr(e.text, "cannot write"));
	e = (struct hm_err){0};
	assert_int_equal(hm_file_write("/dev/full", "x", 1, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "/dev/full: cannot write"));
	e = (struct hm_err){0};
	assert_null(hm_out_open(in_folder("no/such/folder"), &e));
	assert_memory_equal(e.text, folder, strlen(folder));
}

/* A process killed while it writes leaves nothing. */
static void a_killed_writer_leaves_the_old_file(void **state)
{
	(void)state;
	assert_int_equal(hm_file_write(in_folder("f"), "old", 3, &e), 0);
	pid_t child = fork();
	if (!child) {
		struct hm_out *o = hm_out_open(in_folder("f"), &e);
		hm_out_write(o, "half", 4, &e);
		kill(getpid(), SIGKILL);
	}
	assert_true(child > 0);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	holds("f", "old");
	assert_int_equal(files(), 1);
}

static void names_may_be_as_long_as_names_can_be(void **state)
{
	(void)state;
	char name[256];
	memset(name, 'n', 255);
	name[255] = 0;
	assert_int_equal(hm_file_write(in_folder(name), "x", 1, &e), 0);
	holds(name, "x");
	assert_int_equal(files(), 1);
	int here = open(".", O_RDONLY | O_DIRECTORY);
	assert_int_equal(chdir(folder), 0); /* no slash in the path */
	assert_int_equal(hm_file_write("plain", "y", 1, &e), 0);
	assert_int_equal(fchdir(here), 0);
	close(here);
	holds("plain", "y");
}

static void reading_has_a_cap(void **state)
{
	(void)state;
	struct hm_buf b = {0};
	assert_int_equal(hm_file_write(in_folder("f"), "12345", 5, &e), 0);
	assert_int_equal(hm_file_read(in_folder("f"), 5, &b, &e), 0);
	assert_int_equal(hm_file_read(in_folder("f"), 5, &b, &e), 0); /* appends */
	assert_int_equal(b.len, 10);
	assert_int_equal(hm_file_read(in_folder("f"), 4, &b, &e), HM_EDATA);
	e = (struct hm_err){0};
	assert_int_equal(hm_file_read("/dev/zero", 1 << 20, &b, &e), HM_EDATA);
	e = (struct hm_err){0};
	assert_int_equal(hm_file_read(folder, 10, &b, &e), HM_EDATA);
	e = (struct hm_err){0};
	assert_int_equal(hm_file_read(in_folder("none"), 10, &b, &e), HM_EDATA);
	assert_memory_equal(e.text, folder, strlen(folder));
	hm_buf_clear(&b);
}

static void mappings_show_the_file(void **state)
{
	(void)state;
	struct hm_map m;
	assert_int_equal(hm_file_write(in_folder("f"), "12345", 5, &e), 0);
	assert_int_equal(hm_map_open(&m, in_folder("f"), &e), 0);
	assert_int_equal(m.len, 5);
	assert_memory_equal(m.data, "12345", 5);
	hm_map_close(&m);
	assert_int_equal(hm_file_write(in_folder("f"), "", 0, &e), 0);
	assert_int_equal(hm_map_open(&m, in_folder("f"), &e), 0);
	assert_int_equal(m.len, 0);
	hm_map_close(&m);
	mkfifo(in_folder("fifo"), 0600);
	assert_int_equal(hm_map_open(&m, in_folder("fifo"), &e), HM_EDATA); /* and does not wait */
	e = (struct hm_err){0};
	assert_int_equal(hm_map_open(&m, folder, &e), HM_EDATA);
}

static void temporary_files_have_no_name(void **state)
{
	(void)state;
	char text[8] = "";
	int fd = hm_file_temporary(folder, &e);
	assert_true(fd >= 0);
	assert_int_equal(files(), 0);
	assert_int_equal(write(fd, "abc", 3), 3);
	assert_int_equal(pread(fd, text, sizeof text, 0), 3);
	assert_string_equal(text, "abc");
	assert_int_equal(files(), 0);
	close(fd);
	assert_int_equal(hm_file_temporary("/nowhere/at-all", &e), HM_EDATA);
	assert_memory_equal(e.text, "/nowhere/at-all: ", 17);
	setenv("TMPDIR", folder, 1);
	assert_true((fd = hm_file_temporary(NULL, &e)) >= 0);
	close(fd);
	setenv("TMPDIR", "/nowhere/at-all", 1);
	e = (struct hm_err){0};
	assert_int_equal(hm_file_temporary(NULL, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "TMPDIR may name another folder"));
	unsetenv("TMPDIR");
}

static void what_is_there_is_found_out(void **state)
{
	(void)state;
	assert_int_equal(hm_file_there(in_folder("none"), &e), 0);
	assert_int_equal(hm_file_is_folder(in_folder("none"), &e), 0);
	assert_int_equal(hm_file_write(in_folder("one"), "x", 1, &e), 0);
	assert_int_equal(hm_file_there(in_folder("one"), &e), 1);
	assert_int_equal(hm_file_there(in_folder("one/below"), &e), 0);
	assert_int_equal(hm_file_is_folder(in_folder("one"), &e), 0);
	assert_int_equal(hm_file_there(folder, &e), 1);
	assert_int_equal(hm_file_is_folder(folder, &e), 1);
	assert_int_equal(e.code, 0);
	char longer[300];
	memset(longer, 'x', sizeof longer - 1);
	longer[sizeof longer - 1] = 0;
	assert_int_equal(hm_file_there(in_folder(longer), &e), HM_EDATA); /* not "it is not there" */
	assert_non_null(strstr(e.text, "cannot look for it"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_is_seen_before_the_commit, setup, teardown),
		cmocka_unit_test_setup_teardown(an_old_file_is_replaced_whole, setup, teardown),
		cmocka_unit_test_setup_teardown(symlinks_are_followed, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_file_is_written_in_place, setup, teardown),
		cmocka_unit_test_setup_teardown(a_failed_write_leaves_the_old_file, setup, teardown),
		cmocka_unit_test_setup_teardown(a_killed_writer_leaves_the_old_file, setup, teardown),
		cmocka_unit_test_setup_teardown(names_may_be_as_long_as_names_can_be, setup, teardown),
		cmocka_unit_test_setup_teardown(reading_has_a_cap, setup, teardown),
		cmocka_unit_test_setup_teardown(temporary_files_have_no_name, setup, teardown),
		cmocka_unit_test_setup_teardown(mappings_show_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_there_is_found_out, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
