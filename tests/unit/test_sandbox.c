/* The sandbox as an intruder meets it: each case is tried in a process of its own that has entered it. */
#include "base/file.h"
#include "base/sandbox.h"
#include "../support/scratch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/io_uring.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <limits.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* folder/{in, other, root/{picture, out -> ../other}, made/{old}}: "in" and "root" may be read, files may be
 * made in "made". */
static char folder[PATH_MAX];

static void write_file(const char *name)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "data", 4), 4);
	close(fd);
}

static int make_tree(void **state)
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

static int remove_tree(void **state)
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
static int enter(enum kind kind)
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

/* A place that is missing is passed over; one that cannot be opened for want of descriptors is a failure. */
static void test_faults_of_the_machine(void **state)
{
	struct hm_sandbox s;
	struct rlimit was, none = {0};
	(void)state;
	hm_sandbox_begin(&s, false);
	if (s.rules < 0)
		return; /* no places on this kernel */
	hm_sandbox_allow(&s, "missing", HM_PLACE_READ);
	assert_int_equal(s.failure.code, 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
	none.rlim_max = was.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	hm_sandbox_allow(&s, "in", HM_PLACE_READ);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
	close(s.rules);
	assert_true(s.failure.machine);
	assert_string_equal(s.failure.text, "in: cannot open: Too many open files");
}

/* Runs `attempt` in a child inside the sandbox. What became of it: 0, an errno, or minus the signal that
 * ended the child. attempt(kind) returns below 0 with errno set if it failed. */
static int attempt_in(enum kind kind, int (*attempt)(void))
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

/* ---- calls ---- */

static int run_program(void)
{
	char *argv[] = {"true", NULL};
	return execv("/bin/true", argv);
}

static int fork_once(void)
{
	int pid = (int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
	if (!pid)
		_exit(0);
	return pid;
}

static int open_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int trace(void)
{
	return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static int set_up_ring(void)
{
	struct io_uring_params p = {0};
	return (int)syscall(SYS_io_uring_setup, 4, &p);
}

static int become_another(void)
{
	return setuid(getuid());
}

static int kill_parent(void)
{
	return kill(getppid(), SIGURG);
}

static int signal_parents_thread(void)
{
	return (int)syscall(SYS_tgkill, getppid(), getppid(), SIGURG);
}

static int make_code(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1
													 : 0;
}

static int turn_into_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return p == MAP_FAILED ? 0 : mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

/* The kernel knows it, the table does not. */
static int call_unknown(void)
{
	return (int)syscall(SYS_inotify_init1, 0);
}

static int type_into_terminal(void)
{
	char c = 'x';
	return ioctl(0, TIOCSTI, &c);
}

#ifdef __x86_64__
/* 20 is getpid there, and writev here. A kernel that has no such calls ends the process, too. */
static int call_as_32_bits(void)
{
	int rc;
	__asm__ volatile("int $0x80" : "=a"(rc) : "a"(20) : "memory", "r8", "r9", "r10", "r11");
	return rc < 0 ? -1 : 0;
}

static void test_32_bits(void **state)
{
	(void)state;
	if (!(hm_sandbox_kinds() & HM_SANDBOX_CALLS))
		skip();
	int got = attempt_in(CODES, call_as_32_bits);
	assert_true(got == -SIGSYS || got == -SIGSEGV);
}
#endif

static void test_calls(void **state)
{
	static const struct {
		int (*attempt)(void);
		int want;
	} tries[] = {{run_program, -SIGSYS},	 {open_socket, -SIGSYS},	 {trace, -SIGSYS},
		     {set_up_ring, -SIGSYS},	 {become_another, -SIGSYS},	 {fork_once, EPERM},
		     {kill_parent, EPERM},	 {signal_parents_thread, EPERM}, {call_unknown, ENOSYS},
		     {type_into_terminal, EPERM}};
	(void)state;
	if (!(hm_sandbox_kinds() & HM_SANDBOX_CALLS))
		skip();
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
		for (enum kind k = READS; k <= CODES; k++)
			assert_int_equal(attempt_in(k, tries[i].attempt), tries[i].want);
	assert_int_equal(attempt_in(KEEPS, make_code), EPERM);
	assert_int_equal(attempt_in(KEEPS, turn_into_code), EPERM);
	assert_int_equal(attempt_in(CODES, make_code), 0);
	assert_int_equal(attempt_in(CODES, turn_into_code), 0);
}

static int abort_now(void)
{
	abort();
}

static int (*late_call)(void);
static pthread_barrier_t entered;

static void *wait_and_call(void *arg)
{
	pthread_barrier_wait(&entered);
	return (void *)(intptr_t)(late_call() < 0 ? errno : (int)(intptr_t)arg);
}

/* Runs late_call in a thread that was made before the process entered the sandbox, or after. */
static int run_thread(bool before)
{
	struct hm_sandbox s;
	pthread_t thread;
	void *rc;
	pthread_barrier_init(&entered, NULL, 2);
	if (before && pthread_create(&thread, NULL, wait_and_call, NULL))
		_exit(125);
	hm_sandbox_begin(&s, false);
	hm_sandbox_enter(&s);
	if (!before && pthread_create(&thread, NULL, wait_and_call, NULL))
		_exit(126);
	pthread_barrier_wait(&entered);
	pthread_join(thread, &rc);
	_exit((int)(intptr_t)rc);
}

static int thread_before(void)
{
	return run_thread(true);
}

static int thread_after(void)
{
	return run_thread(false);
}

static int outcome(int (*run)(void))
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

static void test_threads(void **state)
{
	(void)state;
	if (!(hm_sandbox_kinds() & HM_SANDBOX_CALLS))
		skip();
	assert_int_equal(attempt_in(READS, abort_now), -SIGABRT); /* a signal to itself */
	late_call = fork_once;
	assert_int_equal(outcome(thread_before), EPERM);
	assert_int_equal(outcome(thread_after), EPERM);
	late_call = open_socket;
	assert_int_equal(outcome(thread_before), -SIGSYS);
	assert_int_equal(outcome(thread_after), -SIGSYS);
}

/* ---- places ---- */

static int read_in(void)
{
	return open("in", O_RDONLY);
}

static int read_picture(void)
{
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_BENEATH};
	int root = open("root", O_PATH | O_DIRECTORY);
	return (int)syscall(SYS_openat2, root, "picture", &how, sizeof how);
}

static int read_other(void)
{
	return open("other", O_RDONLY);
}

static int read_passwords(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static int follow_out(void)
{
	return open("root/out", O_RDONLY);
}

static int leave_root(void)
{
	struct open_how how = {.flags = O_RDONLY};
	int root = open("root", O_PATH | O_DIRECTORY);
	return (int)syscall(SYS_openat2, root, "../other", &how, sizeof how);
}

static int write_in(void)
{
	return open("in", O_WRONLY);
}

static int write_by_openat2(void)
{
	struct open_how how = {.flags = O_WRONLY};
	return (int)syscall(SYS_openat2, AT_FDCWD, "in", &how, sizeof how);
}

static int make_here(void)
{
	return open("new", O_WRONLY | O_CREAT, 0600);
}

static int read_old(void)
{
	return open("made/old", O_RDONLY);
}

static int keep_temporary(void)
{
	struct hm_err e = {0};
	char c;
	int fd = hm_file_temporary("made", &e);
	return fd < 0 || write(fd, "x", 1) != 1 || pread(fd, &c, 1, 0) != 1 ? -1 : fd;
}

static int remove_other(void)
{
	return unlink("other");
}

static int link_other(void)
{
	return link("other", "made/new");
}

static int take_away_other(void)
{
	return rename("other", "made/new");
}

static int make_folder(void)
{
	return mkdir("made/folder", 0700);
}

/* What an output does: a file without a name, its name, one more name over an old file. */
static int write_output(void)
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

static void test_places(void **state)
{
	static const struct {
		int (*attempt)(void);
		enum kind kind;
		int want;
	} tries[] = {{read_in, READS, 0},
		     {read_picture, READS, 0},
		     {read_other, READS, EACCES},
		     {read_other, KEEPS, EACCES},
		     {read_passwords, CODES, EACCES},
		     {follow_out, READS, EACCES},
		     {leave_root, READS, EACCES},
		     {write_in, MAKES, EACCES},
		     {write_by_openat2, READS, EACCES},
		     {make_here, MAKES, EACCES},
		     {remove_other, MAKES, EACCES},
		     {link_other, MAKES, EXDEV},
		     {take_away_other, MAKES, EXDEV},
		     {make_folder, MAKES, EPERM},
		     {read_old, MAKES, EACCES},
		     {read_old, KEEPS, 0},
		     {keep_temporary, KEEPS, 0},
		     {keep_temporary, CODES, EPERM},
		     {write_output, MAKES, 0}};
	(void)state;
	if (hm_sandbox_kinds() != (HM_SANDBOX_CALLS | HM_SANDBOX_PLACES))
		skip();
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
		int got = attempt_in(tries[i].kind, tries[i].attempt);
		if (tries[i].want == EXDEV && got == EACCES)
			got = EXDEV; /* the first version of Landlock says so */
		assert_int_equal(got, tries[i].want);
	}
	assert_int_equal(attempt_in(KEEPS, make_folder), 0);
	assert_int_equal(rmdir("made/folder"), 0);
}

/* A process that names no output writes nowhere, also where there is no Landlock. */
static void test_reader_writes_nothing(void **state)
{
	static int (*const tries[])(void) = {write_in,	 make_here,	  remove_other,
					     link_other, take_away_other, make_folder};
	(void)state;
	if (!(hm_sandbox_kinds() & HM_SANDBOX_CALLS))
		skip();
	for (size_t i = 0; i < sizeof tries / sizeof *tries; i++)
		assert_int_equal(attempt_in(READS, tries[i]), EPERM);
}

/* ---- kernels that lack it ---- */

/* From here on the kernel knows neither call, or only one. */
static void lose_call(int call)
{
	struct sock_filter op[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
				   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
				   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
				   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog p = {sizeof op / sizeof *op, op};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p))
		_exit(124);
}

enum { CREATE_RULESET = 444 };

/* Which parts there are, and are then in force. */
static int enter_without_places(void)
{
	lose_call(CREATE_RULESET);
	int kinds = hm_sandbox_kinds(), entered_kinds = enter(MAKES);
	return read_other() < 0 || write_output() ? 123 : 10 * kinds + entered_kinds;
}

/* Landlock keeps signals in, too; here the filter is alone. */
static int kill_without_places(void)
{
	lose_call(CREATE_RULESET);
	enter(READS);
	return kill_parent() < 0 ? errno : 0;
}

static int signal_thread_without_places(void)
{
	lose_call(CREATE_RULESET);
	enter(READS);
	return signal_parents_thread() < 0 ? errno : 0;
}

/* Here Landlock is alone. */
static int bind_without_calls(void)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	lose_call(SYS_seccomp);
	enter(READS);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	return fd < 0 ? 125 : bind(fd, (struct sockaddr *)&any, sizeof any) ? errno : 0;
}

static int kill_without_calls(void)
{
	lose_call(SYS_seccomp);
	enter(READS);
	return kill_parent() < 0 ? errno : 0;
}

static int enter_without_calls(void)
{
	lose_call(SYS_seccomp);
	int kinds = hm_sandbox_kinds(), entered_kinds = enter(MAKES);
	return read_in() < 0 || open_socket() < 0 || write_output() ? 123 : 10 * kinds + entered_kinds;
}

static int enter_without_both(void)
{
	lose_call(CREATE_RULESET);
	lose_call(SYS_seccomp);
	int kinds = hm_sandbox_kinds(), entered_kinds = enter(READS);
	return read_passwords() < 0 || open_socket() < 0 ? 123 : 10 * kinds + entered_kinds;
}

static void test_kernels(void **state)
{
	(void)state;
	int kinds = hm_sandbox_kinds();
	if (!(kinds & HM_SANDBOX_CALLS))
		skip();
	assert_int_equal(outcome(enter_without_places), 11 * HM_SANDBOX_CALLS);
	assert_int_equal(outcome(enter_without_calls), 11 * (kinds & HM_SANDBOX_PLACES));
	assert_int_equal(outcome(enter_without_both), 0);
	assert_int_equal(outcome(kill_without_places), EPERM);
	assert_int_equal(outcome(signal_thread_without_places), EPERM);
	/* what the versions of Landlock know */
	long version = syscall(CREATE_RULESET, NULL, (size_t)0, 1);
	assert_int_equal(outcome(bind_without_calls), version >= 4 ? EACCES : 0);
	assert_int_equal(outcome(kill_without_calls), version >= 6 ? EPERM : 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef __x86_64__
		cmocka_unit_test(test_32_bits),
#endif
		cmocka_unit_test(test_calls),	cmocka_unit_test(test_threads),
		cmocka_unit_test(test_places),	cmocka_unit_test(test_reader_writes_nothing),
		cmocka_unit_test(test_kernels), cmocka_unit_test(test_faults_of_the_machine)};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
