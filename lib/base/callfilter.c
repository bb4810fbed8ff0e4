/* The system calls of the sandbox, and the seccomp program made of them: see sandbox.h. A call that is not
 * let through ends the process by SIGSYS if only an intruder would make it (start a program, use the network,
 * look into other processes). It fails with EPERM if the tables know it, but not with these arguments or not
 * for this tool; with ENOSYS if they do not know it, so that a newer C library falls back on an older call.
 */
#include "base/callfilter.h"

#include <assert.h>
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

#if defined __x86_64__ && defined __LP64__
#define ARCH AUDIT_ARCH_X86_64
#elif defined __aarch64__ && defined __AARCH64EL__
#define ARCH AUDIT_ARCH_AARCH64
#endif

#ifdef ARCH
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

/* A call that is let through if its argument `arg` passes the test; one of several rows is enough. */
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

#define OWN_PID UINT32_MAX			/* as a value: the number of this process */
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
				  {SYS_prlimit64, EQUAL, 0, 0},	   /* its own limits */
				  {SYS_tgkill, EQUAL, 0, OWN_PID}, /* abort, raise */
				  {SYS_kill, EQUAL, 0, OWN_PID},
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
static const int refused[] = {SYS_linkat,
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
			      SYS_tkill,
			      SYS_setrlimit OLD(SYS_creat, SYS_link, SYS_symlink, SYS_unlink, SYS_rename,
						SYS_mkdir, SYS_rmdir, SYS_mknod, SYS_utimes, SYS_chmod,
						SYS_chown, SYS_lchown, SYS_fork, SYS_vfork)};

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

enum {
	CALLS = 512, /* numbers are below it */
	MOST = 2048,
};
#define DEPENDS SECCOMP_RET_TRAP /* of no call: the rows of `some` say */

/* The answer to each call, and the program that finds it. */
struct program {
	uint32_t answer[CALLS];
	struct sock_filter op[MOST];
	unsigned short n;
};

static void answer_calls(struct program *p, const int *call, size_t n, uint32_t answer)
{
	for (size_t i = 0; i < n; i++)
		p->answer[call[i]] = answer;
}
#define ANSWER(P, LIST, ANSWERED) answer_calls(P, LIST, sizeof(LIST) / sizeof *(LIST), ANSWERED)

/* Later answers replace earlier ones. */
static void answer_all(struct program *p, const struct hm_sandbox *s)
{
	for (int i = 0; i < CALLS; i++)
		p->answer[i] = SECCOMP_RET_ERRNO | ENOSYS;
	ANSWER(p, killed, SECCOMP_RET_KILL_PROCESS);
	ANSWER(p, refused, SECCOMP_RET_ERRNO | EPERM);
	ANSWER(p, files, SECCOMP_RET_ALLOW);
	ANSWER(p, names, SECCOMP_RET_ALLOW);
	ANSWER(p, memory, SECCOMP_RET_ALLOW);
	ANSWER(p, threads, SECCOMP_RET_ALLOW);
	ANSWER(p, signals, SECCOMP_RET_ALLOW);
	ANSWER(p, facts, SECCOMP_RET_ALLOW);
	for (size_t i = 0; i < sizeof some / sizeof *some; i++)
		p->answer[some[i].call] = DEPENDS;
	if (s->makes)
		ANSWER(p, makes, SECCOMP_RET_ALLOW);
	if (s->keeps)
		ANSWER(p, keeps, SECCOMP_RET_ALLOW);
	if (s->code)
		ANSWER(p, code, SECCOMP_RET_ALLOW);
}

static void add_op(struct program *p, int op, uint32_t k, int yes, int no)
{
	assert(p->n < MOST);
	p->op[p->n++] = (struct sock_filter){(uint16_t)op, (uint8_t)yes, (uint8_t)no, k};
}

static void load_word(struct program *p, size_t at)
{
	add_op(p, BPF_LD | BPF_W | BPF_ABS, (uint32_t)at, 0, 0);
}

static void add_row(struct program *p, const struct row *r)
{
	uint32_t value = r->value == OWN_PID ? (uint32_t)getpid() : r->value;
	load_word(p, offsetof(struct seccomp_data, args) + sizeof(uint64_t) * (size_t)r->arg);
	add_op(p, BPF_JMP | BPF_K | (r->test == EQUAL ? BPF_JEQ : BPF_JSET), value, r->test == CLEAR,
	       r->test != CLEAR);
	add_op(p, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0, 0);
}

/* Answers the calls `from` to `to`; the number is loaded. Halving is quick for the kernel, too, which tries
 * each number when it takes the filter. */
static void add_search(struct program *p, int from, int to)
{
	uint32_t answer = p->answer[from];
	int same = from + 1;
	while (same < to && p->answer[same] == answer && answer != DEPENDS)
		same++;
	if (same < to) {
		int half = (from + to) / 2, jump = p->n + 1;
		add_op(p, BPF_JMP | BPF_K | BPF_JGE, (uint32_t)half, 0, 1);
		add_op(p, BPF_JMP | BPF_JA, 0, 0, 0);
		add_search(p, from, half);
		p->op[jump].k = (uint32_t)(p->n - jump - 1);
		add_search(p, half, to);
		return;
	}
	for (size_t i = 0; answer == DEPENDS && i < sizeof some / sizeof *some; i++)
		if (some[i].call == from)
			add_row(p, &some[i]);
	add_op(p, BPF_RET | BPF_K, answer == DEPENDS ? SECCOMP_RET_ERRNO | EPERM : answer, 0, 0);
}

static void make_program(struct program *p, const struct hm_sandbox *s)
{
	answer_all(p, s);
	load_word(p, offsetof(struct seccomp_data, arch));
	add_op(p, BPF_JMP | BPF_K | BPF_JEQ, ARCH, 1, 0);
	add_op(p, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0, 0);
	load_word(p, offsetof(struct seccomp_data, nr));
	add_op(p, BPF_JMP | BPF_K | BPF_JGE, CALLS, 0, 1);
	add_op(p, BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS, 0, 0);
	add_search(p, 0, CALLS);
}

bool hm_callfilter_there(void)
{
	/* A filter at no address: EFAULT where there are filters, EINVAL or ENOSYS where there are none. */
	return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, NULL) &&
	       errno == EFAULT;
}

bool hm_callfilter_enter(const struct hm_sandbox *s)
{
	struct program p = {.n = 0};
	make_program(&p, s);
	struct sock_fprog whole = {p.n, p.op};
	const unsigned flags[] = {SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
				  SECCOMP_FILTER_FLAG_TSYNC}; /* the second: before Linux 4.17 */
	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (!syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags[i], &whole))
			return true;
	return false;
}

#else /* a processor whose numbers and order of arguments nobody has looked at */

bool hm_callfilter_there(void)
{
	return false;
}

bool hm_callfilter_enter(const struct hm_sandbox *s)
{
	(void)s;
	return false;
}

#endif
