/* oldkernel CALL[,CALL] COMMAND ...: runs it on a kernel that has no such system calls, which are named by
 * their numbers, or by "seccomp" and "landlock". */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { LANDLOCK_CREATE_RULESET = 444 };

static int lose_call(const char *name)
{
	unsigned call = !strcmp(name, "seccomp")    ? SYS_seccomp
			: !strcmp(name, "landlock") ? LANDLOCK_CREATE_RULESET
						    : (unsigned)strtoul(name, NULL, 10);
	struct sock_filter op[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
				   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call, 0, 1),
				   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
				   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog p = {sizeof op / sizeof *op, op};
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &p);
}

int main(int argc, char **argv)
{
	char *rest = argc > 2 ? argv[1] : NULL, *name;
	if (!rest)
		return 125;
	while ((name = strsep(&rest, ",")))
		if (lose_call(name))
			return 125;
	execvp(argv[2], argv + 2);
	return 125;
}
