/* The table of system calls, and the filter that stops a tool at them: see syscalls.h. x86-64 alone: the
 * tracer changes registers. */
#include "syscalls.h"
#include "shim.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

const struct syscall_row syscall_rows[] = {
	/* name, number, fd, path, io, room, interrupted, again, cut */
	{"read", SYS_read, 0, -1, EIO, 0, true, true, true},
	{"pread64", SYS_pread64, 0, -1, EIO, 0, true, false, true},
	{"write", SYS_write, 0, -1, EIO, ENOSPC, true, true, true},
	{"pwrite64", SYS_pwrite64, 0, -1, EIO, ENOSPC, true, false, true},
	{"writev", SYS_writev, 0, -1, EIO, ENOSPC, true, true, false},
	{"open", SYS_open, -1, 0, EIO, EMFILE, true, false, false},
	{"openat", SYS_openat, -1, 1, EIO, EMFILE, true, false, false},
	{"openat2", SYS_openat2, -1, 1, EIO, EMFILE, true, false, false},
	{"close", SYS_close, 0, -1, EIO, ENOSPC, true, false, false},
	{"fsync", SYS_fsync, 0, -1, EIO, ENOSPC, true, false, false},
	{"fdatasync", SYS_fdatasync, 0, -1, EIO, ENOSPC, true, false, false},
	{"ftruncate", SYS_ftruncate, 0, -1, EIO, ENOSPC, true, false, false},
	{"fallocate", SYS_fallocate, 0, -1, EIO, ENOSPC, true, false, false},
	{"mmap", SYS_mmap, 4, -1, ENODEV, ENOMEM, false, false, false},
	{"rename", SYS_rename, -1, 1, EIO, ENOSPC, false, false, false},
	{"renameat", SYS_renameat, -1, 3, EIO, ENOSPC, false, false, false},
	{"renameat2", SYS_renameat2, -1, 3, EIO, ENOSPC, false, false, false},
	{"link", SYS_link, -1, 1, EIO, ENOSPC, false, false, false},
	{"linkat", SYS_linkat, -1, 3, EIO, ENOSPC, false, false, false},
	{"unlink", SYS_unlink, -1, 0, EIO, 0, false, false, false},
	{"unlinkat", SYS_unlinkat, -1, 1, EIO, 0, false, false, false},
	{"mkdir", SYS_mkdir, -1, 0, EIO, ENOSPC, false, false, false},
	{"mkdirat", SYS_mkdirat, -1, 1, EIO, ENOSPC, false, false, false},
	{"flock", SYS_flock, 0, -1, EIO, ENOLCK, true, false, false},
	{"getdents64", SYS_getdents64, 0, -1, EIO, 0, false, false, false},
	{"stat", SYS_stat, -1, 0, EIO, ENOMEM, false, false, false},
	{"lstat", SYS_lstat, -1, 0, EIO, ENOMEM, false, false, false},
	{"fstat", SYS_fstat, 0, -1, EIO, ENOMEM, false, false, false},
	{"newfstatat", SYS_newfstatat, -1, 1, EIO, ENOMEM, false, false, false},
	{"statx", SYS_statx, -1, 1, EIO, ENOMEM, false, false, false},
	{"access", SYS_access, -1, 0, EIO, ENOMEM, false, false, false},
	{"faccessat2", SYS_faccessat2, -1, 1, EIO, ENOMEM, false, false, false},
	{"readlink", SYS_readlink, -1, 0, EIO, ENOMEM, false, false, false},
	{"lseek", SYS_lseek, 0, -1, EIO, 0, false, false, false},
	{"fchmod", SYS_fchmod, 0, -1, EIO, 0, true, false, false},
	{"utimensat", SYS_utimensat, -1, 1, EIO, 0, false, false, false},
	{"dup", SYS_dup, 0, -1, 0, EMFILE, false, false, false},
	{"dup2", SYS_dup2, 0, -1, 0, EMFILE, true, false, false},
	{"pipe2", SYS_pipe2, -1, -1, 0, EMFILE, false, false, false},
	{"poll", SYS_poll, -1, -1, 0, ENOMEM, true, false, false},
	{"wait4", SYS_wait4, -1, -1, 0, 0, true, false, false},
	{"clone", SYS_clone, -1, -1, 0, EAGAIN, false, false, false},
	{"clone3", SYS_clone3, -1, -1, 0, EAGAIN, false, false, false},
};
const int n_syscall_rows = sizeof syscall_rows / sizeof *syscall_rows;

enum { ROWS = sizeof syscall_rows / sizeof *syscall_rows };

/* A call of the table stops for the tracer, which finds its row in the event's message. Mappings of no file
 * do not stop: they are what malloc asks for. */
void shim_filter_calls(void)
{
	struct sock_filter code[2 * ROWS + 8];
	unsigned short n = 0;
	const uint32_t nr = offsetof(struct seccomp_data, nr), fd = offsetof(struct seccomp_data, args[4]);
	code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, nr);
	for (int i = 0; i < ROWS; i++) {
		const uint32_t number = (uint32_t)syscall_rows[i].number;
		bool map = number == SYS_mmap;
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, map ? 4 : 1);
		if (map) {
			code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, fd);
			code[n++] =
				(struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0xffffffffu, 0, 1);
			code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
		}
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE | (uint32_t)i);
	}
	code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	struct sock_fprog program = {n, code};
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		_exit(120);
}
