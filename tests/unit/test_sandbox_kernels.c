/* The sandbox on kernels that lack a part of it. */
#include "../support/sandboxtree.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <sys/prctl.h>

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
		cmocka_unit_test(test_kernels),
	};
	return cmocka_run_group_tests(tests, make_tree, remove_tree);
}
