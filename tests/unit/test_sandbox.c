/* The sandbox as an intruder meets it who makes system calls: each is tried in a process of its own that has
 * entered it. Places are test_sandbox_places.c's. */
#include "../support/sandboxtree.h"

#include <linux/io_uring.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
#ifdef __x86_64__
		cmocka_unit_test(test_32_bits),
#endif
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_faults_of_the_machine),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
