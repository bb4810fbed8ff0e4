/* Image files below a root: what may be opened, with the kernel's openat2 and, under a filter that takes it
 * away, without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "prep/imagefile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* A tree: root/{a.png, sub/b.png, in -> sub/b.png, out -> ../secret, abs -> /dev/null, dir -> .., fifo,
 * huge}, secret. */
static int make_tree(void **state)
{
	char *dir = strdup("/tmp/hm-imagefile-XXXXXX");
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	FILE *f;
	int bad = mkdir("root", 0700) || mkdir("root/sub", 0700) || mkfifo("root/fifo", 0600);
	bad = bad || !(f = fopen("root/a.png", "w")) || fputs("picture", f) < 0 || fclose(f);
	bad = bad || !(f = fopen("root/sub/b.png", "w")) || fclose(f);
	bad = bad || !(f = fopen("secret", "w")) || fputs("secret", f) < 0 || fclose(f);
	bad = bad || !(f = fopen("root/huge", "w")) || ftruncate(fileno(f), (off_t)HM_IMAGEFILE_MAX + 1) ||
	      fclose(f);
	bad = bad || symlink("sub/b.png", "root/in") || symlink("../secret", "root/out") ||
	      symlink("..", "root/dir") || symlink("/dev/null", "root/abs") ||
	      symlink("none", "root/sub/gone");
	*state = dir;
	return bad ? -1 : 0;
}

static int remove_tree(void **state)
{
	static const char *const files[] = {"root/a.png",    "root/sub/b.png", "root/in",   "root/out",
					    "root/dir",	     "root/abs",       "root/fifo", "root/huge",
					    "root/sub/gone", "secret"};
	for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
		unlink(files[i]);
	rmdir("root/sub");
	rmdir("root");
	if (chdir("/"))
		return -1;
	rmdir(*state);
	free(*state);
	return 0;
}

/* NULL when it is read, else whether the reason holds `want`. */
static bool try_open(bool follow, const char *path, size_t len, const char *want)
{
	struct hm_imageroot r;
	struct hm_buf b = {0};
	struct hm_err e = {0};
	if (hm_imageroot_open(&r, "root", follow, &e))
		return false;
	size_t held;
	int rc = hm_imagefile_read(&r, path, len, NULL, &held, &b, &e);
	bool ok = want ? rc == HM_EDATA && strstr(e.text, want) : !rc;
	if (!ok)
		print_error("%s: %s\n", path, rc ? e.text : "opened");
	hm_buf_clear(&b);
	hm_imageroot_close(&r);
	return ok;
}

#define TRY(follow, path, want) (try_open(follow, path, strlen(path), want))

static bool refuses_by_any_means(void)
{
	return TRY(false, "a.png", NULL) && TRY(false, "sub/b.png", NULL) &&
	       TRY(false, "./sub//b.png", NULL) && TRY(false, "", "empty") &&
	       TRY(false, "/etc/passwd", "absolute") && TRY(false, "../secret", "..") &&
	       TRY(false, "sub/../../secret", "..") && TRY(false, "sub/..", "..") &&
	       TRY(false, "none.png", "cannot open: No such file or directory") &&
	       TRY(false, "http://a/b.png", "this is a URL") && TRY(false, "sub\\b.png", "has a backslash") &&
	       TRY(false, "fifo", "not a regular file") && TRY(false, "sub", "not a regular file") &&
	       TRY(false, "huge", "larger than 256M") && TRY(false, "out", "(--follow-symlinks allows it)") &&
	       TRY(false, "abs", "symbolic link") && try_open(false, "a.png\0x", 7, "not a file name");
}

static void test_below_root(void **state)
{
	(void)state;
	assert_true(refuses_by_any_means());
	assert_true(TRY(false, "in", NULL)); /* a link that stays inside */
	assert_true(TRY(false, "sub/gone", "symbolic link to a file that is missing"));
	assert_true(TRY(false, "dir/secret", "symbolic link"));
}

static void test_follow(void **state)
{
	(void)state;
	assert_true(TRY(true, "out", NULL) && TRY(true, "dir/secret", NULL) && TRY(true, "in", NULL));
	assert_true(TRY(true, "abs", "not a regular file")); /* a device */
	assert_true(TRY(true, "../secret", "..") && TRY(true, "/etc/passwd", "absolute") &&
		    TRY(true, "fifo", "regular"));
}

static void test_contents(void **state)
{
	(void)state;
	struct hm_imageroot r;
	struct hm_buf b = {0};
	struct hm_err e = {0};
	size_t held;
	assert_int_equal(hm_imageroot_open(&r, "root", false, &e), 0);
	for (int again = 0; again < 2; again++) {
		assert_int_equal(hm_imagefile_read(&r, "a.png", 5, NULL, &held, &b, &e), 0);
		assert_int_equal(b.len, 7);
		assert_memory_equal(b.data, "picture", 7);
		assert_int_equal(hm_imagefile_read(&r, "sub/b.png", 9, NULL, &held, &b, &e), 0);
		assert_int_equal(b.len, 0);
	}
	/* a file that is not small is taken of the budget, once */
	struct hm_budget budget;
	hm_budget_init(&budget, HM_IMAGEFILE_MAX);
	assert_int_equal(truncate("root/a.png", (off_t)HM_IMAGEFILE_SMALL), 0);
	assert_int_equal(hm_imagefile_read(&r, "a.png", 5, &budget, &held, &b, &e), 0);
	assert_true(!held && b.len == HM_IMAGEFILE_SMALL);
	assert_int_equal(truncate("root/a.png", (off_t)HM_IMAGEFILE_SMALL + 1), 0);
	assert_int_equal(hm_imagefile_read(&r, "a.png", 5, &budget, &held, &b, &e), 0);
	assert_true(held == HM_IMAGEFILE_SMALL + 1 && budget.held == held && b.len == held);
	hm_budget_give(&budget, held);
	hm_budget_clear(&budget);
	assert_int_equal(truncate("root/a.png", 7), 0);
	hm_imageroot_close(&r);
	hm_buf_clear(&b);
	assert_int_equal(hm_imageroot_open(&r, "root/a.png", false, &e), HM_EDATA);
	assert_non_null(strstr(e.text, "root/a.png"));
}

/* What the machine does not give is not the record's fault: no descriptor is left, a file is there and cannot
 * be read (/proc/self/mem has no page 0). */
static void test_faults_of_the_machine(void **state)
{
	(void)state;
	int status;
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		struct hm_imageroot r;
		struct hm_buf b = {0};
		size_t held;
		struct hm_err data = {0}, many = {0}, io = {0};
		bool ok = !hm_imageroot_open(&r, "root", true, &io) &&
			  hm_imagefile_read(&r, "none.png", 8, NULL, &held, &b, &data) == HM_EDATA &&
			  !data.machine && !symlink("/proc/self/mem", "root/mem") &&
			  hm_imagefile_read(&r, "mem", 3, NULL, &held, &b, &io) == HM_EDATA && io.machine;
		unlink("root/mem");
		struct rlimit none = {0};
		ok = ok && !setrlimit(RLIMIT_NOFILE, &none) &&
		     hm_imagefile_read(&r, "a.png", 5, NULL, &held, &b, &many) == HM_EDATA && many.machine;
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* In a child whose kernel pretends not to know openat2. */
static void test_without_openat2(void **state)
{
	(void)state;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {4, code};
	int status;
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
			_exit(2);
		_exit(refuses_by_any_means() && TRY(false, "in", "symbolic link") &&
				      TRY(false, "dir/secret", "cannot open")
			      ? 0
			      : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_below_root),	cmocka_unit_test(test_follow),
		cmocka_unit_test(test_contents),	cmocka_unit_test(test_faults_of_the_machine),
		cmocka_unit_test(test_without_openat2),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
