/* The system calls of the sandbox, and the seccomp program made of them. See sandbox.h. A call that is not
 * let through gets one of three answers: death    what only an intruder would do (start a program, use the
 * network, look into other processes): the process ends at once by SIGSYS EPERM    what the tables know, but
 * not with these arguments or not for this tool ENOSYS   what they do not know: a C library that is newer
 * than they are falls back on an older call So a library that wants more than they know fails or falls back,
 * and does not die. */
#include "base/callfilter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

#if defined __x86_64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__ && defined __AARCH64EL__
#define ARCH AUDIT_ARCH_AARCH64
#else
#define ARCH 0 /* the order of arguments or the numbers are not known */
#endif

/* Numbers that older headers lack; they are the same on every processor. */
enum { CALL_CLOSE_RANGE = 436, CALL_FACCESSAT2 = 439 };

#ifndef SECCOMP_RET_KILL_PROCESS
#define SECCOMP_RET_KILL_PROCESS 0x80000000U
#endif
#ifndef SECCOMP_FILTER_FLAG_SPEC_ALLOW
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW 4 /* else kernels before 5.16 make the whole process slower */
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41 /* the C library names its memory */
#endif

/* A call that is let through if its argument `arg` passes the test. */
struct row {
	int call;
	enum {
		CLEAR, /* none of the bits `value` is set in it */
		SET,   /* one of them is */
		EQUAL, /* it is `value` */
	} test;
	int arg;
	uint32_t value;
};

#define WRITING (O_ACCMODE | O_CREAT | O_TRUNC) /* of open's flags; O_RDONLY is 0 */

#ifdef __x86_64__ /* calls that newer processors never had */
#define OLD(...) , __VA_ARGS__
#else
#define OLD(...)
#endif

/* ---- every tool ---- */

/* Reading and writing what is open. */
static const int files[] = {SYS_read,	      SYS_write,
			    SYS_readv,	      SYS_writev,
			    SYS_pread64,      SYS_pwrite64,
			    SYS_preadv,	      SYS_pwritev,
			    SYS_lseek,	      SYS_close,
			    CALL_CLOSE_RANGE, SYS_fstat,
			    SYS_fstatfs,      SYS_fsync,
			    SYS_fdatasync,    SYS_sync_file_range,
			    SYS_fadvise64,    SYS_fallocate,
			    SYS_ftruncate,    SYS_fchmod,
			    SYS_flock,	      SYS_fcntl,
			    SYS_dup,	      SYS_dup3,
			    SYS_pipe2,	      SYS_tee,
			    SYS_ppoll,	      SYS_pselect6 OLD(SYS_dup2, SYS_pipe, SYS_poll, SYS_select)};

/* Looking at names, in which Landlock has no say; and opening. Where, is for Landlock to say; the flags of
 * openat2 lie in memory, where a filter cannot look. */
static const int names[] = {
	SYS_openat2,	SYS_newfstatat,
	SYS_statx,	SYS_statfs,
	SYS_faccessat,	CALL_FACCESSAT2,
	SYS_readlinkat, SYS_getdents64,
	SYS_getcwd,	SYS_umask OLD(SYS_stat, SYS_lstat, SYS_access, SYS_readlink, SYS_getdents)};

static const int memory[] = {SYS_brk, SYS_munmap, SYS_mremap, SYS_madvise, SYS_msync, SYS_mincore};

static const int threads[] = {SYS_futex,	   SYS_set_robust_list,
			      SYS_get_robust_list, SYS_rseq,
			      SYS_membarrier,	   SYS_set_tid_address,
			      SYS_sched_yield,	   SYS_sched_getaffinity,
			      SYS_sched_getparam,  SYS_sched_getscheduler,
			      SYS_getcpu,	   SYS_exit,
			      SYS_exit_group,	   SYS_restart_syscall OLD(SYS_arch_prctl)};

static const int signals[] = {SYS_rt_sigaction,	 SYS_rt_sigprocmask,  SYS_rt_sigreturn,
			      SYS_rt_sigpending, SYS_rt_sigtimedwait, SYS_sigaltstack};

/* Who, when, how much. */
static const int facts[] = {SYS_getpid,
			    SYS_getppid,
			    SYS_gettid,
			    SYS_getuid,
			    SYS_geteuid,
			    SYS_getgid,
			    SYS_getegid,
			    SYS_getgroups,
			    SYS_uname,
			    SYS_sysinfo,
			    SYS_getrusage,
			    SYS_getrlimit,
			    SYS_times,
			    SYS_gettimeofday,
			    SYS_clock_gettime,
			    SYS_clock_getres,
			    SYS_clock_nanosleep,
			    SYS_nanosleep,
			    SYS_getrandom OLD(SYS_time)};

/* What it depends. Only the low half of an argument is looked at: the kernel ignores the rest. */
static const struct row some[] = {{SYS_openat, CLEAR, 2, WRITING},
				  {SYS_mmap, CLEAR, 2, PROT_EXEC},
				  {SYS_mprotect, CLEAR, 2, PROT_EXEC},
				  {SYS_clone, SET, 0, CLONE_THREAD},
				  {SYS_prctl, EQUAL, 0, PR_SET_NAME},
				  {SYS_prctl, EQUAL, 0, PR_SET_VMA},
				  {SYS_prlimit64, EQUAL, 0, 0},	 /* its own limits */
				  {SYS_ioctl, EQUAL, 1, TCGETS}, /* isatty */
				  {SYS_ioctl, EQUAL, 1, TIOCGWINSZ} OLD({SYS_open, CLEAR, 1, WRITING})};

/* ---- some tools ---- */

/* With files of a name of their own to write. */
static const int makes[] = {SYS_openat, SYS_linkat, SYS_unlinkat, SYS_renameat,
			    SYS_renameat2 OLD(SYS_open, SYS_link, SYS_unlink, SYS_rename)};

/* With a folder of files to keep, such as a cache. */
static const int keeps[] = {SYS_mkdirat, SYS_utimensat OLD(SYS_mkdir, SYS_utimes)};

/* With a library that makes machine code and lays threads onto processors (oneDNN, OpenMP). */
static const int code[] = {SYS_mmap, SYS_mprotect, SYS_memfd_create, SYS_sched_setaffinity,
			   SYS_get_mempolicy};

/* ---- no tool ---- */

/* EPERM, where nothing above let them through. */
static const int refused[] = {SYS_openat,
			      SYS_mmap,
			      SYS_mprotect,
			      SYS_clone,
			      SYS_prctl,
			      SYS_prlimit64,
			      SYS_ioctl,
			      SYS_linkat,
			      SYS_symlinkat,
			      SYS_unlinkat,
			      SYS_renameat,
			      SYS_renameat2,
			      SYS_mkdirat,
			      SYS_mknodat,
			      SYS_utimensat,
			      SYS_fchmodat,
			      SYS_fchownat,
			      SYS_truncate,
			      SYS_kill,
			      SYS_tkill,
			      SYS_tgkill,
			      SYS_setrlimit OLD(SYS_open, SYS_creat, SYS_link, SYS_symlink, SYS_unlink,
						SYS_rename, SYS_mkdir, SYS_rmdir, SYS_mknod, SYS_utimes,
						SYS_chmod, SYS_chown, SYS_lchown, SYS_fork, SYS_vfork)};

/* Death. */
static const int killed[] = {SYS_execve,
			     SYS_execveat,
			     SYS_socket,
			     SYS_connect,
			     SYS_bind,
			     SYS_listen,
			     SYS_accept,
			     SYS_accept4,
			     SYS_sendto,
			     SYS_ptrace,
			     SYS_process_vm_readv,
			     SYS_process_vm_writev,
			     SYS_pidfd_getfd,
			     SYS_pidfd_send_signal,
			     SYS_io_uring_setup,
			     SYS_io_uring_enter,
			     SYS_io_uring_register,
			     SYS_bpf,
			     SYS_perf_event_open,
			     SYS_userfaultfd,
			     SYS_add_key,
			     SYS_request_key,
			     SYS_keyctl,
			     SYS_mount,
			     SYS_umount2,
			     SYS_pivot_root,
			     SYS_chroot,
			     SYS_unshare,
			     SYS_setns,
			     SYS_setuid,
			     SYS_setgid,
			     SYS_setresuid,
			     SYS_setresgid,
			     SYS_init_module,
			     SYS_finit_module,
			     SYS_delete_module,
			     SYS_kexec_load,
			     SYS_reboot};

enum { MOST = 1024 };

struct program {
	struct sock_filter op[MOST];
	unsigned short n;
};

static void add_op(struct program *p, uint16_t op, uint32_t k, uint8_t yes, uint8_t no)
{
	if (p->n < MOST)
		p->op[p->n++] = (struct sock_filter){op, yes, no, k};
}

#define LOAD (BPF_LD | BPF_W | BPF_ABS)
#define JUMP(how) (BPF_JMP | (how) | BPF_K)
#define ANSWER (BPF_RET | BPF_K)

static void load_call(struct program *p)
{
	add_op(p, LOAD, offsetof(struct seccomp_data, nr), 0, 0);
}

/* The number of the call is loaded before and after each of these. */
static void add_calls(struct program *p, const int *call, size_t n, uint32_t answer)
{
	for (size_t i = 0; i < n; i++) {
		add_op(p, JUMP(BPF_JEQ), (uint32_t)call[i], 0, 1);
		add_op(p, ANSWER, answer, 0, 0);
	}
}
#define ADD(P, CALLS, ANSWERED) add_calls(P, CALLS, sizeof(CALLS) / sizeof *(CALLS), ANSWERED)

static void add_rows(struct program *p, const struct row *r, size_t n)
{
	for (const struct row *end = r + n; r < end; r++) {
		size_t arg = offsetof(struct seccomp_data, args) + sizeof(uint64_t) * (size_t)r->arg;
		add_op(p, JUMP(BPF_JEQ), (uint32_t)r->call, 0, 4);
		add_op(p, LOAD, (uint32_t)arg, 0, 0);
		add_op(p, JUMP(r->test == EQUAL ? BPF_JEQ : BPF_JSET), r->value, r->test == CLEAR,
		       r->test != CLEAR);
		add_op(p, ANSWER, SECCOMP_RET_ALLOW, 0, 0);
		load_call(p);
	}
}

static void make_program(struct program *p, const struct hm_sandbox *s)
{
	/* signals to itself alone, as abort and raise send them */
	const struct row own[] = {{SYS_tgkill, EQUAL, 0, (uint32_t)getpid()},
				  {SYS_kill, EQUAL, 0, (uint32_t)getpid()}};
	add_op(p, LOAD, offsetof(struct seccomp_data, arch), 0, 0);
	add_op(p, JUMP(BPF_JEQ), ARCH, 1, 0);
	add_op(p, ANSWER, SECCOMP_RET_KILL_PROCESS, 0, 0);
	load_call(p);
	ADD(p, files, SECCOMP_RET_ALLOW);
	ADD(p, names, SECCOMP_RET_ALLOW);
	ADD(p, memory, SECCOMP_RET_ALLOW);
	ADD(p, threads, SECCOMP_RET_ALLOW);
	ADD(p, signals, SECCOMP_RET_ALLOW);
	ADD(p, facts, SECCOMP_RET_ALLOW);
	add_rows(p, some, sizeof some / sizeof *some);
	add_rows(p, own, sizeof own / sizeof *own);
	if (s->makes)
		ADD(p, makes, SECCOMP_RET_ALLOW);
	if (s->keeps)
		ADD(p, keeps, SECCOMP_RET_ALLOW);
	if (s->code)
		ADD(p, code, SECCOMP_RET_ALLOW);
	ADD(p, refused, SECCOMP_RET_ERRNO | EPERM);
	ADD(p, killed, SECCOMP_RET_KILL_PROCESS);
	add_op(p, ANSWER, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
}

bool hm_callfilter_there(void)
{
	/* A filter at no address: EFAULT where there are filters, EINVAL or ENOSYS where there are none. */
	return ARCH && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, NULL) &&
	       errno == EFAULT;
}

bool hm_callfilter_enter(const struct hm_sandbox *s)
{
	struct program p = {.n = 0};
	if (!ARCH)
		return false;
	make_program(&p, s);
	struct sock_fprog whole = {p.n, p.op};
	const unsigned flags[] = {SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
				  SECCOMP_FILTER_FLAG_TSYNC}; /* the second: before Linux 4.17 */
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags[i], &whole))
			return true;
	return false;
}
