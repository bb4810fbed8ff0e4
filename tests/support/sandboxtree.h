/* A tree of files, a process that enters the sandbox there, and what an intruder may try in it. */
#ifndef TEST_SANDBOXTREE_H
#define TEST_SANDBOXTREE_H

#include "base/sandbox.h"
#include "scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* folder/{in, other, root/{picture, out -> ../other}, made/{old}}: "in" and "root" may be read, files may be
 * made in "made". */
static char folder[PATH_MAX];

static inline void write_file(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "data", 4), 4);
	close(fd);
}

static inline int make_tree(void **state)
{
	(void)state;
	char made[TEST_PATH];
	test_scratch_folder(made);
	assert_int_equal(chdir(made), 0);
	assert_non_null(getcwd(folder, sizeof folder)); /* $TMPDIR may be a relative path */
	assert_int_equal(mkdir("root", 0700) | mkdir("made", 0700), 0);
	write_file("in");
	write_file("other");
	write_file("root/picture");
	write_file("made/old");
	return symlink("../other", "root/out");
}

static inline int remove_tree(void **state)
{
	static const char *const names[] = {"in",	"other",    "root/picture",
					    "root/out", "made/old", "made/new"};
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		unlink(names[i]);
	return rmdir("root") || rmdir("made") || chdir("/") || rmdir(folder);
}

enum kind { READS, MAKES, KEEPS, CODES };

/* The tool's side: what a call would allow. */
static inline int enter(enum kind kind)
{
	struct hm_sandbox s;
	hm_sandbox_begin(&s, kind == CODES);
	hm_sandbox_allow(&s, "in", HM_PLACE_READ);
	hm_sandbox_allow(&s, "root", HM_PLACE_READ);
	hm_sandbox_allow(&s, "missing", HM_PLACE_READ);
	if (kind == MAKES || kind == KEEPS)
		hm_sandbox_allow(&s, "made", kind == KEEPS ? HM_PLACE_KEEP : HM_PLACE_MAKE);
	return hm_sandbox_enter(&s);
}

/* Runs `attempt` in a child inside the sandbox. What became of it: 0, an errno, or minus the signal that
 * ended the child. attempt(kind) returns below 0 with errno set if it failed. */
static inline int attempt_in(enum kind kind, int (*attempt)(void))
{
	const struct rlimit none = {0};
	int status;
	pid_t child = fork();
	if (!child) {
		setrlimit(RLIMIT_CORE, &none);
		enter(kind);
		_exit(attempt() < 0 ? errno : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static inline int outcome(int (*run)(void))
{
	const struct rlimit none = {0};
	int status;
	pid_t child = fork();
	if (!child) {
		setrlimit(RLIMIT_CORE, &none);
		_exit(run());
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- attempts: below 0 with errno set if they failed */

static inline int open_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static inline int kill_parent(void)
{
	return kill(getppid(), SIGURG);
}

static inline int signal_parents_thread(void)
{
	return (int)syscall(SYS_tgkill, getppid(), getppid(), SIGURG);
}

static inline int read_in(void)
{
	return open("in", O_RDONLY);
}

static inline int read_other(void)
{
	return open("other", O_RDONLY);
}

static inline int read_passwords(void)
{
	return open("/etc/passwd", O_RDONLY);
}

/* What an output does: a file without a name, its name, one more name over an old file. */
static inline int write_output(void)
{
	char self[64];
	int fd = open("made", O_TMPFILE | O_WRONLY, 0600);
	snprintf(self, sizeof self, "/proc/self/fd/%d", fd);
	return fd < 0 || write(fd, "new", 3) != 3 ||
			       linkat(AT_FDCWD, self, AT_FDCWD, "made/new", AT_SYMLINK_FOLLOW) ||
			       rename("made/new", "made/old")
		       ? -1
		       : 0;
}

#endif
